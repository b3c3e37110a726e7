//! The server of a run: a `tower` service in memory. What it answers depends on the schedule, its
//! chance, and the simulated time: to the message of a turn in `message`, to who wants a stream in
//! `opening`, to who lists in `list`. `None` is no answer, ever.

mod list;
mod message;
mod opening;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use qoder_http::RequestBody;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower_service::Service;

use super::stream::Literal;
use super::world::{Shared, World, lock};

/// The service that the client sends its requests to.
#[derive(Clone, Debug)]
pub(super) struct Server(pub(super) Shared);

type AnyBody = Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>;
type Answer = io::Result<Response<AnyBody>>;

impl Service<Request<RequestBody>> for Server {
    type Response = Response<AnyBody>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let pause = {
                let mut world = lock(&world);
                world.count_request();
                let mut pause = world.chance.pick(&[0, 0, 1, 30, 400]);
                let odd = &world.schedule.odd;
                if odd.ends.is_some() || odd.refuses {
                    // So that a list is under way when the stream is answered.
                    pause = 400;
                }
                let slow = world.schedule.odd.slow;
                if slow > 0
                    && request.uri().path().ends_with("/stream")
                    && world.chance.percent(slow)
                {
                    pause += world.chance.pick(&[4_990, 5_010, 5_300, 20_000]);
                }
                world.complaint.is_none().then_some(pause)
            };
            // After a complaint there is no point in going on.
            let Some(pause) = pause else {
                return std::future::pending().await;
            };
            sleep(Duration::from_millis(pause)).await;
            let answer = if request.method() == http::Method::POST {
                message::take(&world, request).await
            } else if request.uri().path().ends_with("/stream") {
                opening::open(&world, &request)
            } else {
                list::list(&world, &request)
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// An answer in one piece.
fn answer(status: u16, kind: &str, body: String, hint: Option<u64>) -> Answer {
    let body: AnyBody = Box::pin(Literal::whole(body));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        kind.parse().map_err(io::Error::other)?,
    );
    if let Some(hint) = hint {
        headers.insert(header::RETRY_AFTER, hint.into());
    }
    Ok(response)
}

fn refusal(status: u16, kind: &str, hint: Option<u64>) -> Answer {
    let error = json!({"type": "error", "error": {"type": kind, "message": "no"}});
    answer(status, "application/json", error.to_string(), hint)
}

/// 429, 503 and the like, with and without a hint.
fn unavailable(world: &mut World) -> Answer {
    let status = world.chance.pick(&[408, 429, 500, 503]);
    let hint = world.chance.pick(&[None, None, Some(1), Some(20)]);
    world.tell(|| format!("  answers {status}, retry after {hint:?}"));
    if let Some(hint) = hint {
        world.not_before = Some(Instant::now() + Duration::from_secs(hint));
    }
    refusal(status, "overloaded_error", hint)
}

/// Faults that no repetition mends.
fn fatal(w: &mut World) -> Answer {
    w.refused = true;
    let which = w.chance.below(5);
    w.tell(|| format!("  refuses for good ({which})"));
    match which {
        0 => refusal(401, "authentication_error", None),
        1 => refusal(404, "not_found_error", None),
        2 => answer(200, "text/html", "<p>Welcome</p>".to_owned(), None),
        3 => answer(200, "application/json", "{}".to_owned(), None),
        _ => answer(204, "text/plain", String::new(), None),
    }
}
