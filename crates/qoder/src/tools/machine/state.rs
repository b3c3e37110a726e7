//! The state of a tool use, and the pause that named it.

use std::time::Duration;

use qoder_types::EventId;

use crate::tools::answer::Given;
use crate::tools::result::ToolResult;

/// The state of a tool use; see the table of the machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Recalled,
    Ready,
    Beginning,
    Running { until: Option<Duration> },
    Ending(ToolResult),
    Decided,
    Owed(Owed),
    Sending(Owed),
    Refused { until: Duration, why: String },
    Sent,
    Answered,
    Left,
}

impl State {
    /// When there is something to be done about it, if nothing happens before.
    pub(super) fn due(&self) -> Option<Duration> {
        match self {
            Self::Running { until } => *until,
            Self::Owed(owed) => Some(owed.due),
            Self::Refused { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// An answer that is to be sent, when, and how often it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owed {
    pub(super) answer: Given,
    pub(super) sends: u32,
    pub(super) due: Duration,
}

/// The pause that the session is in, until it is taken up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Pause {
    /// The session waits for nothing that is not taken up.
    #[default]
    None,
    /// It waits for these; what comes next in the log may say otherwise.
    Named(Vec<EventId>),
    /// The log is being looked through.
    Looking(Vec<EventId>),
}

/// An answer that is due now.
pub(super) fn owe(now: Duration, answer: Given) -> State {
    State::Owed(Owed {
        answer,
        sends: 0,
        due: now,
    })
}
