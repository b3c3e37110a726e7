//! The types of events, each with what it carries beyond the common fields.

use std::borrow::Cow;

use serde_json::Value;

use super::fill::{Field, fill};
use super::mend::Member;
use super::row::{empty, events};
use super::text_delta::DeltaOfText;
use super::{
    Announced, Common, Delta, EvaluatedPermission, MalformedEvent, SessionError, StopReason,
    UnknownEvent,
};
use crate::{
    Budget, ConfirmationResult, Content, Credits, ErrorBody, EventId, Extra, FileId, ModelUsage,
    OutcomeId, Rubric, SessionAgent, ThreadId, Timestamp,
};

events! {
    /// The echo of a message that was sent.
    UserMessage(UserMessageEvent) = "user.message" {
        /// The content of the message. A plain text in the first generation.
        content: Content,
    }
    /// The echo of an interruption.
    UserInterrupt(UserInterruptEvent) = "user.interrupt" {}
    /// The echo of an approval or a denial.
    UserToolConfirmation(UserToolConfirmationEvent) = "user.tool_confirmation" {
        /// The tool use that it answers.
        tool_use_id: EventId,
        /// The answer. An early generation has `decision`, which says `approve` or `deny`.
        result?: ConfirmationResult = "result" | "decision",
        /// The reason that the agent was told. `None` if it was told none.
        deny_message?: String,
    }
    /// The echo of the result of a custom tool.
    UserCustomToolResult(UserCustomToolResultEvent) = "user.custom_tool_result" {
        /// The tool use that it answers.
        custom_tool_use_id: EventId = "custom_tool_use_id" | "tool_use_id",
        /// The tool's result. `None` if it returned nothing.
        content?: Content,
        /// Whether the tool failed. `None` if the server doesn't say.
        is_error?: bool,
    }
    /// The echo of the result of a built-in tool that a self-hosted worker ran.
    UserToolResult(UserToolResultEvent) = "user.tool_result" {
        /// The tool use that it answers.
        tool_use_id: EventId,
        /// The tool's result. `None` if it returned nothing.
        content?: Content,
        /// Whether the tool failed. `None` if the server doesn't say.
        is_error?: bool,
    }
    /// The echo of an outcome that was defined.
    UserDefineOutcome(UserDefineOutcomeEvent) = "user.define_outcome" {
        /// A description of the outcome to be achieved.
        description?: String,
        /// The criteria by which the outcome is judged.
        rubric?: Rubric,
        /// The maximum number of attempts.
        max_iterations?: u64,
        /// The id that the server gave the outcome.
        outcome_id?: OutcomeId,
    }
    /// A message of the system's.
    SystemMessage(SystemMessageEvent) = "system.message" {
        /// The content of the message.
        content: Content,
    }
    /// A whole message of the agent's. A turn has one or more.
    AgentMessage(AgentMessageEvent) = "agent.message" {
        /// The content of the message. A plain text in the first generation.
        content: Content,
        /// Whether it is a piece of a message. Only in an early generation.
        delta?: bool,
    }
    /// The agent is thinking.
    AgentThinking(AgentThinkingEvent) = "agent.thinking" {
        /// The agent's thoughts. Only in early generations.
        content?: Content = "content" | "thinking",
    }
    /// The agent uses a built-in tool.
    AgentToolUse(AgentToolUseEvent) = "agent.tool_use" {
        /// The tool's name.
        name: String,
        /// The tool's input, an object. `null` if it is missing.
        input: Value,
        /// The result of the platform's permission check. With `ask`, the turn pauses for a
        /// `user.tool_confirmation`. `None` in early generations.
        evaluated_permission?: EvaluatedPermission,
    }
    /// The result of a built-in tool.
    AgentToolResult(AgentToolResultEvent) = "agent.tool_result" {
        /// The tool use that it answers. `None` in an early generation.
        tool_use_id?: EventId,
        /// The tool's result. `None` if it returned nothing.
        content?: Content = "content" | "output",
        /// Whether the tool failed. `None` if the server doesn't say.
        is_error?: bool,
    }
    /// The agent uses a tool of an MCP server.
    AgentMcpToolUse(AgentMcpToolUseEvent) = "agent.mcp_tool_use" {
        /// The tool's name.
        name: String,
        /// The server's name.
        mcp_server_name?: String,
        /// The tool's input, an object. `null` if it is missing.
        input: Value,
        /// The result of the platform's permission check. With `ask`, the turn pauses for a
        /// `user.tool_confirmation`. `None` in early generations.
        evaluated_permission?: EvaluatedPermission,
    }
    /// The result of a tool of an MCP server.
    AgentMcpToolResult(AgentMcpToolResultEvent) = "agent.mcp_tool_result" {
        /// The tool use that it answers.
        mcp_tool_use_id?: EventId,
        /// The tool's result. `None` if it returned nothing.
        content?: Content,
        /// Whether the tool failed. `None` if the server doesn't say.
        is_error?: bool,
    }
    /// The agent uses a custom tool. The turn pauses for a `user.custom_tool_result`.
    AgentCustomToolUse(AgentCustomToolUseEvent) = "agent.custom_tool_use" {
        /// The tool's name.
        name: String,
        /// The tool's input, an object. `null` if it is missing.
        input: Value,
    }
    /// The agent delivered a file.
    AgentArtifactDelivered(AgentArtifactDeliveredEvent) = "agent.artifact_delivered" {
        /// The file, which can be downloaded.
        file_id: FileId,
        /// The name that the file had in the container.
        original_filename?: String,
        /// The media type.
        content_type?: String,
        /// The size in bytes.
        size?: u64,
    }
    /// The agent received a message from another thread.
    AgentThreadMessageReceived(AgentThreadMessageReceivedEvent) = "agent.thread_message_received" {
        /// The content of the message.
        content: Content,
        /// The thread that sent it.
        from_session_thread_id?: ThreadId,
        /// The name of the agent that sent it.
        from_agent_name?: String,
    }
    /// The agent sent a message to another thread.
    AgentThreadMessageSent(AgentThreadMessageSentEvent) = "agent.thread_message_sent" {
        /// The content of the message.
        content: Content,
        /// The thread that it is for.
        to_session_thread_id?: ThreadId,
        /// The name of the agent that it is for.
        to_agent_name?: String,
    }
    /// The agent's context was compacted.
    AgentThreadContextCompacted(AgentThreadContextCompactedEvent) = "agent.thread_context_compacted" {
        /// The model usage of the compaction. `None` if the server doesn't say.
        usage?: Box<ModelUsage>,
    }
    /// The session is at work.
    SessionStatusRunning(SessionStatusRunningEvent) = "session.status_running" {}
    /// The session is idle: the turn is over, or it waits for an answer.
    SessionStatusIdle(SessionStatusIdleEvent) = "session.status_idle" {
        /// The reason why the session is idle. `None` in early generations.
        stop_reason?: StopReason,
    }
    /// The session was rescheduled: in the first generation how each turn starts, today a recovery.
    SessionStatusRescheduled(SessionStatusRescheduledEvent) = "session.status_rescheduled" {}
    /// The session is terminated. Nothing follows.
    SessionStatusTerminated(SessionStatusTerminatedEvent) = "session.status_terminated" {}
    /// Something went wrong in the session. This is news of the session, not an error of the stream.
    SessionError(SessionErrorEvent) = "session.error" {
        /// The error.
        error: Box<SessionError>,
        /// A code. Only in early generations.
        code?: String,
    }
    /// The session was changed. What didn't change is `None`.
    SessionUpdated(SessionUpdatedEvent) = "session.updated" {
        /// The new title.
        title?: String,
        /// The new metadata.
        metadata?: Extra,
        /// The new snapshot of the agent.
        agent?: SessionAgent,
        /// The new budget.
        budget?: Box<Budget>,
    }
    /// The session was deleted. Nothing follows.
    SessionDeleted(SessionDeletedEvent) = "session.deleted" {}
    /// The session's cost so far: a snapshot that replaces the one before, not an amount to add to
    /// it. It comes right before the session is idle.
    SessionUsage(SessionUsageEvent) = "session.usage" {
        /// Credits for models.
        model_credits?: Credits,
        /// Credits for the container.
        sandbox_runtime_credits?: Credits,
        /// All credits.
        total_credits?: Credits,
        /// The same in another form.
        usage?: Value,
        /// The budget that it is measured against. `None` if there is none.
        budget?: Box<Budget>,
    }
    /// A thread was created.
    SessionThreadCreated(SessionThreadCreatedEvent) = "session.thread_created" {
        /// The name of the thread's agent.
        agent_name?: String,
    }
    /// A thread is at work.
    SessionThreadStatusRunning(SessionThreadStatusRunningEvent) = "session.thread_status_running" {
        /// The name of the thread's agent.
        agent_name?: String,
    }
    /// A thread is idle. This ends no turn.
    SessionThreadStatusIdle(SessionThreadStatusIdleEvent) = "session.thread_status_idle" {
        /// The name of the thread's agent.
        agent_name?: String,
        /// The reason why the thread is idle.
        stop_reason?: StopReason,
    }
    /// A thread was rescheduled.
    SessionThreadStatusRescheduled(SessionThreadStatusRescheduledEvent) = "session.thread_status_rescheduled" {
        /// The name of the thread's agent.
        agent_name?: String,
    }
    /// A thread is terminated.
    SessionThreadStatusTerminated(SessionThreadStatusTerminatedEvent) = "session.thread_status_terminated" {
        /// The name of the thread's agent.
        agent_name?: String,
    }
    /// A request of a model began.
    SpanModelRequestStart(SpanModelRequestStartEvent) = "span.model_request_start" {}
    /// A request of a model ended. This ends no turn.
    SpanModelRequestEnd(SpanModelRequestEndEvent) = "span.model_request_end" {
        /// Whether it failed.
        is_error?: bool,
        /// The event that began it.
        model_request_start_id?: EventId,
        /// The model usage of the request. `None` if the server doesn't say.
        model_usage?: Box<ModelUsage>,
    }
    /// The evaluation of an outcome began.
    SpanOutcomeEvaluationStart(SpanOutcomeEvaluationStartEvent) = "span.outcome_evaluation_start" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// The number of the attempt, from 0.
        iteration?: u64,
    }
    /// The evaluation of an outcome goes on.
    SpanOutcomeEvaluationOngoing(SpanOutcomeEvaluationOngoingEvent) = "span.outcome_evaluation_ongoing" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// The number of the attempt, from 0.
        iteration?: u64,
    }
    /// The evaluation of an outcome ended.
    SpanOutcomeEvaluationEnd(SpanOutcomeEvaluationEndEvent) = "span.outcome_evaluation_end" {
        /// The outcome.
        outcome_id: OutcomeId,
        /// The number of the attempt, from 0.
        iteration?: u64,
        /// The event that began the evaluation.
        outcome_evaluation_start_id?: EventId,
        /// The verdict: `satisfied`, `needs_revision`, `max_iterations_reached`, `failed` or
        /// `interrupted`.
        result?: String,
        /// The reason for the verdict.
        explanation?: String,
        /// The model usage of the evaluation. `None` if the server doesn't say.
        usage?: Box<ModelUsage>,
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
        /// The error: the member `error` of an error body, or a text.
        error?: Value,
        /// The id of the request.
        request_id?: String,
    }
    /// The session is terminated, in an early generation. Nothing follows.
    Terminated(TerminatedEvent) = "terminated" {
        /// The reason.
        reason?: String,
    }
    /// A message begins, in a former form of previews, which lists have too.
    AgentMessageStart(AgentMessageStartEvent) = "agent.message_start" {
        /// The message's id.
        message_id?: String,
    }
    /// A content block begins, in a former form of previews.
    AgentContentBlockStart(AgentContentBlockStartEvent) = "agent.content_block_start" {
        /// The message's id.
        message_id?: String,
        /// The index of the block, from 0.
        index?: usize,
        /// The block as it begins.
        content_block?: Value,
    }
    /// A content block goes on, in a former form of previews.
    AgentContentBlockDelta(AgentContentBlockDeltaEvent) = "agent.content_block_delta" {
        /// The message's id.
        message_id?: String,
        /// The index of the block, from 0.
        index?: usize,
        /// The new part of the block, with its kind.
        delta?: Value,
    }
    /// A content block ends, in a former form of previews.
    AgentContentBlockStop(AgentContentBlockStopEvent) = "agent.content_block_stop" {
        /// The message's id.
        message_id?: String,
        /// The index of the block, from 0.
        index?: usize,
    }
    /// A message changes, in a former form of previews.
    AgentMessageDelta(AgentMessageDeltaEvent) = "agent.message_delta" {
        /// The message's id.
        message_id?: String,
        /// The new part.
        delta?: Value,
    }
    /// A message ends, in a former form of previews.
    AgentMessageStop(AgentMessageStopEvent) = "agent.message_stop" {
        /// The message's id.
        message_id?: String,
    }
}

impl EventDeltaEvent {
    /// A delta of text is read at half the cost of another event. `None` if it is none.
    pub(super) fn of_text(own_id: Option<&str>, data: &str) -> Option<Self> {
        let mut event = DeltaOfText::read(data)?;
        let id = event.id.take().or_else(|| own_id.map(EventId::from));
        let (processed_at, session_thread_id) =
            (event.processed_at.take(), event.session_thread_id.take());
        let (event_id, delta) = event.into_delta();
        Some(Self {
            id,
            processed_at,
            session_thread_id,
            event_id,
            delta,
            raw: data.into(),
        })
    }
}

impl AgentMessageEvent {
    /// Returns the text of the message: that of all its text blocks.
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }
}

impl UserMessageEvent {
    /// Returns the text of the message: that of all its text blocks.
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }
}

impl SessionErrorEvent {
    /// Returns the message of the error, for people.
    pub fn message(&self) -> &str {
        &self.error.message
    }
}

impl StreamErrorEvent {
    /// Returns the error, read as the body of a response.
    pub fn body(&self) -> ErrorBody {
        ErrorBody::parse(self.raw().as_bytes())
    }
}
