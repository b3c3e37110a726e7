//! Agents, environments, models and sessions through the client, against the simulator.

use crate::common::{builder, client, current, plan, session, start};
use qoder::types::{
    AgentCreate, AgentUpdate, EnvironmentCreate, EnvironmentUpdate, Order, SessionCreate,
    SessionUpdate, UserMessage,
    serde_json::{Value, json},
};
use qoder::{Client, Dialect, Method};

async fn agents(client: &Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let agent = client
            .agents()
            .create(AgentCreate::new(format!("agent {n}"), "ultimate"))
            .await;
        ids.push(agent.expect("an agent").id.to_string());
    }
    ids.reverse();
    ids
}

#[tokio::test]
async fn an_agent_has_versions() {
    let sim = start(current()).await;
    let client = client(&sim);
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate").system("One."))
        .await
        .expect("an agent");
    let first = agent.version;
    let updated = client
        .agents()
        .update(&agent.id, AgentUpdate::new(first).system("Two."))
        .await
        .expect("updated");
    assert_eq!(updated.version, first + 1);
    let stale = client
        .agents()
        .update(&agent.id, AgentUpdate::new(first).system("Three."))
        .await
        .expect_err("stale");
    assert!(stale.is_conflict() && stale.attempts() == 1, "{stale}");
    let old = client
        .agents()
        .retrieve_version(&agent.id, first)
        .await
        .expect("the first version");
    assert_eq!(old.system, "One.");
    let versions = client
        .agents()
        .versions()
        .list(&agent.id)
        .await
        .expect("a page");
    assert_eq!(versions.data.len(), 2);

    client.agents().archive(&agent.id).await.expect("archived");
    assert!(
        client
            .agents()
            .list()
            .await
            .expect("a page")
            .data
            .is_empty()
    );
    assert_eq!(
        client
            .agents()
            .list()
            .include_archived(true)
            .await
            .expect("a page")
            .data
            .len(),
        1
    );
    client.agents().delete(&agent.id).await.expect("deleted");
    assert!(
        client
            .agents()
            .retrieve(&agent.id)
            .await
            .expect_err("gone")
            .is_not_found()
    );
}

#[tokio::test]
async fn lists_are_walked_page_by_page() {
    let sim = start(current()).await;
    let client = client(&sim);
    let ids = agents(&client, 7).await;
    for limit in [1, 2, 7, 100] {
        let mut items = client.agents().list().limit(limit).items();
        let mut seen = Vec::new();
        while let Some(agent) = items.next().await {
            seen.push(agent.expect("an agent").id.to_string());
        }
        assert_eq!(seen, ids, "{limit} per page");
    }
    // The continuation of one list begins another.
    let mut pages = client.agents().list().limit(3).pages();
    pages.next().await.expect("a page").expect("a page");
    let cursor = pages.continuation().expect("there is more").clone();
    let rest = client
        .agents()
        .list()
        .limit(100)
        .from_cursor(&cursor)
        .await
        .expect("a page");
    assert_eq!(
        rest.data
            .iter()
            .map(|agent| agent.id.to_string())
            .collect::<Vec<_>>(),
        ids[3..]
    );

    let error = client
        .agents()
        .list()
        .limit(101)
        .await
        .expect_err("too many");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
}

#[tokio::test]
async fn environments_and_models() {
    let sim = start(current()).await;
    let client = client(&sim);
    let made = client
        .environments()
        .create(EnvironmentCreate::new("mine"))
        .await
        .expect("an environment");
    let named = client
        .environments()
        .update(&made.id, EnvironmentUpdate::default().name("ours"))
        .await
        .expect("named");
    assert_eq!(named.name, "ours");
    assert_eq!(
        client
            .environments()
            .list()
            .await
            .expect("a page")
            .data
            .len(),
        2
    );
    client
        .environments()
        .archive(&made.id)
        .await
        .expect("archived");
    client
        .environments()
        .delete(&made.id)
        .await
        .expect("deleted");

    let id = session(&client, "answer").await;
    let used = client
        .sessions()
        .retrieve(&id)
        .await
        .expect("a session")
        .environment_id;
    client.sessions().delete(&id).await.expect("deleted");
    assert!(
        client
            .environments()
            .delete(&used)
            .await
            .expect_err("in use")
            .is_conflict()
    );

    let models = client.models().list().await.expect("models").data;
    assert!(models.iter().any(|model| model.id.as_str() == "ultimate"));
}

