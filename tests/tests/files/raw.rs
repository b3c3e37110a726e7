//! An API and a storage of raw bytes in memory, in simulated time: what no real one should send.

use std::future::Future;

use qoder::types::serde_json::json;
use qoder::{Client, RetryPolicy};
use qoder_tests::wire::{Act, Wire};

use crate::common::TOKEN;

/// A client of this server, whose waits are exact.
pub(crate) fn client(wire: &Wire) -> Client {
    let mut retry = RetryPolicy::default();
    retry.jitter = 0.0;
    Client::builder()
        .token(TOKEN)
        .base_url("http://localhost/api/v1/cloud")
        .retry(retry)
        .transport(wire.transport().build().expect("a transport"))
        .build()
        .expect("a client")
}

/// The body of the API's answer that leads to the storage.
pub(crate) const LINK: &str = r#"{"url":"http://localhost/storage/file?signature=of-the-link"}"#;

/// The API's answer that leads there.
pub(crate) fn link(url: &str) -> Act {
    let body = json!({ "url": url }).to_string();
    answer("200 OK", "", body.as_bytes())
}

/// A response of this status, with these header lines and this body.
pub(crate) fn text(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The server that reads a request and responds so.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Act {
    Act::answer(text(status, headers, body))
}

/// Runs this in simulated time.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}
