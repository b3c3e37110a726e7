//! The requests that the server has recorded.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A request that was received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The operation that it is for, as a method and the template of a path, such as
    /// `GET /agents/{agent_id}`. `None` if there is no such operation, and for storage.
    pub operation: Option<String>,
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
    /// Returns the body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the pairs of the query, decoded, in the order in which they were sent.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.query.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// Returns all values of a parameter of the query, decoded.
    pub fn query_values(&self, name: &str) -> Vec<String> {
        let pairs = self.query_pairs().into_iter();
        let named = pairs.filter(|(other, _)| other == name);
        named.map(|(_, value)| value).collect()
    }

    /// Returns the value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
