//! A value together with what else the response said.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// The value of a call, and the response that it came in. Made by
/// [`Call::with_meta`](crate::Call::with_meta).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response<T> {
    /// What the call returns.
    pub value: T,
    /// What surrounded it.
    pub meta: Meta,
    /// The body, to the byte.
    pub body: Bytes,
}

/// Status, headers and history of a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Meta {
    /// The status of the response: any 2xx.
    pub status: StatusCode,
    /// The headers of the response.
    pub headers: HeaderMap,
    /// How many requests it took: 1, if the first one succeeded.
    pub attempts: u32,
    /// From the first attempt to the end of the body, waits included.
    pub elapsed: Duration,
}

impl Meta {
    /// The server's id of the request, for the vendor's support.
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }
}

/// `x-request-id`, or `request-id` where that is missing.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}
