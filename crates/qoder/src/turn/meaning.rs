//! The meaning of events for a turn. An event that can't be read still acts: its type says what it
//! is, and whatever else of it can be read is read from its raw text.

use qoder_types::{Event, EventId, SessionErrorEvent, StopReason};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Stop;

/// The meaning of an event for a turn.
#[derive(Debug)]
pub(super) enum Meaning<'e> {
    /// The session is no more: terminated or deleted.
    Gone(Stop),
    /// The session is idle: the turn is over, or waits for answers.
    Idle(Stop),
    /// The session is at work.
    Running,
    /// A message to the agent.
    Message,
    /// The answer to this tool use.
    Answer(EventId),
    /// Something went wrong in the session.
    Error(&'e SessionErrorEvent),
    /// Nothing.
    Nothing,
}

impl<'e> Meaning<'e> {
    pub(super) fn of(event: &'e Event) -> Self {
        match event.type_name() {
            "session.status_terminated" | "terminated" => Self::Gone(Stop::Terminated),
            "session.deleted" => Self::Gone(Stop::Deleted),
            "session.status_idle" => Self::Idle(stop(event)),
            "session.status_running" => Self::Running,
            "user.message" => Self::Message,
            _ => match event {
                Event::SessionError(error) => Self::Error(error),
                answer => answered(answer).map_or(Self::Nothing, Self::Answer),
            },
        }
    }
}

/// Returns the reason why the session stopped with this event: it is idle, or has ended. `None` if
/// it did not stop.
pub(crate) fn stop_of(event: &Event) -> Option<Stop> {
    match Meaning::of(event) {
        Meaning::Gone(stop) | Meaning::Idle(stop) => Some(stop),
        _ => None,
    }
}

/// Returns the reason why the session is idle. An unknown reason is never success.
fn stop(idle: &Event) -> Stop {
    match idle {
        Event::SessionStatusIdle(idle) => Stop::from_reason(idle.stop_reason.as_ref()),
        other => Stop::from_reason(member::<StopReason>(other, "stop_reason").as_ref()),
    }
}

/// The tool use that an event answers. One that can't be read is an answer all the same.
pub(crate) fn answered(answer: &Event) -> Option<EventId> {
    let is_answer = matches!(
        answer.type_name(),
        "user.tool_confirmation" | "user.tool_result" | "user.custom_tool_result"
    );
    match answer {
        _ if !is_answer => None,
        Event::UserToolConfirmation(answer) => Some(answer.tool_use_id.clone()),
        Event::UserToolResult(answer) => Some(answer.tool_use_id.clone()),
        Event::UserCustomToolResult(answer) => Some(answer.custom_tool_use_id.clone()),
        other => member(other, "custom_tool_use_id").or_else(|| member(other, "tool_use_id")),
    }
}

/// A member of the raw JSON of an event that could not be read as a whole.
fn member<T: DeserializeOwned>(event: &Event, name: &str) -> Option<T> {
    let mut object: Value = serde_json::from_str(event.raw()).ok()?;
    serde_json::from_value(object.get_mut(name)?.take()).ok()
}
