//! Scripts that ask the client: for the results of custom tools, and for approvals.

use super::{allow, find, open, playing, reason, result, said};
use crate::common::{Api, names};
use qoder_sim::ToolUse;
use serde_json::json;

#[tokio::test]
async fn custom_tools_wait_for_their_results() {
    let sim = playing(|turn| async move {
        let first = turn.custom_tool("weather", json!({"city": "Rome"})).await;
        assert!(!first.is_error() && !first.is_allowed());
        let second = turn.custom_tool("weather", json!({"city": "Oslo"})).await;
        assert!(second.is_error());
        assert_eq!(turn.results().len(), 2);
        assert_eq!(second.event()["custom_tool_use_id"], second.tool_use_id());
        turn.reply(format!("{} {}", first.text(), second.text()))
            .await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "Weather?").await;
    let frames = stream.until("session.status_idle").await;
    let used = find(&frames, "agent.custom_tool_use");
    assert_eq!(used["input"], json!({"city": "Rome"}));
    assert_eq!(reason(&frames)["type"], "requires_action");
    assert_eq!(reason(&frames)["event_ids"], json!([used["id"]]));
    api.events(&session, result(&used["id"], "sun")).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(
        names(&frames)[..3],
        [
            "user.custom_tool_result",
            "session.status_running",
            "session.thread_status_running"
        ]
    );
    let mut failed = result(&find(&frames, "agent.custom_tool_use")["id"], "snow?");
    failed[0]["is_error"] = json!(true);
    api.events(&session, failed).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(said(&frames), ["sun snow?"]);
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn approvals_are_given_or_denied_with_a_reason() {
    let sim = playing(|turn| async move {
        let input = json!({"command": "rm -r draft"});
        let answer = turn.ask_approval("Bash", input).await;
        if answer.is_allowed() {
            turn.tool_result(&answer, "removed").await;
            turn.reply("It is gone.").await;
        } else {
            let why = answer.deny_message().unwrap_or("you say no");
            turn.reply(format!("I leave it: {why}.")).await;
        }
    })
    .await;
    let api = Api::new(&sim);
    for (answer, output, is_error, last) in [
        (json!({"result": "allow"}), "removed", false, "It is gone."),
        (
            json!({"result": "deny", "deny_message": "it is good"}),
            "denied: it is good",
            true,
            "I leave it: it is good.",
        ),
        (
            json!({"result": "deny"}),
            "denied: no reason given",
            true,
            "I leave it: you say no.",
        ),
    ] {
        let session = api.session("").await;
        let mut stream = open(&api, &session).await;
        api.say(&session, "Tidy up.").await;
        let frames = stream.until("session.status_idle").await;
        let used = find(&frames, "agent.tool_use");
        assert_eq!(used["evaluated_permission"], "ask");
        let mut answer = answer;
        answer["type"] = json!("user.tool_confirmation");
        answer["tool_use_id"] = used["id"].clone();
        assert_eq!(api.events(&session, json!([answer])).await.status, 200);
        let frames = stream.until("session.status_idle").await;
        let gave = find(&frames, "agent.tool_result");
        assert_eq!(
            (&gave["content"][0]["text"], &gave["is_error"]),
            (&json!(output), &json!(is_error))
        );
        assert_eq!(said(&frames), [last]);
    }
}

#[tokio::test]
async fn several_are_asked_at_once_and_answered_one_by_one() {
    let sim = playing(|turn| async move {
        let asked = [
            ToolUse::custom("weather", json!({"city": "Rome"})),
            ToolUse::mcp("web", "post", json!({})),
            ToolUse::tool("Write", json!({})),
        ];
        let answers = turn.ask_all(asked).await;
        for answer in &answers[1..] {
            assert!(answer.is_allowed());
            turn.tool_result(answer, "ok").await;
        }
        turn.reply(answers[0].text()).await;
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "Go.").await;
    let frames = stream.until("session.status_idle").await;
    let ids = reason(&frames)["event_ids"].clone();
    let kinds = [
        "agent.custom_tool_use",
        "agent.mcp_tool_use",
        "agent.tool_use",
    ];
    assert_eq!(ids, json!(kinds.map(|kind| &find(&frames, kind)["id"])));
    // Answered from the last to the first.
    for (answer, left) in [
        (allow(&ids[2]), json!([ids[0], ids[1]])),
        (allow(&ids[1]), json!([ids[0]])),
    ] {
        assert_eq!(api.events(&session, answer).await.status, 200);
        let frames = stream.until("session.status_idle").await;
        assert_eq!(reason(&frames)["event_ids"], left);
    }
    api.events(&session, result(&ids[0], "sun")).await;
    let frames = stream.until("session.status_idle").await;
    assert_eq!(said(&frames), ["sun"]);
    assert_eq!(
        find(&frames, "agent.mcp_tool_result")["mcp_tool_use_id"],
        ids[1]
    );
    assert_eq!(find(&frames, "agent.tool_result")["tool_use_id"], ids[2]);
    assert_eq!(sim.unexpected(), [""; 0]);
}
