//! The access token: kept in one place, as a header value that is marked sensitive.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::secret::{Secret, cut};

const BEARER: &str = "Bearer ";

/// A personal access token (`pt-…`) or a service account's short-lived token, as the value of the
/// `Authorization` header. Its clones, those in requests included, share their memory, and the
/// last one overwrites it.
#[derive(Clone)]
pub(crate) struct Token(HeaderValue);

/// The reason why a text can't be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoToken {
    Empty,
    LineBreak,
    Characters,
}

impl Token {
    pub(crate) fn new(token: &Secret) -> Result<Self, NoToken> {
        let token = token.expose();
        if token.trim().is_empty() {
            return Err(NoToken::Empty);
        }
        if token.contains(['\r', '\n']) {
            return Err(NoToken::LineBreak);
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(NoToken::Characters);
        }
        // Of its final size at once, so that no copy is left behind by growing.
        let mut value = Zeroizing::new(Vec::with_capacity(BEARER.len() + token.len()));
        value.extend_from_slice(BEARER.as_bytes());
        value.extend_from_slice(token.as_bytes());
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .map_err(|_| NoToken::Characters)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// `text` without the token, if it is in it.
    pub(crate) fn cut(&self, text: &str) -> Option<String> {
        cut(self.text(), text)
    }

    /// The token without what the header says before it.
    pub(crate) fn text(&self) -> &str {
        self.0
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix(BEARER))
            .unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::LineBreak => "has a line break in it",
            Self::Characters => "has blanks or characters that no token has",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_token_is_refused() {
        for (token, why) in [
            ("", NoToken::Empty),
            ("  ", NoToken::Empty),
            ("pt-se\ncret", NoToken::LineBreak),
            ("pt-secret\r\n", NoToken::LineBreak),
            ("pt-se cret", NoToken::Characters),
            ("pt-sécret", NoToken::Characters),
        ] {
            assert_eq!(Token::new(&token.into()).expect_err(token), why);
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new(&"pt-secret".into()).expect("a token");
        assert_eq!(
            format!("{token:?} {:?}", token.header()),
            "Token(…) Sensitive"
        );
        assert_eq!(token.header().as_bytes(), b"Bearer pt-secret");
        assert_eq!(
            token.cut("bad token pt-secret!").as_deref(),
            Some("bad token [token]!")
        );
        assert_eq!(token.cut("bad token"), None);
    }
}
