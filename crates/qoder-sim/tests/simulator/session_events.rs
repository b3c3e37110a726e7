//! The events that are sent to sessions, and the log of them.

use crate::common::{Api, message, quick, text};
use qoder_sim::{Dialect, Sim};
use serde_json::{Value, json};

#[tokio::test]
async fn sessions_keep_the_agent_as_it_was() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let agent = api.agent(json!({})).await;
    let environment = api.environment().await;
    let body = json!({
        "agent": {"type": "agent", "id": agent["id"], "version": 1}, "environment_id": environment,
        "title": "A title", "metadata": {"a": "b"},
    });
    let session = api.post("/sessions", body).await.json();
    assert!(text(&session["id"]).starts_with("sess_"));
    assert_eq!(
        (&session["status"], &session["title"]),
        (&json!("idle"), &json!("A title"))
    );
    assert_eq!(session["agent"]["model"]["id"], "ultimate");
    let path = format!("/sessions/{}", text(&session["id"]));
    let changed = api
        .post(&path, json!({"title": "Other", "metadata": {"a": null}}))
        .await
        .json();
    assert_eq!(
        (&changed["title"], &changed["metadata"]),
        (&json!("Other"), &json!({}))
    );

    let newer = api.session("answer").await;
    let list = api.get("/sessions").await.json();
    assert_eq!(list["data"][0]["id"], json!(newer));
    let of_agent = api
        .get(&format!("/sessions?agent_id={}", text(&agent["id"])))
        .await
        .json();
    assert_eq!(of_agent["data"].as_array().map(Vec::len), Some(1));
    let running = api.get("/sessions?statuses[]=running").await.json();
    assert_eq!(running["data"], json!([]));

    api.post(&format!("{path}/archive"), Value::Null).await;
    assert_eq!(api.say(&text(&session["id"]), "Hello!").await.status, 409);
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn events_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    for events in [
        json!([]),
        json!([{"type": "user.message"}]),
        json!([{"type": "user.message", "content": "a text"}]),
        json!([{"type": "user.message", "content": []}]),
        json!([{"type": "user.shout"}]),
        json!([{"type": "system.message", "content": [{"type": "text", "text": "x"}]}]),
        json!([{"type": "user.tool_confirmation", "tool_use_id": "evt_none", "result": "allow"}]),
    ] {
        assert_eq!(
            api.events(&session, events.clone()).await.status,
            400,
            "{events}"
        );
    }
    let bare = api
        .post(&format!("/sessions/{session}/events"), message("Hello!"))
        .await;
    assert_eq!(bare.status, 400);
    assert!(sim.log(&session).is_empty());
}

#[tokio::test]
async fn a_session_at_work_takes_no_message() {
    let sim = Sim::builder()
        .hold_turns(true)
        .start()
        .await
        .expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let accepted = api.say(&session, "Hello!").await.json();
    assert!(text(&accepted["data"][0]["id"]).starts_with("evt_"));
    assert_eq!(api.status(&session).await, "running");
    let refused = api.say(&session, "And?").await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );

    let mut stream = api
        .stream(
            &format!("/sessions/{session}/events/stream"),
            &[("last-event-id", &text(&accepted["data"][0]["id"]))],
        )
        .await;
    sim.release_turn();
    stream.until("session.status_idle").await;
    assert_eq!(api.status(&session).await, "idle");
    assert_eq!(api.say(&session, "And?").await.status, 200);
}

#[tokio::test]
async fn the_log_is_listed_with_filters() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}/events");
    let mut stream = api.stream(&format!("{path}/stream"), &[]).await;
    api.say(&session, "Hello!").await;
    stream.until("session.status_idle").await;
    let list = api.get(&format!("{path}?limit=100")).await.json();
    assert_eq!(list["data"], json!(sim.log(&session)));
    let some = api
        .get(&format!(
            "{path}?types[]=agent.message&types[]=user.message"
        ))
        .await
        .json();
    let types: Vec<String> = some["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| text(&event["type"]))
        .collect();
    assert_eq!(types, ["user.message", "agent.message"]);
    let newest = api.get(&format!("{path}?order=desc&limit=1")).await.json();
    assert_eq!(newest["data"][0]["type"], "session.status_idle");
    let none = api
        .get(&format!(
            "{path}?after_id={}",
            text(&newest["data"][0]["id"])
        ))
        .await
        .json();
    assert_eq!(
        (&none["data"], &none["last_id"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn cancelling_was_for_good() {
    let sim = Sim::builder()
        .dialect(Dialect::Seed)
        .hold_turns(true)
        .start()
        .await;
    let sim = sim.expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let say = || {
        api.events(
            &session,
            json!([{"type": "user.message", "content": "Hello!"}]),
        )
    };
    say().await;
    assert_eq!(api.status(&session).await, "processing");
    let answer = api
        .post(&format!("/sessions/{session}/cancel"), Value::Null)
        .await;
    assert_eq!(answer.json()["status"], "canceling");
    assert_eq!(api.status(&session).await, "cancelled");
    assert_eq!(say().await.status, 409);
}
