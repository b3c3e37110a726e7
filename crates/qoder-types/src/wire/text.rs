//! Text that is nearly JSON.

use serde::de::DeserializeOwned;

/// Reads a text as JSON. One that is refused is read once more with half surrogate pairs mended.
pub(crate) fn read_text<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|error| match mended(text) {
        Some(text) => serde_json::from_str(&text),
        None => Err(error),
    })
}

/// The text that a string of JSON stands for. `None` if it is no string, or has an escape of half a
/// surrogate pair. What is valid JSON otherwise is taken for granted.
pub(crate) fn unescaped(json: &str) -> Option<String> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..at)?);
        let escape = rest.get(at + 1..)?;
        let (meant, length) = match escape.as_bytes().first()? {
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            b'u' => {
                let units = [digits(escape), escape.get(5..).and_then(unit)];
                let units = units.into_iter().map_while(|unit| unit);
                let meant = char::decode_utf16(units).next()?.ok()?;
                // The escape of a pair has another backslash and another `u`.
                (meant, meant.len_utf16() * 6 - 1)
            }
            // A quotation mark, a slash or a backslash.
            itself => (char::from(*itself), 1),
        };
        text.push(meant);
        rest = escape.get(length..)?;
    }
    text.push_str(rest);
    // An escape is up to six times as long as its character.
    if text.len() < text.capacity() / 4 * 3 {
        text.shrink_to_fit();
    }
    Some(text)
}

/// The text with `\ufffd` for each escape of half a surrogate pair, which is what cutting a text
/// in UTF-16 leaves; `None` if there is none.
#[cold]
pub(crate) fn mended(text: &str) -> Option<String> {
    let mut mended = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find('\\') {
        at += next;
        let unit_at = |at| text.get(at..).and_then(unit);
        let (half, length) = match (unit_at(at), unit_at(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (false, 12),
            (Some(0xd800..=0xdfff), _) => (true, 6),
            (Some(_), _) => (false, 6),
            // The letter after the backslash may be another backslash.
            (None, _) => (false, 2),
        };
        if half {
            mended.push_str(&text[done..at]);
            mended.push_str("\\ufffd");
            done = at + length;
        }
        at += length;
        if !text.is_char_boundary(at) {
            break;
        }
    }
    if done == 0 {
        return None;
    }
    mended.push_str(&text[done..]);
    Some(mended)
}

/// The UTF-16 unit whose escape a text begins with.
fn unit(text: &str) -> Option<u16> {
    digits(text.strip_prefix('\\')?)
}

/// The same, behind the backslash.
fn digits(escape: &str) -> Option<u16> {
    let digits = escape.get(..5)?.strip_prefix('u')?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        for (text, want) in [
            (r#""\ud83d""#, Some("\u{fffd}")),
            (r#""\udE00""#, Some("\u{fffd}")),
            (r#""a\ud83db\ude00c""#, Some("a\u{fffd}b\u{fffd}c")),
            (r#""\ud83d\ud83d\ude00""#, Some("\u{fffd}😀")),
            (r#""\ud83d\n""#, Some("\u{fffd}\n")),
            (r#""\ud83d\\ude00""#, Some("\u{fffd}\\ude00")),
            (r#""\ud83dé\ud83d""#, Some("\u{fffd}é\u{fffd}")),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""é\u00e9""#, None),
            (r#""\u+83d""#, None),
            ("\"\\é", None),
            ("\"\\", None),
            (r#""\ud8"#, None),
            ("", None),
        ] {
            let read =
                mended(text).map(|text| serde_json::from_str::<String>(&text).expect("JSON"));
            assert_eq!(read.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn what_is_unescaped_is_what_serde_json_reads() {
        let units = [
            "a",
            "é",
            "好",
            "😀",
            r"\n",
            r"\r",
            r"\t",
            r"\b",
            r"\f",
            r"\\",
            r"\/",
            r#"\""#,
            r"\u0041",
            r"\u00e9",
            r"\u597D",
            r"\ud83d",
            r"\uDE00",
            r"\ud83d\ude00",
            "u0041",
            "",
        ];
        let strings = units.iter().flat_map(|first| {
            let pairs = units.iter().map(move |second| [*first, *second]);
            pairs.flat_map(|[first, second]| units.map(|third| [first, second, third].concat()))
        });
        for string in strings {
            let json = format!("\"{string}\"");
            let read = serde_json::from_str::<String>(&json).ok();
            assert_eq!(unescaped(&json), read, "{json}");
        }
        for json in ["7", "null", "[\"a\"]", "\""] {
            assert_eq!(unescaped(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_unescaped_takes_little_more_than_its_length() {
        let json = format!("\"{}\"", r"\u597d".repeat(1000));
        let text = unescaped(&json).expect("a string");
        assert_eq!((text.len(), text.capacity()), (3000, 3000));
    }

    #[test]
    fn what_is_no_json_stays_refused() {
        for text in [r#""\ud83d"#, "{", "", r#"{"a":"\ud83d",}"#] {
            assert!(read_text::<serde_json::Value>(text).is_err(), "{text}");
        }
    }
}
