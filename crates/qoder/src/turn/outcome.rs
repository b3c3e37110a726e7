//! The reply of a turn: its messages, tool calls, files and costs.

use std::borrow::Cow;
use std::time::Duration;

use qoder_types::{
    AgentArtifactDeliveredEvent, AgentMessageEvent, Event, SessionErrorEvent, SessionUsageEvent,
};
use serde_json::Value;

use super::Stop;
use crate::tools::ToolUse;

/// The agent's answer in a turn.
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// let reply = session.ask("How many lines has main.rs?").await?;
/// println!("{} ({:?})", reply.final_text(), reply.duration());
/// for call in reply.tool_calls() {
///     println!("{} {}: {:?}", call.name(), call.input(), call.output());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    collected: Collected,
    stop: Stop,
    error: Option<SessionErrorEvent>,
    duration: Duration,
}

impl Reply {
    /// Returns the text of all messages of the turn, one after another, a line break between them.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self
            .messages()
            .iter()
            .map(AgentMessageEvent::text)
            .collect();
        texts.join("\n")
    }

    /// Returns the text of the last message: what the agent says at the end. Empty if there is
    /// none.
    pub fn final_text(&self) -> Cow<'_, str> {
        self.messages()
            .last()
            .map(AgentMessageEvent::text)
            .unwrap_or_default()
    }

    /// Returns the messages of the turn, in order.
    pub fn messages(&self) -> &[AgentMessageEvent] {
        &self.collected.messages
    }

    /// Returns the tools that the agent used, in order, with their results.
    pub fn tool_calls(&self) -> &[ToolCall] {
        &self.collected.calls
    }

    /// Returns the files that the agent delivered, which can be
    /// [downloaded](crate::resources::Files::download).
    pub fn artifacts(&self) -> &[AgentArtifactDeliveredEvent] {
        &self.collected.artifacts
    }

    /// Returns why the turn is over. Only [`Stop::EndTurn`] is success.
    pub fn stop_reason(&self) -> &Stop {
        &self.stop
    }

    /// Returns the last error that the session reported in the turn: one it recovered from, if the
    /// turn still ended with [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.error.as_ref()
    }

    /// Returns the credits that the requests to models have cost, as far as the server says so,
    /// which rounds each down to two decimals. `None` if it says nothing.
    pub fn credits(&self) -> Option<f64> {
        self.collected.credits
    }

    /// Returns the last account of what the whole session has used so far, this turn included.
    /// `None` if there was none.
    pub fn session_usage(&self) -> Option<&SessionUsageEvent> {
        self.collected.usage.as_ref()
    }

    /// Returns the time that the turn took here: from before its message was sent, or since it was
    /// resumed, to its end.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

/// A tool that the agent used, with its result; from [`Reply::tool_calls`].
#[derive(Clone, Debug)]
pub struct ToolCall {
    used: ToolUse,
    result: Option<Event>,
}

impl ToolCall {
    /// Returns the use: its id, the kind of the tool, its event.
    pub fn tool_use(&self) -> &ToolUse {
        &self.used
    }

    /// Returns the tool's name. Empty if the event has none.
    pub fn name(&self) -> &str {
        self.used.name()
    }

    /// Returns the tool's input.
    pub fn input(&self) -> &Value {
        self.used.input()
    }

    /// Returns the event with the result. `None` if none came.
    pub fn result(&self) -> Option<&Event> {
        self.result.as_ref()
    }

    /// Returns the text of the result. `None` if none came, or if it can't be read.
    pub fn output(&self) -> Option<Cow<'_, str>> {
        let content = match self.result.as_ref()? {
            Event::AgentToolResult(result) => result.content.as_ref()?,
            Event::AgentMcpToolResult(result) => result.content.as_ref()?,
            Event::UserCustomToolResult(result) => result.content.as_ref()?,
            Event::UserToolResult(result) => result.content.as_ref()?,
            _ => return None,
        };
        Some(content.text())
    }

    /// Returns whether the result says that the tool failed.
    pub fn is_error(&self) -> bool {
        let failed = match &self.result {
            Some(Event::AgentToolResult(result)) => result.is_error,
            Some(Event::AgentMcpToolResult(result)) => result.is_error,
            Some(Event::UserCustomToolResult(result)) => result.is_error,
            Some(Event::UserToolResult(result)) => result.is_error,
            _ => None,
        };
        failed == Some(true)
    }
}

/// The contents of a turn's events, as they are collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    messages: Vec<AgentMessageEvent>,
    calls: Vec<ToolCall>,
    artifacts: Vec<AgentArtifactDeliveredEvent>,
    credits: Option<f64>,
    usage: Option<SessionUsageEvent>,
}

