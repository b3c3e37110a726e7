//! An agent at work: what it can do, and how that looks in the log.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ids::new_id;
use crate::json::{Json, list, object};
use crate::resources::files;
use crate::settings::Dialect;
use crate::state::session::Session;
use crate::state::world::World;

/// The turn was cancelled, or the server is gone.
pub(crate) struct Over;

/// An agent at work on one turn.
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) session: String,
    pub(crate) grown: watch::Receiver<usize>,
    /// The count of cancellations at the start.
    pub(crate) cancelled: u64,
    /// How many words to put before an answer.
    pub(crate) words: usize,
}

impl Stage {
    /// Ends the turn: usage, and idle, or gone.
    pub(crate) fn finish(&self, reason: &Json) {
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
    pub(crate) async fn ask(&mut self, tools: Vec<String>) -> Result<Vec<(String, Json)>, Over> {
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
                    let waits = session.pending.clone();
                    let reason = object! {"type": "requires_action", "event_ids": waits};
                    idle(session, &reason, dialect);
                }
                session.pending.len()
            })?;
            told = pending;
            if pending == 0 {
                break;
            }
            self.changed().await?;
        }
        self.publish(object! {"type": "session.status_running"});
        self.with(|session| {
            session.set_status("running");
            let find = |tool: &String| session.answers.iter().find(|(id, _)| id == tool).cloned();
            tools.iter().filter_map(find).collect()
        })
    }

    /// Says a text as a message, with its previews.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Over> {
        let words = (1..=self.words).map(|n| format!("word{n} "));
        let text = words.collect::<String>() + text;
        let span = self.span_start();
        let event = new_id("evt");
        self.with(|session| {
            let start = object! {"id": &event, "type": "agent.message"};
            let data = object! {"type": "event_start", "event": start};
            session.preview("agent.message", &event, data);
        })?;
        for piece in text.split_inclusive(' ') {
            self.pause().await?;
            self.with(|session| {
                let content = object! {"type": "text", "text": piece};
                let delta = object! {"type": "content_delta", "index": 0, "content": content};
                let data = object! {"type": "event_delta", "event_id": &event, "delta": delta};
                session.preview("agent.message", &event, data);
            })?;
        }
        let content = list![object! {"type": "text", "text": text}];
        self.publish(object! {"id": event, "type": "agent.message", "content": content});
        self.span_end(span.as_ref());
        Ok(())
    }

    pub(crate) async fn think(&mut self) -> Result<(), Over> {
        let event = new_id("evt");
        self.with(|session| {
            let start = object! {"id": &event, "type": "agent.thinking"};
            let data = object! {"type": "event_start", "event": start};
            session.preview("agent.thinking", &event, data);
        })?;
        self.pause().await?;
        self.publish(object! {"id": event, "type": "agent.thinking"});
        Ok(())
    }

    /// Delivers a copy of each file that is attached to the session.
    pub(crate) async fn deliver(&mut self) -> Result<(), Over> {
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

    pub(crate) fn span_start(&self) -> Option<String> {
        (self.world.settings.dialect == Dialect::Current)
            .then(|| self.publish(object! {"type": "span.model_request_start"}))
    }

    pub(crate) fn span_end(&self, start: Option<&String>) {
        if let Some(start) = start {
            self.publish(object! {
                "type": "span.model_request_end", "is_error": false, "model_request_start_id": start,
                "model_usage": object! {"credits": 0.01},
            });
        }
    }

    pub(crate) fn error(&self, retry: &str) {
        let error = object! {
            "type": "model_overloaded_error", "message": "model provider queued the request",
            "qoder_error_code": "10605", "retry_status": object! {"type": retry},
        };
        self.publish(object! {"type": "session.error", "error": error});
    }

    /// Publishes an event and gives its id.
    pub(crate) fn publish(&self, event: Json) -> String {
        let published = self.with(|session| session.publish(event)).ok();
        published.unwrap_or_default()["id"].text().to_owned()
    }

    /// The name of the custom tool that the agent has.
    pub(crate) fn custom_tool(&self) -> String {
        let name = self.world.session(&self.session, |session| {
            let mut tools = session.object.at("agent.tools").items().iter();
            let custom = tools.find(|tool| tool["type"] == "custom")?;
            custom["name"].as_str().map(ToOwned::to_owned)
        });
        name.flatten().unwrap_or_else(|| "lookup".to_owned())
    }

    /// Works on the session, unless the turn is over.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Result<T, Over> {
        let done = self.world.session(&self.session, |session| {
            (session.cancelled == self.cancelled).then(|| work(session))
        });
        done.flatten().ok_or(Over)
    }

    pub(crate) async fn pause(&mut self) -> Result<(), Over> {
        tokio::time::sleep(self.world.settings.pace).await;
        self.with(|_| ())
    }

    pub(crate) async fn changed(&mut self) -> Result<(), Over> {
        self.grown.changed().await.map_err(|_| Over)?;
        self.with(|_| ())
    }
}

/// What a session says when it is idle.
fn idle(session: &mut Session, reason: &Json, dialect: Dialect) {
    if dialect == Dialect::Current {
        let (thread, agent) = session.main_thread();
        session.publish(object! {
            "type": "session.thread_status_idle", "session_thread_id": thread, "agent_name": agent,
            "stop_reason": reason,
        });
        session.publish(object! {
            "type": "session.usage", "model_credits": 0.01, "sandbox_runtime_credits": 0.0,
            "total_credits": 0.01,
        });
    }
    session.publish(object! {"type": "session.status_idle", "stop_reason": reason});
}
