//! Previews: the text of a message while it is written, put together from its deltas.
//!
//! The text kept for a message is always a prefix of the text it will have, or there is none:
//! deltas count only after the `event_start` that they follow on the same connection. After a
//! reconnection the server may repeat them from the start, which starts the text anew, or leave
//! out what was sent before, and then what comes is not shown. Nor is anything shown after a piece
//! that could not be: what follows would not fit what there is.

use std::collections::VecDeque;
use std::sync::Arc;

use qoder_types::{EventDeltaEvent, EventId, EventStartEvent, TextDelta};

/// A piece of the text of a message that is being written: what is new, and the whole so far.
///
/// The whole is always a prefix of the text that the message will have. The event itself follows,
/// and has the last word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveText {
    /// The event that the text belongs to.
    pub event_id: EventId,
    /// The content block of the event that the text belongs to, from 0.
    pub index: usize,
    /// Whether the block begins here: what was shown of it before, if anything, is void.
    pub restarted: bool,
    new: String,
    /// Shared with what is being put together, which copies it only if somebody else still has it.
    so_far: Arc<String>,
}

impl LiveText {
    /// Returns what is new: the text after what came before, or the beginning, if the block
    /// [begins here](Self::restarted).
    #[allow(clippy::new_ret_no_self, reason = "it is what is new")]
    pub fn new(&self) -> &str {
        &self.new
    }

    /// Returns the whole text of the block so far.
    pub fn so_far(&self) -> &str {
        &self.so_far
    }
}

/// An event begins to be written. Of thinking this is all there is until the event comes; of a
/// message [`LiveText`]s follow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreviewStart {
    /// The event that is announced. It follows, and ends the preview.
    pub event_id: EventId,
    /// The type that the event will have, such as `agent.message` or `agent.thinking`.
    pub event_type: String,
}

impl PreviewStart {
    pub(crate) fn of(event: &EventStartEvent) -> Self {
        Self {
            event_id: event.event.id.clone(),
            event_type: event.event.event_type.to_string(),
        }
    }
}

/// A piece of text, before it is known whether it can be shown.
#[derive(Debug)]
pub(crate) struct Piece {
    event_id: EventId,
    index: usize,
    text: String,
}

impl Piece {
    /// From a frame with a piece of text. `None`: it is something else, or has to be looked at more
    /// closely.
    pub(crate) fn read(name: &str, data: &str) -> Option<Self> {
        if name != "event_delta" {
            return None;
        }
        let delta = TextDelta::read(data)?;
        Some(Self {
            event_id: EventId::from(&*delta.event_id),
            index: delta.index,
            text: delta.text.into_owned(),
        })
    }
}

/// The texts that are being written.
#[derive(Debug, Default)]
pub(crate) struct Previews {
    /// In the order of their starts. More than a few at once means that their ends were missed.
    open: VecDeque<Open>,
    /// The number of bytes of each block that were ever shown of the last events in preview,
    /// whatever connection they came on.
    shown: VecDeque<(EventId, Vec<usize>)>,
    /// Of all texts.
    bytes: usize,
}

#[derive(Debug)]
struct Open {
    event: EventId,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, Default)]
enum Block {
    /// Nothing came of it.
    #[default]
    Empty,
    Text(Arc<String>),
    /// A piece of it could not be shown.
    Ended,
}

impl Block {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Empty | Self::Ended => None,
        }
    }
}

/// The number of events that may be in preview at once; the oldest gives way.
const EVENTS: usize = 32;
/// The number of blocks that an event in preview may have, and the size of all events' text. A
/// preview that exceeds them ends.
const BLOCKS: usize = 256;
const TEXT: usize = 16 << 20;

impl Previews {
    /// An event begins.
    pub(crate) fn start(&mut self, event: &EventId) {
        self.end(event);
        if self.open.len() == EVENTS {
            if let Some(oldest) = self.open.front().map(|open| open.event.clone()) {
                self.end(&oldest);
            }
        }
        self.open.push_back(Open {
            event: event.clone(),
            blocks: Vec::new(),
        });
    }

    /// A piece of an event that is no plain text, or has more to it.
    pub(crate) fn delta(&mut self, event: &EventDeltaEvent) -> Option<(LiveText, bool)> {
        let (id, index) = (&event.event_id, event.delta.index);
        if let Some(text) = event.delta.text() {
            return self.extend(Piece {
                event_id: id.clone(),
                index,
                text: text.to_owned(),
            });
        }
        // Content of another kind has no text, and no piece of text fits behind it.
        let open = self.open.iter_mut().find(|open| open.event == *id)?;
        if index >= BLOCKS {
            self.end(id);
            return None;
        }
        if index >= open.blocks.len() {
            open.blocks.resize(index + 1, Block::Empty);
        }
        self.bytes -= open.blocks[index].text().map_or(0, str::len);
        open.blocks[index] = Block::Ended;
        None
    }

