//! Connections whose other end is silent for ever: no end, no reset, as when a cable is cut or a
//! gateway forgets. Nothing may wait for them for longer than its limit.

use std::time::Duration;

use crate::common::wire::Wire;
use crate::common::{builder, current, session, start, truth};
use qoder::types::serde_json::json;
use qoder::types::{SessionId, UserMessage};
use qoder::{
    Client, Dialect, Event, Follow, Notice, Start, Timeouts, Transport, Update, Via,
    follow::{Cause, Updates},
};
use qoder_http::StreamHttp;
use qoder_sim::{Heartbeat, Sim};

/// The limit of silence. The simulator shows ten times as often that it lives.
const IDLE: Duration = Duration::from_secs(1);
/// All of a test, however slow the machine is. The default limits alone would take longer.
const BOUND: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    One,
    Two,
}

async fn behind_a_wire(http: Http) -> (Sim, Wire, Client) {
    let beating = current().heartbeat(Heartbeat::Comment, IDLE / 10);
    let sim = start(beating).await;
    let wire = Wire::to(sim.addr()).await;
    let two = http == Http::Two;
    let timeouts = Timeouts::default().head(IDLE).body_idle(IDLE);
    let transport = Transport::builder()
        .http2_prior_knowledge(two)
        .stream_http(if two {
            StreamHttp::Http2Shared
        } else {
            StreamHttp::Http1
        })
        .http2_keep_alive(IDLE / 2, IDLE)
        .build()
        .expect("a transport");
    let client = builder(&wire.base_url(), Dialect::Current)
        .timeouts(timeouts)
        .transport(transport)
        .build()
        .expect("a client");
    (sim, wire, client)
}

fn patient(follow: Follow) -> Follow {
    // The list would know the events before a connection is found dead.
    follow
        .without_polling()
        .idle_timeout(IDLE)
        .waits(Duration::from_millis(5), Duration::from_millis(50))
        .give_up(1000, Duration::from_secs(300))
}

