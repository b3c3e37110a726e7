//! Streams: where they start, what they show, and every script to its end.

use std::time::Duration;

use crate::common::{Api, End, Frame, message, names, of, quick, text};
use qoder_sim::{Dialect, Heartbeat, Sim};
use serde_json::{Value, json};

fn path(session: &str) -> String {
    format!("/sessions/{session}/events/stream")
}

/// A turn, watched from its beginning to the end of the stream's interest.
async fn turn(api: &Api<'_>, session: &str, last: &str) -> Vec<Frame> {
    let mut stream = api.stream(&path(session), &[]).await;
    assert!(api.say(session, "one two three").await.status < 300);
    stream.until(last).await
}

fn reason(frame: &Frame) -> &str {
    frame.data["stop_reason"]["type"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test]
async fn today_a_stream_begins_with_what_comes() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    turn(&api, &session, "session.status_idle").await;
    let mut stream = api.stream(&path(&session), &[]).await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let published = sim
        .publish(&session, json!({"type": "session.updated"}))
        .expect("a session");
    let frame = stream.next().await.expect("a frame");
    assert_eq!(
        (json!(frame.id), frame.data.clone()),
        (published["id"].clone(), published)
    );
}

#[tokio::test]
async fn at_first_it_began_with_the_history() {
    let sim = of(Dialect::Seed).await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    api.events(
        &session,
        json!([{"type": "user.message", "content": "Hello!"}]),
    )
    .await;
    let mut stream = api.stream(&path(&session), &[]).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(
        names(&frames),
        [
            "user.message",
            "session.status_rescheduled",
            "agent.message",
            "session.status_idle"
        ]
    );
    assert_eq!(frames[0].data["content"], "Hello!");
    let after = format!("{}?after_id={}", path(&session), frames[1].id);
    let rest = api
        .stream(&after, &[])
        .await
        .until("session.status_idle")
        .await;
    assert_eq!(rest, frames[2..]);
    let unknown = format!("{}?after_id=evt_none", path(&session));
    assert_eq!(api.stream(&unknown, &[]).await.status, 400);
}

#[tokio::test]
async fn a_cursor_says_where_to_go_on() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let frames = turn(&api, &session, "session.status_idle").await;
    for at in 0..frames.len() - 1 {
        let cursor = [("last-event-id", frames[at].id.as_str())];
        let mut stream = api.stream(&path(&session), &cursor).await;
        assert_eq!(stream.until("session.status_idle").await, frames[at + 1..]);
    }
    let unknown = api
        .stream(&path(&session), &[("last-event-id", "evt_none")])
        .await;
    assert_eq!(unknown.status, 400);
    // The list streams too, if it is asked to.
    let list = format!("/sessions/{session}/events");
    let mut stream = api.stream(&list, &[("last-event-id", &frames[0].id)]).await;
    assert_eq!(stream.until("session.status_idle").await, frames[1..]);
}

#[tokio::test]
async fn a_quiet_stream_beats() {
    for (kind, expected) in [
        (Heartbeat::Comment, Frame::default()),
        (
            Heartbeat::Event,
            Frame {
                id: String::new(),
                event: "heartbeat".into(),
                data: json!({}),
            },
        ),
        (
            Heartbeat::Ping,
            Frame {
                id: "ping".into(),
                event: "ping".into(),
                data: json!({}),
            },
        ),
    ] {
        let builder = Sim::builder().heartbeat(kind, Duration::from_millis(10));
        let sim = builder.start().await.expect("a simulator");
        let api = Api::new(&sim);
        let session = api.session("answer").await;
        let mut stream = api.stream(&path(&session), &[]).await;
        for _ in 0..2 {
            assert_eq!(stream.next().await.as_ref(), Ok(&expected));
        }
    }
}

