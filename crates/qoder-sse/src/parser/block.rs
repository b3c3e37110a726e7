//! A block, and the lines of it that are whole in a chunk.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::ends::same_of_32;
use super::line::{Field, milliseconds, split};
use super::text::{COMMENT, Window, append, cut, decode_into};
use super::{Comment, Line, Parser};
use crate::frame::Limit;

/// A place in the chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn of(self, chunk: &[u8]) -> &[u8] {
        &chunk[self.start..self.end]
    }
}

/// The fields of a block that is being read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    pub(super) event: Place,
    pub(super) data: Place,
    pub(super) id: Place,
}

/// The place of a field's value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Place {
    #[default]
    Absent,
    Chunk(Span),
    /// In the buffer for such values.
    Buffer,
    /// The id is the last event id already.
    Last,
}

/// The same between two chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) event: bool,
    pub(super) data: bool,
    pub(super) id: bool,
    /// The id is the last event id already.
    pub(super) last: bool,
}

impl From<Kept> for Block {
    fn from(kept: Kept) -> Self {
        let place = |there| {
            if there { Place::Buffer } else { Place::Absent }
        };
        Self {
            event: place(kept.event),
            data: place(kept.data),
            id: if kept.last {
                Place::Last
            } else {
                place(kept.id)
            },
        }
    }
}

/// The number of bytes of a line that the limits allow, and the limit that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) bytes: usize,
    pub(super) limit: Limit,
}

impl Parser {
    /// A line that is whole in the chunk. What the chunk has of its block begins at `from`.
    pub(super) fn line<'a>(
        &mut self,
        block: &mut Block,
        chunk: &'a [u8],
        from: usize,
        window: &mut Window<'a>,
        Range { start, end }: Range<usize>,
    ) -> Line {
        let line = &chunk[start..end];
        if line.is_empty() {
            return self.blank(block);
        }
        let (field, skip) = split(line);
        let mut value = Span {
            start: start + skip,
            end,
        };
        if self.skip_block || field == Field::Unknown {
            return Line::Taken;
        }
        if field == Field::Comment {
            if line.len() > COMMENT {
                value.end = start + COMMENT - cut(&line[..COMMENT]);
            }
            return Line::Comment(Comment::Chunk(value));
        }
        let room = self.room(field, skip, block.data);
        if line.len() > room.bytes {
            *block = Block::default();
            return self.overflow(room.limit);
        }
        match field {
            Field::Data => {
                block.data = match block.data {
                    Place::Absent => Place::Chunk(value),
                    data => self.join(data, chunk, from, window, value),
                };
            }
            Field::Event => block.event = Place::Chunk(value),
            Field::Retry => return milliseconds(value.of(chunk)).map_or(Line::Taken, Line::Retry),
            _ => block.id = self.id(block.id, chunk, value),
        }
        Line::Taken
    }

    /// The end of a block.
    pub(super) fn blank(&mut self, block: &mut Block) -> Line {
        self.bytes = 0;
        let nothing = matches!((block.data, block.id), (Place::Absent, Place::Absent));
        if mem::take(&mut self.skip_block) || nothing {
            *block = Block::default();
            return Line::Blank;
        }
        Line::Dispatch
    }

    /// Returns the place of the id after an `id` line in the chunk.
    #[inline]
    pub(super) fn id(&self, before: Place, chunk: &[u8], value: Span) -> Place {
        // Most ids of previews repeat, and one that was taken once has no NUL.
        if value.of(chunk) == self.last_id.as_bytes() {
            Place::Last
        } else if !has_nul(chunk, value) {
            Place::Chunk(value)
        } else {
            before
        }
    }

    /// Returns the length of the data, with the line feed before the next line of it.
    #[inline]
    pub(super) fn before(&self, data: Place) -> usize {
        match data {
            Place::Chunk(first) => first.end - first.start + 1,
            Place::Buffer => self.text.bytes() + 1,
            Place::Absent | Place::Last => 0,
        }
    }

    /// Whether one more line can follow the data.
    #[inline]
    pub(super) fn has_room(&self, data: Place, value: Span) -> bool {
        self.before(data) + (value.end - value.start) <= self.limits.frame
    }

    /// Returns the number of bytes that a line of this field, whose value begins at `skip`, may
    /// have.
    pub(super) fn room(&self, field: Field, skip: usize, data: Place) -> Room {
        let line = Room {
            bytes: self.limits.line,
            limit: Limit::Line,
        };
        if field != Field::Data {
            return line;
        }
        // Without room for the line feed, any line is too long.
        let room = self.limits.frame.checked_sub(self.before(data));
        let bytes = room.map_or(0, |room| room.saturating_add(skip));
        if bytes <= line.bytes {
            let limit = Limit::Frame;
            return Room { bytes, limit };
        }
        line
    }

    /// Adds a line of the chunk to data that is not all there is.
    #[inline(never)]
    pub(super) fn join<'a>(
        &mut self,
        data: Place,
        chunk: &'a [u8],
        from: usize,
        window: &mut Window<'a>,
        value: Span,
    ) -> Place {
        if let Place::Chunk(first) = data {
            // With the fields before, which would otherwise move the window back.
            window.cover(chunk, from, value.end);
            self.text.clear();
            self.text.line(window.get(first), first.of(chunk));
        } else {
            window.cover(chunk, value.start, value.end);
        }
        self.text.next_line(window.get(value), value.of(chunk));
        Place::Buffer
    }

    /// Copies what of a block lies in the chunk and is needed after it.
    pub(super) fn keep(&mut self, block: Block, chunk: &[u8]) {
        if let Place::Chunk(value) = block.event {
            self.keep_event(value.of(chunk));
        }
        if let Place::Chunk(value) = block.id {
            replace(&mut self.id, value.of(chunk));
        }
        if let Place::Chunk(value) = block.data {
            self.text.clear();
            self.text.line(None, value.of(chunk));
        }
        self.kept = Kept {
            event: !matches!(block.event, Place::Absent),
            data: !matches!(block.data, Place::Absent),
            id: !matches!(block.id, Place::Absent),
            last: matches!(block.id, Place::Last),
        };
    }

    /// Most types repeat, and one that does is decoded already.
    #[inline]
    pub(super) fn keep_event(&mut self, value: &[u8]) {
        if self.event.as_bytes() != value {
            decode_into(&mut self.event, value);
        }
    }

    /// Something is too large. What the line at hand goes on with is skipped too.
    pub(super) fn overflow(&mut self, limit: Limit) -> Line {
        self.kept = Kept::default();
        self.skip_line();
        self.skip_block = true;
        Line::Overflow(limit)
    }
}

/// Most ids are short, and to look at 32 bytes at once is faster than a call.
#[inline]
fn has_nul(chunk: &[u8], value: Span) -> bool {
    let length = value.end - value.start;
    match chunk[value.start..].first_chunk() {
        Some(block) if length < 32 => same_of_32(block, &[0; 32]) & ((1 << length) - 1) != 0,
        _ => memchr::memchr(0, value.of(chunk)).is_some(),
    }
}

pub(super) fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    append(buffer, bytes);
}
