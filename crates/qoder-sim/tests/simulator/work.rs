//! The work of self-hosted environments.

mod leases;

use std::time::Duration;

use crate::common::{Answer, Api, quick, text};
use qoder_sim::Sim;
use serde_json::{Value, json};

const NO_HEARTBEAT: &str = "expected_last_heartbeat=NO_HEARTBEAT";

/// A self-hosted environment, and what its workers ask for.
struct Queue<'a> {
    api: Api<'a>,
    path: String,
    environment: String,
}

impl<'a> Queue<'a> {
    async fn new(sim: &'a Sim) -> Self {
        let api = Api::new(sim);
        let environment = json!({"name": "ours", "config": {"type": "self_hosted"}});
        let answer = api.post("/environments", environment).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let environment = text(&answer.json()["id"]);
        Self {
            api,
            path: format!("/environments/{environment}/work"),
            environment,
        }
    }

    /// A session in it that has got a message.
    async fn session(&self) -> String {
        let agent = self.api.agent(json!({"simulate": "custom_tool"})).await;
        let body = json!({"agent": agent["id"], "environment_id": self.environment});
        let session = text(&self.api.post("/sessions", body).await.json()["id"]);
        assert_eq!(self.api.say(&session, "Hello!").await.status, 200);
        session
    }

    async fn get(&self, rest: &str) -> Answer {
        self.api.get(&format!("{}{rest}", self.path)).await
    }

    async fn post(&self, rest: &str, body: Value) -> Answer {
        self.api.post(&format!("{}{rest}", self.path), body).await
    }

    async fn poll(&self) -> Value {
        let answer = self.get("/poll").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The id of work that a worker has got and acknowledged.
    async fn taken(&self) -> String {
        let id = text(&self.poll().await["id"]);
        assert_eq!(
            self.post(&format!("/{id}/ack"), Value::Null).await.status,
            200
        );
        id
    }

    async fn beat(&self, id: &str, query: &str) -> Answer {
        self.post(&format!("/{id}/heartbeat?{query}"), Value::Null)
            .await
    }

    async fn work(&self, id: &str) -> Value {
        self.get(&format!("/{id}")).await.json()
    }

    async fn state(&self, id: &str) -> String {
        text(&self.work(id).await["state"])
    }
}

fn after(heartbeat: &Answer) -> String {
    let last = text(&heartbeat.json()["last_heartbeat"]);
    format!("expected_last_heartbeat={last}")
}

#[tokio::test]
async fn work_goes_from_the_queue_to_its_end() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    assert_eq!(queue.get("/poll").await.body, "null");
    let session = queue.session().await;

    let answer = queue.get("/poll").await;
    let members = [
        "id",
        "type",
        "environment_id",
        "data",
        "state",
        "created_at",
        "acknowledged_at",
        "started_at",
        "latest_heartbeat_at",
        "stop_requested_at",
        "stopped_at",
        "metadata",
    ];
    assert_eq!(answer.members(), members);
    let work = answer.json();
    let id = text(&work["id"]);
    assert!(id.starts_with("work_"), "{id}");
    let message = sim.log(&session).into_iter();
    let mut message = message.filter(|event| event["type"] == "user.message");
    let expected = json!({
        "id": id, "type": "work", "environment_id": queue.environment,
        "data": {"type": "session", "id": session}, "state": "queued",
        "created_at": message.next().expect("a message")["processed_at"],
        "acknowledged_at": null, "started_at": null, "latest_heartbeat_at": null,
        "stop_requested_at": null, "stopped_at": null, "metadata": {},
    });
    assert_eq!(work, expected);

    let acknowledged = queue.post(&format!("/{id}/ack"), json!({})).await.json();
    assert_eq!(acknowledged["state"], "starting");
    assert!(acknowledged["acknowledged_at"].is_string());
    let again = queue.post(&format!("/{id}/ack"), json!({})).await;
    assert_eq!((again.status, again.json()), (200, acknowledged));

    let first = queue.beat(&id, NO_HEARTBEAT).await;
    let members = [
        "type",
        "last_heartbeat",
        "lease_extended",
        "state",
        "ttl_seconds",
    ];
    assert_eq!(first.members(), members);
    let active = queue.work(&id).await;
    let expected = json!({
        "type": "work_heartbeat", "last_heartbeat": active["latest_heartbeat_at"],
        "lease_extended": true, "state": "active", "ttl_seconds": 60,
    });
    assert_eq!(first.json(), expected);
    assert!(active["started_at"].is_string());

