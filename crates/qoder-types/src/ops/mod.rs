//! The operations, each as a function from its parameters to a [`Request`](crate::Request).
//!
//! They are named and nested as in the API's documentation. Filters of lists are set by
//! [`Request::set_query`](crate::Request::set_query).

pub mod agents;
pub mod environments;
pub mod files;
pub mod models;
pub mod sessions;

use crate::Op;

/// All operations that have a function here.
pub static OPERATIONS: &[&Op] = &[
    &agents::CREATE,
    &agents::LIST,
    &agents::RETRIEVE,
    &agents::UPDATE,
    &agents::ARCHIVE,
    &agents::DELETE,
    &agents::versions::LIST,
    &environments::CREATE,
    &environments::LIST,
    &environments::RETRIEVE,
    &environments::UPDATE,
    &environments::ARCHIVE,
    &environments::DELETE,
    &files::UPLOAD,
    &files::LIST,
    &files::RETRIEVE,
    &files::CONTENT,
    &files::DELETE,
    &models::LIST,
    &sessions::CREATE,
    &sessions::LIST,
    &sessions::RETRIEVE,
    &sessions::UPDATE,
    &sessions::ARCHIVE,
    &sessions::DELETE,
    &sessions::CANCEL,
    &sessions::events::LIST,
    &sessions::events::SEND,
    &sessions::events::STREAM,
    &sessions::threads::LIST,
    &sessions::threads::RETRIEVE,
    &sessions::threads::ARCHIVE,
    &sessions::threads::events::LIST,
    &sessions::threads::events::STREAM,
];
