//! The simulator in another process, told what to do line by line.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use qoder::transport::{StreamHttp, Tls, Transport};
use qoder::types::{AgentCreate, SessionCreate, SessionId};
use qoder::{Client, ClientBuilder};
use qoder_sim::Sim;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::child::{self, Child};

/// The protocol that is spoken with the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// A connection for each stream.
    Plain,
    /// The same through TLS.
    Tls,
    /// Streams over HTTP/2 connections that they share, without TLS.
    Http2,
}

impl Speech {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Tls, Self::Http2];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "TLS",
            Self::Http2 => "HTTP/2, shared",
        }
    }

    /// The argument that stands for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Http2 => "http2",
        }
    }

    /// The one that a word stands for.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|speech| speech.word() == word)
    }
}

/// The order to the other process: so many events for each of the sessions, one after another
/// and in turns, with a pause after each turn; or what goes wrong from now on.
enum Order {
    Publish {
        first: usize,
        count: usize,
        pause: Duration,
        sessions: Vec<String>,
    },
    Faults(String),
    /// Says where TLS is spoken, and with which certificate.
    Tls,
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
        Order::Tls => return front(sim.addr()).await.expect("TLS"),
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
        if line == "tls" {
            return Some(Self::Tls);
        }
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

/// Speaks TLS in front of a server; its address, and its certificate in hexadecimal digits.
async fn front(of: SocketAddr) -> io::Result<String> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(io::Error::other)?;
    let key = signing_key.serialize_der().try_into();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.map_err(io::Error::other)?)
        .map_err(io::Error::other)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut answer = format!("{} ", listener.local_addr()?);
    for byte in cert.der().iter() {
        let _ = write!(answer, "{byte:02x}");
    }
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(of).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(answer)
}

/// A client of the simulator.
pub fn client(sim: &Child) -> Client {
    let builder = Client::builder().base_url(format!("http://{}/api/v1/cloud", sim.addr));
    built(builder)
}

/// A client that speaks so.
///
/// # Errors
///
/// The simulator is gone.
pub fn speaking(speech: Speech, sim: &mut Child) -> io::Result<Client> {
    match speech {
        Speech::Plain => Ok(client(sim)),
        Speech::Tls => {
            let answer = sim.tell("tls")?;
            let (addr, certificate) = answer.split_once(' ').unwrap_or_default();
            let digits = |at: usize| u8::from_str_radix(&certificate[at..at + 2], 16);
            let der: Vec<u8> = (0..certificate.len())
                .step_by(2)
                .map(|at| digits(at).expect("digits"))
                .collect();
            let tls = Tls::builder().add_root_der(der).build();
            let builder = Client::builder()
                .base_url(format!("https://{addr}/api/v1/cloud"))
                .tls(tls.expect("a certificate"));
            Ok(built(builder))
        }
        Speech::Http2 => {
            let transport = Transport::builder()
                .stream_http(StreamHttp::Http2Shared)
                .http2_prior_knowledge(true)
                .build();
            let builder = Client::builder()
                .base_url(format!("http://{}/api/v1/cloud", sim.addr))
                .transport(transport.expect("a transport"));
            Ok(built(builder))
        }
    }
}

fn built(builder: ClientBuilder) -> Client {
    builder
        .token("pt-benchmark")
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
