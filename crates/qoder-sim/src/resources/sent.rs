//! The rules for events that are sent to a session.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::field::text;
use crate::settings::Dialect;

/// The tool use that an event answers.
pub(crate) fn answered(event: &Json) -> Option<&str> {
    match event["type"].text() {
        "user.tool_confirmation" | "user.tool_result" => event["tool_use_id"].as_str(),
        "user.custom_tool_result" => event["custom_tool_use_id"]
            .as_str()
            .or_else(|| event["tool_use_id"].as_str()),
        _ => None,
    }
}

/// Checks the events that a new session begins with.
pub(crate) fn check_initial(events: &[Json], dialect: Dialect) -> Result<(), Refusal> {
    for event in events {
        if !matches!(event["type"].text(), "user.message" | "user.define_outcome") {
            let why = "initial_events takes user.message and user.define_outcome.";
            return Err(Refusal::invalid("initial_events", why));
        }
        check(event, None, false, dialect)?;
    }
    Ok(())
}

/// Checks an event, with the one before it in the same request, and whether it is the last one.
pub(crate) fn check(
    event: &Json,
    before: Option<&Json>,
    last: bool,
    dialect: Dialect,
) -> Result<(), Refusal> {
    let required = |field: &str| match event[field].as_str() {
        None | Some("") => Err(Refusal::missing(field)),
        Some(text) => Ok(text),
    };
    let kind = event["type"]
        .as_str()
        .ok_or_else(|| Refusal::invalid("type", "Each event needs a 'type'."))?;
    match kind {
        "user.message" => content(&event["content"], dialect, true),
        "user.interrupt" => Ok(()),
        "user.tool_confirmation" => {
            required("tool_use_id")?;
            match required("result")? {
                "deny" => Ok(()),
                "allow" if event["deny_message"].is_null() => Ok(()),
                "allow" => {
                    let why = "deny_message goes with deny only.";
                    Err(Refusal::invalid("deny_message", why))
                }
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
        "user.define_outcome" => outcome(event),
        "system.message" => {
            let follows = before.is_some_and(|before| {
                matches!(
                    before["type"].text(),
                    "user.message" | "user.tool_result" | "user.custom_tool_result"
                )
            });
            if !last || !follows {
                let why = "system.message must be last, right after a message or a result.";
                return Err(Refusal::invalid("events", why));
            }
            content(&event["content"], dialect, true)
        }
        other => {
            let why = format!("Unknown event type '{other}'.");
            Err(Refusal::invalid("type", why))
        }
    }
}

fn outcome(event: &Json) -> Result<(), Refusal> {
    text("description", &event["description"], 1, usize::MAX)?;
    let rubric = &event["rubric"];
    match rubric["type"].text() {
        "text" => text("rubric.content", &rubric["content"], 1, usize::MAX)?,
        "file" => text("rubric.file_id", &rubric["file_id"], 1, 256)?,
        _ => {
            let why = "Field 'rubric' is required, with a text or a file.";
            return Err(Refusal::invalid("rubric", why));
        }
    }
    for (name, value) in event.members() {
        match name.as_str() {
            "type" | "description" | "rubric" => {}
            "max_iterations" if value.is_null() => {}
            "max_iterations" if matches!(value.as_u64(), Some(1..=20)) => {}
            "max_iterations" => {
                let why = "max_iterations must be between 1 and 20.";
                return Err(Refusal::invalid(name, why));
            }
            _ => return Err(Refusal::invalid(name, format!("Unknown field '{name}'."))),
        }
    }
    Ok(())
}

fn content(content: &Json, dialect: Dialect, required: bool) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::invalid("content", why));
    match content {
        Json::Null if !required => Ok(()),
        Json::Text(text) if dialect == Dialect::Seed && !text.is_empty() => Ok(()),
        Json::Text(_) if dialect == Dialect::Current => {
            wrong("content must be a non-empty array of content blocks.")
        }
        Json::List(blocks) if !blocks.is_empty() || !required => {
            if blocks.iter().all(|block| block["type"].as_str().is_some()) {
                Ok(())
            } else {
                wrong("Each content block needs a 'type'.")
            }
        }
        _ => wrong("Field 'content' is required and must not be empty."),
    }
}
