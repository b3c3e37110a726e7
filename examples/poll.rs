//! Reads a session's events where no connection can be kept open: by asking for the list again
//! and again, until the session is idle. Prints each event's JSON, one per line.
//!
//! `cargo run -p examples --example poll -- SESSION_ID`, with `QODER_PAT` and, if need be, `QODER_BASE_URL`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::time::Duration;

use qoder::{Client, Event, Start, Via};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = std::env::args()
        .nth(1)
        .ok_or("which session? poll SESSION_ID")?;
    let client = Client::from_env()?;
    let mut events = client
        .session(session)
        .follow()
        .from(Start::Beginning)
        .via(Via::Polling(Duration::from_secs(1)))
        .events();
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{}", event.raw());
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    Ok(())
}
