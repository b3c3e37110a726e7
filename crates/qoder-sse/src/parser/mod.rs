//! The parser: "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, from
//! chunks of any size.
//!
//! A block that lies within one chunk is read where it is. Of one that is cut, the data and the
//! unfinished line go to the buffer `carry`, once; type and id go to small buffers of their own.
//! Each byte is looked at once for the end of its line, and once for being UTF-8.

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
use self::text::{Window, decode};
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
    /// Data of the block (`data`), then what there is of an unfinished line (from `line`).
    carry: Vec<u8>,
    line: usize,
    /// Data of several lines of a chunk, joined.
    joined: String,
    /// A block that is cut.
    block: Option<Block>,
    event: Vec<u8>,
    id: Vec<u8>,
    last_id: String,
    retry: Option<Duration>,
    /// A CR ended the last line: a LF that follows belongs to it.
    skip_lf: bool,
    /// The first line is behind us, and with it a byte order mark.
    begun: bool,
    /// The rest of the line, or of the block, is of no use.
    skip_line: bool,
    skip_block: bool,
    /// What the item given out last has borrowed from `carry`.
    given: Given,
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

/// What is known of a block. Places in a chunk hold until its end.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    event: Place,
    data: Data,
    id: Place,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Absent,
    Chunk(Span),
    Buffer,
    /// The id is the last event id already.
    Last,
}

#[derive(Clone, Copy, Debug, Default)]
enum Data {
    #[default]
    Absent,
    /// One line.
    Chunk(Span),
    /// Several lines, in `joined`.
    Joined,
    /// Within `carry`, from here; it ends where the unfinished line begins.
    Carry(usize),
}

#[derive(Clone, Copy, Debug, Default)]
enum Given {
    #[default]
    Nothing,
    Line,
    Block,
}

/// A block that is being read.
struct Open {
    block: Block,
    /// Where it begins, or what there is of it in this chunk.
    from: usize,
    /// Where the next line begins.
    at: usize,
}

/// What a line was.
enum Line {
    /// Nothing to tell.
    Taken,
    /// The end of a block that tells nothing.
    Blank,
    Comment(Text),
    Retry(Duration),
    Overflow(Limit),
    Dispatch,
}

/// Where the text of a comment is.
enum Text {
    Chunk(Span),
    Carry(Span),
}

/// Of a comment that is cut between chunks, no more than this is kept.
const COMMENT: usize = 4 << 10;

/// How much of a chunk is checked for being UTF-8 at once: it should stay in the cache until it
/// is read.
const AHEAD: usize = 16 << 10;

