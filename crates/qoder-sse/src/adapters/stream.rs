//! Frames out of a stream of chunks.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;

use super::{FrameError, next_frame};
use crate::frame::{OwnedFrame, Tail};
use crate::parser::Parser;

/// The frames of a stream of chunks: the body of an async HTTP client or server, of any runtime.
///
/// It is a [`Stream`] itself, and has [`next`](Self::next) for those without combinators. It holds one
/// chunk and what the [`Limits`](crate::Limits) of its parser allow. Comments and other items than
/// frames are passed over; for them there is [`Parser::feed`]. Dropping a future of it loses nothing.
///
/// ```
/// use qoder_sse::FrameStream;
/// # struct Body(Vec<&'static str>);
/// # impl futures_core::Stream for Body {
/// #     type Item = Result<&'static str, std::io::Error>;
/// #     fn poll_next(
/// #         mut self: std::pin::Pin<&mut Self>,
/// #         _: &mut std::task::Context<'_>,
/// #     ) -> std::task::Poll<Option<Self::Item>> {
/// #         let next = (!self.0.is_empty()).then(|| Ok(self.0.remove(0)));
/// #         std::task::Poll::Ready(next)
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let chunks = Body(vec!["data: he", "llo\n\n"]);
/// // `chunks` is any stream of `Result<impl AsRef<[u8]>, E>`.
/// let mut frames = FrameStream::new(chunks);
/// while let Some(frame) = frames.next().await {
///     assert_eq!(frame?.data(), "hello");
/// }
/// # Ok(()) }
/// ```
pub struct FrameStream<S, B> {
    chunks: S,
    parser: Parser,
    /// The chunk at hand, and up to where it is read.
    chunk: Option<(B, usize)>,
    ended: bool,
}

impl<S, B, E> FrameStream<S, B>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    /// Returns the frames of a stream of chunks, with the default limits. A stream that is not `Unpin`
    /// is given as `Box::pin(stream)` or `std::pin::pin!(stream)`.
    pub fn new(chunks: S) -> Self {
        Self::with_parser(chunks, Parser::new())
    }

    /// Returns the frames of a stream of chunks, as this parser finds them: with its limits, and with
    /// the last event id of an earlier connection.
    pub fn with_parser(chunks: S, mut parser: Parser) -> Self {
        parser.restart();
        Self {
            chunks,
            parser,
            chunk: None,
            ended: false,
        }
    }

    /// Returns the next frame; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<OwnedFrame, FrameError<E>>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedFrame, FrameError<E>>>> {
        while !self.ended {
            if let Some((chunk, at)) = &mut self.chunk {
                if let Some(found) = next_frame(&mut self.parser, chunk.as_ref(), at) {
                    return Poll::Ready(Some(found.map_err(FrameError::Overflow)));
                }
                self.chunk = None;
            }
            match ready!(Pin::new(&mut self.chunks).poll_next(cx)) {
                Some(Ok(chunk)) => self.chunk = Some((chunk, 0)),
                Some(Err(error)) => {
                    self.ended = true;
                    self.parser.restart();
                    return Poll::Ready(Some(Err(FrameError::Source(error))));
                }
                None => {
                    self.ended = true;
                    if let Tail::Cut { bytes } = self.parser.finish() {
                        return Poll::Ready(Some(Err(FrameError::Cut { bytes })));
                    }
                }
            }
        }
        Poll::Ready(None)
    }
}

impl<S, B> FrameStream<S, B> {
    /// Returns the parser. Its last event id is that of the frames which were returned.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Returns the parser, for the frames of the next connection.
    pub fn into_parser(self) -> Parser {
        self.parser
    }
}

impl<S, B, E> Stream for FrameStream<S, B>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]> + Unpin,
{
    type Item = Result<OwnedFrame, FrameError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_frame(cx)
    }
}

impl<S, B> fmt::Debug for FrameStream<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameStream")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
