//! The actions of a worker, and the news of its heartbeats.

use std::time::Duration;

use crate::worker::notice::CancelReason;

/// The time since the worker began.
pub(crate) type Tick = Duration;

/// A worker's place for a piece of work, from the poll that brought it until the worker has nothing
/// to do with it any more. No place is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(pub(super) u64);

/// The next step of a worker's driver.
///
/// Requests with a `number` are writes. One that failed is made again under its number, and the
/// server does it once: the number is part of its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ask for work. Answered by `polled`, `poll_failed` or `poll_refused`.
    Poll,
    /// Acknowledge the work. Answered by `acked`, `failed` or `refused`.
    Ack { slot: Slot, number: u64 },
    /// Send a heartbeat that expects this to be the last one, and give up after this time. Answered
    /// by `beaten`, `failed` or `refused`.
    Beat {
        slot: Slot,
        number: u64,
        expected: String,
        limit: Duration,
    },
    /// Start the handler. Answered by `ended`.
    Start { slot: Slot },
    /// Tell the handler that it is to end.
    Tell { slot: Slot, why: CancelReason },
    /// Drop the handler.
    Cancel { slot: Slot, why: CancelReason },
    /// Stop the work, with force: nobody is at it any more. Answered by `stopped`, `failed` or
    /// `refused`.
    Stop { slot: Slot, number: u64 },
    /// Drop the requests that are under way for the work, and forget it.
    Release { slot: Slot, how: Release },
    /// Do nothing until this time, or until something happens if there is none.
    Wait(Option<Tick>),
    /// The worker is at its end. What is still under way is to be dropped.
    Done,
}

/// The writes that are made for a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteKind {
    Ack,
    Beat,
    Stop,
}

/// The way a worker parted from a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// It is over, and the server knows.
    Over,
    /// It was never this worker's, or is not any more, and no handler was started.
    NotTaken,
    /// The lease was lost while the handler ran.
    Lost,
    /// The handler ended, and the server could not be told: it may give the work again.
    Unstopped,
}

impl Action {
    /// Whether it sends something for the work, or starts its handler.
    pub(super) fn is_work_on(&self, of: Slot) -> bool {
        match self {
            Self::Ack { slot, .. }
            | Self::Beat { slot, .. }
            | Self::Stop { slot, .. }
            | Self::Start { slot } => *slot == of,
            _ => false,
        }
    }
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// The value that the next one has to expect.
    pub(crate) last: String,
    /// The duration of the lease.
    pub(crate) ttl: Duration,
    pub(crate) extended: bool,
    pub(crate) state: BeatState,
}

/// The state of the work, as a heartbeat's answer tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeatState {
    /// It goes on.
    Active,
    /// Somebody asked for it to be stopped.
    Stopping,
    /// It is over.
    Stopped,
}
