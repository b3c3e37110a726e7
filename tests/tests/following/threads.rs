//! The threads of a session: their own histories, followed with the same promises.

use std::time::Duration;

use crate::common::{client_in, current, plan, session, start};
use qoder::types::serde_json::json;
use qoder::types::{SessionStatus, UserMessage};
use qoder::{Client, Dialect, Error, Event, Follow, Start, Via};
use qoder_sim::Sim;

const CHILD: &str = "sthr_child";

/// Creates a thread with so many messages, between events of the session's own.
fn delegate(sim: &Sim, session: &str, messages: usize) -> Vec<String> {
    sim.publish(
        session,
        json!({"type": "session.thread_created", "session_thread_id": CHILD, "agent_name": "helper"}),
    )
    .expect("a session");
    let mut ids = vec![id_of(sim.log(session).last().expect("an event"))];
    for n in 0..messages {
        for thread in [Some(CHILD), None] {
            let event = json!({
                "type": "agent.message", "session_thread_id": thread,
                "content": [{"type": "text", "text": n.to_string()}],
            });
            let event = sim.publish(session, event).expect("a session");
            if thread.is_some() {
                ids.push(id_of(&event));
            }
        }
    }
    ids
}

fn id_of(event: &qoder::types::serde_json::Value) -> String {
    event["id"].as_str().expect("an id").to_owned()
}

fn terminate(sim: &Sim, session: &str) -> String {
    let end = json!({"type": "session.thread_status_terminated", "session_thread_id": CHILD, "agent_name": "helper"});
    id_of(&sim.publish(session, end).expect("a session"))
}

async fn delivered(follow: Follow) -> Vec<String> {
    let mut events = follow
        .waits(Duration::from_millis(5), Duration::from_millis(20))
        .events();
    let mut ids = Vec::new();
    while let Some(event) = events.next().await {
        ids.push(event.expect("an event").id().expect("an id").to_string());
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_a_thread_once() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    for via in [Via::Sse, Via::Polling(Duration::from_millis(5))] {
        for faults in [
            "",
            "stream:cut-frames=1*20",
            "stream:end-frames=2*20",
            "stream:cut-frames=2,stream:replay=2,stream:cut-frames=1,stream:replay=9",
            "stream:cut-frames=3,stream:reject-cursor",
            "call:status=503,stream:cut-frames=1,call:reset",
        ] {
            let id = session(&client, "answer").await;
            let mut want = delegate(&sim, id.as_str(), 120);
            sim.inject(plan(faults));
            let thread = client.session(&id).thread(CHILD);
            let reader = tokio::spawn(delivered(thread.follow().from(Start::Beginning).via(via)));
            tokio::time::sleep(Duration::from_millis(20)).await;
            want.push(terminate(&sim, id.as_str()));
            let ids = tokio::time::timeout(Duration::from_secs(20), reader).await;
            assert_eq!(ids.expect(faults).expect("no panic"), want, "{faults}");
            sim.inject(plan(""));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_from_now_on() {
    let sim = start(current()).await;
    let client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    // More than one page, and the list of a thread has no descending order.
    delegate(&sim, id.as_str(), 150);
    let mut events = client.session(&id).thread(CHILD).follow().events();
    let first = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::select! {
            event = events.next() => event,
            () = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                terminate(&sim, id.as_str());
                std::future::pending::<()>().await;
            } => None,
        }
    });
    let first = first
        .await
        .expect("in time")
        .expect("an event")
        .expect("no error");
    assert!(
        matches!(first, Event::SessionThreadStatusTerminated(_)),
        "{first:?}"
    );
    assert!(events.next().await.is_none(), "the thread is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_are_listed_and_archived() {
    let sim = start(current()).await;
    let client: Client = client_in(&sim, Dialect::Current);
    let id = session(&client, "answer").await;
    let conversation = client.session(&id);
    conversation
        .turn(UserMessage::new("Hello!"))
        .await
        .expect("a turn")
        .reply()
        .await
        .expect("a reply");
    let alone = conversation.threads().await.expect("threads");
    assert_eq!(alone.data.len(), 1, "even a plain session has one");
    assert_eq!(alone.data[0].parent_thread_id, None);
    assert_eq!(alone.data[0].status, SessionStatus::Idle);
    let own = conversation.thread(&alone.data[0].id).events();
    assert!(own.await.expect("events").data.len() > 2);

    delegate(&sim, id.as_str(), 1);
    let threads = conversation.threads().await.expect("threads").data;
    assert_eq!(threads.len(), 2);
    assert_eq!(threads[1].parent_thread_id.as_ref(), Some(&threads[0].id));
    let thread = conversation.thread(CHILD);
    let events = thread.events().await.expect("events").data;
    assert_eq!(events.len(), 2);
    assert!(
        thread
            .retrieve()
            .await
            .expect("a thread")
            .archived_at
            .is_none()
    );
    let archived = client.sessions().threads().archive(&id, CHILD).await;
    assert!(archived.expect("a thread").archived_at.is_some());

    let missing: Error = conversation
        .thread("sthr_none")
        .retrieve()
        .await
        .expect_err("there is none");
    assert_eq!(missing.status().map(|status| status.as_u16()), Some(404));
    assert!(sim.unexpected().is_empty());
}
