//! Gets URLs through layers of `tower`: at most two at a time, each tried again where that can help,
//! each attempt told on standard error.
//!
//! ```text
//! cargo run -p qoder-http --example layers --features tower -- URL...
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use http::Request;
use qoder_http::retry::{RetryLayer, RetryPolicy};
use qoder_http::{RequestBody, Transport};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() || urls[0].starts_with('-') {
        println!("layers URL...");
        return Ok(ExitCode::SUCCESS);
    }
    let policy = RetryPolicy::default()
        .max_retries(4)
        .waits(Duration::from_millis(200), Duration::from_secs(5));
    let service = ServiceBuilder::new()
        .concurrency_limit(2)
        .layer(RetryLayer::new(policy))
        // Within the layer above: it sees each attempt.
        .map_request(|request: Request<RequestBody>| {
            eprintln!("{} {}", request.method(), request.uri());
            request
        })
        .service(Transport::builder().build()?);

    let mut tasks = tokio::task::JoinSet::new();
    for url in urls {
        let service = service.clone();
        tasks.spawn(async move {
            let response = match Request::get(&url).body(RequestBody::empty()) {
                Ok(request) => service.oneshot(request).await.map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            (url, response)
        });
    }
    let mut code = ExitCode::SUCCESS;
    while let Some(ended) = tasks.join_next().await {
        match ended? {
            (url, Ok(response)) => println!("{url}: {}", response.status()),
            (url, Err(why)) => {
                eprintln!("{url}: {why}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
