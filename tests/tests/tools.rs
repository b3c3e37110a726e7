//! The example program `custom_tools`, as a process against the simulator: what it prints, what it
//! sends, and what is left of that when it is killed and started again with the same ledger.

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use common::{TOKEN, client, current, plan, session, start};
use qoder::types::SessionId;
use qoder::types::serde_json::{Value, from_str, json};
use qoder_sim::{Recorded, Sim};
use tokio::task::spawn_blocking;

/// Where the program is. Cargo builds examples for the tests of their own package only, so it is
/// asked for this one: with the profile and the folder of this test, and with the features that
/// the whole workspace has, so that little or nothing is left to do.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("this test");
        let folder = |levels| test.ancestors().nth(levels).expect("a folder");
        let profile = folder(2).file_name().expect("a profile");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        let mut build = Command::new(cargo);
        build
            .args(["build", "--quiet", "--workspace"])
            .args(["--example", "custom_tools", "--profile"])
            .arg(if profile == "debug" {
                "dev".as_ref()
            } else {
                profile
            })
            .arg("--target-dir")
            .arg(folder(3))
            .arg("--manifest-path")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
        let done = build.status().expect("cargo runs");
        assert!(done.success(), "{done}");
        let name = format!("custom_tools{}", std::env::consts::EXE_SUFFIX);
        folder(2).join("examples").join(name)
    })
}

