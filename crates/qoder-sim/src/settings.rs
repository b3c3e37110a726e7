//! The settings of a simulator, which are fixed when it starts.

use std::time::Duration;

/// The generation of the API that is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// The first documented generation: messages are texts, a stream without a cursor begins with
    /// the whole history, `after_id` resumes it.
    Seed,
    /// Today's: messages are blocks, a stream without a cursor begins with what comes next,
    /// `Last-Event-ID` resumes it.
    #[default]
    Current,
}

/// The form in which a quiet stream shows that it is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Heartbeat {
    /// `: heartbeat`
    #[default]
    Comment,
    /// `event: heartbeat` with `data: {}`
    Event,
    /// `event: ping` with `data: {}` and an id that is no event's.
    Ping,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) dialect: Dialect,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) beat_every: Duration,
    /// Between two events of a turn.
    pub(crate) pace: Duration,
    pub(crate) hold_turns: bool,
    pub(crate) empty_environments: bool,
    pub(crate) flat_401: bool,
    /// Accepted events are answered without their ids, as an early generation may have.
    pub(crate) anonymous_sends: bool,
    /// The longest life of a service account's token.
    pub(crate) token_ttl: Option<Duration>,
    /// The lifetime of links to files.
    pub(crate) link_ttl: Duration,
    /// The origin of the server.
    pub(crate) origin: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            heartbeat: Heartbeat::default(),
            beat_every: Duration::from_secs(15),
            pace: Duration::from_millis(10),
            hold_turns: false,
            empty_environments: false,
            flat_401: false,
            anonymous_sends: false,
            token_ttl: None,
            link_ttl: Duration::from_secs(900),
            origin: String::new(),
        }
    }
}
