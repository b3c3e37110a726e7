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
/// use qoder::Secret;
///
/// let secret = Secret::new("pt-your-token-here");
/// assert_eq!(secret.expose(), "pt-your-token-here");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text. A `String` is taken over as it is, anything else is copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself.
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

/// `text` without the secret, if it is in it. A text of a few letters is no secret, and to cut it
/// out would mangle everything.
pub(crate) fn cut(secret: &str, text: &str) -> Option<String> {
    (secret.len() >= 6 && text.contains(secret)).then(|| text.replace(secret, "[token]"))
}
