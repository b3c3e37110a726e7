//! A chat in the terminal: the text appears as it is written, and each line is a turn.
//!
//! ```text
//! cargo run -p examples --example chat
//! ```
//!
//! Ctrl-C interrupts the agent; once more, or at the prompt, it ends the program, as does the end
//! of the input. Without `QODER_PAT` it talks to a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use std::future::IntoFuture;
use std::io::{IsTerminal, Write, stdin, stdout};

use qoder::types::{AgentCreate, RetryStatus};
use qoder::{Conversation, Event, Stop, Update};
use tokio::sync::mpsc::{Receiver, channel};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _simulator) = demo::connect(script).await?;
    let session = demo::session(&client, AgentCreate::new("chat", "ultimate")).await?;
    let (mut lines, mut interrupts) = (lines(), interrupts());
    loop {
        if stdin().is_terminal() {
            print!("> ");
            stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = interrupts.recv() => None,
        };
        match line {
            None => return Ok(()),
            Some(line) if line.trim().is_empty() => {}
            Some(line) => {
                if !turn(&session, line, &mut interrupts).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// One message, and what the agent says to it. Returns whether the chat goes on.
async fn turn(
    session: &Conversation,
    message: String,
    interrupts: &mut Receiver<()>,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut turn = session.turn(message).previews().await?;
    // What is on the screen of the message that is being written.
    let mut shown = String::new();
    let mut interrupted = false;
    loop {
        let update = tokio::select! {
            update = turn.next_update() => update,
            _ = interrupts.recv() => {
                if interrupted {
                    return Ok(false);
                }
                interrupted = true;
                // If this fails, there is still the second Ctrl-C.
                tokio::spawn(turn.interrupt().into_future());
                continue;
            }
        };
        match update.transpose()? {
            None => break,
            Some(Update::ThinkingBegan) => eprintln!("(thinking)"),
            Some(Update::Text(text)) => {
                if text.restarted && text.index == 0 && !shown.is_empty() {
                    println!(); // The connection was lost: the message comes from its beginning.
                    shown.clear();
                }
                shown += text.new();
                print!("{}", text.new());
            }
            Some(Update::Event(Event::AgentMessage(message))) => {
                // The event has the last word, and the rest of what was not shown.
                match message.text().strip_prefix(&*shown) {
                    Some(rest) => println!("{rest}"),
                    None => println!("\n{}", message.text()),
                }
                shown.clear();
            }
            Some(Update::Event(Event::SessionError(error))) => {
                // Most of these the service gets over by itself; the others end the turn.
                let retries = error.error.retry_status == Some(RetryStatus::Retrying);
                let and = if retries { ": it tries again" } else { "" };
                eprintln!("({}{and})", error.message());
            }
            Some(Update::Event(_)) if !turn.pending().is_empty() => {
                eprintln!("(it waits for an approval or a result; Ctrl-C interrupts it)");
            }
            Some(_) => {}
        }
        stdout().flush()?;
    }
    match turn.stop_reason() {
        Stop::EndTurn => {}
        stop => eprintln!("\n({stop})"),
    }
    Ok(!matches!(
        turn.stop_reason(),
        Stop::Terminated | Stop::Deleted
    ))
}

/// The lines of the input, read by a thread: a read from a terminal can't be given up.
fn lines() -> Receiver<String> {
    let (send, lines) = channel(1);
    std::thread::spawn(move || {
        let mut lines = stdin().lines().map_while(Result::ok);
        while lines
            .next()
            .is_some_and(|line| send.blocking_send(line).is_ok())
        {}
    });
    lines
}

fn interrupts() -> Receiver<()> {
    let (send, interrupts) = channel(1);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && send.send(()).await.is_ok() {}
    });
    interrupts
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    turn.thinking().await;
    if turn.number() == 2 {
        let busy = qoder_sim::Failure::retrying("the model is busy");
        turn.error(busy).await;
    }
    let answer = format!("No model is here, but you said: {}", turn.message());
    turn.deltas(answer.split_inclusive(' ')).await;
}
