//! Who wants a stream: whether it is opened, and what becomes of it.

use std::sync::Arc;

use http::{Request, Response, header};
use qoder_http::RequestBody;
use serde_json::json;

use super::{Answer, AnyBody, answer, fatal, refusal, reset, unavailable};
use crate::faults::stream::{Fate, StreamBody};
use crate::faults::world::{Shared, World, lock};

/// Answers who wants a stream.
pub(super) fn open(world: &Shared, request: &Request<RequestBody>) -> Option<Answer> {
    let cursor = request
        .headers()
        .get("last-event-id")
        .and_then(|id| id.to_str().ok());
    let previews = request.uri().query().unwrap_or("").contains("event_deltas");
    let mut w = lock(world);
    w.tell(|| format!("stream after {cursor:?}"));
    if let Some(id) = cursor {
        let before = w.rejected.iter().filter(|(rejected, _)| rejected == id);
        let (times, listed) = before.fold((0, false), |(times, listed), (_, known)| {
            (times + 1, listed || *known)
        });
        // One that the list doesn't know either may be known later.
        if listed || times > 6 {
            w.complain(format!("the rejected cursor {id} was sent again"));
        }
    }
    let from = match cursor.map(|id| w.after(id, w.streamed())) {
        _ if w.schedule.odd.ignores_cursor => Some(w.oldest()),
        Some(Some(from)) => Some(from),
        Some(None) => {
            return Some(match reject(&mut w, cursor) {
                Ok(answer) => answer,
                Err(words) => answer(200, "text/event-stream", words, None),
            });
        }
        None => None,
    };
    let mut fate = Fate::default();
    if let (Some((at, clean)), 1..) = (w.schedule.cut_at, w.faults_left) {
        w.faults_left -= 1;
        fate = Fate::cut(at, clean);
    }
    // What such a stream would say is not said.
    let is_out = w.is_out();
    if w.fault() {
        match w.chance.below(13) {
            0 => return Some(Err(reset())),
            1 => {
                w.tell(|| "  stalls".to_owned());
                return None;
            }
            2 | 3 => return Some(unavailable(&mut w)),
            4 if cursor.is_some() && !is_out => match reject(&mut w, cursor) {
                Ok(answer) => return Some(answer),
                Err(words) => fate = Fate::said(words, 0).late(w.lateness()),
            },
            5 if w.chance.percent(30) => return Some(fatal(&mut w)),
            5 if w.chance.percent(30) && !is_out => {
                w.refused = true;
                fate = Fate::said(FORBIDDEN.to_owned(), w.chance.size(0, 4)).late(w.lateness());
            }
            6 => fate = Fate::silent(w.chance.size(0, 900)),
            7 => {
                let done = w.chance.pick(&DONE).to_owned();
                fate = Fate::said(done, w.chance.size(0, 4)).late(w.lateness());
            }
            8 => {
                fate = Fate::said(
                    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
                         \"message\":\"busy\"}}\n\n"
                        .to_owned(),
                    w.chance.size(0, 4),
                );
            }
            9 => fate = Fate::frames(w.chance.size(0, 4)),
            _ => fate = Fate::cut(w.chance.size(0, 1200), w.chance.percent(50)),
        }
        w.tell(|| format!("  opens, but {fate:?}"));
    }
    if let Some(most) = w.schedule.odd.cuts {
        fate = Fate::frames(w.chance.size(1, most));
    }
    let ends = w.schedule.odd.ends.clone();
    if let Some((frames, words, late)) = ends.filter(|_| w.connections == 0) {
        w.refused = true;
        fate = Fate::said(words, frames).late(late);
    }
    if w.schedule.odd.refuses {
        return Some(fatal(&mut w));
    }
    if is_out {
        w.tell(|| "  opens, and says nothing".to_owned());
        fate = Fate::outage(&w.schedule.odd);
        w.fruitless += 1;
    }
    w.connections += 1;
    let body = StreamBody::open(Arc::clone(world), &mut w, from, previews, fate);
    let body: AnyBody = Box::pin(body);
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Some(Ok(response))
}

/// The end of a stream, without and with what is no part of it any more.
const DONE: [&str; 2] = [
    "data: [DONE]\n\n",
    "data: [DONE]\n\nid: evt_behind\nevent: session.party\n\
     data: {\"type\":\"session.party\",\"id\":\"evt_behind\"}\n\n",
];

/// An error that no repetition mends.
const FORBIDDEN: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\
                         \"permission_error\",\"message\":\"no\"}}\n\n";

/// 400, as for a cursor that is not known, or one of its brothers; or what a stream says of it.
fn reject(w: &mut World, cursor: Option<&str>) -> Result<Answer, String> {
    if let Some(id) = cursor {
        let is_listed = w.after(id, w.listed()).is_some();
        w.rejected.push((id.to_owned(), is_listed));
    }
    let status = if w.schedule.odd.rejects_oddly {
        w.chance.pick(&[400, 404, 410, 416, 422, 200])
    } else {
        400
    };
    w.tell(|| format!("  rejects the cursor ({status})"));
    if status != 200 {
        return Ok(refusal(status, "invalid_request_error", None));
    }
    let id = cursor.unwrap_or("");
    let error = json!({"type": "invalid_request_error", "message": format!("unknown event {id}")});
    let error = json!({"type": "error", "error": error});
    Err(format!("event: error\ndata: {error}\n\n"))
}