/// As many bytes as tell the fields apart, with a byte order mark before them.
const HEAD: usize = 9;

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

    /// Goes on to the end of the next item.
    #[inline]
    fn advance<'p, 'c: 'p>(&'p mut self, chunk: &'c [u8], scan: &mut Scan<'c>) -> Option<Item<'p>> {
        self.release();
        if scan.at == chunk.len() {
            return None;
        }
        let mut open = Open {
            block: Block::default(),
            from: scan.at,
            at: scan.at,
        };
        if let Some(block) = self.block.take() {
            open.block = block;
        } else if !self.is_special() {
            // Most blocks are plain, and this is where the time goes.
            let Block {
                mut event,
                mut data,
                mut id,
            } = open.block;
            let mut ends = scan.ends;
            let mut skip_lf = self.skip_lf;
            loop {
                let before = (ends, skip_lf);
                let end = ends.next(chunk);
                if let Some(end) = end {
                    let line = &chunk[open.at..end];
                    let is_cr = chunk[end] == b'\r';
                    if mem::replace(&mut skip_lf, is_cr) && line.is_empty() && !is_cr {
                        // It belongs to the line before.
                        open.from += usize::from(open.from == open.at);
                        open.at = end + 1;
                        continue;
                    }
                    let span = |name: usize| Span {
                        start: open.at + name,
                        end,
                    };
                    if line.len() <= self.limits.line {
                        if line.starts_with(b"data: ") {
                            let span = span(6);
                            if self.has_room(data, span.end - span.start) {
                                data = match data {
                                    Data::Absent => Data::Chunk(span),
                                    _ => self.more_data(data, chunk, &mut scan.window, span),
                                };
                                open.at = end + 1;
                                continue;
                            }
                        } else if line.starts_with(b"event: ") {
                            event = Place::Chunk(span(7));
                            open.at = end + 1;
                            continue;
                        } else if line.starts_with(b"id: ") {
                            id = self.id(id, chunk, span(4));
                            open.at = end + 1;
                            continue;
                        } else if line.is_empty() && !matches!(data, Data::Absent) {
                            self.bytes = 0;
                            self.skip_lf = skip_lf;
                            scan.window.cover(chunk, scan.at, end);
                            scan.at = end + 1;
                            scan.ends = ends;
                            let block = Block { event, data, id };
                            return Some(self.dispatch(&block, chunk, &scan.window));
                        }
                    }
                }
                // Another kind of line, or the chunk's end: that is for the ordinary way.
                (scan.ends, self.skip_lf) = before;
                open.block = Block { event, data, id };
                break;
            }
        }
        self.advance_slowly(open, chunk, scan)
    }

    /// The same for all kinds of lines, and blocks that are cut.
    #[inline(never)]
    fn advance_slowly<'p, 'c: 'p>(
        &'p mut self,
        open: Open,
        chunk: &'c [u8],
        scan: &mut Scan<'c>,
    ) -> Option<Item<'p>> {
        let Open {
            mut block,
            mut from,
            mut at,
        } = open;
        let line = loop {
            let Some(end) = scan.ends.next(chunk) else {
                self.bytes += chunk.len() - from;
                self.skip_lf &= at == chunk.len();
                let line = self.keep(&mut block, chunk, at);
                at = chunk.len();
                break line;
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
            let line = match self.special(&mut block, chunk, start, end) {
                Ok(start) => self.whole(&mut block, chunk, &mut scan.window, start, end),
                Err(line) => line,
            };
            match line {
                Line::Taken => {}
                Line::Blank => from = at,
                Line::Dispatch => {
                    scan.window.cover(chunk, scan.at, at);
                    scan.at = at;
                    return Some(self.dispatch(&block, chunk, &scan.window));
                }
                line => {
                    self.bytes += at - from;
                    self.keep_fields(&mut block, chunk);
                    break line;
                }
            }
        };
        scan.at = at;
        self.block = Some(block);
        self.tell(line, chunk)
    }

    /// The input is at its end, or the connection is lost. What had come of a block is dropped;
    /// the last event id and the reconnection time stay.
    pub fn finish(&mut self) -> Tail {
        self.release();
        let in_block = !matches!(
            self.block,
            None | Some(Block {
                event: Place::Absent,
                data: Data::Absent,
                id: Place::Absent
            })
        );
        let in_line = self.skip_line || !self.carry.is_empty();
        let tail = if in_block || in_line || self.skip_block {
            Tail::Cut { bytes: self.bytes }
        } else {
            Tail::Clean
        };
        self.restart();
        tail
    }

    /// Begins a new connection: forgets the block and line at hand, expects a byte order mark
    /// again. The last event id and the reconnection time stay.
    pub fn restart(&mut self) {
        self.carry.clear();
        self.line = 0;
        self.block = None;
        self.skip_line = false;
        self.skip_block = false;
        self.given = Given::Nothing;
        self.bytes = 0;
        self.skip_lf = false;
        self.begun = false;
    }

    /// The item given out last is gone: so is what it borrowed.
    #[inline]
    fn release(&mut self) {
        match mem::take(&mut self.given) {
            Given::Nothing => {}
            Given::Line => self.carry.truncate(self.line),
            Given::Block => {
                self.carry.clear();
                self.line = 0;
            }
        }
    }

    /// Whether the next line is no ordinary one that begins in the chunk.
    #[inline]
    fn is_special(&self) -> bool {
        !self.begun || self.skip_line || self.skip_block || self.carry.len() > self.line
    }

    fn overflow(&mut self, block: &mut Block, limit: Limit) -> Line {
        *block = Block::default();
        self.carry.clear();
        self.line = 0;
        self.skip_block = true;
        Line::Overflow(limit)
    }

    /// An empty line: the end of a block.
    #[inline]
    fn blank(&mut self, block: &mut Block) -> Line {
        self.bytes = 0;
        if self.skip_block || matches!((&block.data, &block.id), (Data::Absent, Place::Absent)) {
            self.skip_block = false;
            block.event = Place::Absent;
            return Line::Blank;
        }
        Line::Dispatch
    }

    /// Whether data of so many bytes can follow that of the block.
    #[inline]
    fn has_room(&self, data: Data, more: usize) -> bool {
        let before = match data {
            Data::Absent => return more <= self.limits.frame,
            Data::Chunk(span) => span.end - span.start,
            Data::Joined => self.joined.len(),
            Data::Carry(start) => self.line - start,
        };
        before + 1 + more <= self.limits.frame
    }

    /// A line before which not all is as usual: an ordinary one with where it begins, or what
    /// came of it.
    fn special(
        &mut self,
        block: &mut Block,
        chunk: &[u8],
        mut start: usize,
        end: usize,
    ) -> Result<usize, Line> {
        if self.skip_line || self.carry.len() > self.line {
            return Err(self.carried(block, &chunk[start..end]));
        }
        if !mem::replace(&mut self.begun, true) && chunk[start..end].starts_with(BOM) {
            start += BOM.len();
        }
        if self.skip_block && start < end {
            return Err(Line::Taken);
        }
        Ok(start)
    }

    /// A line that began in an earlier chunk, and its last part.
    fn carried(&mut self, block: &mut Block, last: &[u8]) -> Line {
        let kept = self.line;
        if mem::take(&mut self.skip_line) {
            self.begun = true;
            // A comment of which only the head was kept.
            if self.carry.get(kept) == Some(&b':') && !self.skip_block {
                return self.comment(kept);
            }
            self.carry.truncate(kept);
            return Line::Taken;
        }
        append(&mut self.carry, last);
        let mut start = kept;
        if !mem::replace(&mut self.begun, true) && self.carry[start..].starts_with(BOM) {
            start += BOM.len();
        }
        if start == self.carry.len() {
            self.carry.truncate(kept);
            return self.blank(block);
        }
        let line = &self.carry[start..];
        let (field, skip) = split(line);
        if self.skip_block || field == Field::Unknown {
            self.carry.truncate(kept);
            return Line::Taken;
        }
        if field == Field::Comment {
            return self.comment(start);
        }
        if line.len() > self.limits.line {
            return self.overflow(block, Limit::Line);
        }
        let value = &line[skip..];
        match field {
            Field::Data => return self.carried_data(block, start + skip),
            Field::Retry => {
                let time = milliseconds(value);
                self.carry.truncate(kept);
                return time.map_or(Line::Taken, Line::Retry);
            }
            Field::Event => {
                replace(&mut self.event, value);
                block.event = Place::Buffer;
            }
            _ if value == self.last_id.as_bytes() => block.id = Place::Last,
            _ if !value.contains(&0) => {
                replace(&mut self.id, value);
                block.id = Place::Buffer;
            }
            _ => {}
        }
        self.carry.truncate(kept);
        Line::Taken
    }

    /// The value of a `data` line that is at the end of `carry`.
    fn carried_data(&mut self, block: &mut Block, value: usize) -> Line {
        let length = self.carry.len() - value;
        if !self.has_room(block.data, length) {
            return self.overflow(block, Limit::Frame);
        }
        if let Data::Carry(_) = block.data {
            // The line follows the data: its name gives way to a line feed.
            self.carry[self.line] = b'\n';
            self.carry.copy_within(value.., self.line + 1);
            self.carry.truncate(self.line + 1 + length);
        } else {
            block.data = Data::Carry(value);
        }
        self.line = self.carry.len();
        Line::Taken
    }

    /// A comment in `carry`, whose text stays behind the data until the next item.
    fn comment(&self, start: usize) -> Line {
        Line::Comment(Text::Carry(Span {
            start: start + 1,
            end: self.carry.len().min(start + COMMENT),
        }))
    }

    /// The chunk ends within a line, or between two: what may be needed of it is kept.
    fn keep(&mut self, block: &mut Block, chunk: &[u8], at: usize) -> Line {
        self.keep_fields(block, chunk);
        let rest = &chunk[at..];
        if rest.is_empty() {
            return Line::Taken;
        }
        if self.skip_line {
            return Line::Taken;
        }
        let kept = self.carry.len() - self.line;
        if kept < HEAD || self.carry[self.line] == b':' {
            return self.keep_head(block, rest);
        }
        if kept + rest.len() > self.limits.line
            && kept + rest.len() - self.mark() > self.limits.line
        {
            self.skip_line = true;
            return self.overflow(block, Limit::Line);
        }
        append(&mut self.carry, rest);
        Line::Taken
    }

    /// The length of the byte order mark at the unfinished line in `carry`.
    fn mark(&self) -> usize {
        if !self.begun && self.carry[self.line..].starts_with(BOM) {
            BOM.len()
        } else {
            0
        }
    }

    /// The same, where it is not sure yet which field the line is, or it is a comment.
    fn keep_head(&mut self, block: &mut Block, rest: &[u8]) -> Line {
        let kept = self.carry.len() - self.line;
        let mut head = [0; HEAD];
        let from_carry = kept.min(HEAD);
        head[..from_carry].copy_from_slice(&self.carry[self.line..self.line + from_carry]);
        let from_rest = rest.len().min(HEAD - from_carry);
        head[from_carry..from_carry + from_rest].copy_from_slice(&rest[..from_rest]);
        let head = &head[..from_carry + from_rest];
        let mark = if self.begun {
            0
        } else {
            common_prefix(head, BOM)
        };
        let head = if mark == BOM.len() || mark == head.len() {
            &head[mark..]
        } else {
            head
        };
        if head.first() == Some(&b':') {
            // The mark is no part of the comment, whose beginning tells it apart later.
            if mark == BOM.len() {
                self.begun = true;
                self.carry.truncate(self.line);
                let skipped = BOM.len().saturating_sub(kept);
                append(&mut self.carry, &rest[skipped..]);
            } else {
                append(&mut self.carry, rest);
            }
            if self.carry.len() - self.line > COMMENT {
                self.carry.truncate(self.line + COMMENT);
                self.skip_line = true;
            }
            return Line::Taken;
        }
        if self.skip_block || !may_be_kept(head) {
            self.carry.truncate(self.line);
            self.skip_line = true;
            return Line::Taken;
        }
        if kept + rest.len() > self.limits.line.saturating_add(mark) {
            self.skip_line = true;
            return self.overflow(block, Limit::Line);
        }
        append(&mut self.carry, rest);
        Line::Taken
    }

    /// A line that is whole in the chunk, from `start` to `end`.
    fn whole<'a>(
        &mut self,
        block: &mut Block,
        chunk: &'a [u8],
        window: &mut Window<'a>,
        start: usize,
        end: usize,
    ) -> Line {
        if start == end {
            return self.blank(block);
        }
        let line = &chunk[start..end];
        let (field, skip) = split(line);
        let span = Span {
            start: start + skip,
            end,
        };
        if field == Field::Unknown {
            return Line::Taken;
        }
        if field == Field::Comment {
            return Line::Comment(Text::Chunk(Span {
                start: start + 1,
                end,
            }));
        }
        if line.len() > self.limits.line {
            return self.overflow(block, Limit::Line);
        }
        match field {
            Field::Data => {
                if !self.has_room(block.data, end - span.start) {
                    return self.overflow(block, Limit::Frame);
                }
                block.data = match block.data {
                    Data::Absent => Data::Chunk(span),
                    data => self.more_data(data, chunk, window, span),
                };
            }
            Field::Event => block.event = Place::Chunk(span),
            Field::Retry => return milliseconds(&line[skip..]).map_or(Line::Taken, Line::Retry),
            _ => block.id = self.id(block.id, chunk, span),
        }
        Line::Taken
    }

    /// The value of an `id` line that is whole in the chunk.
    #[inline]
    fn id(&self, before: Place, chunk: &[u8], span: Span) -> Place {
        let value = &chunk[span.start..span.end];
        // Most ids of previews repeat, and one that was taken once has no NUL.
        if value == self.last_id.as_bytes() {
            Place::Last
        } else if memchr::memchr(0, value).is_none() {
            Place::Chunk(span)
        } else {
            before
        }
    }

    /// The value of a `data` line that is whole in the chunk, and not the first of its block.
    #[inline(never)]
    fn more_data<'a>(
        &mut self,
        data: Data,
        chunk: &'a [u8],
        window: &mut Window<'a>,
        value: Span,
    ) -> Data {
        match data {
            Data::Chunk(first) => {
                window.cover(chunk, first.start, value.end);
                let Some(text) = window.get(first) else {
                    replace(&mut self.carry, &chunk[first.start..first.end]);
                    return self.append_data(0, chunk, value);
                };
                self.joined.clear();
                push(&mut self.joined, text);
            }
            Data::Joined => window.cover(chunk, value.start, value.end),
            Data::Carry(start) => return self.append_data(start, chunk, value),
            Data::Absent => return Data::Chunk(value),
        }
        if let Some(text) = window.get(value) {
            push(&mut self.joined, "\n");
            push(&mut self.joined, text);
            return Data::Joined;
        }
        // Not UTF-8: the bytes are decoded when all of them are there.
        self.unjoin();
        self.append_data(0, chunk, value)
    }

    fn append_data(&mut self, start: usize, chunk: &[u8], value: Span) -> Data {
        append(&mut self.carry, b"\n");
        append(&mut self.carry, &chunk[value.start..value.end]);
        self.line = self.carry.len();
        Data::Carry(start)
    }

    /// What a line within a block tells.
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
            Line::Comment(text) => {
                let bytes = match text {
                    Text::Chunk(span) => &chunk[span.start..span.end],
                    Text::Carry(span) => {
                        self.given = Given::Line;
                        &self.carry[span.start..span.end]
                    }
                };
                let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
                Item::Comment(decode(bytes, &mut self.lossy[0]))
            }
        })
    }

    /// The last event id becomes this one, or the one that was kept.
    fn move_id(&mut self, id: Option<&[u8]>) {
        self.last_id.clear();
        self.last_id
            .push_str(&String::from_utf8_lossy(id.unwrap_or(&self.id)));
    }

    /// The event that a block makes.
    #[inline(always)]
    fn dispatch<'a>(&'a mut self, block: &Block, chunk: &'a [u8], window: &Window<'a>) -> Item<'a> {
        match block.id {
            Place::Absent | Place::Last => {}
            Place::Chunk(span) => self.move_id(Some(&chunk[span.start..span.end])),
            Place::Buffer => self.move_id(None),
        }
        let [data_buffer, event_buffer] = &mut self.lossy;
        let data = match block.data {
            Data::Absent => return Item::Id,
            Data::Chunk(span) => match window.get(span) {
                Some(text) => text,
                None => decode(&chunk[span.start..span.end], data_buffer),
            },
            Data::Joined => &self.joined,
            Data::Carry(start) => {
                self.given = Given::Block;
                decode(&self.carry[start..self.line], data_buffer)
            }
        };
        let event = match block.event {
            Place::Absent | Place::Last => "",
            Place::Chunk(span) => match window.get(span) {
                Some(text) => text,
                None => decode(&chunk[span.start..span.end], event_buffer),
            },
            Place::Buffer => decode(&self.event, event_buffer),
        };
        Item::Frame(Frame {
            event,
            data,
            own_id: !matches!(block.id, Place::Absent),
            last_id: &self.last_id,
        })
    }

    /// Copies what lies in the chunk and is needed after it.
    fn keep_fields(&mut self, block: &mut Block, chunk: &[u8]) {
        if let Place::Chunk(span) = block.event {
            replace(&mut self.event, &chunk[span.start..span.end]);
            block.event = Place::Buffer;
        }
        if let Place::Chunk(span) = block.id {
            replace(&mut self.id, &chunk[span.start..span.end]);
            block.id = Place::Buffer;
        }
        match block.data {
            Data::Absent | Data::Carry(_) => return,
            // Nothing else is in `carry`: data in the chunk means that its line was not cut.
            Data::Chunk(span) => replace(&mut self.carry, &chunk[span.start..span.end]),
            Data::Joined => self.unjoin(),
        }
        self.line = self.carry.len();
        block.data = Data::Carry(0);
    }

    /// Moves `joined` to `carry`, which is empty, without copying it.
    fn unjoin(&mut self) {
        self.carry.clear();
        let joined = mem::take(&mut self.joined).into_bytes();
        let empty = mem::replace(&mut self.carry, joined);
        self.joined = String::from_utf8(empty).unwrap_or_default();
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
        self.parser.advance(self.chunk, &mut self.scan)
    }

    /// How many bytes of the chunk are done with.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.scan.at
    }
}

/// Adds to a buffer that may become large: by a third more, and not by doubling, so that one
/// large event needs at most 1.34 times its size, and copying stays linear.
#[inline]
fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        buffer.reserve_exact(bytes.len().max(buffer.capacity() / 3));
    }
    buffer.extend_from_slice(bytes);
}

/// The same for text.
#[inline]
fn push(buffer: &mut String, text: &str) {
    if buffer.capacity() - buffer.len() < text.len() {
        buffer.reserve_exact(text.len().max(buffer.capacity() / 3));
    }
    buffer.push_str(text);
}

fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    append(buffer, bytes);
}
