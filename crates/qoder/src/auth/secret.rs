//! Texts that nobody is to read.

use std::fmt;

use zeroize::Zeroizing;

/// A token or key. It is not shown by `Debug`, has no `Display`, and its memory is overwritten
/// when the last of it is dropped.
///
/// That holds for what this crate keeps. The buffers of connections, through which a token has to
/// go, and copies that a program made before are beyond its reach.
///
/// ```
/// use qoder::auth::Secret;
///
/// let secret = Secret::new("pt-your-token-here");
/// assert_eq!(secret.expose(), "pt-your-token-here");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a secret of a text. A `String` is taken over as it is, anything else is copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `text` without the secret, if it is in it, be it escaped as in JSON or in a URL. A text of a few
/// letters is no secret, and to cut it out would mangle everything.
pub(crate) fn cut(secret: &str, text: &str) -> Option<String> {
    let first = *secret.as_bytes().first().filter(|_| secret.len() >= 6)?;
    let mut cut = String::new();
    let (mut kept, mut at) = (0, 0);
    let begins = |byte: &u8| *byte == first || matches!(byte, b'\\' | b'%');
    while let Some(found) = text.as_bytes()[at..].iter().position(begins) {
        at += found;
        match spelled(secret.as_bytes(), &text.as_bytes()[at..]) {
            Some(length) => {
                cut.push_str(&text[kept..at]);
                cut.push_str("[token]");
                at += length;
                kept = at;
            }
            None => at += 1,
        }
    }
    (kept > 0).then(|| cut + &text[kept..])
}

/// Returns the number of bytes that the secret takes up, if the text begins with it.
fn spelled(secret: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for byte in secret {
        at += match text.get(at..)? {
            [plain, ..] if plain == byte => 1,
            [b'%', high, low, ..] if hex(&[*high, *low]) == Some(u32::from(*byte)) => 3,
            // JSON within JSON has several backslashes for each.
            escaped @ [b'\\', ..] => {
                let slashes = escaped.iter().take_while(|byte| **byte == b'\\').count();
                match &escaped[slashes..] {
                    [b'u', digits @ ..] if hex(digits.get(..4)?) == Some(u32::from(*byte)) => {
                        slashes + 5
                    }
                    [plain, ..] if plain == byte => slashes + 1,
                    _ => return None,
                }
            }
            _ => return None,
        };
    }
    Some(at)
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digit = |sum: u32, digit: &u8| Some(sum * 16 + char::from(*digit).to_digit(16)?);
    digits.iter().try_fold(0, digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        for (text, want) in [
            ("pt-12345", "[token]"),
            ("a pt-12345, and pt-12345.", "a [token], and [token]."),
            ("é pt-1234 pt-12345pt-1234", "é pt-1234 [token]pt-1234"),
            (r"\u0070t-12345", "[token]"),
            (
                r"\u0070\u0074\u002d\u0031\u0032\u0033\u0034\u0035!",
                "[token]!",
            ),
            (
                r"\u0070\u0074\u002D\u0031\u0032\u0033\u0034\u0035",
                "[token]",
            ),
            (r"\\\\u0070t\-1234\\u0035", "[token]"),
            ("?a=%70t%2D1234%35&", "?a=[token]&"),
        ] {
            assert_eq!(cut("pt-12345", text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "",
            "pt-1234",
            r"\u007",
            r"\u0070t-1234",
            r"\",
            "%",
            "%7",
            "%70t-1234",
            r"\u00e9",
            "pt-é",
        ] {
            assert_eq!(cut("pt-12345", text), None, "{text}");
        }
        assert_eq!(cut("short", "short"), None);
        assert_eq!(cut(r"a\b%25c", r"=a\b%25c").as_deref(), Some("=[token]"));
    }
}
