//! Following a session on real sockets, with a server that misbehaves: every event once, in order.

use std::time::Duration;

use crate::common::following::{Previews, delivered, each_event_once, quick};
use crate::common::{client_in, current, plan, seed, session, session_with, start, truth};
use qoder::types::serde_json::json;
use qoder::types::{EventId, PreviewType, UserMessage};
use qoder::{Checkpoint, Dialect, Event, Notice, Start, Update, Via};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_over_sse() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    for previews in [Previews::None, Previews::Messages] {
        each_event_once(&sim, &client, Via::Sse, previews).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_in_the_first_generation() {
    let sim = start(seed()).await;
    let client = client_in(&sim, Dialect::Seed);
    for previews in [Previews::None, Previews::Messages] {
        each_event_once(&sim, &client, Via::Sse, previews).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_by_polling() {
    let sim = start(current()).await;
    let polling = Via::Polling(Duration::from_millis(5));
    let client = client_in(&sim, Dialect::Current);
    each_event_once(&sim, &client, polling, Previews::None).await;
}

#[tokio::test]
async fn now_is_anchored_before_the_first_connection() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    client.session(&id).ask("One.").await.expect("a reply");
    let before = truth(&sim, &id).len();
    // The first connection dies before its first frame; what comes meanwhile is not lost.
    sim.inject(plan("stream:end-frames=0*3"));
    let mut updates = quick(client.session(&id).follow().from(Start::Now)).updates();
    let mut ids = Vec::new();
    let mut sent = false;
    while let Some(update) = updates.next().await {
        match update.expect("an update") {
            Update::Notice(_)
                if !sent
                    && !sim
                        .requests()
                        .iter()
                        .all(|request| !request.path.ends_with("/stream")) =>
            {
                sent = true;
                client
                    .session(&id)
                    .send([UserMessage::new("Two.")])
                    .await
                    .expect("accepted");
            }
            Update::Event(event) => {
                ids.push(event.id().expect("an id").to_string());
                if let Event::SessionStatusIdle(_) = event {
                    break;
                }
            }
            _ => {}
        }
    }
    assert_eq!(ids, truth(&sim, &id)[before..]);
}

#[tokio::test]
async fn a_checkpoint_goes_on_elsewhere() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "thinking_and_tools").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let truth = truth(&sim, &id);
    for via in [Via::Sse, Via::Polling(Duration::from_millis(5))] {
        for stop in 1..truth.len() {
            let mut events = client
                .session(&id)
                .follow()
                .from(Start::Beginning)
                .via(via)
                .events();
            for _ in 0..stop {
                events.next().await.expect("an event").expect("an event");
            }
            let checkpoint = events.checkpoint().expect("a checkpoint");
            drop(events);
            let rest = client.session(&id).follow().after(&checkpoint).via(via);
            assert_eq!(delivered(rest).await, truth[stop..]);
        }
    }
}

#[tokio::test]
async fn previews_are_prefixes_of_what_comes() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    for faults in ["", "stream:cut-frames=9*4"] {
        let id = session_with(&client, &[("simulate", "answer"), ("simulate_words", "40")]).await;
        sim.inject(plan(faults));
        let mut updates = quick(
            client
                .session(&id)
                .follow()
                .from(Start::Beginning)
                .previews([PreviewType::AgentMessage]),
        )
        .updates();
        let sending = client.clone();
        let to = id.clone();
        let send = tokio::spawn(async move {
            sending
                .session(&to)
                .send([UserMessage::new("Hello!")])
                .await
        });
        let mut shown: Vec<(String, String)> = Vec::new();
        let mut compared = 0;
        while let Some(update) = updates.next().await {
            match update.expect("an update") {
                Update::Text(preview) => {
                    let text = updates
                        .preview_text(&preview.event_id, preview.index)
                        .expect("a text")
                        .to_owned();
                    assert!(text.ends_with(preview.new()));
                    shown.push((preview.event_id.to_string(), text));
                }
                Update::Notice(Notice::PreviewsVoid) => {
                    for (event, _) in &shown {
                        assert_eq!(updates.preview_text(&event.as_str().into(), 0), None);
                    }
                }
                Update::Event(Event::AgentMessage(message)) => {
                    for (_, text) in shown.iter().filter(|(event, _)| {
                        message.id.as_ref().is_some_and(|id| id.as_str() == event)
                    }) {
                        assert!(message.text().starts_with(text.as_str()), "{text:?}");
                        compared += 1;
                    }
                }
                Update::Event(Event::SessionStatusIdle(_)) => break,
                _ => {}
            }
        }
        assert!(compared > 5, "{compared} previews under {faults:?}");
        send.await.expect("no panic").expect("accepted");
    }
}

