//! A connection that belongs to one response. It is polled with the response's body, by whoever
//! reads that: no task is spawned, nothing is handed from task to task, and dropping the body
//! closes the connection at once.
//!
//! hyper sends the request and reads the head of the response. The body is read without it: for as
//! long as a connection lives hyper keeps some 25 KiB of buffers and a channel for further requests,
//! and hands each chunk over by another channel. A stream waits for hours, has no further request,
//! and nobody to be handed anything.

mod framing;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::{Parts, PathAndQuery};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use http_body::{Body, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;
use tower_service::Service;

use self::framing::{Framing, Piece};

use crate::connect::{Connector, HeadGate, Stream, poll_read_buf, poll_read_small};
use crate::departure::Departure;
use crate::error::{BoxError, Error};
use crate::request::RequestBody;
use crate::url;

/// Makes a connection for each request, over HTTP/1.1.
#[derive(Clone)]
pub(crate) struct StreamConnections {
    connector: Connector,
    http1: http1::Builder,
}

impl StreamConnections {
    pub(crate) fn new(connector: Connector, http1: http1::Builder) -> Self {
        Self { connector, http1 }
    }

    /// Connects and sends, and returns the response as soon as its head is there.
    pub(crate) async fn send(
        &self,
        mut request: Request<RequestBody>,
        departure: &Departure,
    ) -> Result<Response<Box<dyn StreamBody>>, Error> {
        let to = request.uri().clone();
        let io = self
            .connect(&to)
            .await
            .map_err(|error| Error::not_connected(error, &to))?;
        departure.left();
        address(&mut request, io.connected().is_proxied());
        self.exchange(io, request)
            .await
            .map_err(|error| Error::no_response(error, &to))
    }

    /// Connects to the host of a URL. The connector learns nothing else of it.
    async fn connect(&self, to: &Uri) -> Result<HeadGate, BoxError> {
        let mut connector = self.connector.clone();
        let mut host = to.clone().into_parts();
        host.path_and_query = Some(PathAndQuery::from_static("/"));
        let host = Uri::from_parts(host)?;
        poll_fn(|cx| connector.poll_ready(cx)).await?;
        connector.call(host).await
    }

    async fn exchange(
        &self,
        io: HeadGate,
        request: Request<RequestBody>,
    ) -> Result<Response<Box<dyn StreamBody>>, hyper::Error> {
        // hyper may still be sending a body when the response begins, and keeps its connection.
        let sends = !request.body().is_end_stream();
        let io = if sends { io } else { io.closed() };
        let (mut sender, connection) = self.http1.handshake(io).await?;
        let mut connection = HyperConnection::new(connection);
        if let Err(closed) = connection.drive(sender.ready()).await {
            return Err(connection.failure.unwrap_or(closed));
        }
        let response = connection.drive(sender.send_request(request)).await?;
        let (head, incoming) = response.into_parts();
        let body: Box<dyn StreamBody> = match connection.running.take() {
            Some(running) if !sends => {
                let (io, read) = running.into_parts().io.into_parts();
                let framing = framing(&incoming, &head.headers);
                Box::new(FramedBody::new(io, read, framing))
            }
            running => {
                connection.running = running;
                Box::new(HyperBody {
                    incoming,
                    connection,
                })
            }
        };
        Ok(Response::from_parts(head, body))
    }
}

/// Returns the framing of a body, of which hyper says whether it has a length.
fn framing(incoming: &Incoming, headers: &HeaderMap) -> Framing {
    if let Some(length) = incoming.size_hint().exact() {
        return Framing::Length(length);
    }
    let codings = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    let last = codings.and_then(|codings| codings.as_bytes().rsplit(|&byte| byte == b',').next());
    match last {
        Some(last) if last.trim_ascii().eq_ignore_ascii_case(b"chunked") => Framing::chunked(),
        _ => Framing::UntilClosed,
    }
}

impl fmt::Debug for StreamConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConnections").finish_non_exhaustive()
    }
}

/// Names the host in the request's `Host`, and leaves it out of its target, unless a proxy reads
/// the request (RFC 9112, sections 3.2.1 and 3.2.2).
fn address(request: &mut Request<RequestBody>, proxied: bool) {
    // hyper insists on a version that it can write.
    if request.version() != Version::HTTP_10 {
        *request.version_mut() = Version::HTTP_11;
    }
    // The host of a URL is always a value.
    if let Ok(host) = HeaderValue::try_from(url::host_field(request.uri())) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    if !proxied {
        let mut target = Parts::default();
        target.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
    }
}

/// A connection as hyper runs it.
struct HyperConnection {
    /// `None` when it has ended.
    running: Option<Box<http1::Connection<HeadGate, RequestBody>>>,
    /// The error that ended the connection, if one did. hyper tells it to the request or the body
    /// too, if there is one.
    failure: Option<hyper::Error>,
}

impl HyperConnection {
    fn new(connection: http1::Connection<HeadGate, RequestBody>) -> Self {
        Self {
            running: Some(Box::new(connection)),
            failure: None,
        }
    }

    /// Does what can be done now.
    fn run(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.running {
            if let Poll::Ready(ended) = Pin::new(connection).poll(cx) {
                self.running = None;
                self.failure = ended.err();
            }
        }
    }

