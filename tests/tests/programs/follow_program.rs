//! The example program `follow`, as a process: it prints the server's truth exactly, whatever the
//! connections do, and says by its exit code whether that is all of it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::common::following::FAULTS;
use crate::common::programs::{Ended, Running, program};
use crate::common::{client_in, current, plan, seed, session_with, start};
use qoder::types::serde_json::{Value, from_str};
use qoder::types::{SessionId, UserMessage};
use qoder::{Client, Dialect};
use qoder_sim::{Builder, Sim};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The program, about to follow a session of the simulator.
fn follow(sim: &Sim, session: &SessionId, args: &[&str]) -> Command {
    let mut command = program("follow", sim);
    command.arg(session.as_str()).args(args);
    command
}

/// What the program prints until it ends by itself.
async fn output(command: Command) -> Ended {
    Running::start(command).end().await
}

/// The lines that are events, to the letter. The previews among them are checked: what they show
/// is how their message begins.
fn events(output: &Ended, truth: &[Value]) -> Vec<String> {
    let mut events = Vec::new();
    for line in output.out.lines() {
        let value: Value = from_str(line).expect("JSON");
        let Some(preview) = value.get("preview") else {
            events.push(line.to_owned());
            continue;
        };
        let message = truth
            .iter()
            .find(|event| event["id"] == preview["event_id"]);
        let message = message.expect("a message of the log");
        let block = preview["index"].as_u64().expect("an index");
        let block = usize::try_from(block).expect("a small one");
        let whole = &message["content"][block]["text"];
        let whole = whole.as_str().or(message["content"].as_str());
        let shown = preview["text"].as_str().expect("a text");
        assert!(
            whole.is_some_and(|whole| whole.starts_with(shown)),
            "{shown:?} of {whole:?}"
        );
    }
    events
}

fn previews(output: &Ended) -> usize {
    let lines = output.out.lines();
    lines
        .filter(|line| line.starts_with("{\"preview\""))
        .count()
}

/// A simulator of its own for each run, since faults are for the next who comes.
async fn a_session(builder: Builder, dialect: Dialect) -> (Sim, Client, SessionId) {
    let sim = start(builder).await;
    let client = client_in(&sim, dialect);
    let metadata = [("simulate", "thinking_and_tools"), ("simulate_words", "6")];
    let id = session_with(&client, &metadata).await;
    (sim, client, id)
}

async fn a_turn(client: &Client, id: &SessionId) {
    let turn = client.session(id).turn(UserMessage::new("Hello!")).await;
    turn.expect("a turn").into_text().await.expect("a text");
}

