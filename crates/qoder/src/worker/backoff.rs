//! The wait before the next attempt.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait that is this side's own.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// The longest wait that a server can ask for.
const LONGEST_HINT: Duration = Duration::from_secs(5 * 60);

/// Waits that double, with jitter from a seed: a wait is between half and all of what it doubled
/// to, so that workers that failed together don't come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    random: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: seed }
    }

    /// The wait after so many failures in a row. What the server asked to wait lengthens it.
    pub(super) fn after(&mut self, failures: u32, hint: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1);
        let doubled = FIRST.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX));
        let whole = doubled.min(LONGEST);
        let wait = whole.mul_f64(1.0 - self.unit() / 2.0);
        wait.max(hint.unwrap_or_default().min(LONGEST_HINT))
    }

    /// The next number in [0, 1), by `SplitMix64`.
    fn unit(&mut self) -> f64 {
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
