//! The contents of files, on their way up and down.

mod answer;
pub(crate) mod download;
mod engine;
mod fetch;
mod form;
mod link;
mod reading;
mod source;
mod target;
pub(crate) mod upload;

use std::fmt;
use std::sync::Arc;

pub use download::{Download, FileStream};
pub use upload::Upload;

/// What is told of the way that a content has come.
#[derive(Clone, Default)]
pub(crate) struct Progress(Option<Arc<Tell>>);

type Tell = dyn Fn(u64, Option<u64>) + Send + Sync;

impl Progress {
    fn new(tell: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    fn tell(&self, bytes: u64, total: Option<u64>) {
        if let Some(tell) = &self.0 {
            tell(bytes, total);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "untold" })
    }
}
