//! Prints the title of a session, and what is written in it from now on.

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use serde::Deserialize;

#[derive(Deserialize)]
struct Session {
    title: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "agent.message")]
    AgentMessage { content: Vec<Block> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Block {
    #[serde(rename = "text")]
    Text { text: String },
    #[serde(other)]
    Other,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let id = std::env::args().nth(1).unwrap_or_default();
    let base = std::env::var("QODER_BASE_URL")?;
    let token = std::env::var("QODER_PAT")?;
    let client = reqwest::Client::new();
    let get = |path: String| client.get(format!("{base}{path}")).bearer_auth(&token);
    let session = get(format!("/sessions/{id}")).send().await?;
    let session: Session = session.error_for_status()?.json().await?;
    println!("{:?}", session.title);
    let stream = get(format!("/sessions/{id}/events/stream")).send().await?;
    let mut events = stream.error_for_status()?.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        if let Event::AgentMessage { content } = serde_json::from_str(&event?.data)? {
            for block in content {
                if let Block::Text { text } = block {
                    println!("{text}");
                }
            }
        }
    }
    Ok(())
}
