//! The byte stream of a connection: TCP, or whatever the caller brought.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The traits that a caller's stream must implement, as one.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The bytes under HTTP, or under TLS.
pub(crate) struct Stream {
    kind: Kind,
    /// Whether a proxy reads the requests, which then name their host.
    #[cfg(feature = "proxy")]
    read_by_proxy: bool,
    /// Whether HTTP/2 is spoken, whatever TLS says.
    http2: bool,
}

enum Kind {
    Tcp(TokioIo<TcpStream>),
    Other(TokioIo<Box<dyn Io>>),
}

impl Stream {
    pub(crate) fn tcp(tcp: TokioIo<TcpStream>) -> Self {
        Self::new(Kind::Tcp(tcp))
    }

    pub(crate) fn other(io: impl Io + 'static) -> Self {
        Self::new(Kind::Other(TokioIo::new(Box::new(io))))
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            #[cfg(feature = "proxy")]
            read_by_proxy: false,
            http2: false,
        }
    }

    /// Sets whether it is one over which HTTP/2 is spoken without asking.
    pub(crate) fn with_http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// Marks it as one whose other end is a proxy that reads the requests.
    #[cfg(feature = "proxy")]
    pub(crate) fn read_by_proxy(mut self) -> Self {
        self.read_by_proxy = true;
        self
    }
}

/// A caller's function that opens a stream to a URI.
pub(crate) type Dial = Arc<dyn Fn(Uri) -> Dialing + Send + Sync>;

pub(crate) type Dialing = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// A caller's function in the shape that is kept.
pub(crate) fn dial<F, Fut, S>(connect: F) -> Dial
where
    F: Fn(Uri) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Arc::new(move |uri| {
        let connecting = connect(uri);
        Box::pin(async move { Ok(Stream::other(connecting.await?)) })
    })
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = match &self.kind {
            Kind::Tcp(tcp) => tcp.connected(),
            Kind::Other(_) => Connected::new(),
        };
        #[cfg(feature = "proxy")]
        let connected = connected.proxy(self.read_by_proxy);
        if self.http2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Kind::Other(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Kind::Other(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Kind::Other(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Kind::Other(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Tcp(tcp) => tcp.is_write_vectored(),
            Kind::Other(io) => io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Kind::Other(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }
}
