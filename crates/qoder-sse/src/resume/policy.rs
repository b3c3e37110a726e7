use core::time::Duration;

/// A time: the duration since any start, the same for all inputs of a machine.
///
/// A driver whose caller takes its time over what it was handed lets this clock stand still
/// meanwhile: the caller's time is neither silence of the server nor a part of an outage.
pub type Tick = Duration;

/// The limits of a machine. All have a reason; change them with one.
///
/// Contradictory limits do no harm: of two bounds the lower one holds.
///
/// ```
/// use std::time::Duration;
/// use qoder_sse::resume::{Policy, Polling};
///
/// let policy = Policy::default()
///     .idle(Duration::from_secs(30)) // its heartbeats come more often
///     .polling(Polling::After(3));
/// assert_eq!(policy.remembered, 512);
/// ```
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
    /// The longest wait that a server can ask for, by `retry:` or with a refusal: 60 s. A longer
    /// one is cut to it.
    pub max_hint: Duration,
    /// A connection from which nothing came for so long is dead: 60 s. Comments count as life.
    pub idle: Duration,
    /// A connection is progress even without a new entry if so much time lies between its opening
    /// and its last byte: 15 s.
    pub healthy: Duration,
    /// Attempts without progress until it gives up: 30. Those that were asked for with
    /// [`Resume::wake`](super::Resume::wake) don't count.
    pub max_attempts: u32,
    /// Time since the first failure without progress until it gives up: 5 minutes.
    pub max_outage: Duration,
    /// The number of ids of delivered entries that are remembered, to drop repetitions: 512. With 0
    /// nothing is ever taken for a repetition, for servers that give several entries the same id;
    /// what such a server repeats is delivered again, and so is what a stream and a list both give.
    pub remembered: usize,
    /// Whether the log is listed again and again in place of a connection: never.
    pub polling: Polling,
    /// The time between two lists where the log is polled: 2 s. Each is drawn between its half
    /// and its whole. Less than 100 ms counts as 100 ms.
    pub pace: Duration,
    /// The time that the log is polled until a connection is tried again, where polling is the
    /// fallback: 60 s. It doubles with each connection that fails, up to tenfold.
    pub stream_again: Duration,
    /// A connection that brings nothing for so long, after it was asked for or after an entry, is
    /// compared with the list: 5 s. Once that showed nothing missing, only its silence counts.
    /// Only where polling may take its place. Less than 100 ms counts as 100 ms.
    pub look: Duration,
    /// The time that the stream may lag behind such a look, until something between is taken to
    /// hold it back: 2 s.
    pub lag: Duration,
}

/// When to poll: to list the log again and again, for networks that keep no connection open.
///
/// [`Start::Attach`](super::Start::Attach) is for servers without a list, and never polls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Polling {
    /// Never: connections are tried until they work, or until it gives up. A stream that is held
    /// back by something between, such as a proxy that buffers, is not noticed.
    #[default]
    Never,
    /// Only where connections don't work, until one does again: after five of them in a row that
    /// could not be opened or brought nothing, after two in a row that were held back, and before
    /// giving up. A permanent refusal is final.
    Auto,
    /// The same after so many connections in a row. A permanent refusal counts as all of them, and
    /// ends it only if the list is refused as well.
    After(u32),
    /// From the start, and no connection is opened.
    Always,
}

impl Polling {
    /// After how many connections in a row that brought nothing the log is polled.
    pub(super) fn openings(self) -> Option<u32> {
        match self {
            Self::Auto => Some(5),
            Self::After(openings) => Some(openings),
            Self::Never | Self::Always => None,
        }
    }
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
            look: Duration::from_secs(5),
            lag: Duration::from_secs(2),
        }
    }
}

/// No list is asked for sooner after another.
pub(super) const FLOOR: Duration = Duration::from_millis(100);

impl Policy {
    /// When a connection that brings nothing is compared with the list.
    pub(super) fn looks_after(&self) -> Duration {
        self.look.max(FLOOR)
    }

    /// The time between two lists.
    pub(super) fn paces(&self) -> Duration {
        self.pace.max(FLOOR)
    }

    /// Sets how long a connection may be silent.
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets when to give up: after so many attempts, or so long, without progress.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::resume::{Polling, Policy};
    ///
    /// // Ten attempts within a minute, waits of 1 s to 20 s, and polling where streams do not work.
    /// let policy = Policy::default()
    ///     .give_up(10, Duration::from_secs(60))
    ///     .waits(Duration::from_secs(1), Duration::from_secs(20))
    ///     .polling(Polling::Auto);
    /// assert_eq!(policy.max_attempts, 10);
    /// ```
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

    /// Sets within which time the first reconnection after progress comes.
    #[must_use]
    pub fn prompt(mut self, within: Duration) -> Self {
        self.prompt = within;
        self
    }

    /// Sets the longest wait that a server may ask for.
    #[must_use]
    pub fn max_hint(mut self, limit: Duration) -> Self {
        self.max_hint = limit;
        self
    }

    /// Sets how long a connection lives until that alone is progress.
    #[must_use]
    pub fn healthy(mut self, life: Duration) -> Self {
        self.healthy = life;
        self
    }

    /// Sets how many ids are remembered; 0 takes nothing for a repetition.
    #[must_use]
    pub fn remembered(mut self, ids: usize) -> Self {
        self.remembered = ids;
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

    /// Sets how long the log is polled until a connection is tried again.
    #[must_use]
    pub fn stream_again(mut self, after: Duration) -> Self {
        self.stream_again = after;
        self
    }

    /// Sets when a connection that brings nothing is compared with the list, and how long the
    /// stream may then be behind it.
    #[must_use]
    pub fn look(mut self, after: Duration, lag: Duration) -> Self {
        self.look = after;
        self.lag = lag;
        self
    }
}
