//! A turn in the hands of a script.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::failure::{Failure, Retry};
use super::stage::{End, Stage, Voice};
use super::tool::{Answer, ToolOutput, ToolUse};
use crate::ids::new_id;
use crate::json::{Json, list, object};
use crate::resources::files;

/// A turn that a script plays: what the client said, and what the agent does about it.
///
/// A script is an async closure over it, given to [`Builder::agent`](crate::Builder::agent). Each
/// thing that the agent does is a method that adds events to the session's log, in the order in
/// which the service has them, with the time of [`Builder::pace`](crate::Builder::pace) between
/// two. Calls of the model (`span.model_request_start` and `_end`) are added by themselves.
///
/// The turn ends with `end_turn` when the script returns, or as [`stop`](Self::stop),
/// [`error`](Self::error) or [`terminate`](Self::terminate) say. If the client interrupts or cancels
/// the turn, or the session or the simulator ends, the script is dropped where it waits: nothing
/// it would have done later happens, and its destructors run. After an interrupt the turn stops
/// with `cancelled`. A script that panics ends its turn with a `session.error`, and
/// [`Sim::unexpected`](crate::Sim::unexpected) says so.
///
/// ```
/// use qoder_sim::Sim;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sim = Sim::builder()
///     .agent("my-assistant", |turn| async move {
///         turn.thinking().await;
///         turn.tool_use("Bash", json!({"command": "ls"}), "draft.txt").await;
///         turn.reply(format!("About \"{}\": there is one file.", turn.message())).await;
///     })
///     .start()
///     .await?;
/// # sim.shutdown().await; Ok(()) }
/// ```
#[derive(Debug)]
pub struct Turn {
    pub(super) stage: Arc<Stage>,
    pub(super) voice: Arc<Voice>,
}

/// The client's message, as the script sees it.
impl Turn {
    /// Returns the text of the last message of the client.
    pub fn message(&self) -> &str {
        &self.stage.message
    }

    /// Returns the events that the client sent since the turn before this one ended, such as the
    /// messages with all their content, the outcomes, and the answers to tool uses.
    pub fn received(&self) -> Vec<Value> {
        let mut log = self.log();
        log.retain(|event| {
            let kind = event["type"].as_str().unwrap_or_default();
            kind.starts_with("user.") || kind == "system.message"
        });
        let earlier = self.stage.received_before;
        log.drain(..earlier.min(log.len()));
        log
    }

    /// Returns which turn of the session this is, from 1.
    pub fn number(&self) -> usize {
        self.stage.number
    }

    /// Returns the session's id.
    pub fn session_id(&self) -> &str {
        &self.stage.session
    }

    /// Returns the session as it is now: its title, metadata, agent, resources, and so on.
    pub fn session(&self) -> Value {
        self.stage.look(|session| session.object.clone().into())
    }

    /// Returns the agent as the session has it: its id, name, system prompt, tools, and so on.
    pub fn agent(&self) -> Value {
        self.session()["agent"].take()
    }

    /// Returns the events of the session so far, oldest first.
    pub fn log(&self) -> Vec<Value> {
        self.stage.look(|session| {
            let log = session.log().map(|entry| entry.data.clone().into());
            log.collect()
        })
    }

    /// Returns the client's answers to the tool uses of this turn, in the order in which the script
    /// asked.
    pub fn results(&self) -> Vec<Answer> {
        self.stage.acts().answers.clone()
    }
}

/// The agent's messages and actions.
impl Turn {
    /// Says a message.
    pub async fn reply(&self, text: impl Into<String>) {
        self.deltas([text.into()]).await;
    }

