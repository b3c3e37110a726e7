//! A turn that outlives its process: it stands in a file where the turn is, and whoever is started
//! with that file goes on.
//!
//! ```text
//! cargo run -p examples --example resume -- [--file FILE] [MESSAGE]
//! ```
//!
//! Kill it at any time and start it again: the message is said once, and no event is left out; the
//! last one before the end may be printed again. Without `QODER_PAT` it talks to a simulator,
//! started in this process, and plays both processes itself.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lexopt::{Arg, ValueExt};
use qoder::types::AgentCreate;
use qoder::types::serde_json::{from_str, to_string};
use qoder::{Checkpoint, Client, Event, Stop, Turn};

/// The content of the file.
#[derive(serde::Serialize, serde::Deserialize)]
struct Note {
    session: String,
    message: String,
    /// With it, the message is said once, however often it is sent.
    key: String,
    /// The checkpoint of the turn, once the message was accepted.
    checkpoint: Option<Checkpoint>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut file = std::env::temp_dir().join("qoder-resume.json");
    let mut message = "Tell me a story in three parts.".to_owned();
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("file") => file = PathBuf::from(words.value()?),
            Arg::Value(text) => message = text.string()?,
            Arg::Long("help") => {
                println!("resume [--file FILE] [MESSAGE]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let (client, simulator) = demo::connect(script).await?;
    if simulator.is_some() {
        // It knows no turns of other processes.
        let _ = fs::remove_file(&file);
        run(&client, &file, &message, 5).await?;
        eprintln!("Killed. Another process goes on with {}:", file.display());
    }
    run(&client, &file, &message, usize::MAX).await
}

/// Begins the turn or goes on with it, for so many events.
async fn run(
    client: &Client,
    file: &Path,
    message: &str,
    events: usize,
) -> Result<(), Box<dyn Error>> {
    let mut note = match fs::read_to_string(file) {
        Ok(text) => from_str(&text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let session = demo::session(client, AgentCreate::new("resume", "ultimate")).await?;
            Note {
                session: session.id().to_string(),
                message: message.to_owned(),
                key: uuid::Uuid::new_v4().to_string(),
                checkpoint: None,
            }
        }
        Err(error) => return Err(error.into()),
    };
    note.store(file)?;
    let mut turn: Turn = match note.checkpoint.clone() {
        Some(checkpoint) => client.resume_turn(checkpoint).await?,
        None => {
            let session = client.session(&*note.session);
            session
                .turn(&*note.message)
                .idempotency_key(&note.key)
                .await?
        }
    };
    for _ in 0..events {
        let Some(event) = turn.next().await.transpose()? else {
            break;
        };
        if let Event::AgentMessage(message) = event {
            println!("{}", message.text());
        }
        note.checkpoint = Some(turn.checkpoint());
        note.store(file)?;
    }
    match turn.stop_reason() {
        Stop::Running => Ok(()),
        Stop::EndTurn => Ok(fs::remove_file(file)?),
        stop => Err(format!("the turn stopped with {stop}").into()),
    }
}

impl Note {
    /// In one step, so that a kill leaves the old note or the new one.
    fn store(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let new = file.with_extension("new");
        fs::write(&new, to_string(self)?)?;
        Ok(fs::rename(new, file)?)
    }
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    for part in [
        "Once upon a time,",
        "there was a turn",
        "that outlived its process.",
    ] {
        turn.reply(part).await;
    }
}
