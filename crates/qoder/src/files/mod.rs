//! The contents of files, on their way up and down.

mod answer;
mod download;
mod engine;
mod fetch;
mod form;
mod link;
mod progress;
mod reading;
mod source;
mod target;
mod upload;

pub use download::{Download, FileStream};
pub(crate) use form::Form;
pub use upload::Upload;
