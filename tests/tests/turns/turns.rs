//! Turns: strictly their own events, and every way in which they end.

use std::time::Duration;

use crate::common::{client, client_in, current, plan, seed, session, start};
use qoder::{Dialect, ErrorKind, Event, Stop};

#[tokio::test]
async fn a_turn_has_its_own_events_only() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    for n in 0..3 {
        let text = format!("Message {n}.");
        sim.inject(plan("stream:cut-frames=1*2,stream:replay=2"));
        let mut turn = client
            .session(&id)
            .turn(text.as_str())
            .await
            .expect("a turn");
        let mut messages = Vec::new();
        while let Some(event) = turn.next().await {
            if let Event::AgentMessage(message) = event.expect("an event") {
                messages.push(message.text().to_string());
            }
        }
        assert_eq!(turn.stop_reason(), Stop::EndTurn);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].contains(&text), "{messages:?}");
        sim.inject(plan(""));
    }
}

#[tokio::test]
async fn a_server_that_names_no_event_is_followed_too() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        let sim = start(builder.anonymous_sends(true)).await;
        let client = client_in(&sim, dialect);
        let id = session(&client, "answer").await;
        for text in ["One.", "Two."] {
            let reply = client.session(&id).ask(text).await.expect("a reply");
            assert!(reply.text().contains(text), "{}", reply.text());
            assert_eq!(reply.messages().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_approval_pauses_the_turn() {
    let sim = start(current()).await;
    let client = client(&sim);
    for (allow, answer) in [(true, "gone"), (false, "left the draft")] {
        let id = session(&client, "approval").await;
        let conversation = client.session(&id);
        let mut turn = conversation.turn("Tidy up.").await.expect("a turn");
        let mut text = String::new();
        let mut asked = 0;
        while let Some(event) = turn.next().await {
            if let Event::AgentMessage(message) = event.expect("an event") {
                text.push_str(&message.text());
            }
            if let Stop::RequiresAction(ids) = turn.stop_reason() {
                if asked == 0 {
                    let call = if allow {
                        conversation.approve(&ids[0])
                    } else {
                        conversation.deny(&ids[0], "not now")
                    };
                    call.await.expect("accepted");
                }
                asked += 1;
            }
        }
        assert!(asked > 0);
        assert!(text.contains(answer), "{text}");
        assert_eq!(turn.stop_reason(), Stop::EndTurn);
    }
    // Nobody is there to answer: an error that says what to do.
    let id = session(&client, "approval").await;
    let error = client
        .session(&id)
        .ask("Tidy up.")
        .await
        .expect_err("it asks");
    assert_eq!(error.kind(), ErrorKind::Turn);
    assert!(error.to_string().contains("approve"), "{error}");
    assert!(error.checkpoint().is_some());
}

#[tokio::test]
async fn a_custom_tool_is_answered() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "custom_tool").await;
    let conversation = client.session(&id);
    let mut turn = conversation.turn("What time is it?").await.expect("a turn");
    let mut text = String::new();
    while let Some(event) = turn.next().await {
        match event.expect("an event") {
            Event::AgentCustomToolUse(call) => {
                conversation
                    .answer(call.id.expect("an id"), "noon")
                    .await
                    .expect("accepted");
            }
            Event::AgentMessage(message) => text.push_str(&message.text()),
            _ => {}
        }
    }
    assert!(text.contains("noon"), "{text}");
}

#[tokio::test]
async fn every_end_is_told_apart_and_only_one_is_success() {
    let sim = start(current()).await;
    let client = client(&sim);
    for (script, stop) in [
        ("answer", Stop::EndTurn),
        ("thinking_and_tools", Stop::EndTurn),
        ("fail_and_recover", Stop::EndTurn),
        ("exhausted", Stop::RetriesExhausted),
        ("terminated", Stop::Terminated),
    ] {
        let id = session(&client, script).await;
        let answer = client.session(&id).ask("Hello!").await;
        if let Err(error) = &answer {
            assert_eq!(error.kind(), ErrorKind::TurnEnded, "{script}: {error}");
            assert!(error.to_string().contains(&stop.to_string()), "{error}");
            assert!(error.checkpoint().is_some(), "{script}");
            assert_eq!(error.stop_reason(), Some(&stop), "{script}");
        }
        assert_eq!(answer.is_ok(), stop == Stop::EndTurn, "{script}");
        let reply = match &answer {
            Ok(reply) => reply,
            Err(error) => error.reply().expect("what came of it"),
        };
        assert_eq!(*reply.stop_reason(), stop, "{script}");
        let quiet = matches!(script, "answer" | "thinking_and_tools");
        assert_eq!(reply.error().is_some(), !quiet, "{script}");
    }
}

#[tokio::test]
async fn a_reply_has_all_that_came_of_the_turn() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "thinking_and_tools").await;
    let reply = client
        .session(&id)
        .ask("One two three.")
        .await
        .expect("a reply");
    assert!(
        reply.final_text().contains("3 words"),
        "{}",
        reply.final_text()
    );
    let [call] = reply.tool_calls() else {
        panic!("{:?}", reply.tool_calls());
    };
    assert_eq!((call.name(), call.is_error()), ("Bash", false));
    assert_eq!(call.output().as_deref(), Some("3 message.txt"));
    assert!(reply.credits().is_some_and(|credits| credits > 0.0));
    assert!(reply.session_usage().is_some());
    assert!(reply.duration() > Duration::ZERO);
}

#[tokio::test]
async fn an_interrupt_and_a_deadline() {
    let sim = start(current().hold_turns(true)).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let conversation = client.session(&id);
    let mut turn = conversation
        .turn("Take your time.")
        .deadline(Duration::from_millis(60))
        .await
        .expect("a turn");
    let error = loop {
        match turn.next().await.expect("an error first") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        error.is_timeout() && error.checkpoint().is_some(),
        "{error}"
    );
    assert!(turn.next().await.is_none());

    let error = conversation
        .turn("Another.")
        .await
        .map(|_| ())
        .expect_err("it runs");
    assert!(error.is_conflict(), "{error}");

    let mut events = conversation.follow().events();
    let waiting = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Event::SessionStatusIdle(idle) = event.expect("an event") {
                return idle.stop_reason.map(|reason| reason.to_string());
            }
        }
        None
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    conversation.interrupt().await.expect("accepted");
    sim.release_turn();
    let reason = waiting.await.expect("no panic").expect("a reason");
    assert!(reason.starts_with("cancel"), "{reason}");
}

#[tokio::test]
async fn the_same_key_starts_the_same_turn() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let conversation = client.session(&id);
    let first = conversation
        .turn("Hello!")
        .idempotency_key("k1")
        .await
        .expect("a turn");
    let message = first.message_id().cloned();
    let reply = first.reply().await.expect("a reply");
    // After a crash: the same message under the same key is not sent twice.
    let again = conversation
        .turn("Hello!")
        .idempotency_key("k1")
        .await
        .expect("the same turn");
    assert_eq!(again.message_id().cloned(), message);
    assert_eq!(again.reply().await.expect("a reply").text(), reply.text());
    let messages = sim
        .log(id.as_str())
        .iter()
        .filter(|event| event["type"] == "user.message")
        .count();
    assert_eq!(messages, 1);
}
