//! Bodies of responses, chunk by chunk.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use crate::error::{BoxError, Error, ErrorKind, Phase, Sent};
#[cfg(feature = "gzip")]
use crate::gunzip::{Gunzip, GunzipError};
use crate::pools::Pool;
use crate::stream_connection::StreamBody;
use crate::time::finite;

/// The body of a response, read piece by piece with [`chunk`](Self::chunk) or as a whole with
/// [`collect`](Self::collect).
///
/// Dropping it before its end closes its connection, or over HTTP/2 its stream. The connection of a
/// stream ([`Lane::Stream`](crate::Lane::Stream), over HTTP/1.1) runs only while its body is polled.
///
/// ```
/// use qoder_http::{Error, ResponseBody};
///
/// async fn length(mut body: ResponseBody) -> Result<u64, Error> {
///     let mut bytes = 0;
///     while let Some(piece) = body.chunk().await? {
///         bytes += piece.len() as u64;
///     }
///     Ok(bytes)
/// }
/// ```
pub struct ResponseBody {
    source: Source,
    idle: Option<Duration>,
    whole: Option<Duration>,
    /// The watchdog of a read that waits. It is made at the first wait.
    watchdog: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    #[cfg(feature = "gzip")]
    gunzip: Option<Box<Gunzip>>,
}

/// The source of the pieces.
enum Source {
    Http1(Incoming),
    Http2 {
        incoming: Incoming,
        /// Counts it, for as long as it has it.
        _pool: Pool,
    },
    Stream(Box<dyn StreamBody>),
    Other(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Http1(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Error::from_body),
            Self::Http2 { incoming, .. } => match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                None if !has_ended(incoming) => {
                    let message =
                        "the body of the response ended too early: the server gave up its stream";
                    let error = Error::new(ErrorKind::Cut, Sent::Yes, message);
                    Poll::Ready(Some(Err(error)))
                }
                frame => Poll::Ready(frame.map(|frame| frame.map_err(Error::from_body))),
            },
            Self::Stream(body) => body.poll_data(cx).map_ok(Frame::data),
            Self::Other(body) => body.as_mut().poll_frame(cx).map_err(Error::from_other_body),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(incoming) | Self::Http2 { incoming, .. } => incoming.size_hint(),
            Self::Stream(body) => body.size_hint(),
            Self::Other(body) => body.size_hint(),
        }
    }
}

/// Whether a body of HTTP/2 that gives no more has ended: `RST_STREAM` with `NO_ERROR` says only that
/// no more is wanted of the request, but stops hyper's reading.
fn has_ended(incoming: &Incoming) -> bool {
    incoming.is_end_stream() || incoming.size_hint().exact() == Some(0)
}

impl ResponseBody {
    /// A body over a connection of a pool that may have others, of this version of HTTP.
    pub(crate) fn new(incoming: Incoming, version: Version, pool: Pool) -> Self {
        Self::from_source(if version == Version::HTTP_2 {
            Source::Http2 {
                incoming,
                _pool: pool,
            }
        } else {
            Source::Http1(incoming)
        })
    }

    /// A body that brings its connection with it.
    pub(crate) fn stream(body: Box<dyn StreamBody>) -> Self {
        Self::from_source(Source::Stream(body))
    }

