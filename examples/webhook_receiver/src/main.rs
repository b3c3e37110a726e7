//! Receives webhooks at `/webhooks`, verifies each, and prints a line for it.
//!
//! ```text
//! QODER_WEBHOOK_SECRET=whsec_... cargo run -p webhook_receiver [-- ADDRESS]
//! ```
//!
//! While a secret is rotated, the variable has both, with a blank between them. The address is
//! `127.0.0.1:8787` if none is given.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use qoder::webhooks::{Verifier, VerifyError};
use tokio::net::TcpListener;

/// The number of ids that are remembered, of events that may be delivered again.
const REMEMBERED: usize = 10_000;

struct Receiver {
    verifier: Verifier,
    /// In the order in which they came. A service of several processes has them in its database.
    seen: Mutex<VecDeque<String>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver {
        verifier: verifier().map_err(|why| format!("QODER_WEBHOOK_SECRET: {why}"))?,
        seen: Mutex::default(),
    };
    let router = Router::new()
        .route("/webhooks", post(receive))
        .with_state(Arc::new(receiver));
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8787")).await?;
    println!("listening on http://{}/webhooks", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

fn verifier() -> Result<Verifier, VerifyError> {
    let secrets = std::env::var("QODER_WEBHOOK_SECRET").unwrap_or_default();
    let mut secrets = secrets.split_whitespace();
    let mut verifier = Verifier::new(secrets.next().unwrap_or_default())?;
    for secret in secrets {
        verifier = verifier.or(secret)?;
    }
    Ok(verifier)
}

/// Takes the body as it was sent: the signature is of its bytes.
async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    let delivery = receiver
        .verifier
        .verify(&headers, &body)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let mut seen = receiver.seen.lock().unwrap_or_else(PoisonError::into_inner);
    // What was delivered may come again, if the answer was lost.
    if !seen.contains(&delivery.id) {
        let resource = delivery.resource_id().unwrap_or("-");
        println!("{} {} {resource}", delivery.id, delivery.event_type());
        seen.push_back(delivery.id);
        if seen.len() > REMEMBERED {
            seen.pop_front();
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
