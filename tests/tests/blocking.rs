//! The client without async: calls, lists, turns, streams and files are waited for, on threads that
//! belong to no runtime, and a thread that belongs to one is told so.

mod common;

use std::thread;

use common::{builder, current, session, start};
use qoder::blocking::{self, Wait, WaitIter};
use qoder::files::Upload;
use qoder::types::{AgentCreate, SessionId};
use qoder::{Client, Dialect, ErrorKind, Event, Start, Update};
use qoder_sim::Sim;

/// A simulator on the thread of `qoder::blocking`, and a client of it.
fn simulated() -> (Sim, Client) {
    let sim = blocking::run(start(current())).expect("no runtime here");
    let client = builder(&sim.base_url(), Dialect::Current).build();
    (sim, client.expect("a client"))
}

fn talking(client: &Client) -> SessionId {
    blocking::run(session(client, "answer")).expect("no runtime here")
}

#[test]
fn calls_and_lists_are_waited_for() -> qoder::Result<()> {
    let (_sim, client) = simulated();
    for number in 0..7 {
        let agent = AgentCreate::new(format!("agent {number}"), "ultimate");
        client.agents().create(agent).wait()?;
    }
    let mut pages = client.agents().list().limit(3).pages();
    let sizes: Vec<usize> = pages
        .wait_iter()
        .map(|page| page.map(|page| page.data.len()))
        .collect::<qoder::Result<_>>()?;
    assert_eq!(sizes, [3, 3, 1]);
    let mut items = client.agents().list().limit(3).items();
    let first = items.wait_iter().next().expect("an agent")?;
    assert_eq!(first.name, "agent 6");
    // What one iterator has not taken is left for the next.
    assert_eq!(items.wait_iter().count(), 6);

    let missing = client.agents().retrieve("agent_none").wait();
    assert!(missing.is_err_and(|error| error.status().is_some_and(|status| status == 404)));
    let page = client.agents().list().limit(1).wait()?;
    assert_eq!(page.data.len(), 1);
    Ok(())
}

#[test]
fn turns_streams_and_files_are_waited_for() -> qoder::Result<()> {
    let (_sim, client) = simulated();
    let session = client.session(talking(&client));

    let mut turn = session.turn("Hello!").previews().wait()?;
    let mut live = String::new();
    for update in turn.updates().wait_iter() {
        if let Update::Text(text) = update? {
            live.push_str(text.new());
        }
    }
    assert_eq!(turn.stop_reason(), qoder::Stop::EndTurn);
    assert!(!live.is_empty());

    let reply = session.ask("Again?").wait()?;
    assert!(!reply.text().is_empty());

    // Following is begun on a thread without a runtime, and dropped there, in the middle.
    let mut events = session.follow().from(Start::Beginning).events();
    let idle = events
        .wait_iter()
        .find(|event| matches!(event, Ok(Event::SessionStatusIdle(_))));
    assert!(idle.is_some());
    drop(events);
    let mut stream = session.stream().wait()?;
    session.send("And now?").wait()?;
    let first = stream.wait_iter().next().expect("an event")?;
    assert!(first.id().is_some());
    drop(stream);

    let upload = Upload::bytes("note.txt", "remember the milk");
    let file = client.files().upload(upload).wait()?;
    assert_eq!(file.size_bytes, 17);
    Ok(())
}

/// Connections live on between two waits, and any number of threads may wait.
#[test]
fn threads_wait_beside_each_other() {
    let (sim, client) = simulated();
    let ids: Vec<_> = (0..4).map(|_| talking(&client)).collect();
    thread::scope(|scope| {
        for id in &ids {
            let client = client.clone();
            scope.spawn(move || {
                for _ in 0..5 {
                    let reply = client.session(id).ask("Hello!").wait().expect("a reply");
                    assert!(!reply.text().is_empty());
                }
            });
        }
    });
    let messages = sim.requests_for("POST /sessions/{session_id}/events").len();
    assert_eq!(messages, 20);
}

#[tokio::test]
async fn a_thread_of_a_runtime_is_not_blocked() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .build()
        .expect("a client");
    let error = client.models().list().wait().expect_err("async");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains(".await"), "{error}");

    let mut items = client.models().list().items();
    let mut iter = items.wait_iter();
    let error = iter.next().expect("an item").expect_err("async");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(iter.next().is_none(), "an error is the last item");
    assert!(sim.requests().is_empty(), "nothing was sent");

    // The stream has lost nothing by it.
    assert!(items.next().await.expect("an item").is_ok());
    let there = client.clone();
    let waited = thread::spawn(move || there.models().list().wait());
    let waited = tokio::task::spawn_blocking(move || waited.join());
    let page = waited.await.expect("joined").expect("no panic");
    assert!(!page.expect("models").data.is_empty());
}
