use core::time::Duration;

/// A time: the duration since any start, the same for all inputs of a machine.
pub type Tick = Duration;

/// The limits of a machine. All have a reason; change them with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The first reconnection after progress comes within this time, at random: 100 ms.
    pub prompt: Duration,
    /// From the second one on, waits begin here and double: 0.5 s. Each is drawn between its half
    /// and its whole.
    pub base: Duration,
    /// No wait of the machine's own is longer: 10 s.
    pub cap: Duration,
    /// What a server asks to wait, by `retry:` or with a refusal, is cut to this: 60 s.
    pub max_hint: Duration,
    /// A connection from which nothing came for so long is dead: 60 s. Comments count as life.
    pub idle: Duration,
    /// A connection that lived so long, and brought bytes, is progress even without a new entry:
    /// 15 s.
    pub healthy: Duration,
    /// Attempts without progress until it gives up: 30.
    pub max_attempts: u32,
    /// Time without progress until it gives up: 5 minutes.
    pub max_outage: Duration,
    /// How many ids of delivered entries are remembered, to drop repetitions: 512.
    pub remembered: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            prompt: Duration::from_millis(100),
            base: Duration::from_millis(500),
            cap: Duration::from_secs(10),
            max_hint: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            healthy: Duration::from_secs(15),
            max_attempts: 30,
            max_outage: Duration::from_secs(300),
            remembered: 512,
        }
    }
}

impl Policy {
    /// Sets how long a connection may be silent.
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets when to give up: after so many attempts, or so long, without progress.
    #[must_use]
    pub fn give_up(mut self, attempts: u32, outage: Duration) -> Self {
        self.max_attempts = attempts;
        self.max_outage = outage;
        self
    }

    /// Sets the waits: the first after no progress, and the longest.
    #[must_use]
    pub fn waits(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }
}
