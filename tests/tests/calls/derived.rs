//! A client that is derived from another: what each of its calls begins with, and what a call sets
//! for itself.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use crate::common::{builder, client, current, plan, session, start};
use qoder::files::Upload;
use qoder::types::{
    AgentCreate, EnvironmentConfig, EnvironmentCreate, SessionCreate, UserMessage,
    serde_json::Value,
};
use qoder::{Client, Dialect, ErrorKind, Method, Start};
use qoder_sim::{Recorded, Sim};
use tokio::sync::Notify;

type Outcome = Result<(), Box<dyn Error>>;

/// A client whose calls all say so, in a header and in the query.
fn marked(client: &Client) -> Client {
    client.with(|o| o.header("x-mark", "derived").query("mark", "derived"))
}

/// The requests to the API since so many.
fn since(sim: &Sim, count: usize) -> Vec<Recorded> {
    let requests = sim.requests().into_iter().skip(count);
    requests
        .filter(|request| !request.path.starts_with("/storage/"))
        .collect()
}

/// That all requests since so many begin with what the client was derived with; returns what they
/// are for.
fn all_marked(sim: &Sim, count: usize) -> BTreeSet<String> {
    let requests = since(sim, count);
    for request in &requests {
        let what = format!("{} {}", request.method, request.path);
        assert_eq!(request.header("x-mark"), Some("derived"), "{what}");
        assert_eq!(request.query_values("mark"), ["derived"], "{what}");
    }
    let operations = requests.into_iter().filter_map(|request| request.operation);
    operations.collect()
}

#[tokio::test]
async fn each_page_of_a_list_begins_with_it() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    for n in 0..3 {
        let agent = AgentCreate::new(format!("agent {n}"), "ultimate");
        client.agents().create(agent).await?;
    }
    let before = sim.requests().len();
    let derived = marked(&client);
    let mut agents = derived.agents().list().limit(1).items();
    let mut count = 0;
    while let Some(agent) = agents.next().await {
        agent?;
        count += 1;
    }
    let mut raw = derived.list::<Value>("/agents").limit(1).pages();
    while let Some(page) = raw.next().await {
        page?;
    }
    assert_eq!((count, since(&sim, before).len()), (3, 6));
    all_marked(&sim, before);

    // The client that it comes from is as it was.
    let before = sim.requests().len();
    client.agents().list().await?;
    assert_eq!(since(&sim, before)[0].header("x-mark"), None);
    Ok(())
}

#[tokio::test]
async fn files_go_up_and_come_down_with_it_and_the_storage_sees_nothing() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let delivered = sim.deliver(id.as_str(), "out.txt", "text/plain", "content");
    let delivered = delivered.ok_or("a file")?;
    let before = sim.requests().len();
    let derived = marked(&client);
    derived.files().upload(Upload::bytes("a.txt", "a")).await?;
    let got = derived.files().download(delivered).bytes().await?;
    assert_eq!(got, "content");
    let operations = all_marked(&sim, before);
    assert!(operations.contains("POST /files"), "{operations:?}");
    assert!(
        operations.contains("GET /files/{file_id}/content"),
        "{operations:?}"
    );
    let requests = sim.requests();
    let storage = requests
        .iter()
        .find(|request| request.path.starts_with("/storage/"));
    let storage = storage.ok_or("the storage was asked")?;
    assert_eq!(storage.header("x-mark"), None);
    assert!(storage.query_values("mark").is_empty());
    Ok(())
}

