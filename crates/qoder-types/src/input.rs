//! Events that are sent to a session.

use crate::wire::deserialize_by_wire;
use crate::{Content, EventId, FileId, ThreadId};

tagged! {
    /// An event for a session: what [`SendEvents`] carries.
    ///
    /// ```
    /// use qoder_types::{EventId, InputEvent, UserInterrupt, UserMessage, UserToolConfirmation};
    ///
    /// let asked = EventId::new("evt_1"); // that of an `agent.tool_use` event
    /// let events: [InputEvent; 3] = [
    ///     UserMessage::new("List the files.").into(),
    ///     UserToolConfirmation::deny(asked).deny_message("not on this machine").into(),
    ///     UserInterrupt::new().into(),
    /// ];
    /// assert_eq!(
    ///     events.map(|event| event.type_name().to_owned()),
    ///     ["user.message", "user.tool_confirmation", "user.interrupt"],
    /// );
    /// ```
    InputEvent {
        /// A message. It starts a turn.
        UserMessage(UserMessage) = "user.message",
        /// Stops what the agent is doing.
        UserInterrupt(UserInterrupt) = "user.interrupt",
        /// Allows or denies the use of a tool.
        UserToolConfirmation(UserToolConfirmation) = "user.tool_confirmation",
        /// The result of a custom tool.
        UserCustomToolResult(UserCustomToolResult) = "user.custom_tool_result",
        /// The result of a built-in tool, from a self-hosted worker.
        UserToolResult(UserToolResult) = "user.tool_result",
        /// An outcome for the session to achieve, and how it is judged.
        UserDefineOutcome(UserDefineOutcome) = "user.define_outcome",
        /// A message of the system's: at most one in a request, the last event of it, right after
        /// a message or a result.
        SystemMessage(SystemMessage) = "system.message",
    }
}

deserialize_by_wire!(InputEvent);

impl InputEvent {
    /// Returns the event in the form of the first generation: a message that is only text has a
    /// plain text.
    pub fn for_seed(mut self) -> Self {
        if let Self::UserMessage(message) = &mut self {
            if let Some(text) = message.content.as_plain_text() {
                message.content = Content::Text(text.to_owned());
            }
        }
        self
    }

    /// Returns the event in today's form: all content is blocks.
    pub fn for_current(mut self) -> Self {
        let content = match &mut self {
            Self::UserMessage(message) => Some(&mut message.content),
            Self::SystemMessage(message) => Some(&mut message.content),
            Self::UserCustomToolResult(result) => Some(&mut result.content),
            Self::UserToolResult(result) => Some(&mut result.content),
            _ => None,
        };
        if let Some(content) = content {
            let blocks = std::mem::replace(content, Content::Blocks(Vec::new())).into_blocks();
            *content = Content::Blocks(blocks);
        }
        self
    }
}

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

body! {
    /// A message of the user's.
    UserMessage {
        /// The content of the message: a text, or blocks.
        content: Content,
    }
}

impl<C: Into<Content>> From<C> for UserMessage {
    fn from(content: C) -> Self {
        Self::new(content)
    }
}

body! {
    /// Stops what the agent is doing. The session stays usable.
    UserInterrupt {
        ;
        /// The thread to stop. All of them if left out.
        session_thread_id: ThreadId,
    }
}

body! {
    /// Allows or denies the use of a tool that the agent asked for.
    UserToolConfirmation {
        /// The id of the `agent.tool_use` or `agent.mcp_tool_use` event.
        tool_use_id: EventId,
        /// The answer.
        result: ConfirmationResult,
        ;
        /// The reason that the agent is told. Only with a denial.
        deny_message: String,
    }
}

impl UserToolConfirmation {
    /// Allows the use of a tool.
    pub fn allow(tool_use: impl Into<EventId>) -> Self {
        Self::new(tool_use, ConfirmationResult::Allow)
    }

    /// Denies the use of a tool.
    pub fn deny(tool_use: impl Into<EventId>) -> Self {
        Self::new(tool_use, ConfirmationResult::Deny)
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

body! {
    /// The result of a custom tool.
    ///
    /// ```
    /// use qoder_types::UserCustomToolResult;
    ///
    /// let done = UserCustomToolResult::new("evt_1", "Sunny, 21 °C.");
    /// let failed = UserCustomToolResult::error("evt_1", "There is no such city.");
    /// assert_eq!((done.is_error, failed.is_error), (None, Some(true)));
    /// ```
    UserCustomToolResult {
        /// The id of the `agent.custom_tool_use` event.
        custom_tool_use_id: EventId,
        /// The tool's result: a text, or blocks.
        content: Content,
        ;
        /// Whether the tool failed. It didn't if left out.
        is_error as bool,
    }
}

impl UserCustomToolResult {
    /// Says how the tool failed.
    pub fn error(tool_use: impl Into<EventId>, content: impl Into<Content>) -> Self {
        Self::new(tool_use, content).is_error(true)
    }
}

body! {
    /// The result of a built-in tool that a self-hosted worker ran.
    UserToolResult {
        /// The id of the `agent.tool_use` event.
        tool_use_id: EventId,
        /// The tool's result: a text, or blocks.
        content: Content,
        ;
        /// Whether the tool failed. It didn't if left out.
        is_error as bool,
    }
}

body! {
    /// An outcome for the session to achieve.
    ///
    /// ```
    /// use qoder_types::{FileId, UserDefineOutcome};
    ///
    /// let outcome = UserDefineOutcome::new("A report of last week's incidents", "Each has a cause.")
    ///     .max_iterations(5);
    /// let by_file = UserDefineOutcome::new("The same report", FileId::new("file_rubric"));
    /// assert_eq!(
    ///     serde_json::to_value(&by_file).unwrap()["rubric"],
    ///     serde_json::json!({"type": "file", "file_id": "file_rubric"}),
    /// );
    /// ```
    UserDefineOutcome {
        /// A description of the outcome.
        description: String,
        /// The criteria by which the outcome is judged: a text, or an uploaded file.
        rubric: Rubric,
        ;
        /// The maximum number of attempts: 1 to 20. 3 if left out.
        max_iterations as u32,
    }
}

tagged! {
    /// The criteria by which an outcome is judged.
    Rubric {
        /// By a text.
        Text(TextRubric) = "text",
        /// By an uploaded file.
        File(FileRubric) = "file",
    }
}

deserialize_by_wire!(Rubric);

impl From<&str> for Rubric {
    fn from(content: &str) -> Self {
        TextRubric::new(content).into()
    }
}

impl From<String> for Rubric {
    fn from(content: String) -> Self {
        TextRubric::new(content).into()
    }
}

impl From<FileId> for Rubric {
    fn from(file_id: FileId) -> Self {
        FileRubric::new(file_id).into()
    }
}

body! {
    /// A text by which an outcome is judged.
    TextRubric {
        /// The text.
        content: String,
    }
}

body! {
    /// An uploaded file by which an outcome is judged.
    FileRubric {
        /// The file.
        file_id: FileId,
    }
}

body! {
    /// A message of the system's: at most one in a request, the last event of it, right after a
    /// message or a result.
    SystemMessage {
        /// The content of the message: blocks of text only.
        content: Content,
    }
}

body! {
    /// Sends events to a session.
    SendEvents {
        /// The events, in their order: at least one.
        events: Vec<InputEvent>,
    }
}
