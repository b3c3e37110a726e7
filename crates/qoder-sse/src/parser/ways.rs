//! The ways through a chunk, to the end of the next item.

use core::mem;

use super::block::{Block, Kept, Place};
use super::cut::Unfinished;
use super::ends::{far, line_end};
use super::few::FEW;
use super::line::common_prefix;
use super::text::{Window, decode, decode_into};
use super::{Comment, Line, MARK, Parser, Scan};
use crate::frame::{Frame, Item, Limit, Overflow};

impl Parser {
    /// Bytes of the block are behind us. More than 4 GiB of one, which only lines of no use can
    /// come to, are no reason to panic where addresses have 32 bits.
    #[inline]
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// Goes on to the end of the next item.
    #[allow(
        clippy::inline_always,
        reason = "measured: a call is a tenth of a small event"
    )]
    #[inline(always)]
    pub(super) fn advance<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        if scan.at == chunk.len() {
            return None;
        }
        if chunk.len() <= FEW && self.takes(chunk) {
            scan.at = chunk.len();
            return None;
        }
        if mem::take(&mut self.lent) {
            self.carry.clear();
        }
        if self.mark < MARK.len() {
            return self.advance_mark(chunk, scan);
        }
        if chunk.len() <= FEW {
            return self.advance_few(chunk, scan);
        }
        if self.unfinished != Unfinished::Nothing {
            return self.advance_line(chunk, scan);
        }
        if self.kept != Kept::default() || self.skip_block {
            return self.advance_slowly(Block::default(), scan.at, scan.at, chunk, scan);
        }
        self.advance_plainly(chunk, scan)
    }

    /// The same at the beginning of a stream, where a byte order mark may be.
    #[cold]
    fn advance_mark<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let before = self.mark;
        let more = common_prefix(chunk, &MARK[before..]);
        self.mark += more;
        if self.mark == MARK.len() {
            // It is no part of a block.
            self.bytes = 0;
            return self.advance_slowly(Block::default(), more, more, chunk, scan);
        }
        if more == chunk.len() {
            scan.at = more;
            self.count(more);
            return None;
        }
        self.mark = MARK.len();
        if before == 0 {
            return self.advance_slowly(Block::default(), 0, 0, chunk, scan);
        }
        // A line that begins like this is no field.
        self.unfinished = Unfinished::Skipped;
        self.advance_line(chunk, scan)
    }

    /// The same in a chunk that begins within a line.
    fn advance_line<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let end = if self.is_long() {
            far(chunk, scan.at)
        } else {
            line_end(chunk, scan.at)
        };
        let Some(end) = end else {
            self.count(chunk.len() - scan.at);
            scan.at = chunk.len();
            return match self.go_on(chunk) {
                Line::Taken => None,
                line => self.tell(line, chunk),
            };
        };
        self.advance_line_end(end, chunk, scan)
    }

    /// The same where the line ends.
    #[inline(never)]
    fn advance_line_end<'p, 'c: 'p>(
        &'p mut self,
        end: usize,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let at = end + 1;
        self.count(at);
        self.skip_lf = chunk[end] == b'\r';
        let line = match self.go_on(&chunk[..end]) {
            Line::Taken => self.end_line(),
            line => {
                self.unfinished = Unfinished::Nothing;
                line
            }
        };
        if !matches!(line, Line::Taken) {
            scan.at = at;
            return self.tell(line, chunk);
        }
        if let Some((to, block)) = self.shape.complete(self.kept.into(), chunk, end) {
            self.kept = Kept::default();
            self.bytes = 0;
            self.skip_lf = chunk[to - 1] == b'\r';
            scan.at = to;
            return Some(self.dispatch(block, chunk, &scan.window));
        }
        self.advance_slowly(Block::default(), at, at, chunk, scan)
    }

    /// The same for all kinds of lines. The block has what there is of it in this chunk, `from`
    /// where that begins; `at` is where the next line begins.
    #[inline(never)]
    pub(super) fn advance_slowly<'p, 'c: 'p>(
        &'p mut self,
        mut block: Block,
        mut from: usize,
        mut at: usize,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        if self.kept != Kept::default() {
            block = mem::take(&mut self.kept).into();
        }
        loop {
            let Some(end) = line_end(chunk, at) else {
                return self.rest(block, from, at, chunk, scan);
            };
            let start = at;
            at = end + 1;
            let is_cr = chunk[end] == b'\r';
            if mem::replace(&mut self.skip_lf, is_cr) && start == end && !is_cr {
                // It belongs to the line before.
                if start == from && self.bytes == 0 {
                    from = at;
                }
                continue;
            }
            match self.line(&mut block, chunk, from, &mut scan.window, start..end) {
                Line::Taken => {}
                Line::Blank => from = at,
                Line::Dispatch => {
                    // Of a block that was cut there may be nothing here.
                    if from < start {
                        scan.window.cover(chunk, from, at);
                    }
                    scan.at = at;
                    return Some(self.dispatch(block, chunk, &scan.window));
                }
                line => {
                    scan.at = at;
                    self.count(at - from);
                    self.keep(block, chunk);
                    return self.tell(line, chunk);
                }
            }
        }
    }

    /// The end of a chunk within a block, which begins at `from`: its last line, if there is one, at
    /// `at`.
    #[inline(never)]
    pub(super) fn rest<'p, 'c: 'p>(
        &'p mut self,
        block: Block,
        from: usize,
        at: usize,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        scan.at = chunk.len();
        self.count(chunk.len() - from);
        self.keep(block, chunk);
        let rest = &chunk[at..];
        if rest.is_empty() {
            return None;
        }
        let line = self.begin_line(rest);
        self.tell(line, chunk)
    }

    /// The item that a block makes.
    #[allow(
        clippy::inline_always,
        reason = "measured: copying the block costs more than the rest of it"
    )]
    #[inline(always)]
    pub(super) fn dispatch<'p, 'c: 'p>(
        &'p mut self,
        block: Block,
        chunk: &'c [u8],
        window: &Window<'c>,
    ) -> Item<'p> {
        match block.id {
            Place::Absent | Place::Last => {}
            Place::Chunk(value) => {
                self.shape.forget();
                self.last_id.clear();
                match window.get(value) {
                    Some(text) => self.last_id.push_str(text),
                    None => decode_into(&mut self.last_id, value.of(chunk)),
                }
            }
            Place::Buffer => {
                self.shape.forget();
                decode_into(&mut self.last_id, &self.id);
            }
        }
        let data = match block.data {
            Place::Absent | Place::Last => return Item::Id,
            Place::Buffer => self.text.text(),
            Place::Chunk(value) => match window.get(value) {
                Some(text) => text,
                None => self.text.whole(value.of(chunk)),
            },
        };
        let event = match block.event {
            Place::Absent | Place::Last => "",
            Place::Buffer => &self.event,
            Place::Chunk(value) => match window.get(value) {
                Some(text) => text,
                None => decode(value.of(chunk), &mut self.lossy),
            },
        };
        Item::Frame(Frame {
            event,
            data,
            own_id: !matches!(block.id, Place::Absent),
            last_id: &self.last_id,
        })
    }

    /// Returns the item of a line that is not the end of a block, if it has one.
    #[inline(never)]
    pub(super) fn tell<'a>(&'a mut self, line: Line, chunk: &'a [u8]) -> Option<Item<'a>> {
        Some(match line {
            Line::Taken | Line::Blank | Line::Dispatch => return None,
            Line::Retry(time) => {
                self.retry = Some(time);
                Item::Retry(time)
            }
            Line::Overflow(limit) => {
                let bytes = match limit {
                    Limit::Line => self.limits.line,
                    Limit::Frame => self.limits.frame,
                };
                Item::Overflow(Overflow { limit, bytes })
            }
            Line::Comment(comment) => {
                let bytes = match comment {
                    Comment::Chunk(value) => value.of(chunk),
                    Comment::Carry => {
                        self.lent = true;
                        &self.carry[1..]
                    }
                };
                let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
                Item::Comment(decode(bytes, &mut self.lossy))
            }
        })
    }
}
