/// How large a block may be.
///
/// Both limits are counted while reading. An overflow is told with the byte that exceeds a limit,
/// however the stream is cut; of both limits, the one that is exceeded first, or else the frame's.
///
/// At no moment does a [`Parser`](crate::Parser) hold more than the data of one event, four lines
/// (a type, the ids of the block and before it, and a line that is cut) and 4 KiB of a comment,
/// with a third of it more for growth. In texts, a byte that is no UTF-8 counts as three: so long
/// is the character that stands for it.
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
