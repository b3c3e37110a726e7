//! The simulator's clock, which can be moved ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// The machine's clock, and how far the simulator's is ahead of it. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    ahead_millis: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        later(Timestamp::now(), ahead)
    }

    /// The time, as the API writes it.
    pub(crate) fn text(&self) -> String {
        self.now().to_string()
    }

    /// Moves the clock ahead, by whole milliseconds.
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let add = |ahead: u64| Some(ahead.saturating_add(by));
        let _ = self
            .ahead_millis
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

/// A time so much later, or the last one that there is.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
