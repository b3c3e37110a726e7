//! Scripts from a file: every step, what is wrong in one, and the scripts that are built in.

use std::time::Duration;

use crate::common::{Api, Frame, names, text};
use qoder_sim::Sim;
use serde_json::{Value, json};

async fn of(scripts: &Value) -> Sim {
    let builder = Sim::builder().pace(Duration::ZERO);
    let builder = builder.scripts(&scripts.to_string()).expect("scripts");
    builder.start().await.expect("a simulator")
}

/// Plays a turn to its end: what is asked is allowed, and tools of the client answer.
async fn play(api: &Api<'_>, session: &str, words: &str, permission: &str) -> Vec<Frame> {
    let path = format!("/sessions/{session}/events/stream");
    let mut stream = api.stream(&path, &[]).await;
    assert!(api.say(session, words).await.status < 300);
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let frame = stream.next().await.expect("another frame");
        frames.push(frame);
        let last = frames.last().expect("a frame");
        let reason = &last.data["stop_reason"];
        match last.event.as_str() {
            "session.status_terminated" => return frames,
            "session.status_idle" if reason["type"] != "requires_action" => return frames,
            "session.status_idle" => {
                let id = &reason["event_ids"][0];
                let used = frames.iter().find(|frame| frame.data["id"] == *id);
                let used = used.expect("its event");
                let answer = if used.event == "agent.custom_tool_use" {
                    let content = json!([{"type": "text", "text": "sunny"}]);
                    json!({"type": "user.custom_tool_result", "custom_tool_use_id": id,
                        "content": content})
                } else {
                    json!({"type": "user.tool_confirmation", "tool_use_id": id,
                        "result": permission})
                };
                assert_eq!(api.events(session, json!([answer])).await.status, 200);
            }
            _ => {}
        }
    }
}

fn said(frames: &[Frame]) -> Vec<String> {
    let messages = frames.iter().filter(|frame| frame.event == "agent.message");
    let texts = messages.map(|frame| text(&frame.data["content"][0]["text"]));
    texts.collect()
}

fn last(frames: &[Frame]) -> &str {
    let last = frames.last().expect("a frame");
    last.data["stop_reason"]["type"]
        .as_str()
        .unwrap_or(&last.event)
}