    let stopping = queue.post(&format!("/{id}/stop"), json!({})).await.json();
    assert_eq!(stopping["state"], "stopping");
    assert!(stopping["stop_requested_at"].is_string() && stopping["stopped_at"].is_null());
    let told = queue.beat(&id, &after(&first)).await.json();
    assert_eq!(
        (&told["state"], &told["lease_extended"]),
        (&json!("stopping"), &json!(true))
    );
    let force = json!({"force": true});
    let stopped = queue.post(&format!("/{id}/stop"), force).await.json();
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(stopped["stop_requested_at"], stopping["stop_requested_at"]);
    assert!(stopped["stopped_at"].is_string());
    // Once more changes nothing.
    let again = queue
        .post(&format!("/{id}/stop"), json!({"force": null}))
        .await;
    assert_eq!(again.json(), stopped);
    let told = queue.beat(&id, "").await.json();
    assert_eq!(
        (
            &told["state"],
            &told["lease_extended"],
            &told["ttl_seconds"]
        ),
        (&json!("stopped"), &json!(false), &json!(0))
    );
    assert_eq!(queue.poll().await, Value::Null);
    assert!(sim.unexpected().is_empty());
}

#[tokio::test]
async fn the_oldest_work_is_given_first_and_again_if_it_is_not_acknowledged() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    let sessions = [queue.session().await, queue.session().await];
    for session in &sessions {
        assert_eq!(queue.poll().await["data"]["id"], **session);
    }
    assert_eq!(queue.poll().await, Value::Null);
    let stats = queue.get("/stats").await;
    let members = [
        "type",
        "depth",
        "pending",
        "oldest_queued_at",
        "workers_polling",
    ];
    assert_eq!(stats.members(), members);
    assert_eq!(stats.json()["pending"], 2);

    sim.advance(Duration::from_secs(4));
    assert_eq!(queue.poll().await, Value::Null);
    sim.advance(Duration::from_secs(2));
    assert_eq!(queue.poll().await["data"]["id"], sessions[0]);
    let at_once = queue.get("/poll?reclaim_older_than_ms=0").await.json();
    assert_eq!(at_once["data"]["id"], sessions[0]);
    let id = text(&at_once["id"]);
    queue.post(&format!("/{id}/ack"), json!({})).await;
    let other = queue.get("/poll?reclaim_older_than_ms=0").await.json();
    assert_eq!(other["data"]["id"], sessions[1]);
}

#[tokio::test]
async fn a_poll_waits_until_there_is_work() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    let session = queue.session().await;
    let id = queue.taken().await;
    queue
        .post(&format!("/{id}/stop"), json!({"force": true}))
        .await;
    assert_eq!(queue.get("/poll?block_ms=1").await.body, "null");

    // The longest wait is short: whoever is too slow for it asks again.
    let interrupt = json!([{"type": "user.interrupt"}]);
    assert_eq!(queue.api.events(&session, interrupt).await.status, 200);
    let woken = async {
        loop {
            let work = queue.get("/poll?block_ms=999").await.json();
            if !work.is_null() {
                return work;
            }
        }
    };
    let message = async { while queue.api.say(&session, "More!").await.status != 200 {} };
    let (work, ()) = tokio::join!(woken, message);
    assert_eq!(work["data"]["id"], session);
    assert_ne!(work["id"], id);
}

#[tokio::test]
async fn work_has_metadata_pages_and_statistics() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    for _ in 0..3 {
        queue.session().await;
    }
    let list = queue.get("").await.json();
    let ids: Vec<String> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|work| text(&work["id"]))
        .collect();
    let page = |query: String| {
        let queue = &queue;
        async move {
            let answer = queue.get(&query).await.json();
            let works = answer["data"].as_array().expect("a list").iter();
            works.map(|work| text(&work["id"])).collect::<Vec<_>>()
        }
    };
    let first = queue.get("?limit=2").await.json();
    let next = text(&first["next_page"]);
    assert_eq!(page("?limit=2".to_owned()).await, ids[..2]);
    assert_eq!(page(format!("?limit=2&page={next}")).await, ids[2..]);
    assert_eq!(page(format!("?after_id={}", ids[0])).await, ids[1..]);
    assert_eq!(page(format!("?before_id={}", ids[2])).await, ids[..2]);

    let one = format!("/{}", ids[0]);
    let set = json!({"metadata": {"machine": "eu-7", "attempt": "1"}});
    let changed = queue.post(&one, set).await.json();
    assert_eq!(changed["metadata"]["attempt"], "1");
    let patch = json!({"metadata": {"attempt": null}});
    let changed = queue.post(&one, patch).await.json();
    assert_eq!(changed["metadata"], json!({"machine": "eu-7"}));
    assert_eq!(queue.work(&ids[0]).await, changed);

    let poll = format!("{}/poll", queue.path);
    for worker in ["a", "b", "a"] {
        let headers = [("worker-id", worker)];
        let polled = queue.api.send("GET", &poll, &headers, &Value::Null).await;
        assert_eq!(polled.expect("an answer").status, 200);
    }
    let stats = queue.get("/stats").await.json();
    let oldest = queue.work(&ids[2]).await["created_at"].clone();
    let expected = json!({
        "type": "work_queue_stats", "depth": 0, "pending": 3, "oldest_queued_at": oldest,
        "workers_polling": 2,
    });
    assert_eq!(stats, expected);
    sim.advance(Duration::from_secs(31));
    assert_eq!(queue.get("/stats").await.json()["workers_polling"], 0);
    for id in &ids {
        queue.post(&format!("/{id}/ack"), json!({})).await;
    }
    let stats = queue.get("/stats").await.json();
    assert_eq!(
        (&stats["pending"], &stats["oldest_queued_at"]),
        (&json!(0), &Value::Null)
    );
}

