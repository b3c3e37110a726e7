//! When the agent begins to think, and when it has done.

use std::collections::VecDeque;

use qoder_types::EventId;

use super::notice::Notice;
use super::update::Update;

/// The state of the agent's thinking, and the updates that report it.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// The event of the thinking that goes on.
    of: Option<EventId>,
    /// The updates to be handed over before anything else. No event is ever among them, so the
    /// cursor is that of what was handed over.
    due: VecDeque<Update>,
}

impl Thinking {
    /// Returns the next update that is due.
    pub(super) fn next(&mut self) -> Option<Update> {
        self.due.pop_front()
    }

    /// Takes the next update, and gives what is to be handed over now.
    pub(super) fn pass(&mut self, update: Update) -> Update {
        match &update {
            Update::PreviewStart(start) if start.event_type == "agent.thinking" => {
                let before = self.of.replace(start.event_id.clone());
                if before.is_none() {
                    self.due.push_back(Update::ThinkingBegan);
                }
            }
            // Text is no event, and may wait: the spinner goes first.
            Update::Text(_) if self.of.take().is_some() => {
                self.due.push_back(update);
                return Update::ThinkingEnded;
            }
            Update::Event(event) => {
                let ends = event.id() == self.of.as_ref()
                    || matches!(event.type_name(), "session.status_idle" | "agent.message");
                if ends && self.of.take().is_some() {
                    self.due.push_back(Update::ThinkingEnded);
                }
            }
            Update::Notice(Notice::PreviewsVoid) if self.of.take().is_some() => {
                self.due.push_back(Update::ThinkingEnded);
            }
            _ => {}
        }
        update
    }

    /// There are no more updates but what is due.
    pub(super) fn end(&mut self) {
        if self.of.take().is_some() {
            self.due.push_back(Update::ThinkingEnded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::previews::{Piece, PreviewStart, Previews};
    use qoder_types::Event;

    fn start(id: &str, kind: &str) -> Update {
        let json = format!(r#"{{"type":"event_start","event":{{"id":"{id}","type":"{kind}"}}}}"#);
        match Event::decode("event_start", None, &json) {
            Event::EventStart(start) => Update::PreviewStart(PreviewStart::of(&start)),
            other => panic!("{other:?}"),
        }
    }

    fn event(id: &str, kind: &str) -> Update {
        let json = format!(r#"{{"type":"{kind}","id":"{id}"}}"#);
        Update::Event(Event::decode("", None, &json))
    }

    fn text() -> Update {
        let json = r#"{"type":"event_delta","event_id":"m","delta":{"type":"content_delta","index":0,"content":{"type":"text","text":"Hi"}}}"#;
        let piece = Piece::read("event_delta", json).expect("a piece");
        let mut previews = Previews::default();
        previews.start(&EventId::new("m"));
        Update::Text(previews.extend(piece).expect("it is shown").0)
    }

    fn word(update: &Update) -> &'static str {
        match update {
            Update::Event(_) => "event",
            Update::Text(_) => "text",
            Update::ThinkingBegan => "began",
            Update::ThinkingEnded => "ended",
            Update::PreviewStart(_) => "start",
            Update::Notice(_) => "notice",
        }
    }

    fn passed(updates: Vec<Update>) -> String {
        let mut thinking = Thinking::default();
        let mut words = Vec::new();
        for update in updates {
            words.push(word(&thinking.pass(update)));
            words.extend(std::iter::from_fn(|| thinking.next()).map(|update| word(&update)));
        }
        thinking.end();
        words.extend(std::iter::from_fn(|| thinking.next()).map(|update| word(&update)));
        words.join(" ")
    }

    #[test]
    fn thinking_begins_and_ends_once() {
        let think = || start("t", "agent.thinking");
        for (updates, want) in [
            (
                vec![think(), event("t", "agent.thinking")],
                "start began event ended",
            ),
            (
                vec![think(), think(), event("t", "agent.thinking")],
                "start began start event ended",
            ),
            (
                vec![
                    think(),
                    event("x", "agent.tool_use"),
                    event("t", "agent.thinking"),
                ],
                "start began event event ended",
            ),
            (vec![think(), text(), text()], "start began ended text text"),
            (
                vec![think(), Update::Notice(Notice::PreviewsVoid)],
                "start began notice ended",
            ),
            (
                vec![think(), event("i", "session.status_idle")],
                "start began event ended",
            ),
            (vec![think()], "start began ended"),
            (
                vec![
                    start("m", "agent.message"),
                    text(),
                    event("m", "agent.message"),
                ],
                "start text event",
            ),
        ] {
            assert_eq!(passed(updates), want);
        }
    }
}