    /// Runs the connection until something comes of it.
    async fn drive<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        poll_fn(|cx| {
            if let Poll::Ready(done) = waiting.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.run(cx);
            waiting.as_mut().poll(cx)
        })
        .await
    }
}

/// A body with the connection that it comes from. Behind a `dyn`, so that hyper's connection is not
/// compiled with whatever may drop a body.
pub(crate) trait StreamBody: Send {
    fn is_end_stream(&self) -> bool;
    fn size_hint(&self) -> SizeHint;
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>>;
}

/// The body of a response to a request with a body, or whose connection ended with its head.
struct HyperBody {
    incoming: Incoming,
    connection: HyperConnection,
}

impl StreamBody for HyperBody {
    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    self.connection.run(cx);
                    ready!(Pin::new(&mut self.incoming).poll_frame(cx))
                }
            };
            match frame.transpose().map_err(Error::from_body) {
                Ok(None) => return Poll::Ready(None),
                Ok(Some(frame)) => {
                    // Trailers say nothing that is asked for here.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// The number of bytes of a body that are read at once, at first and at most. It grows while the
/// server is faster. Most events come alone, each to another of many streams: a buffer for each would
/// be memory that the processor has not at hand, so that the first read is made without one.
const READ: (usize, usize) = (4 << 10, 32 << 10);

/// A body that is read from its connection.
struct FramedBody {
    /// `None` after the end, and after an error.
    io: Option<TokioIo<Stream>>,
    framing: Framing,
    /// Bytes that were read and are not handed out yet.
    read: Bytes,
    /// Has memory only while there is something to read.
    buffer: BytesMut,
    next: usize,
}

impl StreamBody for FramedBody {
    fn is_end_stream(&self) -> bool {
        self.framing.left() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.framing.left();
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.poll_read(cx).map_err(Error::from_body)
    }
}

impl FramedBody {
    fn new(io: TokioIo<Stream>, read: Bytes, framing: Framing) -> Self {
        Self {
            io: Some(io),
            framing,
            read,
            buffer: BytesMut::new(),
            next: READ.0,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(io) = &mut self.io else {
            return Poll::Ready(None);
        };
        let end = loop {
            match self.framing.next(&mut self.read) {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Piece::End) => break Ok(()),
                Ok(Piece::More) => {}
                Err(error) => break Err(error),
            }
            // An empty one keeps the memory that it was cut from.
            self.read = Bytes::new();
            let has_room =
                self.buffer.capacity() >= self.next || self.buffer.try_reclaim(self.next);
            let (room, read) = if !has_room && self.next == READ.0 {
                (READ.0, poll_read_small::<{ READ.0 }>(io, cx))
            } else {
                if !has_room {
                    self.buffer = BytesMut::with_capacity(self.next);
                }
                let room = self.buffer.capacity();
                let read = poll_read_buf(io, &mut self.buffer, cx);
                (room, read.map_ok(|_| self.buffer.split().freeze()))
            };
            match read {
                Poll::Ready(Ok(read)) if read.is_empty() => break self.framing.closed(),
                Poll::Ready(Ok(read)) => {
                    self.next = if read.len() < room {
                        READ.0
                    } else {
                        READ.1.min(self.next * 2)
                    };
                    self.read = read;
                }
                Poll::Ready(Err(error)) => break Err(error),
                Poll::Pending => {
                    self.buffer = BytesMut::new();
                    // TLS may have something to say, such as a new key. If it can't be said, reading
                    // finds out why.
                    let _ = Pin::new(io).poll_flush(cx);
                    return Poll::Pending;
                }
            }
        };
        self.io = None;
        self.buffer = BytesMut::new();
        self.read = Bytes::new();
        Poll::Ready(end.err().map(Err))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_once() -> Result<(), Box<dyn std::error::Error>> {
        // The URL, the target and `Host` sent to the host, and the target sent to a proxy.
        for (url, origin, host, proxied) in [
            ("http://one.test", "/", "one.test", "http://one.test/"),
            (
                "http://one.test:80/a?b=c",
                "/a?b=c",
                "one.test",
                "http://one.test:80/a?b=c",
            ),
            (
                "http://one.test:443/",
                "/",
                "one.test:443",
                "http://one.test:443/",
            ),
            (
                "https://one.test:443/?x",
                "/?x",
                "one.test",
                "https://one.test:443/?x",
            ),
            (
                "https://[::1]:80/a%20b",
                "/a%20b",
                "[::1]:80",
                "https://[::1]:80/a%20b",
            ),
        ] {
            for (proxy, target) in [(false, origin), (true, proxied)] {
                let mut request = Request::get(url)
                    .version(Version::HTTP_3)
                    .body(RequestBody::empty())?;
                address(&mut request, proxy);
                assert_eq!(request.uri().to_string(), target);
                assert_eq!(request.headers()[HOST], host);
                assert_eq!(request.version(), Version::HTTP_11);
            }
        }
        let mut request = Request::get("https://one.test/")
            .header(HOST, "two.test")
            .body(RequestBody::empty())?;
        address(&mut request, false);
        assert_eq!(request.headers()[HOST], "two.test");
        Ok(())
    }
}