    /// Says a message that comes piece by piece: a preview of each piece for the streams that ask
    /// for them, and then the whole. Threads of other agents have no previews.
    pub async fn deltas<I>(&self, pieces: I)
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        const KIND: &str = "agent.message";
        self.begin_span().await;
        let event = new_id("evt");
        self.preview(KIND, &event, || {
            let start = object! {"id": &event, "type": KIND};
            object! {"type": "event_start", "event": start}
        });
        let mut text = String::new();
        for piece in pieces {
            let piece = piece.into();
            self.pause().await;
            self.preview(KIND, &event, || {
                let content = object! {"type": "text", "text": &piece};
                let delta = object! {"type": "content_delta", "index": 0, "content": content};
                object! {"type": "event_delta", "event_id": &event, "delta": delta}
            });
            text.push_str(&piece);
        }
        self.emit(object! {"id": &event, "type": KIND, "content": blocks(&text)})
            .await;
    }

    /// Thinks. The API shows that it happens, and not what.
    pub async fn thinking(&self) {
        const KIND: &str = "agent.thinking";
        self.begin_span().await;
        let event = new_id("evt");
        self.preview(KIND, &event, || {
            let start = object! {"id": &event, "type": KIND};
            object! {"type": "event_start", "event": start}
        });
        self.pause().await;
        self.emit(object! {"id": event, "type": KIND}).await;
    }

    /// Uses one of the agent's own tools, which asks nobody and has this output. Returns the id of
    /// the use.
    pub async fn tool_use(
        &self,
        name: impl Into<String>,
        input: impl Into<Value>,
        output: impl Into<ToolOutput>,
    ) -> String {
        self.used(ToolUse::tool(name, input), output.into()).await
    }

    /// Uses a tool of an MCP server, which asks nobody and has this output. Returns the id of the
    /// use.
    pub async fn mcp_tool_use(
        &self,
        server: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<Value>,
        output: impl Into<ToolOutput>,
    ) -> String {
        self.used(ToolUse::mcp(server, name, input), output.into())
            .await
    }

    async fn used(&self, tool_use: ToolUse, output: ToolOutput) -> String {
        self.begin_span().await;
        let kind = tool_use.kind.clone();
        let id = self.emit(tool_use.event("allow")).await;
        self.end_span(false).await;
        self.pause().await;
        self.emit(output.event(&kind, &id)).await;
        id
    }

    /// Delivers a file, which the client can download. Returns the file's id.
    pub async fn deliver(
        &self,
        filename: &str,
        mime_type: &str,
        content: impl Into<Bytes>,
    ) -> String {
        self.pause().await;
        let Stage { world, session, .. } = &*self.stage;
        self.stage.mark();
        match files::deliver(world, session, filename, mime_type, content.into()) {
            Some(id) => id,
            None => std::future::pending().await,
        }
    }

    /// Meets an error. After one that is retried the session is rescheduled and runs again; after
    /// one that is exhausted or terminal this never returns, as the turn or the session is over.
    ///
    /// ```
    /// use qoder_sim::{Failure, Sim};
    ///
    /// let builder = Sim::builder().agent("unlucky", |turn| async move {
    ///     turn.error(Failure::retrying("The model is overloaded.")).await;
    ///     if turn.number() > 1 {
    ///         turn.error(Failure::exhausted("It still is.")).await; // and the turn is over
    ///     }
    ///     turn.reply("It worked after all.").await;
    /// });
    /// ```
    pub async fn error(&self, failure: Failure) {
        let retry = failure.retry;
        self.end_span(true).await;
        self.emit(failure.event()).await;
        match retry {
            None => {}
            Some(Retry::Retrying) => {
                self.emit(object! {"type": "session.status_rescheduled"})
                    .await;
                self.pause().await;
                self.emit(object! {"type": "session.status_running"}).await;
            }
            Some(Retry::Exhausted) => self.stop("retries_exhausted").await,
            Some(Retry::Terminal) => self.terminate().await,
        }
    }

    /// Waits for this time of the simulator's clock since the agent last did something.
    /// [`Sim::advance`](crate::Sim::advance) ends the wait at once, so a test needs no patience; one
    /// that has seen the event before the delay can rely on that.
    pub async fn delay(&self, time: Duration) {
        let since = self.stage.acts().last;
        self.stage.world.clock.wait(since, time).await;
    }

    /// Adds an event of any kind to the session, completed with an id and a time, and returns its
    /// id.
    pub async fn publish(&self, event: impl Into<Value>) -> String {
        self.emit(Json::from(event.into())).await
    }

    /// Ends the turn with this reason, such as `budget_reached`. Never returns.
    pub async fn stop(&self, reason: &str) {
        self.pause().await;
        self.stage.end(End::Stop(object! {"type": reason})).await;
    }

    /// Terminates the session. Never returns.
    pub async fn terminate(&self) {
        self.pause().await;
        self.stage.end(End::Terminated).await;
    }
}