#[tokio::test]
async fn sessions_are_kept_until_they_are_not() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let update = SessionUpdate::default().title("renamed");
    assert_eq!(
        client
            .sessions()
            .update(&id, update)
            .await
            .expect("updated")
            .title,
        "renamed"
    );
    client
        .sessions()
        .cancel(&id)
        .await
        .expect("nothing to cancel");
    let second = session(&client, "answer").await;
    let listed = client
        .sessions()
        .list()
        .order(Order::Asc)
        .await
        .expect("a page")
        .data;
    assert_eq!(
        listed.iter().map(|session| &session.id).collect::<Vec<_>>(),
        [&id, &second]
    );
    client.sessions().archive(&id).await.expect("archived");
    let error = client
        .session(&id)
        .send([UserMessage::new("Hello!")])
        .await
        .expect_err("archived");
    assert!(error.is_conflict(), "{error}");
    client.sessions().delete(&second).await.expect("deleted");
    assert!(
        client
            .sessions()
            .retrieve(&second)
            .await
            .expect_err("gone")
            .is_not_found()
    );
}

#[tokio::test]
async fn a_write_that_is_repeated_is_done_once() {
    let sim = start(current()).await;
    let client = client(&sim);
    // The answer breaks off, and then there is none; the agent is there once.
    sim.inject(plan("call:cut=5,call:empty"));
    let created = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .with_meta()
        .await
        .expect("done, without a word");
    assert_eq!((created.meta.attempts, created.value.id.as_str()), (2, ""));
    assert_eq!(client.agents().list().await.expect("a page").data.len(), 1);

    let create = |name: &str| {
        client
            .agents()
            .create(AgentCreate::new(name, "ultimate"))
            .options(|options| options.idempotency_key("k"))
    };
    let first = create("b").await.expect("an agent");
    assert_eq!(create("b").await.expect("the same").id, first.id);
    assert!(create("c").await.expect_err("another body").is_conflict());
    let keys = sim
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .count();
    assert_eq!(keys, 5);
}

#[tokio::test]
async fn accounts_are_apart() {
    let sim = start(current()).await;
    let one = client(&sim);
    let two = builder(&sim.base_url(), Dialect::Current)
        .token("pt-another")
        .build()
        .expect("a client");
    agents(&one, 1).await;
    assert!(two.agents().list().await.expect("a page").data.is_empty());
    let id = session(&one, "answer").await;
    assert!(
        two.sessions()
            .retrieve(&id)
            .await
            .expect_err("another's")
            .is_not_found()
    );
    assert_eq!(
        two.environments().list().await.expect("a page").data.len(),
        1
    );
}

#[tokio::test]
async fn what_the_sdk_doesnt_know_can_be_sent_and_read() {
    let sim = start(current()).await;
    let client = client(&sim);
    let created = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .extra("field_of_tomorrow", json!({"deep": true}))
        .options(|options| {
            options
                .query("q", 1)
                .header("x-mine", "yes")
                .beta("one")
                .beta("two")
                .workspace("w")
        })
        .with_meta()
        .await
        .expect("an agent");
    assert_eq!(
        (created.meta.status.as_u16(), created.meta.attempts),
        (200, 1)
    );
    assert!(created.meta.request_id().is_some());
    assert!(created.body.starts_with(b"{"));
    let request = sim.requests().remove(0);
    assert_eq!(request.json()["field_of_tomorrow"], json!({"deep": true}));
    assert_eq!(request.query.as_deref(), Some("q=1"));
    assert_eq!(request.header("x-mine"), Some("yes"));
    assert_eq!(request.header("x-qoder-beta"), Some("one,two"));
    assert_eq!(request.header("qoder-workspace-id"), Some("w"));

    let models: Value = client
        .request(Method::Get, "/models")
        .await
        .expect("models");
    assert!(models["data"].is_array());
    let unknown = client
        .request::<Value>(Method::Get, "/nothing")
        .await
        .expect_err("not simulated");
    assert!(unknown.is_not_found());
    assert_eq!(sim.unexpected(), ["GET /nothing"]);

    let create = SessionCreate::new("a", "e").title("t");
    assert_eq!(
        qoder::types::serde_json::to_value(&create).expect("plain data"),
        json!({"agent": "a", "environment_id": "e", "title": "t"})
    );
}
