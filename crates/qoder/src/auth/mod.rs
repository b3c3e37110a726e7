//! What requests are authenticated with.

mod token;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

pub(crate) use token::Token;

use crate::error::Result;

/// Where a client has its token from.
pub(crate) enum Auth {
    /// The same one for good.
    Static(Token),
}

/// A token for one attempt.
pub(crate) struct Granted {
    header: HeaderValue,
}

impl Granted {
    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl Auth {
    /// The token for an attempt that begins now.
    #[allow(clippy::unused_async, reason = "other kinds of credentials wait")]
    pub(crate) async fn authorize(&self) -> Result<Granted> {
        match self {
            Self::Static(token) => Ok(Granted {
                header: token.header(),
            }),
        }
    }

    /// An attempt with this token was answered with this status. Whether the token was refused,
    /// and another can be had.
    pub(crate) fn answered(&self, _granted: &Granted, _status: StatusCode) -> bool {
        match self {
            Self::Static(_) => false,
        }
    }

    /// `text` without the secrets, should a server have repeated one.
    pub(crate) fn redact(&self, text: String) -> String {
        match self {
            Self::Static(token) => token.redact(text),
        }
    }

    /// The same for bytes.
    pub(crate) fn redact_bytes(&self, bytes: Bytes) -> Bytes {
        match self {
            Self::Static(token) => token.redact_bytes(bytes),
        }
    }
}
