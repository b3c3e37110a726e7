//! A turn that is read to its end, and what it comes to.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use qoder_types::{AgentMessageEvent, Event, EventId, SessionErrorEvent};
use tokio::time::timeout;

use super::{Stop, Turn};
use crate::error::{Error, ErrorKind, Result};

/// How long a reply waits for the answers to what had been asked, while nothing else happens.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// Of how many of the newest events a reply knows that it read them itself. What a pause waits for
/// has come just before it.
const READ: usize = 512;

/// How much of a message that can't be read an error has.
const BODY: usize = 64 << 10;

/// What the agent answered in a turn.
#[derive(Clone, Debug)]
pub struct Reply {
    messages: Vec<AgentMessageEvent>,
    stop: Stop,
    error: Option<SessionErrorEvent>,
}

impl Reply {
    pub(crate) fn new(
        messages: Vec<AgentMessageEvent>,
        stop: Stop,
        error: Option<SessionErrorEvent>,
    ) -> Self {
        Self {
            messages,
            stop,
            error,
        }
    }

    /// Returns the text of all messages of the turn, one after another, a line break between them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (n, message) in self.messages.iter().enumerate() {
            if n > 0 {
                text.push('\n');
            }
            text.push_str(&message.text());
        }
        text
    }

    /// Returns the messages of the turn, in order.
    pub fn messages(&self) -> &[AgentMessageEvent] {
        &self.messages
    }

    /// Returns why the turn is over. Only [`Stop::EndTurn`] is success.
    pub fn stop_reason(&self) -> &Stop {
        &self.stop
    }

    /// Returns the last error that the session reported in the turn: one it recovered from, if the turn
    /// still ended with [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.error.as_ref()
    }
}

/// What was read of a turn so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    messages: Vec<AgentMessageEvent>,
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
    /// nothing else. It fails as soon as the agent asks for more, since whoever reads could not
    /// answer that. It also fails if the turn is paused and nothing at all happens in the session
    /// for five minutes; [`next`](Self::next) waits longer.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Turn`] if the agent waits for an approval or a tool's result that is not
    ///   given, or if the session was terminated or deleted. The [checkpoint](Error::checkpoint)
    ///   goes on from there once the answer is given.
    /// - [`ErrorKind::Decode`] if a message of the agent's can't be read. The turn is read to its
    ///   end first; the error names the event, and its [`body`](Error::body) is the event's JSON.
    /// - Those of the stream, and [`ErrorKind::Timeout`] if the deadline passes.
    pub async fn reply(mut self) -> Result<Reply> {
        let mut reading = Reading::default();
        let told = self.told;
        let mut read = VecDeque::new();
        while let Some(event) = self.next_or_answer().await {
            let event = event?;
            if read.len() == READ {
                read.pop_front();
            }
            read.extend(event.id().cloned());
            let idles = event.type_name() == "session.status_idle";
            self.read(&mut reading, event);
            if let (true, Stop::RequiresAction(ids)) = (idles, self.stop_reason()) {
                // Of what was handed over before, the caller may know, and have answered it.
                let new = |id: &EventId| !told || read.contains(id);
                if ids.is_empty() || ids.iter().any(new) {
                    return Err(self.unanswered(""));
                }
            }
        }
        self.outcome(reading)
    }

    /// Takes an event that was handed over into what the turn comes to.
    pub(crate) fn read(&self, reading: &mut Reading, event: Event) {
        match event {
            _ if !self.machine.is_anchored() => {}
            Event::AgentMessage(message) => reading.messages.push(message),
            event if event.type_name() == "agent.message" => {
                reading.unreadable.get_or_insert(event);
            }
            _ => {}
        }
    }

    /// What the turn comes to, once it is over.
    pub(crate) fn outcome(&self, reading: Reading) -> Result<Reply> {
        match self.stop_reason() {
            stop @ (Stop::Terminated | Stop::Deleted) => {
                Err(self.broken(format!("the session was {stop}")))
            }
            Stop::Running | Stop::RequiresAction(_) => {
                Err(self.broken("its events ended before it did".to_owned()))
            }
            stop => match reading.unreadable {
                Some(message) => Err(self.unreadable(&message)),
                None => Ok(Reply::new(
                    reading.messages,
                    stop,
                    self.machine.error().cloned(),
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
        self.broken(format!(
            "the agent waits for an answer to {what}{however}: give it with `approve`, `deny` or `answer`, and go on \
             with `resume_turn` and the checkpoint"
        ))
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

    pub(crate) fn broken(&self, why: String) -> Error {
        let why = match self.machine.error() {
            Some(error) => format!("{why}; its last error was: {}", error.message()),
            None => why,
        };
        Error::new(ErrorKind::Turn, why)
            .with_checkpoint(Some(self.checkpoint()))
            .with_sent(crate::Sent::Yes)
            .redacted(self.shared.auth())
    }
}
