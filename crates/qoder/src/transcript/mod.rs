//! Transcripts of sessions, for people to read and programs to keep: see [`Transcript`].

mod print;

use std::collections::HashMap;

use qoder_types::{
    ConfirmationResult, Content, Event, EventId, FileId, RetryStatus, SessionErrorEvent, ThreadId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tools::ToolUse;
use crate::turn::{Stop, stop_of};

/// A record of a session: messages, tool calls with their results, files, errors and
/// stops, in their order. Made of events, as they come or from the past; an event that was taken
/// before, by its id, changes nothing, so that both can overlap.
///
/// It is serialisable, and printable: as text by [`Display`](std::fmt::Display), in which what was
/// said is indented, and as Markdown by [`to_markdown`](Self::to_markdown), in which it is fenced, so
/// that nothing that was said looks like a part of the transcript.
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// use qoder::transcript::Transcript;
///
/// // Of a session's history:
/// let history = session.transcript().await?;
/// std::fs::write("session.md", history.to_markdown()).ok();
///
/// // Or as it happens:
/// let mut transcript = Transcript::new();
/// let mut turn = session.turn("Book the trip.").await?;
/// while let Some(event) = turn.next().await {
///     transcript.push(&event?);
/// }
/// print!("{transcript}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Transcript {
    thinking: bool,
    entries: Vec<Entry>,
    /// The index of each event's entry.
    at: HashMap<EventId, usize>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    thinking: bool,
    entries: Vec<Entry>,
}

/// One thing that was said or done.
///
/// ```
/// use qoder::Event;
/// use qoder::transcript::{Transcript, What};
///
/// let mut transcript = Transcript::new();
/// transcript.push(&Event::decode("user.message", Some("evt_1"), r#"{"content":"Hello!"}"#));
/// transcript.push(&Event::decode("agent.message", Some("evt_2"), r#"{"content":"Good day."}"#));
/// for entry in transcript.entries() {
///     if let What::Message { by, content } = &entry.what {
///         println!("{by:?}: {}", content.text());
///     }
/// }
/// assert_eq!(transcript.entries().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// The id of its event. `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// When the server processed its event, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The thread that it belongs to. `None` if that is the session's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
    /// The content of the entry.
    #[serde(flatten)]
    pub what: What,
}

/// The content of an entry: something that was said or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// A message.
    Message {
        /// The speaker.
        by: Speaker,
        /// The content of the message.
        content: Content,
    },
    /// The agent thought; as far as the server tells, this. Only in a transcript
    /// [with thinking](Transcript::with_thinking).
    Thinking {
        /// The text of the thoughts. Mostly empty.
        text: String,
    },
    /// The agent used a tool.
    Tool(Box<Tool>),
    /// The agent delivered a file.
    File {
        /// The file's id, by which it can be downloaded.
        file_id: FileId,
        /// The file's name. Empty if the server doesn't say.
        #[serde(default)]
        filename: String,
        /// The media type. Empty if the server doesn't say.
        #[serde(default)]
        media_type: String,
        /// The size in bytes, if the server says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size_bytes: Option<u64>,
    },
    /// Something went wrong.
    Error {
        /// The kind of error, in the server's word.
        kind: String,
        /// The server's message.
        message: String,
        /// Whether the platform tries again, so that the turn may still come to a good end.
        retrying: bool,
    },
    /// The session stopped.
    Stop {
        /// The reason, in the API's word: `end_turn`, `requires_action`, `terminated`. Empty if it
        /// gave none.
        reason: String,
    },
    /// Something else: of a type that this release doesn't know, that can't be read, or that has no
    /// entry of its own.
    Other {
        /// The event's type.
        event_type: String,
    },
}

/// The speaker of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speaker {
    /// The user.
    User,
    /// The agent.
    Agent,
    /// The system.
    System,
}

/// A tool that the agent used, with its result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tool {
    /// The tool's name. Empty if the event has none, or is not in the transcript.
    pub name: String,
    /// The MCP server that the tool is of. `None` for other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The tool's input.
    #[serde(default)]
    pub input: Value,
    /// Whether the use was allowed, where that was asked for and answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// The reason why it was not allowed, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_message: Option<String>,
    /// The tool's result. `None` if nothing came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Content>,
    /// Whether the tool failed.
    #[serde(default)]
    pub is_error: bool,
}

impl Transcript {
    /// Makes an empty one, for what is said and done.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty one, for what is thought too.
    pub fn with_thinking() -> Self {
        Self {
            thinking: true,
            ..Self::default()
        }
    }

    /// Returns the entries so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes an event, which is to come after those before. Previews, signs of life, and what the
    /// platform only says of itself leave no entry.
    pub fn push(&mut self, event: &Event) {
        let known = event.id().is_some_and(|id| self.at.contains_key(id));
        if known || is_noise(event) || self.takes_answer(event) {
            return;
        }
        if let Some(what) = self.what(event) {
            self.keep(Entry {
                id: event.id().cloned(),
                at: event.processed_at().cloned(),
                thread: event.session_thread_id().cloned(),
                what,
            });
        }
    }

