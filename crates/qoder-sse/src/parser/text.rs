//! Bytes to text. Lines end at ASCII bytes, so that decoding a value alone gives what decoding
//! the whole stream would.

use alloc::string::String;
use alloc::vec::Vec;

use super::Span;
use super::ends::{ask_for, word};

/// The part of a chunk that is known to be UTF-8. Checking many lines at once is faster than each
/// alone: by half on short lines of ASCII, and several times with other characters in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    text: &'a str,
    from: usize,
    /// The number of bytes to check beyond those that are asked for.
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
        let ahead = |at: usize| at.saturating_add(self.ahead).min(chunk.len());
        let end = ahead(to);
        ask_for(&chunk[end..ahead(end)]);
        let end = end - cut(&chunk[to..end]);
        if let Ok(text) = simdutf8::basic::from_utf8(&chunk[from..end]) {
            self.text = text;
            return;
        }
        // Somewhere is a byte that is none: from now on a block at a time.
        self.ahead = 0;
        self.text = simdutf8::basic::from_utf8(&chunk[from..to]).unwrap_or_default();
    }

    /// The text at a place, if it is known to be one.
    #[allow(clippy::inline_always, reason = "measured: two calls for each event")]
    #[inline(always)]
    pub(super) fn get(&self, span: Span) -> Option<&'a str> {
        self.text
            .get(span.start.checked_sub(self.from)?..span.end.checked_sub(self.from)?)
    }
}

/// Of a comment, no more than this is told, its colon included.
pub(super) const COMMENT: usize = 4 << 10;

/// UTF-8, with one U+FFFD for each maximal invalid part, as the Encoding standard says.
#[inline(never)]
pub(super) fn decode<'a>(bytes: &'a [u8], buffer: &'a mut String) -> &'a str {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return text;
    }
    buffer.clear();
    push_lossy(buffer, bytes);
    buffer
}

/// The same in place of what is there.
#[inline(never)]
pub(super) fn decode_into(text: &mut String, bytes: &[u8]) {
    text.clear();
    push(text, bytes);
}

/// Returns the number of bytes at the end that are the beginning of a character that is cut.
#[inline]
pub(super) fn cut(bytes: &[u8]) -> usize {
    match bytes.last() {
        Some(0x80..) => cut_within(bytes),
        _ => 0,
    }
}

fn cut_within(bytes: &[u8]) -> usize {
    for (back, byte) in (1..).zip(bytes.iter().rev().take(3)) {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0.. => 4,
            _ => 1,
        };
        // One that can't be completed is wrong, and not cut.
        let cut = &bytes[bytes.len() - back..];
        let is_cut = length > back
            && core::str::from_utf8(cut).is_err_and(|error| error.error_len().is_none());
        return if is_cut { back } else { 0 };
    }
    0
}

/// Text that arrives in pieces, which may cut characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    text: String,
    /// Bytes that are still to be decoded: pieces of a few bytes, or the beginning of a character.
    waiting: Waiting,
    /// The number of bytes before decoding.
    bytes: usize,
}

/// Enough for a short event, and for checking many bytes at once.
const WAITING: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Eight bytes can be put in at once, whatever their length.
    bytes: [u8; WAITING + 8],
    length: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            bytes: [0; WAITING + 8],
            length: 0,
        }
    }
}

impl Decoder {
    /// All of the text. A character that is cut stays so.
    #[inline]
    pub(super) fn text(&mut self) -> &str {
        if self.waiting.length > 0 {
            self.decode_all();
        }
        &self.text
    }

    /// All of a text that is whole: of its own, if it can't be lent.
    #[inline(never)]
    pub(super) fn whole<'a>(&'a mut self, bytes: &'a [u8]) -> &'a str {
        decode(bytes, &mut self.text)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.waiting.length = 0;
        self.bytes = 0;
    }

    /// A line feed, between two lines.
    pub(super) fn feed(&mut self) {
        if self.waiting.length > 0 {
            if self.waiting.length == WAITING {
                self.decode_waiting();
            }
            self.bytes += 1;
            self.waiting.bytes[self.waiting.length] = b'\n';
            self.waiting.length += 1;
            return;
        }
        self.bytes += 1;
        reserve(&mut self.text, 1);
        self.text.push('\n');
    }

