//! The parser: "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, from
//! chunks of any size.
//!
//! A block that lies within one chunk is read where it is. Of one that is cut, the data and the
//! unfinished line go to the buffer `carry`, once; type and id go to small buffers of their own.
//! Each byte is looked at once for the end of its line.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::frame::{Frame, Item, Limit, Overflow, Step, Tail};

/// How much a block may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest line, without its end, in bytes: 16 MiB. Comments and unknown fields may be
    /// longer, since they are not kept.
    pub line: usize,
    /// The most data of one event, with the line feeds between its lines, in bytes: 16 MiB.
    pub frame: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 16 << 20,
            frame: 16 << 20,
        }
    }
}

impl Limits {
    /// Sets the longest line.
    #[must_use]
    pub fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// Sets the most data of one event.
    #[must_use]
    pub fn frame(mut self, bytes: usize) -> Self {
        self.frame = bytes;
        self
    }
}

/// A parser of event streams.
///
/// ```
/// use qoder_sse::{Item, Parser, Tail};
///
/// let mut parser = Parser::new();
/// let mut seen = Vec::new();
/// for chunk in ["id: 1\ndata: Hel", "lo\n\ndata: cut"] {
///     let mut rest = chunk.as_bytes();
///     while !rest.is_empty() {
///         let step = parser.step(rest);
///         if let Some(Item::Frame(frame)) = step.item {
///             seen.push((frame.data().to_owned(), frame.last_event_id().to_owned()));
///         }
///         rest = &rest[step.consumed..];
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
    block: Block,
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
    /// Bytes of the block so far.
    bytes: usize,
    /// Texts that had to be decoded with replacement.
    lossy: [String; 2],
}

/// Adds to a buffer that may become large.
#[inline]
fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    room(buffer, bytes.len());
    buffer.extend_from_slice(bytes);
}

/// Makes room by a third more, and not by doubling: one large event then needs at most 1.34 times
/// its size, and copying stays linear.
#[inline]
fn room(buffer: &mut Vec<u8>, more: usize) {
    if buffer.capacity() - buffer.len() < more {
        let third = buffer.capacity() / 3;
        buffer.reserve_exact(more.max(third));
    }
}

/// What is known of a block. Ranges of the input hold within one step.
#[derive(Clone, Debug, Default)]
struct Block {
    event: Place,
    data: Data,
    id: Place,
}

#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Absent,
    Input(Range<usize>),
    Buffer,
}

#[derive(Clone, Copy, Debug, Default)]
enum Given {
    #[default]
    Nothing,
    Line,
    Block,
}

#[derive(Clone, Debug, Default)]
enum Data {
    #[default]
    Absent,
    Input(Range<usize>),
    /// Within `carry`; it ends where the unfinished line begins.
    Carry(usize),
}

/// What a line was.
enum Line {
    /// Nothing to tell.
    Taken,
    Comment(Range<usize>, bool),
    Retry(Duration),
    Overflow(Limit),
    Dispatch,
}

/// Where the bytes of a line are.
#[derive(Clone, Copy)]
enum Source {
    Input,
    Carry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    Unknown,
}

