//! Frames out of where bytes come from: a reader, or a stream of chunks.

#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "stream")]
mod stream;

use core::fmt;

#[cfg(feature = "std")]
pub use reader::FrameReader;
#[cfg(feature = "stream")]
pub use stream::FrameStream;

use crate::frame::{Item, Overflow, OwnedFrame};
use crate::parser::Parser;

/// The reason why a [`FrameReader`](crate::FrameReader), or a `FrameStream` of the feature `stream`,
/// has no frame to return.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use qoder_sse::{FrameError, FrameReader};
///
/// let mut frames = FrameReader::new(&b"data: whole\n\ndata: cut"[..]);
/// assert_eq!(frames.next().unwrap().unwrap().data(), "whole");
/// assert!(matches!(frames.next(), Some(Err(FrameError::Cut { bytes: 9 }))));
/// assert!(frames.next().is_none());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError<E> {
    /// The source failed. It is the last item.
    Source(E),
    /// An event is larger than the [`Limits`](crate::Limits), and was skipped. More may come.
    Overflow(Overflow),
    /// The source ended within an event, which is lost. It is the last item.
    Cut {
        /// The number of bytes of the event that had come.
        bytes: usize,
    },
}

impl<E: fmt::Display> fmt::Display for FrameError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "the event stream can't be read: {error}"),
            Self::Overflow(overflow) => overflow.fmt(f),
            Self::Cut { bytes } => {
                write!(
                    f,
                    "the event stream ended within an event, after {bytes} bytes of it"
                )
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for FrameError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Overflow(_) | Self::Cut { .. } => None,
        }
    }
}

/// The next frame of a chunk, and up to where the chunk is read then. What is behind it stays unread,
/// so that the parser knows the last event id of what was handed out and of no more.
fn next_frame(
    parser: &mut Parser,
    chunk: &[u8],
    at: &mut usize,
) -> Option<Result<OwnedFrame, Overflow>> {
    while let Some(rest @ [_, ..]) = chunk.get(*at..) {
        let step = parser.step(rest);
        *at += step.consumed;
        match step.item {
            Some(Item::Frame(frame)) => return Some(Ok(frame.to_owned())),
            Some(Item::Overflow(overflow)) => return Some(Err(overflow)),
            Some(Item::Comment(_) | Item::Id | Item::Retry(_)) | None => {}
        }
    }
    None
}
