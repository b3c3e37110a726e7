//! A piece of work that a worker holds, and the writes that are made for it.

use std::time::Duration;

use qoder_types::WorkId;

use super::action::{Tick, WriteKind};
use crate::worker::backoff::Backoff;
use crate::worker::notice::CancelReason;

/// A piece of work that is held, or about to be.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) work: WorkId,
    pub(super) step: Step,
    /// When the lease is over, by the clock on this side.
    pub(super) ends: Tick,
    /// The duration of a lease.
    pub(super) ttl: Duration,
    /// The value that the next heartbeat has to expect.
    pub(super) expected: String,
    pub(super) beat: Write,
    /// Until when the handler may go on, once it was told to end, and why.
    pub(super) told: Option<(Tick, CancelReason)>,
}

/// The progress of a piece of work.
#[derive(Debug)]
pub(super) enum Step {
    /// It is acknowledged. No heartbeats yet.
    Acking(Write),
    /// The first heartbeat says whether it is this worker's.
    Claiming,
    /// The handler runs.
    Running,
    /// The handler is over, and the server is told.
    Stopping(Write),
}

/// A write, which is made again under its number until it is answered.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) number: u64,
    /// When the first attempt was sent.
    pub(super) began: Option<Tick>,
    pub(super) failures: u32,
    /// When the next attempt is due. `None` while one is under way.
    pub(super) due: Option<Tick>,
}

impl Item {
    /// A third of the lease: the time between heartbeats, and the longest wait before an attempt is
    /// made again.
    pub(super) fn third(&self) -> Duration {
        self.ttl / 3
    }

    /// The write of this kind, if it is one that the work is at.
    pub(super) fn write(&mut self, kind: WriteKind) -> Option<&mut Write> {
        match (kind, &mut self.step) {
            (WriteKind::Ack, Step::Acking(write)) | (WriteKind::Stop, Step::Stopping(write)) => {
                Some(write)
            }
            (WriteKind::Beat, _) => Some(&mut self.beat),
            _ => None,
        }
    }
}

impl Write {
    /// Whether an attempt is to be sent now. If so, it is under way.
    pub(super) fn sends(&mut self, now: Tick) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = None;
            self.began.get_or_insert(now);
        }
        due
    }

    /// Makes the next attempt due after the back-off, but after `longest` at the latest. Returns the
    /// wait.
    pub(super) fn again(
        &mut self,
        now: Tick,
        backoff: &mut Backoff,
        hint: Option<Duration>,
        longest: Duration,
    ) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let delay = backoff.after(self.failures, hint).min(longest);
        self.due = Some(now.saturating_add(delay));
        delay
    }
}
