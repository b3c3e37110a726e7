#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod body;
mod builder;
mod clock;
mod cron;
mod damage;
mod documents;
mod fault;
mod form;
mod front_matter;
mod ids;
mod json;
mod page;
mod query;
mod recorded;
mod refusal;
mod reply;
mod request;
mod resources;
mod response;
mod scripts;
mod server;
mod settings;
mod sim;
mod sse;
mod state;
mod storage;
mod streams;
mod template;
mod token_exchange;
mod zip;

pub use builder::Builder;
pub use fault::{Fault, Plan, PlanError, Target};
pub use recorded::Recorded;
#[cfg(feature = "scripts")]
pub use scripts::ScriptsError;
pub use scripts::{Answer, Failure, ToolOutput, ToolUse, Turn};
pub use settings::{Dialect, Heartbeat};
pub use sim::Sim;
