//! Agents that work together: a coordinator sets others to work, each in a thread of the session,
//! and this prints who says what.
//!
//! ```text
//! cargo run -p examples --example multi_agent [-- MESSAGE]
//! ```
//!
//! Without `QODER_PAT` it talks to a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use std::collections::HashMap;

use qoder::types::{AgentCreate, Multiagent, Tool};
use qoder::{Event, Stop};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let message = std::env::args().nth(1);
    let message = message.unwrap_or_else(|| "Where is the parser tested?".to_owned());
    let (client, _simulator) = demo::connect(script).await?;
    let researcher = AgentCreate::new("researcher", "ultimate").tool(Tool::builtin());
    let researcher = client.agents().create(researcher).await?;
    let lead = AgentCreate::new("lead", "ultimate")
        .tool(Tool::builtin())
        .multiagent(Multiagent::coordinator().agent(&researcher.id));
    let session = demo::session(&client, lead).await?;

    let mut names = HashMap::new();
    let mut turn = session.turn(message).await?;
    while let Some(event) = turn.next().await {
        let event = event?;
        // The session's own thread is the coordinator's; what others do has theirs.
        let thread = event.session_thread_id();
        let who = thread.and_then(|thread| names.get(thread));
        let who = who.map_or("lead", String::as_str);
        match &event {
            Event::AgentMessage(message) => println!("{who}: {}", message.text()),
            Event::AgentToolUse(used) => println!("{who} uses {} {}", used.name, used.input),
            Event::AgentThreadMessageSent(sent) => {
                let to = sent.to_agent_name.as_deref().unwrap_or("another agent");
                println!("{who} to {to}: {}", sent.content.text());
            }
            Event::SessionThreadCreated(created) => {
                let name = created.agent_name.clone().unwrap_or_default();
                println!("{name} joins");
                names.extend(
                    created
                        .session_thread_id
                        .clone()
                        .map(|thread| (thread, name)),
                );
            }
            _ => {}
        }
    }
    // Each thread has a history of its own, which can be read, or followed.
    let mut threads = session.threads().items();
    while let Some(thread) = threads.next().await.transpose()? {
        let mut events = session.thread(&thread).events().items();
        let mut count = 0;
        while events.next().await.transpose()?.is_some() {
            count += 1;
        }
        println!("{}: {count} events", thread.id);
    }
    match turn.stop_reason() {
        Stop::EndTurn => Ok(()),
        stop => Err(format!("the turn ended with {stop}").into()),
    }
}

/// The script of the simulator's agents.
async fn script(turn: qoder_sim::Turn) {
    let input = qoder::types::serde_json::json!({"pattern": "parser"});
    let researcher = turn.thread("researcher").await;
    turn.tell(&researcher, turn.message()).await;
    researcher.tool_use("Grep", input, "3 matches").await;
    researcher.reply("In three places.").await;
    researcher.tell(&turn, "In three places.").await;
    researcher.idle().await;
    turn.reply("The researcher has found three places.").await;
}