    /// A whole line, of which it may be known already that it is text.
    pub(super) fn line(&mut self, text: Option<&str>, bytes: &[u8]) {
        match text {
            Some(text) => {
                if self.waiting.length > 0 {
                    self.decode_all();
                }
                self.bytes += text.len();
                reserve(&mut self.text, text.len());
                self.text.push_str(text);
            }
            None => self.push(bytes),
        }
    }

    /// One more whole line.
    pub(super) fn next_line(&mut self, text: Option<&str>, bytes: &[u8]) {
        match text {
            // Most are short, so that room for the line and its line feed is asked for once.
            Some(text) if self.waiting.length == 0 => {
                self.bytes += 1 + text.len();
                reserve(&mut self.text, 1 + text.len());
                self.text.push('\n');
                self.text.push_str(text);
            }
            _ => {
                self.feed();
                self.line(text, bytes);
            }
        }
    }

    /// A piece of a line.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() <= 8 {
            self.push_few(word(bytes), bytes.len());
        } else {
            self.push_more(bytes);
        }
    }

    fn push_more(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len();
        let Waiting { length, .. } = self.waiting;
        if bytes.len() <= 64 && length + bytes.len() <= WAITING {
            self.waiting.bytes[length..length + bytes.len()].copy_from_slice(bytes);
            self.waiting.length += bytes.len();
            return;
        }
        if length > 0 {
            self.decode_waiting();
        }
        while self.waiting.length > 0 {
            let [first, rest @ ..] = bytes else {
                return;
            };
            bytes = rest;
            self.waiting.bytes[self.waiting.length] = *first;
            self.waiting.length += 1;
            self.decode_waiting();
        }
        let (whole, cut) = bytes.split_at(bytes.len() - cut(bytes));
        push(&mut self.text, whole);
        if !cut.is_empty() {
            self.waiting.bytes[..cut.len()].copy_from_slice(cut);
            self.waiting.length = cut.len();
        }
    }

    /// A piece of up to eight bytes, as a number.
    #[inline]
    pub(super) fn push_few(&mut self, word: u64, length: usize) {
        if self.waiting.length + length > WAITING {
            self.decode_waiting();
        }
        let place = &mut self.waiting.bytes[self.waiting.length..][..8];
        place.copy_from_slice(&word.to_le_bytes());
        self.waiting.length += length;
        self.bytes += length;
    }

    #[inline(never)]
    fn decode_all(&mut self) {
        let length = core::mem::take(&mut self.waiting.length);
        push(&mut self.text, &self.waiting.bytes[..length]);
    }

    /// Decodes what waits but for the beginning of a character at its end.
    #[inline(never)]
    fn decode_waiting(&mut self) {
        let Waiting { bytes, length } = &mut self.waiting;
        let whole = *length - cut(&bytes[..*length]);
        push(&mut self.text, &bytes[..whole]);
        bytes.copy_within(whole..*length, 0);
        *length -= whole;
    }
}

#[inline]
fn push(text: &mut String, bytes: &[u8]) {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(more) => {
            reserve(text, more.len());
            text.push_str(more);
        }
        Err(_) => push_lossy(text, bytes),
    }
}

#[inline(never)]
fn push_lossy(text: &mut String, bytes: &[u8]) {
    for part in bytes.utf8_chunks() {
        reserve(text, part.valid().len());
        text.push_str(part.valid());
        if !part.invalid().is_empty() {
            reserve(text, char::REPLACEMENT_CHARACTER.len_utf8());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Makes room by a third more, and not by doubling: one large event then needs at most 1.34 times
/// its size, and copying stays linear.
#[inline]
fn reserve(text: &mut String, more: usize) {
    if text.capacity() - text.len() < more {
        text.reserve_exact(more.max(text.capacity() / 3));
    }
}

/// Adds to a buffer that may become large.
pub(super) fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        buffer.reserve_exact(bytes.len().max(buffer.capacity() / 3).max(FIRST));
    }
    buffer.extend_from_slice(bytes);
}

/// Room for a short line, and for eight bytes more.
const FIRST: usize = 32;

/// The same for up to eight bytes, as a number. To put in eight at once, whatever their length, is
/// faster than a call that looks at it.
#[inline]
pub(super) fn append_few(buffer: &mut Vec<u8>, word: u64, length: usize) {
    let bytes = word.to_le_bytes();
    let all = buffer.len() + length;
    if buffer.capacity() - buffer.len() < bytes.len() {
        append(buffer, &bytes[..length]);
    } else {
        buffer.extend_from_slice(&bytes);
        buffer.truncate(all);
    }
}
