//! The example programs, and what each has to show for itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::compare::{begin, printed_by_follow, printed_by_quickstart, reply, same};
use super::page;
use super::process::{PATIENCE, Printing, command};
use super::server::{Server, TOKEN};

/// No program runs longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Every program is done by then, whatever is in its way.
const EXPECTED: Duration = Duration::from_secs(15);

/// Some of it is left when all buffers on the way are full.
const FILE: usize = (3 << 20) + 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Quickstart,
    Follow,
    Files,
    /// Its page, in a browser.
    Service,
}

/// The place where a program runs.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The example programs.
    pub(crate) programs: &'a Path,
    /// The programs that are packages of their own.
    pub(crate) bins: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) server: &'a Server,
    pub(crate) base_url: &'a str,
    /// The environment's variables for the route.
    pub(crate) environment: &'a [(&'static str, String)],
    /// Whether the pieces of a message come through one by one.
    pub(crate) previews: bool,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quickstart => "quickstart",
            Self::Follow => "follow",
            Self::Files => "files",
            Self::Service => "service",
        }
    }

    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Follow => "follow --deltas",
            _ => self.name(),
        }
    }

    /// A plan by which the server falls silent in the middle of each kind of body, so that a route
    /// with little patience cuts it.
    pub(crate) fn silences(self) -> &'static str {
        match self {
            Self::Quickstart | Self::Service => "stream:stall-frames=4*2",
            // In the middle of a message, after some of its previews.
            Self::Follow => "stream:stall-frames=12*2",
            Self::Files => "stream:stall-frames=4,storage:stall-after=1000000",
        }
    }

    /// Runs it, and compares. An error if it can't be tried.
    pub(crate) fn run(self, place: &Place<'_>) -> Result<Ran, String> {
        let mut ran = match self {
            Self::Quickstart => quickstart(place),
            Self::Follow => follow(place),
            Self::Files => files(place),
            Self::Service => Ok(service(place)),
        }?;
        if ran.came.is_ok() && ran.took > EXPECTED {
            ran.came = Err(format!("it took more than {} s", EXPECTED.as_secs()));
        }
        Ok(ran)
    }
}

/// The result of a program's run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// The outcome, or what is wrong with it.
    pub(crate) came: Result<String, String>,
}

impl Place<'_> {
    fn start(&self, program: Program, words: &[&str]) -> Result<Printing, String> {
        let name = program.name();
        let folder = match program {
            Program::Quickstart | Program::Service => self.bins,
            Program::Follow | Program::Files => self.programs,
        };
        let mut command = command(&folder.join(name), self.folder);
        command
            .args(words)
            .env("QODER_BASE_URL", self.base_url)
            .env("QODER_PAT", TOKEN)
            .env("TMPDIR", self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        Printing::start(name, &mut command, self.folder.join(format!("{name}.log")))
    }
}

fn quickstart(place: &Place<'_>) -> Result<Ran, String> {
    let (took, lines) = place.start(Program::Quickstart, &[])?.finish(LIMIT);
    let came = lines.and_then(|lines| {
        let events = printed_by_quickstart(&lines)?;
        let log = place.server.events(said(&lines, "Session: ")?)?;
        same(&events, &log)?;
        Ok(format!("{} events", log.len()))
    });
    Ok(Ran { took, came })
}

fn follow(place: &Place<'_>) -> Result<Ran, String> {
    let server = place.server;
    let metadata = json!({"simulate": "answer", "simulate_words": "30"});
    let session = server.create_session(&metadata)?;
    // An event that sets nothing off. When it is printed, the stream is open, so that nothing of
    // the turn that begins then has to be had from the list.
    server.send(
        &session,
        &json!({"type": "user.define_outcome", "description": "to be followed", "rubric": {}}),
    )?;
    let words = [&session, "--deltas", "--until", "idle"];
    let mut program = place.start(Program::Follow, &words)?;
    program.wait_for_line(PATIENCE);
    let text = json!([{"type": "text", "text": "Hello!"}]);
    server.send(&session, &json!({"type": "user.message", "content": text}))?;
    let (took, lines) = program.finish(LIMIT);
    let came = lines.and_then(|lines| {
        let (events, previews) = printed_by_follow(&lines)?;
        let log = server.events(&session)?;
        same(&events, &log)?;
        begin(&previews, &log)?;
        match (log.len(), previews.is_empty()) {
            (_, true) if place.previews => Err("no previews came".to_owned()),
            (events, true) => Ok(format!("{events} events")),
            (events, false) => Ok(format!("{events} events, and previews")),
        }
    });
    Ok(Ran { took, came })
}

fn files(place: &Place<'_>) -> Result<Ran, String> {
    let sent = noise(FILE);
    let path = place.folder.join("sent.bin");
    fs::write(&path, &sent).map_err(|error| format!("{}: {error}", path.display()))?;
    let path = path.display().to_string();
    let (took, lines) = place.start(Program::Files, &[&path])?.finish(LIMIT);
    let came = lines.and_then(|lines| {
        let log = place.server.events(&place.server.session()?)?;
        let (said_by_agent, logged) = (said(&lines, "Agent: ")?, reply(&log)?);
        if said_by_agent != logged {
            return Err(format!("came in place of {logged:?}: {said_by_agent:?}"));
        }
        let (_, path) = said(&lines, "Downloaded: ")?
            .split_once(" bytes to ")
            .ok_or("it doesn't say where the file is")?;
        let path = PathBuf::from(path);
        let got = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if got != sent {
            return Err("the file that came back is another one".to_owned());
        }
        Ok(format!("{} bytes up and down", got.len()))
    });
    Ok(Ran { took, came })
}

fn service(place: &Place<'_>) -> Ran {
    let start = Instant::now();
    let came = page::run(place);
    Ran {
        took: start.elapsed(),
        came,
    }
}

/// Returns the rest of the first line that begins with this.
fn said<'a>(lines: &'a [String], begin: &str) -> Result<&'a str, String> {
    let mut lines = lines.iter();
    lines
        .find_map(|line| line.strip_prefix(begin))
        .ok_or_else(|| format!("it didn't print {begin:?}"))
}

/// Bytes that can't be compressed, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..length).map(|_| byte()).collect()
}
