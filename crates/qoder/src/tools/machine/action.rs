//! The actions of the machine, and the facts that it is told.

use std::time::Duration;

use qoder_types::EventId;

use crate::tools::answer::Given;
use crate::tools::ledger::Record;

/// The limits of a [`Rounds`](super::Rounds).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The number of handlers that run at the same time, and of answers that are under way.
    pub(crate) concurrency: usize,
    /// The time that a handler may run.
    pub(crate) timeout: Duration,
    /// The number of pauses that may name something new.
    pub(crate) rounds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            timeout: Duration::from_secs(300),
            rounds: 100,
        }
    }
}

/// The kind of a tool use, as its event tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A custom tool that is here. `repeatable` if a run that was cut short may be repeated.
    Known { repeatable: bool },
    /// A custom tool that is not here, and what happens then.
    Unknown(Otherwise),
    /// It waits for an approval.
    Approval,
}

/// The handling of a custom tool that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    Fail,
    Leave,
    Refuse,
}

/// The outcome of an answer that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Accepted,
    /// The server refused it; in its words.
    Refused(String),
    /// It may have arrived, or not: why, and how long the server asks to wait.
    Unknown(String, Option<Duration>),
}

/// The next step of the driver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Look in the log for these tool uses, and for what came after the pause. Give what is found
    /// ([`Rounds::saw`](super::Rounds::saw), [`Rounds::answered`](super::Rounds::answered)), then
    /// say so ([`Rounds::looked`](super::Rounds::looked)).
    Look(Vec<EventId>),
    /// Read what the ledger has of this call: [`Rounds::recalled`](super::Rounds::recalled).
    Recall(EventId),
    /// Write this into the ledger: [`Rounds::recorded`](super::Rounds::recorded).
    Record(EventId, Record),
    /// Start the handler: [`Rounds::ended`](super::Rounds::ended).
    Run(EventId),
    /// Drop the handler.
    Stop(EventId),
    /// Let the policy decide: [`Rounds::decided`](super::Rounds::decided).
    Decide(EventId),
    /// Send this: [`Rounds::delivered`](super::Rounds::delivered).
    Send(EventId, Given),
    /// Nothing is to be done until then, unless something happens. `None`: until something does.
    Wait(Option<Duration>),
    /// The turn can't go on, for this reason. Final.
    Fail(String),
}
