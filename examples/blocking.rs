//! The main job without async: an agent, a session, a turn whose text is shown as it comes.
//!
//! `cargo run -p examples --example blocking` talks to the simulator, started in this
//! process. With `QODER_PAT` set it talks to the real service (`QODER_BASE_URL` selects another
//! gateway).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::io::Write as _;

use qoder::blocking::{self, Wait, WaitIter};
use qoder::types::{AgentCreate, SessionCreate};
use qoder::{Client, Update};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The simulator, if one was started, lives as long as this binding.
    let (client, _simulator) = connect()?;

    for model in client.models().list().items().wait_iter() {
        println!("Model: {}", model?.id);
    }
    let agent = AgentCreate::new("blocking-test", "ultimate").system("Reply concisely.");
    let agent = client.agents().create(agent).wait()?;
    let environment = client.environments().list().limit(1).first().wait()?;
    let session = SessionCreate::new(&agent.id, &environment.id);
    let session = client.session(client.sessions().create(session).wait()?.id);

    let mut turn = session.turn("Hello!").previews().wait()?;
    for update in turn.updates().wait_iter() {
        if let Update::Text(text) = update? {
            print!("{}", text.new());
            std::io::stdout().flush()?;
        }
    }
    println!("\nStopped: {}", turn.stop_reason());

    println!("Reply: {}", session.ask("And once more?").wait()?.text());
    Ok(())
}

fn connect() -> Result<(Client, Option<qoder_sim::Sim>), Box<dyn std::error::Error>> {
    if ["QODER_ACCESS_TOKEN", "QODER_PAT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        return Ok((Client::from_env()?, None));
    }
    let simulator = blocking::run(qoder_sim::Sim::builder().start())??;
    eprintln!(
        "QODER_PAT is not set: using the simulator at {}, whose agents are scripted",
        simulator.base_url()
    );
    let client = Client::builder()
        .token("pt-simulated")
        .base_url(simulator.base_url())
        .build()?;
    Ok((client, Some(simulator)))
}
