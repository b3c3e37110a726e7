//! Events that are sent to a session.

use serde::Serialize;
use serde_json::Value;

use crate::{Content, Event, EventId, Extra, ThreadId};

/// An event for a session: what [`SendEvents`] carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum InputEvent {
    /// A message: it starts a turn.
    #[serde(rename = "user.message")]
    UserMessage(UserMessage),
    /// Stops what the agent is doing.
    #[serde(rename = "user.interrupt")]
    UserInterrupt(UserInterrupt),
    /// Allows or denies the use of a tool.
    #[serde(rename = "user.tool_confirmation")]
    UserToolConfirmation(UserToolConfirmation),
    /// The result of a custom tool.
    #[serde(rename = "user.custom_tool_result")]
    UserCustomToolResult(UserCustomToolResult),
    /// The result of a built-in tool, from a self-hosted worker.
    #[serde(rename = "user.tool_result")]
    UserToolResult(UserToolResult),
    /// What the session is to achieve, and how that is judged.
    #[serde(rename = "user.define_outcome")]
    UserDefineOutcome(UserDefineOutcome),
    /// A message of the system's; the last of a request, right after a message or a result.
    #[serde(rename = "system.message")]
    SystemMessage(SystemMessage),
    /// Any other event, `type` included.
    #[serde(untagged)]
    Other(Value),
}

impl InputEvent {
    /// In the form of the first generation: a message that is only text has a plain text.
    pub fn for_seed(mut self) -> Self {
        if let Self::UserMessage(message) = &mut self {
            if let Some(text) = message.content.as_plain_text() {
                message.content = Content::Text(text.to_owned());
            }
        }
        self
    }

    /// In today's form: all content is blocks.
    pub fn for_current(mut self) -> Self {
        let content = match &mut self {
            Self::UserMessage(message) => Some(&mut message.content),
            Self::SystemMessage(message) => Some(&mut message.content),
            Self::UserCustomToolResult(result) => result.content.as_mut(),
            Self::UserToolResult(result) => result.content.as_mut(),
            _ => None,
        };
        if let Some(content) = content {
            let blocks = std::mem::replace(content, Content::Blocks(Vec::new())).into_blocks();
            *content = Content::Blocks(blocks);
        }
        self
    }
}

/// A message of the user's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserMessage {
    /// What it says.
    pub content: Content,
}

impl UserMessage {
    /// A message with this content: a text, or blocks.
    pub fn new(content: impl Into<Content>) -> Self {
        Self {
            content: content.into(),
        }
    }
}

impl<C: Into<Content>> From<C> for UserMessage {
    fn from(content: C) -> Self {
        Self::new(content)
    }
}

/// Stops what the agent is doing; the session stays usable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UserInterrupt {
    /// The thread to stop; all of them if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_thread_id: Option<ThreadId>,
}

impl UserInterrupt {
    /// Stops every thread.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Stops this thread only.
        session_thread_id: ThreadId,
    }
}

open_enum! {
    /// The answer to a tool confirmation.
    ConfirmationResult {
        /// The tool may be used.
        Allow = "allow",
        /// The tool may not be used.
        Deny = "deny",
    }
}

/// Allows or denies the use of a tool that the agent asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserToolConfirmation {
    /// The id of the `agent.tool_use` or `agent.mcp_tool_use` event.
    pub tool_use_id: EventId,
    /// The answer.
    pub result: ConfirmationResult,
    /// Why not; only with a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_message: Option<String>,
}

impl UserToolConfirmation {
    /// The tool may be used.
    pub fn allow(tool_use: impl Into<EventId>) -> Self {
        Self {
            tool_use_id: tool_use.into(),
            result: ConfirmationResult::Allow,
            deny_message: None,
        }
    }

    /// The tool may not be used.
    pub fn deny(tool_use: impl Into<EventId>) -> Self {
        Self {
            tool_use_id: tool_use.into(),
            result: ConfirmationResult::Deny,
            deny_message: None,
        }
    }

    /// Says why not.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.deny_message = Some(message.into());
        self
    }
}

/// The result of a custom tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserCustomToolResult {
    /// The id of the `agent.custom_tool_use` event.
    pub custom_tool_use_id: EventId,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Whether the tool failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
}

impl UserCustomToolResult {
    /// What the tool gave.
    pub fn new(tool_use: impl Into<EventId>, content: impl Into<Content>) -> Self {
        Self {
            custom_tool_use_id: tool_use.into(),
            content: Some(content.into()),
            is_error: None,
        }
    }

    /// How the tool failed.
    pub fn error(tool_use: impl Into<EventId>, content: impl Into<Content>) -> Self {
        Self {
            is_error: Some(true),
            ..Self::new(tool_use, content)
        }
    }
}

/// The result of a built-in tool that a self-hosted worker ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserToolResult {
    /// The id of the `agent.tool_use` event.
    pub tool_use_id: EventId,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Whether the tool failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
}

impl UserToolResult {
    /// What the tool gave.
    pub fn new(tool_use: impl Into<EventId>, content: impl Into<Content>) -> Self {
        Self {
            tool_use_id: tool_use.into(),
            content: Some(content.into()),
            is_error: None,
        }
    }
}

/// What the session is to achieve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserDefineOutcome {
    /// What is to be achieved.
    pub description: String,
    /// How it is judged: `{"type":"text","content":…}` or `{"type":"file","file_id":…}`.
    pub rubric: Value,
    /// How often the agent may try: 1 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
}

impl UserDefineOutcome {
    /// An outcome that is judged by this text.
    pub fn new(description: impl Into<String>, rubric: impl Into<String>) -> Self {
        let rubric = serde_json::json!({"type": "text", "content": rubric.into()});
        Self {
            description: description.into(),
            rubric,
            max_iterations: None,
        }
    }

    setters! {
        /// Sets how often the agent may try: 1 to 20.
        max_iterations: u32,
    }
}

/// A message of the system's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemMessage {
    /// What it says: text blocks only.
    pub content: Content,
}

impl SystemMessage {
    /// A message with this text.
    pub fn new(text: impl Into<Content>) -> Self {
        Self {
            content: text.into(),
        }
    }
}

macro_rules! into_input {
    ($($name:ident),*) => {$(
        impl From<$name> for InputEvent {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        }
    )*};
}
into_input!(
    UserMessage,
    UserInterrupt,
    UserToolConfirmation,
    UserCustomToolResult,
    UserToolResult,
    UserDefineOutcome,
    SystemMessage
);

impl From<&str> for InputEvent {
    fn from(text: &str) -> Self {
        Self::UserMessage(UserMessage::new(text))
    }
}

impl From<String> for InputEvent {
    fn from(text: String) -> Self {
        Self::UserMessage(UserMessage::new(text))
    }
}

/// The body of the call that sends events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SendEvents {
    /// The events, in their order; at least one.
    pub events: Vec<InputEvent>,
}

/// The events as they were accepted, with their ids.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct SentEvents {
    /// The events, in the order that they were sent.
    #[serde(default)]
    pub data: Vec<Event>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}
