//! Turns that are stored, and gone on with by a client that knows nothing else.

use std::time::Duration;

use crate::common::{client, client_in, current, plan, seed, session, start};
use qoder::types::serde_json::{Value, from_str, json};
use qoder::types::{EventId, SessionId};
use qoder::{Checkpoint, Client, Dialect, ErrorKind, Event, Stop, Turn, Via};
use qoder_sim::Sim;

async fn next(turn: &mut Turn) -> Option<Event> {
    let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
    next.expect("in time").transpose().expect("an event")
}

/// The ids of the rest.
async fn rest(turn: &mut Turn) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(event) = next(turn).await {
        ids.push(event.id().expect("an id").to_string());
    }
    ids
}

/// What comes after the last message in the log.
fn of_the_turn(sim: &Sim, session: &SessionId) -> Vec<Value> {
    let log = sim.log(session.as_str());
    let last = log
        .iter()
        .rposition(|event| event["type"] == "user.message");
    log[last.expect("a message") + 1..].to_vec()
}

fn ids(events: &[Value]) -> Vec<String> {
    let id = |event: &Value| event["id"].as_str().expect("an id").to_owned();
    events.iter().map(id).collect()
}

/// A client as of another process.
async fn resumed(sim: &Sim, dialect: Dialect, id: &SessionId, checkpoint: &Checkpoint) -> Turn {
    let client = client_in(sim, dialect);
    let stored = checkpoint.to_string();
    let opening = client.session(id).resume_turn(stored);
    opening.await.expect("a turn")
}

