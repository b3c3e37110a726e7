//! The fast way: blocks that lie within a chunk.

use core::mem;

use super::block::{Block, Place, Span};
use super::ends::{line_end, short_line_end};
use super::{Parser, Scan};
use crate::frame::{Frame, Item};

/// The first eight bytes of a line, as a number: fields are told apart by one comparison each.
struct Head(u64);

impl Head {
    #[inline]
    fn of(rest: &[u8]) -> Self {
        Self(u64::from_le_bytes(match rest.first_chunk() {
            Some(head) => *head,
            None => short(rest),
        }))
    }

    #[inline]
    fn begins<const N: usize>(&self, name: &[u8; N]) -> bool {
        let (mut word, mut mask) = ([0; 8], [0; 8]);
        word[..N].copy_from_slice(name);
        mask[..N].fill(0xFF);
        self.0 & u64::from_le_bytes(mask) == u64::from_le_bytes(word)
    }
}

/// Zeros follow, which no field begins with.
#[cold]
fn short(rest: &[u8]) -> [u8; 8] {
    let mut head = [0; 8];
    head[..rest.len()].copy_from_slice(rest);
    head
}

impl Parser {
    /// Goes on to the end of the next item, from the beginning of a block. What is not plain, and
    /// the end of the chunk, goes the slow way.
    #[allow(
        clippy::inline_always,
        reason = "measured: a call is a tenth of a small event"
    )]
    #[inline(always)]
    pub(super) fn advance_plainly<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let mut at = scan.at;
        if mem::take(&mut self.skip_lf) && chunk[at] == b'\n' {
            // It belongs to the line before.
            at += 1;
            self.count(usize::from(self.bytes > 0));
        }
        let mut from = at;
        let mut block = Block::default();
        // The id as of the data.
        let mut head_id = Place::Absent;
        if let Some(start) = self.shape.head(chunk, from) {
            at = start - b"data: ".len();
            let Some(value) = value(chunk, start) else {
                return self.rest(self.shape.block(from), from, at, chunk, scan);
            };
            if value.end - at <= self.limits.line && self.has_room(Place::Absent, value) {
                if let Some(to) = self.shape.tail(chunk, value.end) {
                    scan.window.cover(chunk, from, to);
                    let event = scan.window.get(self.shape.event(from));
                    if let (Some(event), Some(data)) = (event, scan.window.get(value)) {
                        self.bytes = 0;
                        self.skip_lf = chunk[to - 1] == b'\r';
                        scan.at = to;
                        return Some(Item::Frame(Frame {
                            event,
                            data,
                            own_id: self.shape.has_id(),
                            last_id: &self.last_id,
                        }));
                    }
                }
                block = self.shape.block(from);
                head_id = block.id;
                block.data = Place::Chunk(value);
                at = self.next_line(chunk, value.end);
            } else {
                at = from;
            }
        }
        while let Some(rest) = chunk.get(at..) {
            let head = Head::of(rest);
            if head.begins(b"data: ") {
                let Some(value) = value(chunk, at + 6) else {
                    return self.rest(block, from, at, chunk, scan);
                };
                if value.end - at > self.limits.line || !self.has_room(block.data, value) {
                    break;
                }
                block.data = match block.data {
                    Place::Absent => {
                        head_id = block.id;
                        Place::Chunk(value)
                    }
                    data => self.join(data, chunk, from, &mut scan.window, value),
                };
                at = self.next_line(chunk, value.end);
            } else if head.begins(b"event: ") {
                let Some(value) = short_value(chunk, at + 7) else {
                    return self.rest(block, from, at, chunk, scan);
                };
                if value.end - at > self.limits.line {
                    break;
                }
                block.event = Place::Chunk(value);
                at = self.next_line(chunk, value.end);
            } else if head.begins(b"id: ") {
                let Some(value) = short_value(chunk, at + 4) else {
                    return self.rest(block, from, at, chunk, scan);
                };
                if value.end - at > self.limits.line {
                    break;
                }
                block.id = self.id(block.id, chunk, value);
                at = self.next_line(chunk, value.end);
            } else if head.begins(b"\n") || head.begins(b"\r") {
                self.bytes = 0;
                if let (Place::Absent, Place::Absent) = (block.data, block.id) {
                    block = Block::default();
                    at = self.next_line(chunk, at);
                    from = at;
                    continue;
                }
                self.skip_lf = head.begins(b"\r");
                scan.window.cover(chunk, from, at);
                scan.at = at + 1;
                if let Place::Chunk(data) = block.data {
                    self.shape.learn(chunk, from..scan.at, block, data, head_id);
                }
                return Some(self.dispatch(block, chunk, &scan.window));
            } else {
                break;
            }
        }
        self.advance_slowly(block, from, at, chunk, scan)
    }

    /// Returns the position where the next line begins, if it is in the chunk.
    #[inline]
    fn next_line(&mut self, chunk: &[u8], end: usize) -> usize {
        if chunk[end] != b'\r' {
            return end + 1;
        }
        match chunk.get(end + 1) {
            Some(b'\n') => return end + 2,
            Some(_) => {}
            // The next chunk tells.
            None => self.skip_lf = true,
        }
        end + 1
    }
}

#[inline]
fn value(chunk: &[u8], start: usize) -> Option<Span> {
    let end = line_end(chunk, start)?;
    Some(Span { start, end })
}

#[inline]
fn short_value(chunk: &[u8], start: usize) -> Option<Span> {
    let end = short_line_end(chunk, start)?;
    Some(Span { start, end })
}
