//! The sources of an upload's content.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::reading::{BoxError, PIECE, Reading, Version};
use crate::error::{Error, Result};

pub(super) type Pieces = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, BoxError>> + Send>>;

/// The source of a content.
#[derive(Clone)]
pub(super) enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    Once(Option<u64>, Arc<Once>),
    Again(Option<u64>, Arc<dyn Fn() -> Pieces + Send + Sync>),
}

/// A stream that is read once. It is here, or with the call that it is lent to.
pub(super) struct Once(Mutex<Option<Pieces>>);

impl Source {
    pub(super) fn once<S, E>(length: Option<u64>, content: S) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let once = Once(Mutex::new(Some(Box::pin(Boxed(Box::pin(content))))));
        Self::Once(length, Arc::new(once))
    }

    pub(super) fn again<S, E>(
        length: Option<u64>,
        content: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let make = move || -> Pieces { Box::pin(Boxed(Box::pin(content()))) };
        Self::Again(length, Arc::new(make))
    }

    /// Takes what one call needs of it, and reads nothing yet.
    pub(super) async fn open(&self) -> Result<Opened> {
        Ok(match self {
            Self::Path(path) => Opened::Path(Arc::new(Version::of(path).await?)),
            Self::Bytes(bytes) => Opened::Bytes(bytes.clone()),
            Self::Once(length, once) => Opened::Once(*length, Arc::new(Lent::from(once)?)),
            Self::Again(length, make) => Opened::Again(*length, Arc::clone(make)),
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Once(length, _) => f.debug_tuple("Once").field(length).finish(),
            Self::Again(length, _) => f.debug_tuple("Again").field(length).finish(),
        }
    }
}

/// A source in the hands of one call, which reads it once for each attempt.
pub(super) enum Opened {
    Path(Arc<Version>),
    Bytes(Bytes),
    Once(Option<u64>, Arc<Lent>),
    Again(Option<u64>, Arc<dyn Fn() -> Pieces + Send + Sync>),
}

impl Opened {
    /// Returns the length of the content, if it is known.
    pub(super) fn len(&self) -> Option<u64> {
        match self {
            Self::Path(version) => Some(version.length()),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Once(length, _) | Self::Again(length, _) => *length,
        }
    }

    /// The content, for one attempt.
    pub(super) fn pieces(&self) -> Pieces {
        match self {
            Self::Path(version) => Box::pin(Reading::open(Arc::clone(version))),
            Self::Bytes(bytes) => Box::pin(Cut(bytes.clone())),
            Self::Once(_, lent) => Box::pin(Taken::from(lent)),
            Self::Again(_, make) => make(),
        }
    }

    /// Whether it can't be read another time.
    pub(super) fn is_spent(&self) -> bool {
        matches!(self, Self::Once(_, lent) if lent.lock().reader.is_some())
    }
}

/// The stream of a [`Once`] in the hands of one call. It goes back if it was not begun.
pub(super) struct Lent {
    home: Arc<Once>,
    state: Mutex<Reads>,
}

struct Reads {
    pieces: Option<Pieces>,
    /// The number of attempts so far, and that of the one that has begun to read. The stream that
    /// an abandoned attempt leaves behind may still be asked for its first piece.
    attempts: u64,
    reader: Option<u64>,
}

impl Lent {
    fn from(once: &Arc<Once>) -> Result<Self> {
        let mut home = once.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pieces) = home.take() else {
            return Err(Error::input(
                "the stream of this upload was given to another call, and is read only once: make \
                 one for each call, or an upload with `Upload::stream_with`",
            ));
        };
        Ok(Self {
            home: Arc::clone(once),
            state: Mutex::new(Reads {
                pieces: Some(pieces),
                attempts: 0,
                reader: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Reads> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.reader.is_none() {
            let mut home = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
            *home = state.pieces.take();
        }
    }
}

/// A stream that is read once, for one attempt: the first that asks for a piece has it.
struct Taken {
    lent: Arc<Lent>,
    attempt: u64,
}

impl Taken {
    fn from(lent: &Arc<Lent>) -> Self {
        let mut state = lent.lock();
        state.attempts += 1;
        Self {
            lent: Arc::clone(lent),
            attempt: state.attempts,
        }
    }
}

impl Stream for Taken {
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.lent.lock();
        if *state.reader.get_or_insert(self.attempt) != self.attempt {
            let why = "the stream was begun by an attempt before";
            return Poll::Ready(Some(Err(why.into())));
        }
        match &mut state.pieces {
            Some(pieces) => pieces.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

/// Bytes in memory, a piece at a time.
struct Cut(Bytes);

impl Stream for Cut {
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let length = self.0.len().min(PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// A stream whose errors are boxed.
struct Boxed<S>(Pin<Box<S>>);

impl<S, E> Stream for Boxed<S>
where
    S: Stream<Item = std::result::Result<Bytes, E>>,
    E: Into<BoxError>,
{
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(piece.map(|piece| piece.map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn read(pieces: &mut Pieces) -> std::result::Result<Option<Bytes>, String> {
        let mut cx = Context::from_waker(Waker::noop());
        match pieces.as_mut().poll_next(&mut cx) {
            Poll::Ready(piece) => piece.transpose().map_err(|error| error.to_string()),
            Poll::Pending => Err("it waits".to_owned()),
        }
    }

    #[tokio::test]
    async fn one_attempt_of_one_call_reads_a_stream() {
        let source = Source::once(None, Boxed(Box::pin(Cut(Bytes::from_static(b"hi")))));
        let opened = source.open().await.expect("it is there");
        assert!(source.open().await.is_err(), "it is lent");
        let (mut old, mut new) = (opened.pieces(), opened.pieces());
        assert!(!opened.is_spent());
        drop(opened);
        assert!(source.open().await.is_err(), "an attempt may still read it");
        // An attempt that was given up asks for a piece after all.
        assert_eq!(read(&mut old), Ok(Some("hi".into())));
        assert!(read(&mut new).is_err_and(|why| why.contains("an attempt before")));
        drop((old, new));
        assert!(source.open().await.is_err(), "it was begun");

        let source = Source::once(None, Boxed(Box::pin(Cut(Bytes::from_static(b"hi")))));
        let opened = source.open().await.expect("it is there");
        drop(opened.pieces());
        drop(opened);
        let opened = source.open().await.expect("it is back");
        assert_eq!(read(&mut opened.pieces()), Ok(Some("hi".into())));
        assert!(opened.is_spent());
    }
}
