//! Replies: what they are when answers are given, and when something can't be read.

use std::time::Duration;

use crate::common::{client, current, session, start};
use qoder::types::SessionId;
use qoder::types::serde_json::{Value, json};
use qoder::{Error, ErrorKind, Event, Reply, Stop, Turn};
use qoder_sim::Sim;

async fn next(turn: &mut Turn) -> Event {
    let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
    next.expect("in time")
        .expect("not the end")
        .expect("an event")
}

async fn reply(turn: Turn) -> Result<Reply, Error> {
    let reply = tokio::time::timeout(Duration::from_secs(30), turn.reply()).await;
    reply.expect("in time")
}

#[tokio::test]
async fn a_reply_after_all_answers() {
    let sim = start(current()).await;
    let client = client(&sim);
    for answer_all in [true, false] {
        let id = session(&client, "approval_two").await;
        let conversation = client.session(&id);
        let mut turn = conversation.turn("Tidy up.").await.expect("a turn");
        let ids = loop {
            next(&mut turn).await;
            if let Stop::RequiresAction(ids) = turn.stop_reason() {
                break ids;
            }
        };
        conversation.approve(&ids[0]).await.expect("accepted");
        if answer_all {
            conversation.deny(&ids[1], "no").await.expect("accepted");
            let reply = reply(turn).await.expect("a reply");
            assert_eq!(*reply.stop_reason(), Stop::EndTurn);
            assert!(reply.text().contains("gone"), "{}", reply.text());
            continue;
        }
        // The other one comes later, from somebody else.
        let reply = tokio::spawn(reply(turn));
        while sim.log(id.as_str()).last().expect("a log")["type"] != "session.status_idle" {
            tokio::task::yield_now().await;
        }
        conversation.approve(&ids[1]).await.expect("accepted");
        let reply = reply.await.expect("no panic").expect("a reply");
        assert_eq!(*reply.stop_reason(), Stop::EndTurn);
    }
}

#[tokio::test]
async fn a_reply_after_the_result_of_a_tool() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "custom_tool").await;
    let conversation = client.session(&id);
    let mut turn = conversation.turn("What time is it?").await.expect("a turn");
    let call = loop {
        if let Event::AgentCustomToolUse(call) = next(&mut turn).await {
            break call.id.expect("an id");
        }
    };
    // Before the turn was seen to pause for it.
    conversation.answer(call, "noon").await.expect("accepted");
    let reply = reply(turn).await.expect("a reply");
    assert!(reply.text().contains("noon"), "{}", reply.text());
}

/// A session whose turn is held, so that its events are the test's to publish.
async fn a_held_turn<'v>(events: impl IntoIterator<Item = &'v Value>) -> (Sim, SessionId, Turn) {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let turn = client.session(&id).turn("Go.").await.expect("a turn");
    for event in events {
        sim.publish(id.as_str(), event.clone()).expect("a session");
    }
    (sim, id, turn)
}

#[tokio::test]
async fn what_can_t_be_read_ends_a_turn_all_the_same() {
    let other = |word: &str| Stop::Other(word.to_owned());
    let odd = json!(7);
    for (event, stop) in [
        (
            json!({"type": "session.status_idle", "stop_reason": 7}),
            other(""),
        ),
        (
            json!({"type": "session.status_idle", "stop_reason": ["end_turn"]}),
            other(""),
        ),
        (
            json!({"type": "session.status_idle", "stop_reason": {"type": 7}}),
            other(""),
        ),
        (
            json!({"type": "session.status_idle", "session_thread_id": odd, "stop_reason": {"type": "end_turn"}}),
            Stop::EndTurn,
        ),
        (
            json!({"type": "session.status_idle", "session_thread_id": odd, "stop_reason": {"type": "tea"}}),
            other("tea"),
        ),
        (
            json!({"type": "session.status_terminated", "session_thread_id": odd}),
            Stop::Terminated,
        ),
        (
            json!({"type": "session.deleted", "session_thread_id": odd}),
            Stop::Deleted,
        ),
        (
            json!({"type": "terminated", "reason": odd}),
            Stop::Terminated,
        ),
    ] {
        let (_sim, _id, mut turn) = a_held_turn([&event]).await;
        assert_eq!(next(&mut turn).await.type_name(), event["type"], "{event}");
        assert_eq!(turn.stop_reason(), stop, "{event}");
        assert!(turn.next().await.is_none(), "{event}");
    }
}

#[tokio::test]
async fn a_pause_that_can_t_be_read_is_no_success() {
    for event_ids in [json!(7), json!([7]), json!([]), json!(null)] {
        let reason = json!({"type": "requires_action", "event_ids": event_ids});
        for thread in [json!(7), json!(null)] {
            let pause = json!({"type": "session.status_idle", "session_thread_id": thread, "stop_reason": reason});
            let (_sim, _id, turn) = a_held_turn([&pause]).await;
            let error = reply(turn).await.expect_err("it asks");
            assert_eq!(error.kind(), ErrorKind::Turn, "{pause}");
            assert!(error.checkpoint().is_some(), "{pause}");
        }
    }
}

#[tokio::test]
async fn a_message_that_can_t_be_read_makes_the_reply_an_error_that_names_it() {
    let good = json!({"type": "agent.message", "content": [{"type": "text", "text": "One."}]});
    let bad = json!({"type": "agent.message", "id": "evt_bad", "content": 7});
    let end = json!({"type": "session.status_idle", "stop_reason": {"type": "end_turn"}});
    let (_sim, _id, turn) = a_held_turn([&good, &bad, &end]).await;
    let error = reply(turn).await.expect_err("half a reply");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("evt_bad"), "{error}");
    assert!(error.to_string().contains("end_turn"), "{error}");
    let raw: Value = qoder::types::serde_json::from_slice(error.body()).expect("JSON");
    assert_eq!(raw["content"], bad["content"]);
    assert!(error.checkpoint().is_some());
}
