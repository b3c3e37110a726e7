//! A session that may cost only so much: its turn stops when the budget is used up, and the work goes
//! on once that is raised.
//!
//! ```text
//! cargo run -p examples --example budget -- [--credits 0.05] [--raise 5.00] [MESSAGE]
//! ```
//!
//! It raises the budget once, and exits with 0 only if the agent has finished by then. Without
//! `QODER_PAT` it talks to a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod demo;

use lexopt::{Arg, ValueExt};
use qoder::types::{AgentCreate, Budget, SessionCreate, SessionUpdate};
use qoder::{Reply, Stop};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut credits, mut raise) = ("0.05".to_owned(), "5.00".to_owned());
    let mut message = "Write a short guide to sorting, with examples.".to_owned();
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("credits") => credits = words.value()?.string()?,
            Arg::Long("raise") => raise = words.value()?.string()?,
            Arg::Value(text) => message = text.string()?,
            Arg::Long("help") => {
                println!("budget [--credits 0.05] [--raise 5.00] [MESSAGE]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let (client, _simulator) = demo::connect(script).await?;
    let agent = AgentCreate::new("budget", "ultimate");
    let agent = client.agents().create(agent).await?;
    let environment = client.environments().list().limit(1).first().await?;
    let session = SessionCreate::new(&agent.id, &environment.id).budget(Budget::limit(&credits));
    let session = client.session(client.sessions().create(session).await?.id);

    let reply = match session.ask(message).await {
        // Only `end_turn` is success. The error has what was said until then.
        Err(error) if error.stop_reason() == Some(&Stop::BudgetReached) => {
            if let Some(reply) = error.reply() {
                print(reply);
            }
            println!("({credits} credits are used up: it may cost {raise} from now on)");
            let update = SessionUpdate::new().budget(Budget::limit(&raise));
            client.sessions().update(session.id(), update).await?;
            // The session has not forgotten what it was at.
            session.ask("Go on where you stopped.").await?
        }
        reply => reply?,
    };
    print(&reply);
    Ok(())
}

/// Prints the answer, and the session's cost so far.
fn print(reply: &Reply) {
    println!("{}", reply.text());
    let usage = reply.session_usage();
    if let Some(credits) = usage.and_then(|usage| usage.total_credits.as_ref()) {
        println!("({credits} credits so far)");
    }
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    if turn.number() == 1 {
        turn.reply("Sorting puts things in order. One way is").await;
        turn.stop("budget_reached").await;
    }
    turn.reply("quicksort. That is all.").await;
}
