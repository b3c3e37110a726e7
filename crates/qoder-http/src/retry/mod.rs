//! Whether to try again, and when: decisions without I/O, clock or randomness of their own.
//!
//! [`decide`] is this table, by what ended the attempt and by the request's [`Class`]:
//!
//! | What ended the attempt | Read | Keyed | Once | Never |
//! |---|---|---|---|---|
//! | nothing was sent | retry | retry | retry | give up |
//! | reset, timeout or protocol error before the head | retry | retry | give up | give up |
//! | `x-should-retry: false`; 409 | give up | give up | give up | give up |
//! | 429 | retry | retry | retry | give up |
//! | 408, 425, 5xx except 501 | retry | retry | give up | give up |
//! | 401 | renew | renew | give up | give up |
//! | another status with `x-should-retry: true` | retry | retry | give up | give up |
//! | another 4xx, 3xx, 501 | give up | give up | give up | give up |
//! | the body broke after a 2xx head | retry | retry | give up | give up |
//! | the request's own body failed; the proxy wants other credentials | give up | give up | give up | give up |
//! | a certificate that is not accepted; a coding that was not asked for; a body that is too large or not the expected JSON | give up | give up | give up | give up |
//! | a URL or a configuration that can't be used | give up | give up | give up | give up |
//!
//! [`Attempts`] adds what the table leaves open: how many attempts, how long to wait between them,
//! that a credential is renewed once, and the budget that all calls share. A hint of the server
//! lengthens a wait and never shortens it.
//!
//! With the feature `tower`, `RetryLayer` makes the attempts and does the waiting, around any service.

mod budget;
mod hint;
#[cfg(feature = "tower")]
mod layer;
#[cfg(test)]
mod tests;

pub use budget::RetryBudget;
pub use hint::retry_after;
#[cfg(feature = "tower")]
pub use layer::{Retry, RetryLayer};

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Request};

use crate::error::{ErrorKind, Sent};

/// The effect of a request, as far as repeating it matters (RFC 9110, section 9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes nothing.
    Read,
    /// A write with an idempotency key: sent twice with the same key and bytes, it is done once.
    Keyed,
    /// A write without a key: sent twice, it may be done twice.
    Once,
    /// Must not be repeated at all, such as the rotation of a secret.
    Never,
}

impl Class {
    /// Returns the class of a request, as far as its method and fields tell (RFC 9110, section
    /// 9.2): [`Read`](Self::Read) for the safe methods; [`Keyed`](Self::Keyed) for PUT and DELETE,
    /// and for whatever has the field `Idempotency-Key`; [`Once`](Self::Once) for all others.
    ///
    /// ```
    /// use http::Request;
    /// use qoder_http::retry::Class;
    ///
    /// # fn main() -> Result<(), http::Error> {
    /// assert_eq!(Class::of(&Request::get("/").body(())?), Class::Read);
    /// assert_eq!(Class::of(&Request::post("/").body(())?), Class::Once);
    /// assert_eq!(Class::of(&Request::post("/").header("idempotency-key", "k1").body(())?), Class::Keyed);
    /// # Ok(()) }
    /// ```
    pub fn of<B>(request: &Request<B>) -> Self {
        match *request.method() {
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE => Self::Read,
            Method::PUT | Method::DELETE => Self::Keyed,
            _ if request.headers().contains_key("idempotency-key") => Self::Keyed,
            _ => Self::Once,
        }
    }
}

/// The end of an attempt.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AttemptEnding<'a> {
    /// A response arrived whose status is no success (2xx).
    Status {
        /// The status code.
        status: u16,
        /// The response's header fields, which may hold the server's hints: `Retry-After`,
        /// `Retry-After-Ms`, `X-Should-Retry` and `Date`.
        headers: &'a HeaderMap,
    },
    /// No response arrived.
    Failed {
        /// The class of the error.
        kind: ErrorKind,
        /// Whether the request had left.
        sent: Sent,
    },
    /// The head said success, and the body then broke off.
    BodyBroke,
}

/// The table's decision about an attempt that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Another attempt may be made.
    Retry,
    /// Another attempt may be made with a renewed credential, if there can be one.
    Renew,
    /// The attempt was the last one.
    GiveUp,
}