    /// Takes a piece, and returns it if it can be shown, and whether it shows what never was.
    pub(crate) fn extend(&mut self, piece: Piece) -> Option<(LiveText, bool)> {
        let Piece {
            event_id,
            index,
            text: new,
        } = piece;
        let open = self.open.iter_mut().find(|open| open.event == event_id)?;
        if index >= BLOCKS || self.bytes + new.len() > TEXT {
            self.end(&event_id);
            return None;
        }
        if index >= open.blocks.len() {
            open.blocks.resize(index + 1, Block::Empty);
        }
        let block = &mut open.blocks[index];
        let (so_far, restarted) = match block {
            Block::Ended => return None,
            Block::Empty => {
                let text = Arc::new(new.clone());
                *block = Block::Text(Arc::clone(&text));
                (text, true)
            }
            Block::Text(text) => {
                Arc::make_mut(text).push_str(&new);
                (Arc::clone(text), false)
            }
        };
        self.bytes += new.len();
        let is_new = self.shows(&event_id, index, so_far.len());
        let shown = LiveText {
            event_id,
            index,
            restarted,
            new,
            so_far,
        };
        Some((shown, is_new))
    }

    /// So much of a block is shown now; whether it never was so much.
    fn shows(&mut self, event: &EventId, index: usize, length: usize) -> bool {
        let found = self.shown.iter().rposition(|(id, _)| id == event);
        let at = found.unwrap_or_else(|| {
            if self.shown.len() == EVENTS {
                self.shown.pop_front();
            }
            self.shown.push_back((event.clone(), Vec::new()));
            self.shown.len() - 1
        });
        let lengths = &mut self.shown[at].1;
        if index >= lengths.len() {
            lengths.resize(index + 1, 0);
        }
        let is_new = length > lengths[index];
        lengths[index] = lengths[index].max(length);
        is_new
    }

    /// The whole text so far of a block that is being written.
    pub(crate) fn text(&self, event: &EventId, index: usize) -> Option<&str> {
        let open = self.open.iter().find(|open| open.event == *event)?;
        open.blocks.get(index)?.text()
    }

    /// A piece could not be read: what comes behind it is not shown. Without an event it may be
    /// one of any.
    pub(crate) fn spoil(&mut self, event: Option<&EventId>) {
        match event {
            Some(event) => self.end(event),
            None => self.void(),
        }
    }

    /// The connection was lost: deltas without a new start are pieces out of the middle.
    pub(crate) fn void(&mut self) {
        self.open.clear();
        self.bytes = 0;
    }

    /// The event itself came.
    pub(crate) fn close(&mut self, event: &EventId) {
        if self.shown.is_empty() && self.open.is_empty() {
            return;
        }
        self.shown.retain(|(id, _)| id != event);
        self.end(event);
    }