#[tokio::test]
async fn a_turn_is_gone_on_with_after_each_of_its_events() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        for script in ["thinking_and_tools", "fail_and_recover", "exhausted"] {
            let sim = start(builder.clone()).await;
            let client = client_in(&sim, dialect);
            let id = session(&client, script).await;
            let mut turn = client.session(&id).turn("Hello!").await.expect("a turn");
            let mut checkpoints = vec![turn.checkpoint()];
            let mut messages = vec![String::new()];
            while let Some(event) = next(&mut turn).await {
                checkpoints.push(turn.checkpoint());
                messages.push(match event {
                    Event::AgentMessage(message) => message.text().into_owned(),
                    _ => String::new(),
                });
            }
            // Another turn is no part of it, and is there when it is gone on with.
            let opening = client.session(&id).turn("And now?");
            rest(&mut opening.await.expect("a turn")).await;
            let log = sim.log(id.as_str());
            let second = log
                .iter()
                .rposition(|event| event["type"] == "user.message");
            let first = log.iter().position(|event| event["type"] == "user.message");
            let first = first.expect("a message") + 1;
            let whole = &log[first..second.expect("a message")];
            let whole = &ids(whole)[..checkpoints.len() - 1];
            for (k, checkpoint) in checkpoints.iter().enumerate() {
                let mut again = resumed(&sim, dialect, &id, checkpoint).await;
                assert_eq!(again.message_id(), turn.message_id());
                assert_eq!(rest(&mut again).await, whole[k..], "{script} after {k}");
                assert_eq!(
                    again.stop_reason(),
                    turn.stop_reason(),
                    "{script} after {k}"
                );
                let error = |turn: &Turn| turn.error().map(|error| error.raw().to_owned());
                assert_eq!(error(&again), error(&turn), "{script} after {k}");
                assert!(next(&mut again).await.is_none());

                let again = resumed(&sim, dialect, &id, checkpoint).await;
                let text: Vec<&str> = messages[k + 1..].iter().map(String::as_str).collect();
                let text: Vec<&str> = text.into_iter().filter(|text| !text.is_empty()).collect();
                let came = match again.reply().await {
                    Ok(reply) => reply.text(),
                    Err(error) => error.reply().expect("half a reply").text(),
                };
                assert_eq!(came, text.join("\n"));
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_checkpoint_of_this_turn_is_refused() {
    let sim = start(current()).await;
    let client = client(&sim);
    let (one, two) = (
        session(&client, "answer").await,
        session(&client, "answer").await,
    );
    let turn = client.session(&one).turn("Hello!").await.expect("a turn");
    let checkpoint = turn.checkpoint().to_string();
    let followed = format!(r#"{{"session":"{one}","after":"evt_1"}}"#);
    let before = sim.requests().len();
    let broken = &checkpoint[..checkpoint.len() - 1];
    for (session, text, word) in [
        (&two, checkpoint.as_str(), "of the session"),
        (&one, "", "never stored"),
        (&one, "evt_1", "id of an event"),
        (&one, "{}", "session"),
        (&one, "null", "never stored"),
        (&one, broken, "no checkpoint"),
        (&one, &followed, "follow().after"),
    ] {
        let error = client.session(session).resume_turn(text).await;
        let error = error.map(|_| ()).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Input, "{text}: {error}");
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
    assert_eq!(sim.requests().len(), before, "nothing was sent");
    // What a later release writes into it is passed over.
    let mut value: Value = from_str(&checkpoint).expect("JSON");
    value["of_tomorrow"] = json!(true);
    let turn = client.session(&one).resume_turn(value.to_string()).await;
    turn.expect("a turn").into_text().await.expect("a text");
}

/// Reads up to where the agent asks.
async fn until_it_asks(turn: &mut Turn) -> Vec<EventId> {
    loop {
        next(turn).await.expect("an event");
        if let Stop::RequiresAction(ids) = turn.stop_reason() {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_paused_turn_still_knows_what_it_waits_for() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval_two").await;
    let conversation = client.session(&id);
    let mut turn = conversation.turn("Tidy up.").await.expect("a turn");
    let asked = until_it_asks(&mut turn).await;
    assert_eq!(asked.len(), 2);
    let checkpoint = turn.checkpoint();
    drop(turn);

    let mut turn = resumed(&sim, Dialect::Current, &id, &checkpoint).await;
    assert_eq!(turn.stop_reason(), Stop::RequiresAction(asked.clone()));
    conversation.approve(&asked[0]).await.expect("accepted");
    // Partly answered: the echo says so, and the next idling.
    while turn.stop_reason() != Stop::RequiresAction(asked[1..].to_vec()) {
        next(&mut turn).await.expect("an event");
    }
    let checkpoint = turn.checkpoint();
    drop(turn);

    let mut turn = resumed(&sim, Dialect::Current, &id, &checkpoint).await;
    assert_eq!(
        turn.stop_reason(),
        Stop::RequiresAction(asked[1..].to_vec())
    );
    conversation
        .deny(&asked[1], "not that")
        .await
        .expect("accepted");
    let mut asks_again = false;
    let mut answered = false;
    while let Some(event) = next(&mut turn).await {
        answered |=
            matches!(&event, Event::UserToolConfirmation(answer) if answer.tool_use_id == asked[1]);
        asks_again |= answered && matches!(turn.stop_reason(), Stop::RequiresAction(_));
    }
    assert!(answered && !asks_again);
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn a_turn_that_is_over_stays_over() {
    let sim = start(current()).await;
    let client = client(&sim);
    for script in ["answer", "exhausted", "terminated"] {
        let id = session(&client, script).await;
        let mut turn = client.session(&id).turn("Hello!").await.expect("a turn");
        assert!(!rest(&mut turn).await.is_empty());
        let before = sim.requests().len();
        let mut again = resumed(&sim, Dialect::Current, &id, &turn.checkpoint()).await;
        assert_eq!(again.stop_reason(), turn.stop_reason());
        assert!(next(&mut again).await.is_none());
        assert_eq!(sim.requests().len(), before, "nothing is left to ask for");
    }
}

async fn error_of(turn: &mut Turn) -> qoder::Error {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
        match next.expect("in time").expect("an error first") {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn a_deadline_and_giving_up_leave_a_checkpoint() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let conversation = client.session(&id);
    let opening = conversation.turn("Take your time.");
    let mut turn = opening
        .deadline(Duration::from_millis(200))
        .await
        .expect("a turn");
    let error = error_of(&mut turn).await;
    assert!(error.is_timeout(), "{error}");
    assert!(turn.next().await.is_none());
    let checkpoint = error.checkpoint().expect("a checkpoint").clone();
    assert_eq!(checkpoint, turn.checkpoint());

    // The list is refused too, so there is nothing to fall back to.
    sim.inject(plan("any:status=503*100"));
    let opening = client.session(&id).resume_turn(checkpoint);
    let impatient = opening
        .waits(Duration::from_millis(1), Duration::from_millis(5))
        .give_up(4, Duration::from_secs(60));
    let mut turn = impatient.await.expect("a turn");
    let error = error_of(&mut turn).await;
    assert!(error.to_string().contains("gave up"), "{error}");
    let checkpoint = error.checkpoint().expect("a checkpoint").clone();
    sim.inject(plan(""));

    sim.release_turn();
    let mut turn = resumed(&sim, Dialect::Current, &id, &checkpoint).await;
    let whole = ids(&of_the_turn(&sim, &id));
    let delivered = rest(&mut turn).await;
    assert_eq!(delivered, ids(&of_the_turn(&sim, &id)));
    assert!(delivered.starts_with(&whole));
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn a_deadline_holds_for_the_sending_too() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    sim.inject(plan("call:stall"));
    let turn = || client.session(&id).turn("Hello!").idempotency_key("k");
    let error = turn().deadline(Duration::from_millis(100)).await;
    let error = error.map(|_| ()).expect_err("it stalls");
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.sent(), qoder::Sent::Maybe);
    turn()
        .await
        .expect("a turn")
        .into_text()
        .await
        .expect("a text");
}

#[tokio::test]
async fn an_interrupt_brings_a_turn_to_its_end() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let mut turn = client.session(&id).turn("Think.").await.expect("a turn");
    turn.interrupt().await.expect("accepted");
    sim.release_turn();
    let delivered = rest(&mut turn).await;
    assert_eq!(turn.stop_reason(), Stop::Cancelled);
    assert_eq!(delivered, ids(&of_the_turn(&sim, &id)));
}

/// A session whose turn is held, so that its events are the test's to publish.
async fn a_held_turn(via: Via) -> (Sim, Client, SessionId, Turn) {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let opening = client.session(&id).turn("Delegate.");
    let turn = opening.via(via).await;
    (sim, client, id, turn.expect("a turn"))
}

#[tokio::test]
async fn an_event_of_another_thread_ends_no_turn() {
    for via in [Via::Sse, Via::Polling(Duration::from_millis(5))] {
        let (sim, _client, id, mut turn) = a_held_turn(via).await;
        let of_thread = |kind: &str| {
            json!({
                "type": kind, "session_thread_id": "sthr_child", "agent_name": "helper",
                "stop_reason": {"type": "end_turn"},
            })
        };
        let mut published = Vec::new();
        for event in [
            of_thread("session.thread_created"),
            of_thread("session.thread_status_running"),
            of_thread("session.thread_status_idle"),
            of_thread("session.thread_status_terminated"),
            json!({"type": "span.model_request_end", "is_error": false, "model_request_start_id": "e"}),
            json!({"type": "session.error", "error": {"type": "x", "message": "m", "retry_status": {"type": "terminal"}}}),
        ] {
            published.push(sim.publish(id.as_str(), event).expect("a session"));
        }
        for event in &published {
            let next = next(&mut turn).await.expect("an event");
            assert_eq!(next.id().map(EventId::as_str), event["id"].as_str());
            assert_eq!(turn.stop_reason(), Stop::Running, "{event}");
        }
        assert!(turn.error().is_some());
        let end = json!({"type": "session.status_idle", "stop_reason": {"type": "budget_reached"}});
        sim.publish(id.as_str(), end).expect("a session");
        next(&mut turn).await.expect("an event");
        assert_eq!(turn.stop_reason(), Stop::BudgetReached);
        assert!(next(&mut turn).await.is_none());
    }
}

#[tokio::test]
async fn an_early_generation_s_end_is_an_end() {
    let (sim, _client, id, mut turn) = a_held_turn(Via::Sse).await;
    let end = json!({"type": "terminated", "reason": "gone"});
    sim.publish(id.as_str(), end).expect("a session");
    next(&mut turn).await.expect("an event");
    assert_eq!(turn.stop_reason(), Stop::Terminated);
    assert!(next(&mut turn).await.is_none());
}
