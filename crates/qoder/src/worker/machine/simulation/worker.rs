//! The watch over a worker.

use std::collections::BTreeMap;

use super::super::{Machine, Slot};
use super::server::Kind;

pub(super) struct Worker {
    pub(super) number: u64,
    pub(super) machine: Machine,
    pub(super) wait: Option<u64>,
    pub(super) concurrency: usize,
    pub(super) held: BTreeMap<Slot, usize>,
    pub(super) under_way: BTreeMap<(Kind, Option<Slot>), u64>,
    /// By when it has to be at its end.
    pub(super) ends_by: Option<u64>,
    /// The second, and what was sent in it: polls that brought nothing, and the rest by slot.
    pub(super) second: u64,
    pub(super) idle_polls: u32,
    pub(super) sent: BTreeMap<Slot, u32>,
    /// Nothing gets through in this time.
    pub(super) cut: (u64, u64),
}

impl Worker {
    pub(super) fn polls(&self) -> bool {
        self.under_way.contains_key(&(Kind::Poll, None))
    }

    pub(super) fn count(&mut self, now: u64, slot: Option<Slot>) -> Result<(), String> {
        if self.second != now / 1000 {
            self.second = now / 1000;
            self.idle_polls = 0;
            self.sent.clear();
        }
        if let Some(slot) = slot {
            let sent = self.sent.entry(slot).or_default();
            *sent += 1;
            if *sent > 8 {
                return Err(format!("{sent} requests in a second for {slot:?}"));
            }
        }
        Ok(())
    }
}
