//! The tool uses that a turn has seen, and those of them that wait for an answer.

use std::collections::VecDeque;

use qoder_types::{Event, EventId};

use super::pending::Pending;

/// How many tool uses are kept until it is known whether they wait, and how many bytes of them. An
/// older one gives way, and is looked up if it is asked for.
const KEPT: usize = 512;
const BYTES: usize = 8 << 20;

/// The tool uses of a turn.
#[derive(Debug, Default)]
pub(super) struct Uses {
    seen: VecDeque<Event>,
    bytes: usize,
    pending: Vec<Pending>,
}

impl Uses {
    /// Those that wait.
    pub(super) fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Takes note of an event, if it is a tool use.
    pub(super) fn observe(&mut self, event: &Event) {
        let kind = event.type_name();
        let is_use = kind.starts_with("agent.") && kind.ends_with("tool_use");
        if !is_use || event.id().is_none() {
            return;
        }
        self.bytes += event.raw().len();
        self.seen.push_back(event.clone());
        while self.seen.len() > KEPT || self.bytes > BYTES && self.seen.len() > 1 {
            let oldest = self.seen.pop_front();
            self.bytes -= oldest.map_or(0, |event| event.raw().len());
        }
    }

    /// Those of these ids whose events are not known.
    pub(super) fn missing(&self, ids: &[EventId]) -> Vec<EventId> {
        let known = |id: &EventId| {
            self.pending.iter().any(|pending| pending.id() == id)
                || self.seen.iter().any(|event| event.id() == Some(id))
        };
        ids.iter().filter(|id| !known(id)).cloned().collect()
    }

    /// These are the ids that wait now.
    pub(super) fn wait_for(&mut self, ids: &[EventId]) {
        if self.pending.iter().map(Pending::id).eq(ids) {
            return;
        }
        let mut before = std::mem::take(&mut self.pending);
        for id in ids {
            let known = before.iter().position(|pending| pending.id() == id);
            let pending = match known {
                Some(at) => before.swap_remove(at),
                None => match self.take(id) {
                    Some(event) => Pending::new(id.clone(), event),
                    None => Pending::unlisted(id.clone()),
                },
            };
            self.pending.push(pending);
        }
    }

    fn take(&mut self, id: &EventId) -> Option<Event> {
        let at = self.seen.iter().rposition(|event| event.id() == Some(id))?;
        let event = self.seen.remove(at)?;
        self.bytes -= event.raw().len();
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(id: &str, size: usize) -> Event {
        let input = "x".repeat(size);
        let json = format!(
            r#"{{"type":"agent.custom_tool_use","id":"{id}","name":"t","input":{{"x":"{input}"}}}}"#
        );
        Event::decode("", None, &json)
    }

    fn ids(ids: &[&str]) -> Vec<EventId> {
        ids.iter().map(|id| EventId::new(*id)).collect()
    }

    #[test]
    fn what_waits_keeps_its_event_until_it_waits_no_more() {
        let mut uses = Uses::default();
        uses.observe(&used("a", 1));
        uses.observe(&used("b", 1));
        uses.observe(&Event::decode(
            "",
            None,
            r#"{"type":"agent.message","id":"c"}"#,
        ));
        assert_eq!(uses.missing(&ids(&["a", "b", "c"])), ids(&["c"]));
        uses.wait_for(&ids(&["a", "b"]));
        uses.wait_for(&ids(&["b"]));
        assert_eq!(uses.pending().len(), 1);
        assert_eq!(uses.pending()[0].name(), "t");
        assert_eq!(uses.missing(&ids(&["b"])), ids(&[]));
        uses.wait_for(&[]);
        assert!(uses.pending().is_empty() && uses.bytes == 0);
    }

    #[test]
    fn what_is_kept_has_limits() {
        let mut uses = Uses::default();
        for n in 0..=KEPT {
            uses.observe(&used(&n.to_string(), 1));
        }
        assert_eq!(uses.missing(&ids(&["0", "1"])), ids(&["0"]));
        uses.observe(&used("large", BYTES));
        assert_eq!(uses.seen.len(), 1, "one is always kept");
        uses.observe(&used("next", 1));
        assert_eq!(uses.missing(&ids(&["large", "next"])), ids(&["large"]));
    }
}
