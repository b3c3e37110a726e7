//! Follows any event stream over plain HTTP, and resumes it: `follow_url http://HOST:PORT/PATH`.
//! One line for each event on standard output, news of the connection on standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use qoder_sse::resume::{Action, AllDurable, Ending, Policy, Refusal, Resume, Start};
use tokio::time::{sleep_until, timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url: Uri = std::env::args()
        .nth(1)
        .ok_or("usage: follow_url URL")?
        .parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let start = Instant::now();
    let chance = u64::from(std::process::id());
    // Of a stream that nothing is known about, nothing is taken for a repetition.
    let policy = Policy::default().remembered(0);
    let mut resume = Resume::new(Start::Attach, policy, chance, AllDurable);
    let mut body: Option<Incoming> = None;
    loop {
        match resume.poll(start.elapsed()) {
            Action::Connect { cursor, .. } => {
                let mut request = Request::get(&url).header("accept", "text/event-stream");
                if let (true, Some(id)) = (cursor, resume.cursor()) {
                    request = request.header("last-event-id", id);
                }
                let sent = client.request(request.body(Empty::new())?);
                match timeout(Duration::from_secs(30), sent).await {
                    Ok(Ok(response)) if is_event_stream(&response) => {
                        body = Some(response.into_body());
                        resume.opened(start.elapsed());
                    }
                    Ok(Ok(response)) => {
                        // A page in place of a stream is a refusal, whatever its status says.
                        let status = match response.status().as_u16() {
                            200 => 406,
                            status => status,
                        };
                        resume.refused(start.elapsed(), Refusal::of_status(status));
                    }
                    Ok(Err(_)) | Err(_) => resume.failed(start.elapsed()),
                }
            }
            Action::Wait(until) => match &mut body {
                Some(open) => match timeout(policy.idle, open.frame()).await {
                    Ok(Some(Ok(frame))) => {
                        let mut rest = frame.data_ref().map_or(&b""[..], |bytes| bytes);
                        while !rest.is_empty() && resume.reads() {
                            let fed = resume.bytes(start.elapsed(), rest);
                            rest = &rest[fed.consumed..];
                            if let Some(delivery) = fed.delivery {
                                println!("{:?}", delivery.frame);
                            }
                        }
                    }
                    Ok(Some(Err(_))) => resume.ended(start.elapsed(), Ending::Broken),
                    Ok(None) => resume.ended(start.elapsed(), Ending::Clean),
                    Err(_) => resume.ended(start.elapsed(), Ending::Silent),
                },
                None => {
                    if let Some(until) = until {
                        sleep_until((start + until).into()).await;
                    }
                    resume.tick(start.elapsed());
                }
            },
            Action::Release => body = None,
            Action::Notice(notice) => eprintln!("{notice}"),
            Action::Done(outcome) => return Err(format!("it is over: {outcome:?}").into()),
            _ => {}
        }
    }
}

fn is_event_stream(response: &Response<Incoming>) -> bool {
    let content_type = response.headers().get("content-type");
    response.status() == 200
        && content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}
