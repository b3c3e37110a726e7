//! The tool uses that a turn has seen, and those of them that wait for an answer.

use qoder_types::{Event, EventId};

use crate::tools::{Seen, ToolUse};

/// The tool uses of a turn.
#[derive(Debug, Default)]
pub(super) struct Uses {
    seen: Seen,
    pending: Vec<ToolUse>,
}

impl Uses {
    /// Those that wait.
    pub(super) fn pending(&self) -> &[ToolUse] {
        &self.pending
    }

    /// Takes note of an event, if it is a tool use.
    pub(super) fn observe(&mut self, event: &Event) {
        if let Some(used) = ToolUse::of(event) {
            self.seen.keep(used);
        }
    }

    /// Those of these ids whose events are not known.
    pub(super) fn missing(&self, ids: &[EventId]) -> Vec<EventId> {
        let known = |id: &EventId| {
            self.pending.iter().any(|pending| pending.id() == id) || self.seen.has(id)
        };
        ids.iter().filter(|id| !known(id)).cloned().collect()
    }

    /// These are the ids that wait now.
    pub(super) fn wait_for(&mut self, ids: &[EventId]) {
        if self.pending.iter().map(ToolUse::id).eq(ids) {
            return;
        }
        let mut before = std::mem::take(&mut self.pending);
        for id in ids {
            let known = before.iter().position(|pending| pending.id() == id);
            let pending = match known {
                Some(at) => Some(before.swap_remove(at)),
                None => self.seen.take(id),
            };
            let unlisted = || ToolUse::unlisted(id.clone());
            self.pending.push(pending.unwrap_or_else(unlisted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(id: &str) -> Event {
        let json =
            format!(r#"{{"type":"agent.custom_tool_use","id":"{id}","name":"t","input":{{}}}}"#);
        Event::decode("", None, &json)
    }

    fn ids(ids: &[&str]) -> Vec<EventId> {
        ids.iter().map(|id| EventId::new(*id)).collect()
    }

    #[test]
    fn what_waits_keeps_its_event_until_it_waits_no_more() {
        let mut uses = Uses::default();
        uses.observe(&used("a"));
        uses.observe(&used("b"));
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
        assert!(uses.pending().is_empty());
        assert_eq!(uses.missing(&ids(&["a", "b"])), ids(&["a", "b"]));
    }
}
