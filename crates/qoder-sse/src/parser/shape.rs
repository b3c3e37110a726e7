//! Blocks that differ from the one before in their data alone, as the previews of a message do.

use core::ops::Range;

use super::block::{Block, Place, Span};
use super::ends::same_of_32;

/// The bytes around the data of such a block, if they are known: comparing them with those of the
/// block before is faster than reading them. Such a block has one data line, a type before it or
/// none, and the last event id or none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// The bytes before the value of the data, at the beginning of the array.
    head: [u8; 32],
    /// The bytes behind it, the end of the block included, at the end of the array.
    tail: [u8; 32],
    /// The lengths of both. Without a head, no shape is known.
    head_length: usize,
    tail_length: usize,
    /// The place of the type; empty if there is none.
    event: Span,
    has_event: bool,
    has_id: bool,
    id_in_head: bool,
}

impl Shape {
    /// Learns from a block that lies there in the chunk and has one line of data. `head_id` is the
    /// id that was before the data.
    #[inline]
    pub(super) fn learn(
        &mut self,
        chunk: &[u8],
        at: Range<usize>,
        block: Block,
        data: Span,
        head_id: Place,
    ) {
        if let (Place::Absent | Place::Last, Place::Absent | Place::Last) = (head_id, block.id) {
            self.learn_from(chunk, at, block, data, head_id);
        }
    }

    #[inline(never)]
    fn learn_from(
        &mut self,
        chunk: &[u8],
        at: Range<usize>,
        block: Block,
        data: Span,
        head_id: Place,
    ) {
        self.forget();
        let (head_length, tail_length) = (data.start - at.start, at.end - data.end);
        if head_length > 32 || tail_length > 32 {
            return;
        }
        let event = match block.event {
            Place::Chunk(event) if event.end < data.start => Span {
                start: event.start - at.start,
                end: event.end - at.start,
            },
            Place::Absent => Span::default(),
            _ => return,
        };
        let bytes = &chunk[at];
        if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
            *self = Self {
                head: *head,
                tail: *tail,
                head_length,
                tail_length,
                event,
                has_event: !matches!(block.event, Place::Absent),
                has_id: !matches!(block.id, Place::Absent),
                id_in_head: !matches!(head_id, Place::Absent),
            };
        }
    }

    /// The last event id is another one now.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.head_length = 0;
    }

    /// Returns the position where the value of the data begins, if the bytes before it are the
    /// same. The rest of the block may be another one.
    #[inline]
    pub(super) fn head(&self, chunk: &[u8], from: usize) -> Option<usize> {
        if self.head_length == 0 {
            return None;
        }
        let same = same_of_32(chunk.get(from..)?.first_chunk()?, &self.head);
        let differs = !u64::from(same) & ((1 << self.head_length) - 1);
        (differs == 0).then_some(from + self.head_length)
    }

    /// Returns the position where the block ends, if the bytes behind the value of the data are the
    /// same.
    #[inline]
    pub(super) fn tail(&self, chunk: &[u8], end: usize) -> Option<usize> {
        let to = end + self.tail_length;
        let same = same_of_32(chunk.get(..to)?.last_chunk()?, &self.tail);
        let differs = u64::from(!same) >> (32 - self.tail_length);
        (differs == 0).then_some(to)
    }

    /// The same for any block with data, of which all but the tail is known, and the whole block.
    #[inline]
    pub(super) fn complete(
        &self,
        block: Block,
        chunk: &[u8],
        end: usize,
    ) -> Option<(usize, Block)> {
        if self.head_length == 0 || self.id_in_head || matches!(block.data, Place::Absent) {
            return None;
        }
        let to = self.tail(chunk, end)?;
        let id = if self.has_id { Place::Last } else { block.id };
        Some((to, Block { id, ..block }))
    }

    /// The type, which is empty if there is none.
    #[inline]
    pub(super) fn event(&self, from: usize) -> Span {
        let Span { start, end } = self.event;
        Span {
            start: from + start,
            end: from + end,
        }
    }

    #[inline]
    pub(super) fn has_id(&self) -> bool {
        self.has_id
    }

    /// Returns the block that the head describes.
    #[inline]
    pub(super) fn block(&self, from: usize) -> Block {
        Block {
            event: if self.has_event {
                Place::Chunk(self.event(from))
            } else {
                Place::Absent
            },
            data: Place::Absent,
            id: if self.id_in_head {
                Place::Last
            } else {
                Place::Absent
            },
        }
    }
}
