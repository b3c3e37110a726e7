//! Who streams and who calls.

use std::net::SocketAddr;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use qoder::types::PreviewType;
use qoder::{Dialect, Start, Update};
use qoder_types::Event;
use tokio::runtime::Runtime;

use super::theirs;

/// The place of events in the chunks of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Many in a chunk of 16 KiB, as behind a proxy that collects them.
    Packed,
    /// Each in a chunk of its own, as a server writes them.
    Apart,
}

impl Shape {
    /// The session whose stream has this shape.
    pub fn session(self) -> &'static str {
        match self {
            Self::Packed => "sess_packed",
            Self::Apart => "sess_apart",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Packed => "many events in a chunk of 16 KiB",
            Self::Apart => "each event in a chunk of its own",
        }
    }
}

/// The means of a contender.
pub struct Setup {
    runtime: Runtime,
    ours: qoder::Client,
    theirs: reqwest::Client,
    base: String,
}

/// The proof that a contender did its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deltas, or calls.
    pub count: usize,
    /// Of their texts.
    pub bytes: usize,
}

impl Tally {
    fn add(&mut self, text: &str) {
        self.count += 1;
        self.bytes += text.len();
    }
}

pub struct Contender<T> {
    pub name: &'static str,
    pub run: fn(&Setup, T) -> Tally,
    /// Whether it understands what it reads.
    pub reads: bool,
}

const TOKEN: &str = "pt-benchmark";

impl Setup {
    /// Clients of this server. All of a program runs in one thread.
    pub fn new(server: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let base = format!("http://{server}/api/v1/cloud");
        let ours = qoder::Client::builder()
            .token(TOKEN)
            .base_url(&base)
            .dialect(Dialect::Current)
            .build()
            .expect("a client");
        Self {
            runtime,
            ours,
            theirs: reqwest::Client::new(),
            base,
        }
    }
}

/// Each reads the stream of a session to its end.
pub const STREAMS: &[Contender<Shape>] = &[
    Contender {
        name: "qoder, `stream()`",
        reads: true,
        run: |setup, shape| {
            setup.runtime.block_on(async {
                let session = setup.ours.session(shape.session());
                let mut tally = Tally::default();
                let mut events = session
                    .stream()
                    .previews([PreviewType::AgentMessage])
                    .await
                    .expect("a stream");
                while let Some(event) = events.next().await {
                    if let Event::EventDelta(event) = event.expect("an event") {
                        tally.add(event.delta.text().expect("a text"));
                    }
                }
                tally
            })
        },
    },
    Contender {
        name: "qoder, `follow().updates()`",
        reads: true,
        run: |setup, shape| {
            setup.runtime.block_on(async {
                let mut tally = Tally::default();
                let mut updates = setup
                    .ours
                    .session(shape.session())
                    .follow()
                    .from(Start::After("evt_0".into()))
                    .previews([PreviewType::AgentMessage])
                    .updates();
                while let Some(update) = updates.next().await {
                    if let Update::Text(preview) = update.expect("an update") {
                        tally.add(preview.new());
                    }
                }
                tally
            })
        },
    },
    Contender {
        name: "reqwest, eventsource-stream, tagged enumeration",
        reads: true,
        run: |setup, shape| {
            setup.runtime.block_on(async {
                let mut tally = Tally::default();
                let mut events = setup.open(shape).await.bytes_stream().eventsource();
                while let Some(event) = events.next().await {
                    let event = event.expect("an event");
                    let event = serde_json::from_str(&event.data).expect("an event");
                    if let theirs::Event::Delta { delta, .. } = event {
                        if let theirs::Block::Text { text } = delta.content {
                            tally.add(&text);
                        }
                    }
                }
                tally
            })
        },
    },
    Contender {
        name: "reqwest, the bytes alone",
        reads: false,
        run: |setup, shape| {
            setup.runtime.block_on(async {
                let mut tally = Tally::default();
                let mut chunks = setup.open(shape).await.bytes_stream();
                while let Some(chunk) = chunks.next().await {
                    tally.bytes += chunk.expect("a chunk").len();
                }
                tally
            })
        },
    },
];

/// Each asks for a session so many times, over one connection.
pub const CALLS: &[Contender<usize>] = &[
    Contender {
        name: "qoder, `session().retrieve()`",
        reads: true,
        run: |setup, calls| {
            setup.runtime.block_on(async {
                let session = setup.ours.session("sess_0198c4d35e6f7a8b9c0d1e2f3a4b5c6d");
                let mut tally = Tally::default();
                for _ in 0..calls {
                    let session = session.retrieve().await.expect("a session");
                    tally.add(&session.title);
                }
                tally
            })
        },
    },
    Contender {
        name: "reqwest, serde_json",
        reads: true,
        run: |setup, calls| {
            setup.runtime.block_on(async {
                let mut tally = Tally::default();
                for _ in 0..calls {
                    let url = format!(
                        "{}/sessions/sess_0198c4d35e6f7a8b9c0d1e2f3a4b5c6d",
                        setup.base
                    );
                    let session: theirs::Session = setup
                        .get(url)
                        .header("accept", "application/json")
                        .send()
                        .await
                        .and_then(reqwest::Response::error_for_status)
                        .expect("a response")
                        .json()
                        .await
                        .expect("a session");
                    tally.add(session.title.as_deref().expect("a title"));
                }
                tally
            })
        },
    },
];

impl Setup {
    fn get(&self, url: String) -> reqwest::RequestBuilder {
        self.theirs.get(url).bearer_auth(TOKEN)
    }

    async fn open(&self, shape: Shape) -> reqwest::Response {
        let url = format!(
            "{}/sessions/{}/events/stream?event_deltas[]=agent.message",
            self.base,
            shape.session()
        );
        self.get(url)
            .header("accept", "text/event-stream")
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("a stream")
    }
}
