//! Messages that are sent: that of a turn, and answers to its tool uses.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use qoder_http::RequestBody;
use serde_json::Value;
use tokio::time::Instant;

use super::{Answer, AnyBody, answer, refusal, reset, unavailable};
use crate::faults::stream::Literal;
use crate::faults::world::{Shared, World, lock};

/// Takes the message of a turn, once, or answers.
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
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    if said["events"][0]["type"] != "user.message" {
        return answers(&mut w, &key.unwrap_or_default(), said);
    }
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

/// Takes answers, each once, or all of a request again under the key that they came with.
fn answers(w: &mut World, key: &str, said: Value) -> Option<Answer> {
    let fault = w.fault().then(|| w.chance.below(8));
    match fault {
        Some(0) => return Some(Err(reset())),
        Some(1) => return None,
        Some(2 | 3) => return Some(unavailable(w)),
        _ => {}
    }
    let stored = w.answers.stored.get(key);
    let is_new = stored.is_none();
    if stored.is_some_and(|stored| *stored != said) {
        w.complain(format!("another answer under the key {key}: {said}"));
    }
    if is_new {
        let schedule = Arc::clone(&w.schedule);
        let known = w.listed().max(w.delivered.min(schedule.entries.len()));
        let known = schedule.entries[..known].iter();
        let mut ids = Vec::new();
        for answer in said["events"].as_array().into_iter().flatten() {
            let id = &answer["custom_tool_use_id"];
            let id = id.as_str().or(answer["tool_use_id"].as_str());
            let id = id.unwrap_or_default().to_owned();
            let waits = known.clone().any(|entry| entry.id == id) && !ids.contains(&id);
            if key.is_empty() || !waits {
                w.complain(format!(
                    "{answer} is sent under {key:?} for nothing that waits"
                ));
            }
            let quoted = format!("\"{id}\"");
            let by_others = known
                .clone()
                .filter(|entry| entry.name.starts_with("user."));
            let mut by_others = by_others.filter(|entry| entry.json.contains(&quoted));
            if w.answers.of.contains(&id) || by_others.next().is_some() {
                w.tell(|| format!("  {id} is answered already"));
                w.answers.refused = true;
                return Some(refusal(400, "invalid_request_error", None));
            }
            ids.push(id);
        }
        w.answers.of.extend(ids);
        w.answers.stored.insert(key.to_owned(), said.clone());
    }
    w.tell(|| format!("  accepts it, with the fault {fault:?}"));
    let text = format!(r#"{{"data":{}}}"#, said["events"]);
    match fault {
        Some(5) => Some(Err(reset())),
        Some(6) => None,
        Some(7) => {
            let body: AnyBody = Box::pin(Literal::cut(text, 5));
            Some(Ok(Response::new(body)))
        }
        _ => Some(answer(200, "application/json", text, None)),
    }
}
