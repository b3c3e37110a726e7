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
    /// Whether the log is listed again and again in place of a connection: never.
    pub polling: Polling,
    /// The time between two lists where the log is polled: 2 s. Each is drawn between its half
    /// and its whole.
    pub pace: Duration,
    /// How long the log is polled until a connection is tried again, where polling is what was
    /// fallen back to: 60 s. It doubles with each connection that fails, up to tenfold.
    pub stream_again: Duration,
}

/// When to poll: to list the log again and again, for networks that keep no connection open.
///
/// [`Start::Attach`](super::Start::Attach) is for servers without a list, and never polls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Polling {
    /// Never: connections are tried until they work, or until it gives up.
    #[default]
    Never,
    /// From the start, and no connection is opened.
    Always,
    /// After so many connections in a row that could not be opened or brought nothing, until one
    /// works again. A refusal for good counts as all of them, and ends it only if the list is
    /// refused as well.
    After(u32),
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
            polling: Polling::Never,
            pace: Duration::from_secs(2),
            stream_again: Duration::from_secs(60),
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

    /// Sets when to poll.
    #[must_use]
    pub fn polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// Sets the time between two lists where the log is polled.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }
}
