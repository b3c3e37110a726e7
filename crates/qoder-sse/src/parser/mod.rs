//! The parser: "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, from
//! chunks of any size.
//!
//! A block that lies within one chunk is read where it is. Of one that is cut, what is needed is
//! copied once: data as text, type and id to small buffers, and an unfinished line to `carry` for
//! as long as it isn't known to be data. Each byte is looked at once for the end of its line, and
//! once for being UTF-8.

mod ends;
mod limits;
mod line;
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use self::ends::Ends;
use self::line::{Field, common_prefix, may_be_kept, milliseconds, split};
use self::text::{Decoder, Window, append, decode};
use crate::frame::{Frame, Item, Limit, Overflow, Step, Tail};

pub use self::limits::Limits;

/// A parser of event streams.
///
/// ```
/// use qoder_sse::{Item, Parser, Tail};
///
/// let mut parser = Parser::new();
/// let mut seen = Vec::new();
/// for chunk in ["id: 1\ndata: Hel", "lo\n\ndata: cut"] {
///     let mut items = parser.feed(chunk.as_bytes());
///     while let Some(item) = items.next() {
///         if let Item::Frame(frame) = item {
///             seen.push((frame.data().to_owned(), frame.last_event_id().to_owned()));
///         }
///     }
/// }
/// assert_eq!(seen, [("Hello".to_owned(), "1".to_owned())]);
/// assert_eq!(parser.finish(), Tail::Cut { bytes: 9 });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Parser {
    limits: Limits,
    /// Data of the block that is in no chunk any more, or of several lines.
    text: Decoder,
    /// What may be of use of the unfinished line, unless that is known to be data.
    carry: Vec<u8>,
    unfinished: Unfinished,
    /// What the chunks before had of the block.
    kept: Kept,
    event: Vec<u8>,
    id: Vec<u8>,
    last_id: String,
    retry: Option<Duration>,
    /// A CR ended the last line: a LF that follows belongs to it.
    skip_lf: bool,
    /// The first line is behind us, and with it a byte order mark.
    begun: bool,
    /// The rest of the block is of no use.
    skip_block: bool,
    /// `carry` is lent out as a comment.
    lent: bool,
    /// Bytes of the block in the chunks before.
    bytes: usize,
    /// Texts that had to be decoded with replacement.
    lossy: [String; 2],
}

/// The items that a chunk completes, one after another: see [`Parser::feed`].
#[derive(Debug)]
pub struct Items<'a> {
    parser: &'a mut Parser,
    chunk: &'a [u8],
    scan: Scan<'a>,
}

/// What is known of a chunk.
#[derive(Debug)]
struct Scan<'a> {
    /// Up to where it is consumed.
    at: usize,
    ends: Ends,
    window: Window<'a>,
}

impl Scan<'_> {
    fn new(ahead: usize) -> Self {
        Self {
            at: 0,
            ends: Ends::default(),
            window: Window::new(ahead),
        }
    }
}

/// A place in the chunk.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(self, chunk: &[u8]) -> &[u8] {
        &chunk[self.start..self.end]
    }
}

/// The fields of a block that is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    event: Place,
    data: Place,
    id: Place,
}

/// Where the value of a field is.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
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
struct Kept {
    event: bool,
    data: bool,
    id: bool,
    /// The id is the last event id already.
    last: bool,
}

/// How the last chunk ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unfinished {
    /// With the end of a line.
    #[default]
    Nothing,
    /// Within a line that `carry` has, and may be anything.
    Line,
    /// Within a type, an id or a time, which `carry` has.
    Field,
    /// Within a data line, of so many bytes so far, whose value goes to `text`.
    Data(usize),
    /// Within a line of no use, or in a comment of which `carry` has enough.
    Skipped,
}

/// What a line was.
enum Line {
    /// Nothing to tell.
    Taken,
    /// The end of a block that tells nothing.
    Blank,
    Comment(Comment),
    Retry(Duration),
    Overflow(Limit),
    /// The end of a block that is an event, or has an id.
    Dispatch,
}

