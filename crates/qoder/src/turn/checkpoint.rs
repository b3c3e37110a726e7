//! A turn as a text, for another process to go on with.

use std::fmt;

use qoder_types::{EventId, SessionId};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::error::{Error, Result};
use crate::follow::Start;

/// What is stored of a turn. Only this crate reads it; fields may be added.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The session, so that a checkpoint is not taken for another one's.
    session: String,
    /// The message that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The last event that was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// How it stands.
    machine: Machine,
}

impl Checkpoint {
    pub(crate) fn new(
        session: &SessionId,
        message: Option<&EventId>,
        after: Option<String>,
        machine: &Machine,
    ) -> Self {
        Self {
            session: session.to_string(),
            message: message.map(ToString::to_string),
            after,
            machine: machine.clone(),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::input(
                "the checkpoint is empty: was it never stored? A new turn begins without one",
            ));
        }
        if !text.trim_start().starts_with('{') {
            return Err(Error::input(
                "this is no checkpoint of a turn: if it is one of following, or the id of an event, \
                 `follow().after(..)` goes on with it",
            ));
        }
        serde_json::from_str(text).map_err(|error| {
            Error::input(format!(
                "this is no checkpoint of a turn, as `Turn::checkpoint` returns it: {error}"
            ))
        })
    }

    /// Checks that it is of a turn in this session.
    pub(crate) fn of(self, session: &SessionId) -> Result<Self> {
        if self.session == session.as_str() {
            return Ok(self);
        }
        Err(Error::input(format!(
            "the checkpoint is of a turn in the session {}, not {session}",
            self.session
        )))
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId::from(self.session.as_str())
    }

    pub(crate) fn message(&self) -> Option<EventId> {
        self.message.as_deref().map(EventId::from)
    }

    pub(crate) fn start(&self) -> Start {
        match self.after.as_deref() {
            Some(id) => Start::After(id.into()),
            None => Start::Beginning,
        }
    }

    pub(crate) fn machine(self) -> Machine {
        self.machine
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}
