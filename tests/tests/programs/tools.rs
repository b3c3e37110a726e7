//! The example program `custom_tools`, as a process against the simulator: what it prints, what it
//! sends, and what is left of that when it is killed and started again with the same ledger.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitStatus;

use crate::common::programs::{Folder, Running, program};
use crate::common::{client, current, plan, session, start};
use qoder::types::SessionId;
use qoder::types::serde_json::{Value, from_str, json};
use qoder_sim::{Recorded, Sim};

/// The program at work with a message.
pub(crate) fn begin(sim: &Sim, session: &SessionId, message: &Value, ledger: &Path) -> Running {
    let mut command = program("custom_tools", sim);
    command
        .arg(session.as_str())
        .args(["--message", &message.to_string()])
        .arg("--ledger")
        .arg(ledger);
    Running::start(command)
}

/// The lines that are complete.
pub(crate) fn lines(printed: &str) -> Vec<Value> {
    let lines = printed.split_inclusive('\n');
    let lines = lines.filter(|line| line.ends_with('\n'));
    lines.map(|line| from_str(line).expect("JSON")).collect()
}

/// How often each call is named by lines of this kind.
pub(crate) fn counts(lines: &[Value], kind: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for id in lines.iter().filter_map(|line| line[kind].as_str()) {
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

/// The ids of the custom tool uses in the log, in their order.
pub(crate) fn uses(sim: &Sim, session: &SessionId) -> Vec<String> {
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
pub(crate) fn messages(sim: &Sim, session: &SessionId) -> usize {
    let log = sim.log(session.as_str());
    let messages = log.iter().filter(|event| event["type"] == "user.message");
    messages.count()
}

pub(crate) fn add(a: i64, b: i64) -> Value {
    json!({"name": "add", "input": {"a": a, "b": b}})
}

pub(crate) fn slow(ms: u64) -> Value {
    json!({"name": "slow", "input": {"ms": ms}})
}

/// The whole program, from start to end.
pub(crate) async fn run(
    sim: &Sim,
    session: &SessionId,
    message: &Value,
    ledger: &Path,
) -> (Vec<Value>, ExitStatus) {
    let ended = begin(sim, session, message, ledger).end().await;
    (lines(&ended.out), ended.status)
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
    let (lines, status) = run(&sim, &id, &message, &folder.file("ledger")).await;
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
    let (again, status) = run(&sim, &id, &message, &folder.file("ledger")).await;
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
    let message = json!([[add(1, 2), slow(3_600_000)], [add(2, 2)]]);
    let mut first = begin(&sim, &id, &message, &folder.file("ledger"));
    // Both began, and one was answered.
    first.until(|out| lines(out).len() == 3).await;
    let mut all = lines(&first.kill().await.out);
    assert_eq!(uses(&sim, &id).len(), 2);
    let (more, status) = run(&sim, &id, &message, &folder.file("ledger")).await;
    assert!(status.success(), "{more:?}");
    all.extend(more);
    let uses = uses(&sim, &id);
    let runs = counts(&all, "run");
    for id in &uses {
        assert_eq!(runs.get(id), Some(&1), "{all:?}");
    }
    let end = all[all.len() - 1]["text"].as_str().expect("a text");
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
    let message = json!([[slow(200), slow(0)], [add(1, 1)]]);
    let mut running = begin(&sim, &id, &message, &folder.file("ledger"));
    running.prints("answered").await;
    // The answer of the handler that still runs.
    sim.inject(plan("call:cut=0*2"));
    let ended = running.end().await;
    let all = lines(&ended.out);
    assert!(ended.status.success(), "{all:?}");
    let uses = uses(&sim, &id);
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
