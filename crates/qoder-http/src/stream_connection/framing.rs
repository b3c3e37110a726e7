//! The framing of an HTTP/1.1 response's body (RFC 9112, section 6.3): where it ends, and which of
//! the bytes are data. Without I/O: what a connection brings goes in, pieces of it come out,
//! uncopied.

use std::io;

use bytes::{Buf, Bytes};

/// The most that the lines between chunks may have beside sizes: extensions, and in the end trailers.
const MOST_BETWEEN: usize = 16 << 10;

/// The ways in which the end of a body is told.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
    /// It ends with the connection.
    UntilClosed,
}

/// The next piece in the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Never empty.
    Data(Bytes),
    End,
    /// There is nothing left.
    More,
}

impl Framing {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked {
            state: State::Size { digits: false },
            left: 0,
            between: 0,
        })
    }

    /// Takes the next piece out of what was read.
    ///
    /// # Errors
    ///
    /// The bytes that were read are no body. Nothing can be read after them.
    pub(super) fn next(&mut self, read: &mut Bytes) -> io::Result<Piece> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            _ if read.is_empty() => Ok(Piece::More),
            Self::Length(left) => Ok(Piece::Data(data(left, read))),
            Self::Chunked(chunked) => chunked.next(read),
            Self::UntilClosed => Ok(Piece::Data(std::mem::take(read))),
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    ///
    /// The body has not.
    pub(super) fn closed(&self) -> io::Result<()> {
        match self {
            Self::UntilClosed => Ok(()),
            Self::Length(left) => Err(ended(&format!(
                "the connection was closed {left} bytes before the end"
            ))),
            Self::Chunked(_) => Err(ended("the connection was closed before the last chunk")),
        }
    }

    /// Returns the number of bytes that are still to come, if it is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(chunked) if chunked.state == State::End => Some(0),
            Self::Chunked(_) | Self::UntilClosed => None,
        }
    }
}

/// Splits off as much as there is of what is left.
fn data(left: &mut u64, read: &mut Bytes) -> Bytes {
    let length = usize::try_from(*left).map_or(read.len(), |left| left.min(read.len()));
    *left -= length as u64;
    read.split_to(length)
}

fn ended(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, why)
}

fn misframed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A body in chunks (RFC 9112, section 7.1). Trailers are read over.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// Of the chunk at hand.
    left: u64,
    /// Bytes in extensions and trailers since the last data.
    between: usize,
}

/// The part of a chunked body that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size {
        digits: bool,
    },
    /// White space between a size and the end of its line, or an extension.
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The first byte of a line after the last chunk.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl Chunked {
    fn next(&mut self, read: &mut Bytes) -> io::Result<Piece> {
        loop {
            match self.state {
                State::End => return Ok(Piece::End),
                _ if read.is_empty() => return Ok(Piece::More),
                State::Data => {
                    let data = data(&mut self.left, read);
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    self.between = 0;
                    return Ok(Piece::Data(data));
                }
                _ => {
                    let mut used = 0;
                    for &byte in &**read {
                        used += 1;
                        self.state = self.after(byte)?;
                        if matches!(self.state, State::Data | State::End) {
                            break;
                        }
                    }
                    read.advance(used);
                }
            }
        }
    }

    /// Returns the state after a byte that is no data.
    fn after(&mut self, byte: u8) -> io::Result<State> {
        let next = match (self.state, byte) {
            (State::Size { .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    _ => (byte | 0x20) - b'a' + 10,
                };
                let size = self.left.checked_mul(16);
                let size = size.and_then(|size| size.checked_add(digit.into()));
                self.left = size.ok_or_else(|| misframed("the size of a chunk is too large"))?;
                State::Size { digits: true }
            }
            (State::Size { digits: true } | State::SizeSpace, b' ' | b'\t') => {
                self.count()?;
                State::SizeSpace
            }
            (State::Size { digits: true } | State::SizeSpace, b';') => State::Extension,
            (State::Size { digits: true } | State::SizeSpace | State::Extension, b'\r') => {
                State::SizeLf
            }
            (State::Extension, b'\n') => {
                return Err(misframed("a line end in the extension of a chunk"));
            }
            (State::Extension, _) => {
                self.count()?;
                State::Extension
            }
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailer,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: false },
            (State::Trailer, b'\r') => State::EndLf,
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, _) => {
                self.count()?;
                State::TrailerValue
            }
            (State::Trailer | State::TrailerName, byte) if is_token(byte) => {
                self.count()?;
                State::TrailerName
            }
            (State::TrailerLf, b'\n') => State::Trailer,
            (State::EndLf, b'\n') => State::End,
            (State::DataCr | State::DataLf, _) => {
                return Err(misframed("a chunk goes on after its size"));
            }
            (State::Trailer | State::TrailerName | State::TrailerLf | State::EndLf, _) => {
                return Err(misframed("a trailer that is none"));
            }
            _ => return Err(misframed("no size where a chunk should begin")),
        };
        Ok(next)
    }

    fn count(&mut self) -> io::Result<()> {
        self.between += 1;
        if self.between > MOST_BETWEEN {
            return Err(misframed(
                "the extensions or trailers of chunks are too long",
            ));
        }
        Ok(())
    }
}

