//! The byte stream of a connection: TCP, whatever the caller brought, or TLS over either.

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

/// The traits of the bytes under HTTP and under TLS, as one.
pub(crate) trait Io: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Io for T {}

/// The bytes under HTTP, or under TLS.
///
/// It is one type, whatever is below: hyper's connections and tunnels are compiled for it, and
/// nothing of TCP or TLS again with each of them.
pub(crate) struct Stream {
    io: Box<dyn Io>,
    /// Whether a proxy reads the requests, which then name their host.
    #[cfg(feature = "proxy")]
    read_by_proxy: bool,
    /// Whether HTTP/2 is spoken, whatever TLS says.
    http2: bool,
}

impl Stream {
    pub(crate) fn new(io: impl Io + 'static) -> Self {
        Self {
            io: Box::new(io),
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

    fn io(&mut self) -> Pin<&mut dyn Io> {
        Pin::new(&mut *self.io)
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
        Box::pin(async move { Ok(Stream::new(Brought(TokioIo::new(connecting.await?)))) })
    })
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = self.io.connected();
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
        self.get_mut().io().poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write_vectored(cx, bufs)
    }
}

/// A stream that the caller brought, of which nothing else is known.
struct Brought<S>(TokioIo<S>);

impl<S> Brought<S> {
    fn io(self: Pin<&mut Self>) -> Pin<&mut TokioIo<S>>
    where
        S: Unpin,
    {
        Pin::new(&mut self.get_mut().0)
    }
}

impl<S> Connection for Brought<S> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl<S: AsyncRead + Unpin> Read for Brought<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> Write for Brought<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, bufs)
    }
}
