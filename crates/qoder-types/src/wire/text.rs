//! Text that is nearly JSON.

use serde::de::DeserializeOwned;

/// Reads a text as JSON. One that is refused is read once more with half surrogate pairs mended.
pub(crate) fn read_text<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|error| match mended(text) {
        Some(text) => serde_json::from_str(&text),
        None => Err(error),
    })
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
        let (half, length) = match (unit(text, at), unit(text, at + 6)) {
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

/// The UTF-16 unit whose escape is at this place.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
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
    fn what_is_no_json_stays_refused() {
        for text in [r#""\ud83d"#, "{", "", r#"{"a":"\ud83d",}"#] {
            assert!(read_text::<serde_json::Value>(text).is_err(), "{text}");
        }
    }
}
