use std::fmt;

use crate::wire::{serde_by_wire, text_on_the_wire};

/// A text that only the server is to read, such as a token or the value of an environment
/// variable. `Debug` doesn't show it, and it has no `Display`; it is sent as it is.
///
/// ```
/// use qoder_types::Secret;
///
/// let secret = Secret::new("ghp_invented");
/// assert_eq!(secret.expose(), "ghp_invented");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(serde_json::to_string(&secret).unwrap(), r#""ghp_invented""#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
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

text_on_the_wire!(Secret, expose);
serde_by_wire!(Secret);
