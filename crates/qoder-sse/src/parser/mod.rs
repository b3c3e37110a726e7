//! The parser: "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, from
//! chunks of any size.
//!
//! The life of one block is told above [`Parser`].

mod block;
mod cut;
mod ends;
mod limits;
mod line;
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use self::block::{Block, Kept, Place, Span};
use self::cut::Unfinished;
use self::ends::Ends;
use self::line::common_prefix;
use self::text::{Decoder, Window, decode, decode_into};
use crate::frame::{Frame, Item, Limit, Overflow, Step, Tail};

pub use self::limits::Limits;

// The life of one block, by the names of the code:
//
// 1. The fast way (`advance`). The block lies within one chunk, and its lines are `data: `, `event: `
//    and `id: `. The `Block` notes where in the chunk their values are (`Place::Chunk`), and the
//    blank line that ends it lends them out as a `Frame`: nothing is copied but the id. Data of
//    several lines is joined in `text`.
// 2. The slow way (`advance_slowly`). Anything else, from the first such line on: other spellings of
//    the fields, comments, `retry`, limits, blocks that are skipped. It reads that line again, and
//    goes on with the same `Block`. The blank line behind a comment is taken first (`skip_blank`), so
//    that the block after it can be plain.
// 3. The cut. The chunk ends within the block. `keep` copies what the block has so far out of the
//    chunk: data to `text`, decoded, type and id to `event` and `id`. `Kept` notes which of them are
//    there. If the chunk ends within a line, `begin_line` tells what it is: data goes on to `text`
//    at once; what isn't known yet, and other fields, go to `carry`; what is of no use is skipped.
//    `Unfinished` notes which.
// 4. The next chunk. `go_on` takes the rest of an unfinished line, at its end `end_line` reads what
//    `carry` has, and the slow way goes on with the rest of the block, whose values are in the
//    buffers now (`Place::Buffer`).
// 5. The end. A blank line makes a `Frame` of it (`dispatch`), or `Item::Id` if it has an id and no
//    data; the end of the stream drops it (`finish`).
//
// So each byte is looked at once for the end of its line, once for being UTF-8, and copied at most
// once.

/// A parser of event streams: "interpreting an event stream" of the WHATWG HTML standard, section
/// 9.2.6.
///
/// # Contract
///
/// *What goes in*: the bytes of one stream in order, in chunks of any size, cut anywhere. *What
/// comes out*: [`Item`]s, as views into the chunk or into the parser's own buffers. *What the caller
/// must do*: take the items of a chunk until there is none, or give what is not consumed again; call
/// [`finish`](Self::finish) when the stream is at its end, and [`restart`](Self::restart) before the
/// first byte of another one. *What is promised*: the items depend on the bytes alone and not on
/// where they are cut; invalid UTF-8 is replaced as the standard has it, and no input is an error;
/// a block beyond the [`Limits`] is told and skipped; no more is held than these say. The last event
/// id and the reconnection time outlive the connection.
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
    /// How much of a byte order mark the stream began with. All of it: the place where one may be
    /// is behind us.
    mark: usize,
    /// The rest of the block is of no use.
    skip_block: bool,
    /// `carry` is lent out as a comment.
    lent: bool,
    /// Bytes of the block in the chunks before.
    bytes: usize,
    /// A type or a comment that had to be decoded with replacement.
    lossy: String,
}

/// The items that a chunk completes, one after another; returned by [`Parser::feed`].
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

/// How much of a chunk is checked for being UTF-8 at once: it should stay in the cache until it
/// is read.
const AHEAD: usize = 16 << 10;

/// Chunks up to this size may be taken without a look at what they are.
const FEW: usize = 8;

/// The byte order mark.
const MARK: &[u8] = b"\xEF\xBB\xBF";

