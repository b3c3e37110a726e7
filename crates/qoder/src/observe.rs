//! Watching what a client does, for metrics: a hook, without a dependency on any metrics crate.

use std::time::Duration;

use qoder_types::Method;

use crate::error::ErrorKind;
use crate::follow::Notice;

/// Observes every attempt, every call, and every change of a followed session's connection. Given
/// to [`ClientBuilder::observe`](crate::ClientBuilder::observe).
///
/// Its methods are called in the task that makes the call, so they must be quick and must not
/// block: count, and return. The reports hold numbers, and names that have few values, fit for the
/// labels of a metric; no id, no URL, no secret and nothing of a body.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use qoder::observe::{AttemptReport, CallReport, Observe};
///
/// #[derive(Default)]
/// struct Counters {
///     calls: AtomicU64,
///     failures: AtomicU64,
///     attempts: AtomicU64,
/// }
///
/// impl Observe for Counters {
///     fn attempt(&self, _: &AttemptReport) {
///         self.attempts.fetch_add(1, Ordering::Relaxed);
///     }
///
///     fn call(&self, call: &CallReport) {
///         self.calls.fetch_add(1, Ordering::Relaxed);
///         if call.error_type().is_some() {
///             self.failures.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # fn main() -> qoder::Result<()> {
/// let counters = Arc::new(Counters::default());
/// let client = qoder::Client::builder()
///     .token("pt-your-token-here")
///     .observe(counters.clone())
///     .build()?;
/// # Ok(()) }
/// ```
pub trait Observe: Send + Sync {
    /// An attempt came to its end: a request with a response, or without one.
    fn attempt(&self, attempt: &AttemptReport) {
        let _ = attempt;
    }

    /// A call came to its end, all its attempts and waits included; for a stream, its opening.
    fn call(&self, call: &CallReport) {
        let _ = call;
    }

    /// The connection of a followed session or thread changed. `operation` is the one that
    /// streams it, such as `sessions.events.stream`.
    fn follow(&self, operation: &'static str, notice: &Notice) {
        let _ = (operation, notice);
    }
}

/// One request of a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptReport {
    /// The operation that is called.
    pub operation: Operation,
    /// Counts the attempts of the call, from 1.
    pub attempt: u32,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The kind of the error. `None` for a success.
    pub error: Option<ErrorKind>,
    /// The wait before the next attempt; `None` if this was the last.
    pub retry_after: Option<Duration>,
    /// From the request to the end of the response, or for a stream to its head.
    pub elapsed: Duration,
}

/// A call with all its attempts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallReport {
    /// The operation that was called.
    pub operation: Operation,
    /// The number of attempts that were begun.
    pub attempts: u32,
    /// The status of the last response, if there was one.
    pub status: Option<u16>,
    /// The call's outcome.
    pub outcome: Outcome,
    /// From the first attempt to the end, waits included.
    pub elapsed: Duration,
    /// The size of the request's body, in bytes, if it is known.
    pub request_bytes: Option<u64>,
    /// The size of the response's body, in bytes; `None` for a stream, and where there was none.
    pub response_bytes: Option<u64>,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// With a value, or an open stream.
    Success,
    /// With an error.
    Error(ErrorKind),
    /// The future of the call was dropped.
    Canceled,
}

impl CallReport {
    /// Returns the value of OpenTelemetry's `error.type`: the status if it is one of an error, else
    /// the [class of the error](ErrorKind::as_str), or `canceled`. `None` after a success.
    pub fn error_type(&self) -> Option<String> {
        error_type(self.status, self.outcome)
    }
}

pub(crate) fn error_type(status: Option<u16>, outcome: Outcome) -> Option<String> {
    match (outcome, status) {
        (Outcome::Success, _) => None,
        (Outcome::Canceled, _) => Some("canceled".to_owned()),
        (Outcome::Error(ErrorKind::Api), Some(status)) => Some(status.to_string()),
        (Outcome::Error(kind), _) => Some(kind.as_str().to_owned()),
    }
}

/// The operation that a call is of. There are few of them, so they can be labels.
///
/// All [raw calls](crate::Client::request) of a method count as one operation, since their paths may
/// hold ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Operation {
    /// The name of the operation, such as `sessions.events.send`; for a raw call the method, such as
    /// `get`.
    pub name: &'static str,
    /// The HTTP method of the operation.
    pub method: Method,
    /// The path below the base URL, with its parameters by name: `/sessions/{session_id}/events`;
    /// for a raw call `(undocumented)`.
    pub route: &'static str,
}
