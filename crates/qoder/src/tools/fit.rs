//! Whether an input fits a type, an answer what was asked, and a value JSON: where a tool use can
//! go wrong.

use qoder_types::InputEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, Given};
use super::result::ToolResult;
use super::tool_use::{ToolKind, ToolUse};
use crate::error::{Error, ErrorKind, Result};

impl ToolUse {
    /// Returns the tool's input, read as a type of the caller's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it doesn't fit; the text is fit to be given to the agent, by
    /// [`error`](Self::error), so that it can do better.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(self.input()).map_err(|error| {
            let (name, id) = (self.name(), self.id());
            let why = format!("the input of the tool {name:?} ({id}) doesn't fit: {error}");
            Error::new(ErrorKind::Decode, why).with_sent(crate::Sent::Yes)
        })
    }
}

impl Answer {
    /// The event that is sent; an error if it is no answer to what was asked.
    pub(crate) fn into_event(self) -> Result<InputEvent> {
        let what = match (self.kind, &self.given) {
            (ToolKind::Custom, Given::Allow | Given::Deny(_)) => {
                "is of a tool of your own, which waits for `result` or `error`, not for a permission"
            }
            (ToolKind::Builtin | ToolKind::Mcp, Given::Result(_)) => {
                "waits for `allow` or `deny`: the platform runs the tool, and has its result"
            }
            _ => return Ok(self.given.into_event(&self.id)),
        };
        Err(Error::input(format!(
            "the tool use {} of {:?} {what}",
            self.id, self.name
        )))
    }
}

impl ToolResult {
    /// Makes a result of any value: a text as it is, anything else as its JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if the value can't be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(value) {
            Ok(value) => Ok(value.into()),
            Err(error) => Err(Error::input(format!(
                "a tool's result can't be written as JSON: {error}"
            ))),
        }
    }
}
