//! What following and calling cost, as far as it can be told without a clock: bytes on the heap and
//! allocations. Each has a ceiling a little above what it is; who passes one, or comes to stay far
//! below it, changes it here.

mod common;

use std::alloc::System;
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::Poll;

use common::builder;
use qoder::follow::Updates;
use qoder::types::PreviewType;
use qoder::{Client, Dialect, Event, Notice, Start, Update};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes of a follower that waits.
const IDLE: usize = 4 << 10;
/// Bytes of one that has read many events and is in the middle of more.
const BUSY: usize = 96 << 10;
/// Allocations for each event, delta of a preview, and call.
const EVENT: f64 = 6.3;
const DELTA: f64 = 2.1;
const CALL: f64 = 57.1;
/// Bytes that are allocated for a call, most of them for futures and to read into.
const CALL_BYTES: f64 = 26_000.0;
/// Bytes that are allocated for an event that comes alone.
const ALONE_BYTES: f64 = 640.0;

const FOLLOWERS: usize = 32;
const EVENTS: usize = 2000;
const DELTAS: usize = 10_000;
const CALLS: usize = 200;

const SESSION: &str = r#"{"id":"sess_1","type":"session","agent":{"id":"agent_1","type":"agent","name":"writer","version":3,"model":{"id":"ultimate"}},"environment_id":"env_1","title":"Notes","status":"idle","metadata":{"ticket":"REL-42"},"resources":[],"vault_ids":[],"created_at":"2026-11-20T09:12:44Z","updated_at":"2026-11-20T09:18:24Z"}"#;

/// What a server does.
enum Server {
    /// It begins a stream, and says nothing more.
    Silent,
    /// It begins a stream, and sends these bytes.
    Sends(Vec<u8>),
    /// It begins a stream, and sends one of these after another, each when it is asked to.
    SendsOneByOne(Vec<Vec<u8>>, Arc<Barrier>),
    /// It sends this response to each request of a connection.
    Answers(Vec<u8>),
}

impl Server {
    /// Starts it, outside of the runtime. It allocates nothing once it runs.
    fn start(self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        std::thread::spawn(move || {
            let mut open = Vec::with_capacity(FOLLOWERS + 1);
            for connection in listener.incoming().map_while(Result::ok) {
                let _ = self.serve(&connection);
                open.push(connection);
            }
        });
        Ok(addr)
    }

    fn serve(&self, mut connection: &TcpStream) -> io::Result<()> {
        loop {
            let mut request = [0; 2048];
            let mut length = 0;
            while !request[..length].ends_with(b"\r\n\r\n") {
                match connection.read(&mut request[length..])? {
                    0 => return Ok(()),
                    read => length += read,
                }
            }
            let head =
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            match self {
                Self::Silent => return connection.write_all(head),
                Self::Sends(bytes) => {
                    connection.write_all(head)?;
                    return connection.write_all(bytes);
                }
                Self::SendsOneByOne(chunks, asked) => {
                    connection.write_all(head)?;
                    return chunks.iter().try_for_each(|chunk| {
                        asked.wait();
                        connection.write_all(chunk)
                    });
                }
                Self::Answers(response) => connection.write_all(response)?,
            }
        }
    }
}

/// The last event of a session, as it is sent.
const LAST: &str = "event: session.status_terminated\nid: evt_last\ndata: {\"type\":\"session.status_terminated\",\"id\":\"evt_last\"}\n\n";

/// Frames in chunks of some kilobytes, and the end.
fn chunked(frames: impl Iterator<Item = String>) -> Vec<u8> {
    let mut body = String::new();
    let mut chunk = String::new();
    for frame in frames.chain([LAST.to_owned()]) {
        chunk.push_str(&frame);
        if chunk.len() > 4000 || frame == LAST {
            let _ = write!(body, "{:x}\r\n{chunk}\r\n", chunk.len());
            chunk.clear();
        }
    }
    body.push_str("0\r\n\r\n");
    body.into_bytes()
}

fn client(addr: SocketAddr) -> Client {
    let base = format!("http://{addr}/api/v1/cloud");
    builder(&base, Dialect::Current).build().expect("a client")
}

/// A follower whose stream is open.
async fn follower(client: &Client) -> Updates {
    let mut updates = client
        .session("sess_1")
        .follow()
        .from(Start::After("evt_0".into()))
        .previews([PreviewType::AgentMessage])
        .without_polling()
        .updates();
    loop {
        match updates.next().await.expect("an update").expect("no error") {
            Update::Notice(Notice::Live) => return updates,
            other => assert!(matches!(other, Update::Notice(_)), "{other:?}"),
        }
    }
}

