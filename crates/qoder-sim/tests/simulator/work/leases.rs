//! Leases: how they are kept, and how the work of one that ends is queued again.

use std::time::Duration;

use super::{NO_HEARTBEAT, Queue, after};
use crate::common::quick;
use serde_json::{Value, json};

#[tokio::test]
async fn a_waiting_poll_gets_the_work_that_a_lease_sets_free() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    queue.session().await;
    let id = queue.taken().await;
    let query = format!("{NO_HEARTBEAT}&desired_ttl_seconds=30");
    let first = queue.beat(&id, &query).await;
    assert_eq!(first.json()["ttl_seconds"], 30);
    let poll = format!("{}/poll?block_ms=999", queue.path);
    let woken = async {
        loop {
            let headers = [("worker-id", "second")];
            let work = queue.api.send("GET", &poll, &headers, &Value::Null).await;
            let work = work.expect("an answer").json();
            if !work.is_null() {
                return work;
            }
        }
    };
    let lost = async {
        // The poll has found nothing yet, and waits.
        while queue.get("/stats").await.json()["workers_polling"] == 0 {}
        sim.advance(Duration::from_secs(31));
    };
    let (work, ()) = tokio::join!(woken, lost);
    assert_eq!(
        (&work["id"], &work["state"]),
        (&json!(id), &json!("queued"))
    );
    for time in ["acknowledged_at", "started_at", "latest_heartbeat_at"] {
        assert!(work[time].is_null(), "{work}");
    }
    // Who had it learns of it, before and after another has begun.
    assert_eq!(queue.beat(&id, &after(&first)).await.status, 412);
    queue.post(&format!("/{id}/ack"), json!({})).await;
    let second = queue.beat(&id, NO_HEARTBEAT).await;
    assert_eq!(second.json()["lease_extended"], true);
    assert_eq!(queue.beat(&id, &after(&first)).await.status, 412);
    assert_eq!(queue.beat(&id, &after(&second)).await.status, 200);
}

#[tokio::test]
async fn heartbeats_keep_a_lease() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    queue.session().await;
    let id = queue.taken().await;
    let mut last = queue.beat(&id, NO_HEARTBEAT).await;
    for _ in 0..3 {
        sim.advance(Duration::from_secs(50));
        last = queue.beat(&id, &after(&last)).await;
        assert_eq!(last.json()["state"], "active");
    }
    for (desired, ttl) in [("0", 1), ("299", 299), ("1000", 300)] {
        let query = format!("{}&desired_ttl_seconds={desired}", after(&last));
        last = queue.beat(&id, &query).await;
        assert_eq!(last.json()["ttl_seconds"], ttl);
    }
    // Whose work is stopping loses it for good.
    queue.post(&format!("/{id}/stop"), json!({})).await;
    assert_eq!(queue.state(&id).await, "stopping");
    sim.advance(Duration::from_secs(301));
    assert_eq!(queue.state(&id).await, "stopped");
}

#[tokio::test]
async fn work_that_nobody_begins_is_queued_again() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    queue.session().await;
    let id = queue.taken().await;
    sim.advance(Duration::from_secs(59));
    assert_eq!(queue.state(&id).await, "starting");
    sim.advance(Duration::from_secs(2));
    assert_eq!(queue.poll().await["id"], id);
    // Nobody holds it: to stop it needs no worker.
    queue.post(&format!("/{id}/stop"), json!({})).await;
    assert_eq!(queue.state(&id).await, "stopped");
}

#[tokio::test]
async fn work_ends_with_its_session() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    let (gone, archived) = (queue.session().await, queue.session().await);
    let terminated = queue.session().await;
    queue.taken().await;
    assert!(sim.terminate(&terminated));
    let archive = format!("/sessions/{archived}/archive");
    assert_eq!(queue.api.post(&archive, json!({})).await.status, 200);
    while queue.api.delete(&format!("/sessions/{gone}")).await.status == 409 {}
    let list = queue.get("").await.json();
    let states: Vec<&Value> = list["data"].as_array().expect("a list").iter().collect();
    assert_eq!(states.len(), 3);
    assert!(states.iter().all(|work| work["state"] == "stopped"));
    assert_eq!(queue.poll().await, Value::Null);
}
