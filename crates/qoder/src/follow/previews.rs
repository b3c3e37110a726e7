//! Previews: the text of a message while it is written, put together from its deltas.
//!
//! The text kept for a message is always a prefix of the text it will have, or there is none:
//! deltas count only after the `event_start` that they follow on the same connection. After a
//! reconnection the server may repeat them from the start, which starts the text anew, or leave
//! out what was sent before, and then what comes is not shown.

use std::collections::VecDeque;

use qoder_types::{Event, EventDeltaEvent, EventId, TextDelta};

/// A piece of a message that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The event that the piece belongs to. The event itself follows, and has the last word.
    pub event_id: EventId,
    /// The content block of the event that the piece belongs to, from 0.
    pub index: usize,
    /// What is new. [`Updates::preview_text`](super::Updates::preview_text) has all of it.
    pub delta: String,
    /// Whether the block begins here: what was shown of it before, if anything, is void.
    pub restarted: bool,
}

impl Preview {
    /// From a frame with a piece of text. `None`: it is something else, or has to be looked at more closely.
    pub(crate) fn read(name: &str, data: &str) -> Option<Self> {
        if name != "event_delta" {
            return None;
        }
        let delta = TextDelta::read(data)?;
        Some(Self {
            event_id: EventId::from(&*delta.event_id),
            index: delta.index,
            delta: delta.text.into_owned(),
            restarted: false,
        })
    }

    fn of(event: &EventDeltaEvent) -> Option<Self> {
        Some(Self {
            event_id: event.event_id.clone(),
            index: event.delta.index,
            delta: event.delta.text()?.to_owned(),
            restarted: false,
        })
    }
}

/// The texts that are being written.
#[derive(Debug, Default)]
pub(crate) struct Previews {
    /// In the order of their starts. More than a few at once means that their ends were missed.
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    event: EventId,
    blocks: Vec<String>,
    /// Of all blocks.
    bytes: usize,
}

/// How many events may be in preview at once; the oldest gives way.
const EVENTS: usize = 32;
/// How many blocks an event in preview may have, and how much text; what goes beyond is not shown.
const BLOCKS: usize = 256;
const TEXT: usize = 16 << 20;

impl Previews {
    /// Takes the next event of the stream, and gives the preview that it makes.
    pub(crate) fn observe(&mut self, event: &Event) -> Option<Preview> {
        match event {
            Event::EventStart(start) => {
                let id = start.event.id.clone();
                self.close(&id);
                if self.open.len() == EVENTS {
                    self.open.pop_front();
                }
                self.open.push_back(Open {
                    event: id,
                    blocks: Vec::new(),
                    bytes: 0,
                });
                None
            }
            Event::EventDelta(delta) => self.extend(Preview::of(delta)?),
            other => {
                if let Some(id) = other.id() {
                    self.close(id);
                }
                None
            }
        }
    }

    /// Takes a piece, and gives it back if it can be shown.
    pub(crate) fn extend(&mut self, mut piece: Preview) -> Option<Preview> {
        let open = self
            .open
            .iter_mut()
            .find(|open| open.event == piece.event_id)?;
        if piece.index >= BLOCKS || open.bytes + piece.delta.len() > TEXT {
            return None;
        }
        piece.restarted = piece.index >= open.blocks.len();
        if piece.restarted {
            open.blocks.resize(piece.index + 1, String::new());
        }
        open.blocks[piece.index].push_str(&piece.delta);
        open.bytes += piece.delta.len();
        Some(piece)
    }

    /// The whole text so far of a block that is being written.
    pub(crate) fn text(&self, event: &EventId, index: usize) -> Option<&str> {
        let open = self.open.iter().find(|open| open.event == *event)?;
        open.blocks.get(index).map(String::as_str)
    }

    /// The connection was lost: deltas without a new start are pieces out of the middle.
    pub(crate) fn void(&mut self) {
        self.open.clear();
    }

    fn close(&mut self, event: &EventId) {
        self.open.retain(|open| open.event != *event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(id: &str) -> Event {
        Event::decode(
            "event_start",
            Some(id),
            &format!(r#"{{"event":{{"id":"{id}","type":"agent.message"}},"type":"event_start"}}"#),
        )
    }

    fn delta(id: &str, index: usize, text: &str) -> Event {
        Event::decode(
            "event_delta",
            Some(id),
            &format!(
                r#"{{"delta":{{"content":{{"text":"{text}","type":"text"}},"index":{index},"type":"content_delta"}},"event_id":"{id}","type":"event_delta"}}"#
            ),
        )
    }

    fn shown(previews: &Previews, id: &str, index: usize) -> Option<String> {
        previews
            .text(&EventId::new(id), index)
            .map(ToOwned::to_owned)
    }

    #[test]
    fn blocks_grow_by_their_deltas() {
        let mut previews = Previews::default();
        assert_eq!(previews.observe(&start("a")), None);
        let first = previews.observe(&delta("a", 0, "Hel")).expect("a preview");
        assert!(first.restarted);
        let second = previews.observe(&delta("a", 0, "lo")).expect("a preview");
        assert_eq!((second.restarted, second.delta.as_str()), (false, "lo"));
        previews.observe(&delta("a", 1, "Second"));
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Hello"));
        assert_eq!(shown(&previews, "a", 1).as_deref(), Some("Second"));
    }

    #[test]
    fn the_event_itself_ends_its_preview() {
        let mut previews = Previews::default();
        previews.observe(&start("a"));
        previews.observe(&delta("a", 0, "Hel"));
        previews.observe(&Event::decode(
            "",
            None,
            r#"{"id":"a","type":"agent.message","content":[]}"#,
        ));
        assert_eq!(shown(&previews, "a", 0), None);
        assert_eq!(previews.observe(&delta("a", 0, "late")), None);
    }

    #[test]
    fn after_a_reconnection_only_a_new_start_shows_text() {
        let mut previews = Previews::default();
        previews.observe(&start("a"));
        previews.observe(&delta("a", 0, "Hel"));
        previews.void();
        assert_eq!(
            previews.observe(&delta("a", 0, "o!")),
            None,
            "a piece out of the middle"
        );
        previews.observe(&start("a"));
        let again = previews
            .observe(&delta("a", 0, "Hello"))
            .expect("a preview");
        assert!(again.restarted);
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Hello"));
    }

    #[test]
    fn a_start_without_an_end_does_not_grow_for_ever() {
        let mut previews = Previews::default();
        for n in 0..1000 {
            previews.observe(&start(&n.to_string()));
        }
        assert_eq!(previews.open.len(), EVENTS);
        assert_eq!(previews.observe(&delta("999", usize::MAX, "x")), None);
    }
}
