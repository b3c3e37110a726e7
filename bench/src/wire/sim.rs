//! The simulator in another process, told what to do line by line.

use std::io;
use std::time::Duration;

use qoder::Client;
use qoder::types::{AgentCreate, SessionCreate, SessionId};
use qoder_sim::Sim;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use super::child::{self, Child};

/// What is said to the other process: so many events for each of the sessions, one after another
/// and in turns, with a pause after each turn; or what goes wrong from now on.
enum Order {
    Publish {
        first: usize,
        count: usize,
        pause: Duration,
        sessions: Vec<String>,
    },
    Faults(String),
}

/// In the other process: simulates until nobody is there who wants it.
///
/// # Errors
///
/// There is no free port.
pub fn run() -> io::Result<()> {
    open_files();
    tokio::runtime::Runtime::new()?.block_on(async {
        let sim = Sim::start().await?;
        child::say(&sim.addr().to_string())?;
        let (orders, mut taken) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in child::told() {
                if orders.send(line).is_err() {
                    return;
                }
            }
        });
        while let Some(line) = taken.recv().await {
            let order = Order::read(&line).ok_or_else(|| io::Error::other(line.clone()))?;
            child::say(&obey(&sim, order).await)?;
        }
        Ok(())
    })
}

async fn obey(sim: &Sim, order: Order) -> String {
    let (first, count, pause, sessions) = match order {
        Order::Faults(plan) => {
            sim.inject(plan.parse().expect("a plan"));
            return String::new();
        }
        Order::Publish {
            first,
            count,
            pause,
            sessions,
        } => (first, count, pause, sessions),
    };
    let mut last = Value::Null;
    for number in first..first + count {
        for session in &sessions {
            let text = format!("{number} the function partitions the list around a pivot");
            let event =
                json!({"type": "agent.message", "content": [{"type": "text", "text": text}]});
            last = sim.publish(session, event).expect("a session");
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    // What was asked is no longer of interest, and there is a lot of it.
    sim.clear_requests();
    last["id"].as_str().unwrap_or_default().to_owned()
}

impl Order {
    fn read(line: &str) -> Option<Self> {
        let (verb, rest) = line.split_once(' ')?;
        if verb == "faults" {
            return Some(Self::Faults(rest.to_owned()));
        }
        let mut words = rest.split(' ');
        Some(Self::Publish {
            first: words.next()?.parse().ok()?,
            count: words.next()?.parse().ok()?,
            pause: Duration::from_micros(words.next()?.parse().ok()?),
            sessions: words.map(ToOwned::to_owned).collect(),
        })
    }
}

/// Has events published, numbered from `first` on: so many in each session. It comes back when
/// all are, with the id of the last one.
///
/// # Errors
///
/// The simulator is gone.
pub fn publish(
    sim: &mut Child,
    sessions: &[SessionId],
    first: usize,
    count: usize,
    pause: Duration,
) -> io::Result<String> {
    let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    sim.tell(&format!(
        "publish {first} {count} {} {}",
        pause.as_micros(),
        sessions.join(" ")
    ))
}

/// Sets what goes wrong from now on, as [`qoder_sim::Plan`] reads it.
///
/// # Errors
///
/// The simulator is gone.
pub fn faults(sim: &mut Child, plan: &str) -> io::Result<()> {
    sim.tell(&format!("faults {plan}")).map(drop)
}

/// A client of the simulator.
pub fn client(sim: &Child) -> Client {
    Client::builder()
        .token("pt-benchmark")
        .base_url(format!("http://{}/api/v1/cloud", sim.addr))
        .dialect(qoder::Dialect::Current)
        .build()
        .expect("a client")
}

/// New sessions.
pub async fn sessions(client: &Client, count: usize) -> Vec<SessionId> {
    let agent = client
        .agents()
        .create(AgentCreate::new("benchmark", "ultimate"))
        .await
        .expect("an agent");
    let environment = client
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect("an environment");
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        let create = SessionCreate::new(&agent.id, &environment.id);
        let session = client.sessions().create(create).await.expect("a session");
        sessions.push(session.id);
    }
    sessions
}

/// The number that [`publish`] gave to an event.
pub fn number(event: &qoder::Event) -> Option<usize> {
    let qoder::Event::AgentMessage(message) = event else {
        return None;
    };
    message.text().split(' ').next()?.parse().ok()
}

/// As many open files as may be: a connection is one.
pub fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, most);
}
