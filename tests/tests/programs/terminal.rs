//! The programs that a person at a terminal talks with.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use qoder::types::serde_json::{Value, from_str, json};
use qoder_sim::{Failure, Sim, ToolUse};
use tokio::task::block_in_place;

use crate::common::programs::{Folder, Running, program};
use crate::common::{current, start};
use crate::{Gate, streamed};

/// Writes a message of the agent's piece by piece, while the test looks on. Dropped, the message
/// ends.
pub(crate) struct Pen(Sender<String>);

/// The pieces that a pen writes.
#[derive(Clone)]
pub(crate) struct Pieces(Arc<Mutex<Receiver<String>>>);

pub(crate) fn pen() -> (Pen, Pieces) {
    let (pen, pieces) = channel();
    (Pen(pen), Pieces(Arc::new(Mutex::new(pieces))))
}

impl Pen {
    pub(crate) fn write(&self, piece: &str) {
        self.0.send(piece.to_owned()).expect("somebody reads");
    }
}

impl Iterator for Pieces {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        // The runtime goes on without this thread.
        block_in_place(|| self.0.lock().expect("pieces").recv().ok())
    }
}

/// The answers to questions for approval, as they were sent.
fn confirmations(sim: &Sim) -> Vec<Value> {
    let sent = sim.requests_for("POST /sessions/{session_id}/events");
    let events = sent.iter().flat_map(|request| {
        let body = request.json();
        body["events"].as_array().cloned().unwrap_or_default()
    });
    events
        .filter(|event| event["type"] == "user.tool_confirmation")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn chat_shows_text_as_it_is_written() {
    let (pen, pieces) = pen();
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("chat", move |turn| {
        let (pieces, waits) = (pieces.clone(), waits.clone());
        async move {
            match turn.message() {
                "first" => {
                    waits.pass().await;
                    turn.thinking().await;
                    turn.deltas(pieces).await;
                }
                "second" => {
                    turn.reply("It goes on and on").await;
                    std::future::pending::<()>().await;
                }
                message => turn.reply(format!("{message}, too.")).await,
            }
        }
    });
    let sim = start(sim).await;
    let mut chat = Running::start(program("chat", &sim));
    chat.enter("first");
    streamed(&sim).await;
    gate.open(1);
    chat.says("(thinking)").await;
    pen.write("One ");
    chat.prints("One ").await;
    assert_eq!(chat.out(), "One ");
    pen.write("two.");
    chat.prints("One two.").await;
    drop(pen);
    chat.prints("One two.\n").await;

    // A turn that is interrupted is over, and the chat goes on.
    chat.enter("second");
    chat.prints("on and on\n").await;
    chat.signal("INT");
    chat.says("(cancelled)").await;
    chat.enter("third");
    let ended = chat.end().await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.out, "One two.\nIt goes on and on\nthird, too.\n");
    let sessions = sim.sessions();
    assert_eq!(sim.messages(&sessions[0]), ["first", "second", "third"]);
    assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chat_says_why_a_turn_stopped() {
    let sim = current().agent("chat", |turn| async move {
        match turn.number() {
            1 => turn.stop("budget_reached").await,
            _ => turn.terminate().await,
        }
    });
    let sim = start(sim).await;
    let mut chat = Running::start(program("chat", &sim));
    chat.enter("first");
    chat.says("(budget_reached)").await;
    chat.enter("second");
    // It takes no more messages.
    chat.enter("third");
    let ended = chat.end().await;
    assert!(ended.err.contains("(terminated)"), "{ended:?}");
    assert_eq!(sim.messages(&sim.sessions()[0]), ["first", "second"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chat_says_what_the_service_gets_over_and_what_not() {
    let sim = current().agent("chat", |turn| async move {
        match turn.number() {
            1 => turn.error(Failure::retrying("the model is busy")).await,
            2 => turn.error(Failure::exhausted("no model is left")).await,
            _ => {}
        }
        turn.reply(format!("{}, too.", turn.message())).await;
    });
    let sim = start(sim).await;
    let mut chat = Running::start(program("chat", &sim));
    chat.enter("first");
    chat.prints("first, too.").await;
    assert!(chat.err().contains("(the model is busy: it tries again)"));
    chat.enter("second");
    chat.says("(no model is left)\n\n(retries_exhausted)").await;
    // The session takes more.
    chat.enter("third");
    let ended = chat.end().await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.out, "first, too.\nthird, too.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_is_used_up_is_raised_once() {
    const STOPPED: &str = "Work:\n(0.01 credits so far)\n\
        (1.00 credits are used up: it may cost 3.00 from now on)\n";
    for (enough, raises, then) in [
        (1.0, 0, "Work:\nDone.\n(0.01 credits so far)\n"),
        (
            2.0,
            1,
            "Go on where you stopped.:\nDone.\n(0.02 credits so far)\n",
        ),
        (9.0, 1, ""),
    ] {
        let sim = current().agent("budget", move |turn| async move {
            turn.reply(format!("{}:", turn.message())).await;
            let budget = turn.session()["budget"]["max_credit_cost"].take();
            let credits = budget.as_str().and_then(|text| text.parse().ok());
            if credits.is_none_or(|credits: f64| credits < enough) {
                turn.stop("budget_reached").await;
            }
            turn.reply("Done.").await;
        });
        let sim = start(sim).await;
        let mut command = program("budget", &sim);
        command.args(["--credits", "1.00", "--raise", "3.00", "Work"]);
        let ended = Running::start(command).end().await;
        let printed = STOPPED.repeat(raises) + then;
        assert_eq!(ended.out, printed, "{ended:?}");
        assert_eq!(ended.status.success(), !then.is_empty(), "{ended:?}");
        let updates = sim.requests_for("POST /sessions/{session_id}");
        let budgets: Vec<Value> = updates
            .iter()
            .map(|update| update.json()["budget"].take())
            .collect();
        let raised = json!({"type": "limit", "max_credit_cost": "3.00"});
        assert_eq!(budgets, vec![raised; raises]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_come_from_the_policy_or_the_terminal() {
    for (says, allowed, text) in [
        (Some("y"), 2, "allowed 2"),
        (Some("no"), 1, "allowed 1"),
        // No answer is no.
        (None, 1, "allowed 1"),
    ] {
        let sim = current().agent("approvals", |turn| async move {
            let uses = [
                ToolUse::tool("Read", json!({"file_path": "a.txt"})),
                ToolUse::tool("Bash", json!({"command": "rm a.txt"})),
            ];
            let answers = turn.ask_all(uses).await;
            let allowed = answers.iter().filter(|answer| answer.is_allowed());
            turn.reply(format!("allowed {}", allowed.count())).await;
        });
        let sim = start(sim).await;
        let mut command = program("approvals", &sim);
        command.args(["--allow", "Read,Grep", "Clean up."]);
        let mut running = Running::start(command);
        running.says("[y/N]").await;
        if let Some(line) = says {
            running.enter(line);
        }
        let ended = running.end().await;
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(ended.out.trim(), text);
        // It asks about one of the two, and shows what it is.
        assert_eq!(ended.err.matches("[y/N]").count(), 1, "{ended:?}");
        assert!(ended.err.contains(r#"Bash {"command":"rm a.txt"}"#));
        let sent = confirmations(&sim);
        let allow = sent.iter().filter(|event| event["result"] == "allow");
        assert_eq!((sent.len(), allow.count()), (2, allowed), "{sent:?}");
        assert_eq!(sim.messages(&sim.sessions()[0]), ["Clean up."]);
        // Both in one request.
        let requests = sim.requests_for("POST /sessions/{session_id}/events");
        assert_eq!(requests.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_fails_is_no_success() {
    for name in ["approvals", "batch", "budget", "resume", "multi_agent"] {
        let sim = current().default_agent(|turn| async move { turn.stop("budget_reached").await });
        let sim = start(sim).await;
        let folder = Folder::new(&format!("{name}-fails"));
        let mut command = program(name, &sim);
        if name == "resume" {
            command.arg("--file").arg(folder.file("note"));
        }
        let ended = Running::start(command).end().await;
        assert!(!ended.status.success(), "{name}: {ended:?}");
        assert!(ended.err.contains("budget_reached"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_goes_on_after_a_kill() {
    let folder = Folder::new("resume");
    let file = folder.file("note");
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("resume", move |turn| {
        let waits = waits.clone();
        async move {
            turn.reply("One.").await;
            waits.pass().await;
            turn.reply("Two.").await;
        }
    });
    let sim = start(sim).await;
    let run = || {
        let mut command = program("resume", &sim);
        command.arg("--file").arg(&file).arg("Count.");
        Running::start(command)
    };
    let mut first = run();
    first.prints("One.").await;
    let first = first.kill().await;
    assert!(!first.status.success());

    // A kill before the first checkpoint was stored: the message was sent, and nobody knows.
    let noted: Value = from_str(&std::fs::read_to_string(&file).expect("a note")).expect("JSON");
    let mut early = noted.clone();
    early["checkpoint"] = Value::Null;
    std::fs::write(&file, early.to_string()).expect("written");
    let mut second = run();
    second.prints("One.").await;
    second.kill().await;

    std::fs::write(&file, noted.to_string()).expect("written");
    gate.open(1);
    let third = run().end().await;
    assert!(third.status.success(), "{third:?}");
    // What was printed and not noted may come again.
    assert!(
        ["One.\nTwo.\n", "Two.\n"].contains(&&*third.out),
        "{third:?}"
    );
    assert!(!file.exists());
    let sessions = sim.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sim.messages(&sessions[0]), ["Count."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_asks_each_prompt_once_over_a_kill() {
    let folder = Folder::new("batch");
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("batch", move |turn| {
        let waits = waits.clone();
        async move {
            if turn.message() != "a" {
                waits.pass().await;
            }
            turn.reply(format!("{}!", turn.message())).await;
        }
    });
    let sim = start(sim).await;
    let file = folder.file("state");
    let run = || {
        let mut command = program("batch", &sim);
        command.arg("--state").arg(&file);
        command.args(["--concurrency", "2", "a", "b", "c"]);
        Running::start(command)
    };
    let first = run();
    // The first answer is stored, and two prompts are under way.
    let stored = || std::fs::read_to_string(&file).unwrap_or_default();
    while !(stored().contains("a!") && sim.sessions().len() == 3) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    first.kill().await;
    gate.open(2);
    let second = run().end().await;
    assert!(second.status.success(), "{second:?}");
    assert_eq!(second.out, "a a!\nb b!\nc c!\n");
    let asked = sim.sessions().into_iter();
    let asked = asked.map(|session| sim.messages(&session).concat());
    let mut asked: Vec<String> = asked.collect();
    asked.sort();
    assert_eq!(asked, ["a", "b", "c"]);

    // Other prompts are another batch.
    let mut command = program("batch", &sim);
    command.arg("--state").arg(&file).arg("d");
    let other = Running::start(command).end().await;
    assert!(!other.status.success());
    assert!(other.err.contains("another batch"), "{other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn multi_agent_says_who_says_what() {
    let sim = current().agent("lead", |turn| async move {
        let researcher = turn.thread("researcher").await;
        turn.tell(&researcher, "Look it up.").await;
        researcher
            .tool_use("Grep", json!({"pattern": "x"}), "1 match")
            .await;
        researcher.reply("I have it.").await;
        researcher.tell(&turn, "One match.").await;
        turn.reply("There is one.").await;
    });
    let sim = start(sim).await;
    let ended = Running::start(program("multi_agent", &sim)).end().await;
    assert!(ended.status.success(), "{ended:?}");
    let lines: Vec<&str> = ended.out.lines().collect();
    let said = [
        "researcher joins",
        "lead to researcher: Look it up.",
        r#"researcher uses Grep {"pattern":"x"}"#,
        "researcher: I have it.",
        "researcher to lead: One match.",
        "lead: There is one.",
    ];
    assert_eq!(lines[..said.len()], said);
    // The histories of both threads.
    let threads = &lines[said.len()..];
    assert_eq!(threads.len(), 2, "{threads:?}");
    assert!(threads.iter().all(|line| line.starts_with("sthr_")));
    // The coordinator was made with its member.
    let agents = sim.requests_for("POST /agents");
    let roster = &agents[1].json()["multiagent"];
    assert_eq!(roster["type"], "coordinator");
    assert_eq!(roster["agents"].as_array().map(Vec::len), Some(1));
}
