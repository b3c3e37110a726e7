//! Texts from outside, for messages: one line of a bounded length, and nothing that a terminal or
//! a log would take for something else.

use std::borrow::Cow;

/// The replacement of a character that is no plain text: an escape sequence, or writing whose
/// direction is turned around, is seen and does nothing.
const STRANGE: char = '\u{FFFD}';

/// The text on one line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| plain(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(plain).collect())
}

fn plain(c: char) -> char {
    match c {
        '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            STRANGE
        }
        c if c.is_control() => STRANGE,
        c => c,
    }
}

/// The first `most` characters of a text, and a mark if there were more. No secret is to be in it
/// any more: the half of one is not found.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// Both: at most so many characters of a text, on one line.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    one_line(&shortened(text, most)).into_owned()
}

/// The first characters of a body, on one line.
pub(crate) fn head_of(body: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    excerpt(&words.join(" "), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        for (text, want) in [
            ("as it was: é 👍🏽", "as it was: é 👍🏽"),
            ("one\ntwo\r\nthree\tfour", "one two  three four"),
            ("\u{1b}[31mred\u{0}", "\u{FFFD}[31mred\u{FFFD}"),
            ("\u{2028}forged\u{202E}", " forged\u{FFFD}"),
        ] {
            assert_eq!(one_line(text), want);
        }
    }

    #[test]
    fn what_is_too_long_is_marked() {
        assert_eq!(excerpt("ééé", 3), "ééé");
        assert_eq!(excerpt("éé\né", 3), "éé …");
    }

    #[test]
    fn a_head_is_one_short_line() {
        assert_eq!(
            head_of(b"<html>\n\t <body>\x07hi"),
            "<html> <body>\u{FFFD}hi"
        );
        assert_eq!(head_of("é".repeat(4096).as_bytes()).chars().count(), 121);
    }
}
