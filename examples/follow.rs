//! Follows a session and prints each event's JSON, one per line, however often the connection is
//! lost.
//!
//! ```text
//! cargo run -p examples --example follow -- SESSION_ID [--from beginning|now|EVENT_ID] [--deltas] [--poll]
//!     [--until idle|end] [--idle-timeout SECONDS] [--dialect seed|current]
//! ```
//!
//! With `--deltas`, previews are printed as well:
//! `{"preview":{"event_id":…,"index":…,"text":<the whole text so far>}}`. It ends with the
//! session, or with `--until idle` when the session is first idle. The service is the one that
//! `QODER_BASE_URL` names, with the token of `QODER_PAT`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::io::Write;
use std::time::Duration;

use qoder::types::PreviewType;
use qoder::types::serde_json::json;
use qoder::{Client, Event, Start, Update, Via};

struct Args {
    session: String,
    start: Start,
    deltas: bool,
    poll: bool,
    until_idle: bool,
    idle_timeout: Option<Duration>,
    dialect: Option<qoder::Dialect>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(args) = Args::parse()? else {
        return Ok(());
    };
    let mut client = Client::builder().env();
    if let Some(dialect) = args.dialect {
        client = client.dialect(dialect);
    }
    let mut follow = client
        .build()?
        .session(args.session)
        .follow()
        .from(args.start);
    if args.deltas {
        follow = follow.previews([PreviewType::AgentMessage]);
    }
    if args.poll {
        follow = follow.via(Via::Polling(Duration::from_secs(1)));
    }
    if let Some(limit) = args.idle_timeout {
        follow = follow.idle_timeout(limit);
    }

    let mut out = std::io::stdout();
    let mut updates = follow.updates();
    while let Some(update) = updates.next().await {
        match update? {
            Update::Event(event) => {
                // The raw text may span lines; one event is one line here.
                let raw = event.raw();
                match qoder::types::serde_json::from_str::<qoder::types::serde_json::Value>(raw) {
                    Ok(value) if raw.contains('\n') => writeln!(out, "{value}")?,
                    _ => writeln!(out, "{}", raw.replace('\n', " "))?,
                }
                if args.until_idle && matches!(event, Event::SessionStatusIdle(_)) {
                    break;
                }
            }
            Update::Text(preview) => {
                let text = updates
                    .preview_text(&preview.event_id, preview.index)
                    .unwrap_or_default();
                let line = json!({"preview": {"event_id": preview.event_id, "index": preview.index, "text": text}});
                writeln!(out, "{line}")?;
            }
            Update::Notice(notice) => eprintln!("{notice}"),
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}

impl Args {
    fn parse() -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let mut args = Self {
            session: String::new(),
            start: Start::Beginning,
            deltas: false,
            poll: false,
            until_idle: false,
            idle_timeout: None,
            dialect: None,
        };
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            match word {
                lexopt::Arg::Long("from") => {
                    let from = words
                        .value()?
                        .into_string()
                        .map_err(|_| "--from: not UTF-8")?;
                    args.start = match from.as_str() {
                        "beginning" => Start::Beginning,
                        "now" => Start::Now,
                        id => id.into(),
                    };
                }
                lexopt::Arg::Long("deltas") => args.deltas = true,
                lexopt::Arg::Long("poll") => args.poll = true,
                lexopt::Arg::Long("until") => {
                    args.until_idle = match words.value()?.to_str() {
                        Some("idle") => true,
                        Some("end") => false,
                        _ => return Err("--until: idle or end".into()),
                    };
                }
                lexopt::Arg::Long("idle-timeout") => {
                    let seconds: f64 = words.value()?.to_str().unwrap_or_default().parse()?;
                    args.idle_timeout = Some(Duration::try_from_secs_f64(seconds)?);
                }
                lexopt::Arg::Long("dialect") => {
                    args.dialect = Some(words.value()?.to_str().unwrap_or_default().parse()?);
                }
                lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => {
                    println!(
                        "follow SESSION_ID [--from beginning|now|EVENT_ID] [--deltas] [--poll] [--until idle|end] \
                         [--idle-timeout SECONDS] [--dialect seed|current]"
                    );
                    return Ok(None);
                }
                lexopt::Arg::Value(id) if args.session.is_empty() => {
                    args.session = id.into_string().map_err(|_| "SESSION_ID: not UTF-8")?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if args.session.is_empty() {
            return Err("which session? Try --help".into());
        }
        Ok(Some(args))
    }
}
