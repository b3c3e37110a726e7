//! The scripts that are built in.

use serde_json::json;

use super::failure::Failure;
use super::script::Script;
use super::tool::ToolUse;
use super::turn::Turn;
use crate::resources::files;
use crate::settings::Dialect;

/// The names that `simulate` may have.
pub(super) const NAMES: [&str; 14] = [
    "answer",
    "deliver",
    "thinking_and_tools",
    "mcp_tool",
    "approval",
    "approval_two",
    "custom_tool",
    "custom_tools",
    "custom_tool_and_approval",
    "multi_agent",
    "fail_and_recover",
    "exhausted",
    "budget_reached",
    "terminated",
];

pub(super) fn named(name: &str) -> Option<Script> {
    Some(match name {
        "answer" => Script::new(answer),
        "deliver" => Script::new(deliver),
        "thinking_and_tools" => Script::new(tools),
        "mcp_tool" => Script::new(mcp_tool),
        "approval" => Script::new(approval),
        "approval_two" => Script::new(approval_two),
        "custom_tool" => Script::new(custom_tool),
        "custom_tools" => Script::new(custom_tools),
        "custom_tool_and_approval" => Script::new(custom_tool_and_approval),
        "multi_agent" => Script::new(multi_agent),
        "fail_and_recover" => Script::new(fail_and_recover),
        "exhausted" => Script::new(exhausted),
        "budget_reached" => Script::new(budget_reached),
        "terminated" => Script::new(terminated),
        _ => return None,
    })
}

/// Returns the script that is played for a name that no script has.
pub(super) fn unknown(name: &str) -> Script {
    let known = NAMES.join(", ");
    let why = format!("simulate names no script: {name:?} is none of {known}");
    Script::new(move |turn| {
        let why = why.clone();
        async move {
            turn.stage.world.lock().unexpected.push(why.clone());
            turn.error(Failure::exhausted(why).kind("unknown_error"))
                .await;
        }
    })
}

pub(super) async fn answer(turn: Turn) {
    if turn.stage.world.settings.dialect == Dialect::Current {
        turn.thinking().await;
    }
    say(&turn, &answer_to(turn.message())).await;
}

/// Delivers a copy of each file that is attached to the session.
pub(super) async fn deliver(turn: Turn) {
    for file in files::attached(&turn.stage.world, turn.session_id()) {
        let text = |field: &str| file.object[field].as_str();
        let name = text("filename").or(text("name")).unwrap_or_default();
        let mime_type = text("mime_type").unwrap_or_default();
        turn.deliver(&format!("copy-of-{name}"), mime_type, file.content.clone())
            .await;
    }
    answer(turn).await;
}

pub(super) async fn tools(turn: Turn) {
    turn.thinking().await;
    let input = json!({"command": "wc -w message.txt"});
    let counted = if turn.stage.is_self_hosted() {
        turn.worker_tool("Bash", input).await.text()
    } else {
        let count = turn.message().split_whitespace().count();
        let counted = format!("{count} message.txt");
        turn.tool_use("Bash", input, counted.as_str()).await;
        counted
    };
    let count = counted.split_whitespace().next().unwrap_or("no");
    say(&turn, &format!("Your message has {count} words.")).await;
}

async fn mcp_tool(turn: Turn) {
    let input = json!({"query": turn.message()});
    turn.mcp_tool_use("tracker", "search_issues", input, "no issues found")
        .await;
    say(&turn, "The tracker has no such issue.").await;
}

pub(super) async fn approval(turn: Turn) {
    approvals(turn, 1).await;
}

async fn approval_two(turn: Turn) {
    approvals(turn, 2).await;
}

async fn approvals(turn: Turn, uses: usize) {
    let remove = |n| ToolUse::tool("Bash", json!({"command": format!("rm draft-{n}")}));
    let mut allowed = 0;
    for answer in turn.ask_all((0..uses).map(remove)).await {
        if answer.is_allowed() {
            allowed += 1;
            turn.tool_result(&answer, "removed").await;
        }
    }
    let done = if allowed > 0 {
        "Done: the draft is gone."
    } else {
        "I left the draft in place."
    };
    say(&turn, done).await;
}

pub(super) async fn custom_tool(turn: Turn) {
    let name = custom_tool_of(&turn);
    let answer = turn
        .custom_tool(&name, json!({"query": turn.message()}))
        .await;
    say(&turn, &format!("{name} says: {}", answer.text())).await;
}

