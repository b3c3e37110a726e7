//! A turn that is read to its end, and what it comes to.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use qoder_http::time;
use qoder_types::{Event, EventId};
use tokio::time::timeout;

use super::outcome::Collected;
use super::{Reply, Stop, Turn};
use crate::error::{Error, ErrorKind, Result};

/// The time that a reply waits for the answers to what was asked, while nothing else happens.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// Of how many of the newest events a reply knows that it read them itself. What a pause waits for
/// has come just before it.
const READ: usize = 512;

/// The number of bytes of an unreadable message that an error carries.
const BODY: usize = 64 << 10;

/// The events of a turn that were read so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    collected: Collected,
    /// The first message that can't be read.
    unreadable: Option<Event>,
}

impl Turn {
    /// Reads the turn to its end and returns the text of its messages: of those that were not
    /// handed over yet.
    ///
    /// # Errors
    ///
    /// Those of [`reply`](Self::reply).
    pub async fn into_text(self) -> Result<String> {
        Ok(self.reply().await?.text())
    }

    /// Reads the turn to its end and returns the messages that were not handed over yet.
    ///
    /// What the agent had asked for before this is called, the caller may have answered, or another
    /// client may still: the turn is read on, from where it is paused and through pauses for
    /// nothing else. It fails as soon as the agent asks for more, since its reader could not answer
    /// that, unless the session's list shows that others have: a turn that is resumed may come by
    /// pauses that are long past. It also fails if the turn is paused and nothing at all happens in
    /// the session for five minutes; [`next`](Self::next) waits longer.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::TurnEnded`] if the turn came to any end but [`Stop::EndTurn`]: it was
    ///   interrupted, failed, ran out of budget, or the session is no more.
    ///   [`Error::stop_reason`] says which.
    /// - [`ErrorKind::Turn`] if the agent waits for an approval or a tool's result that is not
    ///   given. The [checkpoint](Error::checkpoint) goes on from there once the answer is given.
    /// - [`ErrorKind::Decode`] if a message of the agent's can't be read. The turn is read to its
    ///   end first; the error names the event, and its [`body`](Error::body) is the event's JSON.
    /// - Those of the stream, and [`ErrorKind::Timeout`] if the deadline passes.
    ///
    /// Whatever came until then is in [`Error::reply`].
    pub async fn reply(mut self) -> Result<Reply> {
        let mut reading = Reading::default();
        match self.collect(&mut reading).await {
            Ok(()) => self.outcome(reading),
            Err(error) => Err(self.failed(reading, error)),
        }
    }

    /// An error, with what came until then.
    pub(crate) fn failed(&self, reading: Reading, error: Error) -> Error {
        error.with_reply(self.reply_of(reading))
    }

    fn reply_of(&self, reading: Reading) -> Reply {
        let error = self.machine.error().cloned();
        let collected = reading.collected;
        collected.into_reply(self.stop_reason(), error, self.begun.elapsed())
    }

    /// Reads the turn to its end.
    async fn collect(&mut self, reading: &mut Reading) -> Result<()> {
        let told = self.told;
        let mut read = VecDeque::new();
        while let Some(event) = self.next_or_answer().await {
            let event = event?;
            if read.len() == READ {
                read.pop_front();
            }
            read.extend(event.id().cloned());
            let idles = event.type_name() == "session.status_idle";
            self.read(reading, event);
            if let (true, Stop::RequiresAction(ids)) = (idles, self.stop_reason()) {
                // Of what was handed over before, the caller may know, and have answered it.
                let new = |id: &EventId| !told || read.contains(id);
                if (ids.is_empty() || ids.iter().any(new)) && !self.is_past(ids).await? {
                    return Err(self.unanswered(""));
                }
            }
        }
        Ok(())
    }

