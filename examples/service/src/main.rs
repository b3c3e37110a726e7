//! A web page with a question and an answer that grows while the agent writes it.
//!
//! ```text
//! cargo run -p service [-- ADDRESS]
//! ```
//!
//! The address is `127.0.0.1:3000` if none is given. The service keeps nothing: a turn is known by
//! its session and its message, and the events sent to the browser have the ids of the session's.
//! So a page that is loaded again, a connection that is lost and a service that is restarted all go
//! on where they were. Whoever knows the ids can read the turn: a service for strangers checks
//! whose they are. Without `QODER_PAT` it talks to a simulator, started in this process.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

#[path = "../../demo/mod.rs"]
mod demo;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, Sse, sse};
use axum::routing::{get, post};
use futures_util::{Stream, stream};
use qoder::follow::Updates;
use qoder::types::serde_json::json;
use qoder::types::{AgentCreate, PreviewType, SessionCreate};
use qoder::{Client, Event, Update};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Service {
    client: Client,
    /// The body that each turn's session is created with.
    session: SessionCreate,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The simulator, if one was started, lives as long as this binding.
    let (client, _simulator) = demo::connect(script).await?;
    let agent = AgentCreate::new("service", "ultimate");
    let agent = client.agents().create(agent).await?;
    let environment = client.environments().list().limit(1).first().await?;
    let session = SessionCreate::new(&agent.id, &environment.id);
    let router = Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/turns", post(begin))
        .route("/turns/{session}/{message}", get(updates))
        .with_state(Service { client, session });
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// Sends a message, and says where its turn can be followed.
async fn begin(
    State(service): State<Service>,
    message: String,
) -> Result<String, (StatusCode, String)> {
    let Service { client, session } = service;
    let session = client.sessions().create(session).await.map_err(failed)?.id;
    let sent = client
        .session(&session)
        .send(message)
        .await
        .map_err(failed)?;
    let message = sent.data.iter().find_map(Event::id);
    let message = message.ok_or_else(|| failed("the server gave the message no id"))?;
    Ok(format!("/turns/{session}/{message}"))
}

/// Streams the answer to a message, from where the browser was to the end of the turn.
async fn updates(
    State(service): State<Service>,
    Path((session, message)): Path<(String, String)>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = qoder::Result<sse::Event>>> {
    // A browser that comes back says which event it had last.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let updates = service
        .client
        .session(session)
        .follow()
        .after(last.unwrap_or(&message))
        .previews([PreviewType::AgentMessage])
        .updates();
    Sse::new(for_the_page(updates)).keep_alive(sse::KeepAlive::default())
}

/// `text` is what a message is so far, `message` the whole of it, and `done` or `failed` the end.
fn for_the_page(updates: Updates) -> impl Stream<Item = qoder::Result<sse::Event>> {
    stream::unfold(Some(updates), |updates| async {
        let mut updates = updates?;
        loop {
            let (id, name, data) = match updates.next().await? {
                Ok(Update::Text(text)) => {
                    let data = json!({"id": text.event_id, "text": text.so_far()});
                    (None, "text", data)
                }
                Ok(Update::Event(Event::AgentMessage(message))) => {
                    let data = json!({"id": message.id, "text": message.text()});
                    (message.id, "message", data)
                }
                Ok(Update::Event(Event::SessionStatusIdle(idle))) => {
                    let stop = idle.stop_reason.map(|reason| reason.to_string());
                    (idle.id, "done", json!(stop))
                }
                Ok(_) => continue,
                Err(error) => (None, "failed", json!(error.to_string())),
            };
            let event = sse::Event::default().event(name).data(data.to_string());
            let event = match id {
                Some(id) => event.id(id),
                None => event,
            };
            let goes_on = matches!(name, "text" | "message");
            return Some((Ok(event), goes_on.then_some(updates)));
        }
    })
}

fn failed(why: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::BAD_GATEWAY, why.to_string())
}

/// The script of the simulator's agent.
async fn script(turn: qoder_sim::Turn) {
    let answer = format!("No model is here, but you asked: {} ", turn.message());
    let answer = answer.repeat(5);
    turn.deltas(answer.split_inclusive(' ')).await;
}
