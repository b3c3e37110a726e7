//! Whether an input fits a type, and an answer what was asked: where a tool use can go wrong.

use qoder_types::{InputEvent, UserCustomToolResult, UserToolConfirmation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pending::{Answer, Given, Pending, PendingKind, ToolOutput};
use crate::error::{Error, ErrorKind, Result};

impl Pending {
    /// Returns what the tool is given, read as a type of the caller's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it doesn't fit; the text is fit to be given to the agent, by
    /// [`error`](Self::error), so that it can do better.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(self.input()).map_err(|error| {
            Error::new(
                ErrorKind::Decode,
                format!(
                    "the input of the tool {:?} ({}) doesn't fit: {error}",
                    self.name(),
                    self.id()
                ),
            )
            .with_sent(crate::Sent::Yes)
        })
    }
}

impl Answer {
    /// The event that is sent; an error if it is no answer to what was asked.
    pub(super) fn into_event(self) -> Result<InputEvent> {
        let unfit = |what: &str| {
            Err(Error::input(format!(
                "the tool use {} of {:?} {what}",
                self.id, self.name
            )))
        };
        match (self.kind, &self.given) {
            (PendingKind::CustomTool, Given::Allow | Given::Deny(_)) => {
                return unfit(
                    "is of a tool of your own, which waits for `result` or `error`, not for a permission",
                );
            }
            (PendingKind::Confirmation, Given::Result(_)) => {
                return unfit(
                    "waits for `allow` or `deny`: the platform runs the tool, and has its result",
                );
            }
            _ => {}
        }
        Ok(match self.given {
            Given::Allow => UserToolConfirmation::allow(self.id).into(),
            Given::Deny(reason) if reason.trim().is_empty() => {
                UserToolConfirmation::deny(self.id).into()
            }
            Given::Deny(reason) => UserToolConfirmation::deny(self.id)
                .deny_message(reason)
                .into(),
            Given::Result(output) if output.is_error => {
                UserCustomToolResult::error(self.id, output.content).into()
            }
            Given::Result(output) => UserCustomToolResult::new(self.id, output.content).into(),
        })
    }
}

impl ToolOutput {
    /// Makes an output of any value: its JSON, as a text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if the value can't be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::input(format!("a tool's output can't be written as JSON: {error}"))
        })?;
        Ok(Self::from(text))
    }
}
