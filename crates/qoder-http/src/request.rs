//! Bodies of requests: bytes in memory, or a stream that is read as it is sent.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::error::{BoxError, Error, ErrorKind, Sent};

/// The body of a request: bytes in memory, or a stream.
///
/// A stream is asked for its next piece only when the piece before it is on its way, so that a
/// large body needs little memory, and one that reads a file reads it as fast as it is sent. If
/// its length is known, the length is sent before it, and it must keep to it. A stream that fails
/// fails its request with [`ErrorKind::Source`].
///
/// ```
/// use bytes::Bytes;
/// use qoder_http::RequestBody;
///
/// assert_eq!(RequestBody::from("hello").len(), Some(5));
/// assert_eq!(RequestBody::from(format!("{}", 42)).len(), Some(2));
/// assert_eq!(RequestBody::from(Bytes::from("hello")).len(), Some(5));
/// assert_eq!(RequestBody::empty().len(), Some(0));
/// ```
#[derive(Default)]
pub struct RequestBody(Content);

enum Content {
    Bytes(Bytes),
    Stream(Box<Stream>),
}

struct Stream {
    body: Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>,
    /// The length of the whole, and of the part that is still to come.
    length: Option<(u64, u64)>,
    ended: bool,
    sending: SendProgress,
}

impl Default for Content {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl RequestBody {
    /// Returns a body of no bytes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Returns a body that is read piece by piece, of this length in bytes if it is known. Without
    /// a length it is sent in chunks.
    ///
    /// Pieces should have some 64 KiB: one of them is in memory at a time, beside what the
    /// connection buffers. Trailers are dropped. A stream can be sent once: see
    /// [`try_clone`](Self::try_clone).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use qoder_http::RequestBody;
    ///
    /// let body = RequestBody::stream(Some(5), Full::new(Bytes::from("hello")));
    /// assert_eq!(body.len(), Some(5));
    /// assert!(body.try_clone().is_none());
    /// ```
    pub fn stream<B>(length: Option<u64>, body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body = http_body_util::BodyExt::map_err(body, Into::into);
        Self(Content::Stream(Box::new(Stream {
            body: Box::pin(body),
            length: length.map(|length| (length, length)),
            ended: false,
            sending: SendProgress::default(),
        })))
    }

    /// Returns the number of bytes that are still to be sent, if it is known.
    #[allow(clippy::len_without_is_empty, reason = "what is not known is neither")]
    pub fn len(&self) -> Option<u64> {
        match &self.0 {
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::Stream(stream) => stream.length.map(|(_, left)| left),
        }
    }

    /// Returns the same body once more if it is in memory, and `None` if it is a stream.
    ///
    /// ```
    /// use qoder_http::RequestBody;
    ///
    /// let body = RequestBody::from("hello");
    /// assert_eq!(body.try_clone().and_then(|again| again.len()), Some(5));
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Content::Bytes(bytes) => Some(Self(Content::Bytes(bytes.clone()))),
            Content::Stream(_) => None,
        }
    }

    /// Returns the progress of sending a stream.
    pub(crate) fn sending(&self) -> Option<SendProgress> {
        match &self.0 {
            Content::Bytes(_) => None,
            Content::Stream(stream) => Some(stream.sending.clone()),
        }
    }
}

