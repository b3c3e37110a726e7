//! Questions to the client: may a tool be used, and what does one of the client's own give?

use serde_json::Value;

use super::tool::{Answer, Kind, ToolOutput, ToolUse};
use super::turn::Turn;
use crate::json::{Json, object};

/// The questions of the agent to the client.
impl Turn {
    /// Uses one of the client's tools, and waits for the `user.custom_tool_result`.
    pub async fn custom_tool(&self, name: impl Into<String>, input: impl Into<Value>) -> Answer {
        self.ask(ToolUse::custom(name, input)).await
    }

    /// Asks whether one of the agent's own tools may be used, and waits for the
    /// `user.tool_confirmation`. What the tool then gives is told with
    /// [`tool_result`](Self::tool_result); a denial becomes an error result by itself.
    ///
    /// ```
    /// use qoder_sim::Sim;
    /// use serde_json::json;
    ///
    /// let builder = Sim::builder().agent("careful", |turn| async move {
    ///     let answer = turn.ask_approval("Bash", json!({"command": "rm draft.txt"})).await;
    ///     if answer.is_allowed() {
    ///         turn.tool_result(&answer, "").await;
    ///         turn.reply("It is gone.").await;
    ///     } else {
    ///         turn.reply("I left it there.").await;
    ///     }
    /// });
    /// ```
    pub async fn ask_approval(&self, name: impl Into<String>, input: impl Into<Value>) -> Answer {
        self.ask(ToolUse::tool(name, input)).await
    }

    /// Uses a tool, and waits for what the client says to it.
    pub async fn ask(&self, tool_use: ToolUse) -> Answer {
        match self.ask_all([tool_use]).await.pop() {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Uses several tools at once, and waits for what the client says to all of them. Returns the
    /// answers in the order of the uses. If the client answers some, the session is idle again with
    /// those that are left.
    ///
    /// There is one such question at a time: a second one, of another thread say, waits for the
    /// end of the first.
    pub async fn ask_all(&self, tool_uses: impl IntoIterator<Item = ToolUse>) -> Vec<Answer> {
        let tool_uses: Vec<ToolUse> = tool_uses.into_iter().collect();
        if tool_uses.is_empty() {
            return Vec::new();
        }
        let _turn = self.stage.asking.lock().await;
        self.begin_span().await;
        let mut asked = Vec::new();
        for tool_use in tool_uses {
            let kind = tool_use.kind.clone();
            asked.push((self.emit(tool_use.event("ask")).await, kind));
        }
        self.end_span(false).await;
        let answers = self.answers_to(asked, true).await;
        self.emit(object! {"type": "session.status_running"}).await;
        if self.stage.has_spans() {
            self.emit(self.voice.said("session.thread_status_running"))
                .await;
        }
        for answer in &answers {
            if answer.kind != Kind::Custom && !answer.is_allowed() {
                let why = answer.deny_message().unwrap_or("no reason given");
                let denied = ToolOutput::error(format!("denied: {why}"));
                self.emit(denied.event(&answer.kind, answer.tool_use_id()))
                    .await;
            }
        }
        self.stage.acts().answers.extend(answers.iter().cloned());
        answers
    }

    /// Uses one of the agent's own tools where nobody but a worker can: in a self-hosted environment.
    /// Waits for the `user.tool_result` of the worker; the session is at work meanwhile.
    pub async fn worker_tool(&self, name: impl Into<String>, input: impl Into<Value>) -> Answer {
        let _turn = self.stage.asking.lock().await;
        self.begin_span().await;
        let id = self.emit(ToolUse::tool(name, input).event("allow")).await;
        self.end_span(false).await;
        let answers = self.answers_to(vec![(id, Kind::Tool)], false).await;
        self.stage.acts().answers.extend(answers.iter().cloned());
        match answers.into_iter().next() {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Tells what a tool gave whose use the client has allowed.
    pub async fn tool_result(&self, answer: &Answer, output: impl Into<ToolOutput>) {
        self.pause().await;
        self.emit(output.into().event(&answer.kind, answer.tool_use_id()))
            .await;
    }

    /// Waits for the answers to these tool uses. If it `rests`, the session is idle for as long as one
    /// is missing.
    async fn answers_to(&self, asked: Vec<(String, Kind)>, rests: bool) -> Vec<Answer> {
        let begun = self.stage.with(|session| {
            session.pending = asked.iter().map(|(id, _)| id.clone()).collect();
            session.answers.clear();
            session.grown.subscribe()
        });
        let Some(mut grown) = begun else {
            return std::future::pending().await;
        };
        self.stage.mark();
        let mut told = usize::MAX;
        loop {
            let left = self.stage.with(|session| {
                if rests && session.pending.len() < told && !session.pending.is_empty() {
                    session.set_status("idle");
                    let waits = session.pending.clone();
                    let reason = object! {"type": "requires_action", "event_ids": waits};
                    self.stage.rest(session, &self.voice, &reason);
                }
                session.pending.len()
            });
            match left {
                Some(0) => break,
                Some(left) => told = left,
                None => return std::future::pending().await,
            }
            if grown.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
        let answers = self.stage.with(|session| {
            session.set_status("running");
            std::mem::take(&mut session.answers)
        });
        let mut answers = answers.unwrap_or_default();
        let mut take = |id: &str| match answers.iter().position(|(of, _)| of == id) {
            Some(at) => answers.swap_remove(at).1,
            None => Json::Null,
        };
        let answered = asked.into_iter().map(|(id, kind)| Answer {
            event: take(&id),
            kind,
        });
        answered.collect()
    }
}