#[tokio::test]
async fn previews_are_for_who_asks() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let with = format!("{}?event_deltas%5B%5D=agent.message", path(&session));
    let mut previewed = api.stream(&with, &[]).await;
    let plain = turn(&api, &session, "session.status_idle").await;
    assert!(!names(&plain).iter().any(|name| name.starts_with("event_")));
    let previewed = previewed.until("session.status_idle").await;

    let starts: Vec<&Frame> = previewed
        .iter()
        .filter(|f| f.event == "event_start")
        .collect();
    let [start] = starts.as_slice() else {
        panic!("one start in {:?}", names(&previewed))
    };
    assert_eq!(start.data["event"]["type"], "agent.message");
    let deltas: Vec<&Frame> = previewed
        .iter()
        .filter(|f| f.event == "event_delta")
        .collect();
    let said: String = deltas
        .iter()
        .map(|f| text(&f.data["delta"]["content"]["text"]))
        .collect();
    let whole = previewed
        .iter()
        .find(|f| f.event == "agent.message")
        .expect("a message");
    assert_eq!(json!(said), whole.data["content"][0]["text"]);
    assert!(
        deltas
            .iter()
            .all(|f| f.id == whole.id && f.data["event_id"] == json!(whole.id))
    );
    assert!(
        sim.log(&session)
            .iter()
            .all(|event| event["type"] != "event_delta")
    );

    let wrong = format!("{}?event_deltas[]=agent.tool_use", path(&session));
    assert_eq!(api.stream(&wrong, &[]).await.status, 400);
}

#[tokio::test]
async fn previews_go_on_in_the_middle_or_begin_again() {
    let sim = Sim::builder()
        .pace(Duration::from_millis(20))
        .start()
        .await
        .expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let with = format!("{}?event_deltas[]=agent.message", path(&session));
    let mut stream = api.stream(&with, &[]).await;
    api.say(&session, "Hello!").await;
    let mut before = stream.until("event_delta").await;
    let delta = before.pop().expect("a delta");
    let start = before.pop().expect("a start");
    let whole = before.last().expect("something before").id.clone();
    let mut again = api.stream(&with, &[("last-event-id", &whole)]).await;
    assert_eq!(again.next().await, Ok(start));
    let mut onward = api.stream(&with, &[("last-event-id", &delta.id)]).await;
    let onward = onward.until("session.status_idle").await;
    assert!(!names(&onward).contains(&"event_start"));
    assert!(!onward.contains(&delta));
    assert!(names(&onward).contains(&"agent.message"));
}

#[tokio::test]
async fn a_plain_turn_is_in_order() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let frames = turn(&api, &session, "session.status_idle").await;
    assert_eq!(
        names(&frames),
        [
            "session.status_running",
            "session.thread_status_running",
            "user.message",
            "span.model_request_start",
            "agent.thinking",
            "agent.message",
            "span.model_request_end",
            "session.thread_status_idle",
            "session.usage",
            "session.status_idle",
        ]
    );
    assert_eq!(reason(&frames[9]), "end_turn");
}

#[tokio::test]
async fn tools_are_used() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("thinking_and_tools").await;
    let frames = turn(&api, &session, "session.status_idle").await;
    let find = |name: &str| {
        frames
            .iter()
            .find(|frame| frame.event == name)
            .expect("a frame")
    };
    let [used, result] = ["agent.tool_use", "agent.tool_result"].map(find);
    assert_eq!(result.data["tool_use_id"], json!(used.id));
    assert_eq!(
        find("agent.message").data["content"][0]["text"],
        "Your message has 3 words."
    );
}

