//! Files up and down: uploads one, gives it to a session, asks the agent for a report, and
//! downloads what the agent delivered.
//!
//! `cargo run -p examples --example files [-- PATH]` talks to a simulator, started in this process, whose
//! agent delivers a copy of the file. With `QODER_PAT` set it talks to the real service.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::path::Path;

use qoder::types::{AgentCreate, File, SessionCreate, SessionResource};
use qoder::{Client, files::Upload};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The simulator, if one was started, lives as long as this binding.
    let (client, _simulator) = connect().await?;

    let upload = match std::env::args().nth(1) {
        Some(path) => Upload::path(path),
        None => Upload::bytes("sales.csv", "month,sold\nOctober,40\nNovember,2\n"),
    };
    let upload = upload.progress(|sent, total| eprintln!("sent {sent} of {total:?} bytes"));
    let file = client.files().upload(upload).await?;
    println!("Uploaded: {}", file.id);

    let agent = client
        .agents()
        .create(AgentCreate::new("reporter", "ultimate"))
        .await?;
    let environment = client.environments().list().limit(1).first().await?;
    let mut session = SessionCreate::new(&agent.id, &environment.id);
    session.resources = Some(vec![SessionResource::file(&file.id).into()]);
    let session = client.sessions().create(session).await?;
    let reply = client
        .session(&session.id)
        .ask("Write a report on the attached file, and deliver it as report.md.")
        .await?;
    println!("Agent: {}", reply.text());

    let mut files = client.files().list().scope_id(session.id.as_str()).items();
    while let Some(file) = files.next().await {
        let file = file?;
        if file.downloadable == Some(true) {
            download(&client, &file).await?;
        }
    }
    Ok(())
}

/// To a directory of the system's for temporary files. The name is the server's: of a path in it,
/// only the last part is taken.
async fn download(client: &Client, file: &File) -> Result<(), Box<dyn std::error::Error>> {
    let name = Path::new(&file.filename)
        .file_name()
        .ok_or("a file with no name")?;
    let target = std::env::temp_dir().join(name);
    let bytes = client
        .files()
        .download(&file.id)
        .length(file.size_bytes)
        .progress(|got, total| eprintln!("got {got} of {total:?} bytes"))
        .to_path(&target)
        .await?;
    println!("Downloaded: {bytes} bytes to {}", target.display());
    Ok(())
}

async fn connect() -> Result<(Client, Option<qoder_sim::Sim>), Box<dyn std::error::Error>> {
    if ["QODER_ACCESS_TOKEN", "QODER_PAT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        return Ok((Client::from_env()?, None));
    }
    let simulator = qoder_sim::Sim::builder().start().await?;
    eprintln!("QODER_PAT is not set: using a simulator, whose agents are scripted");
    let client = Client::builder()
        .token("pt-simulated")
        .base_url(simulator.base_url())
        .build()?;
    Ok((client, Some(simulator)))
}
