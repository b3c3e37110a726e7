use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many retries may be under way before successes give some back.
///
/// All calls of a client share one. When a service is down, first attempts go on and retries run
/// dry, so that an outage is not answered by a multiple of the load. A call that succeeds gives
/// back what its retries drew; one that needed none puts a tenth of a retry in. Default: 100.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// In tenths of a retry.
    left: AtomicU32,
    full: u32,
}

const RETRY: u32 = 10;

impl RetryBudget {
    /// A budget of this many retries.
    pub fn new(retries: u32) -> Self {
        let full = retries.saturating_mul(RETRY);
        Self {
            shared: Arc::new(Shared {
                left: AtomicU32::new(full),
                full,
            }),
        }
    }

    /// Takes one retry, if there is one.
    pub(super) fn withdraw(&self) -> bool {
        let take = |left: u32| left.checked_sub(RETRY);
        self.shared
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// A call succeeded after so many retries.
    pub(super) fn deposit(&self, retries: u32) {
        let back = retries.saturating_mul(RETRY).max(1);
        let put = |left: u32| Some(left.saturating_add(back).min(self.shared.full));
        let _ = self
            .shared
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, put);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(100)
    }
}