#[tokio::test]
async fn streams_turns_and_what_is_followed_begin_with_it() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let derived = marked(&client);

    let id = session(&client, "answer").await;
    // A connection that breaks, so that the turn makes a second one.
    let before = sim.requests().len();
    sim.inject(plan("stream:cut-frames=1"));
    let reply = derived.session(&id).ask("Hello!").await?;
    assert!(!reply.text().is_empty());
    let streams = since(&sim, before).into_iter();
    let streams = streams.filter(|request| request.path.ends_with("/stream"));
    assert!(streams.count() > 1);
    let operations = all_marked(&sim, before);
    for operation in [
        "POST /sessions/{session_id}/events",
        "GET /sessions/{session_id}/events/stream",
    ] {
        assert!(operations.contains(operation), "{operations:?}");
    }

    // By the list.
    let before = sim.requests().len();
    let events = derived.session(&id).follow().from(Start::Beginning);
    let mut events = events.events();
    for _ in 0..crate::common::truth(&sim, &id).len() {
        events.next().await.ok_or("an event")??;
    }
    drop(events);
    let operations = all_marked(&sim, before);
    assert!(operations.contains("GET /sessions/{session_id}/events"));

    let before = sim.requests().len();
    drop(derived.session(&id).stream().await?);
    drop(derived.sessions().events().stream(&id).await?);
    assert_eq!(since(&sim, before).len(), 2);
    all_marked(&sim, before);
    Ok(())
}

#[tokio::test]
async fn a_worker_begins_with_it() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let agent = AgentCreate::new("a", "ultimate");
    let agent = client.agents().create(agent).await?.id;
    let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
    let environment = client.environments().create(own).await?.id;
    let created = SessionCreate::new(agent, &environment);
    let session = client.sessions().create(created).await?.id;
    client.session(&session).send("Hello!").await?;

    let before = sim.requests().len();
    // Its own header wins, and so do its own limits of time.
    let derived = marked(&client).with(|o| {
        o.header("worker-id", "nobody")
            .timeout(Duration::from_nanos(1))
    });
    let done = std::sync::Arc::new(Notify::new());
    let told = std::sync::Arc::clone(&done);
    let worker = derived.worker(&environment).worker_id("host-7");
    let worker = worker.shutdown_on(async move { done.notified().await });
    let running = worker.run(|job| {
        let told = std::sync::Arc::clone(&told);
        async move {
            // What the job's own client begins with, but for the timeout, which nothing could meet.
            let retrieved = job.session().retrieve();
            let retrieved = retrieved.options(|o| o.timeout(Duration::MAX)).await;
            told.notify_one();
            retrieved.map(drop)
        }
    });
    running.await?;
    let operations = all_marked(&sim, before);
    for operation in [
        "GET /environments/{environment_id}/work/poll",
        "POST /environments/{environment_id}/work/{work_id}/ack",
        "POST /environments/{environment_id}/work/{work_id}/heartbeat",
        "POST /environments/{environment_id}/work/{work_id}/stop",
        "GET /sessions/{session_id}",
    ] {
        assert!(operations.contains(operation), "{operations:?}");
    }
    let polls = since(&sim, before).into_iter();
    let mut polls = polls.filter(|request| request.path.ends_with("/poll"));
    assert!(polls.all(|poll| poll.header("worker-id") == Some("host-7")));
    Ok(())
}

#[tokio::test]
async fn what_a_call_sets_wins_name_by_name() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let derived = client.with(|o| {
        o.header("x-one", "1")
            .header("x-two", "1")
            .query("limit", 1)
            .query("include_archived", true)
            .query("kept", "a")
            .query("kept", "b")
            .beta("one")
            .workspace("ws_1")
    });
    let twice = derived.with(|o| {
        o.header("x-two", "2")
            .header("x-three", "2")
            .query("kept", "c")
            .beta("two")
    });
    let list = twice.agents().list().limit(7).include_archived(false);
    let list = list.options(|o| {
        o.header("x-three", "3")
            .query("own", 3)
            .beta("three")
            .beta("one")
    });
    list.await?;
    let request = sim.requests().pop().ok_or("a request")?;
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    assert_eq!(
        [
            "x-one",
            "x-two",
            "x-three",
            "x-qoder-beta",
            "qoder-workspace-id"
        ]
        .map(header),
        ["1", "2", "3", "one,two,three", "ws_1"]
    );
    let mut query = request.query_pairs();
    query.sort();
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        query,
        [
            ("include_archived", "false"),
            ("kept", "c"),
            ("limit", "7"),
            ("own", "3")
        ]
    );

    // What it was derived from has what it had.
    derived.agents().list().await?;
    let request = sim.requests().pop().ok_or("a request")?;
    assert_eq!(request.header("x-two"), Some("1"));
    assert_eq!(request.header("x-qoder-beta"), Some("one"));
    assert_eq!(request.query_values("kept"), ["a", "b"]);
    assert_eq!(request.query_values("limit"), ["1"]);
    Ok(())
}

