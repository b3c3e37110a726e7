//! Answers with tokens for keys of service accounts.

use bytes::Bytes;
use http::Method;

use crate::damage::damaged;
use crate::fault::Fault;
use crate::request::Request;
use crate::response::{Answered, Denied};
use crate::state::world::World;

/// The path where keys are exchanged, below the origin and not below the base URL.
pub(crate) const PATH: &str = "/api/v1/serviceToken/exchange";

pub(crate) fn answer(world: &World, request: &Request, fault: &Fault) -> Answered {
    if request.method != Method::POST {
        return Err(Denied::Unknown);
    }
    let body = request.body.as_deref().unwrap_or_default();
    let longest = world.settings.token_ttl;
    let now = world.clock.now();
    let tokens = &mut world.lock().tokens;
    let answer = tokens.exchange(request.bearer(), body, longest, now)?;
    let text = Bytes::from(answer.to_string());
    Ok(damaged(text, "application/json", fault))
}