fn simulator(dialect: Dialect) -> (Builder, &'static str) {
    if dialect == Dialect::Seed {
        (seed(), "seed")
    } else {
        (current(), "current")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_prints_the_truth_under_all_faults() {
    let room = Arc::new(Semaphore::new(8));
    let mut runs = JoinSet::new();
    for dialect in [Dialect::Current, Dialect::Seed] {
        for args in [&[][..], &["--deltas"], &["--poll"], &["--poll", "--deltas"]] {
            for faults in FAULTS {
                let room = Arc::clone(&room);
                runs.spawn(async move {
                    let _room = room.acquire().await.expect("room");
                    under(dialect, args, faults).await;
                });
            }
        }
    }
    while let Some(run) = runs.join_next().await {
        run.expect("no panic");
    }
}

async fn under(dialect: Dialect, args: &[&str], faults: &str) {
    let (builder, name) = simulator(dialect);
    let (sim, client, id) = a_session(builder, dialect).await;
    let mut args = args.to_vec();
    args.extend(["--dialect", name, "--until", "idle", "--from", "beginning"]);
    let command = follow(&sim, &id, &args);
    let conversation = client.session(&id);
    // Most of the turn is still to come when the program starts.
    conversation
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    sim.inject(plan(faults));
    let output = output(command).await;
    let truth = sim.log(id.as_str());
    let what = format!("{args:?} under {faults:?}: {}", output.err);
    assert!(output.status.success(), "{what}");
    assert_eq!(events(&output, &truth), sim.log_text(id.as_str()), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_previews_when_asked() {
    for faults in ["", "stream:cut-frames=9*3"] {
        let sim = start(current().pace(Duration::from_millis(20))).await;
        let client = client_in(&sim, Dialect::Current);
        let metadata = [("simulate", "answer"), ("simulate_words", "60")];
        let id = session_with(&client, &metadata).await;
        sim.inject(plan(faults));
        let command = follow(&sim, &id, &["--deltas", "--until", "idle"]);
        let printing = tokio::spawn(output(command));
        while !sim
            .requests()
            .iter()
            .any(|request| request.path.ends_with("/stream"))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        a_turn(&client, &id).await;
        let output = printing.await.expect("no panic");
        let truth = sim.log(id.as_str());
        assert!(output.status.success(), "{}", output.err);
        assert_eq!(
            events(&output, &truth),
            sim.log_text(id.as_str()),
            "{faults}"
        );
        assert!(previews(&output) > 5, "{} previews", previews(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_where_it_is_told_to() {
    for dialect in [Dialect::Current, Dialect::Seed] {
        for means in [None, Some("--poll")] {
            let (builder, name) = simulator(dialect);
            let (sim, client, id) = a_session(builder, dialect).await;
            a_turn(&client, &id).await;
            let truth = sim.log(id.as_str());
            for at in [0, 3, truth.len() - 2] {
                let after = truth[at]["id"].as_str().expect("an id");
                let mut args = vec!["--from", after, "--until", "idle", "--dialect", name];
                args.extend(means);
                let output = output(follow(&sim, &id, &args)).await;
                assert!(output.status.success(), "{}", output.err);
                assert_eq!(
                    events(&output, &truth),
                    &sim.log_text(id.as_str())[at + 1..],
                    "{args:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn now_is_what_comes_after_it_is_there() {
    for dialect in [Dialect::Current, Dialect::Seed] {
        for (means, ready) in [(None, "live"), (Some("--poll"), "polling")] {
            let (builder, name) = simulator(dialect);
            let (sim, client, id) = a_session(builder, dialect).await;
            a_turn(&client, &id).await;
            let before = sim.log(id.as_str()).len();
            let mut args = vec!["--from", "now", "--until", "idle", "--dialect", name];
            args.extend(means);
            let mut running = Running::start(follow(&sim, &id, &args));
            running.says(ready).await;
            a_turn(&client, &id).await;
            let output = running.end().await;
            assert!(output.status.success(), "{}", output.err);
            let printed: Vec<&str> = output.out.lines().collect();
            assert_eq!(printed, &sim.log_text(id.as_str())[before..], "{args:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_the_session() {
    for means in [None, Some("--poll")] {
        let (sim, client, id) = a_session(current(), Dialect::Current).await;
        a_turn(&client, &id).await;
        let args: Vec<&str> = ["--until", "end"].into_iter().chain(means).collect();
        let printing = tokio::spawn(output(follow(&sim, &id, &args)));
        // It doesn't take the first idling for the end.
        let asks = || {
            sim.requests()
                .iter()
                .filter(|request| request.path.contains("/events"))
                .count()
        };
        let (asked, mut waits) = (asks(), 0);
        while asks() < asked + 2 && waits < 6_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            waits += 1;
        }
        a_turn(&client, &id).await;
        assert!(sim.terminate(id.as_str()));
        let output = printing.await.expect("no panic");
        let truth = sim.log(id.as_str());
        assert!(output.status.success(), "{}", output.err);
        assert_eq!(
            events(&output, &truth),
            sim.log_text(id.as_str()),
            "{args:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_patience_with_silence_can_be_set() {
    let (sim, client, id) = a_session(current(), Dialect::Current).await;
    a_turn(&client, &id).await;
    let truth = sim.log(id.as_str());
    let after = truth[0]["id"].as_str().expect("an id");
    sim.inject(plan("stream:stall-frames=2"));
    let args = ["--from", after, "--until", "idle", "--idle-timeout", "0.3"];
    let output = output(follow(&sim, &id, &args)).await;
    assert!(output.status.success(), "{}", output.err);
    assert_eq!(events(&output, &truth), &sim.log_text(id.as_str())[1..]);
    // What the silent stream did not bring, the list had.
    let lists = sim.requests();
    let lists = lists.iter().filter(|request| {
        request.path.ends_with("/events")
            && request.method == "GET"
            && !request.path.contains("stream")
    });
    assert!(lists.count() > 0, "{}", output.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_could_not_do_is_told() {
    let (sim, client, id) = a_session(current(), Dialect::Current).await;
    a_turn(&client, &id).await;
    let unknown = SessionId::new("sess_unknown");
    let lost = |session: &SessionId, args: &[&str]| output(follow(&sim, session, args));
    for (output, words) in [
        (lost(&unknown, &[]).await, "404"),
        (lost(&unknown, &["--poll"]).await, "404"),
        (lost(&unknown, &["--from", "now"]).await, "404"),
        (lost(&id, &["--until", "christmas"]).await, "--until"),
        (lost(&id, &["--from", "evt_unknown"]).await, "lost"),
    ] {
        assert!(!output.status.success(), "{words}");
        assert!(output.err.contains(words), "{words}: {}", output.err);
        assert!(output.out.is_empty(), "{words}");
    }
    // What was printed before an error stays, and the error is no success.
    sim.inject(plan("stream:status=403"));
    let output = lost(&id, &["--from", "beginning"]).await;
    assert!(!output.status.success());
    assert!(output.err.contains("403"), "{}", output.err);
    let truth = sim.log(id.as_str());
    assert_eq!(events(&output, &truth), sim.log_text(id.as_str()));
    let mut command = follow(&sim, &id, &[]);
    command.env_remove("QODER_PAT");
    let output = self::output(command).await;
    assert!(!output.status.success());
    assert!(output.err.contains("QODER_PAT"), "{}", output.err);
}
