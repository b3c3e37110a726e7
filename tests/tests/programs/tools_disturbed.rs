//! The example program `custom_tools` while others are at work: it is killed, its calls are
//! answered by another client, the agent is interrupted, and the session repeats itself.

use std::time::Duration;

use qoder::types::serde_json::json;
use qoder_sim::Sim;
use tokio::time::timeout;

use crate::common::programs::Folder;
use crate::common::{client, current, session, start};
use crate::tools::{add, begin, counts, lines, messages, run, slow, uses};

/// Waits until the simulator has had so many requests, or the program has ended of itself.
async fn requests(sim: &Sim, most: usize, is_over: impl Fn() -> bool) {
    let waiting = async {
        while sim.requests().len() < most && !is_over() {
            tokio::task::yield_now().await;
        }
    };
    let waited = timeout(Duration::from_secs(60), waiting).await;
    waited.expect("requests in time");
}

/// Killed at each of its requests, as soon as the server has it, until it comes to an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_request_loses_nothing_and_runs_nothing_twice() {
    let folder = Folder::new("kills");
    let message = json!([[add(1, 2), slow(5)], [add(2, 2), add(3, 3)]]);
    for kill_at in 1..=8 {
        let sim = start(current()).await;
        let id = session(&client(&sim), "custom_tools").await;
        let ledger = folder.file(&format!("ledger-{kill_at}"));
        let before = sim.requests().len();
        let first = begin(&sim, &id, &message, &ledger);
        requests(&sim, before + kill_at, || first.out().contains("stop")).await;
        let mut all = lines(&first.kill().await.out);
        let (rest, status) = run(&sim, &id, &message, &ledger).await;
        assert!(status.success(), "{kill_at}: {all:?} and {rest:?}");
        all.extend(rest);
        for (id, times) in counts(&all, "run") {
            assert_eq!(times, 1, "{kill_at}: {id} of {all:?}");
        }
        assert_eq!(messages(&sim, &id), 1, "{kill_at}");
        let log = sim.log(id.as_str());
        let answers = log
            .iter()
            .filter(|event| event["type"] == "user.custom_tool_result")
            .map(|event| event["custom_tool_use_id"].as_str().expect("an id"));
        let (mut answers, mut asked) = (answers.collect::<Vec<_>>(), uses(&sim, &id));
        answers.sort_unstable();
        asked.sort_unstable();
        assert_eq!(
            (answers.len(), answers),
            (4, asked.iter().map(String::as_str).collect())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_client_answers_and_what_is_repeated_is_left_alone() {
    let folder = Folder::new("others");
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "custom_tools").await;
    let message = json!([[add(1, 2), slow(3_600_000)], [add(2, 2)]]);
    let mut running = begin(&sim, &id, &message, &folder.file("ledger"));
    // Both began, and one was answered.
    running.until(|out| lines(out).len() == 3).await;
    let asked = uses(&sim, &id);
    // The session names again what is answered.
    let again = json!({"type": "requires_action", "event_ids": asked});
    let again = json!({"type": "session.status_idle", "stop_reason": again});
    sim.publish(id.as_str(), again).expect("a session");
    let other = client.session(&id).answer(&asked[1], "of another");
    other.await.expect("accepted");
    let ended = running.end().await;
    let all = lines(&ended.out);
    assert!(ended.status.success(), "{ended:?}");
    let asked = uses(&sim, &id);
    for id in &asked {
        assert_eq!(counts(&all, "run").get(id), Some(&1), "{all:?}");
    }
    let answered = counts(&all, "answered");
    assert_eq!(answered.len(), 2, "{all:?}");
    assert!(!answered.contains_key(&asked[1]), "{all:?}");
    assert_eq!(all[all.len() - 1]["text"], "3, of another, 4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_it_without_success() {
    let folder = Folder::new("interrupt");
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "custom_tools").await;
    let message = json!([[slow(3_600_000)]]);
    let mut running = begin(&sim, &id, &message, &folder.file("ledger"));
    running.prints("run").await;
    client.session(&id).interrupt().await.expect("accepted");
    let ended = running.end().await;
    assert!(!ended.status.success(), "{ended:?}");
    let all = lines(&ended.out);
    assert_eq!(all[all.len() - 1], json!({"stop": "cancelled", "text": ""}));
    assert!(counts(&all, "answered").is_empty(), "{all:?}");
    // Started again, it says the same.
    let (again, status) = run(&sim, &id, &message, &folder.file("ledger")).await;
    assert!(!status.success());
    assert_eq!(again, all[all.len() - 1..]);
}