#[tokio::test]
async fn every_step_is_played() {
    let sim = of(&json!({"agents": {"tester": [
        "thinking",
        {"deltas": ["You ", "said {message}"]},
        {"tool_use": {"name": "Bash", "input": {"command": "ls"}, "result": "{message}.txt"}},
        {"tool_use": {"name": "get", "mcp_server": "web", "result": "404", "is_error": true}},
        {"custom_tool": {"name": "weather", "input": {"city": "Rome"}}},
        {"reply": "It is {result}, {not this}, {"},
        {"ask_approval": {"name": "rm", "result": "removed", "allowed": [{"reply": "gone"}],
            "denied": [{"reply": "kept"}]}},
        {"ask_all": [
            {"custom_tool": {"name": "weather"}},
            {"ask_approval": {"name": "post", "mcp_server": "web", "allowed": [{"reply": "posted"}]}},
        ]},
        {"error": {"message": "busy", "retry_status": "retrying", "type": "billing_error",
            "code": "7"}},
        {"delay_ms": 0},
        {"deliver": {"filename": "a.txt", "text": "for {message}"}},
        {"thread": {"agent": "writer", "message": "Write.", "steps": [{"reply": "I write."}],
            "answer": "Written."}},
        {"event": {"type": "session.updated", "title": "New"}},
        {"stop": "budget_reached"},
        {"reply": "never"},
    ]}}))
    .await;
    let api = Api::new(&sim);
    for (permission, about_it) in [("allow", &["gone", "posted"][..]), ("deny", &["kept"])] {
        let session = api.session("").await;
        let frames = play(&api, &session, "Hi", permission).await;
        let mut expected = vec!["You said Hi", "It is sunny, {not this}, {"];
        expected.extend(about_it);
        expected.push("I write.");
        assert_eq!(said(&frames), expected);
        assert_eq!(last(&frames), "budget_reached");
        for kind in [
            "agent.thinking",
            "agent.mcp_tool_result",
            "session.status_rescheduled",
            "agent.artifact_delivered",
            "session.thread_created",
            "agent.thread_message_sent",
            "session.updated",
        ] {
            assert!(names(&frames).contains(&kind), "{kind}");
        }
        let find = |kind: &str| {
            let found = frames.iter().find(|frame| frame.event == kind);
            &found.expect("an event").data
        };
        let result = find("agent.tool_result");
        assert_eq!(result["content"][0]["text"], "Hi.txt");
        let error = &find("session.error")["error"];
        assert_eq!(
            (&error["type"], &error["qoder_error_code"]),
            (&json!("billing_error"), &json!("7"))
        );
        assert_eq!(find("agent.artifact_delivered")["size"], "for Hi".len());
    }
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn each_turn_has_steps_or_there_is_a_default() {
    let sim = of(&json!({
        "agents": {"tester": {"turns": [[{"reply": "one"}], [{"reply": "two"}, "terminate"]]}},
        "default": "exhausted",
    }))
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let first = play(&api, &session, "a", "allow").await;
    let second = play(&api, &session, "b", "allow").await;
    assert_eq!([said(&first), said(&second)], [["one"], ["two"]]);
    assert_eq!(last(&second), "session.status_terminated");
    let agent = json!({"name": "another", "model": "ultimate"});
    let agent = api.post("/agents", agent).await.json();
    let session = json!({"agent": agent["id"], "environment_id": api.environment().await});
    let session = text(&api.post("/sessions", session).await.json()["id"]);
    let frames = play(&api, &session, "a", "allow").await;
    assert_eq!(last(&frames), "retries_exhausted");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    for (file, what, place) in [
        ("{", "EOF", "line 1"),
        (
            "{\n \"agent\": {}}",
            "unknown field `agent`, expected `agents` or `default`",
            "line 2",
        ),
        (
            "{\"agents\": {\"a\": [\n\n{\"say\": \"x\"}]}}",
            "unknown variant `say`, expected one of `reply`",
            "line 3 column 6",
        ),
        (
            "{\"agents\": {\"a\": [\n{\"tool_use\": {\"name\": \"x\",\n\"output\": 1}}]}}",
            "unknown field `output`, expected one of `name`",
            "line 3 column 8",
        ),
        (
            "{\"agents\": {\"a\":\n\"aproval\"}}",
            "there is no script \"aproval\", but answer, deliver,",
            "line 2",
        ),
        (
            "{\"default\": {\"turn\": []}}",
            "unknown field `turn`, expected `turns`",
            "line 1",
        ),
        (
            "{\"default\": {\"turns\": []}}",
            "must not be empty",
            "line 1",
        ),
        (
            "{\"default\": 7}",
            "expected a list of steps",
            "line 1 column 13",
        ),
        (
            "{\"default\": [{\"error\": {\"retry_status\": \"again\"}}]}",
            "expected one of `retrying`, `exhausted`, `terminal`",
            "line 1",
        ),
        (
            "{\"default\": [{\"tool_use\": {}}]}",
            "missing field `name`",
            "line 1",
        ),
    ] {
        let refused = Sim::builder().scripts(file).expect_err(file).to_string();
        assert!(refused.contains(what), "{file}: {refused}");
        assert!(refused.contains(place), "{file}: {refused}");
    }
}

#[test]
fn the_file_of_the_readme_is_one() {
    let readme = include_str!("../../README.md");
    let (_, block) = readme.split_once("```json\n").expect("a block of JSON");
    let (json, _) = block.split_once("```").expect("its end");
    let _ = Sim::builder().scripts(json).expect("scripts");
}

/// The life cycles of turns, as they are documented; in each event `requires_action` is answered.
#[tokio::test]
async fn what_is_built_in_comes_to_its_end() {
    let sim = Sim::builder().pace(Duration::ZERO);
    let sim = sim.start().await.expect("a simulator");
    let api = Api::new(&sim);
    for (script, end, kind) in [
        ("answer", "end_turn", "agent.message"),
        ("deliver", "end_turn", "agent.message"),
        ("thinking_and_tools", "end_turn", "agent.tool_result"),
        ("mcp_tool", "end_turn", "agent.mcp_tool_result"),
        ("approval", "end_turn", "user.tool_confirmation"),
        ("approval_two", "end_turn", "user.tool_confirmation"),
        ("custom_tool", "end_turn", "user.custom_tool_result"),
        (
            "custom_tool_and_approval",
            "end_turn",
            "user.custom_tool_result",
        ),
        ("multi_agent", "end_turn", "agent.thread_message_received"),
        ("fail_and_recover", "end_turn", "session.status_rescheduled"),
        ("exhausted", "retries_exhausted", "session.error"),
        ("budget_reached", "budget_reached", "agent.message"),
        ("terminated", "session.status_terminated", "session.error"),
    ] {
        let session = api.session(script).await;
        let frames = play(&api, &session, "Hi", "allow").await;
        assert_eq!(last(&frames), end, "{script}");
        assert!(
            names(&frames).contains(&kind),
            "{script}: {:?}",
            names(&frames)
        );
    }
    let session = api.session("custom_tool_and_approval").await;
    let frames = play(&api, &session, "Hi", "allow").await;
    assert_eq!(said(&frames), ["sunny It is written down."]);
    let frames = play(&api, &session, "Hi", "deny").await;
    assert_eq!(said(&frames), ["sunny It is not written down."]);
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn a_script_that_there_is_not_is_said_and_noted() {
    let sim = Sim::start().await.expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("aproval").await;
    let frames = play(&api, &session, "Hi", "allow").await;
    assert_eq!(last(&frames), "retries_exhausted");
    let unexpected = sim.unexpected();
    let [why] = unexpected.as_slice() else {
        panic!("one in {unexpected:?}")
    };
    assert!(
        why.contains("\"aproval\" is none of answer, deliver,"),
        "{why}"
    );
}
