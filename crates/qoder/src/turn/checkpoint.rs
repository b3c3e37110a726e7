//! The storing of a turn in a [`Checkpoint`].

use qoder_types::{EventId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Machine;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::follow::Start;

/// The stored state of a turn. Only this crate reads it; fields may be added.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The message that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<EventId>,
    /// The state of the turn's machine.
    machine: Machine,
}

/// A turn as it is stored.
pub(super) fn store(
    session: &SessionId,
    message: Option<&EventId>,
    after: Option<EventId>,
    machine: &Machine,
) -> Checkpoint {
    let state = State {
        message: message.cloned(),
        machine: machine.clone(),
    };
    // All of it is texts and lists.
    let state = serde_json::to_value(state).unwrap_or(Value::Null);
    Checkpoint::of_turn(session.clone(), after, state)
}

/// A turn of this session as it was stored: its message, where its events go on, and how it stands.
pub(super) fn restore(
    checkpoint: &Checkpoint,
    session: &SessionId,
) -> Result<(Option<EventId>, Start, Machine)> {
    let state = State::deserialize(checkpoint.turn_in(session)?).map_err(|error| {
        Error::input(format!(
            "this is no checkpoint of a turn, as `Turn::checkpoint` returns it: {error}"
        ))
    })?;
    let start = match checkpoint.last_event() {
        Some(id) => Start::After(id.clone()),
        None => Start::Beginning,
    };
    Ok((state.message, start, state.machine))
}
