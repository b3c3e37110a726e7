//! The streams of following: the events alone, or with previews and notices.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use qoder_types::{Event, EventId};
use tokio::time::Instant;

use super::driver::Driver;
use super::thinking::Thinking;
use super::update::{Update, poll_event};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};

/// The events of a session, from [`Follow::events`](crate::Follow::events).
///
/// It ends (`None`) when the session does: terminated or deleted. An idle session goes on; break
/// out of the loop at `session.status_idle` if that is enough. Fused; an `Err` is the last item
/// and carries the [checkpoint](crate::Error::checkpoint). Dropping the future of
/// [`next`](Self::next) loses nothing; dropping this closes the connection.
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// let mut events = session.follow().events();
/// while let Some(event) = events.next().await {
///     println!("{}", event?.type_name());
///     if let Some(checkpoint) = events.checkpoint() {
///         std::fs::write("checkpoint", checkpoint.to_string()).ok(); // `follow().after(..)` takes it
///     }
/// }
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Events(Updates);

impl Events {
    pub(super) fn new(updates: Updates) -> Self {
        Self(updates)
    }

    /// Returns the next event, or `None` after the session's last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Polls for what [`next`](Self::next) returns, in futures written by hand.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        poll_event(|| self.0.poll_update(cx))
    }

    /// Returns where this stands: after the last event that was handed over. Store it, and another
    /// process goes on with [`follow().after(..)`](crate::Follow::after), with exactly what was not
    /// handed over here. `None` as long as there is no such event.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.0.checkpoint()
    }

    /// Does what is waited for at once; see [`Updates::wake`].
    pub fn wake(&mut self) {
        self.0.wake();
    }

    /// Closes the connection; `None` is all that follows.
    pub fn close(&mut self) {
        self.0.close();
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("checkpoint", &self.checkpoint())
            .finish_non_exhaustive()
    }
}

/// Events, previews and notices of a session, from [`Follow::updates`](crate::Follow::updates). For
/// the rest it is as [`Events`].
#[must_use = "streams do nothing unless polled"]
pub struct Updates {
    driver: Box<Driver>,
    thinking: Thinking,
    /// It can't start where it is to start.
    refused: Option<Error>,
}

impl Updates {
    pub(super) fn new(driver: Driver, refused: Option<Error>) -> Self {
        Self {
            driver: Box::new(driver),
            thinking: Thinking::default(),
            refused,
        }
    }

    /// Returns the next update, or `None` after the session's last event.
    pub async fn next(&mut self) -> Option<Result<Update>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Polls for what [`next`](Self::next) returns, in futures written by hand.
    pub fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        if let Some(error) = self.refused.take() {
            self.driver.close();
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(due) = self.thinking.next() {
            return Poll::Ready(Some(Ok(due)));
        }
        let next = ready!(self.driver.poll_update(cx));
        Poll::Ready(match next {
            Some(Ok(update)) => Some(Ok(self.thinking.pass(update))),
            Some(Err(error)) => Some(Err(error)),
            None => {
                self.thinking.end();
                self.thinking.next().map(Ok)
            }
        })
    }

    /// Returns the whole text so far of a content block that is being written, as
    /// [`LiveText::so_far`](crate::follow::LiveText::so_far) has it; `None` when it is not, or not
    /// any more: its event has come, or the connection was lost and the server has not started it
    /// again.
    pub fn preview_text(&self, event: &EventId, index: usize) -> Option<&str> {
        self.driver.preview_text(event, index)
    }

    /// Returns where this stands; see [`Events::checkpoint`].
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.driver.checkpoint()
    }

    /// The last event that was handed over.
    pub(crate) fn position(&self) -> Option<EventId> {
        self.driver.position()
    }

    /// The time before which the server asked not to be asked.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.driver.not_before()
    }

    /// Does what is waited for at once, be it the next list or the next attempt to connect: for when
    /// there is reason to believe that there is news, or that the network is back.
    pub fn wake(&mut self) {
        self.driver.wake();
    }

    /// Closes the connection; `None` is all that follows.
    pub fn close(&mut self) {
        self.refused = None;
        self.driver.close();
    }
}

impl Stream for Updates {
    type Item = Result<Update>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_update(cx)
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("checkpoint", &self.checkpoint())
            .finish_non_exhaustive()
    }
}
