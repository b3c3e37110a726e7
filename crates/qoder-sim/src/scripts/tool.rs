//! Uses of tools, what they give, and what the client says to them.

use serde_json::Value;

use super::text::text_of;
use crate::json::{Json, list, object};
use crate::resources::sent::answered;

/// A use of a tool that waits for the client, for [`Turn::ask`](crate::Turn::ask) and
/// [`Turn::ask_all`](crate::Turn::ask_all).
#[derive(Clone, Debug)]
pub struct ToolUse {
    pub(crate) kind: Kind,
    name: String,
    input: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tool,
    Mcp(String),
    Custom,
}

impl ToolUse {
    /// A use of one of the agent's own tools, which waits for a `user.tool_confirmation`.
    pub fn tool(name: impl Into<String>, input: impl Into<Value>) -> Self {
        Self::new(Kind::Tool, name, input)
    }

    /// A use of a tool of an MCP server, which waits for a `user.tool_confirmation`.
    pub fn mcp(
        server: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<Value>,
    ) -> Self {
        Self::new(Kind::Mcp(server.into()), name, input)
    }

    /// A use of one of the client's tools, which waits for a `user.custom_tool_result`.
    pub fn custom(name: impl Into<String>, input: impl Into<Value>) -> Self {
        Self::new(Kind::Custom, name, input)
    }

    fn new(kind: Kind, name: impl Into<String>, input: impl Into<Value>) -> Self {
        Self {
            kind,
            name: name.into(),
            input: input.into(),
        }
    }

    /// The event that tells of it; with a permission, unless it is the client's.
    pub(crate) fn event(self, permission: &str) -> Json {
        let mut event = match &self.kind {
            Kind::Tool => object! {"type": "agent.tool_use", "name": self.name},
            Kind::Mcp(server) => object! {
                "type": "agent.mcp_tool_use", "name": self.name, "mcp_server_name": server,
            },
            Kind::Custom => object! {"type": "agent.custom_tool_use", "name": self.name},
        };
        event.set("input", self.input);
        if self.kind != Kind::Custom {
            event.set("evaluated_permission", permission);
        }
        event
    }
}

/// The output of a tool: a text (`"12 files".into()`), blocks of content, or an error.
#[derive(Clone, Debug)]
pub struct ToolOutput {
    content: Json,
    is_error: bool,
}

impl ToolOutput {
    /// Returns a text.
    pub fn text(text: impl Into<String>) -> Self {
        let block = object! {"type": "text", "text": text.into()};
        Self {
            content: list![block],
            is_error: false,
        }
    }

    /// Returns blocks of content, as the API has them.
    pub fn blocks(blocks: impl IntoIterator<Item = Value>) -> Self {
        Self {
            content: blocks.into_iter().collect::<Vec<_>>().into(),
            is_error: false,
        }
    }

    /// Returns an error with this text.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            is_error: true,
            ..Self::text(text)
        }
    }

    /// The event that tells of it.
    pub(crate) fn event(self, kind: &Kind, tool_use: &str) -> Json {
        let mut event = match kind {
            Kind::Mcp(_) => object! {"type": "agent.mcp_tool_result", "mcp_tool_use_id": tool_use},
            _ => object! {"type": "agent.tool_result", "tool_use_id": tool_use},
        };
        event.set("content", self.content);
        event.set("is_error", self.is_error);
        event
    }
}

impl From<&str> for ToolOutput {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// The client's answer to a use of a tool: a confirmation, or a result.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) kind: Kind,
    pub(crate) event: Json,
}

impl Answer {
    /// Returns the id of the tool use that it answers.
    pub fn tool_use_id(&self) -> &str {
        answered(&self.event).unwrap_or_default()
    }

    /// Returns whether it is a confirmation that allows the use.
    pub fn is_allowed(&self) -> bool {
        self.event["result"] == "allow"
    }

    /// Returns why the use was denied, if a reason was given.
    pub fn deny_message(&self) -> Option<&str> {
        self.event["deny_message"].as_str()
    }

    /// Returns the text of a result; empty if it has none.
    pub fn text(&self) -> String {
        text_of(&self.event["content"])
    }

    /// Returns whether it is a result that says that the tool failed.
    pub fn is_error(&self) -> bool {
        self.event["is_error"] == true
    }

    /// Returns the event that the client sent, as it is in the log.
    pub fn event(&self) -> Value {
        self.event.clone().into()
    }
}
