//! The types of events, each with what it carries beyond the common fields.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Number, Value};

use super::{
    Announced, Common, Delta, EvaluatedPermission, MalformedEvent, ModelUsage, SessionError,
    StopReason, UnknownEvent,
};
use crate::{
    ConfirmationResult, Content, ErrorBody, EventId, Extra, FileId, OutcomeId, ThreadId, Timestamp,
};

/// The name that an event's struct and its variant share, and the fields of the struct.
macro_rules! events {
    ($($(#[$meta:meta])* $variant:ident($name:ident) = $text:literal { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        /// An event of a session.
        ///
        /// Types of tomorrow are [`Unknown`](Event::Unknown); a known type in a shape that doesn't
        /// fit, or a frame that is no JSON, is [`Malformed`](Event::Malformed). All of them have
        /// their [`raw`](Event::raw) text, so nothing is lost.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Event {
            $(#[doc = concat!("`", $text, "`: see [`", stringify!($name), "`].")] $variant($name),)*
            /// An event whose type this release doesn't know.
            Unknown(UnknownEvent),
            /// A frame that could not be read as what it says it is.
            Malformed(MalformedEvent),
        }

        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Deserialize)]
            #[non_exhaustive]
            pub struct $name {
                /// The event's id: of its JSON, or else of its frame.
                #[serde(default)]
                pub id: Option<EventId>,
                /// When the server processed it.
                #[serde(default)]
                pub processed_at: Option<Timestamp>,
                /// The thread it belongs to, where it is not the main one.
                #[serde(default)]
                pub session_thread_id: Option<ThreadId>,
                $($(#[$fmeta])* pub $field: $ty,)*
                #[serde(skip)]
                raw: Box<str>,
            }

            impl $name {
                /// The event's JSON, to the letter.
                pub fn raw(&self) -> &str {
                    &self.raw
                }
            }
        )*

        impl Event {
            /// The type of the event, as it is on the wire.
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $text,)*
                    Self::Unknown(event) => &event.type_name,
                    Self::Malformed(event) => &event.type_name,
                }
            }

            /// The types that this release knows.
            pub const TYPES: &'static [&'static str] = &[$($text),*];

            pub(super) fn read(type_name: &str, own_id: Option<&str>, data: &str) -> serde_json::Result<Option<Self>> {
                Ok(match type_name {
                    $($text => {
                        let mut event: $name = serde_json::from_str(data)?;
                        if event.id.is_none() {
                            event.id = own_id.map(EventId::from);
                        }
                        event.raw = data.into();
                        Some(Self::$variant(event))
                    })*
                    _ => None,
                })
            }

            pub(super) fn common(&self) -> Common<'_> {
                match self {
                    $(Self::$variant(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: event.processed_at.as_ref(),
                        session_thread_id: event.session_thread_id.as_ref(),
                        raw: &event.raw,
                    },)*
                    Self::Unknown(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: event.processed_at.as_ref(),
                        session_thread_id: event.session_thread_id.as_ref(),
                        raw: &event.raw,
                    },
                    Self::Malformed(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: None,
                        session_thread_id: None,
                        raw: &event.raw,
                    },
                }
            }
        }
    };
}

