//! A line that is cut between chunks: what is kept of it, and when it is known to be of no use or
//! too long. That depends on its bytes alone, and not on where it is cut.

use core::mem;

use super::block::{Block, replace};
use super::ends::word;
use super::line::{Field, begun, milliseconds, split};
use super::text::{COMMENT, append, append_few, cut};
use super::{Comment, Line, Parser};
use crate::frame::Limit;

/// The state in which the last chunk ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// With the end of a line.
    #[default]
    Nothing,
    /// Within a line that `carry` has. So many bytes more are carried without a look at what it
    /// is.
    Carried(usize),
    /// Within a data line whose value goes to `text`, and may be so many bytes longer, by
    /// whichever limit is reached first.
    Data(usize),
    /// Within a comment of which `carry` has all that is kept.
    Comment,
    /// Within a line of no use.
    Skipped,
}

/// As many bytes as tell the fields apart.
const HEAD: usize = b"event:".len();

/// The beginning of most data lines, which is long enough to tell.
const DATA: &[u8] = b"data: ";

/// The length of data that is likely to go on for long.
const LONG: usize = 1 << 10;

/// The length of lines that are not worth to find out what they are before their end.
const SHORT: usize = 24;

impl Parser {
    /// The beginning of a line that goes through the buffers: mostly one whose end is not in the chunk.
    pub(super) fn begin_line(&mut self, head: &[u8]) -> Line {
        if head.starts_with(DATA) && !self.skip_block {
            return self.begin_data_line(head);
        }
        // No line of this length is too long, whatever it is.
        let data = self.before(Block::from(self.kept).data);
        let room = self.limits.frame.saturating_sub(data);
        self.carry_on(SHORT.min(self.limits.line).min(room), head)
    }

    /// The same where it is known to be data.
    fn begin_data_line(&mut self, head: &[u8]) -> Line {
        let room = self.room(Field::Data, DATA.len(), Block::from(self.kept).data);
        self.unfinished = Unfinished::Data(room.bytes.saturating_sub(head.len()));
        if head.len() > room.bytes {
            return self.overflow(room.limit);
        }
        self.begin_data();
        self.text.push(&head[DATA.len()..]);
        Line::Taken
    }

    /// Whether the unfinished line is likely to go on for long, as it already does.
    #[inline]
    pub(super) fn is_long(&self) -> bool {
        matches!(self.unfinished, Unfinished::Data(_)) && self.text.bytes() > LONG
    }

    /// More of an unfinished line, without its end.
    #[inline]
    pub(super) fn go_on(&mut self, more: &[u8]) -> Line {
        match &mut self.unfinished {
            Unfinished::Data(room) if more.len() <= *room => {
                *room -= more.len();
                self.text.push(more);
                Line::Taken
            }
            Unfinished::Data(room) => {
                let frame = self.text.bytes() + *room == self.limits.frame;
                self.overflow(if frame { Limit::Frame } else { Limit::Line })
            }
            Unfinished::Carried(room) => {
                let room = *room;
                self.carry_on(room, more)
            }
            Unfinished::Nothing | Unfinished::Comment | Unfinished::Skipped => Line::Taken,
        }
    }

    /// More of a line of which so many bytes may be carried without a look at what it is.
    #[inline(never)]
    fn carry_on(&mut self, room: usize, more: &[u8]) -> Line {
        match room.checked_sub(more.len()) {
            Some(room) => {
                if more.len() <= 8 {
                    append_few(&mut self.carry, word(more), more.len());
                } else {
                    append(&mut self.carry, more);
                }
                self.unfinished = Unfinished::Carried(room);
                Line::Taken
            }
            None => self.look(more),
        }
    }

    /// More of a line that can't be carried without a look at what it is.
    #[inline(never)]
    fn look(&mut self, more: &[u8]) -> Line {
        let (head, rest) = more.split_at(more.len().min(HEAD.saturating_sub(self.carry.len())));
        self.carry.extend_from_slice(head);
        // For as long as it isn't known.
        self.unfinished = Unfinished::Carried(0);
        let Some((field, skip)) = begun(&self.carry) else {
            return Line::Taken;
        };
        if self.skip_block || field == Field::Unknown {
            self.skip_line();
            return Line::Taken;
        }
        if field == Field::Comment {
            self.go_on_with_comment(rest);
            return Line::Taken;
        }
        let data = Block::from(self.kept).data;
        let room = self.room(field, skip, data);
        let Some(bytes) = room.bytes.checked_sub(self.carry.len() + rest.len()) else {
            return self.overflow(room.limit);
        };
        if field != Field::Data {
            append(&mut self.carry, rest);
            self.unfinished = Unfinished::Carried(bytes);
        } else if self.carry.len() >= HEAD {
            // A space after the colon would be here.
            self.begin_data();
            self.text.push(&self.carry[skip..]);
            self.text.push(rest);
            self.carry.clear();
            self.unfinished = Unfinished::Data(bytes);
        }
        Line::Taken
    }

    fn go_on_with_comment(&mut self, more: &[u8]) {
        let room = COMMENT.saturating_sub(self.carry.len());
        if more.len() <= room {
            append(&mut self.carry, more);
            self.unfinished = Unfinished::Carried(room - more.len());
        } else {
            append(&mut self.carry, &more[..room]);
            self.carry.truncate(self.carry.len() - cut(&self.carry));
            self.unfinished = Unfinished::Comment;
        }
    }

    /// One more line of data.
    fn begin_data(&mut self) {
        if mem::replace(&mut self.kept.data, true) {
            self.text.feed();
        } else {
            self.text.clear();
        }
    }

    /// The end of an unfinished line.
    pub(super) fn end_line(&mut self) -> Line {
        match mem::take(&mut self.unfinished) {
            Unfinished::Nothing | Unfinished::Data(_) | Unfinished::Skipped => Line::Taken,
            Unfinished::Comment => Line::Comment(Comment::Carry),
            Unfinished::Carried(_) => {
                let carry = mem::take(&mut self.carry);
                let line = self.carried(&carry);
                self.carry = carry;
                if !matches!(line, Line::Comment(_)) {
                    self.carry.clear();
                }
                line
            }
        }
    }

    /// A line that was in `carry`.
    fn carried(&mut self, line: &[u8]) -> Line {
        let (field, skip) = split(line);
        if self.skip_block || field == Field::Unknown {
            return Line::Taken;
        }
        if field == Field::Comment {
            return Line::Comment(Comment::Carry);
        }
        let room = self.room(field, skip, Block::from(self.kept).data);
        if line.len() > room.bytes {
            return self.overflow(room.limit);
        }
        let value = &line[skip..];
        match field {
            Field::Data => {
                self.begin_data();
                self.text.push(value);
            }
            Field::Event => {
                self.keep_event(value);
                self.kept.event = true;
            }
            Field::Retry => return milliseconds(value).map_or(Line::Taken, Line::Retry),
            _ if value == self.last_id.as_bytes() => {
                self.kept.id = true;
                self.kept.last = true;
            }
            _ if value.contains(&0) => {}
            _ => {
                replace(&mut self.id, value);
                self.kept.id = true;
                self.kept.last = false;
            }
        }
        Line::Taken
    }

    /// The rest of the line at hand, if there is one, is of no use.
    pub(super) fn skip_line(&mut self) {
        self.carry.clear();
        if self.unfinished != Unfinished::Nothing {
            self.unfinished = Unfinished::Skipped;
        }
    }
}