enum Comment {
    Chunk(Span),
    Carry,
}

/// Of a comment that is cut between chunks, no more than this is kept.
const COMMENT: usize = 4 << 10;

/// How much of a chunk is checked for being UTF-8 at once: it should stay in the cache until it
/// is read.
const AHEAD: usize = 16 << 10;

/// As many bytes as tell the fields apart, with a byte order mark before them.
const HEAD: usize = 9;

/// Chunks up to this size may be taken without a look at what they are.
const FEW: usize = 8;

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Parser {
    /// A parser with the default limits, before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A parser with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The same, with a last event id from an earlier stream.
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.last_id.push_str(id);
        self
    }

    /// The last event id: what a reconnection sends as `Last-Event-ID`. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// The time to wait before a reconnection, if the server set it.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The items that a chunk completes. An empty chunk changes nothing.
    ///
    /// Take them all: what is left when the items are dropped is not consumed, and has to be fed
    /// again from [`Items::consumed`] on.
    #[inline]
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Items<'a> {
        Items {
            parser: self,
            chunk,
            scan: Scan::new(AHEAD),
        }
    }

    /// Consumes the input up to the end of one item, or all of it. Call it again with the rest
    /// until the input is empty. An empty input changes nothing.
    ///
    /// For those who can't keep [`Items`] from one item to the next. It knows nothing of the rest,
    /// so that [`feed`](Self::feed) is faster.
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> Step<'a> {
        let mut scan = Scan::new(0);
        let item = self.advance(input, &mut scan);
        Step {
            consumed: scan.at,
            item,
        }
    }

    /// The input is at its end, or the connection is lost. What had come of a block is dropped;
    /// the last event id and the reconnection time stay.
    pub fn finish(&mut self) -> Tail {
        let clean = self.kept == Kept::default()
            && self.unfinished == Unfinished::Nothing
            && !self.skip_block;
        let tail = if clean {
            Tail::Clean
        } else {
            Tail::Cut { bytes: self.bytes }
        };
        self.restart();
        tail
    }

    /// Begins a new connection: forgets the block and line at hand, expects a byte order mark
    /// again. The last event id and the reconnection time stay.
    pub fn restart(&mut self) {
        self.carry.clear();
        self.unfinished = Unfinished::Nothing;
        self.kept = Kept::default();
        self.skip_lf = false;
        self.begun = false;
        self.skip_block = false;
        self.lent = false;
        self.bytes = 0;
    }

    /// Takes a few bytes within a line that began in an earlier chunk. In chunks of that size,
    /// the way to find out what they are is the greater part of the work.
    #[inline]
    fn takes(&mut self, few: &[u8]) -> bool {
        match self.unfinished {
            Unfinished::Data(before) if before + few.len() <= self.limits.line => {
                if !self.text.push_few(few) {
                    return false;
                }
                self.unfinished = Unfinished::Data(before + few.len());
            }
            Unfinished::Line | Unfinished::Field
                if self.carry.len() + few.len() <= self.short()
                    && !few.iter().any(|byte| matches!(byte, b'\n' | b'\r')) =>
            {
                self.carry.extend_from_slice(few);
            }
            _ => return false,
        }
        self.bytes += few.len();
        true
    }

    /// The length of lines that are not worth to find out what they are before their end.
    #[inline]
    fn short(&self) -> usize {
        self.limits.line.min(24)
    }

    /// Goes on to the end of the next item.
    #[inline]
    fn advance<'p, 'c: 'p>(&'p mut self, chunk: &'c [u8], scan: &mut Scan<'c>) -> Option<Item<'p>> {
        if scan.at == chunk.len() {
            return None;
        }
        if mem::take(&mut self.lent) {
            self.carry.clear();
        }
        if self.unfinished != Unfinished::Nothing {
            return self.advance_line(chunk, scan);
        }
        let (mut from, mut at) = (scan.at, scan.at);
        if self.kept != Kept::default() || !self.begun || self.skip_block {
            return self.advance_slowly(Block::default(), from, at, chunk, scan);
        }
        // Most blocks are plain, and this is where the time goes. What is not plain, and the end
        // of the chunk, goes the slow way, which sees the line at hand again.
        let mut block = Block::default();
        let mut ends = scan.ends;
        let mut skip_lf = self.skip_lf;
        loop {
            let before = (ends, skip_lf);
            if let Some(end) = ends.next(chunk) {
                let line = &chunk[at..end];
                let is_cr = chunk[end] == b'\r';
                if mem::replace(&mut skip_lf, is_cr) && line.is_empty() && !is_cr {
                    // It belongs to the line before.
                    from += usize::from(from == at && self.bytes == 0);
                    at = end + 1;
                    continue;
                }
                let value = |name: &[u8]| Span {
                    start: at + name.len(),
                    end,
                };
                if line.is_empty() && !matches!(block.data, Place::Absent) {
                    self.bytes = 0;
                    self.skip_lf = skip_lf;
                    scan.window.cover(chunk, scan.at, end);
                    scan.ends = ends;
                    scan.at = end + 1;
                    return Some(self.dispatch(block, chunk, &scan.window));
                }
                if line.len() <= self.limits.line {
                    if line.starts_with(b"data: ") {
                        let value = value(b"data: ");
                        if self.has_room(block.data, value) {
                            block.data = match block.data {
                                Place::Absent => Place::Chunk(value),
                                data => self.join(data, chunk, &mut scan.window, value),
                            };
                            at = end + 1;
                            continue;
                        }
                    } else if line.starts_with(b"event: ") {
                        block.event = Place::Chunk(value(b"event: "));
                        at = end + 1;
                        continue;
                    } else if line.starts_with(b"id: ") {
                        block.id = self.id(block.id, chunk, value(b"id: "));
                        at = end + 1;
                        continue;
                    }
                }
            }
            (scan.ends, self.skip_lf) = before;
            break;
        }
        self.advance_slowly(block, from, at, chunk, scan)
    }

    /// The same in a chunk that begins within a line.
    fn advance_line<'p, 'c: 'p>(
        &'p mut self,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let Some(end) = scan.ends.next(chunk) else {
            scan.at = chunk.len();
            self.bytes += chunk.len();
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
        self.bytes += at;
        self.skip_lf = chunk[end] == b'\r';
        let line = match self.go_on(&chunk[..end]) {
            Line::Taken => self.end_line(),
            line => {
                self.unfinished = Unfinished::Nothing;
                line
            }
        };
        match line {
            Line::Taken | Line::Blank => self.advance_slowly(Block::default(), at, at, chunk, scan),
            Line::Dispatch => {
                scan.at = at;
                let block = mem::take(&mut self.kept).into();
                Some(self.dispatch(block, chunk, &scan.window))
            }
            line => {
                scan.at = at;
                self.tell(line, chunk)
            }
        }
    }

    /// The same for all kinds of lines. The block has what there is of it in this chunk, `from`
    /// where that begins; `at` is where the next line begins.
    #[inline(never)]
    fn advance_slowly<'p, 'c: 'p>(
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
            let Some(end) = scan.ends.next(chunk) else {
                scan.at = chunk.len();
                self.bytes += chunk.len() - from;
                self.keep(block, chunk);
                let rest = &chunk[at..];
                if rest.is_empty() {
                    return None;
                }
                self.skip_lf = false;
                let line = self.go_on(rest);
                return self.tell(line, chunk);
            };
            let mut start = at;
            at = end + 1;
            let is_cr = chunk[end] == b'\r';
            if mem::replace(&mut self.skip_lf, is_cr) && start == end && !is_cr {
                // It belongs to the line before.
                if start == from && self.bytes == 0 {
                    from = at;
                }
                continue;
            }
            if !mem::replace(&mut self.begun, true) && chunk[start..end].starts_with(BOM) {
                start += BOM.len();
            }
            match self.line(&mut block, chunk, &mut scan.window, start, end) {
                Line::Taken => {}
                Line::Blank => from = at,
                Line::Dispatch => {
                    scan.window.cover(chunk, scan.at, at);
                    scan.at = at;
                    return Some(self.dispatch(block, chunk, &scan.window));
                }
                line => {
                    scan.at = at;
                    self.bytes += at - from;
                    self.keep(block, chunk);
                    return self.tell(line, chunk);
                }
            }
        }
    }

    /// A line that is whole in the chunk, from `start` to `end`.
    fn line<'a>(
        &mut self,
        block: &mut Block,
        chunk: &'a [u8],
        window: &mut Window<'a>,
        start: usize,
        end: usize,
    ) -> Line {
        let line = &chunk[start..end];
        if line.is_empty() {
            return self.blank(block.data, block.id, &mut block.event);
        }
        let (field, skip) = split(line);
        let value = Span {
            start: start + skip,
            end,
        };
        if self.skip_block || field == Field::Unknown {
            return Line::Taken;
        }
        if field == Field::Comment {
            return Line::Comment(Comment::Chunk(value));
        }
        if line.len() > self.limits.line {
            *block = Block::default();
            return self.overflow(Limit::Line);
        }
        match field {
            Field::Data if !self.has_room(block.data, value) => {
                *block = Block::default();
                return self.overflow(Limit::Frame);
            }
            Field::Data => {
                block.data = match block.data {
                    Place::Absent => Place::Chunk(value),
                    data => self.join(data, chunk, window, value),
                };
            }
            Field::Event => block.event = Place::Chunk(value),
            Field::Retry => return milliseconds(value.of(chunk)).map_or(Line::Taken, Line::Retry),
            _ => block.id = self.id(block.id, chunk, value),
        }
        Line::Taken
    }

    /// The end of a block.
    fn blank(&mut self, data: Place, id: Place, event: &mut Place) -> Line {
        self.bytes = 0;
        if mem::take(&mut self.skip_block) || matches!((data, id), (Place::Absent, Place::Absent)) {
            *event = Place::Absent;
            return Line::Blank;
        }
        Line::Dispatch
    }

    /// What an `id` line in the chunk makes of the id before.
    #[inline]
    fn id(&self, before: Place, chunk: &[u8], value: Span) -> Place {
        // Most ids of previews repeat, and one that was taken once has no NUL.
        if value.of(chunk) == self.last_id.as_bytes() {
            Place::Last
        } else if memchr::memchr(0, value.of(chunk)).is_none() {
            Place::Chunk(value)
        } else {
            before
        }
    }

    /// Whether one more line can follow the data.
    #[inline]
    fn has_room(&self, data: Place, value: Span) -> bool {
        let more = value.end - value.start;
        let bytes = match data {
            Place::Chunk(first) => first.end - first.start + 1 + more,
            Place::Buffer => self.text.bytes() + 1 + more,
            _ => more,
        };
        bytes <= self.limits.frame
    }

    /// Adds a line of the chunk to data that is not all there is.
    #[inline(never)]
    fn join<'a>(
        &mut self,
        data: Place,
        chunk: &'a [u8],
        window: &mut Window<'a>,
        value: Span,
    ) -> Place {
        if let Place::Chunk(first) = data {
            window.cover(chunk, first.start, value.end);
            self.text.clear();
            self.text.line(window.get(first), first.of(chunk));
        } else {
            window.cover(chunk, value.start, value.end);
        }
        self.text.feed();
        self.text.line(window.get(value), value.of(chunk));
        Place::Buffer
    }

    /// More of an unfinished line, or a new one, without its end.
    #[inline]
    fn go_on(&mut self, more: &[u8]) -> Line {
        match self.unfinished {
            Unfinished::Skipped => Line::Taken,
            Unfinished::Data(before) => self.go_on_with_data(before + more.len(), more),
            Unfinished::Field if self.carry.len() + more.len() > self.limits.line => {
                self.overflow(Limit::Line)
            }
            Unfinished::Field => {
                append(&mut self.carry, more);
                Line::Taken
            }
            Unfinished::Nothing | Unfinished::Line => self.go_on_with_head(more),
        }
    }

    /// More of a data line, which is `line` bytes long by now.
    #[inline]
    fn go_on_with_data(&mut self, line: usize, more: &[u8]) -> Line {
        if line > self.limits.line {
            return self.overflow(Limit::Line);
        }
        self.unfinished = Unfinished::Data(line);
        self.text.push(more);
        Line::Taken
    }

    /// More of a line of which it may still have to be found out what it is.
    #[inline(never)]
    fn go_on_with_head(&mut self, more: &[u8]) -> Line {
        self.unfinished = Unfinished::Line;
        if self.carry.len() + more.len() <= self.short() {
            self.carry.extend_from_slice(more);
            return Line::Taken;
        }
        let (head, rest) = more.split_at(more.len().min(HEAD.saturating_sub(self.carry.len())));
        self.carry.extend_from_slice(head);
        let mark = if self.begun {
            0
        } else {
            common_prefix(&self.carry, BOM)
        };
        if mark == self.carry.len() && mark <= BOM.len() {
            return Line::Taken;
        }
        let mark = if mark == BOM.len() { mark } else { 0 };
        let name = &self.carry[mark..];
        if name[0] == b':' && !self.skip_block {
            // The mark is no part of the comment, whose beginning tells it apart later.
            self.carry.drain(..mark);
            self.begun = true;
            let room = COMMENT - self.carry.len();
            append(&mut self.carry, &rest[..rest.len().min(room)]);
            if rest.len() > room {
                self.unfinished = Unfinished::Skipped;
            }
            return Line::Taken;
        }
        if self.skip_block || !may_be_kept(name) {
            self.begun = true;
            self.carry.clear();
            self.unfinished = Unfinished::Skipped;
            return Line::Taken;
        }
        let line = name.len() + rest.len();
        if line > self.limits.line {
            return self.overflow(Limit::Line);
        }
        if let [b'd', b'a', b't', b'a', b':', value @ ..] = name {
            if let [first, ..] = value {
                let value = &value[usize::from(*first == b' ')..];
                if mem::replace(&mut self.kept.data, true) {
                    self.text.feed();
                } else {
                    self.text.clear();
                }
                self.text.push(value);
                self.carry.clear();
                self.begun = true;
                return self.go_on_with_data(line, rest);
            }
        }
        self.carry.drain(..mark);
        self.begun = true;
        self.unfinished = Unfinished::Field;
        append(&mut self.carry, rest);
        Line::Taken
    }

    /// The end of an unfinished line.
    fn end_line(&mut self) -> Line {
        let first = !mem::replace(&mut self.begun, true);
        match mem::take(&mut self.unfinished) {
            Unfinished::Nothing => Line::Taken,
            // All that is kept of it is the head of a comment.
            Unfinished::Skipped if self.carry.is_empty() => Line::Taken,
            Unfinished::Skipped => Line::Comment(Comment::Carry),
            Unfinished::Data(_) => {
                if self.text.bytes() > self.limits.frame {
                    return self.overflow(Limit::Frame);
                }
                Line::Taken
            }
            Unfinished::Line | Unfinished::Field => {
                let carry = mem::take(&mut self.carry);
                let mark = if first && carry.starts_with(BOM) {
                    BOM.len()
                } else {
                    0
                };
                let line = self.carried(&carry[mark..]);
                self.carry = carry;
                if !matches!(line, Line::Comment(_)) {
                    self.carry.clear();
                }
                line
            }
        }
    }

    /// A line that was in `carry`. It isn't longer than the limit.
    fn carried(&mut self, line: &[u8]) -> Line {
        if line.is_empty() {
            let Block {
                data,
                id,
                mut event,
            } = self.kept.into();
            let line = self.blank(data, id, &mut event);
            self.kept.event &= matches!(event, Place::Buffer);
            return line;
        }
        let (field, skip) = split(line);
        let value = &line[skip..];
        match field {
            Field::Unknown => {}
            _ if self.skip_block => {}
            Field::Comment => return Line::Comment(Comment::Carry),
            Field::Data => {
                // So short that it wasn't known to be data: it has no value, or one byte.
                if mem::replace(&mut self.kept.data, true) {
                    self.text.feed();
                } else {
                    self.text.clear();
                }
                self.text.line(None, value);
                if self.text.bytes() > self.limits.frame {
                    return self.overflow(Limit::Frame);
                }
            }
            Field::Event => {
                replace(&mut self.event, value);
                self.kept.event = true;
            }
            Field::Retry => return milliseconds(value).map_or(Line::Taken, Line::Retry),
            Field::Id if value == self.last_id.as_bytes() => {
                self.kept.id = true;
                self.kept.last = true;
            }
            Field::Id if value.contains(&0) => {}
            Field::Id => {
                replace(&mut self.id, value);
                self.kept.id = true;
                self.kept.last = false;
            }
        }
        Line::Taken
    }

    /// Something is too large. What the line at hand goes on with is skipped too.
    fn overflow(&mut self, limit: Limit) -> Line {
        self.kept = Kept::default();
        self.carry.clear();
        self.unfinished = match self.unfinished {
            Unfinished::Nothing => Unfinished::Nothing,
            _ => Unfinished::Skipped,
        };
        self.skip_block = true;
        Line::Overflow(limit)
    }

    /// Copies what of a block lies in the chunk and is needed after it.
    fn keep(&mut self, block: Block, chunk: &[u8]) {
        if let Place::Chunk(value) = block.event {
            replace(&mut self.event, value.of(chunk));
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

    /// The item that a block makes.
    #[allow(
        clippy::inline_always,
        reason = "measured: copying the block costs more than the rest of it"
    )]
    #[inline(always)]
    fn dispatch<'p, 'c: 'p>(
        &'p mut self,
        block: Block,
        chunk: &'c [u8],
        window: &Window<'c>,
    ) -> Item<'p> {
        match block.id {
            Place::Absent | Place::Last => {}
            Place::Chunk(value) => {
                self.last_id.clear();
                match window.get(value) {
                    Some(text) => self.last_id.push_str(text),
                    None => self
                        .last_id
                        .push_str(&String::from_utf8_lossy(value.of(chunk))),
                }
            }
            Place::Buffer => {
                self.last_id.clear();
                self.last_id.push_str(&String::from_utf8_lossy(&self.id));
            }
        }
        let [data_buffer, event_buffer] = &mut self.lossy;
        let data = match block.data {
            Place::Absent | Place::Last => return Item::Id,
            Place::Buffer => self.text.text(),
            Place::Chunk(value) => match window.get(value) {
                Some(text) => text,
                None => decode(value.of(chunk), data_buffer),
            },
        };
        let event = match block.event {
            Place::Absent | Place::Last => "",
            Place::Buffer => decode(&self.event, event_buffer),
            Place::Chunk(value) => match window.get(value) {
                Some(text) => text,
                None => decode(value.of(chunk), event_buffer),
            },
        };
        Item::Frame(Frame {
            event,
            data,
            own_id: !matches!(block.id, Place::Absent),
            last_id: &self.last_id,
        })
    }

    /// What a line tells that is not the end of a block.
    #[inline(never)]
    fn tell<'a>(&'a mut self, line: Line, chunk: &'a [u8]) -> Option<Item<'a>> {
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
                Item::Comment(decode(bytes, &mut self.lossy[0]))
            }
        })
    }
}

impl Items<'_> {
    /// The next one. `None`: the chunk is consumed, and more is needed.
    #[allow(
        clippy::should_implement_trait,
        reason = "an item borrows from the parser, which an iterator's can't"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Item<'_>> {
        if self.scan.at == self.chunk.len() {
            return None;
        }
        if self.chunk.len() <= FEW && self.parser.takes(self.chunk) {
            self.scan.at = self.chunk.len();
            return None;
        }
        self.parser.advance(self.chunk, &mut self.scan)
    }

    /// How many bytes of the chunk are done with.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.scan.at
    }
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

fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}
