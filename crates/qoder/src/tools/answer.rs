//! An answer to a tool use.

use qoder_types::{EventId, InputEvent, UserCustomToolResult, UserToolConfirmation};

use super::result::ToolResult;
use super::tool_use::ToolKind;

/// An answer to a tool use, made by a [`ToolUse`](crate::ToolUse);
/// [`Turn::respond`](crate::Turn::respond) sends it.
#[derive(Clone, Debug)]
#[must_use = "an answer is sent by `Turn::respond`"]
pub struct Answer {
    pub(super) id: EventId,
    pub(super) kind: ToolKind,
    pub(super) name: String,
    pub(super) given: Given,
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Allow,
    Deny(String),
    Result(ToolResult),
}

impl Answer {
    pub(super) fn new(id: EventId, kind: ToolKind, name: String, given: Given) -> Self {
        Self {
            id,
            kind,
            name,
            given,
        }
    }

    /// Returns the id of the tool use that it answers.
    pub fn id(&self) -> &EventId {
        &self.id
    }
}

impl Given {
    /// The event that answers this tool use so.
    pub(super) fn into_event(self, id: &EventId) -> InputEvent {
        match self {
            Self::Allow => UserToolConfirmation::allow(id).into(),
            Self::Deny(reason) if reason.trim().is_empty() => UserToolConfirmation::deny(id).into(),
            Self::Deny(reason) => UserToolConfirmation::deny(id).deny_message(reason).into(),
            Self::Result(result) => {
                let is_error = result.is_error();
                let event = UserCustomToolResult::new(id, result.into_content());
                if is_error {
                    event.is_error(true).into()
                } else {
                    event.into()
                }
            }
        }
    }
}
