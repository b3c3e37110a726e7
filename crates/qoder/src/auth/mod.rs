//! The authentication of requests: a fixed token, by
//! [`ClientBuilder::token`](crate::ClientBuilder::token); the key of a [`ServiceAccount`], which is
//! exchanged for tokens; or a program's own source of tokens, [`Credentials`].

// | file | job |
// |---|---|
// | `secret.rs`, `token.rs` | texts that nobody is to read, and the header that they travel in |
// | `provider.rs` | tokens from the program that uses this crate |
// | `service_account.rs` | tokens in exchange for a service account's key |
// | `cache.rs` | which token to use, and when to ask for another: a machine without I/O |
// | `renewed.rs` | the shell around it: one question at a time |
// | `no_token.rs` | why there is none |
// | `in_flight.rs` | a question under way, which whoever waits for its answer drives |

mod cache;
mod in_flight;
mod no_token;
mod provider;
mod renewed;
mod secret;
mod service_account;
mod token;

use http::{HeaderValue, StatusCode};

pub use provider::{AccessToken, Credentials, CredentialsError, CredentialsFuture};
pub(crate) use renewed::{Renewed, Source};
pub use secret::Secret;
pub use service_account::ServiceAccount;
pub(crate) use token::Token;

use crate::error::Result;
use crate::redact::Redact;

/// The source of a client's tokens.
pub(crate) enum Auth {
    /// A fixed one.
    Static(Token),
    /// One for some time, and then another.
    Renewed(Box<Renewed>),
}

/// A token for one attempt.
pub(crate) struct Granted {
    token: Token,
    /// The number of the token; `None` for a fixed one.
    generation: Option<u64>,
}

impl Granted {
    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.token.header()
    }
}

impl Auth {
    /// The token for an attempt that begins now.
    pub(crate) async fn authorize(&self) -> Result<Granted> {
        match self {
            Self::Static(token) => Ok(Granted {
                token: token.clone(),
                generation: None,
            }),
            Self::Renewed(renewed) => {
                let issued = renewed.authorize().await?;
                Ok(Granted {
                    token: issued.token,
                    generation: Some(issued.generation),
                })
            }
        }
    }

    /// Whether a token can be followed by another.
    pub(crate) fn renews(&self) -> bool {
        matches!(self, Self::Renewed(_))
    }

    /// An attempt with this token was answered with this status. Whether the token was refused,
    /// and another can be had.
    pub(crate) fn answered(&self, granted: &Granted, status: StatusCode) -> bool {
        match (self, granted.generation) {
            (Self::Renewed(renewed), Some(generation)) => {
                status == StatusCode::UNAUTHORIZED && renewed.refused(generation)
            }
            _ => false,
        }
    }
}

impl Redact for Auth {
    fn cut(&self, text: &str) -> Option<String> {
        match self {
            Self::Static(token) => token.cut(text),
            Self::Renewed(renewed) => renewed.cut(text),
        }
    }
}
