//! Answers with documents: what is asked is done, once per idempotency key.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::Instant;

use crate::damage::damaged;
use crate::fault::Fault;
use crate::form::Form;
use crate::ids::digest;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::request::Request;
use crate::resources::{self, Found, context::Context, work};
use crate::response::{Answered, Denied};
use crate::settings::Dialect;
use crate::state::world::World;

/// Between two looks for something to answer with.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(5);

pub(crate) async fn answer(
    world: &Arc<World>,
    request: &Request,
    owner: &str,
    fault: &Fault,
) -> Answered {
    let dialect = world.settings.dialect;
    let segments = request.segments();
    let found = resources::find(request.method.as_str(), &segments, dialect);
    let found = found.ok_or(Denied::Unknown)?;
    let ends = Instant::now() + patience(request, &found);
    let mut reply = done(world, request, owner, &found)?;
    while reply.is_null() && Instant::now() < ends {
        let soon = Instant::now() + ASK_AGAIN_AFTER;
        tokio::time::sleep_until(soon.min(ends)).await;
        reply = done(world, request, owner, &found)?;
    }
    let mut response = damaged(reply.body, &reply.mime_type, fault);
    if response.status() == StatusCode::OK {
        let status = success(request, dialect, reply.status);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    }
    Ok(response)
}

/// Returns the time to wait for something to answer with.
fn patience(request: &Request, found: &Found<'_>) -> Duration {
    if found.path == work::POLL {
        return work::patience(&request.query()).unwrap_or_default();
    }
    Duration::ZERO
}

/// The first generation told apart what was created and what was taken in.
fn success(request: &Request, dialect: Dialect, status: u16) -> u16 {
    match (dialect, request.path.matches('/').count()) {
        (Dialect::Seed, 1) if request.method == Method::POST => 201,
        (Dialect::Seed, _)
            if request.method == Method::POST && request.path.ends_with("/events") =>
        {
            202
        }
        _ => status,
    }
}

fn done(world: &Arc<World>, request: &Request, owner: &str, found: &Found<'_>) -> Answer {
    let invalid_json = || Refusal::invalid("", "Request body must be valid JSON.");
    let text = request.body.as_ref().ok_or_else(invalid_json)?;
    let content_type = request.header("content-type");
    let form = Form::is(content_type).then(|| Form::parse(content_type, text));
    let form = form.transpose()?;
    let body = if text.is_empty() || form.is_some() {
        Json::empty_object()
    } else {
        Json::parse(text).ok_or_else(invalid_json)?
    };
    let query = request.query();
    let cx = Context {
        world,
        ids: found.ids.clone(),
        query: &query,
        headers: &request.headers,
        body: &body,
        form: form.as_ref(),
    };
    let key = idempotency_key(request, world.settings.dialect);
    world.account(owner, |account| {
        let Some(key) = key else {
            return found.handler.answer(&cx, account);
        };
        let asked = format!("{} {} {}", request.method, request.path, digest(text));
        match account.answered.get(&key) {
            Some((before, reply)) if *before == asked => return Ok(reply.clone()),
            Some(_) => {
                let why = "Idempotency key was used before, with a different body.";
                return Err(Refusal::conflict(why));
            }
            None => {}
        }
        // A refusal does not use the key up.
        let reply = found.handler.answer(&cx, account)?;
        account.answered.insert(key, (asked, reply.clone()));
        Ok(reply)
    })
}

fn idempotency_key(request: &Request, dialect: Dialect) -> Option<String> {
    if request.method == Method::GET {
        return None;
    }
    let alias = (dialect == Dialect::Seed).then_some("x-idempotency-key");
    let mut names = ["idempotency-key"].into_iter().chain(alias);
    names.find_map(|name| Some(request.headers.get(name)?.to_str().ok()?.to_owned()))
}