impl Parser {
    /// Returns a parser with the default limits, before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a parser with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Sets the last event id, to one from an earlier stream.
    ///
    /// ```
    /// use qoder_sse::Parser;
    ///
    /// let parser = Parser::new().with_last_event_id("42");
    /// assert_eq!(parser.last_event_id(), "42");
    /// ```
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.last_id.push_str(id);
        self
    }

    /// Returns the last event id: what a reconnection sends as `Last-Event-ID`. Empty if there is
    /// none.
    ///
    /// ```
    /// use qoder_sse::Parser;
    ///
    /// let mut parser = Parser::new();
    /// assert_eq!(parser.step(b"id: 7\ndata: a\n\n").consumed, 15);
    /// assert_eq!(parser.last_event_id(), "7");
    /// ```
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// Returns the time to wait before a reconnection; `None` if the server has set none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let wait = Duration::from_millis(3000);
    /// assert_eq!(parser.step(b"retry: 3000\n").item, Some(Item::Retry(wait)));
    /// assert_eq!(parser.retry(), Some(wait));
    /// ```
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Returns the items that a chunk completes. An empty chunk changes nothing.
    ///
    /// Take them all: what is left when the items are dropped is not consumed, and has to be fed
    /// again from [`Items::consumed`] on.
    ///
    /// ```
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let mut items = parser.feed(b": hi\ndata: a\n\ndata: b");
    /// assert_eq!(items.next(), Some(Item::Comment("hi")));
    /// assert!(matches!(items.next(), Some(Item::Frame(frame)) if frame.data() == "a"));
    /// assert_eq!(items.next(), None); // the rest is with the next chunk
    /// ```
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
    ///
    /// ```
    /// use qoder_sse::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut rest = &b"data: a\n\ndata: b\n\n"[..];
    /// let mut items = 0;
    /// while !rest.is_empty() {
    ///     let step = parser.step(rest);
    ///     items += usize::from(step.item.is_some());
    ///     rest = &rest[step.consumed..];
    /// }
    /// assert_eq!(items, 2);
    /// ```
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> Step<'a> {
        let mut scan = Scan::new(0);
        let item = self.advance(input, &mut scan);
        Step {
            consumed: scan.at,
            item,
        }
    }

    /// Ends the stream, because it is complete or the connection lost, and returns whether that was
    /// within a block. What had come of the block is dropped; the last event id and the reconnection
    /// time stay.
    ///
    /// ```
    /// use qoder_sse::{Parser, Tail};
    ///
    /// let mut parser = Parser::new();
    /// parser.step(b"data: half");
    /// assert_eq!(parser.finish(), Tail::Cut { bytes: 10 });
    /// assert_eq!(parser.finish(), Tail::Clean);
    /// ```
    pub fn finish(&mut self) -> Tail {
        let clean = self.kept == Kept::default()
            && self.unfinished == Unfinished::Nothing
            && !self.skip_block
            && [0, MARK.len()].contains(&self.mark);
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
    ///
    /// ```
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// parser.step(b"data: half of an event, and the connection breaks");
    /// parser.restart();
    /// let step = parser.step(b"data: whole\n\n");
    /// assert!(matches!(step.item, Some(Item::Frame(frame)) if frame.data() == "whole"));
    /// ```
    pub fn restart(&mut self) {
        self.carry.clear();
        self.unfinished = Unfinished::Nothing;
        self.kept = Kept::default();
        self.skip_lf = false;
        self.mark = 0;
        self.skip_block = false;
        self.lent = false;
        self.bytes = 0;
    }

    /// Bytes of the block are behind us. More than 4 GiB of one, which only lines of no use can
    /// come to, are no reason to panic where addresses have 32 bits.
    #[inline]
    fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.wrapping_add(bytes);
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
        if self.mark < MARK.len() {
            return self.advance_mark(chunk, scan);
        }
        if self.kept != Kept::default() || self.skip_block {
            return self.advance_slowly(Block::default(), scan.at, scan.at, chunk, scan);
        }
        if self.bytes > 0 {
            self.skip_blank(chunk, scan);
        }
        let (mut from, mut at) = (scan.at, scan.at);
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
                                data => self.join(data, chunk, scan.at, &mut scan.window, value),
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

    /// Takes the blank line that most comments are followed by. It ends a block that tells nothing,
    /// and the next one may be plain.
    #[inline(never)]
    fn skip_blank(&mut self, chunk: &[u8], scan: &mut Scan<'_>) {
        let (mut at, mut ends, mut skip_lf) = (scan.at, scan.ends, self.skip_lf);
        while ends.next(chunk) == Some(at) {
            let is_cr = chunk[at] == b'\r';
            at += 1;
            if mem::replace(&mut skip_lf, is_cr) && !is_cr {
                // It belongs to the line before.
                continue;
            }
            self.bytes = 0;
            self.skip_lf = skip_lf;
            scan.ends = ends;
            scan.at = at;
            return;
        }
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
        let Some(end) = scan.ends.next(chunk) else {
            scan.at = chunk.len();
            self.count(chunk.len());
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
        if matches!(line, Line::Taken) {
            return self.advance_slowly(Block::default(), at, at, chunk, scan);
        }
        scan.at = at;
        self.tell(line, chunk)
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
                self.count(chunk.len() - from);
                self.keep(block, chunk);
                let rest = &chunk[at..];
                if rest.is_empty() {
                    return None;
                }
                let line = self.begin_line(rest);
                return self.tell(line, chunk);
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
                    scan.window.cover(chunk, from, at);
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
                    None => decode_into(&mut self.last_id, value.of(chunk)),
                }
            }
            Place::Buffer => decode_into(&mut self.last_id, &self.id),
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
            Place::Buffer => decode(&self.event, &mut self.lossy),
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
                Item::Comment(decode(bytes, &mut self.lossy))
            }
        })
    }
}

impl Items<'_> {
    /// Returns the next item, or `None` when the chunk is consumed and more is needed.
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

    /// Returns how many bytes of the chunk are consumed.
    ///
    /// ```
    /// use qoder_sse::Parser;
    ///
    /// let chunk = b"data: a\n\ndata: b\n\n";
    /// let mut parser = Parser::new();
    /// let mut items = parser.feed(chunk);
    /// items.next();
    /// let rest = &chunk[items.consumed()..];
    /// assert_eq!(rest, b"data: b\n\n");
    /// ```
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.scan.at
    }
}
