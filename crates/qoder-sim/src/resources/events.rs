//! Events of a session: those that are sent, and what they set off, and the log.

use std::sync::Arc;

use crate::json::{Json, object};
use crate::page::Limits;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::resource::{Operation, Resource};
use crate::resources::sent::{answered, check};
use crate::scripts::run;
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::session::Session;
use crate::state::world::World;

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::post("/sessions/{session_id}/events", send),
        Operation::get("/sessions/{session_id}/events", list),
    ],
    ..Resource::NONE
};

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let types: Vec<&str> = cx.query.all("types[]").collect();
    let fits = |name: &str| types.is_empty() || types.contains(&name);
    let log = session.log().filter(|entry| fits(&entry.name));
    let log = log.map(|entry| entry.data.clone()).collect();
    let log = cx.query.in_range("created_at", "processed_at", log)?;
    let (log, order) = cx.ordered(log, "asc")?;
    cx.page(&log, order, Limits::USUAL)
}

fn send(cx: &Context<'_>, account: &mut Account) -> Answer {
    let events = cx.body["events"].as_list().ok_or_else(|| {
        let why = "Field 'events' is required and must be an array.";
        Refusal::invalid("events", why)
    })?;
    if events.is_empty() {
        let why = "Field 'events' must not be empty.";
        return Err(Refusal::invalid("events", why));
    }
    for (n, event) in events.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| &events[n]);
        check(event, before, n + 1 == events.len(), cx.dialect())?;
    }
    let session = cx.session(account)?;
    check_state(session, events)?;
    let accepted = accept(cx.world, session, events);
    if cx.world.settings.anonymous_sends {
        return Ok(object! {"data": Json::empty_list()}.into());
    }
    Ok(object! {"data": accepted}.into())
}

/// Checks that a session takes these events now.
fn check_state(session: &Session, events: &[Json]) -> Result<(), Refusal> {
    if session.is_over() {
        return Err(Refusal::conflict("session takes no events any more"));
    }
    let mut kinds = events.iter().map(|event| event["type"].text());
    if kinds.any(|kind| kind == "user.message") {
        if session.status() != "idle" {
            return Err(Refusal::conflict(
                "session is running: wait until it is idle, or interrupt it",
            ));
        }
        if !session.pending.is_empty() {
            let why = "session waits for an answer to a tool use";
            return Err(Refusal::conflict(why));
        }
    }
    let mut taken = Vec::new();
    for event in events {
        let Some(id) = answered(event) else {
            continue;
        };
        let is_pending = session.pending.iter().any(|pending| pending == id);
        if !is_pending || taken.contains(&id) {
            let why = format!("No pending tool use '{id}'.");
            return Err(Refusal::invalid("tool_use_id", why));
        }
        taken.push(id);
        let wanted = wanted(session, id);
        if event["type"] != wanted {
            let why = format!("Tool use '{id}' waits for a {wanted}.");
            return Err(Refusal::invalid("type", why));
        }
    }
    Ok(())
}

/// The type of the event that a pending tool use waits for.
fn wanted(session: &Session, id: &str) -> &'static str {
    let used = session.log().find(|entry| entry.id == id);
    match used.map(|used| (used.name.as_str(), used.data["evaluated_permission"].text())) {
        Some(("agent.custom_tool_use", _)) => "user.custom_tool_result",
        Some((_, "allow")) => "user.tool_result",
        _ => "user.tool_confirmation",
    }
}

/// Takes in events that have been checked, and starts a turn if there is a message among them.
/// Gives the events as they are in the log.
pub(crate) fn accept(world: &Arc<World>, session: &mut Session, events: &[Json]) -> Vec<Json> {
    let current = world.settings.dialect == Dialect::Current;
    let mut turn = None;
    let mut accepted = Vec::new();
    for event in events {
        match event["type"].text() {
            "user.message" => {
                session.set_status("running");
                // Today the status comes before the echo; in the first generation after it.
                if current && turn.is_none() {
                    session.publish(object! {"type": "session.status_running"});
                    let (thread, agent) = session.main_thread();
                    session.publish(object! {
                        "type": "session.thread_status_running", "session_thread_id": thread,
                        "agent_name": agent,
                    });
                }
                turn = Some(*session.cancelled.borrow());
                accepted.push(session.publish(event.clone()));
            }
            "user.interrupt" => {
                accepted.push(session.publish(event.clone()));
                session.cancel();
            }
            "user.define_outcome" => accepted.push(session.publish(outcome(event))),
            _ => {
                let event = session.publish(event.clone());
                if let Some(id) = answered(&event) {
                    session.pending.retain(|pending| pending != id);
                    session.answers.push((id.to_owned(), event.clone()));
                    if session.pending.is_empty() {
                        session.set_status("running");
                    }
                    session.grown.send_modify(|_| {});
                }
                accepted.push(event);
            }
        }
    }
    if let Some(cancelled) = turn {
        tokio::spawn(run::play(Arc::clone(world), session.id.clone(), cancelled));
    }
    accepted
}

/// The outcome that is asked for, with what the server decides.
fn outcome(event: &Json) -> Json {
    let mut event = event.clone();
    let iterations = event.remove("max_iterations").as_u64().unwrap_or(3);
    event.set("max_iterations", iterations);
    event.set("outcome_id", crate::ids::new_id("outc"));
    event
}