/// A session with a turn behind it.
async fn a_session(client: &Client) -> SessionId {
    let id = session(client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    id
}

/// The ids of so many events, and the notices between them.
async fn take(updates: &mut Updates, events: usize) -> (Vec<String>, Vec<Notice>) {
    let (mut ids, mut notices) = (Vec::new(), Vec::new());
    while ids.len() < events {
        let update = tokio::time::timeout(BOUND, updates.next()).await;
        match update.expect("in time").expect("not the end") {
            Ok(Update::Event(event)) => ids.push(event.id().expect("an id").to_string()),
            Ok(Update::Notice(notice)) => notices.push(notice),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    (ids, notices)
}

/// Whether the stream is open, by the last that was told of it.
fn is_live(told: &[Notice]) -> bool {
    matches!(told.last(), Some(Notice::Live | Notice::PreviewsVoid))
}

/// Events are published until one comes through the stream, and not from the list beside it.
async fn settle(
    sim: &Sim,
    id: &SessionId,
    updates: &mut Updates,
    mut told: Vec<Notice>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..10 {
        say(sim, id);
        let (more, notices) = take(updates, 1).await;
        ids.extend(more);
        if notices.is_empty() && is_live(&told) {
            return ids;
        }
        told.extend(notices);
    }
    panic!("never live: {told:?}");
}

fn say(sim: &Sim, id: &SessionId) {
    let content = json!([{"type": "text", "text": "More."}]);
    sim.publish(
        id.as_str(),
        json!({"type": "agent.message", "content": content}),
    )
    .expect("a session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_froze_is_noticed_and_made_anew() {
    for http in [Http::One, Http::Two] {
        let (sim, wire, client) = behind_a_wire(http).await;
        let id = a_session(&client).await;
        let before = truth(&sim, &id);
        let follow = client.session(&id).follow().from(Start::Beginning);
        let mut updates = patient(follow).updates();
        let (mut ids, mut told) = take(&mut updates, before.len()).await;
        // Twice, so that the second time finds a connection that was made after the first.
        for _ in 0..2 {
            ids.extend(settle(&sim, &id, &mut updates, told).await);
            wire.freeze().await;
            say(&sim, &id);
            let (more, notices) = take(&mut updates, 1).await;
            ids.extend(more);
            let lost = notices.iter().find_map(|notice| match notice {
                Notice::Lost(cause) => Some(*cause),
                _ => None,
            });
            match http {
                Http::One => assert_eq!(lost, Some(Cause::Idle)),
                // There the connection itself may be found dead first.
                Http::Two => assert!(lost.is_some(), "{notices:?}"),
            }
            told = notices;
        }
        assert_eq!(ids, truth(&sim, &id), "{http:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opening_that_is_never_answered_is_given_up() {
    for http in [Http::One, Http::Two] {
        let (sim, wire, client) = behind_a_wire(http).await;
        let id = a_session(&client).await;
        let last = truth(&sim, &id).pop().expect("an event");
        // What is open and what is opened: the stream may use either.
        wire.play_dead(true);
        wire.freeze().await;
        let after = Start::After(last.as_str().into());
        let mut updates = patient(client.session(&id).follow().from(after)).updates();
        loop {
            let update = tokio::time::timeout(BOUND, updates.next()).await;
            match update.expect("in time").expect("not the end") {
                Ok(Update::Notice(Notice::Waiting { cause, .. })) => {
                    assert_eq!(cause, Cause::Unreachable);
                    break;
                }
                Ok(Update::Notice(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        wire.play_dead(false);
        say(&sim, &id);
        let (ids, _) = take(&mut updates, 1).await;
        assert_eq!(
            ids,
            truth(&sim, &id)[truth(&sim, &id).len() - 1..],
            "{http:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_never_answered_is_asked_for_again() {
    for http in [Http::One, Http::Two] {
        for via in [Via::Sse, Via::Polling(Duration::from_millis(20))] {
            let (sim, wire, client) = behind_a_wire(http).await;
            let id = a_session(&client).await;
            wire.play_dead(true);
            wire.freeze().await;
            let follow = client.session(&id).follow().from(Start::Beginning).via(via);
            let mut updates = patient(follow).updates();
            loop {
                let update = tokio::time::timeout(BOUND, updates.next()).await;
                match update.expect("in time").expect("not the end") {
                    Ok(Update::Notice(Notice::Waiting { cause, .. })) => {
                        assert_eq!(cause, Cause::Unreachable);
                        break;
                    }
                    Ok(Update::Notice(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
            wire.play_dead(false);
            let before = truth(&sim, &id);
            let (mut ids, _) = take(&mut updates, before.len()).await;
            // And once more, in the middle of it.
            wire.freeze().await;
            say(&sim, &id);
            ids.extend(take(&mut updates, 1).await.0);
            assert_eq!(ids, truth(&sim, &id), "{http:?}, {via:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_survives_a_frozen_connection() {
    for http in [Http::One, Http::Two] {
        let (sim, wire, client) = behind_a_wire(http).await;
        let id = session(&client, "thinking_and_tools").await;
        let conversation = client.session(&id);
        let opening = conversation.turn(UserMessage::new("Hello!"));
        let opening = opening
            .without_polling()
            .idle_timeout(IDLE)
            .waits(Duration::from_millis(5), Duration::from_millis(50))
            .give_up(1000, Duration::from_secs(300));
        let mut turn = opening.await.expect("a turn");
        let mut ids = Vec::new();
        loop {
            let event = tokio::time::timeout(BOUND, turn.next()).await;
            let Some(event) = event.expect("in time") else {
                break;
            };
            let event: Event = event.expect("an event");
            ids.push(event.id().expect("an id").to_string());
            if ids.len() == 2 {
                wire.freeze().await;
            }
        }
        let truth = truth(&sim, &id);
        assert_eq!(ids, truth[truth.len() - ids.len()..], "{http:?}");
        assert_eq!(turn.stop_reason(), qoder::Stop::EndTurn);
    }
}
