//! The results of tools.

use qoder_types::{Content, ContentBlock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of a tool, as the agent is told: a text, JSON, or content blocks, and whether the
/// tool failed. It answers a [`ToolUse`](crate::ToolUse), and a [`Ledger`](crate::tools::Ledger)
/// keeps it.
///
/// ```
/// use qoder::tools::ToolResult;
/// use qoder::types::serde_json::json;
///
/// let text = ToolResult::from("Sunny.");
/// let facts = ToolResult::from(json!({"sky": "clear", "celsius": 21}));
/// assert_eq!(facts.content().text(), r#"{"celsius":21,"sky":"clear"}"#);
/// assert!(!text.is_error() && ToolResult::error("no such city").is_error());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    content: Content,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

impl ToolResult {
    /// Makes the result of a tool that failed; the text is for the agent to read.
    pub fn error(why: impl Into<String>) -> Self {
        Self {
            content: Content::from(why.into()),
            is_error: true,
        }
    }

    /// Returns the content that the agent reads.
    pub fn content(&self) -> &Content {
        &self.content
    }

    pub(super) fn into_content(self) -> Content {
        self.content
    }

    /// Returns whether the tool failed.
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}

macro_rules! result_from {
    ($($from:ty),+) => {$(
        impl From<$from> for ToolResult {
            fn from(content: $from) -> Self {
                Self {
                    content: content.into(),
                    is_error: false,
                }
            }
        }
    )+};
}

result_from!(&str, String, Content, ContentBlock, Vec<ContentBlock>);

/// The JSON as a text; of a text, the text itself.
impl From<Value> for ToolResult {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again_in_its_form() {
        for result in [
            ToolResult::from("3"),
            ToolResult::from(vec![ContentBlock::text("3")]),
            ToolResult::error("no"),
        ] {
            let text = serde_json::to_string(&result).expect("JSON");
            let read: ToolResult = serde_json::from_str(&text).expect(&text);
            assert_eq!(read, result, "{text}");
        }
    }
}
