//! What events are made of.

use std::fmt;

use serde::{Deserialize, Deserializer};
#[cfg(test)]
use serde_json::Value;

use crate::wire::{
    Fit, Json, Object, Slot, View, Wire, deserialize_by_wire, parts, parts_of, required, word,
};
use crate::{ContentBlock, EventId, Extra};

/// Why a session or a thread is idle.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StopReason {
    /// The agent finished.
    EndTurn,
    /// The agent waits: each of these tool uses needs an approval or a result. When only some
    /// are answered, the session idles again with the rest.
    RequiresAction {
        /// The ids of `agent.tool_use`, `agent.mcp_tool_use` and `agent.custom_tool_use` events.
        event_ids: Vec<EventId>,
    },
    /// The turn was interrupted or cancelled.
    Cancelled,
    /// Repeated errors ended the turn.
    RetriesExhausted,
    /// The session's budget is used up.
    BudgetReached,
    /// Anything else: the whole object.
    Unknown(Extra),
}

impl StopReason {
    /// Returns the `type` of the reason, as it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::RequiresAction { .. } => "requires_action",
            Self::Cancelled => "cancelled",
            Self::RetriesExhausted => "retries_exhausted",
            Self::BudgetReached => "budget_reached",
            Self::Unknown(object) => object
                .get("type")
                .and_then(serde_json::Value::as_str)
                .unwrap_or(""),
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Wire for StopReason {
    fn fit(value: &Json<'_>) -> Fit {
        match value {
            Json::Object(_) => Fit::Exact,
            Json::Text(_) => Fit::Near,
            _ => Fit::No,
        }
    }

    fn read(value: Json<'_>) -> Self {
        match word(&value) {
            Some("end_turn") => Self::EndTurn,
            Some("requires_action") => {
                let ids = match value.get("event_ids") {
                    Some(Json::List(ids)) => ids.as_slice(),
                    _ => &[],
                };
                Self::RequiresAction {
                    event_ids: ids
                        .iter()
                        .filter_map(Json::as_str)
                        .map(EventId::from)
                        .collect(),
                }
            }
            Some("cancelled" | "canceled") => Self::Cancelled,
            Some("retries_exhausted") => Self::RetriesExhausted,
            Some("budget_reached") => Self::BudgetReached,
            _ => Self::Unknown(match value {
                Json::Text(text) => [("type".to_owned(), text.into())].into_iter().collect(),
                object => Wire::read(object),
            }),
        }
    }

    /// Events are written as they came, so this is never called but by tests.
    fn view(&self) -> View<'_> {
        match self {
            Self::RequiresAction { event_ids } => View::tagged(
                self.as_str(),
                View::Object(vec![("event_ids", event_ids.view())]),
            ),
            Self::Unknown(object) => View::Extra(object),
            known => View::Object(vec![("type", View::Text(known.as_str()))]),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        let samples = [
            serde_json::json!({"type": "requires_action", "event_ids": ["evt_1", "evt_2"]}),
            serde_json::json!({"type": "end_turn"}),
            serde_json::json!({"type": "of tomorrow", "x": 1}),
        ];
        samples[choice % samples.len()].clone()
    }
}

deserialize_by_wire!(StopReason);

open_enum! {
    /// What the platform made of the permissions of a tool use.
    EvaluatedPermission {
        /// The tool runs.
        Allow = "allow",
        /// The tool waits for a `user.tool_confirmation`.
        Ask = "ask",
        /// The tool doesn't run.
        Deny = "deny",
    }
}

open_enum! {
    /// What becomes of the turn after a `session.error`.
    RetryStatus {
        /// The platform tries again by itself: not fatal, and may repeat.
        Retrying = "retrying",
        /// The turn is dead, and the session will be idle.
        Exhausted = "exhausted",
        /// The session will be terminated.
        Terminal = "terminal",
    }
}

object! {
    /// What a `session.error` event says is wrong. The first generation has a text, which is then
    /// the `message`.
    SessionError or message {
        /// The type of the error, such as `model_overloaded_error`. `None` in the first generation.
        error_type?: String = "type",
        /// What is wrong, for people.
        message: String,
        /// What becomes of the turn. `None` if the server doesn't say: then the status that
        /// follows does.
        retry_status?: RetryStatus,
        /// The platform's own code. `None` if there is none.
        qoder_error_code?: String,
        /// The MCP server that it is about. `None` if it is about none.
        mcp_server_name?: String,
    }
}

/// Which event an `event_start` announces.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Announced {
    /// The id that the event will have.
    pub id: EventId,
    /// The type that the event will have.
    pub event_type: Box<str>,
}

impl<'de> Deserialize<'de> for Announced {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parts_of!("an event that is announced", Found {
            id: EventId = "id",
            event_type: Box<str> = "type",
        });

        let Found { id, event_type } = parts(from)?;
        Ok(Self {
            id: required(id, "id")?,
            event_type: required(event_type, "type")?,
        })
    }
}

/// What an `event_delta` adds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delta {
    /// The content block that the piece belongs to, from 0.
    pub index: usize,
    /// The piece.
    pub content: ContentBlock,
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parts_of!(
            "a piece of an event",
            Found {
                index: usize = "index",
                content: ContentBlock = "content",
            }
        );

        let Found { index, content } = parts(from)?;
        Ok(Self {
            index: index.unwrap_or_default(),
            content: required(content, "content")?,
        })
    }
}

impl Wire for Announced {
    fn fit(value: &Json<'_>) -> Fit {
        let has = |name: &str| value.get(name).is_some_and(Json::is_text);
        if has("id") && has("type") {
            Fit::Near
        } else {
            Fit::No
        }
    }

    fn read(value: Json<'_>) -> Self {
        let object = &mut Object::of(value);
        Self {
            id: Slot::take_from(object, &["id"]),
            event_type: String::take_from(object, &["type"]).into(),
        }
    }

    fn view(&self) -> View<'_> {
        View::Object(vec![
            ("id", self.id.view()),
            ("type", View::Text(&self.event_type)),
        ])
    }

    #[cfg(test)]
    fn sample(_: usize) -> Value {
        serde_json::json!({"id": "evt_1", "type": "agent.message"})
    }
}

impl Wire for Delta {
    fn fit(value: &Json<'_>) -> Fit {
        if value.get("content").is_some_and(Json::is_object) {
            Fit::Near
        } else {
            Fit::No
        }
    }

    fn read(value: Json<'_>) -> Self {
        let object = &mut Object::of(value);
        Self {
            index: Slot::take_from(object, &["index"]),
            content: Slot::take_from(object, &["content"]),
        }
    }

    fn view(&self) -> View<'_> {
        View::Object(vec![
            ("index", self.index.view()),
            ("content", self.content.view()),
        ])
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        serde_json::json!({"type": "content_delta", "index": choice, "content": ContentBlock::sample(choice)})
    }
}

impl Delta {
    /// Returns the piece of text, if it is text.
    pub fn text(&self) -> Option<&str> {
        self.content.as_text()
    }
}

open_enum! {
    /// What can be previewed while it is written.
    PreviewType {
        /// Messages: a start and deltas.
        AgentMessage = "agent.message",
        /// Thinking: a start only.
        AgentThinking = "agent.thinking",
    }
}
