//! The program `worker`, at the queue of a self-hosted environment.

use std::time::Duration;

use qoder::types::WorkState;
use qoder::types::serde_json::json;
use qoder_sim::Sim;

use crate::Gate;
use crate::common::programs::{Running, program};
use crate::common::queue::Queue;
use crate::common::{client, current, start};

fn worker(sim: &Sim, queue: &Queue) -> Running {
    let mut command = program("worker", sim);
    command
        .arg(queue.environment.as_str())
        .args(["--concurrency", "2"]);
    Running::start(command)
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_held_is_done_by_another_one() {
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("operator", move |turn| {
        let waits = waits.clone();
        async move {
            waits.pass().await;
            let answer = turn.custom_tool("health", json!({})).await;
            turn.reply(answer.text()).await;
        }
    });
    let sim = start(sim).await;
    let queue = Queue::new(client(&sim)).await;
    let mut sessions = queue.fill(2).await;
    let mut first = worker(&sim, &queue);
    for session in &sessions {
        first.says(&format!("started, for {session}")).await;
    }
    let first = first.kill().await;
    assert_eq!(count(&first.out, ": done"), 0, "{first:?}");

    // Its leases run out.
    sim.advance(Duration::from_secs(61));
    sessions.push(queue.put().await);
    gate.open(3);
    let mut second = worker(&sim, &queue);
    second.until(|out| count(out, ": done") == 3).await;

    // What it has begun, it finishes.
    let last = queue.put().await;
    second.says(&format!("started, for {last}")).await;
    second.signal("TERM");
    second.says("is to end").await;
    gate.open(1);
    sessions.push(last);
    let second = second.end().await;
    assert!(second.status.success(), "{second:?}");
    for session in &sessions {
        let log = sim.log(session.as_str());
        let results = log
            .iter()
            .filter(|event| event["type"] == "user.custom_tool_result");
        assert_eq!(results.count(), 1, "{session}");
        assert!(
            second.out.contains(&format!("{session}: done")),
            "{second:?}"
        );
    }
    let states = queue.states().await;
    assert_eq!(states, vec![WorkState::Stopped; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_is_not_answered_again() {
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("operator", move |turn| {
        let waits = waits.clone();
        async move {
            turn.custom_tool("health", json!({})).await;
            waits.pass().await;
            turn.custom_tool("health", json!({})).await;
            turn.reply("Well.").await;
        }
    });
    let sim = start(sim).await;
    let queue = Queue::new(client(&sim)).await;
    let session = queue.put().await;
    let mut first = worker(&sim, &queue);
    first.prints("answers").await;
    // Accepted, which the worker may not have heard of.
    let results = || {
        let log = sim.log(session.as_str());
        let results = log
            .iter()
            .filter(|event| event["type"] == "user.custom_tool_result");
        results.count()
    };
    while results() < 1 {
        tokio::task::yield_now().await;
    }
    first.kill().await;
    sim.advance(Duration::from_secs(61));
    gate.open(1);
    let mut second = worker(&sim, &queue);
    second.prints(": done").await;
    second.signal("INT");
    let second = second.end().await;
    assert!(second.status.success(), "{second:?}");
    assert_eq!(results(), 2);
    assert_eq!(count(&second.out, "answers"), 1, "{second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_leaves_the_work_to_others() {
    let sim = current().agent("operator", |_| std::future::pending());
    let sim = start(sim).await;
    let queue = Queue::new(client(&sim)).await;
    queue.put().await;
    let mut running = worker(&sim, &queue);
    running.says(": started").await;
    running.signal("INT");
    running.says("is to end").await;
    running.signal("TERM");
    let ended = running.end().await;
    assert!(!ended.status.success(), "{ended:?}");
    // It is held until its lease runs out.
    assert_eq!(queue.states().await, [WorkState::Active]);
    sim.advance(Duration::from_secs(61));
    assert_eq!(queue.states().await, [WorkState::Queued]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_that_is_not_there_is_an_error() {
    let sim = start(current()).await;
    let mut command = program("worker", &sim);
    command.arg("env_none");
    let ended = Running::start(command).end().await;
    assert!(!ended.status.success());
    assert!(ended.err.contains("404"), "{ended:?}");
    let ended = Running::start(program("worker", &sim)).end().await;
    assert!(!ended.status.success());
    assert!(ended.err.contains("--help"), "{ended:?}");
}