/// Of thinking the start is all there is; of a message it comes before the pieces.
#[tokio::test]
async fn a_preview_begins_with_its_start() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "thinking_and_tools").await;
    let of = [PreviewType::AgentThinking, PreviewType::AgentMessage];
    let follow = client.session(&id).follow().from(Start::Beginning);
    let mut updates = follow.previews(of).updates();
    let mut sent = false;
    let mut told = Vec::new();
    while let Some(update) = updates.next().await {
        match update.expect("an update") {
            Update::Notice(Notice::Live) if !std::mem::replace(&mut sent, true) => {
                let message = [UserMessage::new("Hello!")];
                client.session(&id).send(message).await.expect("accepted");
            }
            Update::PreviewStart(start) => {
                assert_eq!(updates.preview_text(&start.event_id, 0), None);
                told.push((start.event_id.to_string(), "start", start.event_type));
            }
            Update::Text(preview) => {
                told.push((
                    preview.event_id.to_string(),
                    "piece",
                    preview.new().to_owned(),
                ));
            }
            Update::Event(Event::SessionStatusIdle(_)) => break,
            Update::Event(event) => {
                let id = event.id().expect("an id").to_string();
                told.push((id, "event", event.type_name().to_owned()));
            }
            _ => {}
        }
    }
    let of = |event_type: &str| {
        let (id, ..) = told
            .iter()
            .find(|(_, what, text)| *what == "event" && text == event_type)
            .expect("such an event");
        told.iter()
            .filter(|(event, ..)| event == id)
            .map(|(_, what, text)| (*what, text.as_str()))
            .collect::<Vec<_>>()
    };
    let thinking = ("agent.thinking", of("agent.thinking"));
    assert_eq!(thinking.1, [("start", thinking.0), ("event", thinking.0)]);
    let message = of("agent.message");
    assert_eq!(message.first(), Some(&("start", "agent.message")));
    assert_eq!(message.last(), Some(&("event", "agent.message")));
    let pieces = &message[1..message.len() - 1];
    assert!(pieces.len() > 1, "{message:?}");
    assert!(pieces.iter().all(|(what, _)| *what == "piece"));
    let text: String = pieces.iter().map(|(_, text)| *text).collect();
    assert_eq!(text, "Your message has 1 words.");
    // Starts are of these two alone.
    assert_eq!(
        told.iter().filter(|(_, what, _)| *what == "start").count(),
        2
    );
}

#[tokio::test]
async fn a_silent_connection_is_made_anew() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let truth = truth(&sim, &id);
    sim.inject(plan("stream:stall-frames=2"));
    let follow = client
        .session(&id)
        .follow()
        .from(Start::After(truth[0].as_str().into()))
        .idle_timeout(Duration::from_millis(100));
    assert_eq!(delivered(follow).await, truth[1..]);
}

#[tokio::test]
async fn giving_up_is_an_error_with_the_checkpoint() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let last = truth(&sim, &id).pop().expect("an event");
    sim.inject(plan("stream:status=503*100"));
    let mut events = quick(
        client
            .session(&id)
            .follow()
            .from(Start::After(last.as_str().into())),
    )
    .without_polling()
    .give_up(4, Duration::from_secs(60))
    .events();
    let error = events
        .next()
        .await
        .expect("an error")
        .expect_err("given up");
    let at = error.checkpoint().and_then(Checkpoint::last_event);
    assert_eq!(at.map(EventId::as_str), Some(last.as_str()), "{error}");
    assert!(error.to_string().contains("503"), "{error}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn dropping_closes_the_connection_and_loses_nothing() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    let mut events = client.session(&id).follow().from(Start::Beginning).events();
    // A future that is dropped while it waits takes nothing with it.
    for _ in 0..20 {
        assert!(
            tokio::time::timeout(Duration::from_millis(2), events.next())
                .await
                .is_err()
        );
    }
    client
        .session(&id)
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    let mut ids = Vec::new();
    loop {
        let Ok(event) = tokio::time::timeout(Duration::from_millis(1), events.next()).await else {
            continue;
        };
        let event = event.expect("not the end").expect("an event");
        ids.push(event.id().expect("an id").to_string());
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    assert_eq!(ids, truth(&sim, &id));
}

#[tokio::test]
async fn the_end_of_the_session_ends_it() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    for via in [Via::Sse, Via::Polling(Duration::from_millis(5))] {
        let id = session(&client, "terminated").await;
        client
            .session(&id)
            .send([UserMessage::new("Hello!")])
            .await
            .expect("accepted");
        let mut events = client
            .session(&id)
            .follow()
            .from(Start::Beginning)
            .via(via)
            .events();
        let mut last = String::new();
        while let Some(event) = events.next().await {
            event.expect("an event").type_name().clone_into(&mut last);
        }
        assert_eq!(last, "session.status_terminated");
    }
}

#[tokio::test]
async fn what_is_unknown_is_delivered_as_it_is() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    for via in [Via::Sse, Via::Polling(Duration::from_millis(5))] {
        let id = session(&client, "answer").await;
        for event in [
            json!({"type": "session.party", "cake": {"layers": 3}}),
            json!({"type": "agent.message", "content": 7}),
            json!({"type": "session.error", "error": {"type": "new_error", "message": "no cake"}}),
        ] {
            sim.publish(id.as_str(), event).expect("a session");
        }
        let mut events = client
            .session(&id)
            .follow()
            .from(Start::Beginning)
            .via(via)
            .events();
        let mut next = async || events.next().await.expect("an event").expect("no error");
        let party = next().await;
        assert!(
            matches!(party, Event::Unknown(_)) && party.raw().contains("layers"),
            "{party:?}"
        );
        let wrong = next().await;
        assert!(
            matches!(wrong, Event::Malformed(_)) && wrong.raw().contains('7'),
            "{wrong:?}"
        );
        let error = next().await;
        assert!(
            matches!(&error, Event::SessionError(error) if error.message() == "no cake"),
            "{error:?}"
        );
    }
}