/// Of a comment that is cut between chunks, no more than this is kept.
const COMMENT: usize = 4 << 10;

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

    /// Consumes the input up to the end of one item, or all of it. Call it again with the rest
    /// until the input is empty. An empty input changes nothing.
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> Step<'a> {
        self.release();
        let mut block = core::mem::take(&mut self.block);
        let mut at = 0;
        let line = loop {
            if self.skip_lf && at < input.len() {
                self.skip_lf = false;
                at += usize::from(input[at] == b'\n');
            }
            let Some(length) = memchr::memchr2(b'\n', b'\r', &input[at..]) else {
                self.bytes += input.len() - at;
                let overflow = self.keep(&mut block, input, at);
                at = input.len();
                break overflow;
            };
            let end = at + length;
            self.bytes += length + 1;
            self.skip_lf = input[end] == b'\r';
            let line = self.line(&mut block, input, at..end);
            at = end + 1;
            match line {
                Line::Taken => {}
                line => break line,
            }
        };
        if let Line::Dispatch = line {
            return Step {
                consumed: at,
                item: Some(self.dispatch(&block, input)),
            };
        }
        // The block goes on: what of it lies in the input must outlive it.
        keep_fields(
            &mut block,
            &mut self.event,
            &mut self.id,
            &mut self.carry,
            &mut self.line,
            input,
        );
        self.block = block;
        let item = match line {
            Line::Taken | Line::Dispatch => None,
            Line::Comment(range, in_carry) => {
                let bytes = if in_carry {
                    &self.carry[range]
                } else {
                    &input[range]
                };
                self.given = if in_carry {
                    Given::Line
                } else {
                    Given::Nothing
                };
                Some(Item::Comment(text(
                    bytes.strip_prefix(b" ").unwrap_or(bytes),
                    &mut self.lossy[0],
                )))
            }
            Line::Retry(time) => {
                self.retry = Some(time);
                Some(Item::Retry(time))
            }
            Line::Overflow(limit) => {
                let bytes = match limit {
                    Limit::Line => self.limits.line,
                    Limit::Frame => self.limits.frame,
                };
                Some(Item::Overflow(Overflow { limit, bytes }))
            }
        };
        Step { consumed: at, item }
    }

    /// The input is at its end, or the connection is lost. What had come of a block is dropped;
    /// the last event id and the reconnection time stay.
    pub fn finish(&mut self) -> Tail {
        self.release();
        let in_block = !matches!(
            self.block,
            Block {
                event: Place::Absent,
                data: Data::Absent,
                id: Place::Absent
            }
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
        self.end_block();
        self.skip_lf = false;
        self.begun = false;
    }

    /// The item given out last is gone: so is what it borrowed.
    fn release(&mut self) {
        match core::mem::take(&mut self.given) {
            Given::Nothing => {}
            Given::Line => self.carry.truncate(self.line),
            Given::Block => {
                self.carry.clear();
                self.line = 0;
            }
        }
    }

    fn end_block(&mut self) {
        self.carry.clear();
        self.line = 0;
        self.block = Block::default();
        self.skip_line = false;
        self.skip_block = false;
        self.given = Given::Nothing;
        self.bytes = 0;
    }

    /// A whole line, whose last part is in the input.
    fn line(&mut self, block: &mut Block, input: &[u8], range: Range<usize>) -> Line {
        if core::mem::take(&mut self.skip_line) {
            let kept = self.line..self.carry.len();
            self.begun = true;
            // A comment of which only the head was kept.
            if self.carry.get(kept.start) == Some(&b':') && !self.skip_block {
                return Self::comment(Source::Carry, kept);
            }
            self.carry.truncate(self.line);
            return Line::Taken;
        }
        let (source, mut line) = if self.carry.len() > self.line {
            append(&mut self.carry, &input[range]);
            (Source::Carry, self.line..self.carry.len())
        } else {
            (Source::Input, range)
        };
        let bytes = match source {
            Source::Input => &input[line.clone()],
            Source::Carry => &self.carry[line.clone()],
        };
        if !self.begun {
            self.begun = true;
            if bytes.starts_with(b"\xEF\xBB\xBF") {
                line.start += 3;
            }
        }
        let bytes = match source {
            Source::Input => &input[line.clone()],
            Source::Carry => &self.carry[line.clone()],
        };
        if bytes.is_empty() {
            self.carry.truncate(self.line);
            return self.blank(block);
        }
        let (field, skip) = split(bytes);
        let value = line.start + skip..line.end;
        if self.skip_block || field == Field::Unknown {
            self.carry.truncate(self.line);
            return Line::Taken;
        }
        if field == Field::Comment {
            return Self::comment(source, line);
        }
        if line.len() > self.limits.line {
            return self.overflow(block, Limit::Line);
        }
        match field {
            Field::Data => self.data(block, input, source, value),
            Field::Retry => {
                let digits = match source {
                    Source::Input => &input[value],
                    Source::Carry => &self.carry[value],
                };
                let time = milliseconds(digits);
                self.carry.truncate(self.line);
                time.map_or(Line::Taken, Line::Retry)
            }
            _ => {
                let bytes = match source {
                    Source::Input => &input[value.clone()],
                    Source::Carry => &self.carry[value.clone()],
                };
                let (place, buffer) = match field {
                    Field::Event => (&mut block.event, &mut self.event),
                    _ => (&mut block.id, &mut self.id),
                };
                if field == Field::Event || !bytes.contains(&0) {
                    *place = match source {
                        Source::Input => Place::Input(value),
                        Source::Carry => {
                            buffer.clear();
                            buffer.extend_from_slice(bytes);
                            Place::Buffer
                        }
                    };
                }
                self.carry.truncate(self.line);
                Line::Taken
            }
        }
    }

    /// The value of a `data` line.
    fn data(
        &mut self,
        block: &mut Block,
        input: &[u8],
        source: Source,
        value: Range<usize>,
    ) -> Line {
        let before = match &block.data {
            Data::Absent => None,
            Data::Input(first) => Some(first.len()),
            Data::Carry(start) => Some(self.line - start),
        };
        if before.map_or(0, |bytes| bytes + 1) + value.len() > self.limits.frame {
            return self.overflow(block, Limit::Frame);
        }
        match (&block.data, source) {
            (Data::Absent, Source::Input) => block.data = Data::Input(value),
            (Data::Absent, Source::Carry) => {
                block.data = Data::Carry(value.start);
                self.line = self.carry.len();
            }
            (Data::Input(first), _) => {
                // The line is in the input too: what is in `carry` was there before this step.
                let first = first.clone();
                self.carry.clear();
                room(&mut self.carry, first.len() + 1 + value.len());
                append(&mut self.carry, &input[first]);
                self.append(block, 0, &input[value]);
            }
            (Data::Carry(start), Source::Input) => {
                let start = *start;
                self.append(block, start, &input[value]);
            }
            (Data::Carry(_), Source::Carry) => {
                // The line follows the data: its name gives way to a line feed.
                let length = value.len();
                self.carry[self.line] = b'\n';
                self.carry.copy_within(value, self.line + 1);
                self.line += 1 + length;
                self.carry.truncate(self.line);
            }
        }
        Line::Taken
    }

    fn append(&mut self, block: &mut Block, start: usize, value: &[u8]) {
        append(&mut self.carry, b"\n");
        append(&mut self.carry, value);
        self.line = self.carry.len();
        block.data = Data::Carry(start);
    }

    fn comment(source: Source, line: Range<usize>) -> Line {
        let mut value = line.start + 1..line.end;
        match source {
            Source::Input => Line::Comment(value, false),
            Source::Carry => {
                value.end = value.end.min(line.start + COMMENT);
                // The text stays behind the data until the next step.
                Line::Comment(value, true)
            }
        }
    }

    fn overflow(&mut self, block: &mut Block, limit: Limit) -> Line {
        *block = Block::default();
        self.carry.clear();
        self.line = 0;
        self.skip_block = true;
        Line::Overflow(limit)
    }

    /// An empty line: the end of a block.
    fn blank(&mut self, block: &mut Block) -> Line {
        self.bytes = 0;
        if self.skip_block || matches!((&block.data, &block.id), (Data::Absent, Place::Absent)) {
            self.skip_block = false;
            block.event = Place::Absent;
            return Line::Taken;
        }
        Line::Dispatch
    }

    fn dispatch<'a>(&'a mut self, block: &Block, input: &'a [u8]) -> Item<'a> {
        self.given = Given::Block;
        let own_id = !matches!(block.id, Place::Absent);
        if own_id {
            let id = place(&block.id, &self.id, input);
            if id != self.last_id.as_bytes() {
                self.last_id.clear();
                self.last_id.push_str(&String::from_utf8_lossy(id));
            }
        }
        let data = match &block.data {
            Data::Absent => return Item::Id,
            Data::Input(range) => &input[range.clone()],
            Data::Carry(start) => &self.carry[*start..self.line],
        };
        let [data_text, event_text] = &mut self.lossy;
        Item::Frame(Frame {
            event: text(place(&block.event, &self.event, input), event_text),
            data: text(data, data_text),
            own_id,
            last_id: &self.last_id,
        })
    }

    /// The input ends within a line: what may be needed of it is kept.
    fn keep(&mut self, block: &mut Block, input: &[u8], at: usize) -> Line {
        keep_fields(
            block,
            &mut self.event,
            &mut self.id,
            &mut self.carry,
            &mut self.line,
            input,
        );
        let rest = &input[at..];
        if self.skip_line || rest.is_empty() {
            return Line::Taken;
        }
        let kept = self.carry.len() - self.line;
        // As many bytes as tell the field apart, with a byte order mark before them.
        let mut head = [0; 9];
        let from_carry = kept.min(head.len());
        head[..from_carry].copy_from_slice(&self.carry[self.line..self.line + from_carry]);
        let from_rest = rest.len().min(head.len() - from_carry);
        head[from_carry..from_carry + from_rest].copy_from_slice(&rest[..from_rest]);
        let head = &head[..from_carry + from_rest];
        let mark = if self.begun {
            0
        } else {
            common_prefix(head, b"\xEF\xBB\xBF")
        };
        let head = if mark == 3 || mark == head.len() {
            &head[mark..]
        } else {
            head
        };
        if head.first() == Some(&b':') {
            // The mark is no part of the comment, whose beginning tells it apart later.
            if mark == 3 {
                self.begun = true;
                self.carry.truncate(self.line);
                let skipped = 3usize.saturating_sub(kept);
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
        let wanted = |name: &[u8]| common_prefix(head, name) == head.len().min(name.len());
        let known = [&b"data:"[..], b"event:", b"id:", b"retry:"]
            .into_iter()
            .any(wanted);
        if self.skip_block || !known {
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
}

/// Copies what lies in the input and is needed after this step.
fn keep_fields(
    block: &mut Block,
    event: &mut Vec<u8>,
    id: &mut Vec<u8>,
    carry: &mut Vec<u8>,
    line: &mut usize,
    input: &[u8],
) {
    for (place, buffer) in [(&mut block.event, event), (&mut block.id, id)] {
        if let Place::Input(range) = place {
            buffer.clear();
            buffer.extend_from_slice(&input[range.clone()]);
            *place = Place::Buffer;
        }
    }
    if let Data::Input(range) = &block.data {
        // Nothing else is in `carry`: data in the input means that its line was not cut.
        carry.truncate(*line);
        let start = carry.len();
        append(carry, &input[range.clone()]);
        *line = carry.len();
        block.data = Data::Carry(start);
    }
}

fn place<'a>(place: &Place, buffer: &'a [u8], input: &'a [u8]) -> &'a [u8] {
    match place {
        Place::Absent => b"",
        Place::Input(range) => &input[range.clone()],
        Place::Buffer => buffer,
    }
}

/// UTF-8, with one U+FFFD for each maximal invalid part, as the Encoding standard says. Lines end
/// at ASCII bytes, so decoding a value alone gives what decoding the whole stream would.
fn text<'a>(bytes: &'a [u8], buffer: &'a mut String) -> &'a str {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return text;
    }
    buffer.clear();
    buffer.push_str(&String::from_utf8_lossy(bytes));
    buffer
}

/// The field of a line that is not empty, and where its value begins.
fn split(line: &[u8]) -> (Field, usize) {
    let (field, name) = match line[0] {
        b':' => return (Field::Comment, 0),
        b'd' => (Field::Data, &b"data"[..]),
        b'e' => (Field::Event, &b"event"[..]),
        b'i' => (Field::Id, &b"id"[..]),
        b'r' => (Field::Retry, &b"retry"[..]),
        _ => return (Field::Unknown, 0),
    };
    match line.strip_prefix(name) {
        Some([]) => (field, name.len()),
        Some([b':', b' ', ..]) => (field, name.len() + 2),
        Some([b':', ..]) => (field, name.len() + 1),
        _ => (Field::Unknown, 0),
    }
}

/// Digits only; what doesn't fit 64 bits is no time.
fn milliseconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .map(Duration::from_millis)
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
