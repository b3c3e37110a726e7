//! The scripts.

use super::choice::{answer_to, text_of};
use super::stage::{Over, Stage};
use crate::json::{Json, list, object};
use crate::settings::Dialect;

/// Plays a script, and gives the reason why the turn stops.
pub(crate) async fn play(stage: &mut Stage, script: &str, message: &str) -> Result<Json, Over> {
    match script {
        "thinking_and_tools" => tools(stage, message).await,
        "approval" => approval(stage, 1).await,
        "approval_two" => approval(stage, 2).await,
        "custom_tool" => custom_tool(stage, message).await,
        "custom_tools" => custom_tools(stage, message).await,
        "fail_and_recover" => failure(stage, message, false).await,
        "exhausted" => failure(stage, message, true).await,
        "terminated" => termination(stage).await,
        _ => answer(stage, message, script == "deliver").await,
    }
}

fn end_turn() -> Json {
    object! {"type": "end_turn"}
}

fn text(text: &str) -> Json {
    list![object! {"type": "text", "text": text}]
}

async fn answer(stage: &mut Stage, message: &str, deliver: bool) -> Result<Json, Over> {
    if stage.world.settings.dialect == Dialect::Current {
        stage.think().await?;
    }
    if deliver {
        stage.deliver().await?;
    }
    stage.say(&answer_to(message)).await?;
    Ok(end_turn())
}

async fn tools(stage: &mut Stage, message: &str) -> Result<Json, Over> {
    let span = stage.span_start();
    stage.think().await?;
    let tool = stage.publish(object! {
        "type": "agent.tool_use", "name": "Bash",
        "input": object! {"command": "wc -w message.txt"}, "evaluated_permission": "allow",
    });
    stage.span_end(span.as_ref());
    stage.pause().await?;
    let count = message.split_whitespace().count();
    stage.publish(object! {
        "type": "agent.tool_result", "tool_use_id": tool,
        "content": text(&format!("{count} message.txt")), "is_error": false,
    });
    stage
        .say(&format!("Your message has {count} words."))
        .await?;
    Ok(end_turn())
}

async fn approval(stage: &mut Stage, uses: usize) -> Result<Json, Over> {
    let span = stage.span_start();
    let asked = (0..uses).map(|n| {
        stage.publish(object! {
            "type": "agent.tool_use", "name": "Bash",
            "input": object! {"command": format!("rm draft-{n}")}, "evaluated_permission": "ask",
        })
    });
    let asked = asked.collect();
    stage.span_end(span.as_ref());
    let mut allowed = 0;
    for (tool, answer) in stage.ask(asked).await? {
        let allow = answer["result"] == "allow";
        allowed += usize::from(allow);
        let result = if allow {
            "removed".to_owned()
        } else {
            let why = answer["deny_message"].as_str();
            format!("denied: {}", why.unwrap_or("no reason given"))
        };
        stage.publish(object! {
            "type": "agent.tool_result", "tool_use_id": tool, "content": text(&result),
            "is_error": !allow,
        });
    }
    let done = if allowed > 0 {
        "Done: the draft is gone."
    } else {
        "I left the draft in place."
    };
    stage.say(done).await?;
    Ok(end_turn())
}

async fn custom_tool(stage: &mut Stage, message: &str) -> Result<Json, Over> {
    let span = stage.span_start();
    let name = stage.custom_tool();
    let tool = stage.publish(object! {
        "type": "agent.custom_tool_use", "name": &name, "input": object! {"query": message},
    });
    stage.span_end(span.as_ref());
    let answers = stage.ask(vec![tool]).await?;
    let answer = answers
        .first()
        .map(|(_, answer)| text_of(&answer["content"]));
    let answer = answer.unwrap_or_default();
    stage.say(&format!("{name} says: {answer}")).await?;
    Ok(end_turn())
}

/// Uses the custom tools that the message lists, in rounds: `[[{"name":…,"input":…}]]`. Each round
/// waits for all of its results, but for those of `"unasked":true`, which wait for nothing.
async fn custom_tools(stage: &mut Stage, message: &str) -> Result<Json, Over> {
    let rounds: serde_json::Value = serde_json::from_str(message).unwrap_or_default();
    let mut said = Vec::new();
    for round in Json::from(rounds).items() {
        let mut asked = Vec::new();
        for call in round.items() {
            let used = stage.publish(object! {
                "type": "agent.custom_tool_use", "name": call["name"].clone(),
                "input": call["input"].clone(),
            });
            if call["unasked"].is_null() {
                asked.push(used);
            }
        }
        for (_, answer) in stage.ask(asked).await? {
            let failed = answer["is_error"] == true;
            let text = text_of(&answer["content"]);
            said.push(if failed {
                format!("failed: {text}")
            } else {
                text
            });
        }
    }
    stage.say(&said.join(", ")).await?;
    Ok(end_turn())
}

async fn failure(stage: &mut Stage, message: &str, exhausted: bool) -> Result<Json, Over> {
    stage.error("retrying");
    stage.publish(object! {"type": "session.status_rescheduled"});
    stage.pause().await?;
    if exhausted {
        stage.error("exhausted");
        return Ok(object! {"type": "retries_exhausted"});
    }
    stage.publish(object! {"type": "session.status_running"});
    stage.say(&answer_to(message)).await?;
    Ok(end_turn())
}

async fn termination(stage: &mut Stage) -> Result<Json, Over> {
    stage.error("terminal");
    stage.pause().await?;
    stage.with(|session| {
        session.set_status("terminated");
        session.publish(object! {"type": "session.status_terminated"});
    })?;
    Ok(Json::Null)
}
