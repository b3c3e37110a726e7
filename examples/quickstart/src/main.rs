//! The whole workflow: create an agent, take the first environment, start a session, send a
//! message, and print the event stream until the agent is done.
//!
//! `cargo run -p quickstart` talks to the simulator, started in this process. With `QODER_PAT` set,
//! `cargo run -p quickstart --features https` talks to the real service (`QODER_BASE_URL` selects
//! another gateway).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use qoder::types::{AgentCreate, SessionCreate, UserMessage};
use qoder::{Client, Event, Start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The simulator, if one was started, lives as long as this binding.
    let (client, _simulator) = connect().await?;

    let agent = client
        .agents()
        .create(AgentCreate::new("quick-test", "ultimate").system("You are an assistant."))
        .await?;
    println!("Agent: {}", agent.id);

    let environment = client.environments().list().limit(1).first().await?;
    println!("Environment: {}", environment.id);

    let session = client
        .sessions()
        .create(SessionCreate::new(&agent.id, &environment.id))
        .await?;
    println!("Session: {}", session.id);

    let session = client.session(&session.id);
    session.send([UserMessage::new("Hello!")]).await?;
    println!("Message sent");

    println!("--- Event stream ---");
    let mut events = session.follow().from(Start::Beginning).events();
    while let Some(event) = events.next().await {
        let event = event?;
        if let Some(id) = event.id() {
            println!("id: {id}");
        }
        println!("event: {}\ndata: {}\n", event.type_name(), event.raw());
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    Ok(())
}

async fn connect() -> Result<(Client, Option<qoder_sim::Sim>), Box<dyn std::error::Error>> {
    if ["QODER_ACCESS_TOKEN", "QODER_PAT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        if cfg!(not(feature = "https")) {
            eprintln!(
                "a token is set: the real service needs `cargo run -p quickstart --features https`"
            );
        }
        return Ok((Client::from_env()?, None));
    }
    let simulator = qoder_sim::Sim::builder()
        .dialect(qoder_sim::Dialect::Seed)
        .start()
        .await?;
    eprintln!(
        "QODER_PAT is not set: using the simulator at {}, whose agents are scripted",
        simulator.base_url()
    );
    let client = Client::builder()
        .token("pt-simulated")
        .base_url(simulator.base_url())
        .dialect(qoder::Dialect::Seed)
        .build()?;
    Ok((client, Some(simulator)))
}
