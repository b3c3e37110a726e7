//! The parser: "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, from
//! chunks of any size.
//!
//! The life of one block is told above [`Parser`].

mod block;
mod cut;
mod ends;
mod few;
mod limits;
mod line;
mod plain;
mod shape;
mod text;
mod ways;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use self::block::{Kept, Span};
use self::cut::Unfinished;
use self::shape::Shape;
use self::text::{Decoder, Window};
use crate::frame::{Item, Limit, Step, Tail};

pub use self::limits::Limits;

// The life of one block, by the names of the code:
//
// 1. The fast way (`advance_plainly`). The block lies within one chunk, and its lines are `data: `,
//    `event: ` and `id: `. The `Block` notes where in the chunk their values are (`Place::Chunk`), and
//    the blank line that ends it lends them out as a `Frame`: nothing is copied but the id. Data of
//    several lines is joined in `text`. Where all but the data is what it was in the block before, it
//    is compared and not read (`Shape`).
// 2. The slow way (`advance_slowly`). Anything else, from the first such line on: other spellings of
//    the fields, comments, `retry`, limits, blocks that are skipped. It reads that line again, and
//    goes on with the same `Block`. The blank line behind a comment is taken the fast way, so that the
//    block after it can be plain.
// 3. The cut. The chunk ends within the block. `keep` copies what the block has so far out of the
//    chunk: data to `text`, decoded, type and id to `event` and `id`. `Kept` notes which of them are
//    there. If the chunk ends within a line, `begin_line` tells what it is: data goes on to `text`
//    at once; what isn't known yet, and other fields, go to `carry`; what is of no use is skipped.
//    `Unfinished` notes which.
// 4. The next chunk. `go_on` takes the rest of an unfinished line, at its end `end_line` reads what
//    `carry` has, and the slow way goes on with the rest of the block, whose values are in the
//    buffers now (`Place::Buffer`). If the rest is as it was in the block before, it is compared and
//    not read. Of chunks of a few bytes all lines go through the buffers (`advance_few`).
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
    /// The part of the unfinished line that may be of use, unless the line is known to be data.
    carry: Vec<u8>,
    unfinished: Unfinished,
    /// The parts of the block that earlier chunks had.
    kept: Kept,
    /// The type, decoded: mostly that of the block before.
    event: String,
    id: Vec<u8>,
    last_id: String,
    /// The block before, if one like it may come again.
    shape: Shape,
    retry: Option<Duration>,
    /// A CR ended the last line: a LF that follows belongs to it.
    skip_lf: bool,
    /// The number of bytes of a byte order mark that the stream began with. All of them: the place
    /// where one may be has passed.
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

/// The facts that are known about a chunk.
#[derive(Debug)]
struct Scan<'a> {
    /// Up to where it is consumed.
    at: usize,
    window: Window<'a>,
}

impl Scan<'_> {
    fn new(ahead: usize) -> Self {
        Self {
            at: 0,
            window: Window::new(ahead),
        }
    }
}

/// The kinds of lines.
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

/// The number of bytes of a chunk that are checked for UTF-8 at once. While that part is read, the
/// processor fetches the next one from memory.
const AHEAD: usize = 2 << 10;

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
        self.shape.forget();
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
        // The search for the first line's end asks for the first 64 bytes.
        if let Some(soon) = chunk.get(64..chunk.len().min(AHEAD)) {
            ends::ask_for(soon);
        }
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
}

impl Items<'_> {
    /// Returns the next item, or `None` when the chunk is consumed and more is needed.
    #[allow(
        clippy::should_implement_trait,
        reason = "an item borrows from the parser, which an iterator's can't"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.parser.advance(self.chunk, &mut self.scan)
    }

    /// Returns the number of bytes of the chunk that were consumed.
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