/// Returns the decision of the [table](self) about an attempt of a request of this class.
///
/// ```
/// use http::HeaderMap;
/// use qoder_http::retry::{AttemptEnding, Class, Decision, decide};
///
/// let end = AttemptEnding::Status { status: 503, headers: &HeaderMap::new() };
/// assert_eq!(decide(Class::Keyed, &end), Decision::Retry);
/// assert_eq!(decide(Class::Once, &end), Decision::GiveUp);
/// ```
pub fn decide(class: Class, end: &AttemptEnding<'_>) -> Decision {
    let repeatable = matches!(class, Class::Read | Class::Keyed);
    let again = match end {
        _ if class == Class::Never => false,
        // These fail the same way each time, and a proxy may lock out who insists.
        AttemptEnding::Failed {
            kind:
                ErrorKind::Url
                | ErrorKind::Config
                | ErrorKind::Certificate
                | ErrorKind::ProxyAuth
                | ErrorKind::Coding
                | ErrorKind::TooLarge
                | ErrorKind::Json
                | ErrorKind::Source,
            ..
        } => false,
        AttemptEnding::Failed { sent: Sent::No, .. } => true,
        AttemptEnding::Failed { .. } | AttemptEnding::BodyBroke => repeatable,
        AttemptEnding::Status { status, headers } => match (status, hint::should_retry(headers)) {
            (409, _) | (_, Some(false)) | (501, None) => false,
            (429, _) => true,
            (401, _) if repeatable => return Decision::Renew,
            (408 | 425 | 500.., _) | (_, Some(true)) => repeatable,
            _ => false,
        },
    };
    if again {
        Decision::Retry
    } else {
        Decision::GiveUp
    }
}

/// The number of attempts, and the waits between them.
///
/// ```
/// use std::time::Duration;
/// use qoder_http::retry::RetryPolicy;
///
/// let patient = RetryPolicy::default()
///     .max_retries(5)
///     .waits(Duration::from_secs(1), Duration::from_secs(30));
/// assert_eq!(patient.jitter, 0.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The most attempts after the first one. Default: 2.
    pub max_retries: u32,
    /// The first wait, doubled after each retry. Default: 0.5 s.
    pub base: Duration,
    /// The longest wait, unless the server asks for a longer one. Default: 8 s.
    pub cap: Duration,
    /// The part of a wait that is taken off at random at most, from 0 to 1, so that clients don't
    /// return in step. Values outside count as the nearest limit, and NaN as 0. Default: 0.25.
    pub jitter: f64,
    /// The longest wait that a server may ask for. A hint that is longer ends the call. Default:
    /// 60 s.
    pub max_hint: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            jitter: 0.25,
            max_hint: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy without any attempt after the first one.
    ///
    /// ```
    /// use qoder_http::retry::RetryPolicy;
    ///
    /// assert_eq!(RetryPolicy::none().max_retries, 0);
    /// ```
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    /// Sets how many attempts are made after the first one.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Sets the first wait ([`base`](Self::base)) and the longest ([`cap`](Self::cap)).
    pub fn waits(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }
}

/// The attempts of one call, as a state machine.
///
/// The caller makes the attempts and does the waiting. After each attempt it reports how that ended:
/// [`next`](Self::next) for a failure, and the [`Action`] that it returns is what the caller has to
/// do; [`succeeded`](Self::succeeded) for a success, after which nothing more is reported. After
/// [`Action::Retry`] the caller waits, then calls [`begins`](Self::begins) as it makes the attempt;
/// if it gives the wait up, it drops the machine instead. After [`Action::Renew`] it renews the
/// credential and makes the attempt at once, or gives up if it can't. After [`Action::GiveUp`] it
/// returns the last failure; asking again is harmless, and may draw another retry from the budget.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::HeaderMap;
/// use qoder_http::retry::{Action, AttemptEnding, Attempts, Class, RetryPolicy};
///
/// let mut attempts = Attempts::new(RetryPolicy::default(), Class::Read, 7);
/// let end = AttemptEnding::Status { status: 503, headers: &HeaderMap::new() };
/// let action = attempts.next(&end, None, SystemTime::UNIX_EPOCH);
/// let Action::Retry { after } = action else { panic!("{action:?}") };
/// assert!(after >= Duration::from_millis(375) && after <= Duration::from_millis(500));
/// // … wait …
/// attempts.begins();
/// attempts.succeeded();
/// ```
#[derive(Debug)]
pub struct Attempts {
    policy: RetryPolicy,
    class: Class,
    budget: Option<RetryBudget>,
    random: u64,
    retries: u32,
    /// The last of the retries has been drawn, and not begun.
    waiting: bool,
    renewed: bool,
}

