//! What a handler came to.

use qoder_types::{Content, ContentBlock};
use serde::{Deserialize, Serialize};

/// What a handler of a [`Toolbox`](crate::Toolbox) came to, as the agent is told: content, and
/// whether the tool failed. A [`Ledger`](crate::tools::Ledger) keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    content: Vec<ContentBlock>,
    #[serde(default)]
    is_error: bool,
}

impl ToolResult {
    /// Makes the result of a tool that did what it should.
    pub fn new(content: impl Into<Content>) -> Self {
        Self {
            content: content.into().into_blocks(),
            is_error: false,
        }
    }

    /// Makes the result of a tool that failed; the text is for the agent to read.
    pub fn error(why: impl Into<String>) -> Self {
        Self {
            content: Content::Text(why.into()).into_blocks(),
            is_error: true,
        }
    }

    /// Makes a result of a value: a text as it is, anything else as JSON.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(serde_json::Value::String(text)) => Self::new(text),
            Ok(value) => Self::new(value.to_string()),
            Err(error) => Self::error(format!("the tool's output can't be written: {error}")),
        }
    }

    /// Returns what the agent is told.
    pub fn content(&self) -> &[ContentBlock] {
        &self.content
    }

    /// Returns whether the tool failed.
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}