/// A folder that doesn't outlive its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("qoder-tools-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program at work. It doesn't outlive its test.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(sim: &Sim, session: &SessionId, message: &str, ledger: &Path) -> Self {
        let mut command = Command::new(program());
        command
            .arg(session.as_str())
            .args(["--message", message])
            .arg("--ledger")
            .arg(ledger)
            .env("QODER_BASE_URL", sim.base_url())
            .env("QODER_PAT", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        for name in [
            "QODER_ACCESS_TOKEN",
            "QODER_MANAGED_BASE_URL",
            "QODER_DIALECT",
        ] {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("the program runs");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out }
    }

    /// The next line.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("UTF-8");
        (!line.is_empty()).then(|| from_str(&line).expect("JSON"))
    }

    /// The lines up to this one.
    fn until(&mut self, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
            if last(&lines[lines.len() - 1]) {
                break;
            }
        }
        lines
    }

    fn end(mut self) -> (Vec<Value>, ExitStatus) {
        let lines = self.until(|_| false);
        let status = self.child.wait().expect("it ends");
        (lines, status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Works with the program, which blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("no panic")
}

/// How often each call is named by lines of this kind.
fn counts(lines: &[Value], kind: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for id in lines.iter().filter_map(|line| line[kind].as_str()) {
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

/// The ids of the custom tool uses in the log, in their order.
fn uses(sim: &Sim, session: &SessionId) -> Vec<String> {
    let log = sim.log(session.as_str());
    let uses = log
        .iter()
        .filter(|event| event["type"] == "agent.custom_tool_use");
    uses.map(|event| event["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// What was sent to the session.
fn sent(sim: &Sim) -> Vec<Recorded> {
    sim.requests_for("POST /sessions/{session_id}/events")
}

/// The messages in the log.
fn messages(sim: &Sim, session: &SessionId) -> usize {
    let log = sim.log(session.as_str());
    let messages = log.iter().filter(|event| event["type"] == "user.message");
    messages.count()
}

fn add(a: i64, b: i64) -> Value {
    json!({"name": "add", "input": {"a": a, "b": b}})
}

fn slow(ms: u64) -> Value {
    json!({"name": "slow", "input": {"ms": ms}})
}

/// The whole program, from start to end.
async fn run(
    sim: &Sim,
    session: &SessionId,
    message: &Value,
    ledger: &Path,
) -> (Vec<Value>, ExitStatus) {
    let running = Running::start(sim, session, &message.to_string(), ledger);
    blocking(move || running.end()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_what_it_is_asked_and_nothing_else() {
    let folder = Folder::new("answers");
    let sim = start(current()).await;
    let id = session(&client(&sim), "custom_tools").await;
    let message = json!([
        [add(1, 2), slow(5), {"name": "add", "input": {"a": 1, "b": 1}, "unasked": true}],
        [{"name": "nobody", "input": {}}, {"name": "add", "input": {"a": "one"}}, add(-4, 1)],
    ]);
    let (lines, status) = run(&sim, &id, &message, &folder.ledger()).await;
    assert!(status.success(), "{lines:?}");
    let uses = uses(&sim, &id);
    // Neither an unknown tool nor an input that doesn't fit starts a handler.
    let once = |of: &[usize]| {
        let ids = of.iter().map(|n| (uses[*n].clone(), 1));
        ids.collect::<HashMap<_, _>>()
    };
    assert_eq!(counts(&lines, "run"), once(&[0, 1, 5]));
    assert_eq!(counts(&lines, "answered"), once(&[0, 1, 3, 4, 5]));
    let end = &lines[lines.len() - 1];
    assert_eq!(end["stop"], "end_turn");
    let text = end["text"].as_str().expect("a text");
    let said: Vec<&str> = text.split(", ").collect();
    assert_eq!(said[..2], ["3", "5"]);
    assert!(said[2].starts_with("failed: there is no such tool"));
    assert!(
        said[3].starts_with("failed: the input doesn't fit"),
        "{text}"
    );
    assert_eq!(said[said.len() - 1], "-3");
    // Each with a key of its own.
    let keys: Vec<_> = sent(&sim)
        .iter()
        .map(|request| request.header("idempotency-key").map(ToOwned::to_owned))
        .collect();
    assert!(keys.iter().all(Option::is_some), "{keys:?}");
    assert_eq!(messages(&sim, &id), 1);

    // Once more, with the same ledger: all is done.
    let (again, status) = run(&sim, &id, &message, &folder.ledger()).await;
    assert!(status.success());
    assert_eq!(again, std::slice::from_ref(end));
    assert_eq!(messages(&sim, &id), 1);
}

/// `add` ends at once; the program is killed while `slow` runs beside it.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_before_a_kill_is_not_run_again() {
    let folder = Folder::new("kill");
    let sim = start(current()).await;
    let id = session(&client(&sim), "custom_tools").await;
    let message = json!([[add(1, 2), slow(3_600_000)], [add(2, 2)]]).to_string();
    let mut first = Running::start(&sim, &id, &message, &folder.ledger());
    // Both began, and one was answered.
    let mut lines = blocking(move || {
        let mut left = 3;
        first.until(|_| {
            left -= 1;
            left == 0
        })
    })
    .await;
    let uses_then = uses(&sim, &id);
    assert_eq!(uses_then.len(), 2);
    let second = Running::start(&sim, &id, &message, &folder.ledger());
    let (more, status) = blocking(move || second.end()).await;
    assert!(status.success(), "{more:?}");
    lines.extend(more);
    let uses = uses(&sim, &id);
    let runs = counts(&lines, "run");
    for id in &uses {
        assert_eq!(runs.get(id), Some(&1), "{lines:?}");
    }
    let end = lines[lines.len() - 1]["text"].as_str().expect("a text");
    assert!(
        end.starts_with("3, failed: the tool was interrupted"),
        "{end}"
    );
    assert!(end.ends_with(", 4"), "{end}");
    assert_eq!(messages(&sim, &id), 1);
}

/// An answer that was stored, and whose response was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_asked_for_again() {
    let folder = Folder::new("lost");
    let sim = start(current()).await;
    let id = session(&client(&sim), "custom_tools").await;
    let message = json!([[slow(200), slow(0)], [add(1, 1)]]).to_string();
    let mut running = Running::start(&sim, &id, &message, &folder.ledger());
    let (running, first) = blocking(move || {
        let lines = running.until(|line| line["answered"].is_string());
        (running, lines)
    })
    .await;
    // The answer of the handler that still runs.
    sim.inject(plan("call:cut=0*2"));
    let (lines, status) = blocking(move || running.end()).await;
    assert!(status.success(), "{first:?} {lines:?}");
    let uses = uses(&sim, &id);
    let all: Vec<Value> = first.into_iter().chain(lines).collect();
    for id in &uses {
        assert_eq!(counts(&all, "run").get(id), Some(&1), "{all:?}");
        assert_eq!(counts(&all, "answered").get(id), Some(&1), "{all:?}");
    }
    let results = sim.log(id.as_str());
    let results = results
        .iter()
        .filter(|event| event["type"] == "user.custom_tool_result");
    assert_eq!(results.count(), 3);
}
