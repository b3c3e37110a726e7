//! What the log says of a pause that may be history, or that names what was not seen.

use std::collections::BTreeSet;

use qoder_types::{Event, EventId, Order};

use super::tool_use::ToolUse;
use crate::conversation::Conversation;
use crate::error::Result;
use crate::turn::answered;

/// How many of the newest events are looked through.
const LOOKED_THROUGH: usize = 2000;

/// What the log says.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) uses: Vec<ToolUse>,
    pub(crate) answers: Vec<Event>,
    /// The session is not paused so any more.
    pub(crate) history: bool,
}

/// Looks through the newest events, back to the pause with this id, and on to the tool uses that it
/// names. A pause without an id is the last one.
pub(crate) async fn look(
    conversation: &Conversation,
    pause: Option<EventId>,
    named: Vec<EventId>,
) -> Result<Found> {
    let mut found = Found::default();
    let mut missing: BTreeSet<EventId> = named.into_iter().collect();
    let mut events = conversation.events().order(Order::Desc).limit(100).items();
    let mut after = true;
    for _ in 0..LOOKED_THROUGH {
        let Some(event) = events.next().await else {
            break;
        };
        let event = event?;
        if after {
            after = !is_pause(&event, pause.as_ref());
            if after && changes(&event) {
                found.history = true;
                break;
            }
        }
        if let Some(asked) = ToolUse::of(&event) {
            if missing.remove(asked.id()) {
                found.uses.push(asked);
            }
        }
        if after && answered(&event).is_some() {
            found.answers.push(event);
        }
        if !after && missing.is_empty() {
            break;
        }
    }
    Ok(found)
}

fn is_pause(event: &Event, pause: Option<&EventId>) -> bool {
    match pause {
        Some(_) => event.id() == pause,
        None => event.type_name() == "session.status_idle",
    }
}

/// Whether the session stands otherwise after this event than before.
fn changes(event: &Event) -> bool {
    matches!(
        event.type_name(),
        "session.status_idle"
            | "session.status_running"
            | "session.status_terminated"
            | "session.deleted"
            | "terminated"
    )
}
