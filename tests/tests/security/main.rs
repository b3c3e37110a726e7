//! What somebody who means harm can't do: get at the token from another host, write into a request
//! what the caller didn't, or fill this process up. The server is one of raw bytes in memory.

mod display;
mod injection;
mod limits;
mod origin;
mod secrets;

use std::future::Future;

use qoder::{Client, ClientBuilder, RetryPolicy};
use qoder_tests::wire::Wire;

const TOKEN: &str = "pt-0123456789abcdef";

/// The builder of a client of this server, for calls of one attempt.
fn builder(wire: &Wire) -> ClientBuilder {
    Client::builder()
        .token(TOKEN)
        .base_url("http://localhost/api/v1/cloud")
        .retry(RetryPolicy::none())
        .transport(wire.transport().build().expect("a transport"))
}

fn client(wire: &Wire) -> Client {
    builder(wire).build().expect("a client")
}

/// Runs this in simulated time.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}
