//! Middleware around the client's requests: any `tower` layer, or a service of one's own.
//!
//! `cargo run -p examples --example middleware` lets at most two of eight calls run at a time, marks each
//! request with a header, and counts them; against a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderValue, Request};
use qoder::transport::{RequestBody, Transport};
use qoder::types::AgentCreate;
use qoder::{Client, Error};
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = qoder_sim::Sim::builder().start().await?;
    let counted = Arc::new(AtomicU64::new(0));

    let requests = Arc::clone(&counted);
    let service = ServiceBuilder::new()
        .concurrency_limit(2)
        .map_request(move |mut request: Request<RequestBody>| {
            requests.fetch_add(1, Ordering::Relaxed);
            let team = HeaderValue::from_static("search");
            request.headers_mut().insert("x-team", team);
            request
        })
        .service(Transport::builder().build()?);

    let client = Client::builder()
        .token("pt-simulated")
        .base_url(simulator.base_url())
        .transport(Transport::from_service(service))
        .build()?;

    let mut calls = Vec::new();
    for n in 0..8 {
        let agents = client.agents();
        calls.push(tokio::spawn(async move {
            let agent = AgentCreate::new(format!("assistant-{n}"), "ultimate");
            Ok::<_, Error>(agents.create(agent).await?.id)
        }));
    }
    for call in calls {
        println!("created {}", call.await??);
    }
    println!("{} requests were sent", counted.load(Ordering::Relaxed));
    Ok(())
}
