//! Every fault, as a client meets it.

use std::time::Duration;

use crate::common::{Answer, Api, End, names, quick, text};
use qoder_sim::{Fault, Plan, Sim, Target};
use serde_json::{Value, json};
use tokio::time::timeout;

async fn with(plan: &str) -> Sim {
    let sim = quick().await;
    sim.inject(plan.parse().expect("a plan"));
    sim
}

async fn call(plan: &str) -> hyper::Result<Answer> {
    let sim = with(plan).await;
    Api::new(&sim)
        .send("GET", "/models", &[], &Value::Null)
        .await
}

/// A session with one turn behind it, and the ids of its events.
async fn history(sim: &Sim) -> (String, Vec<String>) {
    let api = Api::new(sim);
    let session = api.session("answer").await;
    let mut stream = api
        .stream(&format!("/sessions/{session}/events/stream"), &[])
        .await;
    api.say(&session, "Hello!").await;
    let frames = stream.until("session.status_idle").await;
    (session, frames.into_iter().map(|frame| frame.id).collect())
}

/// A stream with this fault that goes on after the first event of a turn.
async fn stream(fault: Fault) -> (crate::common::Stream, Sim, Vec<String>) {
    let sim = quick().await;
    let (session, ids) = history(&sim).await;
    sim.inject(Plan::new().then(Target::Stream, fault));
    let path = format!("/sessions/{session}/events/stream");
    let stream = Api::new(&sim)
        .stream(&path, &[("last-event-id", &ids[0])])
        .await;
    (stream, sim, ids)
}

#[tokio::test]
async fn calls_without_an_answer() {
    assert!(call("reset").await.is_err());
    let sim = with("call:stall").await;
    let api = Api::new(&sim);
    assert!(
        timeout(Duration::from_millis(50), api.get("/models"))
            .await
            .is_err()
    );
    assert_eq!(api.get("/models").await.status, 200);
}

#[tokio::test]
async fn a_reset_does_nothing_and_a_cut_does_it_all() {
    let sim = with("call:reset,call:cut=10").await;
    let api = Api::new(&sim);
    let body = json!({"name": "n", "model": "ultimate"});
    assert!(api.send("POST", "/agents", &[], &body).await.is_err());
    assert!(api.send("POST", "/agents", &[], &body).await.is_err());
    assert_eq!(
        api.get("/agents").await.json()["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let statuses: Vec<u16> = sim
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [0, 200, 200]);
}

#[tokio::test]
async fn statuses() {
    let answer = call("status=503;retry-after=1.5").await.expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1.5"));
    assert_eq!(answer.json()["type"], "error");
    assert!(answer.json()["request_id"].is_string());
    let answer = call("status=429").await.expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (429, ""));
    let answer = call("flat-401").await.expect("an answer");
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (401, &json!("TOKEN_INVALID"))
    );
}

#[tokio::test]
async fn damaged_documents() {
    let whole = call("none").await.expect("an answer");
    for plan in ["split", "drip=0"] {
        assert_eq!(call(plan).await.expect("an answer").body, whole.body);
    }
    let empty = call("empty").await.expect("an answer");
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    let nothing = call("no-content").await.expect("an answer");
    assert_eq!((nothing.status, nothing.body.len()), (204, 0));
    let typed = call("content-type=text/plain").await.expect("an answer");
    assert_eq!(
        (typed.header("content-type"), &typed.body),
        ("text/plain", &whole.body)
    );
    let html = call("html").await.expect("an answer");
    assert!(html.status == 200 && html.body.starts_with(b"<!doctype html>"));
    assert!(html.header("content-type").starts_with("text/html"));
    let half = call("truncate").await.expect("an answer");
    assert_eq!(half.body[..], whole.body[..whole.body.len() / 2]);
    let large = call("oversize=200000").await.expect("an answer");
    assert_eq!(large.body.len(), 200_000);
    assert!(std::str::from_utf8(&call("not-utf8").await.expect("an answer").body).is_err());
}

