//! A tool use, as the agent asks for it.

use qoder_types::{Event, EventId};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The kinds of tool uses that can wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolKind {
    /// A built-in tool that needs an approval.
    Builtin,
    /// A tool of an MCP server that needs an approval.
    Mcp,
    /// A custom tool that needs a result.
    Custom,
}

/// A use of a tool that the agent asks for: what [`Approvals`](crate::Approvals) decide about.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    id: EventId,
    kind: ToolKind,
    name: Option<String>,
    server: Option<String>,
    input: Value,
}

impl ToolUse {
    /// The tool use that this event is. What of it can't be read is missing.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let kind = match event.type_name() {
            "agent.tool_use" => ToolKind::Builtin,
            "agent.mcp_tool_use" => ToolKind::Mcp,
            "agent.custom_tool_use" => ToolKind::Custom,
            _ => return None,
        };
        let mut raw: Value = serde_json::from_str(event.raw()).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        Some(Self {
            id: event.id()?.clone(),
            kind,
            name: text(&raw["name"]),
            server: text(&raw["mcp_server_name"]),
            input: raw.get_mut("input").map(Value::take).unwrap_or_default(),
        })
    }

    /// Returns the id of the event, which is what an answer names.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// Returns what kind of tool it is.
    pub fn kind(&self) -> ToolKind {
        self.kind
    }

    /// Returns the tool's name. Empty if it can't be read.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Returns the name of the MCP server that the tool is of. `None` for other kinds.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns what the tool is given. `null` if that is missing.
    pub fn input(&self) -> &Value {
        &self.input
    }

    /// Returns what the tool is given, as a type.
    ///
    /// # Errors
    ///
    /// The input doesn't fit the type.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.input)
    }
}

/// The tool use that an event answers.
pub(crate) fn answered(event: &Event) -> Option<EventId> {
    match event {
        Event::UserToolConfirmation(answer) => Some(answer.tool_use_id.clone()),
        Event::UserToolResult(answer) => Some(answer.tool_use_id.clone()),
        Event::UserCustomToolResult(answer) => Some(answer.custom_tool_use_id.clone()),
        // One that can't be read is an answer all the same.
        Event::Malformed(answer) if is_answer(&answer.type_name) => {
            let raw: Value = serde_json::from_str(event.raw()).ok()?;
            let id = |name: &str| raw[name].as_str().map(EventId::from);
            id("custom_tool_use_id").or_else(|| id("tool_use_id"))
        }
        _ => None,
    }
}

fn is_answer(name: &str) -> bool {
    matches!(
        name,
        "user.tool_confirmation" | "user.tool_result" | "user.custom_tool_result"
    )
}
