//! A value together with what else the response said.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};

/// The value of a call, and the response that it came in. Made by
/// [`Call::with_meta`](crate::Call::with_meta).
#[derive(Clone)]
#[non_exhaustive]
pub struct Response<T> {
    /// The value that the call returns.
    pub value: T,
    /// The status, headers and history of the call.
    pub meta: Meta,
    /// The body, to the byte.
    pub body: Bytes,
}

/// Shows the value, and of the body only the size.
impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("value", &self.value)
            .field("meta", &self.meta)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// Status, headers and history of a call.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// let response = client.agents().retrieve("agent_1").with_meta().await?;
/// println!("{}: {:?} after {} attempts", response.value.name, response.meta.elapsed, response.meta.attempts);
/// println!("request {:?}", response.meta.request_id());
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Meta {
    /// The status of the response: any 2xx.
    pub status: StatusCode,
    /// The headers of the response.
    pub headers: HeaderMap,
    /// The number of requests it took: 1, if the first one succeeded.
    pub attempts: u32,
    /// From the first attempt to the end of the body, waits included.
    pub elapsed: Duration,
}

impl Meta {
    /// Returns the server's id of the request, for the vendor's support. `None` if it gave none.
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }
}

/// Shows the names of the headers and not their values: a server may repeat there what it got.
impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Meta")
            .field("status", &self.status)
            .field("headers", &names)
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

/// `x-request-id`, or `request-id` where that is missing.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}
