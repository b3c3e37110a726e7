use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A limit on the retries that may be made before successes earn more.
///
/// All calls of a client share one. When a service is down, first attempts go on and retries run
/// dry, so that an outage is not answered by a multiple of the load. A call that succeeds returns
/// what its retries drew; one that needed none adds a tenth of a retry. A budget never holds more
/// than it began with. Clones share it. Default: 100 retries.
///
/// ```
/// use std::time::SystemTime;
/// use http::HeaderMap;
/// use qoder_http::retry::{Action, AttemptEnding, Attempts, Class, RetryBudget, RetryPolicy};
///
/// let budget = RetryBudget::new(1);
/// let headers = HeaderMap::new();
/// let end = AttemptEnding::Status { status: 503, headers: &headers };
/// let attempts = || Attempts::new(RetryPolicy::default(), Class::Read, 7).with_budget(budget.clone());
///
/// let (mut one, mut other) = (attempts(), attempts());
/// assert!(matches!(one.next(&end, None, SystemTime::UNIX_EPOCH), Action::Retry { .. }));
/// assert_eq!(other.next(&end, None, SystemTime::UNIX_EPOCH), Action::GiveUp);
/// ```
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
    /// Returns a full budget of this many retries.
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
