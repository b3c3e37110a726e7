//! Answers with event streams.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};

use crate::body::ResponseBody;
use crate::damage::oversize;
use crate::fault::Fault;
use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::response::{Answered, Denied, bytes, html, json, no_content};
use crate::sse::Stream;
use crate::state::world::World;
use crate::template::matches;

/// The paths of streams: of a session, and of a thread.
pub(crate) const PATHS: [&str; 2] = [
    "/sessions/{session_id}/events/stream",
    "/sessions/{session_id}/threads/{thread_id}/stream",
];

/// Lists that are streams for who accepts one.
const LISTS: [&str; 2] = [
    "/sessions/{session_id}/events",
    "/sessions/{session_id}/threads/{thread_id}/events",
];

/// The template that a path is of, and the values of its parameters.
pub(crate) fn find(segments: &[String]) -> Option<(&'static str, Vec<&str>)> {
    let mut paths = PATHS.into_iter().chain(LISTS);
    paths.find_map(|path| Some((path, matches(path, segments)?)))
}

/// Whether a `GET` of this path asks for a stream.
pub(crate) fn is_for(path: &str, accepts: &str) -> bool {
    path.ends_with("/events/stream")
        || path.contains("/threads/") && path.ends_with("/stream")
        || path.ends_with("/events") && accepts.contains("text/event-stream")
}

pub(crate) fn answer(world: &Arc<World>, request: &Request, owner: &str, fault: Fault) -> Answered {
    let query = request.query();
    let last = Some(request.header("last-event-id")).filter(|id| !id.is_empty());
    let segments = request.segments();
    let (_, ids) = find(&segments).ok_or(Denied::Unknown)?;
    let (session, thread) = match ids[..] {
        [session] => (session, None),
        [session, thread] => (session, Some(thread)),
        _ => return Err(Denied::Unknown),
    };
    match &fault {
        Fault::Html => return Ok(html()),
        Fault::Json => return Ok(json(200, &object! {"data": Json::empty_list()})),
        Fault::NoContent => return Ok(no_content()),
        Fault::Empty => return Ok(bytes(200, "text/event-stream", Bytes::new())),
        Fault::NotUtf8 => {
            let frame = &b"event: agent.message\ndata: {\"x\":\"\xff\xfe\"}\n\n"[..];
            return Ok(bytes(200, "text/event-stream", frame));
        }
        Fault::Oversize(size) => return Ok(oversize("text/event-stream", "data: ", *size)),
        Fault::RejectCursor if last.is_some() || query.get("after_id").is_some() => {
            return Err(Refusal::invalid("Last-Event-ID", "Unknown Last-Event-ID.").into());
        }
        _ => {}
    }
    let content_type = match &fault {
        Fault::ContentType(other) => other.clone(),
        _ => "text/event-stream".to_owned(),
    };
    let stream = Stream::open(world, owner, (session, thread), &query, last, fault)?;
    let (pieces, body) = ResponseBody::pieces();
    tokio::spawn(stream.write(pieces));
    let mut response = bytes(200, &content_type, Bytes::new()).map(|_| body);
    let no_cache = HeaderValue::from_static("no-cache");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_cache);
    Ok(response)
}
