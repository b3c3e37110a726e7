//! What waits in a turn, and the answers that are given through it.

use std::time::Duration;

use crate::common::{client, client_in, current, plan, seed, session, start};
use qoder::types::serde_json::{Value, json};
use qoder::types::{SessionId, ThreadId};
use qoder::{
    Answer, Approvals, Client, Dialect, ErrorKind, Event, Stop, ToolUse, Toolbox, Turn, Via,
    tools::{Decision, ToolKind, ToolTurn, UnknownTools},
};
use qoder_sim::Sim;

async fn next(turn: &mut Turn) -> Option<Event> {
    let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
    next.expect("in time").transpose().expect("an event")
}

async fn until_it_asks(turn: &mut Turn) {
    while turn.pending().is_empty() {
        next(turn).await.expect("not the end");
    }
}

/// The rest of the turn: the text of its messages.
async fn rest(turn: &mut Turn) -> String {
    let mut text = String::new();
    while let Some(event) = next(turn).await {
        assert!(turn.pending().is_empty(), "{:?}", turn.pending());
        if let Event::AgentMessage(message) = event {
            text.push_str(&message.text());
        }
    }
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
    text
}

fn allow(pending: &[ToolUse]) -> Vec<Answer> {
    pending.iter().map(ToolUse::allow).collect()
}

/// The bodies of the requests that sent answers.
fn answers_sent(sim: &Sim) -> Vec<(String, Value)> {
    let requests = sim.requests().into_iter();
    let sends =
        requests.filter(|request| request.method == "POST" && request.path.ends_with("/events"));
    sends
        .map(|request| {
            let key = request
                .header("idempotency-key")
                .unwrap_or_default()
                .to_owned();
            let body: Value = qoder::types::serde_json::from_slice(&request.body).expect("JSON");
            (key, body["events"].clone())
        })
        .filter(|(_, events)| events[0]["type"] != "user.message")
        .collect()
}

#[tokio::test]
async fn all_that_waits_is_answered_in_one_request() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        for allowed in [true, false] {
            let sim = start(builder.clone()).await;
            let client = client_in(&sim, dialect);
            let id = session(&client, "approval_two").await;
            let mut turn = client.session(&id).turn("Tidy up.").await.expect("a turn");
            until_it_asks(&mut turn).await;
            let pending = turn.pending();
            assert_eq!(pending.len(), 2);
            for (n, asked) in pending.iter().enumerate() {
                assert_eq!((asked.name(), asked.kind()), ("Bash", ToolKind::Builtin));
                assert_eq!(asked.input()["command"], format!("rm draft-{n}"));
                assert_eq!(asked.event().id(), Some(asked.id()));
            }
            let answer = |asked: &ToolUse| {
                if allowed {
                    asked.allow()
                } else {
                    asked.deny("no")
                }
            };
            let answers: Vec<Answer> = pending.iter().map(answer).collect();
            turn.respond(answers).await.expect("accepted");
            assert!(turn.pending().is_empty());
            let text = rest(&mut turn).await;
            assert_eq!(text.contains("gone"), allowed, "{text}");
            assert_eq!(answers_sent(&sim).len(), 1);
        }
    }
}

#[tokio::test]
async fn what_is_not_answered_waits_on() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval_two").await;
    let mut turn = client.session(&id).turn("Tidy up.").await.expect("a turn");
    until_it_asks(&mut turn).await;
    let second = turn.pending()[1].id().clone();
    turn.respond([turn.pending()[0].allow()])
        .await
        .expect("accepted");
    // The echo of the answer, and the pause for the rest.
    for _ in 0..3 {
        let waits: Vec<_> = turn.pending().iter().map(ToolUse::id).collect();
        assert_eq!(waits, [&second]);
        next(&mut turn).await.expect("an event");
    }
    turn.respond(allow(turn.pending())).await.expect("accepted");
    rest(&mut turn).await;
}

#[tokio::test]
async fn custom_tools_are_answered_with_results() {
    let sim = start(current()).await;
    let client = client(&sim);
    for failed in [false, true] {
        let id = session(&client, "custom_tool").await;
        let mut turn = client
            .session(&id)
            .turn("What time?")
            .await
            .expect("a turn");
        until_it_asks(&mut turn).await;
        let asked = &turn.pending()[0];
        assert_eq!((asked.name(), asked.kind()), ("lookup", ToolKind::Custom));
        let wrong = asked.allow();
        let answer = if failed {
            asked.error("no clock")
        } else {
            asked.result(json!({"hour": 12}))
        };
        let error = turn
            .respond([wrong])
            .await
            .expect_err("it is no permission");
        assert_eq!(error.kind(), ErrorKind::Input);
        turn.respond([answer]).await.expect("accepted");
        let said = if failed { "no clock" } else { r#"{"hour":12}"# };
        assert!(rest(&mut turn).await.contains(said));
        let (_, sent) = answers_sent(&sim).pop().expect("a request");
        assert_eq!(sent[0]["is_error"] == true, failed, "{sent}");
    }
}

#[tokio::test]
async fn an_answer_that_is_repeated_sends_nothing_and_one_that_fits_nothing_is_refused() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval_two").await;
    let mut turn = client.session(&id).turn("Tidy up.").await.expect("a turn");
    until_it_asks(&mut turn).await;
    let answers = allow(turn.pending());
    let twice = [answers[0].clone(), answers[0].clone()];
    let error = turn.respond(twice).await.expect_err("two answers");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("two answers"), "{error}");
    turn.respond(answers.clone()).await.expect("accepted");
    turn.respond(answers.clone()).await.expect("nothing to do");
    turn.respond([]).await.expect("nothing to do");
    assert_eq!(answers_sent(&sim).len(), 1);

    let other = session(&client, "approval").await;
    let mut other = client
        .session(&other)
        .turn("Tidy up.")
        .await
        .expect("a turn");
    until_it_asks(&mut other).await;
    let error = other.respond(answers).await.expect_err("of another turn");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(answers_sent(&sim).len(), 1, "nothing was sent");
}

