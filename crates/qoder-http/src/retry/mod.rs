//! Whether to try again, and when: a decision without I/O, clock or luck of its own.
//!
//! [`decide`] is this table:
//!
//! | What ended the attempt | Read | Keyed | Once | Never |
//! |---|---|---|---|---|
//! | nothing was sent | again | again | again | give |
//! | reset, timeout or protocol error before the head | again | again | give | give |
//! | `x-should-retry: false`; 409 | give | give | give | give |
//! | 429 | again | again | again | give |
//! | 408, 425, 5xx except 501 | again | again | give | give |
//! | 401, first time, with a credential that can be renewed | renew | renew | give | give |
//! | another status with `x-should-retry: true` | again | again | give | give |
//! | another 4xx, 3xx, 501 | give | give | give | give |
//! | the body broke after a 2xx head | again | again | give | give |
//! | the request's own body failed; the proxy wants other credentials | give | give | give | give |
//! | a certificate that doesn't do; a coding that was not asked for | give | give | give | give |
//!
//! [`Attempts`] adds what the table leaves open: how many, how long to wait, and the budget that
//! all calls share. A hint of the server lengthens a wait and never shortens it.

mod budget;
mod hint;
#[cfg(test)]
mod tests;

pub use budget::RetryBudget;
pub use hint::retry_after;

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::error::{ErrorKind, Sent};

/// What a request does, as far as repeating it matters.
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

/// What ended an attempt.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AttemptEnd<'a> {
    /// A response whose status is no success.
    Status {
        /// The status.
        status: u16,
        /// The headers, for the server's hints.
        headers: &'a HeaderMap,
    },
    /// There was no response.
    Failed {
        /// What happened.
        kind: ErrorKind,
        /// Whether the request had left.
        sent: Sent,
    },
    /// The head said success, and the body then broke.
    BodyBroke,
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Another attempt may be made.
    Again,
    /// This was the last one.
    Give,
    /// Another attempt may be made with a renewed credential, if there can be one.
    Renew,
}

/// The table, for a request of this class.
pub fn decide(class: Class, end: &AttemptEnd<'_>) -> Verdict {
    let repeatable = matches!(class, Class::Read | Class::Keyed);
    let again = match end {
        _ if class == Class::Never => false,
        // These fail the same way each time, and a proxy may lock out who insists.
        AttemptEnd::Failed {
            kind:
                ErrorKind::Url
                | ErrorKind::Config
                | ErrorKind::Certificate
                | ErrorKind::ProxyAuth
                | ErrorKind::Coding
                | ErrorKind::TooLarge
                | ErrorKind::Source,
            ..
        } => false,
        AttemptEnd::Failed { sent: Sent::No, .. } => true,
        AttemptEnd::Failed { .. } | AttemptEnd::BodyBroke => repeatable,
        AttemptEnd::Status { status, headers } => match (status, hint::should_retry(headers)) {
            (409, _) | (_, Some(false)) | (501, None) => false,
            (429, _) => true,
            (401, _) if repeatable => return Verdict::Renew,
            (408 | 425 | 500.., _) | (_, Some(true)) => repeatable,
            _ => false,
        },
    };
    if again { Verdict::Again } else { Verdict::Give }
}

/// How often, and after what waits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts after the first one: 2.
    pub max_retries: u32,
    /// The first wait, doubled each time: 0.5 s.
    pub base: Duration,
    /// No wait of ours is longer: 8 s.
    pub cap: Duration,
    /// Up to this part of a wait is taken off at random, so that clients don't return in step:
    /// 0.25.
    pub jitter: f64,
    /// A hint of the server that is longer ends the call, with the hint in its error: 60 s.
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
    /// No attempt after the first one.
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

    /// Sets the first wait and the longest.
    pub fn waits(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }
}

/// The attempts of one call.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::HeaderMap;
/// use qoder_http::retry::{AttemptEnd, Attempts, Class, Next, RetryPolicy};
///
/// let mut attempts = Attempts::new(RetryPolicy::default(), Class::Read, 7);
/// let end = AttemptEnd::Status { status: 503, headers: &HeaderMap::new() };
/// let next = attempts.next(&end, None, SystemTime::UNIX_EPOCH);
/// let Next::Again { after } = next else { panic!("{next:?}") };
/// assert!(after >= Duration::from_millis(375) && after <= Duration::from_millis(500));
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

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Wait, then try again.
    Again {
        /// How long.
        after: Duration,
    },
    /// Renew the credential, then try again at once; without a credential that can be renewed,
    /// give up.
    Renew,
    /// Give up.
    Give,
}

impl Attempts {
    /// The attempts of a call of this class. `seed` is the only source of chance.
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

    /// Draws its retries from a budget that other calls share.
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// An attempt ended so. `remaining` is what is left of the call's deadline, `now` serves to
    /// read hints that are dates.
    pub fn next(
        &mut self,
        end: &AttemptEnd<'_>,
        remaining: Option<Duration>,
        now: SystemTime,
    ) -> Next {
        self.waiting = false;
        match decide(self.class, end) {
            Verdict::Give => return Next::Give,
            Verdict::Renew if self.renewed => return Next::Give,
            Verdict::Renew => {
                self.renewed = true;
                return Next::Renew;
            }
            Verdict::Again => {}
        }
        if self.retries >= self.policy.max_retries {
            return Next::Give;
        }
        let hint = match end {
            AttemptEnd::Status { headers, .. } => retry_after(headers, now).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let after = self.backoff().max(hint);
        // A wait that the deadline would cut short is not worth its time.
        if hint > self.policy.max_hint || remaining.is_some_and(|remaining| after >= remaining) {
            return Next::Give;
        }
        if self
            .budget
            .as_ref()
            .is_some_and(|budget| !budget.withdraw())
        {
            return Next::Give;
        }
        self.retries += 1;
        self.waiting = self.budget.is_some();
        Next::Again { after }
    }

    /// The wait is over, and the next attempt begins. Dropped before that, as when the call is
    /// cancelled, its retry goes back to the budget.
    pub fn begins(&mut self) {
        self.waiting = false;
    }

    /// The call succeeded: what it drew from the budget flows back.
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
