//! Sessions, what they were given, their events and threads.

use qoder::types::serde_json::{self, json};
use qoder::types::{
    AgentCreate, AgentId, AgentOverrides, AgentRef, Budget, EnvironmentCreate, Event, FileResource,
    MemoryStoreCreate, MemoryStoreId, Order, Patch, PreviewType, SessionCreate, SessionId,
    SessionResource, SessionResourceUpdate, SessionStatus, SessionUpdate, Tool, UserMessage,
    VaultCreate,
};
use qoder::{Client, Start, files::Upload};
use qoder_sim::Sim;

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(sim: &Sim, client: &Client) -> Outcome {
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await?;
    let environment = client
        .environments()
        .create(EnvironmentCreate::new("e"))
        .await?;
    let store = client
        .memory_stores()
        .create(MemoryStoreCreate::new("m"))
        .await?;
    let vault = client.vaults().create(VaultCreate::new("v")).await?;
    let sessions = client.sessions();
    let whole = SessionCreate::new(AgentRef::version(&agent.id, agent.version), &environment.id)
        .title("whole")
        .metadata("team", "build")
        .environment_variable("STAGE", "test")
        .resource(SessionResource::memory_store(&store.id))
        .resource(SessionResource::github("https://github.com/example/one").token("ghp-secret"))
        .vault_id(&vault.id)
        .budget(Budget::limit("10.00"))
        .initial_events(["Hello!"]);
    let session = sessions.create(whole).await?;
    let id = &session.id;
    for _ in 0..2 {
        sessions
            .create(SessionCreate::new(&agent.id, &environment.id))
            .await?;
    }
    idle(client, id).await?;
    let update = SessionUpdate::new()
        .title("renamed")
        .metadata("team", Patch::Clear)
        .agent(AgentOverrides::new().tool(Tool::builtin()))
        .budget(Budget::limit("20.00"))
        .environment_variable("STAGE", "other");
    assert_eq!(sessions.update(id, update).await?.title, "renamed");
    assert_eq!(sessions.retrieve(id).await?.title, "renamed");
    lists(client, id, &agent.id, &store.id).await?;
    resources(client, id).await?;
    events(client, id).await?;
    threads(sim, client).await?;

    let delivered = sim.deliver(id.as_str(), "report.md", "text/markdown", "All is well.");
    let delivered = delivered.ok_or("no session")?;
    let content = client.files().download(delivered.as_str()).bytes().await?;
    assert_eq!(content, "All is well.");

    sessions.cancel(id).await?;
    sessions.archive(id).await?;
    assert_eq!(sessions.delete(id).await?.id, id.as_str());
    Ok(())
}

/// Waits until a session has nothing to do.
async fn idle(client: &Client, id: &SessionId) -> Outcome {
    let mut events = client.session(id).follow().from(Start::Beginning).events();
    while let Some(event) = events.next().await {
        if matches!(event?, Event::SessionStatusIdle(_)) {
            return Ok(());
        }
    }
    Err("the session ended".into())
}

async fn lists(client: &Client, id: &SessionId, agent: &AgentId, store: &MemoryStoreId) -> Outcome {
    let sessions = client.sessions();
    three_pages(sessions.list(), |session| session.id.to_string()).await?;
    for some in [
        sessions.list().agent_id(agent).agent_version(1),
        sessions.list().memory_store_id(store),
        sessions.list().include_archived(true).order(Order::Asc),
        sessions
            .list()
            .status(SessionStatus::Idle)
            .status(SessionStatus::Running),
        sessions
            .list()
            .created_at_gt("2020-01-01T00:00:00Z")
            .created_at_gte("2020-01-01T00:00:00Z"),
        sessions
            .list()
            .created_at_lt("2120-01-01T00:00:00Z")
            .created_at_lte("2120-01-01T00:00:00Z"),
    ] {
        let some = some.await?;
        assert!(
            some.data.iter().any(|session| session.id == *id),
            "{some:?}"
        );
    }
    let none = sessions.list().deployment_id("dep_none").await?;
    assert!(none.data.is_empty());
    Ok(())
}

