//! What the server remembers of each request.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A request that was received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The method, such as `GET`.
    pub method: String,
    /// The path below the base URL, as it was sent.
    pub path: String,
    /// The query, as it was sent.
    pub query: Option<String>,
    /// The headers. The token is not shown by `Debug`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The status of the answer; 0 if there was none.
    pub status: u16,
    /// The connection it came on, counted from 1.
    pub connection: u64,
}

impl Recorded {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
