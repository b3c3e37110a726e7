use std::task::{Poll, ready};

use qoder_types::Event;

use super::notice::Notice;
use super::previews::{LiveText, PreviewStart};
use crate::error::Result;

/// One item of following, and of a [`Turn`](crate::Turn) from its
/// [`next_update`](crate::Turn::next_update).
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// use qoder::{Event, Update, types::PreviewType};
///
/// let mut updates = session.follow().previews([PreviewType::AgentMessage]).updates();
/// while let Some(update) = updates.next().await {
///     match update? {
///         Update::Text(piece) => print!("{}", piece.new()),
///         Update::Event(Event::AgentMessage(message)) => println!("\n{}", message.text()),
///         Update::Notice(notice) => eprintln!("{notice:?}"),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event.
    Event(Event),
    /// A piece of the text of a message that is still being written.
    Text(LiveText),
    /// The agent begins to think: reason for a spinner. Every one is followed by one
    /// [`ThinkingEnded`](Self::ThinkingEnded), unless the updates end before.
    ThinkingBegan,
    /// The agent has done with thinking, or it is not known any more. It comes right after the
    /// event of the thinking.
    ThinkingEnded,
    /// An event begins to be written, of whatever type.
    PreviewStart(PreviewStart),
    /// A change of the connection; it heals by itself.
    Notice(Notice),
}

/// Polls for the next event of these updates; the other updates before it are dropped.
pub(crate) fn poll_event(
    mut poll_update: impl FnMut() -> Poll<Option<Result<Update>>>,
) -> Poll<Option<Result<Event>>> {
    loop {
        match ready!(poll_update()) {
            Some(Ok(Update::Event(event))) => return Poll::Ready(Some(Ok(event))),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
        }
    }
}