#[tokio::test]
async fn what_is_asked_is_checked() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    queue.session().await;
    let id = text(&queue.poll().await["id"]);
    let cases = [
        ("GET", "/poll?block_ms=0", Value::Null, 400),
        ("GET", "/poll?block_ms=1000", Value::Null, 400),
        ("GET", "/poll?block_ms=x", Value::Null, 400),
        ("GET", "/poll?reclaim_older_than_ms=-1", Value::Null, 400),
        ("GET", "?limit=0", Value::Null, 400),
        ("GET", "?limit=101", Value::Null, 400),
        ("GET", "?after_id=work_none", Value::Null, 400),
        ("GET", "/work_none", Value::Null, 404),
        ("POST", "/work_none", json!({"metadata": {}}), 404),
        ("POST", "/work_none/ack", Value::Null, 404),
        ("POST", "/work_none/heartbeat", Value::Null, 404),
        ("POST", "/work_none/stop", Value::Null, 404),
        ("POST", "/ID", json!({}), 400),
        ("POST", "/ID", json!({"metadata": null}), 400),
        ("POST", "/ID", json!({"metadata": {"k": 1}}), 400),
        ("POST", "/ID/stop", json!({"force": "yes"}), 400),
        (
            "POST",
            "/ID/heartbeat?desired_ttl_seconds=x",
            Value::Null,
            400,
        ),
        // Not acknowledged yet.
        ("POST", "/ID/heartbeat", Value::Null, 409),
        (
            "POST",
            "/ID/heartbeat?expected_last_heartbeat=x",
            Value::Null,
            412,
        ),
        ("POST", "/ID/ack", Value::Null, 200),
        (
            "POST",
            "/ID/heartbeat?expected_last_heartbeat=x",
            Value::Null,
            412,
        ),
        ("POST", "/ID/heartbeat", Value::Null, 200),
        ("POST", "/ID/ack", Value::Null, 409),
        (
            "POST",
            "/ID/heartbeat?expected_last_heartbeat=NO_HEARTBEAT",
            Value::Null,
            412,
        ),
        ("POST", "/ID/stop", Value::Null, 200),
        ("POST", "/ID/ack", Value::Null, 409),
    ];
    for (method, rest, body, status) in cases {
        let path = format!("{}{}", queue.path, rest.replace("ID", &id));
        let answer = queue.api.send(method, &path, &[], &body).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{method} {rest}: {answer:?}");
    }
    for rest in ["", "/poll", "/stats"] {
        let path = format!("/environments/env_none/work{rest}");
        assert_eq!(queue.api.get(&path).await.status, 404);
    }
    // The work of one environment is not in another, and a cloud has none.
    let cloud = format!("/environments/{}/work", queue.api.environment().await);
    assert_eq!(queue.api.get(&format!("{cloud}/{id}")).await.status, 404);
    assert_eq!(queue.api.get(&format!("{cloud}/poll")).await.body, "null");
}

#[tokio::test]
async fn the_agents_own_tools_are_for_the_worker() {
    let sim = quick().await;
    let queue = Queue::new(&sim).await;
    let api = &queue.api;
    let agent = api.agent(json!({"simulate": "thinking_and_tools"})).await;
    let body = json!({"agent": agent["id"], "environment_id": queue.environment});
    let session = text(&api.post("/sessions", body).await.json()["id"]);
    let path = format!("/sessions/{session}/events/stream");
    let mut stream = api.stream(&path, &[]).await;
    assert_eq!(api.say(&session, "Count these words.").await.status, 200);
    let frames = stream.until("agent.tool_use").await;
    let used = &frames.last().expect("a frame").data;
    stream.until("span.model_request_end").await;
    assert_eq!(api.status(&session).await, "running");
    let id = &used["id"];
    // It asks nobody for permission, and is no tool of the client's.
    let allow = json!({"type": "user.tool_confirmation", "tool_use_id": id, "result": "allow"});
    let custom = json!({"type": "user.custom_tool_result", "custom_tool_use_id": id});
    for wrong in [allow, custom] {
        let answer = api.events(&session, json!([wrong])).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let why = text(&answer.json()["error"]["message"]);
        assert!(why.contains("user.tool_result"), "{why}");
    }
    let content = json!([{"type": "text", "text": "33 message.txt"}]);
    let result = json!({"type": "user.tool_result", "tool_use_id": id, "content": content});
    let twice = json!([result, result]);
    assert_eq!(api.events(&session, twice).await.status, 400);
    assert_eq!(api.events(&session, json!([result])).await.status, 200);
    let frames = stream.until("session.status_idle").await;
    let said = frames.iter().find(|frame| frame.event == "agent.message");
    let said = &said.expect("a message").data["content"][0]["text"];
    assert_eq!(said, "Your message has 33 words.");
}
