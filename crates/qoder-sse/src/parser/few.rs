//! Chunks of a few bytes, of which most lie within a line: they are read as a number, and the
//! fields of their lines go through the buffers.

use core::mem;

use super::block::Block;
use super::cut::Unfinished;
use super::ends::{ends_of_8, has_end, word};
use super::text::append_few;
use super::{Line, Parser, Scan};
use crate::frame::Item;

/// Chunks up to this size are read so.
pub(super) const FEW: usize = 8;

impl Parser {
    /// Takes a few bytes within a line that began in an earlier chunk. In chunks of that size,
    /// the way to find out what they are is the greater part of the work.
    #[inline]
    pub(super) fn takes(&mut self, few: &[u8]) -> bool {
        let (Unfinished::Data(room) | Unfinished::Carried(room)) = &mut self.unfinished else {
            return false;
        };
        let word = word(few);
        if few.len() > *room || has_end(word) {
            return false;
        }
        *room -= few.len();
        if let Unfinished::Data(_) = self.unfinished {
            self.text.push_few(word, few.len());
        } else {
            append_few(&mut self.carry, word, few.len());
        }
        self.count(few.len());
        true
    }

    /// Goes on to the end of the next item in such a chunk.
    #[inline(never)]
    pub(super) fn advance_few<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let mut ends = ends_of_8(word(chunk)) >> scan.at << scan.at;
        while ends != 0 {
            let (start, end) = (scan.at, ends.trailing_zeros() as usize);
            ends &= ends - 1;
            scan.at = end + 1;
            let is_new = self.unfinished == Unfinished::Nothing;
            let is_cr = chunk[end] == b'\r';
            let after_cr = mem::replace(&mut self.skip_lf, is_cr);
            if is_new && start == end {
                if after_cr && !is_cr {
                    // It belongs to the line before.
                    self.count(usize::from(self.bytes > 0));
                    continue;
                }
                let mut block = Block::from(mem::take(&mut self.kept));
                if let Line::Dispatch = self.blank(&mut block) {
                    return Some(self.dispatch(block, chunk, &scan.window));
                }
                continue;
            }
            self.count(end + 1 - start);
            let line = match self.go_on_or_begin(is_new, &chunk[start..end]) {
                Line::Taken => self.end_line(),
                line => {
                    self.unfinished = Unfinished::Nothing;
                    line
                }
            };
            if !matches!(line, Line::Taken) {
                return self.tell(line, chunk);
            }
        }
        let rest = &chunk[mem::replace(&mut scan.at, chunk.len())..];
        if rest.is_empty() {
            return None;
        }
        self.count(rest.len());
        match self.go_on_or_begin(self.unfinished == Unfinished::Nothing, rest) {
            Line::Taken => None,
            line => self.tell(line, chunk),
        }
    }

    #[inline]
    fn go_on_or_begin(&mut self, is_new: bool, bytes: &[u8]) -> Line {
        if is_new {
            self.begin_line(bytes)
        } else {
            self.go_on(bytes)
        }
    }
}