/// Bytes on the heap.
fn held() -> usize {
    let stats = MEMORY.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn allocations(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}

/// All in one test, since the allocator counts the whole process.
#[tokio::test]
async fn nothing_costs_more_than_it_did() {
    let idle = idle().await;
    let (event, busy) = events().await;
    let alone = alone().await;
    let delta = deltas().await;
    let (call, call_bytes) = calls().await;
    println!(
        "idle {idle} B, busy {busy} B; allocations: event {event}, alone of {alone} B, delta {delta}, call {call} of {call_bytes} B"
    );
    assert!(idle <= IDLE, "{idle} bytes for a follower that waits");
    assert!(busy <= BUSY, "{busy} bytes for a follower that is busy");
    assert!(event <= EVENT, "{event} allocations for an event");
    assert!(
        alone <= ALONE_BYTES,
        "{alone} bytes allocated for an event that comes alone"
    );
    assert!(delta <= DELTA, "{delta} allocations for a delta");
    assert!(call <= CALL, "{call} allocations for a call");
    assert!(
        call_bytes <= CALL_BYTES,
        "{call_bytes} bytes allocated for a call"
    );
}

async fn idle() -> usize {
    let client = client(Server::Silent.start().expect("a server"));
    // What is made once is not a follower's.
    let first = follower(&client).await;
    let mut followers = Vec::with_capacity(FOLLOWERS);
    let before = held();
    for _ in 0..FOLLOWERS {
        let mut updates = follower(&client).await;
        let waits = poll_fn(|cx| {
            let next = pin!(updates.next());
            Poll::Ready(next.poll(cx).is_pending())
        });
        assert!(waits.await, "nothing comes");
        followers.push(updates);
    }
    let each = (held() - before) / FOLLOWERS;
    drop((first, followers));
    each
}

fn message(event: usize) -> String {
    format!(
        "event: agent.message\nid: evt_00k25q7m2x{event:010}\ndata: {{\"id\":\"evt_00k25q7m2x{event:010}\",\"type\":\"agent.message\",\"content\":[{{\"type\":\"text\",\"text\":\"the session returns a vector\"}}],\"processed_at\":\"2026-11-24T12:00:00Z\"}}\n\n"
    )
}

/// Bytes that are allocated for each event, if there is no other to be read with it.
async fn alone() -> f64 {
    let chunks = (0..EVENTS).map(|event| {
        let frame = message(event);
        format!("{:x}\r\n{frame}\r\n", frame.len()).into_bytes()
    });
    let asked = Arc::new(Barrier::new(2));
    let server = Server::SendsOneByOne(chunks.collect(), Arc::clone(&asked));
    let client = client(server.start().expect("a server"));
    let mut updates = follower(&client).await;
    let region = Region::new(MEMORY);
    for _ in 0..EVENTS {
        asked.wait();
        let update = updates.next().await.expect("an update");
        assert!(matches!(update, Ok(Update::Event(Event::AgentMessage(_)))));
    }
    each(region.change().bytes_allocated, EVENTS)
}

/// Allocations for each event, and the most that is held on the way.
async fn events() -> (f64, usize) {
    let server = Server::Sends(chunked((0..EVENTS).map(message)));
    let client = client(server.start().expect("a server"));
    let before = held();
    let mut updates = follower(&client).await;
    let region = Region::new(MEMORY);
    let (mut count, mut most) = (0, 0);
    while let Some(update) = updates.next().await {
        if let Update::Event(Event::AgentMessage(_)) = update.expect("no error") {
            count += 1;
            most = most.max(held());
        }
    }
    assert_eq!(count, EVENTS);
    (each(allocations(&region), count), most - before)
}

async fn deltas() -> f64 {
    let frames = (0..DELTAS).map(|delta| {
        format!(
            "event: event_delta\nid: evt_1\ndata: {{\"delta\":{{\"content\":{{\"text\":\"word {delta} \",\"type\":\"text\"}},\"index\":0,\"type\":\"content_delta\"}},\"event_id\":\"evt_1\",\"type\":\"event_delta\"}}\n\n"
        )
    });
    // As long as a connection has brought previews alone, each is looked at twice.
    let start = "event: session.status_running\nid: evt_00\ndata: {\"type\":\"session.status_running\",\"id\":\"evt_00\"}\n\nevent: event_start\nid: evt_1\ndata: {\"event\":{\"id\":\"evt_1\",\"type\":\"agent.message\"},\"type\":\"event_start\"}\n\n";
    let server = Server::Sends(chunked([start.to_owned()].into_iter().chain(frames)));
    let client = client(server.start().expect("a server"));
    let mut updates = follower(&client).await;
    let region = Region::new(MEMORY);
    let mut count = 0;
    while let Some(update) = updates.next().await {
        count += usize::from(matches!(update.expect("no error"), Update::Text(_)));
    }
    assert_eq!(count, DELTAS);
    each(allocations(&region), count)
}

/// Allocations for each call, and their bytes.
async fn calls() -> (f64, f64) {
    let length = SESSION.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {length}\r\n\r\n{SESSION}"
    );
    let server = Server::Answers(response.into_bytes());
    let client = client(server.start().expect("a server"));
    let session = client.session("sess_1");
    session.retrieve().await.expect("a session");
    let region = Region::new(MEMORY);
    for _ in 0..CALLS {
        session.retrieve().await.expect("a session");
    }
    let bytes = region.change().bytes_allocated;
    (each(allocations(&region), CALLS), each(bytes, CALLS))
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn each(of: usize, count: usize) -> f64 {
    of as f64 / count as f64
}
