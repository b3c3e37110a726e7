#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[macro_use]
mod macros;

mod agents;
mod content;
mod content_source;
mod credentials;
mod deleted;
mod deployments;
mod dreams;
mod environments;
mod error_body;
mod event;
mod files;
mod form;
mod id;
mod initial_events;
mod input;
mod memory_stores;
mod models;
mod multiagent;
mod op;
pub mod ops;
mod page;
mod paging;
mod patch;
mod request;
mod schedules;
mod secret;
mod service_tokens;
mod session_resources;
mod sessions;
mod skills;
mod timestamp;
mod tools;
mod usage;
mod vaults;
mod webhooks;
mod wire;
mod work;

pub use agents::*;
pub use content::*;
pub use content_source::*;
pub use credentials::*;
pub use deleted::Deleted;
pub use deployments::*;
pub use dreams::*;
pub use environments::*;
pub use error_body::ErrorBody;
pub use event::*;
pub use files::*;
pub use form::{Form, FormFile};
pub use id::*;
pub use initial_events::InitialEvents;
pub use input::*;
pub use macros::UnknownValue;
pub use memory_stores::*;
pub use models::*;
pub use multiagent::*;
pub use op::{Accept, Method, Op, PageStyle, Retry};
pub use page::{InvalidItem, Page, SentEvents};
pub use paging::{Cursor, Paging, PagingError};
pub use patch::Patch;
pub use request::{Request, RequestError};
pub use schedules::*;
pub use secret::Secret;
pub use service_tokens::ServiceToken;
pub use session_resources::*;
pub use sessions::*;
pub use skills::*;
pub use timestamp::Timestamp;
pub use tools::*;
pub use usage::*;
pub use vaults::*;
pub use webhooks::*;
pub use wire::{Credits, Seconds};
pub use work::*;

pub use serde_json;

/// A JSON object: the members that a type has no field for, or the caller's own data.
pub type Extra = serde_json::Map<String, serde_json::Value>;

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        })
    }
}
