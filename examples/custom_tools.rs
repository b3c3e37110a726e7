//! Sends a message, and runs the custom tools that the agent asks for: `add {"a":n,"b":n}` and
//! `slow {"ms":n}`. Others it answers as unknown.
//!
//! ```text
//! cargo run -p examples --example custom_tools -- SESSION_ID --message TEXT [--ledger FILE]
//! ```
//!
//! It prints a line when a handler starts, when the server accepted an answer, and at the end:
//!
//! ```text
//! {"run":"evt_1"}
//! {"answered":"evt_1"}
//! {"stop":"end_turn","text":"The sum is 3."}
//! ```
//!
//! With a ledger, it goes on where it was when it is started again with the same file, session and
//! message: nothing is said, run or answered twice. The service is the one that `QODER_BASE_URL`
//! names, with the token of `QODER_PAT`. It exits with 0 only if the turn ended with `end_turn`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use qoder::types::serde_json::{Number, Value, from_str, from_value, json};
use qoder::{
    Checkpoint, Client, Event, Stop, Toolbox,
    tools::{FileLedger, Ledger, MemoryLedger, ToolProgress, UnknownTools},
};

#[derive(serde::Deserialize)]
struct Add {
    a: Number,
    b: Number,
}

#[derive(serde::Deserialize)]
struct Slow {
    ms: u64,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse()?;
    let file = match &args.ledger {
        Some(path) => Some(FileLedger::open(path).await?),
        None => None,
    };
    let memory = MemoryLedger::new();
    let ledger: &dyn Ledger = match &file {
        Some(file) => file,
        None => &memory,
    };

    let mut notes = Notes::of(file.as_ref(), &args).await?;
    if let Some((stop, text)) = &notes.end {
        return Ok(print_end(stop, text));
    }
    let session = Client::from_env()?.session(&args.session);
    let opening = match &notes.checkpoint {
        Some(checkpoint) => session.resume_turn(checkpoint),
        None => session.turn(&*args.message).idempotency_key(&notes.key),
    };
    let mut turn = opening
        .tools(&toolbox())
        .ledger(ledger)
        .progress(|progress| match progress {
            ToolProgress::Started(id) => println!("{}", json!({"run": id})),
            ToolProgress::Answered(id) => println!("{}", json!({"answered": id})),
            _ => {}
        })
        .await?;
    // From its beginning, so that a program that goes on sees the whole turn.
    if notes.checkpoint.is_none() {
        notes.checkpoint = Some(turn.turn().checkpoint());
        notes.store(file.as_ref()).await?;
    }

    let mut text = String::new();
    while let Some(event) = turn.next().await {
        if let Event::AgentMessage(message) = event? {
            text = message.text().into_owned();
        }
    }
    let stop = turn.turn().stop_reason().to_string();
    notes.end = Some((stop.clone(), text.clone()));
    notes.store(file.as_ref()).await?;
    Ok(print_end(&stop, &text))
}

fn print_end(stop: &str, text: &str) -> ExitCode {
    println!("{}", json!({"stop": stop, "text": text}));
    if stop == Stop::EndTurn.to_string() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn toolbox() -> Toolbox {
    let numbers = json!({
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    });
    let time = json!({
        "type": "object",
        "properties": {"ms": {"type": "integer", "minimum": 0}},
        "required": ["ms"],
    });
    Toolbox::new()
        .tool(
            "add",
            "Adds two numbers.",
            numbers,
            |args: Add| async move { sum(&args.a, &args.b).ok_or("the sum is too large") },
        )
        .tool("slow", "Takes its time.", time, |args: Slow| async move {
            tokio::time::sleep(Duration::from_millis(args.ms)).await;
            Ok::<_, &str>(args.ms)
        })
        .unknown(UnknownTools::AnswerWithError)
}

/// The sum of whole numbers is exact.
fn sum(a: &Number, b: &Number) -> Option<Number> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Number::from_i128(a.checked_add(b)?),
        _ => Number::from_f64(a.as_f64()? + b.as_f64()?),
    }
}

/// The notes in the ledger's file about the turn.
struct Notes {
    session: String,
    message: String,
    /// The key of the message: with it, the same message is never said twice.
    key: String,
    /// The checkpoint at the beginning of the turn, once its message was accepted.
    checkpoint: Option<Checkpoint>,
    /// The reason why the turn stopped, and its text.
    end: Option<(String, String)>,
}

impl Notes {
    /// Returns the notes of this turn; if there are none, notes a new turn.
    async fn of(file: Option<&FileLedger>, args: &Args) -> Result<Self, Box<dyn Error>> {
        if let Some(text) = file.and_then(|file| file.note("turn")) {
            let noted: Value = from_str(&text)?;
            let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
            if noted["session"] == *args.session && noted["message"] == *args.message {
                return Ok(Self {
                    session: args.session.clone(),
                    message: args.message.clone(),
                    key: text(&noted["key"]).ok_or("the ledger's turn has no key")?,
                    checkpoint: from_value(noted["checkpoint"].clone())?,
                    end: text(&noted["end"]["stop"]).zip(text(&noted["end"]["text"])),
                });
            }
        }
        let new = Self {
            session: args.session.clone(),
            message: args.message.clone(),
            key: uuid::Uuid::new_v4().to_string(),
            checkpoint: None,
            end: None,
        };
        new.store(file).await?;
        Ok(new)
    }

    async fn store(&self, file: Option<&FileLedger>) -> std::io::Result<()> {
        let end = self.end.as_ref();
        let end = end.map(|(stop, text)| json!({"stop": stop, "text": text}));
        let note = json!({
            "session": self.session, "message": self.message, "key": self.key,
            "checkpoint": self.checkpoint, "end": end,
        });
        match file {
            Some(file) => file.set_note("turn", note.to_string()).await,
            None => Ok(()),
        }
    }
}

struct Args {
    session: String,
    message: String,
    ledger: Option<std::path::PathBuf>,
}

impl Args {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let usage = "custom_tools SESSION_ID --message TEXT [--ledger FILE]";
        let (mut session, mut message, mut ledger) = (None, None, None);
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            match word {
                lexopt::Arg::Long("message") => {
                    let text = words.value()?.into_string();
                    message = Some(text.map_err(|_| "--message: not UTF-8")?);
                }
                lexopt::Arg::Long("ledger") => ledger = Some(words.value()?.into()),
                lexopt::Arg::Value(id) if session.is_none() => {
                    session = Some(id.into_string().map_err(|_| "SESSION_ID: not UTF-8")?);
                }
                lexopt::Arg::Long("help") => {
                    println!("{usage}");
                    std::process::exit(0);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Self {
            session: session.ok_or(usage)?,
            message: message.ok_or(usage)?,
            ledger,
        })
    }
}