#[tokio::test]
async fn beta_features_add_up_from_the_builder_to_the_call() -> Outcome {
    let sim = start(current()).await;
    let builder = builder(&sim.base_url(), Dialect::Current);
    let client = builder.header("x-qoder-beta", "one").build()?;
    client.models().list().options(|o| o.beta("two")).await?;
    let derived = client.with(|o| o.beta("two").beta("three"));
    derived.models().list().options(|o| o.beta("one")).await?;
    client.models().list().await?;
    let asked: Vec<_> = sim.requests();
    let asked = asked
        .iter()
        .map(|it| it.header("x-qoder-beta").unwrap_or_default());
    assert_eq!(
        asked.collect::<Vec<_>>(),
        ["one,two", "one,two,three", "one"]
    );
    Ok(())
}

#[tokio::test]
async fn retries_and_the_timeout_are_those_of_the_innermost_that_says() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let patient = client.with(|o| o.retries(4));
    let faults = || sim.inject(plan("call:status=503*4"));
    faults();
    let models = patient.models().list().options(|o| o.query("x", 1));
    models.await?;
    assert_eq!(sim.requests().len(), 5);
    faults();
    let models = patient.models().list().options(|o| o.retries(0));
    let error = models.await.expect_err("one attempt");
    assert_eq!(error.attempts(), 1);
    let error = client.models().list().await.expect_err("three attempts");
    assert_eq!(error.attempts(), 3);

    // The storage of a download is asked as often as the API.
    let id = session(&client, "answer").await;
    let file = sim.deliver(id.as_str(), "out.txt", "text/plain", "content");
    let file = file.ok_or("a file")?;
    sim.inject(plan("storage:status=503*4"));
    assert_eq!(patient.files().download(&file).bytes().await?, "content");
    sim.inject(plan("storage:status=503*4"));
    let once = patient.files().download(&file).options(|o| o.retries(0));
    assert!(once.bytes().await.is_err());

    let hasty = client.with(|o| o.timeout(Duration::from_millis(1)));
    sim.inject(plan("call:stall"));
    let error = hasty.models().list().await.expect_err("too late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let models = hasty.models().list();
    models.options(|o| o.timeout(Duration::MAX)).await?;
    Ok(())
}

#[tokio::test]
async fn a_write_has_a_key_of_its_own_and_none_for_all_can_be_set() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let derived = marked(&client);
    for name in ["one", "two"] {
        let agent = AgentCreate::new(name, "ultimate");
        derived.agents().create(agent).await?;
    }
    let raw = derived.request::<Value>(Method::Post, "/agents");
    raw.json(&AgentCreate::new("three", "ultimate")).await?;
    let keys = since(&sim, 0).into_iter();
    let keys: BTreeSet<_> = keys
        .filter_map(|request| request.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 3);
    all_marked(&sim, 0);

    let before = sim.requests().len();
    for name in ["Idempotency-Key", "Authorization", "Host", "a b"] {
        let derived = client.with(|o| o.header(name, "x")).with(|o| o.retries(1));
        let error = derived.models().list().await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        let session = derived.session("sess_1");
        let error = session.send(UserMessage::new("Hello!")).await;
        assert_eq!(error.expect_err(name).kind(), ErrorKind::Input);
    }
    assert_eq!(sim.requests().len(), before, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn connections_are_shared() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    client.models().list().await?;
    marked(&client).models().list().await?;
    drop(marked(&client));
    client.models().list().await?;
    let connections: BTreeSet<u64> = sim.requests().iter().map(|it| it.connection).collect();
    assert_eq!(connections.len(), 1);
    Ok(())
}