#[tokio::test]
async fn streams_that_break_off() {
    let (mut cut, _sim, ids) = stream(Fault::CutFrames(2)).await;
    let (frames, end) = cut.rest().await;
    assert_eq!(end, End::Cut);
    assert_eq!(
        frames.iter().map(|frame| &frame.id).collect::<Vec<_>>(),
        [&ids[1], &ids[2]]
    );

    let (mut cut, _sim, _) = stream(Fault::Cut(5)).await;
    assert_eq!(cut.rest().await, (vec![], End::Cut));
    let (mut ended, _sim, _) = stream(Fault::EndFrames(2)).await;
    let (frames, end) = ended.rest().await;
    assert_eq!((frames.len(), end), (2, End::Ended));
    let (mut stalled, _sim, _) = stream(Fault::StallFrames(1)).await;
    assert!(stalled.next().await.is_ok());
    assert!(
        timeout(Duration::from_millis(50), stalled.next())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn streams_in_pieces() {
    for fault in [Fault::Split, Fault::Drip(Duration::from_micros(10))] {
        let (mut stream, _sim, ids) = stream(fault).await;
        let frames = stream.until("session.status_idle").await;
        assert_eq!(frames.len(), ids.len() - 1);
    }
}

#[tokio::test]
async fn streams_that_are_none() {
    for (fault, status, content_type) in [
        (Fault::Html, 200, "text/html"),
        (Fault::Json, 200, "application/json"),
        (Fault::ContentType("text/plain".into()), 200, "text/plain"),
        (Fault::Empty, 200, "text/event-stream"),
        (Fault::NoContent, 204, ""),
        (Fault::RejectCursor, 400, "application/json"),
        (Fault::Flat401, 401, "application/json"),
        (
            Fault::Status {
                status: 502,
                retry_after: None,
            },
            502,
            "application/json",
        ),
    ] {
        let (stream, _sim, _) = stream(fault.clone()).await;
        let given = stream
            .headers
            .get("content-type")
            .map_or("", |value| value.to_str().expect("text"));
        assert_eq!(stream.status, status, "{fault:?}");
        assert!(given.starts_with(content_type), "{fault:?}: {given}");
    }
}

#[tokio::test]
async fn streams_of_something_else() {
    let (mut large, _sim, _) = stream(Fault::Oversize(100_000)).await;
    assert_eq!(large.rest().await, (vec![], End::Ended));
    assert_eq!(large.unread().len(), 100_000);
    let (broken, _sim, _) = stream(Fault::NotUtf8).await;
    assert!(std::str::from_utf8(&broken.bytes().await).is_err());
}

#[tokio::test]
async fn a_stream_may_say_things_twice() {
    let sim = quick().await;
    let (session, ids) = history(&sim).await;
    sim.inject(Plan::new().then(Target::Stream, Fault::Replay(2)));
    let path = format!("/sessions/{session}/events/stream");
    let mut stream = Api::new(&sim)
        .stream(&path, &[("last-event-id", &ids[3])])
        .await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(
        frames
            .iter()
            .map(|frame| frame.id.clone())
            .collect::<Vec<_>>(),
        ids[2..]
    );
    assert_eq!(names(&frames).last(), Some(&"session.status_idle"));
}

#[tokio::test]
async fn faults_go_by_their_targets() {
    let sim = with("stream:status=500,call:status=503*2").await;
    let api = Api::new(&sim);
    assert_eq!(api.get("/models").await.status, 503);
    assert_eq!(api.get("/models").await.status, 503);
    let session = api.session("answer").await;
    let path = format!("/sessions/{}/events/stream", text(&json!(session)));
    assert_eq!(api.stream(&path, &[]).await.status, 500);
    assert_eq!(api.stream(&path, &[]).await.status, 200);
}
