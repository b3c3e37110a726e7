//! [guide]: crate::guide
//! [production]: crate::production
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "turns"),
    allow(dead_code, reason = "parts that turns alone use lie where they belong")
)]
#![forbid(unsafe_code)]

mod answer_key;
pub mod auth;
#[cfg(feature = "turns")]
pub mod batch;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod call;
mod caught;
mod checkpoint;
mod client;
pub mod content;
mod conversation;
mod env;
mod error;
mod few;
pub mod files;
pub mod follow;
mod gateway;
pub mod guide;
mod hash;
mod headers;
mod input;
pub mod list;
mod members;
pub mod observe;
#[doc = include_str!("../docs/production.md")]
pub mod production {}
mod redact;
pub mod resources;
mod response;
mod shared;
#[cfg(test)]
mod test_folder;
mod text;
mod timer;
#[cfg(feature = "turns")]
pub mod tools;
#[cfg(feature = "turns")]
pub mod transcript;
#[cfg(feature = "turns")]
pub mod turn;
#[cfg(feature = "webhooks")]
pub mod webhooks;
#[cfg(feature = "worker")]
pub mod worker;

// The paved path: what most programs name. Everything else is in the module of its subject.
#[cfg(feature = "worker")]
#[doc(inline)]
pub use worker::Worker;
#[doc(inline)]
pub use {
    auth::ServiceAccount,
    call::{Call, CallOptions},
    checkpoint::Checkpoint,
    client::{Client, ClientBuilder},
    conversation::{Conversation, Thread},
    error::{Error, ErrorKind, Result},
    follow::{Events, Follow, Notice, Start, Update, Via},
    gateway::{Dialect, Gateway, Region},
    input::SendItems,
    list::List,
};
#[cfg(feature = "turns")]
#[doc(inline)]
pub use {
    tools::{Answer, Approvals, ToolUse, Toolbox},
    turn::{Reply, Stop, Turn},
};

pub use qoder_http as transport;
#[cfg(feature = "proxy")]
pub use qoder_http::Proxy;
pub use qoder_http::retry::{RetryBudget, RetryPolicy};
pub use qoder_http::{Sent, Timeouts, Tls, Transport};
pub use qoder_types as types;
pub use qoder_types::{Event, Method};
