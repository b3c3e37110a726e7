use std::fmt;
use std::sync::Arc;

/// The function that is told of a transfer's progress.
#[derive(Clone, Default)]
pub(super) struct Progress(Option<Arc<Tell>>);

type Tell = dyn Fn(u64, Option<u64>) + Send + Sync;

impl Progress {
    pub(super) fn new(tell: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, bytes: u64, total: Option<u64>) {
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