#[tokio::test]
async fn tools_ask_first() {
    for (result, said) in [
        ("allow", "Done: the draft is gone."),
        ("deny", "I left the draft in place."),
    ] {
        let sim = quick().await;
        let api = Api::new(&sim);
        let session = api.session("approval").await;
        let mut stream = api.stream(&path(&session), &[]).await;
        api.say(&session, "Tidy up.").await;
        let frames = stream.until("session.status_idle").await;
        let idle = frames.last().expect("a frame");
        assert_eq!(reason(idle), "requires_action");
        let tool = text(&idle.data["stop_reason"]["event_ids"][0]);
        assert!(
            frames
                .iter()
                .any(|frame| frame.id == tool && frame.event == "agent.tool_use")
        );
        assert_eq!(api.say(&session, "Well?").await.status, 409);
        let answer =
            json!([{"type": "user.tool_confirmation", "tool_use_id": tool, "result": result}]);
        assert_eq!(api.events(&session, answer.clone()).await.status, 200);
        let frames = stream.until("session.status_idle").await;
        assert_eq!(reason(frames.last().expect("a frame")), "end_turn");
        let message = frames.iter().find(|frame| frame.event == "agent.message");
        assert_eq!(message.expect("a message").data["content"][0]["text"], said);
        assert_eq!(api.events(&session, answer).await.status, 400);
    }
}

#[tokio::test]
async fn of_two_questions_the_one_left_is_asked_again() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("approval_two").await;
    let mut stream = api.stream(&path(&session), &[]).await;
    api.say(&session, "Tidy up.").await;
    let frames = stream.until("session.status_idle").await;
    let asked = frames.last().expect("a frame").data["stop_reason"]["event_ids"].clone();
    assert_eq!(asked.as_array().map(Vec::len), Some(2));
    let allow = |tool: &Value| json!([{"type": "user.tool_confirmation", "tool_use_id": tool, "result": "allow"}]);
    api.events(&session, allow(&asked[0])).await;
    let frames = stream.until("session.status_idle").await;
    let left = &frames.last().expect("a frame").data["stop_reason"];
    assert_eq!(left["event_ids"], json!([asked[1]]));
    api.events(&session, allow(&asked[1])).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(reason(frames.last().expect("a frame")), "end_turn");
}

#[tokio::test]
async fn a_custom_tool_is_the_clients() {
    let sim = quick().await;
    let api = Api::new(&sim);
    // The tool itself makes the agent use it, without a script.
    let agent = json!({"name": "n", "model": "ultimate", "tools": [
        {"type": "custom", "name": "weather", "description": "d", "input_schema": {"type": "object"}},
    ]});
    let agent = api.post("/agents", agent).await.json();
    let session = json!({"agent": agent["id"], "environment_id": api.environment().await});
    let session = text(&api.post("/sessions", session).await.json()["id"]);
    let mut stream = api.stream(&path(&session), &[]).await;
    api.say(&session, "Berlin").await;
    let frames = stream.until("session.status_idle").await;
    let used = frames
        .iter()
        .find(|frame| frame.event == "agent.custom_tool_use")
        .expect("a use");
    assert_eq!(
        (&used.data["name"], &used.data["input"]),
        (&json!("weather"), &json!({"query": "Berlin"}))
    );
    let result = json!([{
        "type": "user.custom_tool_result", "custom_tool_use_id": used.id,
        "content": [{"type": "text", "text": "rain"}],
    }]);
    assert_eq!(api.events(&session, result).await.status, 200);
    let frames = stream.until("session.status_idle").await;
    let message = frames
        .iter()
        .find(|frame| frame.event == "agent.message")
        .expect("a message");
    assert_eq!(message.data["content"][0]["text"], "weather says: rain");
}

#[tokio::test]
async fn errors_are_got_over_or_not() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("fail_and_recover").await;
    let frames = turn(&api, &session, "session.status_idle").await;
    let error = frames
        .iter()
        .find(|frame| frame.event == "session.error")
        .expect("an error");
    assert_eq!(error.data["error"]["retry_status"]["type"], "retrying");
    assert!(names(&frames).contains(&"agent.message"));
    assert_eq!(reason(frames.last().expect("a frame")), "end_turn");

    let session = api.session("exhausted").await;
    let frames = turn(&api, &session, "session.status_idle").await;
    assert_eq!(reason(frames.last().expect("a frame")), "retries_exhausted");
    assert_eq!(api.status(&session).await, "idle");
}

