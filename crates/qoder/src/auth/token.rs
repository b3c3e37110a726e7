//! The access token: kept in one place, as a header value that is marked sensitive.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;

use crate::error::{Error, Result};

/// A personal access token (`pt-…`) or a service account's short-lived token.
#[derive(Clone)]
pub(crate) struct Token(HeaderValue);

impl Token {
    /// Takes a token as the console shows it. `origin` names where it came from, for the error.
    pub(crate) fn new(token: &str, origin: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Error::config(format!(
                "the token from {origin} {why}: create one in the Qoder console under Personal Settings, Access \
                 Tokens, and set QODER_PAT or call `Client::builder().token(..)`"
            ))
        };
        if token.trim().is_empty() {
            return Err(refuse("is empty"));
        }
        if token.contains(['\r', '\n']) {
            return Err(refuse("has a line break in it"));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(refuse("has blanks or characters that no token has"));
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| refuse("fits no header"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// `text` without the token, should a server have repeated it.
    pub(crate) fn redact(&self, text: String) -> String {
        if self.found_in(&text) {
            text.replace(self.text(), "[token]")
        } else {
            text
        }
    }

    /// The same for bytes; they become text only if the token is found in them.
    pub(crate) fn redact_bytes(&self, bytes: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&bytes);
        if self.found_in(&text) {
            Bytes::from(self.redact(text.into_owned()))
        } else {
            bytes
        }
    }

    /// A text of a few letters is no secret, and to cut it out would mangle everything.
    fn found_in(&self, text: &str) -> bool {
        self.text().len() >= 6 && text.contains(self.text())
    }

    fn text(&self) -> &str {
        self.0
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or("\0")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_token_is_refused_without_being_repeated() {
        for (token, why) in [
            ("", "empty"),
            ("  ", "empty"),
            ("pt-se\ncret", "line break"),
            ("pt-secret\r\n", "line break"),
            ("pt-se cret", "blanks"),
            ("pt-sécret", "blanks"),
        ] {
            let error = Token::new(token, "QODER_PAT").expect_err(token).to_string();
            assert!(
                error.contains(why) && error.contains("QODER_PAT"),
                "{error}"
            );
            assert!(!error.contains("cret"), "{error}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("pt-secret", "the builder").expect("a token");
        assert_eq!(
            format!("{token:?} {:?}", token.header()),
            "Token(…) Sensitive"
        );
        assert_eq!(
            token.redact("bad token pt-secret!".to_owned()),
            "bad token [token]!"
        );
    }
}
