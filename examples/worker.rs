//! A worker of a self-hosted environment: it does the work of the queue, several pieces at a time,
//! and as many workers as you like share it.
//!
//! ```text
//! cargo run -p examples --example worker -- ENVIRONMENT_ID [--concurrency N]
//! ```
//!
//! Ctrl-C, or SIGTERM, lets it finish what it has begun; once more, it leaves that to other
//! workers. Without `QODER_PAT` it works for a simulator, started in this process, until all is
//! done.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use std::collections::HashSet;
use std::error::Error;

use lexopt::{Arg, ValueExt};
use qoder::types::serde_json::json;
use qoder::types::{
    AgentCreate, EnvironmentConfig, EnvironmentCreate, SessionCreate, SessionStatus, StopReason,
    Tool,
};
use qoder::worker::{Job, WorkerNotice};
use qoder::{Client, Event, Start};
use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut environment, mut concurrency) = (None, 2);
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("concurrency") => concurrency = words.value()?.parse()?,
            Arg::Value(id) if environment.is_none() => environment = Some(id.string()?),
            Arg::Long("help") => {
                println!("worker ENVIRONMENT_ID [--concurrency N]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let (client, simulator) = demo::connect(script).await?;
    let environment = match (environment, &simulator) {
        (Some(environment), None) => environment,
        (None, None) => return Err("which environment? Try --help".into()),
        (_, Some(_)) => queue(&client).await?,
    };
    let stops = stops();
    let (mut first, mut second) = (stops.subscribe(), stops.subscribe());
    let mut left = simulator.is_some().then_some(PIECES);
    let working = client
        .worker(environment)
        .concurrency(concurrency)
        .shutdown_on(async move { first.wait_for(|count| *count > 0).await.is_ok() })
        .on_notice(move |notice| {
            eprintln!("{notice}");
            if matches!(notice, WorkerNotice::Finished { .. }) {
                left = left.map(|left| left - 1);
            }
            if left == Some(0) {
                stops.send_replace(1);
            }
        })
        .run(work);
    tokio::select! {
        ended = working => Ok(ended?),
        _ = second.wait_for(|count| *count > 1) => Err("what was begun is left to others".into()),
    }
}

/// Does a piece of work: answers what the agent of its session asks, until it asks no more.
async fn work(job: Job) -> qoder::Result<()> {
    let session = job.session();
    // Another worker may have begun. What it answered is not answered again.
    let mut answered = HashSet::new();
    let mut results = session
        .events()
        .event_type("user.custom_tool_result")
        .items();
    while let Some(event) = results.next().await {
        if let Event::UserCustomToolResult(result) = event? {
            answered.insert(result.custom_tool_use_id);
        }
    }
    let mut events = session.follow().from(Start::Beginning).events();
    while let Some(event) = events.next().await {
        let Event::SessionStatusIdle(idle) = event? else {
            continue;
        };
        if let Some(StopReason::RequiresAction { event_ids, .. }) = idle.stop_reason {
            for id in event_ids {
                if answered.insert(id.clone()) {
                    println!("{}: answers {id}", session.id());
                    session
                        .answer(id, format!("{} is well", std::env::consts::OS))
                        .await?;
                }
            }
        } else if session.retrieve().await?.status == SessionStatus::Idle {
            // And not only the end of an earlier turn.
            println!("{}: done", session.id());
            break;
        }
    }
    Ok(())
}

/// Counts Ctrl-C and SIGTERM.
fn stops() -> watch::Sender<usize> {
    let stops = watch::Sender::new(0);
    tokio::spawn(count_signals(stops.clone()));
    stops
}

#[cfg(unix)]
async fn count_signals(count: watch::Sender<usize>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        count.send_modify(|count| *count += 1);
    }
}

#[cfg(not(unix))]
async fn count_signals(count: watch::Sender<usize>) -> std::io::Result<()> {
    loop {
        tokio::signal::ctrl_c().await?;
        count.send_modify(|count| *count += 1);
    }
}

/// The number of pieces of work that the simulator has.
const PIECES: usize = 3;

/// An environment whose queue has something in it.
async fn queue(client: &Client) -> qoder::Result<String> {
    let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
    let environment = client.environments().create(own).await?.id;
    let tool = Tool::custom(
        "health",
        "Tells how the machine is.",
        json!({"type": "object"}),
    );
    let agent = AgentCreate::new("operator", "ultimate").tool(tool);
    let agent = client.agents().create(agent).await?.id;
    for _ in 0..PIECES {
        let session = SessionCreate::new(&agent, &environment);
        let session = client.sessions().create(session).await?;
        client.session(&session.id).send("How is it?").await?;
    }
    Ok(environment.to_string())
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    let answer = turn.custom_tool("health", json!({})).await;
    turn.reply(answer.text()).await;
}
