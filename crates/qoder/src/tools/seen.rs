//! Tool uses that were seen, until it is known whether they wait for an answer.

use std::collections::VecDeque;

use qoder_types::EventId;

use super::tool_use::ToolUse;

/// The number of tool uses that are kept, and that of the bytes of their events. An older one gives
/// way, and is looked up if it is asked for.
const KEPT: usize = 512;
const BYTES: usize = 8 << 20;

/// The newest tool uses that were seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    uses: VecDeque<ToolUse>,
    bytes: usize,
}

impl Seen {
    /// Keeps one; returns the ids of those that give way to it.
    pub(crate) fn keep(&mut self, used: ToolUse) -> Vec<EventId> {
        self.bytes += size(&used);
        self.uses.push_back(used);
        let mut gone = Vec::new();
        while self.uses.len() > KEPT || self.bytes > BYTES && self.uses.len() > 1 {
            let Some(oldest) = self.uses.pop_front() else {
                break;
            };
            self.bytes -= size(&oldest);
            gone.push(oldest.id().clone());
        }
        gone
    }

    pub(crate) fn has(&self, id: &EventId) -> bool {
        self.uses.iter().any(|used| used.id() == id)
    }

    pub(crate) fn take(&mut self, id: &EventId) -> Option<ToolUse> {
        let at = self.uses.iter().rposition(|used| used.id() == id)?;
        let used = self.uses.remove(at)?;
        self.bytes -= size(&used);
        Some(used)
    }
}

fn size(used: &ToolUse) -> usize {
    used.event().raw().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use qoder_types::Event;

    fn used(id: &str, size: usize) -> ToolUse {
        let input = "x".repeat(size);
        let json = format!(
            r#"{{"type":"agent.custom_tool_use","id":"{id}","name":"t","input":{{"x":"{input}"}}}}"#
        );
        ToolUse::of(&Event::decode("", None, &json)).expect("a tool use")
    }

    #[test]
    fn what_is_kept_has_limits() {
        let id = |id: &str| EventId::new(id);
        let mut seen = Seen::default();
        for n in 0..KEPT {
            assert!(seen.keep(used(&n.to_string(), 1)).is_empty());
        }
        assert_eq!(seen.keep(used("one more", 1)), [id("0")]);
        assert!(!seen.has(&id("0")) && seen.has(&id("1")));
        assert_eq!(seen.keep(used("large", BYTES)).len(), KEPT);
        assert_eq!(seen.uses.len(), 1, "one is always kept");
        assert_eq!(seen.keep(used("next", 1)), [id("large")]);
        assert!(seen.take(&id("next")).is_some() && seen.take(&id("next")).is_none());
        assert_eq!(seen.bytes, 0);
    }
}