    /// Whether the log has the answers to all of this pause already, or shows that the session went
    /// on: the turn may be resumed from long ago. If not, those that it has count.
    async fn is_past(&mut self, ids: Vec<EventId>) -> Result<bool> {
        let looking = self.look(ids.clone());
        let deadline = self.deadline.as_ref().map(|timer| timer.deadline());
        let found = match time::timeout_at(deadline, pin!(looking)).await {
            Ok(found) => found.map_err(|error| error.with_checkpoint(Some(self.checkpoint())))?,
            Err(_) => return Err(self.too_late()),
        };
        if found.history {
            return Ok(true);
        }
        for id in ids.iter().filter(|id| found.answers(id)) {
            self.machine.answered(id.clone());
        }
        Ok(!self.machine.is_paused())
    }

    /// Takes an event that was handed over into what the turn comes to.
    pub(crate) fn read(&self, reading: &mut Reading, event: Event) {
        if self.machine.is_anchored() {
            if let Some(event) = reading.collected.observe(event) {
                reading.unreadable.get_or_insert(event);
            }
        }
    }

    /// Returns the reply of the turn, once its events are over; an error if it is no success.
    pub(crate) fn outcome(&self, reading: Reading) -> Result<Reply> {
        match self.success(reading.unreadable.as_ref()) {
            Ok(()) => Ok(self.reply_of(reading)),
            Err(error) => Err(self.failed(reading, error)),
        }
    }

    fn success(&self, unreadable: Option<&Event>) -> Result<()> {
        match self.stop_reason() {
            Stop::Running | Stop::RequiresAction(_) => {
                Err(self.broken(ErrorKind::Turn, "its events ended before it did".to_owned()))
            }
            stop @ (Stop::Terminated | Stop::Deleted) => {
                Err(self.broken(ErrorKind::TurnEnded, format!("the session was {stop}")))
            }
            stop => match unreadable {
                Some(message) => Err(self.unreadable(message)),
                None if stop == Stop::EndTurn => Ok(()),
                None => Err(self.broken(
                    ErrorKind::TurnEnded,
                    format!("the turn ended with {stop}, not with end_turn"),
                )),
            },
        }
    }

    /// The next event; if the turn is paused, only so long.
    async fn next_or_answer(&mut self) -> Option<Result<Event>> {
        if !self.machine.is_paused() {
            return self.next().await;
        }
        match timeout(ANSWERED_WITHIN, self.next()).await {
            Ok(next) => next,
            Err(_) => Some(Err(self.unanswered(", and none came within five minutes"))),
        }
    }

    fn unanswered(&self, however: &str) -> Error {
        let what = match self.stop_reason() {
            Stop::RequiresAction(ids) if !ids.is_empty() => {
                let ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
                ids.join(", ")
            }
            _ => "what can't be read".to_owned(),
        };
        self.broken(
            ErrorKind::Turn,
            format!(
                "the agent waits for an answer to {what}{however}: go on with `resume_turn` and the checkpoint, and \
                 give it with `respond`, to `pending`; or with `approve`, `deny` or `answer`"
            ),
        )
    }

    fn unreadable(&self, message: &Event) -> Error {
        let id = message.id().map_or("without an id", EventId::as_str);
        let why = match message {
            Event::Malformed(message) => &message.error,
            _ => "its shape is another",
        };
        let raw = message.raw().as_bytes();
        let head = &raw[..raw.len().min(BODY)];
        let stop = self.stop_reason();
        Error::new(
            ErrorKind::Decode,
            format!(
                "the turn ended with {stop}, but the agent's message {id} can't be read: {why}"
            ),
        )
        .with_body(Bytes::copy_from_slice(head))
        .with_checkpoint(Some(self.checkpoint()))
        .with_sent(crate::Sent::Yes)
        .redacted(self.shared.auth())
    }

    pub(crate) fn broken(&self, kind: ErrorKind, why: String) -> Error {
        let why = match self.machine.error() {
            Some(error) => format!("{why}; its last error was: {}", error.message()),
            None => why,
        };
        Error::new(kind, why)
            .with_checkpoint(Some(self.checkpoint()))
            .with_sent(crate::Sent::Yes)
            .redacted(self.shared.auth())
    }
}
