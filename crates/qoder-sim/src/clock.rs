//! The simulator's clock, which can be moved ahead.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// The machine's clock, and how far the simulator's is ahead of it. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    ahead: Arc<watch::Sender<Duration>>,
}

/// A time from which a wait is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: Instant,
    ahead: Duration,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        later(Timestamp::now(), *self.ahead.borrow())
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            at: Instant::now(),
            ahead: *self.ahead.borrow(),
        }
    }

    /// Waits until so much has gone by since then, or the clock has been moved ahead by the rest.
    pub(crate) async fn wait(&self, since: Moment, wait: Duration) {
        let mut moved = self.ahead.subscribe();
        loop {
            let ahead = *moved.borrow_and_update();
            let gone = since.at.elapsed() + ahead.saturating_sub(since.ahead);
            let Some(left) = wait.checked_sub(gone).filter(|left| !left.is_zero()) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // The sender lives as long as this clock.
                _ = moved.changed() => {}
            }
        }
    }

    /// The time, as the API writes it.
    pub(crate) fn text(&self) -> String {
        self.now().to_string()
    }

    /// Moves the clock ahead, by whole milliseconds.
    pub(crate) fn advance(&self, by: Duration) {
        let by = Duration::from_millis(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
        self.ahead
            .send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }
}

/// A time so much later, or the last one that there is.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