#[tokio::test]
async fn a_terminated_session_is_over() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("terminated").await;
    let mut stream = api.stream(&path(&session), &[]).await;
    api.say(&session, "Hello!").await;
    let (frames, end) = stream.rest().await;
    assert_eq!(
        (names(&frames).last(), end),
        (Some(&"session.status_terminated"), End::Ended)
    );
    assert_eq!(api.status(&session).await, "terminated");
    assert_eq!(api.say(&session, "Hello?").await.status, 409);

    let session = api.session("answer").await;
    let mut stream = api.stream(&path(&session), &[]).await;
    assert!(sim.terminate(&session));
    let (frames, end) = stream.rest().await;
    assert_eq!(
        (names(&frames), end),
        (vec!["session.status_terminated"], End::Ended)
    );
}

#[tokio::test]
async fn a_turn_can_be_cancelled() {
    for how in ["cancel", "interrupt"] {
        let sim = Sim::builder()
            .hold_turns(true)
            .start()
            .await
            .expect("a simulator");
        let api = Api::new(&sim);
        let session = api.session("answer").await;
        let mut stream = api.stream(&path(&session), &[]).await;
        api.say(&session, "A long job.").await;
        if how == "cancel" {
            let answer = api
                .post(&format!("/sessions/{session}/cancel"), Value::Null)
                .await;
            assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        } else {
            api.events(&session, json!([{"type": "user.interrupt"}]))
                .await;
        }
        sim.release_turn();
        let frames = stream.until("session.status_idle").await;
        assert_eq!(
            reason(frames.last().expect("a frame")),
            "cancelled",
            "{how}"
        );
        assert!(!names(&frames).contains(&"agent.message"));
        assert_eq!(
            api.events(&session, json!([message("And now?")]))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_deleted_session_says_so() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let mut stream = api.stream(&path(&session), &[]).await;
    assert_eq!(
        api.delete(&format!("/sessions/{session}")).await.status,
        200
    );
    let (frames, end) = stream.rest().await;
    assert_eq!((names(&frames), end), (vec!["session.deleted"], End::Ended));
    assert_eq!(api.stream(&path(&session), &[]).await.status, 404);
}

#[tokio::test]
async fn sends_may_go_without_ids() {
    let sim = Sim::builder()
        .anonymous_sends(true)
        .start()
        .await
        .expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let answer = api.say(&session, "Hello!").await.json();
    assert_eq!(answer["data"], json!([]));
}

#[tokio::test]
async fn a_session_shows_what_its_turns_have_used() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}");
    let unused = &api.get(&path).await.json()["usage"]["total_credits"];
    assert_eq!(unused.as_f64(), Some(0.0));
    let mut stream = api.stream(&format!("{path}/events/stream"), &[]).await;
    let mut told = Value::Null;
    for total in [0.01, 0.02] {
        api.say(&session, "Hello!").await;
        let frames = stream.until("session.status_idle").await;
        let usage = frames.iter().find(|frame| frame.event == "session.usage");
        told = usage.expect("a session.usage").data.clone();
        assert_eq!(told["total_credits"].as_f64(), Some(total));
    }
    let shown = api.get(&path).await.json()["usage"].clone();
    for credits in ["total_credits", "model_credits", "sandbox_runtime_credits"] {
        assert!(shown[credits].is_number(), "{shown}");
        assert_eq!(shown[credits], told[credits], "{credits}");
    }
    assert_eq!(shown.as_object().map(serde_json::Map::len), Some(3));
}

#[tokio::test]
async fn a_main_thread_refers_to_the_agent_of_its_session() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}");
    let agent = api.get(&path).await.json()["agent"].clone();
    let thread = api.get(&format!("{path}/threads")).await.json()["data"][0].clone();
    for member in ["id", "type", "name", "version"] {
        assert!(!agent[member].is_null(), "{agent}");
        assert_eq!(thread["agent"][member], agent[member], "{member}");
    }
}
