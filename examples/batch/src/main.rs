//! Many prompts at once, each in a session of its own, with a progress bar. How far it is stands in
//! a file: kill it, start it again, and nothing is asked twice.
//!
//! ```text
//! cargo run -p batch -- [--state FILE] [--concurrency N] [PROMPT ...]
//! ```
//!
//! It exits with 0 only if all prompts were answered. Without `QODER_PAT` it talks to a simulator,
//! started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

#[path = "../../demo/mod.rs"]
mod demo;

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use lexopt::{Arg, ValueExt};
use qoder::batch::{Batch, Item, State};
use qoder::types::{AgentCreate, AgentId, EnvironmentId, SessionCreate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut file, mut concurrency, mut prompts) = (None, 4, Vec::new());
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("state") => file = Some(PathBuf::from(words.value()?)),
            Arg::Long("concurrency") => concurrency = words.value()?.parse()?,
            Arg::Value(prompt) => prompts.push(prompt.string()?),
            Arg::Long("help") => {
                println!("batch [--state FILE] [--concurrency N] [PROMPT ...]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if prompts.is_empty() {
        prompts = ["One?", "Two?", "Three?"].map(ToOwned::to_owned).to_vec();
    }
    let (client, _simulator) = demo::connect(script).await?;
    let file = file.as_deref();
    let (agent, environment, state): Stored = match file.filter(|file| file.exists()) {
        Some(file) => serde_json::from_slice(&fs::read(file)?)?,
        None => {
            let agent = AgentCreate::new("batch", "ultimate");
            let agent = client.agents().create(agent).await?.id;
            let environment = client.environments().list().limit(1).first().await?;
            (agent, environment.id, None)
        }
    };
    let session = SessionCreate::new(&agent, &environment);
    let item = |prompt: &String| Item::in_new_session(session.clone(), prompt.as_str());
    let mut batch = Batch::new(&client, prompts.iter().map(item)).concurrency(concurrency);
    if let Some(state) = state {
        batch = batch.resume(state)?;
    }

    let store = |state: &State| store(file, &(&agent, &environment, state));
    store(batch.state())?;
    let bar = ProgressBar::new(prompts.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len}")?);
    while let Some(progress) = batch.next().await {
        store(batch.state())?;
        bar.set_position(batch.state().progress().0 as u64);
        if let Some(Err(error)) = progress.result() {
            bar.suspend(|| eprintln!("{}: {error}", prompts[progress.item()]));
        }
    }
    bar.finish();
    let mut failed = 0;
    for (prompt, outcome) in prompts.iter().zip(batch.outcomes()) {
        match outcome.filter(|outcome| outcome.is_success()) {
            Some(outcome) => println!("{prompt} {}", outcome.text),
            None => failed += 1,
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} of {} prompts have no answer", prompts.len()).into()),
    }
}

/// The content of the file: the agent and the environment of all sessions, and the progress of the
/// batch.
type Stored = (AgentId, EnvironmentId, Option<State>);

/// In one step, so that a kill leaves the old state or the new one.
fn store(file: Option<&Path>, stored: &(&AgentId, &EnvironmentId, &State)) -> io::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(stored)?)?;
    fs::rename(new, file)
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    let answer = format!("You asked: {}", turn.message());
    turn.deltas(answer.split_inclusive(' ')).await;
}
