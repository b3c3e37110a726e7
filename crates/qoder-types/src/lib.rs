#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[macro_use]
mod macros;

mod agents;
mod content;
mod environments;
mod error_body;
mod event;
mod files;
mod form;
mod id;
mod input;
mod models;
mod nulls;
mod op;
pub mod ops;
mod others;
mod page;
mod patch;
mod sessions;
mod timestamp;

pub use agents::*;
pub use content::*;
pub use environments::*;
pub use error_body::ErrorBody;
pub use event::*;
pub use files::*;
pub use form::{Form, FormFile};
pub use id::*;
pub use input::*;
pub use macros::UnknownValue;
pub use models::*;
pub use op::{Accept, Method, Op, PageStyle, Request, RequestError, Retry};
pub use others::*;
pub use page::{Cursor, Page, Paging, PagingError};
pub use patch::Patch;
pub use sessions::*;
pub use timestamp::Timestamp;

pub use serde_json;

/// The members of a JSON object that a type has no field for: nothing is lost.
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