async fn resources(client: &Client, id: &SessionId) -> Outcome {
    let resources = client.sessions().resources();
    let file = client
        .files()
        .upload(Upload::bytes("given.txt", "content"))
        .await?;
    let given = FileResource::new(&file.id).mount_path("/data/given.txt");
    let added = resources.add(id, given.clone()).await?;
    let again = resources.add(id, given).await;
    assert!(
        again.is_err_and(|error| error.is_conflict()),
        "it has that file"
    );
    let name = |resource: &SessionResource| format!("{:?}", resource.id());
    let all = three_pages(resources.list(id), name).await?;
    let of_file = added.id.as_ref().ok_or("no id")?;
    resources.list(id).after(of_file).await?;
    resources.list(id).before(of_file).await?;
    let repository = all
        .iter()
        .find(|resource| matches!(resource, SessionResource::GithubRepository(_)));
    let repository = repository
        .and_then(SessionResource::id)
        .ok_or("no repository")?;
    let update = SessionResourceUpdate::new()
        .token("ghp-other")
        .password("other");
    let updated = resources.update(id, repository, update).await?;
    assert!(
        !serde_json::to_string(&updated)?.contains("ghp-other"),
        "{updated:?}"
    );
    assert_eq!(resources.retrieve(id, of_file).await?.id(), Some(of_file));
    assert_eq!(resources.delete(id, of_file).await?.id, of_file.as_str());
    Ok(())
}

async fn events(client: &Client, id: &SessionId) -> Outcome {
    let events = client.sessions().events();
    let sent = events.send(id, [UserMessage::new("And again.")]).await?;
    let message = sent.data[0].id().ok_or("no id")?.clone();
    let after = client
        .session(id)
        .follow()
        .from(Start::After(message.clone()));
    let mut follow = after.previews([PreviewType::AgentMessage]).events();
    while let Some(event) = follow.next().await {
        if matches!(event?, Event::SessionStatusIdle(_)) {
            break;
        }
    }
    let name = |event: &Event| format!("{:?}", event.id());
    let all = three_pages(events.list(id), name).await?;
    let answers = events
        .list(id)
        .event_type("agent.message")
        .order(Order::Desc)
        .await?;
    assert_eq!(answers.data.len(), 2);
    for some in [
        events.list(id).after(&message),
        events.list(id).before(&message),
        events
            .list(id)
            .created_at_gt("2020-01-01T00:00:00Z")
            .created_at_gte("2020-01-01T00:00:00Z"),
        events
            .list(id)
            .created_at_lt("2120-01-01T00:00:00Z")
            .created_at_lte("2120-01-01T00:00:00Z"),
    ] {
        let count = some.await?.data.len();
        assert!((1..=all.len()).contains(&count), "{count} events");
    }
    Ok(())
}

async fn threads(sim: &Sim, client: &Client) -> Outcome {
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await?;
    let environment = client
        .environments()
        .create(EnvironmentCreate::new("e"))
        .await?;
    let session = client
        .sessions()
        .create(SessionCreate::new(&agent.id, &environment.id))
        .await?;
    let id = session.id.as_str();
    for child in ["sthr_one", "sthr_two"] {
        let created = json!({"type": "session.thread_created", "session_thread_id": child, "agent_name": "helper"});
        sim.publish(id, created).ok_or("no session")?;
        for text in ["one", "two"] {
            let content = json!([{"type": "text", "text": text}]);
            let message =
                json!({"type": "agent.message", "session_thread_id": child, "content": content});
            sim.publish(id, message).ok_or("no session")?;
        }
    }
    let threads = client.sessions().threads();
    three_pages(threads.list(id), |thread| thread.id.to_string()).await?;
    assert_eq!(threads.retrieve(id, "sthr_one").await?.id, "sthr_one");
    let events = threads.events();
    let all = three_pages(events.list(id, "sthr_one"), |event| {
        format!("{:?}", event.id())
    })
    .await?;
    let first = all[0].id().ok_or("no id")?;
    assert_eq!(
        events.list(id, "sthr_one").after(first).await?.data.len(),
        2
    );
    assert!(
        events
            .list(id, "sthr_one")
            .before(first)
            .await?
            .data
            .is_empty()
    );
    let mut stream = events.stream(id, "sthr_one").after(first).await?;
    let next = stream.next().await.ok_or("no event")??;
    assert_eq!(next.id(), all[1].id());
    threads.archive(id, "sthr_two").await?;
    Ok(())
}