/// Whether a byte may be in the name of a field (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All data of a body that is read in pieces of this size, and how it ended.
    fn read(mut framing: Framing, body: &[u8], size: usize) -> (Vec<u8>, io::Result<Vec<u8>>) {
        let mut all = Vec::new();
        let mut pieces = body.chunks(size);
        let mut at_hand = Bytes::new();
        loop {
            match framing.next(&mut at_hand) {
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty());
                    all.extend_from_slice(&data);
                }
                Ok(Piece::End) => {
                    let mut rest = at_hand.to_vec();
                    pieces.for_each(|piece| rest.extend_from_slice(piece));
                    return (all, Ok(rest));
                }
                Ok(Piece::More) => match pieces.next() {
                    Some(piece) => at_hand = Bytes::copy_from_slice(piece),
                    None => return (all, framing.closed().map(|()| Vec::new())),
                },
                Err(error) => return (all, Err(error)),
            }
        }
    }

    #[test]
    fn a_body_ends_where_it_says() {
        // A body, its data, and what comes after its end, if it has one.
        type Case = (&'static [u8], &'static [u8], Option<&'static [u8]>);
        let chunked: [Case; 9] = [
            (b"3\r\nabc\r\n0\r\n\r\n", b"abc", Some(b"")),
            (b"3\r\nabc\r\n0\r\n\r\nrest", b"abc", Some(b"rest")),
            (b"0\r\n\r\n", b"", Some(b"")),
            (b"0A\r\n0123456789\r\n00\r\n\r\n", b"0123456789", Some(b"")),
            (
                b"2 \t;a=\"b\"\r\nab\r\n0;c\r\nx: y\r\nz:\r\n\r\n",
                b"ab",
                Some(b""),
            ),
            (b"2\r\na", b"a", None),
            (b"2\r\nab\r\n0\r\n", b"ab", None),
            (b"", b"", None),
            (b"2\r\nab\r\n0\r\n\r", b"ab", None),
        ];
        for (body, data, rest) in chunked {
            for size in 1..=body.len().max(1) {
                let (all, end) = read(Framing::chunked(), body, size);
                assert_eq!(all, data, "{body:?}");
                match (end, rest) {
                    (Ok(end), Some(rest)) => assert_eq!(end, rest, "{body:?}"),
                    (Err(error), None) => {
                        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{body:?}");
                    }
                    (end, _) => panic!("{body:?} ends with {end:?}"),
                }
            }
        }
        for size in 1..5 {
            let (all, rest) = read(Framing::Length(3), b"abcd", size);
            assert_eq!(
                (&*all, rest.ok().as_deref()),
                (&b"abc"[..], Some(&b"d"[..]))
            );
            let (all, end) = read(Framing::Length(5), b"abcd", size);
            assert_eq!(all, b"abcd");
            let error = end.expect_err("a byte is missing");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            let (all, rest) = read(Framing::UntilClosed, b"abcd", size);
            assert_eq!(
                (&*all, rest.ok().as_deref()),
                (&b"abcd"[..], Some(&b""[..]))
            );
        }
    }

    #[test]
    fn what_is_no_body_is_refused() {
        let most = vec![b'x'; MOST_BETWEEN];
        let long = [&b"1;x"[..], &most, b"\r\na\r\n0\r\n\r\n"].concat();
        let trailers = [&b"0\r\nx:"[..], &most, b"\r\n\r\n"].concat();
        let refused: [&[u8]; 17] = [
            b"\r\nabc",
            b"x\r\nabc",
            b"-1\r\nabc",
            b" 1\r\na\r\n",
            b"1\na\r\n",
            b"1 1\r\na\r\n",
            b"1;a\nb\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\rb",
            b"10000000000000000\r\n",
            b"0\r\n\rx",
            b"0\r\nx: y\rz",
            b"0\r\nx\r\n\r\n",
            b"0\r\n: y\r\n\r\n",
            b"0\r\nx y: z\r\n\r\n",
            &long,
            &trailers,
        ];
        for body in refused {
            for size in [1, 2, 7, body.len()] {
                let (_, end) = read(Framing::chunked(), body, size);
                let error = end.expect_err("no body");
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::InvalidData,
                    "{body:?}: {error}"
                );
            }
        }
        // What is allowed between two chunks is allowed between the next two.
        let chunk = [&b"1;"[..], &most, b"\r\na\r\n"].concat();
        let body = [&*chunk, &chunk, b"0\r\n\r\n"].concat();
        assert!(read(Framing::chunked(), &body, 4096).1.is_ok());
    }
}