/// What the agent asks for in a turn that is held: its events are the test's to publish.
async fn asked(sim: &Sim, client: &Client) -> (SessionId, Turn, Vec<String>) {
    let id = session(client, "answer").await;
    let turn = client.session(&id).turn("Go.").await.expect("a turn");
    let mut ids = Vec::new();
    for use_of in [
        json!({"type": "agent.tool_use", "name": "Bash", "input": {}, "evaluated_permission": "ask"}),
        json!({"type": "agent.mcp_tool_use", "name": "find", "mcp_server_name": "docs", "input": {}, "session_thread_id": "sthr_1"}),
    ] {
        let published = sim.publish(id.as_str(), use_of).expect("a session");
        ids.push(published["id"].as_str().expect("an id").to_owned());
    }
    sim.publish(id.as_str(), pause(&ids)).expect("a session");
    (id, turn, ids)
}

fn pause(ids: &[String]) -> Value {
    let reason = json!({"type": "requires_action", "event_ids": ids});
    json!({"type": "session.status_idle", "stop_reason": reason})
}

#[tokio::test]
async fn what_another_client_answered_waits_no_more() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let (id, mut turn, ids) = asked(&sim, &client).await;
    until_it_asks(&mut turn).await;
    let mcp = &turn.pending()[1];
    assert_eq!((mcp.server(), mcp.kind()), (Some("docs"), ToolKind::Mcp));
    assert_eq!(mcp.thread().map(ThreadId::as_str), Some("sthr_1"));
    let late = turn.pending()[0].deny("late");
    let answer =
        json!({"type": "user.tool_confirmation", "tool_use_id": ids[0], "result": "allow"});
    sim.publish(id.as_str(), answer).expect("a session");
    // What the session says of it is late.
    sim.publish(id.as_str(), pause(&ids)).expect("a session");
    for _ in 0..2 {
        next(&mut turn).await.expect("an event");
        let waits: Vec<_> = turn
            .pending()
            .iter()
            .map(|asked| asked.id().as_str())
            .collect();
        assert_eq!(waits, [&ids[1]]);
    }
    turn.respond([late]).await.expect("nothing to do");
    assert!(answers_sent(&sim).is_empty());
}

#[tokio::test]
async fn a_turn_that_is_resumed_knows_what_waits_with_its_events() {
    let sim = start(current().hold_turns(true)).await;
    let first = client(&sim);
    for seen in 0..=3 {
        let (id, mut turn, ids) = asked(&sim, &first).await;
        for _ in 0..seen {
            next(&mut turn).await.expect("an event");
        }
        let checkpoint = turn.checkpoint();
        drop(turn);
        let client = client(&sim);
        let mut turn = client
            .session(&id)
            .resume_turn(checkpoint)
            .await
            .expect("a turn");
        assert_eq!(turn.pending().is_empty(), seen < 3, "{seen}");
        until_it_asks(&mut turn).await;
        let pending: Vec<_> = turn
            .pending()
            .iter()
            .map(|asked| (asked.id().as_str(), asked.name()))
            .collect();
        assert_eq!(
            pending,
            [(ids[0].as_str(), "Bash"), (&ids[1], "find")],
            "after {seen}"
        );
    }
}

#[tokio::test]
async fn a_pause_is_not_passed_over_while_its_tool_uses_are_looked_up() {
    let sim = start(current().hold_turns(true)).await;
    let first = client(&sim);
    let (id, mut turn, _) = asked(&sim, &first).await;
    for _ in 0..2 {
        next(&mut turn).await.expect("an event");
    }
    let before = turn.checkpoint();
    let mut turn = first
        .session(&id)
        .resume_turn(before.clone())
        .await
        .expect("a turn");
    sim.inject(plan("call:stall"));
    let dropped = tokio::time::timeout(Duration::from_millis(300), turn.next()).await;
    assert!(dropped.is_err(), "the list stalls");
    assert_eq!(turn.checkpoint(), before, "it was not handed over");
    assert!(turn.pending().is_empty());
    drop(turn);
    sim.inject(plan(""));
    let mut turn = first
        .session(&id)
        .resume_turn(before)
        .await
        .expect("a turn");
    next(&mut turn).await.expect("the pause");
    assert_eq!(turn.pending().len(), 2);
}

