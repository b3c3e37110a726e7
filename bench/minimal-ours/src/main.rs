//! Prints the title of a session, and what is written in it from now on.

#[tokio::main(flavor = "current_thread")]
async fn main() -> qoder::Result<()> {
    let id = std::env::args().nth(1).unwrap_or_default();
    let client = qoder::Client::from_env()?;
    let session = client.session(id);
    println!("{:?}", session.retrieve().await?.title);
    let mut events = session.stream().await?;
    while let Some(event) = events.next().await {
        if let qoder::Event::AgentMessage(message) = event? {
            println!("{}", message.text());
        }
    }
    Ok(())
}
