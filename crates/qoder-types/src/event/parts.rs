//! What events are made of.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

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
        /// The `agent.tool_use`, `agent.mcp_tool_use` and `agent.custom_tool_use` events.
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
    /// The `type` of the reason, as it is on the wire.
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

impl<'de> Deserialize<'de> for StopReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Object(Extra),
            Text(String),
        }
        let object = match Shape::deserialize(deserializer)? {
            Shape::Object(object) => object,
            Shape::Text(text) => Extra::from_iter([("type".to_owned(), text.into())]),
        };
        let ids = || {
            let ids = object.get("event_ids")?.as_array()?.iter();
            Some(
                ids.filter_map(|id| id.as_str().map(EventId::from))
                    .collect(),
            )
        };
        Ok(
            match object.get("type").and_then(serde_json::Value::as_str) {
                Some("end_turn") => Self::EndTurn,
                Some("requires_action") => Self::RequiresAction {
                    event_ids: ids().unwrap_or_default(),
                },
                Some("cancelled" | "canceled") => Self::Cancelled,
                Some("retries_exhausted") => Self::RetriesExhausted,
                Some("budget_reached") => Self::BudgetReached,
                _ => Self::Unknown(object),
            },
        )
    }
}

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

/// What a `session.error` event says is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionError {
    /// The type of the error, such as `model_overloaded_error`; the first generation has none.
    pub error_type: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// What becomes of the turn; not known if it is missing.
    pub retry_status: Option<RetryStatus>,
    /// The platform's own code.
    pub qoder_error_code: Option<String>,
    /// The MCP server it is about.
    pub mcp_server_name: Option<String>,
}

impl<'de> Deserialize<'de> for SessionError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Status {
            #[serde(rename = "type")]
            kind: RetryStatus,
        }
        #[derive(Deserialize)]
        struct Object {
            #[serde(rename = "type")]
            error_type: Option<String>,
            #[serde(default)]
            message: String,
            retry_status: Option<Status>,
            qoder_error_code: Option<String>,
            mcp_server_name: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Object(Object),
            Text(String),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Object(object) => Self {
                error_type: object.error_type,
                message: object.message,
                retry_status: object.retry_status.map(|status| status.kind),
                qoder_error_code: object.qoder_error_code,
                mcp_server_name: object.mcp_server_name,
            },
            Shape::Text(message) => Self {
                error_type: None,
                message,
                retry_status: None,
                qoder_error_code: None,
                mcp_server_name: None,
            },
        })
    }
}

/// Which event an `event_start` announces.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Announced {
    /// The id that the event will have.
    pub id: EventId,
    /// The type that the event will have.
    #[serde(rename = "type")]
    pub event_type: Box<str>,
}

/// What an `event_delta` adds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Delta {
    /// The content block that it belongs to, from 0.
    #[serde(default)]
    pub index: usize,
    /// The piece of the block.
    pub content: ContentBlock,
}

impl Delta {
    /// The piece of text, if it is text.
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

/// Credits used by one request of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelUsage {
    /// Credits, rounded down to two decimals; may be 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<serde_json::Number>,
    /// Everything else, token counts included.
    #[serde(flatten)]
    pub extra: Extra,
}
