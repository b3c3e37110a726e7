//! Scripts of a test's own: what they are told, and what they do.

mod ends;
mod questions;

use std::time::Duration;

use crate::common::{Api, Frame, Stream, names, text};
use qoder_sim::{Builder, Dialect, Sim, ToolOutput, Turn};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);

fn builder() -> Builder {
    Sim::builder().pace(Duration::ZERO)
}

/// A simulator whose agents all do this.
async fn playing<F, Fut>(script: F) -> Sim
where
    F: Fn(Turn) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let builder = builder().agent("tester", script);
    builder.start().await.expect("a simulator")
}

async fn open(api: &Api<'_>, session: &str) -> Stream {
    let path = format!("/sessions/{session}/events/stream");
    api.stream(&path, &[]).await
}

/// Says something, and has what comes until the session is idle.
async fn turn(api: &Api<'_>, session: &str, words: &str) -> Vec<Frame> {
    let mut stream = open(api, session).await;
    assert_eq!(api.say(session, words).await.status, 200);
    stream.until("session.status_idle").await
}

fn reason(frames: &[Frame]) -> &Value {
    &frames.last().expect("a frame").data["stop_reason"]
}

fn find<'a>(frames: &'a [Frame], event: &str) -> &'a Value {
    let mut frames = frames.iter();
    let found = frames.find(|frame| frame.event == event);
    &found.unwrap_or_else(|| panic!("no {event}")).data
}

fn said(frames: &[Frame]) -> Vec<String> {
    let messages = frames.iter().filter(|frame| frame.event == "agent.message");
    messages
        .map(|frame| text(&frame.data["content"][0]["text"]))
        .collect()
}

fn allow(tool: &Value) -> Value {
    json!([{"type": "user.tool_confirmation", "tool_use_id": tool, "result": "allow"}])
}

fn result(tool: &Value, words: &str) -> Value {
    json!([{
        "type": "user.custom_tool_result", "custom_tool_use_id": tool,
        "content": [{"type": "text", "text": words}],
    }])
}

