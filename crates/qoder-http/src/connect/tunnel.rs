//! A tunnel through an HTTP proxy: `CONNECT` and its answer (RFC 9110, section 9.3.6).

use std::fmt;
use std::io;

use http::{HeaderValue, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Stream;
use crate::url::host_and_port;

/// The reason why there is no tunnel.
#[derive(Debug)]
pub(super) enum NoTunnel {
    Io(io::Error),
    /// The proxy refused, with this status.
    Refused(u16),
    /// The proxy's answer can't be read, for this reason.
    NotHttp(&'static str),
}

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("it closed the connection")
            }
            Self::Io(error) => error.fmt(f),
            Self::Refused(status) => write!(f, "it answered {status}"),
            Self::NotHttp(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for NoTunnel {}

/// Makes a tunnel to the host and port of a URL, over a connection to the proxy.
pub(super) async fn tunnel(
    stream: Stream,
    to: &Uri,
    credentials: Option<&HeaderValue>,
) -> Result<Stream, NoTunnel> {
    let mut io = TokioIo::new(stream);
    exchange(&mut io, to, credentials)
        .await
        .map_err(NoTunnel::Io)??;
    Ok(io.into_inner())
}

async fn exchange(
    io: &mut TokioIo<Stream>,
    to: &Uri,
    credentials: Option<&HeaderValue>,
) -> io::Result<Result<(), NoTunnel>> {
    io.write_all(&request(to, credentials)).await?;
    io.flush().await?;
    let mut answer = Answer::default();
    loop {
        // Byte by byte, since what follows the answer is the host's.
        match answer.push(io.read_u8().await?) {
            Ok(None) => {}
            Ok(Some(200..=299)) => return Ok(Ok(())),
            Ok(Some(status)) => return Ok(Err(NoTunnel::Refused(status))),
            Err(why) => return Ok(Err(NoTunnel::NotHttp(why))),
        }
    }
}

fn request(to: &Uri, credentials: Option<&HeaderValue>) -> Vec<u8> {
    let place = host_and_port(to);
    let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    if let Some(credentials) = credentials {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(credentials.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Reads the answer to a `CONNECT`, and not a byte of what follows it.
///
/// The caller gives it one byte after another with [`push`](Self::push), until that returns a status
/// or an error; then it is done with.
#[derive(Debug, Default)]
struct Answer {
    head: Vec<u8>,
    /// The bytes of interim responses.
    before: usize,
}

impl Answer {
    /// No answer is longer, interim responses included.
    const LONGEST: usize = 8 << 10;

    /// Takes the next byte. Returns the status when the head of the answer has ended, which interim
    /// responses may precede, and an error as soon as it can't be one.
    fn push(&mut self, byte: u8) -> Result<Option<u16>, &'static str> {
        self.head.push(byte);
        let begins = b"HTTP/1.".iter().zip(&self.head).all(|(a, b)| a == b);
        if !begins {
            return Err("its answer is not HTTP");
        }
        if self.before + self.head.len() > Self::LONGEST {
            return Err("its answer is longer than 8 KiB");
        }
        if !self.head.ends_with(b"\r\n\r\n") {
            return Ok(None);
        }
        match self.status() {
            // 101 is the last one of another protocol.
            Some(100 | 102..=199) => {
                self.before += self.head.len();
                self.head.clear();
                Ok(None)
            }
            Some(status) => Ok(Some(status)),
            None => Err("its answer is not HTTP"),
        }
    }

    /// The digits of `HTTP/1.1 200 …`.
    fn status(&self) -> Option<u16> {
        let digits = self.head.get(9..12)?;
        let ends = matches!(self.head.get(12), Some(b' ' | b'\r'));
        let text = std::str::from_utf8(digits).ok().filter(|_| ends)?;
        text.parse().ok().filter(|status| *status >= 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the result of reading this answer, and the rest of it that was not read.
    fn answered(bytes: &str) -> (Result<Option<u16>, &'static str>, &str) {
        let mut answer = Answer::default();
        for (at, byte) in bytes.bytes().enumerate() {
            match answer.push(byte) {
                Ok(None) => {}
                said => return (said, &bytes[at + 1..]),
            }
        }
        (Ok(None), "")
    }

    #[test]
    fn an_answer_ends_where_the_tunnel_begins() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(9000));
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(400);
        for (bytes, status, rest) in [
            (
                "HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\nHELLO",
                Ok(200),
                "HELLO",
            ),
            ("HTTP/1.0 200\r\n\r\n\r\n", Ok(200), "\r\n"),
            (
                "HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nHELLO",
                Ok(201),
                "HELLO",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
                Ok(200),
                "x",
            ),
            (
                "HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 407 No\r\n\r\n",
                Ok(407),
                "",
            ),
            ("HTTP/1.1 101 Switching\r\n\r\nx", Ok(101), "x"),
            (
                "SSH-2.0-OpenSSH_9.9\r\n",
                Err("its answer is not HTTP"),
                "SH-2.0-OpenSSH_9.9\r\n",
            ),
            (
                "HTTP/1.1 2000 OK\r\n\r\n",
                Err("its answer is not HTTP"),
                "",
            ),
            ("HTTP/1.1 +20 OK\r\n\r\n", Err("its answer is not HTTP"), ""),
            ("HTTP/1.1\r\n\r\n", Err("its answer is not HTTP"), ""),
        ] {
            assert_eq!(answered(bytes), (status.map(Some), rest), "{bytes:?}");
        }
        for endless in [long, interim] {
            let (said, _) = answered(&endless);
            assert_eq!(said, Err("its answer is longer than 8 KiB"));
        }
        assert_eq!(answered("HTTP/1.1 200 OK\r\n").0, Ok(None));
    }
}