    /// A body that doesn't come from hyper.
    pub(crate) fn other<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body = http_body_util::BodyExt::map_err(body, Into::into);
        Self::from_source(Source::Other(Box::pin(body)))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            idle: None,
            whole: None,
            watchdog: None,
            waiting: false,
            #[cfg(feature = "gzip")]
            gunzip: None,
        }
    }

    /// Decodes what is read from now on.
    #[cfg(feature = "gzip")]
    pub(crate) fn set_gzip(&mut self) {
        self.gunzip = Some(Box::new(Gunzip::new()));
    }

    /// Returns what was read and is not handed out yet, decoded.
    #[cfg(feature = "gzip")]
    fn decoded(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.gunzip {
            Some(gunzip) => gunzip.next().map_err(undecodable),
            None => Ok(None),
        }
    }

    /// Hands out a piece, or keeps it for the decoder.
    #[cfg(feature = "gzip")]
    fn read(&mut self, data: Bytes) -> Option<Bytes> {
        match &mut self.gunzip {
            Some(gunzip) => {
                gunzip.push(data);
                None
            }
            None => Some(data),
        }
    }

    /// The source has ended: so must what it held.
    #[cfg(feature = "gzip")]
    fn end(&mut self) -> Result<(), Error> {
        match &mut self.gunzip {
            Some(gunzip) => gunzip.finish().map_err(undecodable),
            None => Ok(()),
        }
    }

    /// Returns the length that the peer declares, if it is that of the bytes that are handed out.
    fn length(&self) -> SizeHint {
        #[cfg(feature = "gzip")]
        if self.gunzip.is_some() {
            return SizeHint::default();
        }
        self.source.size_hint()
    }

    /// Sets the longest silence of the peer while the body is read, in place of
    /// [`Timeouts::body_idle`](crate::Timeouts::body_idle). `None` is no limit. A wait that has begun
    /// begins anew.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_http::{Error, ResponseBody};
    ///
    /// async fn read(mut events: ResponseBody) -> Result<(), Error> {
    ///     events.set_idle(Some(Duration::from_secs(30))); // its heartbeats come more often
    ///     while let Some(piece) = events.chunk().await? {
    ///         println!("{} bytes", piece.len());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = idle.and_then(finite);
        self.waiting = false;
    }

    /// Sets the longest time that [`collect`](Self::collect) takes, in place of
    /// [`Timeouts::body`](crate::Timeouts::body). `None` is no limit.
    pub fn set_whole(&mut self, whole: Option<Duration>) {
        self.whole = whole;
    }

    /// Returns the next piece, or `None` at the end. A piece is never empty; of a compressed body it
    /// is decoded, and has at most 16 KiB. Dropping the future loses nothing.
    ///
    /// An end is one that the server marks: by the length that it announced, by a last chunk, or by
    /// the end of an HTTP/2 stream. Over HTTP/1.1 a body without a length and without chunks ends
    /// with its connection (RFC 9112, section 6.3), and if that breaks off quietly, nothing tells it
    /// from an end. Over TLS it does not break off quietly.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cut`] for a body that ends too early, [`ErrorKind::Reset`] for a connection that
    /// breaks, a [`ErrorKind::Timeout`] of [`Phase::Body`] for silence, and [`ErrorKind::Protocol`]
    /// for a body that is not HTTP, or compressed and can't be decoded.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// Polls for the next piece, as [`chunk`](Self::chunk) does, for hand-written futures.
    ///
    /// The body is polled before the watchdog of its silence, and the watchdog runs only while a read
    /// waits: a slow reader is not a dead peer. After the end or an error it may be polled again, and
    /// returns either.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            #[cfg(feature = "gzip")]
            if let Some(decoded) = self.decoded().transpose() {
                return Poll::Ready(Some(decoded));
            }
            match self.source.poll_frame(cx) {
                Poll::Ready(frame) => {
                    self.waiting = false;
                    match frame {
                        #[cfg(feature = "gzip")]
                        None => return Poll::Ready(self.end().err().map(Err)),
                        #[cfg(not(feature = "gzip"))]
                        None => return Poll::Ready(None),
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        // Trailers say nothing that is asked for here.
                        Some(Ok(frame)) => match frame.into_data() {
                            Ok(data) if !data.is_empty() => {
                                #[cfg(feature = "gzip")]
                                let Some(data) = self.read(data) else {
                                    continue;
                                };
                                return Poll::Ready(Some(Ok(data)));
                            }
                            _ => {}
                        },
                    }
                }
                Poll::Pending => {
                    let Some(idle) = self.idle else {
                        return Poll::Pending;
                    };
                    ready!(self.poll_watchdog(idle, cx));
                    return Poll::Ready(Some(Err(Error::silence(idle))));
                }
            }
        }
    }

    fn poll_watchdog(&mut self, idle: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let watchdog = self.watchdog.get_or_insert_with(|| Box::pin(sleep(idle)));
        if !self.waiting {
            self.waiting = true;
            watchdog.as_mut().reset(Instant::now() + idle);
        }
        watchdog.as_mut().poll(cx)
    }

    /// Returns the whole body, if it has at most `limit` bytes and arrives within
    /// [`Timeouts::body`](crate::Timeouts::body). Of a compressed body the decoded bytes count, and
    /// not many more than the limit are decoded.
    ///
    /// ```
    /// use http::Request;
    /// use qoder_http::{Lane, RequestBody, Timeouts, Transport};
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = Transport::builder().build()?;
    /// let request = Request::get("https://example.com/").body(RequestBody::empty())?;
    /// let response = transport.send(request, Lane::Call, Timeouts::default()).await?;
    /// let bytes = response.into_body().collect(1 << 20).await?; // at most 1 MiB
    /// println!("{}", String::from_utf8_lossy(&bytes));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] as soon as the limit is passed, before the rest is read; a
    /// [`ErrorKind::Timeout`] of [`Phase::Body`]; those of [`chunk`](Self::chunk).
    pub async fn collect(self, limit: usize) -> Result<Bytes, Error> {
        let whole = self.whole;
        let mut gathered = pin!(self.gather(limit));
        // Most bodies are there with their head, and need no timer.
        if let Poll::Ready(gathered) = poll_fn(|cx| Poll::Ready(gathered.as_mut().poll(cx))).await {
            return gathered;
        }
        let Some(whole) = whole else {
            return gathered.await;
        };
        match tokio::time::timeout(whole, gathered).await {
            Ok(gathered) => gathered,
            Err(_) => {
                let message =
                    format!("timeout: the body of the response was not whole within {whole:?}");
                Err(Error::new(
                    ErrorKind::Timeout(Phase::Body),
                    Sent::Yes,
                    message,
                ))
            }
        }
    }

    async fn gather(mut self, limit: usize) -> Result<Bytes, Error> {
        let too_large = || {
            let message = format!("the response is larger than the limit of {limit} bytes");
            Err(Error::new(ErrorKind::TooLarge, Sent::Yes, message))
        };
        if self.length().lower() > limit as u64 {
            return too_large();
        }
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit {
            return too_large();
        }
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if whole.len() + chunk.len() > limit {
                return too_large();
            }
            whole.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }
}

#[cfg(feature = "gzip")]
fn undecodable(error: GunzipError) -> Error {
    match error {
        GunzipError::Truncated => {
            let message = "the body of the response ended within its gzip";
            Error::new(ErrorKind::Cut, Sent::Yes, message)
        }
        GunzipError::Invalid(why) => {
            let message = format!("the body of the response is no gzip: {why}");
            Error::new(ErrorKind::Protocol, Sent::Yes, message)
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.get_mut()
            .poll_chunk(cx)
            .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        #[cfg(feature = "gzip")]
        if self.gunzip.is_some() {
            return false;
        }
        match &self.source {
            Source::Http1(incoming) | Source::Http2 { incoming, .. } => incoming.is_end_stream(),
            Source::Stream(body) => body.is_end_stream(),
            Source::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}