impl Collected {
    /// Takes the next event of the turn; gives it back if it is a message that can't be read.
    pub(super) fn observe(&mut self, event: Event) -> Option<Event> {
        let answered = match &event {
            Event::AgentToolResult(result) => result.tool_use_id.clone(),
            Event::AgentMcpToolResult(result) => result.mcp_tool_use_id.clone(),
            Event::UserCustomToolResult(result) => Some(result.custom_tool_use_id.clone()),
            Event::UserToolResult(result) => Some(result.tool_use_id.clone()),
            _ => None,
        };
        if let Some(id) = answered {
            if let Some(call) = self.calls.iter_mut().rfind(|call| *call.used.id() == id) {
                call.result.get_or_insert(event);
            }
            return None;
        }
        match event {
            Event::AgentMessage(message) => self.messages.push(message),
            Event::AgentArtifactDelivered(artifact) => self.artifacts.push(artifact),
            Event::SessionUsage(usage) => self.usage = Some(usage),
            Event::SpanModelRequestEnd(end) => {
                let usage = end.model_usage.as_ref();
                if let Some(credits) = usage.and_then(|usage| usage.credits.as_ref()) {
                    *self.credits.get_or_insert(0.0) += credits.as_f64();
                }
            }
            other if other.type_name() == "agent.message" => return Some(other),
            other => {
                let call = |used| ToolCall { used, result: None };
                self.calls.extend(ToolUse::of(&other).map(call));
            }
        }
        None
    }

    pub(super) fn into_reply(
        self,
        stop: Stop,
        error: Option<SessionErrorEvent>,
        duration: Duration,
    ) -> Reply {
        Reply {
            collected: self,
            stop,
            error,
            duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::ToolKind;

    fn reply(events: &[&str]) -> Reply {
        let mut collected = Collected::default();
        for json in events {
            collected.observe(Event::decode("", None, json));
        }
        collected.into_reply(Stop::EndTurn, None, Duration::ZERO)
    }

    #[test]
    fn tool_calls_have_their_results() {
        let reply = reply(&[
            r#"{"type":"agent.tool_use","id":"a","name":"Bash","input":{"command":"ls"}}"#,
            r#"{"type":"agent.mcp_tool_use","id":"b","name":"find","mcp_server_name":"docs","input":{}}"#,
            r#"{"type":"agent.custom_tool_use","id":"c","name":"add","input":{}}"#,
            r#"{"type":"agent.tool_use","id":"d","name":"Read","input":{}}"#,
            r#"{"type":"agent.mcp_tool_result","id":"r1","mcp_tool_use_id":"b","content":[{"type":"text","text":"page"}],"is_error":true}"#,
            r#"{"type":"agent.tool_result","id":"r2","tool_use_id":"a","content":[{"type":"text","text":"main.rs"}]}"#,
            r#"{"type":"user.custom_tool_result","id":"r3","custom_tool_use_id":"c","content":"3"}"#,
            r#"{"type":"agent.tool_result","id":"r4","tool_use_id":"elsewhere"}"#,
        ]);
        let calls: Vec<_> = reply
            .tool_calls()
            .iter()
            .map(|call| {
                (
                    call.name(),
                    call.output(),
                    call.is_error(),
                    call.tool_use().kind(),
                )
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("Bash", Some("main.rs".into()), false, ToolKind::Builtin),
                ("find", Some("page".into()), true, ToolKind::Mcp),
                ("add", Some("3".into()), false, ToolKind::Custom),
                ("Read", None, false, ToolKind::Builtin),
            ]
        );
        assert_eq!(reply.tool_calls()[1].tool_use().server(), Some("docs"));
    }

    #[test]
    fn a_reply_has_its_texts_files_and_credits() {
        let say = |text: &str| {
            format!(r#"{{"type":"agent.message","content":[{{"type":"text","text":"{text}"}}]}}"#)
        };
        let end = r#"{"type":"span.model_request_end","model_usage":{"credits":0.25}}"#;
        let reply = reply(&[
            &say("One."),
            end,
            r#"{"type":"agent.artifact_delivered","file_id":"file_1"}"#,
            &say("Two."),
            end,
            r#"{"type":"session.usage","total_credits":7.5}"#,
        ]);
        assert_eq!(
            (reply.text().as_str(), &*reply.final_text()),
            ("One.\nTwo.", "Two.")
        );
        assert_eq!(reply.artifacts()[0].file_id.as_str(), "file_1");
        assert_eq!(reply.credits(), Some(0.5));
        let usage = reply.session_usage().expect("an account");
        assert_eq!(
            usage
                .total_credits
                .as_ref()
                .map(qoder_types::Credits::as_f64),
            Some(7.5)
        );
        assert_eq!(super::tests::reply(&[]).credits(), None);
    }
}