impl Stream {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while !self.ended {
            let Some(frame) = ready!(self.body.as_mut().poll_frame(cx)) else {
                self.ended = true;
                if let Some((whole, left @ 1..)) = self.length {
                    let why = format!("it ended {left} bytes before its {whole}");
                    return Poll::Ready(Some(Err(Error::source_of_body(&why))));
                }
                break;
            };
            let piece = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(Error::from_source(error))));
                }
            };
            if let Some((whole, left)) = &mut self.length {
                let Some(rest) = left.checked_sub(piece.len() as u64) else {
                    self.ended = true;
                    let why = format!("it goes on after its {whole} bytes");
                    return Poll::Ready(Some(Err(Error::source_of_body(&why))));
                };
                *left = rest;
            }
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
        Poll::Ready(None)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.get_mut().0 {
            Content::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => {
                let piece = ready!(stream.poll_piece(cx));
                stream.sending.note(piece.as_ref());
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Bytes(bytes) => bytes.is_empty(),
            // A stream of no bytes must still end well, and says so itself.
            Content::Stream(stream) => stream.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Bytes(bytes))
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for RequestBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for RequestBody {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

/// Texts that live as long as the program; others are a [`String`].
impl From<&'static str> for RequestBody {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.len()) {
            (Content::Bytes(bytes), _) => write!(f, "RequestBody({} bytes)", bytes.len()),
            (Content::Stream(_), Some(left)) => write!(f, "RequestBody(stream of {left} bytes)"),
            (Content::Stream(_), None) => f.write_str("RequestBody(stream)"),
        }
    }
}

/// The progress of sending a stream, as the transport sees it from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendProgress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// When the last piece was taken.
    last: Option<Instant>,
    /// The reason why the stream failed. On HTTP/2 the error of the response doesn't tell.
    failed: Option<(ErrorKind, String)>,
}

impl SendProgress {
    /// When the last piece was taken, if there was one.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.lock().last
    }

    /// The error of the stream, if that is why the request failed.
    pub(crate) fn failed(&self) -> Option<Error> {
        let (kind, message) = self.lock().failed.clone()?;
        Some(Error::new(kind, Sent::Maybe, message))
    }

    fn note(&self, piece: Option<&Result<Bytes, Error>>) {
        let mut state = self.lock();
        state.last = Some(Instant::now());
        if let Some(Err(error)) = piece {
            state.failed = Some((error.kind(), error.to_string()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http_body_util::BodyExt;

    use super::*;

    /// A body of these pieces; `None` is an error.
    struct Pieces(VecDeque<Option<&'static str>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|piece| match piece {
                Some(piece) => Ok(Frame::data(piece.into())),
                None => Err(std::io::Error::other("disk on fire")),
            }))
        }
    }

    async fn collected(
        length: Option<u64>,
        pieces: &[Option<&'static str>],
    ) -> Result<Bytes, String> {
        let pieces = Pieces(pieces.iter().copied().collect());
        let body = RequestBody::stream(length, pieces);
        let sending = body.sending().expect("a stream");
        match body.collect().await {
            Ok(body) => {
                assert!(sending.failed().is_none());
                Ok(body.to_bytes())
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Source);
                let told = sending.failed().expect("it is noted");
                assert_eq!(told.to_string(), error.to_string());
                Err(error.to_string())
            }
        }
    }

    #[tokio::test]
    async fn a_stream_keeps_to_its_length() {
        let two = [Some("ab"), Some(""), Some("c")];
        assert_eq!(collected(None, &two).await.as_deref(), Ok(&b"abc"[..]));
        assert_eq!(collected(Some(3), &two).await.as_deref(), Ok(&b"abc"[..]));
        assert_eq!(collected(Some(0), &[]).await.as_deref(), Ok(&b""[..]));
        for (length, pieces, why) in [
            (4, &two[..], "it ended 1 bytes before its 4"),
            (2, &two[..], "it goes on after its 2 bytes"),
            (0, &two[..], "it goes on after its 0 bytes"),
            (1, &[][..], "it ended 1 bytes before its 1"),
            (3, &[Some("ab"), None], "disk on fire"),
        ] {
            let error = collected(Some(length), pieces).await.expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[tokio::test]
    async fn bytes_are_one_piece() {
        let mut body = RequestBody::from(b"abc".to_vec());
        let again = body.try_clone().expect("it is in memory");
        assert_eq!((body.len(), body.is_end_stream()), (Some(3), false));
        let frame = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().ok().as_deref(), Some(&b"abc"[..]));
        assert!(body.is_end_stream() && body.frame().await.is_none());
        assert_eq!(again.len(), Some(3));
        assert!(RequestBody::empty().is_end_stream());
    }
}
