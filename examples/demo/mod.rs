//! An agent for the programs to talk with. In a program of your own, `connect` is
//! `Client::from_env()?`, and there is no simulator.
#![allow(dead_code, reason = "each program uses a part of it")]

use std::time::Duration;

use qoder::types::{AgentCreate, SessionCreate};
use qoder::{Client, Conversation};
use qoder_sim::{Sim, Turn};

/// A client of the service that `QODER_BASE_URL` names, with the token of `QODER_PAT`; without a
/// token, of a simulator in this process, whose agents play this script.
pub(crate) async fn connect<F, Fut>(
    script: F,
) -> Result<(Client, Option<Sim>), Box<dyn std::error::Error>>
where
    F: Fn(Turn) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|token| !token.is_empty());
    if ["QODER_ACCESS_TOKEN", "QODER_PAT"].iter().any(is_set) {
        return Ok((Client::from_env()?, None));
    }
    let simulator = Sim::builder()
        .default_agent(script)
        .pace(Duration::from_millis(40))
        .start()
        .await?;
    eprintln!("QODER_PAT is not set: using a simulator, whose agents are scripted");
    let client = Client::builder()
        .token("pt-simulated")
        .base_url(simulator.base_url())
        .build()?;
    Ok((client, Some(simulator)))
}

/// A session of a new agent, in the first environment.
pub(crate) async fn session(client: &Client, agent: AgentCreate) -> qoder::Result<Conversation> {
    let agent = client.agents().create(agent).await?;
    let environment = client.environments().list().limit(1).first().await?;
    let session = SessionCreate::new(&agent.id, &environment.id);
    let session = client.sessions().create(session).await?;
    Ok(client.session(&session.id))
}
