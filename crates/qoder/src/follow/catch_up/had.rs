//! The events that a way through the list brought before.

use std::collections::{HashSet, VecDeque};

use qoder_types::{Event, EventId};

/// The events that a catch-up had, as far back as is worth it: a list that goes in circles brings
/// nothing new.
#[derive(Debug, Default)]
pub(super) struct Had {
    order: VecDeque<EventId>,
    set: HashSet<EventId>,
    /// Events without an id, which can't be told apart.
    unnamed: usize,
}

impl Had {
    const REMEMBERED: usize = 1024;
    const UNNAMED: usize = 10_000;

    /// Whether one of these is new.
    pub(super) fn takes(&mut self, events: &[Event]) -> bool {
        let mut is_new = false;
        for event in events {
            let Some(id) = event.id() else {
                self.unnamed += 1;
                is_new |= self.unnamed <= Self::UNNAMED;
                continue;
            };
            if !self.set.insert(id.clone()) {
                continue;
            }
            is_new = true;
            self.order.push_back(id.clone());
            if self.order.len() > Self::REMEMBERED {
                if let Some(oldest) = self.order.pop_front() {
                    self.set.remove(&oldest);
                }
            }
        }
        is_new
    }
}