#[tokio::test]
async fn a_use_that_is_nowhere_to_be_found_waits_all_the_same() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let mut turn = client.session(&id).turn("Go.").await.expect("a turn");
    sim.publish(id.as_str(), pause(&["evt_nowhere".to_owned()]))
        .expect("a session");
    until_it_asks(&mut turn).await;
    let asked = &turn.pending()[0];
    assert_eq!(
        (asked.id().as_str(), asked.kind()),
        ("evt_nowhere", ToolKind::Unknown)
    );
}

/// The rest of a turn, in which what is left to the caller is answered so.
async fn answered(turn: &mut ToolTurn<'_>, answer: impl Fn(&ToolUse) -> Answer) -> Vec<ToolKind> {
    let mut kinds = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
        match next.expect("in time") {
            Some(event) => event.expect("an event"),
            None => return kinds,
        };
        let left = turn.left();
        kinds.extend(left.iter().map(|asked| asked.kind()));
        let answers: Vec<Answer> = left.into_iter().map(&answer).collect();
        turn.respond(answers).await.expect("accepted");
    }
}

#[tokio::test]
async fn what_is_left_to_the_caller_is_there_with_the_pause() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        let sim = start(builder).await;
        let client = client_in(&sim, dialect);
        for (script, kinds) in [
            ("approval_two", vec![ToolKind::Builtin; 2]),
            ("custom_tool", vec![ToolKind::Custom]),
        ] {
            let id = session(&client, script).await;
            let opening = client.session(&id).turn("Go.").approve(Approvals::ask());
            let mut turn = opening.await.expect("a turn");
            let left = answered(&mut turn, |asked| match asked.kind() {
                ToolKind::Custom => asked.result("noon"),
                _ => asked.allow(),
            });
            assert_eq!(left.await, kinds, "{script}");
            assert_eq!(turn.turn().stop_reason(), Stop::EndTurn);
        }
    }
}

#[tokio::test]
async fn a_use_of_a_later_type_is_left_to_the_caller() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let toolbox = Toolbox::new().unknown(UnknownTools::AnswerWithError);
    let opening = client.session(&id).turn("Go.").tools(&toolbox);
    let anything = Approvals::ask().decide(|_| Decision::Allow);
    let mut turn = opening.approve(anything).await.expect("a turn");
    let later = json!({"type": "agent.browser_tool_use", "name": "click", "input": {"at": 1}});
    let published = sim.publish(id.as_str(), later).expect("a session");
    let used = published["id"].as_str().expect("an id").to_owned();
    sim.publish(id.as_str(), pause(std::slice::from_ref(&used)))
        .expect("a session");
    while turn.left().is_empty() {
        let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
        next.expect("in time").expect("no end").expect("an event");
    }
    let left = turn.left();
    assert_eq!((left[0].id().as_str(), left[0].name()), (&*used, "click"));
    assert_eq!(left[0].kind(), ToolKind::Unknown);
    assert!(answers_sent(&sim).is_empty());
}

#[tokio::test]
async fn answers_whose_acceptance_was_lost_are_sent_again_under_the_same_key() {
    let sim = start(current()).await;
    let first = client(&sim);
    let id = session(&first, "approval_two").await;
    let mut turn = first.session(&id).turn("Tidy up.").await.expect("a turn");
    until_it_asks(&mut turn).await;
    let checkpoint = turn.checkpoint();
    turn.respond(allow(turn.pending())).await.expect("accepted");
    drop(turn);
    // Another process knows nothing of it.
    let second = client(&sim);
    let mut turn = second
        .session(&id)
        .resume_turn(checkpoint)
        .await
        .expect("a turn");
    let mut answers = allow(turn.pending());
    answers.reverse();
    assert_eq!(answers.len(), 2);
    let again = turn.respond(answers).await;
    let sent = answers_sent(&sim);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].0, sent[1].0, "the keys");
    assert!(!sent[0].0.is_empty());
    again.expect("the same answers in another order");
    rest(&mut turn).await;
    let confirmations = sim.log(id.as_str());
    let confirmations = confirmations
        .iter()
        .filter(|event| event["type"] == "user.tool_confirmation");
    assert_eq!(confirmations.count(), 2);
}

#[tokio::test]
async fn a_turn_is_polled_and_cancelled() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let opening = client
        .session(&id)
        .turn("Think.")
        .via(Via::Polling(Duration::from_millis(5)));
    let mut turn = opening.await.expect("a turn");
    turn.cancel().await.expect("accepted");
    sim.release_turn();
    while next(&mut turn).await.is_some() {}
    assert_eq!(turn.stop_reason(), Stop::Cancelled);
}
