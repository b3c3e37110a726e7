use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;

/// The ids delivered last, whole: a hash that collides would drop an entry.
#[derive(Debug, Default)]
pub(super) struct Seen {
    limit: usize,
    order: VecDeque<Arc<str>>,
    set: BTreeSet<Arc<str>>,
}

impl Seen {
    /// Remembers up to `limit` ids; none, if that is 0.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.set.contains(id)
    }

    /// Whether it is new.
    pub(super) fn insert(&mut self, id: &Arc<str>) -> bool {
        if self.limit == 0 {
            return true;
        }
        if !self.set.insert(Arc::clone(id)) {
            return false;
        }
        self.order.push_back(Arc::clone(id));
        if self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.set.remove(&oldest);
            }
        }
        true
    }
}
