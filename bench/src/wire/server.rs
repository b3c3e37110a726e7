//! A lean server: what it sends is made before it is asked, and sent in large pieces, so that the
//! client is what limits.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::child;
use super::contenders::Shape;

/// Messages of a stream, and deltas of each.
pub const MESSAGES: usize = 500;
pub const DELTAS: usize = 200;

/// The number of bytes that are written at once.
const PIECE: usize = 64 << 10;

/// A session as the API gives it, of about a kilobyte.
pub const SESSION: &str = r#"{"id":"sess_0198c4d35e6f7a8b9c0d1e2f3a4b5c6d","type":"session","agent":{"id":"agent_0198c4d2a1b07e3f9c55d0e1f2a3b4c5","type":"agent","name":"changelog-writer","description":"Drafts release notes","system":"Write short release notes.","tools":[{"type":"agent_toolset_20260401","enabled_tools":["Bash","Read","Grep","DeliverArtifacts"]}],"mcp_servers":[],"skills":[],"version":3,"model":{"id":"ultimate","effective_context_window":200000}},"environment_id":"env_0198c4d1f0aa7b6c8d9e0f1a2b3c4d5e","title":"Notes for 4.2","status":"idle","metadata":{"ticket":"REL-42"},"environment_variables":{"LOG_LEVEL":"debug"},"resources":[],"vault_ids":[],"outcome_evaluations":[],"stats":{"active_seconds":12,"duration_seconds":340},"usage":{"model_credits":1.25,"sandbox_runtime_credits":0.5,"total_credits":1.75},"deployment_id":null,"archived_at":null,"created_at":"2026-11-20T09:12:44.120931Z","updated_at":"2026-11-20T09:18:24.004117Z"}"#;

/// Serves until nobody is there who wants it.
///
/// # Errors
///
/// There is no free port.
pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let events = events();
    let streams = Arc::new([Shape::Packed, Shape::Apart].map(|shape| response(&events, shape)));
    child::say(&listener.local_addr()?.to_string())?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let streams = Arc::clone(&streams);
            thread::spawn(move || serve(connection, &streams));
        }
    });
    child::told().for_each(drop);
    Ok(())
}

fn serve(mut connection: TcpStream, streams: &[Vec<u8>; 2]) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let session = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0198c4d35e6f\r\ncontent-length: {}\r\n\r\n{SESSION}",
        SESSION.len()
    );
    let mut line = String::new();
    let mut target = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if target.is_empty() {
            line.split(' ').nth(1).unwrap_or("").clone_into(&mut target);
        }
        if line.trim_end().is_empty() {
            if target.contains("/events/stream") {
                let packed = target.contains(Shape::Packed.session());
                for piece in streams[usize::from(!packed)].chunks(PIECE) {
                    connection.write_all(piece)?;
                }
            } else {
                connection.write_all(session.as_bytes())?;
            }
            target.clear();
        }
    }
}

/// The events of the stream, each as a frame: messages that are announced, written in deltas, and
/// then there as a whole; and the session's end.
fn events() -> Vec<String> {
    let words = [
        "the", "session", "returns", "a", "vector", "of", "events", "in", "order",
    ];
    let mut frames = Vec::new();
    let mut frame = |name: &str, id: &str, data: &str| {
        frames.push(format!("event: {name}\ndata: {data}\nid: {id}\n\n"));
    };
    for message in 0..MESSAGES {
        let id = format!("evt_00k25q7m2x{message:010}");
        frame(
            "event_start",
            &id,
            &format!(r#"{{"event":{{"id":"{id}","type":"agent.message"}},"type":"event_start"}}"#),
        );
        let mut whole = String::new();
        for delta in 0..DELTAS {
            let at = message * 7 + delta;
            let text = format!("{} {} ", words[at % 9], words[(at / 3) % 9]);
            whole.push_str(&text);
            frame(
                "event_delta",
                &id,
                &format!(
                    r#"{{"delta":{{"content":{{"text":"{text}","type":"text"}},"index":0,"type":"content_delta"}},"event_id":"{id}","type":"event_delta"}}"#
                ),
            );
        }
        frame(
            "agent.message",
            &id,
            &format!(
                r#"{{"id":"{id}","type":"agent.message","content":[{{"type":"text","text":"{whole}"}}],"processed_at":"2026-11-24T12:00:00Z"}}"#
            ),
        );
    }
    frame(
        "session.status_terminated",
        "evt_00k25q7m2xzzzzzzzzzz",
        r#"{"id":"evt_00k25q7m2xzzzzzzzzzz","type":"session.status_terminated","processed_at":"2026-11-24T12:00:00Z"}"#,
    );
    frames
}

/// The whole response, byte by byte as it is sent.
fn response(events: &[String], shape: Shape) -> Vec<u8> {
    let mut text =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                    transfer-encoding: chunked\r\n\r\n"
            .to_owned();
    let mut chunk = |bytes: &str| {
        let _ = write!(text, "{:x}\r\n{bytes}\r\n", bytes.len());
    };
    match shape {
        Shape::Packed => {
            let mut packed = String::new();
            for event in events {
                packed.push_str(event);
                while packed.len() >= 16 << 10 {
                    let rest = packed.split_off(16 << 10);
                    chunk(&packed);
                    packed = rest;
                }
            }
            chunk(&packed);
        }
        Shape::Apart => events.iter().for_each(|event| chunk(event)),
    }
    text.push_str("0\r\n\r\n");
    text.into_bytes()
}
