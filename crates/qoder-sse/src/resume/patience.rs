//! The patience of a machine: the number of tries, their time, and the waits between them, counted
//! since the last progress.

use core::time::Duration;

use super::policy::{Policy, Tick};

#[derive(Debug)]
pub(super) struct Patience {
    random: u64,
    /// Attempts since the last progress.
    attempts: u32,
    /// Connections in a row that brought nothing.
    fruitless: u32,
    /// The number of times that the wait has doubled.
    waits: u32,
    /// Progress was made since the last wait: the next one is short.
    prompt: bool,
    /// The attempt at hand was asked for from outside.
    woken: bool,
    /// The first failure since the last progress.
    failing_since: Option<Tick>,
}

impl Patience {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: seed,
            attempts: 0,
            fruitless: 0,
            waits: 0,
            prompt: false,
            woken: false,
            failing_since: None,
        }
    }

    /// An attempt begins; its number since the last progress.
    pub(super) fn attempt(&mut self) -> u32 {
        if !self.woken || self.attempts == 0 {
            self.attempts = self.attempts.saturating_add(1);
        }
        self.attempts
    }

    /// A connection is being opened, which has yet to bring something.
    pub(super) fn connects(&mut self) {
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// The next attempt is not the machine's own.
    pub(super) fn wake(&mut self) {
        self.woken = true;
    }

    /// Something new came.
    pub(super) fn progress(&mut self) {
        self.ease();
        self.fruitless = 0;
        self.prompt = true;
        self.woken = false;
    }

    /// The server answers, though it has nothing new.
    pub(super) fn ease(&mut self) {
        self.attempts = 0;
        self.waits = 0;
        self.failing_since = None;
    }

    /// As if so many connections in a row had brought nothing.
    pub(super) fn set_fruitless(&mut self, connections: u32) {
        self.fruitless = connections;
    }

    pub(super) fn is_fruitless(&self, openings: u32) -> bool {
        self.fruitless >= openings
    }

    /// An attempt failed: whether that was one too many, or for too long.
    pub(super) fn is_exhausted(&mut self, now: Tick, policy: &Policy) -> bool {
        let since = *self.failing_since.get_or_insert(now);
        self.attempts >= policy.max_attempts || now.saturating_sub(since) >= policy.max_outage
    }

    /// Returns the time to wait now, by the machine's own rules.
    pub(super) fn delay(&mut self, policy: &Policy) -> Duration {
        let woken = core::mem::take(&mut self.woken);
        if core::mem::take(&mut self.prompt) {
            return self.up_to(policy.prompt.min(policy.cap));
        }
        let doubled = policy.base.saturating_mul(1 << self.waits.min(20));
        if !woken {
            self.waits += 1;
        }
        self.between_half_and(doubled.min(policy.cap))
    }

    pub(super) fn between_half_and(&mut self, whole: Duration) -> Duration {
        let half = whole / 2;
        half.saturating_add(self.up_to(half))
    }

    fn up_to(&mut self, limit: Duration) -> Duration {
        let chance = self.chance();
        // A float of the longest duration would round up to one that is too long.
        if limit > Duration::from_secs(1 << 53) {
            limit
        } else {
            limit.mul_f64(chance)
        }
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
