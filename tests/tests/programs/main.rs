//! The programs to copy, as processes against the simulator: what they print, what they send, and
//! what is left of that when they are interrupted, killed, or asked by strangers.

#[path = "../common/mod.rs"]
mod common;

mod follow_program;
mod http;
mod service;
mod terminal;
mod tools;
mod webhooks;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use common::programs::{Running, alone};
use qoder_sim::Sim;
use tokio::sync::Semaphore;

/// Holds a script until the test lets it go on.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many pass.
    fn open(&self, times: usize) {
        self.0.add_permits(times);
    }

    async fn pass(&self) {
        self.0.acquire().await.expect("a gate").forget();
    }
}

/// Waits until somebody reads a stream: previews from then on are not lost.
async fn streamed(sim: &Sim) {
    let streams = || {
        let requests = sim.requests();
        requests
            .iter()
            .any(|request| request.path.ends_with("/stream"))
    };
    while !streams() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Without an account, each program shows something all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_account_there_is_a_simulator() {
    for (program, line, printed) in [
        ("chat", "Hello", "you said: Hello"),
        ("approvals", "y", "I was allowed 1 of 2 things."),
        ("batch", "", "Two? You asked: Two?"),
        ("budget", "", "quicksort. That is all."),
        ("resume", "", "that outlived its process."),
        ("multi_agent", "", "researcher: In three places."),
        ("worker", "", ": done"),
    ] {
        let mut running = Running::start(alone(program));
        running.says("QODER_PAT is not set").await;
        running.enter(line);
        let ended = running.end().await;
        assert!(ended.status.success(), "{program}: {ended:?}");
        assert!(ended.out.contains(printed), "{program}: {ended:?}");
    }
}

#[tokio::test]
async fn each_program_with_arguments_explains_itself() {
    for program in [
        "approvals",
        "batch",
        "budget",
        "custom_tools",
        "follow",
        "resume",
        "worker",
    ] {
        let mut command = alone(program);
        command.arg("--help");
        let ended = Running::start(command).end().await;
        assert!(ended.out.starts_with(program), "{ended:?}");
        let mut command = alone(program);
        command.arg("--christmas");
        let ended = Running::start(command).end().await;
        assert!(!ended.status.success(), "{program}: {ended:?}");
        assert!(ended.err.contains("--christmas"), "{ended:?}");
    }
}
