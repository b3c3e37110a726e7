//! The parser's output: views into its input, or into its own buffer where a frame was cut.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// The result of one call of [`Parser::step`](crate::Parser::step).
///
/// ```
/// use qoder_sse::{Item, Parser};
///
/// let mut parser = Parser::new();
/// let mut rest: &[u8] = b"data: a\n\ndata: b\n\ndata: c";
/// let mut events = Vec::new();
/// while !rest.is_empty() {
///     let step = parser.step(rest);
///     if let Some(Item::Frame(frame)) = step.item {
///         events.push(frame.data().to_owned());
///     }
///     rest = &rest[step.consumed..];
/// }
/// assert_eq!(events, ["a", "b"]); // the third is not complete
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The number of bytes of the input that were consumed.
    pub consumed: usize,
    /// The item that they completed; `None` if the whole input is consumed and more is needed.
    pub item: Option<Item<'a>>,
}

/// Something that is complete.
///
/// ```
/// use qoder_sse::{Item, Parser};
///
/// let mut parser = Parser::new();
/// let mut items = parser.feed(b"retry: 500\n: beat\nid: 7\n\nevent: hi\ndata: 1\n\n");
/// let mut seen = Vec::new();
/// while let Some(item) = items.next() {
///     seen.push(match item {
///         Item::Frame(frame) => format!("{} {}", frame.event(), frame.data()),
///         Item::Comment(text) => format!("comment {text}"),
///         Item::Id => "id".to_owned(),
///         Item::Retry(wait) => format!("retry {wait:?}"),
///         other => format!("{other:?}"),
///     });
/// }
/// assert_eq!(seen, ["retry 500ms", "comment beat", "id", "hi 1"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event.
    Frame(Frame<'a>),
    /// A comment line, without its colon and one space; of a line longer than 4 KiB, only the
    /// first 4 KiB.
    Comment(&'a str),
    /// The last event id changed without an event.
    Id,
    /// The server set the time to wait before reconnecting.
    Retry(Duration),
    /// A block is too large, reported with the byte that exceeds a limit. The block is skipped up
    /// to its end, and parsing goes on behind it.
    Overflow(Overflow),
}

/// An event of the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(crate) event: &'a str,
    pub(crate) data: &'a str,
    pub(crate) own_id: bool,
    pub(crate) last_id: &'a str,
}

impl<'a> Frame<'a> {
    /// Returns the type of the event: `message` where the stream names none.
    ///
    /// ```
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let step = parser.step(b"data: a\n\n");
    /// let Some(Item::Frame(frame)) = step.item else { panic!("no frame") };
    /// assert_eq!(frame.event(), "message");
    /// ```
    pub fn event(&self) -> &'a str {
        if self.event.is_empty() {
            "message"
        } else {
            self.event
        }
    }

    /// Returns the data, its lines joined by line feeds.
    ///
    /// ```
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let step = parser.step(b"data: a\ndata: b\n\n");
    /// let Some(Item::Frame(frame)) = step.item else { panic!("no frame") };
    /// assert_eq!(frame.data(), "a\nb");
    /// ```
    pub fn data(&self) -> &'a str {
        self.data
    }

    /// Returns the id in the event's own block, or `None` if that has no `id` line: then the one
    /// from an earlier block holds, [`last_event_id`].
    ///
    /// [`last_event_id`]: Self::last_event_id
    pub fn id(&self) -> Option<&'a str> {
        self.own_id.then_some(self.last_id)
    }

    /// Returns the last event id as of this event, from whichever block it came; empty if there is
    /// none.
    ///
    /// ```
    /// use qoder_sse::{Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let step = parser.step(b"data: a\n\n");
    /// let Some(Item::Frame(frame)) = step.item else { panic!("no frame") };
    /// assert_eq!((frame.id(), frame.last_event_id()), (None, ""));
    /// ```
    pub fn last_event_id(&self) -> &'a str {
        self.last_id
    }

    /// Copies the event, in one allocation, so that it outlives its chunk.
    pub fn to_owned(&self) -> OwnedFrame {
        let mut text =
            String::with_capacity(self.event.len() + self.last_id.len() + self.data.len());
        text.push_str(self.event);
        text.push_str(self.last_id);
        text.push_str(self.data);
        OwnedFrame {
            event: self.event.len(),
            id: self.event.len() + self.last_id.len(),
            own_id: self.own_id,
            text: text.into_boxed_str(),
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("event", &self.event())
            .field("data", &self.data)
            .field("id", &self.id())
            .field("last_event_id", &self.last_id)
            .finish()
    }
}

/// An event that outlives its chunk.
///
/// ```
/// use qoder_sse::{Item, OwnedFrame, Parser};
///
/// let mut parser = Parser::new();
/// let mut kept: Vec<OwnedFrame> = Vec::new();
/// let mut items = parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n");
/// while let Some(item) = items.next() {
///     if let Item::Frame(frame) = item {
///         kept.push(frame.to_owned());
///     }
/// }
/// assert_eq!(kept[0].data(), "a");
/// assert_eq!(kept[1].id(), Some("2"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnedFrame {
    /// The type, the last event id and the data.
    text: Box<str>,
    /// The ends of the type and of the id.
    event: usize,
    id: usize,
    own_id: bool,
}

impl OwnedFrame {
    /// Returns the type of the event; see [`Frame::event`].
    pub fn event(&self) -> &str {
        self.as_frame().event()
    }

    /// Returns the data; see [`Frame::data`].
    pub fn data(&self) -> &str {
        self.as_frame().data
    }

    /// Returns the id in the event's own block; see [`Frame::id`].
    pub fn id(&self) -> Option<&str> {
        self.as_frame().id()
    }

    /// Returns the last event id as of this event; see [`Frame::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.as_frame().last_id
    }

    /// Returns a view of the event.
    pub fn as_frame(&self) -> Frame<'_> {
        let (head, data) = self.text.split_at(self.id);
        let (event, last_id) = head.split_at(self.event);
        Frame {
            event,
            data,
            own_id: self.own_id,
            last_id,
        }
    }
}

impl fmt::Debug for OwnedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_frame().fmt(f)
    }
}

/// A block that was larger than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Overflow {
    /// The limit that was exceeded.
    pub limit: Limit,
    /// The number of bytes that it allows.
    pub bytes: usize,
}

/// The limits of a [`Parser`](crate::Parser).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Of a single line.
    Line,
    /// Of the data of an event, line feeds between its lines included.
    Frame,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.limit {
            Limit::Line => "a line",
            Limit::Frame => "the data of an event",
        };
        write!(f, "{what} is larger than the limit of {} bytes", self.bytes)
    }
}

impl core::error::Error for Overflow {}

/// The state in which the input ended.
///
/// ```
/// use qoder_sse::{Parser, Tail};
///
/// let mut parser = Parser::new();
/// let mut items = parser.feed(b"data: a\n\ndata: b");
/// while items.next().is_some() {}
/// assert_eq!(parser.finish(), Tail::Cut { bytes: 7 }); // the second event is lost
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tail {
    /// Between two blocks, or in one that has no field so far; also behind a byte order mark alone.
    Clean,
    /// Within a block, which is lost, or within a line.
    Cut {
        /// The number of bytes of the block that had come, without a byte order mark before it.
        bytes: usize,
    },
}
