//! [guide]: crate::guide
//! [production]: crate::production
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod auth;
mod call;
mod client;
mod conversation;
mod env;
mod error;
mod files;
mod follow;
mod gateway;
pub mod guide;
mod headers;
mod input;
mod list;
pub mod observe;
#[doc = include_str!("../docs/production.md")]
pub mod production {}
mod redact;
pub mod resources;
mod response;
mod shared;
mod text;
mod tools;
mod turn;
#[cfg(feature = "webhooks")]
pub mod webhooks;
mod worker;

pub use auth::{
    AccessToken, Credentials, CredentialsError, CredentialsFuture, Secret, ServiceAccount,
};
pub use call::{AsBytes, Call, CallOptions, WithMeta};
pub use client::{Client, ClientBuilder};
pub use conversation::{Conversation, Thread};
pub use error::{Error, ErrorKind, Result};
pub use files::{Download, FileStream, NewSkill, SkillFiles, Upload};
pub use follow::{
    Ending, EventStream, Events, Follow, LiveText, Notice, PreviewStart, Start, StreamOpening,
    Update, Updates, Via,
};
pub use gateway::{Dialect, Gateway, Region};
pub use input::SendItems;
pub use list::{Items, List, Pages};
pub use response::{Meta, Response};
pub use tools::{
    Approvals, Decision, FileLedger, Ledger, LedgerError, LedgerFuture, MemoryLedger, Record,
    ToolKind, ToolProgress, ToolResult, ToolTurn, ToolTurnOpening, ToolUse, Toolbox, UnknownTools,
};
pub use turn::{
    Answer, Pending, PendingKind, Reply, Stop, ToolCall, ToolOutput, Turn, TurnOpening, TurnUpdates,
};
pub use worker::{CancelReason, Job, Worker, WorkerNotice};

pub use qoder_http as transport;
#[cfg(feature = "proxy")]
pub use qoder_http::Proxy;
pub use qoder_http::retry::{RetryBudget, RetryPolicy};
pub use qoder_http::{Sent, Timeouts, Tls, Transport};
pub use qoder_sse::resume::Cause;
pub use qoder_types as types;
pub use qoder_types::{Event, Method};
