//! A stream of bytes of which hyper sees the head of the response, and not what comes after it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;

use super::read::poll_read_buf;
use super::stream::Stream;

/// The number of bytes that are read at once. Bytes beyond it that come with the head are read by
/// the body.
const READ: usize = 4 << 10;

/// The stream that hyper speaks over.
///
/// While it is closed it hands out a response up to the end of its head, and then nothing: hyper,
/// which would read on into its own buffers, is given nothing to read, and what the connection
/// brings after the head is left to [`into_parts`](Self::into_parts).
///
/// Pooled connections have one too, which stays open: so hyper's HTTP/1.1 is compiled once.
pub(crate) struct HeadGate {
    io: TokioIo<Stream>,
    /// `None` if everything is handed out.
    gate: Option<Gate>,
}

#[derive(Default)]
struct Gate {
    /// Bytes that were read and are not handed out yet.
    read: BytesMut,
    head: Head,
}

impl HeadGate {
    pub(super) fn open(io: Stream) -> Self {
        Self {
            io: TokioIo::new(io),
            gate: None,
        }
    }

    /// Closes it, before anything is read.
    pub(crate) fn closed(self) -> Self {
        Self {
            gate: Some(Gate::default()),
            ..self
        }
    }

    /// Returns the stream, and what was read of it after the head.
    pub(crate) fn into_parts(self) -> (TokioIo<Stream>, Bytes) {
        // An empty buffer keeps its memory.
        let read = self.gate.map(|gate| gate.read.freeze());
        (
            self.io,
            read.filter(|read| !read.is_empty()).unwrap_or_default(),
        )
    }
}

impl Connection for HeadGate {
    fn connected(&self) -> Connected {
        self.io.inner().connected()
    }
}

impl Read for HeadGate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(gate) = &mut this.gate else {
            return Pin::new(this.io.inner_mut()).poll_read(cx, to);
        };
        // Whoever has the response polls no more: nothing needs to wake anybody.
        if gate.head.has_ended() {
            return Poll::Pending;
        }
        if gate.read.is_empty() {
            gate.read.reserve(READ);
            ready!(poll_read_buf(&mut this.io, &mut gate.read, cx))?;
        }
        let room = to.remaining().min(gate.read.len());
        let handed = gate.head.take(&gate.read[..room]);
        to.put_slice(&gate.read[..handed]);
        gate.read.advance(handed);
        Poll::Ready(Ok(()))
    }
}

impl Write for HeadGate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().io.inner_mut()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().io.inner_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().io.inner_mut()).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.inner().is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().io.inner_mut()).poll_write_vectored(cx, bufs)
    }
}

/// The position of the next byte in the head of a response. It ends with an empty line, as hyper
/// reads it, and is followed by another one if it is informational (RFC 9110, section 15.2).
#[derive(Debug, Default)]
struct Head {
    /// Of the status line: `HTTP/1.1 200`. Empty before it.
    status_line: Vec<u8>,
    has_status_line: bool,
    line_is_empty: bool,
    ended: bool,
}

/// Up to where the status line says whether the response is informational.
const STATUS: std::ops::Range<usize> = 9..12;

impl Head {
    fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns the number of these bytes that still belong to heads.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            self.byte(*byte);
            if self.ended {
                return at + 1;
            }
        }
        bytes.len()
    }

    fn byte(&mut self, byte: u8) {
        match byte {
            b'\n' if !self.has_status_line => self.has_status_line = !self.status_line.is_empty(),
            b'\n' if self.line_is_empty => {
                if self.is_informational() {
                    *self = Self::default();
                } else {
                    self.ended = true;
                }
            }
            b'\n' => {}
            b'\r' => return,
            _ => {
                if !self.has_status_line && self.status_line.len() < STATUS.end {
                    self.status_line.push(byte);
                }
                self.line_is_empty = false;
                return;
            }
        }
        self.line_is_empty = true;
    }

    /// Whether another head follows. None follows that of a switch to another protocol.
    fn is_informational(&self) -> bool {
        let status = self.status_line.get(STATUS).unwrap_or_default();
        status.first() == Some(&b'1') && status != b"101"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_an_empty_line() {
        for (head, rest) in [
            ("HTTP/1.1 200 OK\r\na: b\r\n\r\n", "\r\nbody"),
            ("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
            ("HTTP/1.1 200\n\n", "body"),
            ("HTTP/1.0 200 OK\r\na: b\n\r\n", "body"),
            ("\r\n\n\r\nHTTP/1.1 200 OK\r\na:\r\n\r\n", "body"),
            (
                "HTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                "body",
            ),
            ("HTTP/1.1 100\n\nHTTP/1.1 100\n\nHTTP/1.1 404\r\n\r\n", ""),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "body"),
            ("?\r\n\r\n", "body"),
        ] {
            for size in 1..=head.len() + rest.len() {
                let whole = format!("{head}{rest}");
                let (mut found, mut seen) = (Head::default(), 0);
                for piece in whole.as_bytes().chunks(size) {
                    if !found.has_ended() {
                        seen += found.take(piece);
                    }
                }
                assert!(found.has_ended(), "{head:?}");
                assert_eq!(seen, head.len(), "{head:?}");
            }
        }
        let mut open = Head::default();
        let part = b"HTTP/1.1 200 OK\r\na: b\r\n \r\n";
        assert_eq!((open.take(part), open.has_ended()), (part.len(), false));
    }
}
