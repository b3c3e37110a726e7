#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod errors;
mod events;
mod exchange;
mod fault;
mod files;
mod page;
mod recorded;
mod resources;
mod scripts;
mod server;
mod sse;
mod state;

pub use fault::{Fault, Plan, PlanError, Target};
pub use recorded::Recorded;
pub use server::{Builder, Sim};

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

/// How a quiet stream shows that it is alive.
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
