//! Gets a URL, and tries again where that can help: the transport and its retry table in a loop.
//!
//! ```text
//! cargo run -p qoder-http --example fetch -- URL [TEXT]
//! ```
//!
//! With TEXT it is a POST of it, which is repeated only if it can't have been done. The body of the
//! response goes to standard output as it comes, and what was tried to standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::time::SystemTime;

use http::{Request, Response};
use qoder_http::retry::{Action, AttemptEnding, Attempts, Class, RetryPolicy};
use qoder_http::{Lane, RequestBody, ResponseBody, Timeouts, Transport};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let Some(url) = words.next().filter(|url| !url.starts_with('-')) else {
        println!("fetch URL [TEXT]");
        return Ok(());
    };
    let transport = Transport::builder().build()?;
    let response = fetch(&transport, &url, words.next()).await?;
    eprintln!("{}", response.status());

    let mut body = response.into_body();
    let mut out = std::io::stdout();
    while let Some(piece) = body.chunk().await? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(())
}

/// Sends the request as often as the policy allows; what is no success at last is a response too.
async fn fetch(
    transport: &Transport,
    url: &str,
    text: Option<String>,
) -> Result<Response<ResponseBody>, Box<dyn Error>> {
    let class = match text {
        Some(_) => Class::Once,
        None => Class::Read,
    };
    let seed = RandomState::new().build_hasher().finish();
    let mut attempts = Attempts::new(RetryPolicy::default(), class, seed);
    loop {
        let request = match &text {
            Some(text) => Request::post(url).body(RequestBody::from(text.clone()))?,
            None => Request::get(url).body(RequestBody::empty())?,
        };
        let sent = transport
            .send(request, Lane::Call, Timeouts::default())
            .await;
        let ending = match &sent {
            Ok(response) if response.status().is_success() => {
                attempts.succeeded();
                return Ok(sent?);
            }
            Ok(response) => AttemptEnding::Status {
                status: response.status().as_u16(),
                headers: response.headers(),
            },
            Err(error) => AttemptEnding::Failed {
                kind: error.kind(),
                sent: error.sent(),
            },
        };
        let Action::Retry { after } = attempts.next(&ending, None, SystemTime::now()) else {
            return Ok(sent?);
        };
        match &sent {
            Ok(response) => eprintln!("{}: again in {after:?}", response.status()),
            Err(error) => eprintln!("{error}: again in {after:?}"),
        }
        tokio::time::sleep(after).await;
        attempts.begins();
    }
}
