//! The message of a turn.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use qoder_http::RequestBody;
use tokio::time::Instant;

use super::{Answer, AnyBody, answer, refusal, reset, unavailable};
use crate::faults::stream::Literal;
use crate::faults::world::{Shared, lock};

/// Takes the message of a turn, once.
pub(super) async fn take(world: &Shared, request: Request<RequestBody>) -> Option<Answer> {
    let key = request.headers().get("idempotency-key");
    let key = key.and_then(|key| key.to_str().ok()).map(ToOwned::to_owned);
    let mut body = request.into_body();
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(data) = frame.ok().and_then(|frame| frame.into_data().ok()) {
            text.extend_from_slice(&data);
        }
    }
    let mut w = lock(world);
    w.tell(|| format!("send {}", String::from_utf8_lossy(&text)));
    let Some(plan) = w.schedule.turn.clone() else {
        w.complain("a message that nobody wants to send");
        return None;
    };
    let said: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    if said["events"][0]["content"][0]["text"] != plan.text || key.is_none() {
        w.complain(format!("another message, or without a key: {said}"));
    }
    if *w.key.get_or_insert(key.clone().unwrap_or_default()) != key.unwrap_or_default() {
        w.complain("the message comes again under another key");
    }
    let fault = w.fault().then(|| w.chance.below(8));
    match fault {
        Some(0) => return Some(Err(reset())),
        Some(1) => {
            w.tell(|| "  stalls".to_owned());
            return None;
        }
        Some(2 | 3) => return Some(unavailable(&mut w)),
        Some(4) => {
            w.tell(|| "  another turn runs".to_owned());
            return Some(refusal(409, "conflict_error", None));
        }
        _ => {}
    }
    // What is published with it is there at once.
    let published = Instant::now() - Duration::from_millis(1);
    w.log_started.get_or_insert(published);
    let echo = w.schedule.entries[plan.echo].json.as_str();
    let text = format!(r#"{{"data":[{}]}}"#, if plan.anonymous { "" } else { echo });
    w.tell(|| format!("  accepts it, with the fault {fault:?}"));
    match fault {
        Some(5) => Some(Err(reset())),
        Some(6) => None,
        Some(_) => {
            let body: AnyBody = Box::pin(Literal::cut(text, 5));
            Some(Ok(Response::new(body)))
        }
        None => Some(answer(200, "application/json", text, None)),
    }
}
