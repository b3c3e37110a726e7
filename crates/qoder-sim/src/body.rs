//! Bodies of responses: known whole, or coming piece by piece from a task.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

/// A body; an error in it breaks the connection off.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<io::Result<Bytes>>, Option<Breaking>),
}

/// An error that waits until what came before it is on its way.
type Breaking = (Pin<Box<Sleep>>, Option<io::Error>);

/// The end of a body that a task writes to.
pub(crate) type Pieces = mpsc::Sender<io::Result<Bytes>>;

impl ResponseBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    pub(crate) fn pieces() -> (Pieces, Self) {
        // A reader that is slow holds the writer up.
        let (sender, receiver) = mpsc::channel(16);
        (sender, Self::Pieces(receiver, None))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(receiver, breaking) => {
                if breaking.is_none() {
                    match ready!(receiver.poll_recv(cx)) {
                        Some(Err(error)) => {
                            *breaking =
                                Some((Box::pin(sleep(Duration::from_millis(10))), Some(error)));
                        }
                        piece => return Poll::Ready(piece.map(|piece| piece.map(Frame::data))),
                    }
                }
                let Some((pause, error)) = breaking else {
                    return Poll::Ready(None);
                };
                ready!(pause.as_mut().poll(cx));
                Poll::Ready(error.take().map(Err))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(..) => SizeHint::default(),
        }
    }
}
