/// Limits on the size of a block.
///
/// Both limits are counted while reading: an overflow is reported with the byte that exceeds a
/// limit, however the stream is cut. If both limits are exceeded, the first one is reported, or
/// the frame's if one byte exceeds both.
///
/// At no moment does a [`Parser`](crate::Parser) hold more than the data of one event, four lines
/// (the type, the id, the last event id, and a line that is cut) and 4 KiB of a comment, plus a
/// third for growth. In text, an invalid byte takes three, for the character that replaces it.
///
/// ```
/// use qoder_sse::{Item, Limit, Limits, Overflow, Parser};
///
/// let mut parser = Parser::with_limits(Limits::default().line(1 << 20).frame(8));
/// let mut items = parser.feed(b"data: too much data\n\ndata: enough\n\n");
/// let overflow = Overflow { limit: Limit::Frame, bytes: 8 };
/// assert_eq!(items.next(), Some(Item::Overflow(overflow)));
/// assert!(matches!(items.next(), Some(Item::Frame(frame)) if frame.data() == "enough"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest line, without its end and a byte order mark, in bytes: 16 MiB by default.
    /// Comments and unknown fields may be longer, since they are not kept.
    pub line: usize,
    /// The most data of one event, with the line feeds between its lines, in bytes before
    /// decoding: 16 MiB by default.
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
