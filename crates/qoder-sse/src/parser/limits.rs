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