impl Drop for Attempts {
    fn drop(&mut self) {
        if let Some(budget) = self.budget.as_ref().filter(|_| self.waiting) {
            budget.deposit(1);
        }
    }
}

/// The next step after an attempt: a [`Decision`], with the wait before a retry.
///
/// ```
/// use std::time::SystemTime;
/// use qoder_http::retry::{Action, AttemptEnding, Attempts, Class, RetryPolicy};
///
/// let mut attempts = Attempts::new(RetryPolicy::default(), Class::Read, 7);
/// let headers = http::HeaderMap::new();
/// let ending = AttemptEnding::Status { status: 503, headers: &headers };
/// match attempts.next(&ending, None, SystemTime::now()) {
///     Action::Retry { after } => println!("again in {after:?}"),
///     Action::GiveUp => println!("that was the last attempt"),
///     other => println!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Wait, then try again.
    Retry {
        /// The time to wait.
        after: Duration,
    },
    /// Renew the credential, then try again at once; if it can't be renewed, give up.
    Renew,
    /// Give up.
    GiveUp,
}

impl Attempts {
    /// Returns the machine of a call of this class. `seed` seeds the jitter of the waits: the same
    /// seed makes the same waits.
    pub fn new(policy: RetryPolicy, class: Class, seed: u64) -> Self {
        Self {
            policy,
            class,
            budget: None,
            random: seed,
            retries: 0,
            waiting: false,
            renewed: false,
        }
    }

    /// Draws its retries from a budget that other calls share. Without one there is no limit but
    /// the policy's.
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Reports an attempt that failed, and returns what to do.
    ///
    /// `remaining` is the time that is left until the call's deadline, `None` without a deadline: a
    /// wait that would reach it is not begun. `now` is the time by which hints that are dates are
    /// read where the response has no `Date`.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use qoder_http::retry::{Action, AttemptEnding, Attempts, Class, RetryPolicy};
    /// use qoder_http::{ErrorKind, Sent};
    ///
    /// // A write without a key whose connection broke: it may have been done.
    /// let mut attempts = Attempts::new(RetryPolicy::default(), Class::Once, 7);
    /// let broke = AttemptEnding::Failed { kind: ErrorKind::Reset, sent: Sent::Maybe };
    /// let left = Some(Duration::from_secs(30));
    /// assert_eq!(attempts.next(&broke, left, SystemTime::now()), Action::GiveUp);
    /// ```
    pub fn next(
        &mut self,
        end: &AttemptEnding<'_>,
        remaining: Option<Duration>,
        now: SystemTime,
    ) -> Action {
        self.waiting = false;
        match decide(self.class, end) {
            Decision::GiveUp => return Action::GiveUp,
            Decision::Renew if self.renewed => return Action::GiveUp,
            Decision::Renew => {
                self.renewed = true;
                return Action::Renew;
            }
            Decision::Retry => {}
        }
        if self.retries >= self.policy.max_retries {
            return Action::GiveUp;
        }
        let hint = match end {
            AttemptEnding::Status { headers, .. } => retry_after(headers, now).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let after = self.backoff().max(hint);
        // A wait that the deadline would cut short is not worth its time.
        if hint > self.policy.max_hint || remaining.is_some_and(|remaining| after >= remaining) {
            return Action::GiveUp;
        }
        if self
            .budget
            .as_ref()
            .is_some_and(|budget| !budget.withdraw())
        {
            return Action::GiveUp;
        }
        self.retries += 1;
        self.waiting = self.budget.is_some();
        Action::Retry { after }
    }

    /// Reports that the wait is over and the next attempt begins. A machine that is dropped before,
    /// as when the call is canceled, returns its retry to the budget.
    pub fn begins(&mut self) {
        self.waiting = false;
    }

    /// Reports that the call succeeded, which returns to the budget what the call drew from it.
    pub fn succeeded(&mut self) {
        self.waiting = false;
        if let Some(budget) = &self.budget {
            budget.deposit(self.retries);
        }
    }

    fn backoff(&mut self) -> Duration {
        let doubled = self
            .policy
            .base
            .saturating_mul(1u32.checked_shl(self.retries).unwrap_or(u32::MAX));
        let whole = doubled.min(self.policy.cap);
        // What is no number compares with nothing, and takes nothing off.
        let jitter = if self.policy.jitter > 0.0 {
            self.policy.jitter.min(1.0)
        } else {
            0.0
        };
        let part = jitter * self.chance();
        whole.saturating_sub(whole.mul_f64(part))
    }

    /// The next number in [0, 1), by `SplitMix64`.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
        unit
    }
}