#[tokio::test]
async fn a_script_is_told_what_there_is_to_know() {
    let sim = playing(|turn| async move {
        let (session, agent) = (turn.session(), turn.agent());
        assert_eq!(session["id"], turn.session_id());
        assert_eq!(session["agent"], agent);
        assert_eq!(agent["name"], "tester");
        assert_eq!(turn.received().len(), turn.number());
        assert!(turn.log().len() > turn.received().len() && turn.results().is_empty());
        turn.reply(format!("{}: {}", turn.number(), turn.message()))
            .await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    assert_eq!(said(&turn(&api, &session, "Hello!").await), ["1: Hello!"]);
    // The second turn has an outcome beside its message.
    let outcome = json!([{
        "type": "user.define_outcome", "description": "d",
        "rubric": {"type": "text", "content": "r"},
    }]);
    assert_eq!(api.events(&session, outcome).await.status, 200);
    assert_eq!(said(&turn(&api, &session, "Again!").await), ["2: Again!"]);
    assert_eq!(sim.messages(&session), ["Hello!", "Again!"]);
    assert_eq!(sim.sessions(), [session]);
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn scripts_are_for_a_name_an_id_or_all_others() {
    let says = |words: &'static str| move |turn: Turn| async move { turn.reply(words).await };
    let builder = builder()
        .agent("tester", says("by name"))
        .default_agent(says("by default"));
    let sim = builder.start().await.expect("a simulator");
    let api = Api::new(&sim);
    let environment = api.environment().await;
    let mut got = Vec::new();
    for (name, metadata, by_id) in [
        ("tester", json!({"simulate": "exhausted"}), false),
        ("tester", json!({}), true),
        ("another", json!({}), false),
        ("another", json!({"simulate": "answer"}), false),
    ] {
        let agent = json!({"name": name, "model": "ultimate", "metadata": metadata});
        let agent = text(&api.post("/agents", agent).await.json()["id"]);
        if by_id {
            sim.set_agent(&agent, says("by id"));
        }
        let session = json!({"agent": agent, "environment_id": environment});
        let session = text(&api.post("/sessions", session).await.json()["id"]);
        got.append(&mut said(&turn(&api, &session, "Who?").await));
    }
    let built_in = "This is the simulator, and no model: you said \"Who?\".";
    assert_eq!(got, ["by name", "by id", "by default", built_in]);
}

#[tokio::test]
async fn a_message_comes_in_the_pieces_of_the_script() {
    let sim = playing(|turn| async move {
        turn.thinking().await;
        turn.deltas(["Hel", "lo ", "there"]).await;
        turn.tool_use("Bash", json!({"command": "ls"}), "a\nb")
            .await;
        let failed = ToolOutput::error("no such page");
        turn.mcp_tool_use("web", "fetch", json!({}), failed).await;
        turn.reply("Bye").await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let path = format!(
        "/sessions/{session}/events/stream?event_deltas[]=agent.message&event_deltas[]=agent.thinking"
    );
    let mut previewed = api.stream(&path, &[]).await;
    let frames = turn(&api, &session, "Hello!").await;
    assert_eq!(
        names(&frames),
        [
            "session.status_running",
            "session.thread_status_running",
            "user.message",
            "span.model_request_start",
            "agent.thinking",
            "agent.message",
            "agent.tool_use",
            "span.model_request_end",
            "agent.tool_result",
            "span.model_request_start",
            "agent.mcp_tool_use",
            "span.model_request_end",
            "agent.mcp_tool_result",
            "span.model_request_start",
            "agent.message",
            "span.model_request_end",
            "session.thread_status_idle",
            "session.usage",
            "session.status_idle",
        ]
    );
    assert_eq!(reason(&frames), &json!({"type": "end_turn"}));
    assert_eq!(said(&frames), ["Hello there", "Bye"]);
    let mcp = find(&frames, "agent.mcp_tool_use");
    assert_eq!(
        (&mcp["mcp_server_name"], &mcp["evaluated_permission"]),
        (&json!("web"), &json!("allow"))
    );
    let gave = find(&frames, "agent.mcp_tool_result");
    assert_eq!(gave["mcp_tool_use_id"], mcp["id"]);
    assert_eq!(gave["is_error"], true);
    let gave = find(&frames, "agent.tool_result");
    assert_eq!(gave["content"][0]["text"], "a\nb");
    let previewed = previewed.until("session.status_idle").await;
    let pieces = previewed
        .iter()
        .filter(|frame| frame.event == "event_delta");
    let pieces: Vec<String> = pieces
        .map(|frame| text(&frame.data["delta"]["content"]["text"]))
        .collect();
    assert_eq!(pieces, ["Hel", "lo ", "there", "Bye"]);
}

#[tokio::test]
async fn the_first_generation_has_its_own_life_cycle() {
    let builder = builder().dialect(Dialect::Seed);
    let builder = builder.agent("tester", |turn| async move {
        turn.reply(turn.message()).await;
    });
    let sim = builder.start().await.expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("").await;
    let hello = json!([{"type": "user.message", "content": "Hello!"}]);
    api.events(&session, hello).await;
    let frames = open(&api, &session)
        .await
        .until("session.status_idle")
        .await;
    assert_eq!(
        names(&frames),
        [
            "user.message",
            "session.status_rescheduled",
            "agent.message",
            "session.status_idle"
        ]
    );
    assert_eq!(said(&frames), ["Hello!"]);
}

#[tokio::test]
async fn the_simulators_clock_ends_a_delay() {
    let sim = playing(|turn| async move {
        turn.reply("One moment.").await;
        turn.delay(Duration::from_secs(3600)).await;
        turn.reply("Here I am.").await;
        turn.stop("budget_reached").await;
        turn.reply("Nobody hears this.").await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "Come here.").await;
    stream.until("agent.message").await;
    sim.advance(Duration::from_secs(3599));
    assert_eq!(api.status(&session).await, "running");
    sim.advance(Duration::from_secs(1));
    let frames = stream.until("session.status_idle").await;
    assert_eq!(said(&frames), ["Here I am."]);
    assert_eq!(reason(&frames)["type"], "budget_reached");
}

#[tokio::test]
async fn files_are_delivered() {
    let sim = playing(|turn| async move {
        let id = turn.deliver("report.csv", "text/csv", "a,b\n").await;
        turn.reply(id).await;
        turn.terminate().await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "A report, please.").await;
    let frames = stream.until("session.status_terminated").await;
    let delivered = find(&frames, "agent.artifact_delivered");
    assert_eq!(delivered["original_filename"], "report.csv");
    let id = text(&delivered["file_id"]);
    assert_eq!(said(&frames), [id.as_str()]);
    let link = api.get(&format!("/files/{id}/content")).await.json();
    let url = text(&link["url"]);
    let path = &url[url.find("/storage/").expect("a path")..];
    let storage = Api {
        sim: &sim,
        token: "",
    };
    assert_eq!(storage.get(path).await.body, "a,b\n");
}

#[tokio::test]
async fn agents_work_in_threads() {
    let sim = playing(|turn| async move {
        let researcher = turn.thread("researcher").await;
        turn.tell(&researcher, "Find it.").await;
        researcher.thinking().await;
        let input = json!({"pattern": "it"});
        let answer = researcher.ask_approval("Grep", input).await;
        researcher.tool_result(&answer, "line 7").await;
        researcher.tell(&turn, "Line 7.").await;
        researcher.idle().await;
        // It works again, and rests with the turn.
        turn.tell(&researcher, "Thanks.").await;
        turn.reply("In line 7.").await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "Find it.").await;
    let asked = stream.until("session.status_idle").await;
    let thread = find(&asked, "session.thread_created")["session_thread_id"].clone();
    let used = find(&asked, "agent.tool_use");
    assert_eq!(used["session_thread_id"], thread);
    api.events(&session, allow(&used["id"])).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(said(&frames), ["In line 7."]);

    let thread = text(&thread);
    let path = format!("/sessions/{session}/threads/{thread}");
    assert_eq!(api.get(&path).await.json()["status"], "idle");
    let log = api.get(&format!("{path}/events")).await.json();
    let events = log["data"].as_array().expect("events").iter();
    let kinds: Vec<&str> = events
        .clone()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "session.thread_created",
            "session.thread_status_running",
            "agent.thread_message_received",
            "span.model_request_start",
            "agent.thinking",
            "agent.tool_use",
            "span.model_request_end",
            "session.thread_status_idle",
            "session.thread_status_running",
            "agent.tool_result",
            "agent.thread_message_sent",
            "session.thread_status_idle",
            "session.thread_status_running",
            "agent.thread_message_received",
            "session.thread_status_idle",
        ]
    );
    let received = find(&asked, "agent.thread_message_received");
    assert_eq!(received["from_agent_name"], "tester");
    let sent = events
        .clone()
        .find(|event| event["type"] == "agent.thread_message_sent");
    let sent = sent.expect("a message");
    assert_eq!(
        sent["to_session_thread_id"],
        received["from_session_thread_id"]
    );
    assert_eq!(sent["to_agent_name"], "tester");
}
