//! Bytes to text. Lines end at ASCII bytes, so that decoding a value alone gives what decoding
//! the whole stream would.

use alloc::string::String;

use super::Span;

/// The part of a chunk that is known to be UTF-8. Checking many lines at once is faster than each
/// alone: by half on short lines of ASCII, and several times with other characters in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    text: &'a str,
    from: usize,
    /// How far to look beyond what is asked for.
    ahead: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(ahead: usize) -> Self {
        Self {
            text: "",
            from: 0,
            ahead,
        }
    }

    /// Sees to it that the bytes from `from` to `to` are known, if they are UTF-8.
    #[inline]
    pub(super) fn cover(&mut self, chunk: &'a [u8], from: usize, to: usize) {
        if from < self.from || to > self.from + self.text.len() {
            self.look(chunk, from, to);
        }
    }

    #[inline(never)]
    fn look(&mut self, chunk: &'a [u8], from: usize, to: usize) {
        self.from = from;
        let mut end = to.saturating_add(self.ahead).min(chunk.len());
        // A character may be cut there.
        if let Some(back) = (1..=3).find(|back| end - to >= *back && chunk[end - back] >= 0xC0) {
            end -= back;
        }
        if let Ok(text) = simdutf8::basic::from_utf8(&chunk[from..end]) {
            self.text = text;
            return;
        }
        // Somewhere is a byte that is none: from now on a block at a time.
        self.ahead = 0;
        self.text = simdutf8::basic::from_utf8(&chunk[from..to]).unwrap_or_default();
    }

    /// The text at a place, if it is known to be one.
    #[inline(always)]
    pub(super) fn get(&self, span: Span) -> Option<&'a str> {
        self.text
            .get(span.start.checked_sub(self.from)?..span.end.checked_sub(self.from)?)
    }
}

/// UTF-8, with one U+FFFD for each maximal invalid part, as the Encoding standard says.
#[inline(never)]
pub(super) fn decode<'a>(bytes: &'a [u8], buffer: &'a mut String) -> &'a str {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return text;
    }
    buffer.clear();
    buffer.push_str(&String::from_utf8_lossy(bytes));
    buffer
}
