//! Limits of time that may be longer than the clock can count.
//!
//! `Instant::now() + Duration::MAX` panics. A caller who sets such a limit means that there is none,
//! and here that is what it is.

use std::future::Future;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{self, Instant};

/// A hundred years. What is further away than that, clocks and timers can't be trusted with.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Returns the moment at which `limit` has passed since `start`, or `None` if that never happens:
/// if it is a hundred years or more, or more than the clock can count.
///
/// ```
/// use std::time::Duration;
/// use qoder_http::time::deadline;
/// use tokio::time::Instant;
///
/// let start = Instant::now();
/// let second = Duration::from_secs(1);
/// assert_eq!(deadline(start, second), Some(start + second));
/// assert_eq!(deadline(start, Duration::MAX), None);
/// ```
pub fn deadline(start: Instant, limit: Duration) -> Option<Instant> {
    finite(limit).and_then(|limit| start.checked_add(limit))
}

/// A limit of time, unless it is as good as none.
pub(crate) fn finite(limit: Duration) -> Option<Duration> {
    (limit < FOREVER).then_some(limit)
}

/// Waits for a future until a deadline, and without a deadline for ever. The future is polled first:
/// if it is ready, it doesn't matter that the deadline has passed.
///
/// ```
/// use std::time::Duration;
/// use qoder_http::time::{deadline, timeout_at};
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let until = deadline(Instant::now(), Duration::from_millis(1));
/// assert_eq!(timeout_at(until, std::future::ready(7)).await, Ok(7));
/// assert!(timeout_at(until, std::future::pending::<()>()).await.is_err());
/// # }
/// ```
///
/// # Errors
///
/// [`Elapsed`] if the deadline passes first.
pub async fn timeout_at<F: Future>(
    deadline: Option<Instant>,
    future: F,
) -> Result<F::Output, Elapsed> {
    match deadline {
        Some(deadline) => time::timeout_at(deadline, future).await,
        None => Ok(future.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_beyond_the_clock_is_none() {
        let start = Instant::now();
        let years = |years: u64| Duration::from_secs(years * 365 * 24 * 60 * 60);
        for (limit, is_one) in [
            (Duration::ZERO, true),
            (years(99), true),
            (years(100), false),
            // The clock could just count it, and the timer could not round it up.
            (Duration::from_secs(i64::MAX as u64 / 2), false),
            (Duration::MAX, false),
        ] {
            let deadline = deadline(start, limit);
            assert_eq!(deadline, is_one.then(|| start + limit), "{limit:?}");
            let ready = timeout_at(deadline, std::future::ready(7)).await;
            assert_eq!(ready.ok(), Some(7));
        }
        let passed = timeout_at(deadline(start, years(99)), std::future::pending::<()>()).await;
        assert!(passed.is_err());
    }
}
