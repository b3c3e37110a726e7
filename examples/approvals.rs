//! A turn in which the agent asks before it uses a tool: the answer comes from a policy, or from
//! whoever sits at the terminal.
//!
//! ```text
//! cargo run -p examples --example approvals -- [--allow Read,Grep] [MESSAGE]
//! ```
//!
//! The tools named by `--allow` are used without asking. It exits with 0 only if the turn ended
//! with `end_turn`. Without `QODER_PAT` it talks to a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use lexopt::{Arg, ValueExt};
use qoder::tools::{Decision, ToolUse};
use qoder::types::{AgentCreate, Permission, Tool};
use qoder::{Approvals, Event, Stop};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut allowed = String::new();
    let mut message = "Remove the drafts that nobody needs.".to_owned();
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("allow") => allowed = words.value()?.string()?,
            Arg::Value(text) => message = text.string()?,
            Arg::Long("help") => {
                println!("approvals [--allow Read,Grep] [MESSAGE]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    // By the names of built-in tools: those of an MCP server have the names that it gives them.
    let policy = Approvals::allow(allowed.split(',').filter(|name| !name.is_empty()));

    let (client, _simulator) = demo::connect(script).await?;
    let agent = AgentCreate::new("approvals", "ultimate")
        .tool(Tool::builtin().default_policy(Permission::AlwaysAsk));
    let session = demo::session(&client, agent).await?;
    let mut turn = session.turn(message).await?;
    while let Some(event) = turn.next().await {
        if let Event::AgentMessage(message) = event? {
            println!("{}", message.text());
        }
        let mut answers = Vec::new();
        for asked in turn.pending() {
            answers.push(match policy.decision(asked) {
                Decision::Allow => asked.allow(),
                Decision::Deny(why) => asked.deny(why),
                _ if confirm(asked)? => asked.allow(),
                _ => asked.deny("the user said no"),
            });
        }
        // In one request; nothing is sent if nothing waits.
        turn.respond(answers).await?;
    }
    match turn.stop_reason() {
        Stop::EndTurn => Ok(()),
        stop => Err(format!("the turn ended with {stop}").into()),
    }
}

/// Asks at the terminal. No answer is no.
fn confirm(asked: &ToolUse) -> std::io::Result<bool> {
    eprint!("{} {} [y/N] ", asked.name(), asked.input());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "yes"))
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    use qoder::types::serde_json::json;
    use qoder_sim::ToolUse;
    let uses = [
        ToolUse::tool("Read", json!({"file_path": "draft-1.txt"})),
        ToolUse::tool("Bash", json!({"command": "rm draft-1.txt"})),
    ];
    let mut done = 0;
    for answer in turn.ask_all(uses).await {
        if answer.is_allowed() {
            done += 1;
            turn.tool_result(&answer, "done").await;
        }
    }
    turn.reply(format!("I was allowed {done} of 2 things."))
        .await;
}