async fn custom_tool_and_approval(turn: Turn) {
    let custom = ToolUse::custom(custom_tool_of(&turn), json!({"query": turn.message()}));
    let write = ToolUse::tool("Write", json!({"file_path": "answer.txt"}));
    let answers = turn.ask_all([custom, write]).await;
    let [found, permission] = answers.as_slice() else {
        return;
    };
    let done = if permission.is_allowed() {
        turn.tool_result(permission, "written").await;
        "It is written down."
    } else {
        "It is not written down."
    };
    say(&turn, &format!("{} {done}", found.text())).await;
}

/// The name of the custom tool that the agent has.
fn custom_tool_of(turn: &Turn) -> String {
    let agent = turn.agent();
    let mut tools = agent["tools"].as_array().into_iter().flatten();
    let custom = tools.find(|tool| tool["type"] == "custom");
    let name = custom.and_then(|tool| tool["name"].as_str());
    name.unwrap_or("lookup").to_owned()
}

async fn multi_agent(turn: Turn) {
    turn.thinking().await;
    let researcher = turn.thread("researcher").await;
    turn.tell(&researcher, format!("Look into this: {}", turn.message()))
        .await;
    let input = json!({"pattern": turn.message()});
    researcher.tool_use("Grep", input, "3 matches").await;
    researcher.reply("There are 3 matches.").await;
    researcher.tell(&turn, "There are 3 matches.").await;
    researcher.idle().await;
    say(&turn, "The researcher has found 3 matches.").await;
}

fn overloaded(failure: fn(&'static str) -> Failure) -> Failure {
    failure("model provider queued the request").code("10605")
}

async fn fail_and_recover(turn: Turn) {
    turn.error(overloaded(Failure::retrying)).await;
    say(&turn, &answer_to(turn.message())).await;
}

async fn exhausted(turn: Turn) {
    turn.error(overloaded(Failure::retrying)).await;
    turn.error(overloaded(Failure::exhausted)).await;
}

/// Stops for want of budget, until the client has raised it, or taken the limit away.
async fn budget_reached(turn: Turn) {
    let log = turn.log();
    let stopped = log
        .iter()
        .rposition(|event| event["stop_reason"]["type"] == "budget_reached");
    let since = stopped.map_or(&[][..], |at| &log[at..]);
    let raises = |event: &serde_json::Value| {
        event["type"] == "session.updated" && event.get("budget").is_some()
    };
    if since.iter().any(raises) {
        say(&turn, "I have come to the end of it.").await;
        return;
    }
    say(&turn, "I have begun, and").await;
    turn.stop("budget_reached").await;
}

async fn terminated(turn: Turn) {
    turn.error(overloaded(Failure::terminal)).await;
}

/// Says a text word by word, after as many words as `simulate_words` asks for.
async fn say(turn: &Turn, text: &str) {
    let session = turn.session();
    let words = session["metadata"]["simulate_words"].as_str();
    let words: usize = words.and_then(|words| words.parse().ok()).unwrap_or(0);
    let words = (1..=words).map(|n| format!("word{n} "));
    let text = text.split_inclusive(' ').map(ToOwned::to_owned);
    turn.deltas(words.chain(text)).await;
}

/// Returns the agent's answer to a message.
fn answer_to(message: &str) -> String {
    if message.to_lowercase().contains("quicksort") {
        return "def quicksort(items):\n    if len(items) < 2:\n        return items\n    pivot, *rest = items\n    \
                return (quicksort([x for x in rest if x < pivot]) + [pivot]\n            \
                + quicksort([x for x in rest if x >= pivot]))"
            .to_owned();
    }
    format!("This is the simulator, and no model: you said {message:?}.")
}

/// Uses the custom tools that the message lists, in rounds: `[[{"name":…,"input":…}]]`. Each round
/// waits for all of its results, but for those of `"unasked":true`, which come last and wait for
/// nothing.
async fn custom_tools(turn: Turn) {
    let rounds: serde_json::Value = serde_json::from_str(turn.message()).unwrap_or_default();
    let mut said = Vec::new();
    for round in rounds.as_array().into_iter().flatten() {
        let calls = round.as_array().into_iter().flatten();
        let (asked, unasked): (Vec<_>, Vec<_>) = calls.partition(|call| call["unasked"].is_null());
        let mut uses = Vec::new();
        for call in asked {
            let name = call["name"].as_str().unwrap_or_default();
            uses.push(ToolUse::custom(name, call["input"].clone()));
        }
        for answer in turn.ask_all(uses).await {
            let text = answer.text();
            said.push(if answer.is_error() {
                format!("failed: {text}")
            } else {
                text
            });
        }
        for call in unasked {
            let event = json!({
                "type": "agent.custom_tool_use", "name": call["name"], "input": call["input"],
            });
            turn.publish(event).await;
        }
    }
    turn.reply(&said.join(", ")).await;
}