    fn end(&mut self, event: &EventId) {
        if let Some(at) = self.open.iter().position(|open| open.event == *event) {
            let open = self.open.remove(at).into_iter();
            let texts = open.flat_map(|open| open.blocks);
            self.bytes -= texts
                .map(|block| block.text().map_or(0, str::len))
                .sum::<usize>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(id: &str, index: usize, text: &str) -> Piece {
        Piece {
            event_id: EventId::new(id),
            index,
            text: text.to_owned(),
        }
    }

    fn shown(previews: &Previews, id: &str, index: usize) -> Option<String> {
        let text = previews.text(&EventId::new(id), index);
        text.map(ToOwned::to_owned)
    }

    fn begun(id: &str) -> Previews {
        let mut previews = Previews::default();
        previews.start(&EventId::new(id));
        previews
    }

    fn decoded(data: &str) -> EventDeltaEvent {
        match qoder_types::Event::decode("event_delta", None, data) {
            qoder_types::Event::EventDelta(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn blocks_grow_by_their_deltas() {
        let mut previews = begun("a");
        let (first, new) = previews.extend(piece("a", 0, "Hel")).expect("a preview");
        assert!(first.restarted && new);
        let (second, new) = previews.extend(piece("a", 0, "lo")).expect("a preview");
        assert_eq!((second.restarted, second.new()), (false, "lo"));
        // Whoever keeps a piece keeps what it said.
        assert_eq!((first.so_far(), second.so_far()), ("Hel", "Hello"));
        assert!(new);
        previews.extend(piece("a", 1, "Second"));
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Hello"));
        assert_eq!(shown(&previews, "a", 1).as_deref(), Some("Second"));
        assert_eq!(previews.bytes, 11);
    }

    #[test]
    fn a_block_begins_with_its_first_piece_in_whatever_order_they_come() {
        let mut previews = begun("a");
        let (second, _) = previews.extend(piece("a", 1, "Second")).expect("a preview");
        assert!(second.restarted);
        assert_eq!(shown(&previews, "a", 0), None);
        let (first, _) = previews.extend(piece("a", 0, "First")).expect("a preview");
        assert!(first.restarted, "block 0 begins after block 1");
    }

    #[test]
    fn the_event_itself_ends_its_preview() {
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Hel"));
        previews.close(&EventId::new("a"));
        assert_eq!(shown(&previews, "a", 0), None);
        assert_eq!(previews.extend(piece("a", 0, "late")), None);
        assert!(previews.shown.is_empty() && previews.bytes == 0);
    }

    #[test]
    fn after_a_reconnection_only_a_new_start_shows_text_and_only_more_of_it_is_new() {
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Hel"));
        previews.void();
        let middle = previews.extend(piece("a", 0, "o!"));
        assert_eq!(middle, None, "a piece out of the middle");
        previews.start(&EventId::new("a"));
        let (again, new) = previews.extend(piece("a", 0, "Hel")).expect("a preview");
        assert!(again.restarted && !new, "it is repeated");
        let (more, new) = previews.extend(piece("a", 0, "lo")).expect("a preview");
        assert!(!more.restarted && new);
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Hello"));
    }

    #[test]
    fn a_second_start_begins_anew() {
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Hel"));
        previews.start(&EventId::new("a"));
        assert_eq!(shown(&previews, "a", 0), None);
        let (first, new) = previews.extend(piece("a", 0, "Hello")).expect("a preview");
        assert!(first.restarted && new);
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Hello"));
        assert_eq!(previews.open.len(), 1);
    }

    #[test]
    fn nothing_is_added_behind_what_could_not_be_shown() {
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Hel"));
        previews.spoil(Some(&EventId::new("a")));
        assert_eq!(previews.extend(piece("a", 0, "world")), None);
        assert_eq!(shown(&previews, "a", 0), None);
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Hel"));
        previews.spoil(None);
        assert_eq!(previews.extend(piece("a", 0, "world")), None);
    }

    #[test]
    fn content_of_another_kind_ends_its_block_alone() {
        let mut previews = begun("a");
        previews.extend(piece("a", 0, "Look:"));
        previews.extend(piece("a", 1, "?"));
        let image = decoded(
            r#"{"event_id":"a","delta":{"index":1,"content":{"type":"image","source":{}}}}"#,
        );
        assert_eq!(previews.delta(&image), None);
        assert_eq!(previews.extend(piece("a", 1, "text")), None);
        assert_eq!(shown(&previews, "a", 1), None);
        assert_eq!(shown(&previews, "a", 0).as_deref(), Some("Look:"));
        assert!(previews.extend(piece("a", 2, "More")).is_some());
        assert_eq!(previews.bytes, 9);
    }

    #[test]
    fn limits_end_a_preview_and_hold_for_all_of_them() {
        let mut previews = begun("a");
        assert_eq!(previews.extend(piece("a", BLOCKS, "x")), None);
        assert_eq!(previews.extend(piece("a", 0, "x")), None, "it is over");
        let half = "x".repeat(TEXT / 2 + 1);
        previews.start(&EventId::new("a"));
        previews.start(&EventId::new("b"));
        assert!(previews.extend(piece("a", 0, &half)).is_some());
        assert_eq!(previews.extend(piece("b", 0, &half)), None, "too much");
        let smaller = previews.extend(piece("b", 0, "x"));
        assert_eq!(smaller, None, "a smaller piece doesn't fit behind it");
        assert_eq!(previews.bytes, half.len());
    }

    #[test]
    fn a_start_without_an_end_does_not_grow_for_ever() {
        let mut previews = Previews::default();
        for n in 0..1000 {
            previews.start(&EventId::new(n.to_string()));
            previews.extend(piece(&n.to_string(), 0, "text"));
        }
        assert_eq!(
            (previews.open.len(), previews.shown.len()),
            (EVENTS, EVENTS)
        );
        assert_eq!(previews.bytes, 4 * EVENTS);
        assert_eq!(previews.extend(piece("999", usize::MAX, "x")), None);
    }
}