    fn what(&self, event: &Event) -> Option<What> {
        let message = |by, content: &Content| What::Message {
            by,
            content: content.clone(),
        };
        if let Some(used) = ToolUse::of(event) {
            return Some(What::Tool(Box::new(Tool {
                name: used.name().to_owned(),
                server: used.server().map(str::to_owned),
                input: used.input().clone(),
                ..Tool::default()
            })));
        }
        if let Some(stop) = stop_of(event) {
            let reason = match stop {
                Stop::Other(word) => word,
                stop => stop.to_string(),
            };
            return Some(What::Stop { reason });
        }
        Some(match event {
            Event::UserMessage(event) => message(Speaker::User, &event.content),
            Event::AgentMessage(event) => message(Speaker::Agent, &event.content),
            Event::SystemMessage(event) => message(Speaker::System, &event.content),
            Event::AgentThinking(_) if !self.thinking => return None,
            Event::AgentThinking(event) => {
                let content = event.content.as_ref();
                What::Thinking {
                    text: content
                        .map(|content| content.text().into_owned())
                        .unwrap_or_default(),
                }
            }
            Event::AgentArtifactDelivered(event) => What::File {
                file_id: event.file_id.clone(),
                filename: event.original_filename.clone().unwrap_or_default(),
                media_type: event.content_type.clone().unwrap_or_default(),
                size_bytes: event.size,
            },
            Event::SessionError(event) => error(event),
            other => What::Other {
                event_type: other.type_name().to_owned(),
            },
        })
    }

    /// Takes what belongs to a tool use before: its permission, or its result.
    fn takes_answer(&mut self, event: &Event) -> bool {
        let (id, content, is_error) = match event {
            Event::UserToolConfirmation(answer) => {
                let allows = |result: &ConfirmationResult| *result == ConfirmationResult::Allow;
                self.change(&answer.tool_use_id, |tool| {
                    tool.allowed = answer.result.as_ref().map(allows);
                    tool.deny_message.clone_from(&answer.deny_message);
                });
                return true;
            }
            Event::AgentToolResult(event) => {
                (event.tool_use_id.as_ref(), &event.content, event.is_error)
            }
            Event::AgentMcpToolResult(event) => {
                let id = event.mcp_tool_use_id.as_ref();
                (id, &event.content, event.is_error)
            }
            Event::UserCustomToolResult(event) => {
                let id = Some(&event.custom_tool_use_id);
                (id, &event.content, event.is_error)
            }
            Event::UserToolResult(event) => {
                (Some(&event.tool_use_id), &event.content, event.is_error)
            }
            _ => return false,
        };
        let Some(id) = id else { return false };
        self.change(id, |tool| {
            // The first result counts, whatever the server repeats.
            if tool.result.is_none() {
                let nothing = || Content::Text(String::new());
                tool.result = Some(content.clone().unwrap_or_else(nothing));
                tool.is_error = is_error == Some(true);
            }
        });
        true
    }

    /// Changes the tool use with this id. One that is not in the transcript is nameless.
    fn change(&mut self, id: &EventId, change: impl FnOnce(&mut Tool)) {
        let known = self.at.get(id).and_then(|at| self.entries.get_mut(*at));
        match known.map(|entry| &mut entry.what) {
            Some(What::Tool(tool)) => change(tool),
            Some(_) => {}
            None => {
                let mut tool = Box::default();
                change(&mut tool);
                self.keep(Entry {
                    id: Some(id.clone()),
                    at: None,
                    thread: None,
                    what: What::Tool(tool),
                });
            }
        }
    }

    fn keep(&mut self, entry: Entry) {
        if let Some(id) = &entry.id {
            self.at.insert(id.clone(), self.entries.len());
        }
        self.entries.push(entry);
    }
}

impl<'e> Extend<&'e Event> for Transcript {
    fn extend<I: IntoIterator<Item = &'e Event>>(&mut self, events: I) {
        for event in events {
            self.push(event);
        }
    }
}

impl<'e> FromIterator<&'e Event> for Transcript {
    fn from_iter<I: IntoIterator<Item = &'e Event>>(events: I) -> Self {
        let mut transcript = Self::new();
        transcript.extend(events);
        transcript
    }
}

impl From<Stored> for Transcript {
    fn from(stored: Stored) -> Self {
        let mut transcript = Self {
            thinking: stored.thinking,
            ..Self::default()
        };
        for entry in stored.entries {
            transcript.keep(entry);
        }
        transcript
    }
}

impl From<Transcript> for Stored {
    fn from(transcript: Transcript) -> Self {
        Self {
            thinking: transcript.thinking,
            entries: transcript.entries,
        }
    }
}

fn error(event: &SessionErrorEvent) -> What {
    let retry = event.error.retry_status.as_ref();
    What::Error {
        kind: event.error.error_type.clone().unwrap_or_default(),
        message: event.message().to_owned(),
        retrying: retry == Some(&RetryStatus::Retrying),
    }
}

/// Whether it leaves no entry: a preview, a sign of life, or what the platform only says of itself.
fn is_noise(event: &Event) -> bool {
    matches!(
        event.type_name(),
        "session.status_running"
            | "session.status_rescheduled"
            | "session.usage"
            | "session.thread_status_running"
            | "session.thread_status_idle"
            | "session.thread_status_rescheduled"
            | "session.thread_status_terminated"
            | "span.model_request_start"
            | "span.model_request_end"
            | "span.outcome_evaluation_start"
            | "span.outcome_evaluation_ongoing"
            | "event_start"
            | "event_delta"
            | "heartbeat"
            | "ping"
            | "error"
            | "agent.message_start"
            | "agent.content_block_start"
            | "agent.content_block_delta"
            | "agent.content_block_stop"
            | "agent.message_delta"
            | "agent.message_stop"
    )
}

#[cfg(test)]
mod tests;
