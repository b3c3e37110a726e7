use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::error::Error;
use crate::headers::checked_header;

/// What can be set for one call; see [`Call::options`](crate::Call::options).
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are returned"]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) key: Key,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    /// What was wrong with an argument; the call fails with it.
    pub(crate) refused: Option<String>,
}

/// Where the idempotency key of a call comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Key {
    /// A random one, where the API honours it.
    #[default]
    Generated,
    Given(String),
    Off,
}

impl CallOptions {
    /// Sets the limit of the whole call, attempts and waits included; [`Duration::MAX`] is none.
    /// Default: the client's [`deadline`](crate::ClientBuilder::deadline).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often a failed attempt is repeated, at most. Default: the client's policy.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets the key under which the server does a write once, however often it arrives, for 24 hours.
    /// The same key with another body is a [conflict](crate::Error::is_conflict). Default: a
    /// random one for each write that honours it.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        if key.is_empty() {
            self.refused = Some("the idempotency key is empty".to_owned());
        }
        self.key = Key::Given(key);
        self
    }

    /// Sends no idempotency key. A write that may have arrived is then not repeated.
    pub fn no_idempotency_key(mut self) -> Self {
        self.key = Key::Off;
        self
    }

    /// Sets a header. `Authorization` and what is the transport's, such as `Host` and
    /// `Content-Length`, is refused: the call then fails.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match checked_header(name, value) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(error) => self.refuse(&error),
        }
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Asks for a beta feature, in the header `x-qoder-beta`; call it again for further ones.
    pub fn beta(self, feature: &str) -> Self {
        let listed = match self.headers.get("x-qoder-beta").map(HeaderValue::to_str) {
            Some(Ok(before)) => format!("{before},{feature}"),
            _ => feature.to_owned(),
        };
        self.header("x-qoder-beta", &listed)
    }

    /// Sets the workspace that the call acts in: the header `qoder-workspace-id`.
    pub fn workspace(self, id: &str) -> Self {
        self.header("qoder-workspace-id", id)
    }

    fn refuse(&mut self, error: &Error) {
        self.refused.get_or_insert_with(|| error.to_string());
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
