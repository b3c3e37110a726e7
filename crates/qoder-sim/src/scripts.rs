//! Scripted agents. No model runs: an agent does what its script says, at a pace that can be seen.
//!
//! The script is named by `simulate` in the metadata of the session or the agent, or follows from
//! the agent's tools: a custom tool is called, a tool that must ask asks, tools are used, and an
//! agent without any answers; if it has files, it delivers copies of them first.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Dialect;
use crate::files;
use crate::state::{Session, World, id};

/// The turn was cancelled, or the server is gone.
struct Over;

/// An agent at work on one turn.
struct Stage {
    world: Arc<World>,
    session: String,
    grown: watch::Receiver<usize>,
    /// The count of cancellations at the start.
    cancelled: u64,
}

/// Plays the turn that the last message of the session starts.
pub(crate) async fn turn(world: Arc<World>, session: String, cancelled: u64) {
    let mut closing = world.closing.subscribe();
    tokio::select! {
        () = play(world, session, cancelled) => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

async fn play(world: Arc<World>, session: String, cancelled: u64) {
    let start = world.session(&session, |session| {
        (
            session.grown.subscribe(),
            script(session),
            last_message(session),
            words(&session.object),
        )
    });
    let Some((grown, script, message, words)) = start else {
        return;
    };
    let turns = world.lock().turns_started();
    let mut stage = Stage {
        world,
        session,
        grown,
        cancelled,
    };
    let ended = stage.play(&script, &message, words, turns).await;
    let reason = match ended {
        Ok(reason) => reason,
        Err(Over) => json!({"type": "cancelled"}),
    };
    stage.finish(&reason);
}

impl Stage {
    async fn play(
        &mut self,
        script: &str,
        message: &str,
        words: usize,
        turn: usize,
    ) -> Result<Value, Over> {
        if self.world.settings.hold_turns {
            let mut released = self.world.released.subscribe();
            loop {
                tokio::select! {
                    _ = released.wait_for(|released| *released > turn) => break,
                    changed = self.changed() => changed?,
                }
            }
        }
        self.pause().await?;
        let seed = self.world.settings.dialect == Dialect::Seed;
        if seed {
            self.publish(json!({"type": "session.status_rescheduled"}));
        }
        let end_turn = || json!({"type": "end_turn"});
        match script {
            "thinking_and_tools" => {
                let span = self.span_start();
                self.think().await?;
                let tool = self.publish(json!({
                    "type": "agent.tool_use", "name": "Bash", "input": {"command": "wc -w message.txt"},
                    "evaluated_permission": "allow",
                }));
                self.span_end(span.as_ref());
                self.pause().await?;
                let count = message.split_whitespace().count();
                self.publish(json!({
                    "type": "agent.tool_result", "tool_use_id": tool,
                    "content": [{"type": "text", "text": format!("{count} message.txt")}], "is_error": false,
                }));
                self.say(&format!("Your message has {count} words."), words)
                    .await?;
                Ok(end_turn())
            }
            "approval" | "approval_two" => {
                let span = self.span_start();
                let mut asked = Vec::new();
                for n in 0..if script == "approval" { 1 } else { 2 } {
                    asked.push(self.publish(json!({
                        "type": "agent.tool_use", "name": "Bash", "input": {"command": format!("rm draft-{n}")},
                        "evaluated_permission": "ask",
                    })));
                }
                self.span_end(span.as_ref());
                let mut allowed = 0;
                for (tool, answer) in self.ask(asked).await? {
                    let allow = answer["result"] == "allow";
                    allowed += usize::from(allow);
                    let text = if allow {
                        "removed".to_owned()
                    } else {
                        format!(
                            "denied: {}",
                            answer["deny_message"].as_str().unwrap_or("no reason given")
                        )
                    };
                    self.publish(json!({
                        "type": "agent.tool_result", "tool_use_id": tool,
                        "content": [{"type": "text", "text": text}], "is_error": !allow,
                    }));
                }
                self.say(
                    if allowed > 0 {
                        "Done: the draft is gone."
                    } else {
                        "I left the draft in place."
                    },
                    words,
                )
                .await?;
                Ok(end_turn())
            }
            "custom_tool" => {
                let span = self.span_start();
                let name = self.custom_tool();
                let tool = self.publish(json!({
                    "type": "agent.custom_tool_use", "name": name, "input": {"query": message},
                }));
                self.span_end(span.as_ref());
                let answers = self.ask(vec![tool]).await?;
                let answer = answers
                    .first()
                    .map(|(_, answer)| text_of(&answer["content"]))
                    .unwrap_or_default();
                self.say(&format!("{name} says: {answer}"), words).await?;
                Ok(end_turn())
            }
            "fail_and_recover" | "exhausted" | "terminated" => {
                self.error(if script == "terminated" {
                    "terminal"
                } else {
                    "retrying"
                });
                if script == "terminated" {
                    self.pause().await?;
                    self.with(|session| {
                        session.set_status("terminated");
                        session.publish(json!({"type": "session.status_terminated"}));
                    })?;
                    return Ok(Value::Null);
                }
                self.publish(json!({"type": "session.status_rescheduled"}));
                self.pause().await?;
                if script == "exhausted" {
                    self.error("exhausted");
                    return Ok(json!({"type": "retries_exhausted"}));
                }
                self.publish(json!({"type": "session.status_running"}));
                self.say(&answer_to(message), words).await?;
                Ok(end_turn())
            }
            _ => {
                if !seed {
                    self.think().await?;
                }
                if script == "deliver" {
                    self.deliver().await?;
                }
                self.say(&answer_to(message), words).await?;
                Ok(end_turn())
            }
        }
    }

    /// The end of the turn: usage, and idle, or gone.
    fn finish(&self, reason: &Value) {
        let dialect = self.world.settings.dialect;
        self.world.session(&self.session, |session| {
            match session.status() {
                "terminated" => return,
                // In the first generation this is for good.
                "cancelled" => {}
                _ => session.set_status("idle"),
            }
            session.pending.clear();
            session.answers.clear();
            idle(session, reason, dialect);
        });
    }

    /// Waits for the answers to these tool uses, and idles for as long as one is missing.
    async fn ask(&mut self, tools: Vec<String>) -> Result<Vec<(String, Value)>, Over> {
        let dialect = self.world.settings.dialect;
        self.world.session(&self.session, |session| {
            session.pending.clone_from(&tools);
            session.answers.clear();
        });
        let mut told = usize::MAX;
        loop {
            let pending = self.with(|session| {
                if session.pending.len() < told && !session.pending.is_empty() {
                    session.set_status("idle");
                    idle(
                        session,
                        &json!({"type": "requires_action", "event_ids": session.pending}),
                        dialect,
                    );
                }
                session.pending.len()
            })?;
            told = pending;
            if pending == 0 {
                break;
            }
            self.changed().await?;
        }
        self.publish(json!({"type": "session.status_running"}));
        self.with(|session| {
            session.set_status("running");
            let find = |tool: &String| session.answers.iter().find(|(id, _)| id == tool).cloned();
            tools.iter().filter_map(find).collect()
        })
    }

    /// A message, with its previews.
    async fn say(&mut self, text: &str, words: usize) -> Result<(), Over> {
        let longer: String;
        let text = if words == 0 {
            text
        } else {
            longer = (1..=words).fold(String::new(), |text, n| {
                text + "word" + &n.to_string() + " "
            }) + text;
            &longer
        };
        let span = self.span_start();
        let event = id("evt");
        self.with(|session| {
            let data =
                json!({"type": "event_start", "event": {"id": event, "type": "agent.message"}});
            session.preview("agent.message", &event, data);
        })?;
        for piece in text.split_inclusive(' ') {
            self.pause().await?;
            self.with(|session| {
                let content = json!({"type": "text", "text": piece});
                let delta = json!({"type": "content_delta", "index": 0, "content": content});
                let data = json!({"type": "event_delta", "event_id": event, "delta": delta});
                session.preview("agent.message", &event, data);
            })?;
        }
        self.publish(json!({"id": event, "type": "agent.message", "content": [{"type": "text", "text": text}]}));
        self.span_end(span.as_ref());
        Ok(())
    }

    async fn think(&mut self) -> Result<(), Over> {
        let event = id("evt");
        self.with(|session| {
            let data =
                json!({"type": "event_start", "event": {"id": event, "type": "agent.thinking"}});
            session.preview("agent.thinking", &event, data);
        })?;
        self.pause().await?;
        self.publish(json!({"id": event, "type": "agent.thinking"}));
        Ok(())
    }

    /// Delivers a copy of each file that is attached to the session.
    async fn deliver(&mut self) -> Result<(), Over> {
        for file in files::attached(&self.world, &self.session) {
            self.pause().await?;
            let text = |field: &str| file.object[field].as_str();
            let name = text("filename").or(text("name")).unwrap_or_default();
            files::deliver(
                &self.world,
                &self.session,
                &format!("copy-of-{name}"),
                text("mime_type").unwrap_or_default(),
                file.content.clone(),
            );
        }
        Ok(())
    }

    fn span_start(&self) -> Option<String> {
        (self.world.settings.dialect == Dialect::Current)
            .then(|| self.publish(json!({"type": "span.model_request_start"})))
    }

    fn span_end(&self, start: Option<&String>) {
        if let Some(start) = start {
            self.publish(json!({
                "type": "span.model_request_end", "is_error": false, "model_request_start_id": start,
                "model_usage": {"credits": 0.01},
            }));
        }
    }

    fn error(&self, retry: &str) {
        self.publish(json!({"type": "session.error", "error": {
            "type": "model_overloaded_error", "message": "model provider queued the request",
            "qoder_error_code": "10605", "retry_status": {"type": retry},
        }}));
    }

    /// Publishes an event and gives its id.
    fn publish(&self, event: Value) -> String {
        let published = self.with(|session| session.publish(event)).ok();
        published
            .and_then(|event| event["id"].as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    }

    /// The name of the custom tool that the agent has.
    fn custom_tool(&self) -> String {
        let name = self.world.session(&self.session, |session| {
            let tools = session.object["agent"]["tools"].as_array()?;
            tools.iter().find(|tool| tool["type"] == "custom")?["name"]
                .as_str()
                .map(ToOwned::to_owned)
        });
        name.flatten().unwrap_or_else(|| "lookup".to_owned())
    }

    /// Works on the session, unless the turn is over.
    fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Result<T, Over> {
        let done = self.world.session(&self.session, |session| {
            (session.cancelled == self.cancelled).then(|| work(session))
        });
        done.flatten().ok_or(Over)
    }

    async fn pause(&mut self) -> Result<(), Over> {
        tokio::time::sleep(self.world.settings.pace).await;
        self.with(|_| ())
    }

    async fn changed(&mut self) -> Result<(), Over> {
        self.grown.changed().await.map_err(|_| Over)?;
        self.with(|_| ())
    }
}

/// What a session says when it is idle.
fn idle(session: &mut Session, reason: &Value, dialect: Dialect) {
    if dialect == Dialect::Current {
        let (thread, agent) = thread(&session.object);
        session.publish(json!({
            "type": "session.thread_status_idle", "session_thread_id": thread, "agent_name": agent,
            "stop_reason": reason,
        }));
        session.publish(json!({
            "type": "session.usage", "model_credits": 0.01, "sandbox_runtime_credits": 0.0, "total_credits": 0.01,
        }));
    }
    session.publish(json!({"type": "session.status_idle", "stop_reason": reason}));
}

/// The main thread of a session and its agent's name.
pub(crate) fn thread(session: &Value) -> (String, String) {
    let id = session["id"].as_str().unwrap_or_default();
    let name = session["agent"]["name"].as_str().unwrap_or_default();
    (
        format!("sthr_{}", id.rsplit('_').next().unwrap_or_default()),
        name.to_owned(),
    )
}

fn script(session: &Session) -> String {
    let agent = &session.object["agent"];
    for metadata in [&session.object["metadata"], &session.agent_metadata] {
        if let Some(script) = metadata["simulate"].as_str() {
            return script.to_owned();
        }
    }
    let none = Vec::new();
    let tools = agent["tools"].as_array().unwrap_or(&none);
    let asks = |tool: &Value| tool.to_string().contains("always_ask");
    let mut resources = session.object["resources"]
        .as_array()
        .unwrap_or(&none)
        .iter();
    match () {
        () if tools.iter().any(|tool| tool["type"] == "custom") => "custom_tool",
        () if tools.iter().any(asks) => "approval",
        () if !tools.is_empty() => "thinking_and_tools",
        () if resources.any(|resource| resource["type"] == "file") => "deliver",
        () => "answer",
    }
    .to_owned()
}

/// How many words to put before an answer, to have long ones.
fn words(session: &Value) -> usize {
    let text = session["metadata"]["simulate_words"]
        .as_str()
        .unwrap_or_default();
    text.parse().unwrap_or(0)
}

fn last_message(session: &Session) -> String {
    let messages = session.log().filter(|entry| entry.name == "user.message");
    messages
        .last()
        .map(|entry| text_of(&entry.data["content"]))
        .unwrap_or_default()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

fn answer_to(message: &str) -> String {
    if message.to_lowercase().contains("quicksort") {
        return "def quicksort(items):\n    if len(items) < 2:\n        return items\n    pivot, *rest = items\n    \
                return (quicksort([x for x in rest if x < pivot]) + [pivot]\n            \
                + quicksort([x for x in rest if x >= pivot]))"
            .to_owned();
    }
    format!("This is the simulator, and no model: you said {message:?}.")
}