/// Work with other agents.
impl Turn {
    /// Creates a thread for another agent. What is done with the turn that this returns, is done
    /// in that thread.
    pub async fn thread(&self, agent: impl Into<String>) -> Turn {
        let voice = Arc::new(Voice::of(new_id("sthr"), agent.into()));
        self.end_span(false).await;
        self.pause().await;
        for event in ["session.thread_created", "session.thread_status_running"] {
            self.emit(voice.said(event)).await;
        }
        self.stage.acts().voices.push(Arc::clone(&voice));
        Turn {
            stage: Arc::clone(&self.stage),
            voice,
        }
    }

    /// Sends a message from this thread to another one, which runs again if it was idle.
    pub async fn tell(&self, other: &Turn, text: impl Into<String>) {
        let content = blocks(&text.into());
        self.end_span(false).await;
        self.pause().await;
        self.emit(object! {
            "type": "agent.thread_message_sent", "content": &content,
            "to_session_thread_id": &other.voice.thread, "to_agent_name": &other.voice.agent,
        })
        .await;
        if other.voice.wake() {
            self.emit(other.voice.said("session.thread_status_running"))
                .await;
        }
        other
            .emit(object! {
                "type": "agent.thread_message_received", "content": content,
                "from_session_thread_id": &self.voice.thread, "from_agent_name": &self.voice.agent,
            })
            .await;
    }

    /// Ends what another agent's thread does for now: it is idle. The main thread, and those that
    /// are still at work, are idle when the turn ends.
    pub async fn idle(&self) {
        self.end_span(false).await;
        if self.voice.rest() {
            let reason = object! {"type": "end_turn"};
            self.emit(self.voice.idle(&reason)).await;
        }
    }

    /// Returns the id of the thread that this is in.
    pub fn thread_id(&self) -> &str {
        &self.voice.thread
    }
}

impl Turn {
    /// Adds an event of this thread. Never returns once the turn is over.
    pub(super) async fn emit(&self, event: Json) -> String {
        match self.stage.publish(&self.voice, event) {
            Some(id) => id,
            None => std::future::pending().await,
        }
    }

    /// Says something of the main thread that is not in the log.
    fn preview(&self, of: &'static str, id: &str, data: impl FnOnce() -> Json) {
        if self.voice.is_main {
            self.stage.with(|session| session.preview(of, id, data()));
        }
    }

    pub(super) async fn pause(&self) {
        tokio::time::sleep(self.stage.world.settings.pace).await;
    }

    /// Begins a call of the model, unless one is under way.
    pub(super) async fn begin_span(&self) {
        if self.stage.has_spans() && self.voice.span().is_none() {
            let id = self
                .emit(object! {"type": "span.model_request_start"})
                .await;
            *self.voice.span() = Some(id);
        }
    }

    /// Ends the call of the model that is under way, if there is one.
    pub(super) async fn end_span(&self, is_error: bool) {
        if let Some(end) = self.voice.span_end(is_error) {
            self.emit(end).await;
        }
    }
}

/// A text as the content of a message.
fn blocks(text: &str) -> Json {
    list![object! {"type": "text", "text": text}]
}