events! {
    /// The echo of a message that was sent.
    UserMessage(UserMessageEvent) = "user.message" {
        /// What it says; a plain text in the first generation.
        content: Content,
    }
    /// The echo of an interruption.
    UserInterrupt(UserInterruptEvent) = "user.interrupt" {}
    /// The echo of an approval or a denial.
    UserToolConfirmation(UserToolConfirmationEvent) = "user.tool_confirmation" {
        /// The tool use that it answers.
        tool_use_id: EventId,
        /// The answer; an older generation has `decision` in its place.
        result: Option<ConfirmationResult>,
        /// Why not.
        deny_message: Option<String>,
    }
    /// The echo of the result of a custom tool.
    UserCustomToolResult(UserCustomToolResultEvent) = "user.custom_tool_result" {
        /// The tool use that it answers.
        #[serde(alias = "tool_use_id")]
        custom_tool_use_id: EventId,
        /// The result.
        content: Option<Content>,
        /// Whether the tool failed.
        is_error: Option<bool>,
    }
    /// The echo of the result of a built-in tool that a self-hosted worker ran.
    UserToolResult(UserToolResultEvent) = "user.tool_result" {
        /// The tool use that it answers.
        tool_use_id: EventId,
        /// The result.
        content: Option<Content>,
        /// Whether the tool failed.
        is_error: Option<bool>,
    }
    /// The echo of an outcome that was defined.
    UserDefineOutcome(UserDefineOutcomeEvent) = "user.define_outcome" {
        /// What is to be achieved.
        description: Option<String>,
        /// How it is judged.
        rubric: Option<Value>,
        /// How often the agent may try.
        max_iterations: Option<u64>,
        /// The id that the server gave the outcome.
        outcome_id: Option<OutcomeId>,
    }
    /// A message of the system's.
    SystemMessage(SystemMessageEvent) = "system.message" {
        /// What it says.
        content: Content,
    }
    /// A message of the agent's, whole: one or more to a turn.
    AgentMessage(AgentMessageEvent) = "agent.message" {
        /// What it says.
        content: Content,
        /// Whether it is a piece of a message, in an early generation.
        delta: Option<bool>,
    }
    /// The agent is thinking.
    AgentThinking(AgentThinkingEvent) = "agent.thinking" {
        /// What about, in early generations.
        #[serde(alias = "thinking")]
        content: Option<Content>,
    }
    /// The agent uses a built-in tool.
    AgentToolUse(AgentToolUseEvent) = "agent.tool_use" {
        /// The tool.
        name: String,
        /// What it is given.
        #[serde(default)]
        input: Value,
        /// With `ask`, the turn pauses for a `user.tool_confirmation`.
        evaluated_permission: Option<EvaluatedPermission>,
    }
    /// The result of a built-in tool.
    AgentToolResult(AgentToolResultEvent) = "agent.tool_result" {
        /// The tool use that it answers; missing in an early generation.
        tool_use_id: Option<EventId>,
        /// The result.
        #[serde(alias = "output")]
        content: Option<Content>,
        /// Whether the tool failed.
        is_error: Option<bool>,
    }
    /// The agent uses a tool of an MCP server.
    AgentMcpToolUse(AgentMcpToolUseEvent) = "agent.mcp_tool_use" {
        /// The tool.
        name: String,
        /// The server.
        mcp_server_name: Option<String>,
        /// What it is given.
        #[serde(default)]
        input: Value,
        /// With `ask`, the turn pauses for a `user.tool_confirmation`.
        evaluated_permission: Option<EvaluatedPermission>,
    }
    /// The result of a tool of an MCP server.
    AgentMcpToolResult(AgentMcpToolResultEvent) = "agent.mcp_tool_result" {
        /// The tool use that it answers.
        mcp_tool_use_id: Option<EventId>,
        /// The result.
        content: Option<Content>,
        /// Whether the tool failed.
        is_error: Option<bool>,
    }
    /// The agent uses a custom tool: the turn pauses for a `user.custom_tool_result`.
    AgentCustomToolUse(AgentCustomToolUseEvent) = "agent.custom_tool_use" {
        /// The tool.
        name: String,
        /// What it is given.
        #[serde(default)]
        input: Value,
    }
    /// The agent delivered a file.
    AgentArtifactDelivered(AgentArtifactDeliveredEvent) = "agent.artifact_delivered" {
        /// The file, to download.
        file_id: FileId,
        /// Its name.
        original_filename: Option<String>,
        /// Its media type.
        content_type: Option<String>,
        /// Its size in bytes.
        size: Option<u64>,
    }
    /// The agent got a message from another thread.
    AgentThreadMessageReceived(AgentThreadMessageReceivedEvent) = "agent.thread_message_received" {
        /// What it says.
        content: Content,
        /// The thread it is from.
        from_session_thread_id: Option<ThreadId>,
        /// The agent it is from.
        from_agent_name: Option<String>,
    }
    /// The agent sent a message to another thread.
    AgentThreadMessageSent(AgentThreadMessageSentEvent) = "agent.thread_message_sent" {
        /// What it says.
        content: Content,
        /// The thread it is for.
        to_session_thread_id: Option<ThreadId>,
        /// The agent it is for.
        to_agent_name: Option<String>,
    }
    /// The agent's context was compacted.
    AgentThreadContextCompacted(AgentThreadContextCompactedEvent) = "agent.thread_context_compacted" {
        /// What that took.
        usage: Option<ModelUsage>,
    }
    /// The session is at work.
    SessionStatusRunning(SessionStatusRunningEvent) = "session.status_running" {}
    /// The session is idle: the turn is over, or it waits for an answer.
    SessionStatusIdle(SessionStatusIdleEvent) = "session.status_idle" {
        /// Why; missing in early generations.
        stop_reason: Option<StopReason>,
    }
    /// The session was rescheduled: in the first generation how each turn starts, today a recovery.
    SessionStatusRescheduled(SessionStatusRescheduledEvent) = "session.status_rescheduled" {}
    /// The session is terminated; nothing follows.
    SessionStatusTerminated(SessionStatusTerminatedEvent) = "session.status_terminated" {}
    /// Something went wrong in the session. This is news of the session, not an error of the stream.
    SessionError(SessionErrorEvent) = "session.error" {
        /// What.
        error: SessionError,
        /// A code, in early generations.
        code: Option<String>,
    }
    /// The session was changed; only what changed is there.
    SessionUpdated(SessionUpdatedEvent) = "session.updated" {
        /// Its title.
        title: Option<String>,
        /// Its metadata.
        metadata: Option<Extra>,
        /// Its agent.
        agent: Option<Value>,
        /// Its budget.
        budget: Option<Value>,
    }
    /// The session was deleted; nothing follows.
    SessionDeleted(SessionDeletedEvent) = "session.deleted" {}
    /// What the session has cost so far: a snapshot, not an addition.
    SessionUsage(SessionUsageEvent) = "session.usage" {
        /// Credits for models.
        model_credits: Option<Number>,
        /// Credits for the sandbox.
        sandbox_runtime_credits: Option<Number>,
        /// All credits.
        total_credits: Option<Number>,
        /// The same in another form.
        usage: Option<Value>,
        /// The budget it is measured against.
        budget: Option<Value>,
    }
    /// A thread was created.
    SessionThreadCreated(SessionThreadCreatedEvent) = "session.thread_created" {
        /// The agent of the thread.
        agent_name: Option<String>,
    }
    /// A thread is at work.
    SessionThreadStatusRunning(SessionThreadStatusRunningEvent) = "session.thread_status_running" {
        /// The agent of the thread.
        agent_name: Option<String>,
    }
    /// A thread is idle. This ends no turn.
    SessionThreadStatusIdle(SessionThreadStatusIdleEvent) = "session.thread_status_idle" {
        /// The agent of the thread.
        agent_name: Option<String>,
        /// Why.
        stop_reason: Option<StopReason>,
    }
    /// A thread was rescheduled.
    SessionThreadStatusRescheduled(SessionThreadStatusRescheduledEvent) = "session.thread_status_rescheduled" {
        /// The agent of the thread.
        agent_name: Option<String>,
    }
    /// A thread is terminated.
    SessionThreadStatusTerminated(SessionThreadStatusTerminatedEvent) = "session.thread_status_terminated" {
        /// The agent of the thread.
        agent_name: Option<String>,
    }
    /// A request of a model began.
    SpanModelRequestStart(SpanModelRequestStartEvent) = "span.model_request_start" {}
    /// A request of a model ended. This ends no turn.
    SpanModelRequestEnd(SpanModelRequestEndEvent) = "span.model_request_end" {
        /// Whether it failed.
        is_error: Option<bool>,
        /// The event that began it.
        model_request_start_id: Option<EventId>,
        /// What it cost.
        model_usage: Option<ModelUsage>,
    }
    /// The evaluation of an outcome began.
    SpanOutcomeEvaluationStart(SpanOutcomeEvaluationStartEvent) = "span.outcome_evaluation_start" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// Which try, from 0.
        iteration: Option<u64>,
    }
    /// The evaluation of an outcome goes on.
    SpanOutcomeEvaluationOngoing(SpanOutcomeEvaluationOngoingEvent) = "span.outcome_evaluation_ongoing" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// Which try, from 0.
        iteration: Option<u64>,
    }
    /// The evaluation of an outcome ended.
    SpanOutcomeEvaluationEnd(SpanOutcomeEvaluationEndEvent) = "span.outcome_evaluation_end" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// Which try, from 0.
        iteration: Option<u64>,
        /// The event that began the evaluation.
        outcome_evaluation_start_id: Option<EventId>,
        /// What it came to, such as `satisfied` or `needs_revision`.
        result: Option<String>,
        /// Why.
        explanation: Option<String>,
        /// What it cost.
        usage: Option<Value>,
    }
    /// A preview: an event begins to be written.
    EventStart(EventStartEvent) = "event_start" {
        /// The event that is announced.
        event: Announced,
    }
    /// A preview: a piece of an event that is being written.
    EventDelta(EventDeltaEvent) = "event_delta" {
        /// The event that it is a piece of.
        event_id: EventId,
        /// The piece.
        delta: Delta,
    }
    /// A sign of life of the connection.
    Heartbeat(HeartbeatEvent) = "heartbeat" {}
    /// A sign of life of the connection, in another form.
    Ping(PingEvent) = "ping" {}
    /// An error of the stream itself.
    StreamError(StreamErrorEvent) = "error" {
        /// What is wrong: the error of an error body, or a text.
        error: Option<Value>,
        /// The id of the request.
        request_id: Option<String>,
    }
    /// The session is terminated, in an early generation; nothing follows.
    Terminated(TerminatedEvent) = "terminated" {
        /// Why.
        reason: Option<String>,
    }
    /// A message begins, in a former form of previews, which is in lists too.
    AgentMessageStart(AgentMessageStartEvent) = "agent.message_start" {
        /// The message.
        message_id: Option<String>,
    }
    /// A content block begins, in a former form of previews.
    AgentContentBlockStart(AgentContentBlockStartEvent) = "agent.content_block_start" {
        /// The message.
        message_id: Option<String>,
        /// Which block, from 0.
        index: Option<usize>,
        /// The block as it begins.
        content_block: Option<Value>,
    }
    /// A content block goes on, in a former form of previews.
    AgentContentBlockDelta(AgentContentBlockDeltaEvent) = "agent.content_block_delta" {
        /// The message.
        message_id: Option<String>,
        /// Which block, from 0.
        index: Option<usize>,
        /// What is new, and of which kind.
        delta: Option<Value>,
    }
    /// A content block ends, in a former form of previews.
    AgentContentBlockStop(AgentContentBlockStopEvent) = "agent.content_block_stop" {
        /// The message.
        message_id: Option<String>,
        /// Which block, from 0.
        index: Option<usize>,
    }
    /// A message changes, in a former form of previews.
    AgentMessageDelta(AgentMessageDeltaEvent) = "agent.message_delta" {
        /// The message.
        message_id: Option<String>,
        /// What is new.
        delta: Option<Value>,
    }
    /// A message ends, in a former form of previews.
    AgentMessageStop(AgentMessageStopEvent) = "agent.message_stop" {
        /// The message.
        message_id: Option<String>,
    }
}

impl AgentMessageEvent {
    /// The text of the message: that of all its text blocks.
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }
}

impl UserMessageEvent {
    /// The text of the message: that of all its text blocks.
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }
}

impl SessionErrorEvent {
    /// What is wrong, for people.
    pub fn message(&self) -> &str {
        &self.error.message
    }
}

impl StreamErrorEvent {
    /// The error, as in the body of a response.
    pub fn body(&self) -> ErrorBody {
        ErrorBody::parse(self.raw().as_bytes())
    }
}
