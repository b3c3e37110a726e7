//! Plays the steps of a file.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::file::{Approval, Question, RetryStatus, Step, Trouble};
use super::script::Script;
use super::tool::{Answer, ToolOutput, ToolUse};
use super::turn::Turn;

/// The script that plays these steps, those of the last turn again and again.
pub(super) fn script(turns: Vec<Vec<Step>>) -> Script {
    let turns = Arc::new(turns);
    Script::new(move |turn| {
        let turns = Arc::clone(&turns);
        async move {
            let steps = turns.get(turn.number() - 1).or_else(|| turns.last());
            play(&turn, steps.map_or(&[], Vec::as_slice)).await;
        }
    })
}

fn play<'a>(turn: &'a Turn, steps: &'a [Step]) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        for step in steps {
            one(turn, step).await;
        }
    })
}

async fn one(turn: &Turn, step: &Step) {
    match step {
        Step::Reply(text) => turn.reply(filled(turn, text)).await,
        Step::Deltas(pieces) => {
            let pieces: Vec<String> = pieces.iter().map(|piece| filled(turn, piece)).collect();
            turn.deltas(pieces).await;
        }
        Step::Thinking => turn.thinking().await,
        Step::ToolUse(used) => {
            let result = filled(turn, &used.result);
            let output = if used.is_error {
                ToolOutput::error(result)
            } else {
                ToolOutput::text(result)
            };
            let input = used.input.clone();
            match &used.mcp_server {
                Some(server) => turn.mcp_tool_use(server, &used.name, input, output).await,
                None => turn.tool_use(&used.name, input, output).await,
            };
        }
        Step::CustomTool(custom) => {
            turn.custom_tool(&custom.name, custom.input.clone()).await;
        }
        Step::AskApproval(approval) => {
            let answer = turn.ask(approval.tool_use()).await;
            follow_up(turn, approval, &answer).await;
        }
        Step::AskAll(questions) => {
            let asked: Vec<ToolUse> = questions.iter().map(Question::tool_use).collect();
            let answers = turn.ask_all(asked).await;
            for (question, answer) in questions.iter().zip(&answers) {
                if let Question::AskApproval(approval) = question {
                    follow_up(turn, approval, answer).await;
                }
            }
        }
        Step::Error(trouble) => turn.error(trouble.failure()).await,
        Step::DelayMs(millis) => turn.delay(Duration::from_millis(*millis)).await,
        Step::Deliver(file) => {
            let text = filled(turn, &file.text);
            turn.deliver(&file.filename, &file.mime_type, text).await;
        }
        Step::Thread(thread) => {
            let other = turn.thread(&thread.agent).await;
            turn.tell(&other, filled(turn, &thread.message)).await;
            play(&other, &thread.steps).await;
            if let Some(answer) = &thread.answer {
                other.tell(turn, filled(turn, answer)).await;
            }
            other.idle().await;
        }
        Step::Event(event) => {
            turn.publish(Value::from(event.clone())).await;
        }
        Step::Stop(reason) => turn.stop(reason).await,
        Step::Terminate => turn.terminate().await,
    }
}

/// The steps after the client has allowed or denied the use of a tool.
async fn follow_up(turn: &Turn, approval: &Approval, answer: &Answer) {
    if answer.is_allowed() {
        let result = filled(turn, &approval.result);
        turn.tool_result(answer, result).await;
        play(turn, &approval.allowed).await;
    } else {
        play(turn, &approval.denied).await;
    }
}

/// A text with the client's message for `{message}`, and its last answer for `{result}`.
fn filled(turn: &Turn, text: &str) -> String {
    let result = || {
        let last = turn.results().pop()?;
        let why = last.deny_message().map(ToOwned::to_owned);
        Some(why.unwrap_or_else(|| last.text()))
    };
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        if let Some(after) = after.strip_prefix("message}") {
            filled.push_str(turn.message());
            rest = after;
        } else if let Some(after) = after.strip_prefix("result}") {
            filled.push_str(&result().unwrap_or_default());
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

impl Question {
    fn tool_use(&self) -> ToolUse {
        match self {
            Self::CustomTool(custom) => ToolUse::custom(&custom.name, custom.input.clone()),
            Self::AskApproval(approval) => approval.tool_use(),
        }
    }
}

impl Approval {
    fn tool_use(&self) -> ToolUse {
        let input = self.input.clone();
        match &self.mcp_server {
            Some(server) => ToolUse::mcp(server, &self.name, input),
            None => ToolUse::tool(&self.name, input),
        }
    }
}

impl Trouble {
    fn failure(&self) -> Failure {
        let new = match self.retry_status {
            Some(RetryStatus::Retrying) => Failure::retrying,
            Some(RetryStatus::Exhausted) => Failure::exhausted,
            Some(RetryStatus::Terminal) => Failure::terminal,
            None => Failure::unclassified,
        };
        let mut failure = new(&self.message);
        if let Some(kind) = &self.kind {
            failure = failure.kind(kind);
        }
        if let Some(code) = &self.code {
            failure = failure.code(code);
        }
        failure
    }
}
