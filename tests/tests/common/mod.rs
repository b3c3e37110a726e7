//! What the tests share: a simulator, and clients of it.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod following;
pub(crate) mod programs;
pub(crate) mod queue;
pub(crate) mod wire;

use std::time::Duration;

use qoder::types::{AgentCreate, SessionCreate, SessionId};
use qoder::{Client, ClientBuilder, Dialect, RetryPolicy};
use qoder_sim::{Builder, Plan, Sim};

pub(crate) const TOKEN: &str = "pt-0123456789abcdef";

/// A simulator of today's API that doesn't dawdle.
pub(crate) fn current() -> Builder {
    Sim::builder().pace(Duration::from_millis(1))
}

/// A simulator of the first generation.
pub(crate) fn seed() -> Builder {
    current().dialect(qoder_sim::Dialect::Seed)
}

pub(crate) async fn start(builder: Builder) -> Sim {
    builder.start().await.expect("the simulator starts")
}

/// The builder of a client that repeats at once.
pub(crate) fn builder(base_url: &str, dialect: Dialect) -> ClientBuilder {
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    retry.cap = Duration::from_millis(5);
    Client::builder()
        .token(TOKEN)
        .base_url(base_url)
        .dialect(dialect)
        .retry(retry)
}

pub(crate) fn client_in(sim: &Sim, dialect: Dialect) -> Client {
    builder(&sim.base_url(), dialect).build().expect("a client")
}

pub(crate) fn client(sim: &Sim) -> Client {
    client_in(sim, Dialect::Current)
}

/// A session whose agent plays this script.
pub(crate) async fn session(client: &Client, script: &str) -> SessionId {
    session_with(client, &[("simulate", script)]).await
}

pub(crate) async fn session_with(client: &Client, metadata: &[(&str, &str)]) -> SessionId {
    let agent = client
        .agents()
        .create(AgentCreate::new("tester", "ultimate"))
        .await
        .expect("an agent");
    let environment = client
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect("an environment");
    let mut create = SessionCreate::new(&agent.id, &environment.id);
    for (key, value) in metadata {
        create = create.metadata(*key, *value);
    }
    client
        .sessions()
        .create(create)
        .await
        .expect("a session")
        .id
}

/// The ids of all events of a session, as the server has them.
pub(crate) fn truth(sim: &Sim, session: &SessionId) -> Vec<String> {
    let id =
        |event: &qoder::types::serde_json::Value| event["id"].as_str().expect("an id").to_owned();
    sim.log(session.as_str()).iter().map(id).collect()
}

pub(crate) fn plan(text: &str) -> Plan {
    text.parse().expect("a plan")
}
