//! Events that are sent to a session: what is accepted, and what it sets off.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::Dialect;
use crate::errors::{Answer, Refusal};
use crate::scripts;
use crate::state::World;

/// Takes the body of a `POST /sessions/{id}/events`.
pub(crate) fn send(world: &Arc<World>, token: &str, session_id: &str, body: &Value) -> Answer {
    let Some(events) = body["events"].as_array() else {
        return Err(Refusal::invalid(
            "events",
            "Field 'events' is required and must be an array.",
        ));
    };
    if events.is_empty() {
        return Err(Refusal::invalid(
            "events",
            "Field 'events' must not be empty.",
        ));
    }
    for (n, event) in events.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| &events[n]);
        check(event, before, n + 1 == events.len(), world.settings.dialect)?;
    }
    let mut turn = None;
    let accepted = world.account(token, |account| {
        let session = account
            .session(session_id)
            .ok_or_else(|| Refusal::not_found("session"))?;
        if !session.object["archived_at"].is_null()
            || matches!(session.status(), "terminated" | "cancelled")
        {
            return Err(Refusal::conflict("session takes no events any more"));
        }
        let speaks = |event: &Value| event["type"] == "user.message";
        if session.status() != "idle" && events.iter().any(speaks) {
            return Err(Refusal::conflict("session is running"));
        }
        if !session.pending.is_empty() && events.iter().any(speaks) {
            return Err(Refusal::conflict(
                "session waits for an answer to a tool use",
            ));
        }
        let current = world.settings.dialect == Dialect::Current;
        for event in events.iter().filter(|event| answered(event).is_some()) {
            let id = answered(event).unwrap_or_default();
            if !session.pending.iter().any(|pending| pending == id) {
                return Err(Refusal::invalid(
                    "tool_use_id",
                    format!("No pending tool use '{id}'."),
                ));
            }
        }
        let mut accepted = Vec::new();
        for event in events {
            match event["type"].as_str().unwrap_or_default() {
                "user.message" => {
                    turn = Some(session.cancelled);
                    session.set_status("running");
                    // Today the status comes before the echo; in the first generation after it.
                    if current {
                        session.publish(json!({"type": "session.status_running"}));
                        let thread = scripts::thread(&session.object);
                        session.publish(json!({
                            "type": "session.thread_status_running",
                            "session_thread_id": thread.0, "agent_name": thread.1,
                        }));
                    }
                    accepted.push(session.publish(event.clone()));
                }
                "user.interrupt" => {
                    accepted.push(session.publish(event.clone()));
                    session.cancel();
                }
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
        Ok(accepted)
    })?;
    if let Some(cancelled) = turn {
        tokio::spawn(scripts::turn(
            Arc::clone(world),
            session_id.to_owned(),
            cancelled,
        ));
    }
    let accepted: Vec<Value> = if world.settings.anonymous_sends {
        Vec::new()
    } else {
        accepted
    };
    Ok(json!({"data": accepted}))
}

/// The tool use that an event answers.
fn answered(event: &Value) -> Option<&str> {
    match event["type"].as_str()? {
        "user.tool_confirmation" | "user.tool_result" => event["tool_use_id"].as_str(),
        "user.custom_tool_result" => event["custom_tool_use_id"]
            .as_str()
            .or_else(|| event["tool_use_id"].as_str()),
        _ => None,
    }
}

fn check(
    event: &Value,
    before: Option<&Value>,
    last: bool,
    dialect: Dialect,
) -> Result<(), Refusal> {
    let kind = event["type"]
        .as_str()
        .ok_or_else(|| Refusal::invalid("type", "Each event needs a 'type'."))?;
    let required = |field: &str| {
        let missing = || Refusal::invalid(field, format!("Field '{field}' is required."));
        event[field]
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(missing)
    };
    match kind {
        "user.message" => content(&event["content"], dialect, true),
        "user.interrupt" => Ok(()),
        "user.tool_confirmation" => {
            required("tool_use_id")?;
            match required("result")? {
                "deny" => Ok(()),
                "allow" if event["deny_message"].is_null() => Ok(()),
                "allow" => Err(Refusal::invalid(
                    "deny_message",
                    "deny_message goes with deny only.",
                )),
                _ => Err(Refusal::invalid("result", "result must be allow or deny.")),
            }
        }
        "user.custom_tool_result" => {
            required("custom_tool_use_id")?;
            content(&event["content"], dialect, false)
        }
        "user.tool_result" => {
            required("tool_use_id")?;
            content(&event["content"], dialect, false)
        }
        "user.define_outcome" => {
            required("description")?;
            if event["rubric"].is_object() {
                Ok(())
            } else {
                Err(Refusal::invalid("rubric", "Field 'rubric' is required."))
            }
        }
        "system.message" => {
            let follows = before.is_some_and(|before| {
                matches!(
                    before["type"].as_str(),
                    Some("user.message" | "user.tool_result" | "user.custom_tool_result")
                )
            });
            if !last || !follows {
                return Err(Refusal::invalid(
                    "events",
                    "system.message must be last, right after a message or a result.",
                ));
            }
            content(&event["content"], dialect, true)
        }
        other => Err(Refusal::invalid(
            "type",
            format!("Unknown event type '{other}'."),
        )),
    }
}

fn content(content: &Value, dialect: Dialect, required: bool) -> Result<(), Refusal> {
    match content {
        Value::Null if !required => Ok(()),
        Value::String(text) if dialect == Dialect::Seed && !text.is_empty() => Ok(()),
        Value::String(_) if dialect == Dialect::Current => Err(Refusal::invalid(
            "content",
            "content must be a non-empty array of content blocks.",
        )),
        Value::Array(blocks) if !blocks.is_empty() || !required => {
            if blocks.iter().all(|block| block["type"].is_string()) {
                Ok(())
            } else {
                Err(Refusal::invalid(
                    "content",
                    "Each content block needs a 'type'.",
                ))
            }
        }
        _ => Err(Refusal::invalid(
            "content",
            "Field 'content' is required and must not be empty.",
        )),
    }
}
