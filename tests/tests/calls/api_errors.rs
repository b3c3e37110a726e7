//! Every error that the API's facts name, provoked once: what the caller is told of it.

use std::time::Duration;

use crate::common::{builder, client, client_in, current, plan, session, start};
use qoder::files::Upload;
use qoder::types::serde_json::{Value, json};
use qoder::types::{
    AgentCreate, AgentId, AgentUpdate, CredentialAuth, CredentialCreate, DeploymentCreate,
    EnvironmentConfig, EnvironmentCreate, EnvironmentId, FileResource, MemoryCreate,
    MemoryStoreCreate, MemoryUpdate, SessionCreate, SessionId, VaultCreate, WorkHeartbeat,
};
use qoder::{Client, Dialect, Error, ErrorKind, Method, RetryPolicy};
use qoder_sim::Sim;

/// What an error has to be.
struct Expected {
    status: u16,
    kind: &'static str,
    /// Words of the text: what is wrong, or what to do about it.
    says: &'static str,
}

fn check<T>(what: &str, result: Result<T, Error>, expected: &Expected) {
    let Err(error) = result else {
        panic!("{what}: no error");
    };
    let Expected { status, kind, says } = *expected;
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Api, "{what}: {text}");
    let got = error.status().map(|status| status.as_u16());
    assert_eq!(got, Some(status), "{what}: {text}");
    let api = error.api().expect("what the server said");
    assert_eq!(api.kind(), Some(kind), "{what}: {text}");
    assert!(text.contains(says), "{what}: {text:?} doesn't say {says:?}");
    // One line: the operation, what the server said, and the request to ask its people about.
    let operation = error.operation().expect("an operation");
    assert!(text.starts_with(operation), "{what}: {text}");
    let id = error.request_id().expect("an id");
    assert!(text.contains(id), "{what}: {text}");
    let is = [
        (error.is_auth(), matches!(status, 401 | 403)),
        (error.is_not_found(), status == 404),
        (error.is_conflict(), matches!(status, 409 | 412)),
        (error.is_rate_limited(), status == 429),
    ];
    for (n, (is, should)) in is.into_iter().enumerate() {
        assert!(
            is == should || status == 412 && n == 2,
            "{what}: question {n}: {text}"
        );
    }
}

/// A row for each error: what provokes it, its status and type, and words of its text.
macro_rules! refused {
    ($($what:literal: $call:expr => $status:literal $kind:ident $says:literal;)*) => {
        $(check($what, $call.await, &Expected {
            status: $status,
            kind: stringify!($kind),
            says: $says,
        });)*
    };
}

/// An account with one of each.
struct Account {
    client: Client,
    agent: AgentId,
    environment: EnvironmentId,
    session: SessionId,
}

impl Account {
    async fn new(sim: &Sim) -> Self {
        let client = client(sim);
        let agent = client.agents().create(AgentCreate::new("a", "ultimate"));
        let agent = agent.await.expect("an agent").id;
        let environment = client.environments().create(EnvironmentCreate::new("e"));
        let environment = environment.await.expect("an environment").id;
        let session = session(&client, "answer").await;
        Self {
            client,
            agent,
            environment,
            session,
        }
    }

    async fn session_in(&self, environment: &EnvironmentId) -> SessionId {
        let session = SessionCreate::new(&self.agent, environment);
        let session = self.client.sessions().create(session);
        session.await.expect("a session").id
    }

    /// A body of any shape, which typed arguments would not let through.
    fn post(&self, path: &str, body: &Value) -> qoder::Call<Value> {
        self.client.request(Method::Post, path).json(body)
    }

    fn agent_with(&self, members: &Value) -> qoder::Call<Value> {
        let mut agent = json!({"name": "n", "model": "ultimate"});
        for (name, value) in members.as_object().into_iter().flatten() {
            agent[name] = value.clone();
        }
        self.post("/agents", &agent)
    }

    fn session_with(&self, members: &Value) -> qoder::Call<Value> {
        let mut session = json!({"agent": self.agent, "environment_id": self.environment});
        for (name, value) in members.as_object().into_iter().flatten() {
            session[name] = value.clone();
        }
        self.post("/sessions", &session)
    }

    fn events(&self, events: &Value) -> qoder::Call<Value> {
        let call = self
            .client
            .request(Method::Post, "/sessions/{session_id}/events");
        call.path("session_id", &self.session).json(events)
    }
}

#[tokio::test]
async fn what_is_not_as_it_must_be() {
    let sim = start(current()).await;
    let account = Account::new(&sim).await;
    let (client, a) = (&account.client, &account);
    let builtin = "agent_toolset_20260401";
    let long = "s".repeat(5 << 20);
    refused! {
        "a required field is missing": a.post("/agents", &json!({"model": "ultimate"}))
            => 400 invalid_request_error "Field 'name' is required";
        "a field of another type": a.post("/agents", &json!({"name": 7, "model": "ultimate"}))
            => 400 invalid_request_error "name must be a string";
        "a name that is too long": client.agents().create(AgentCreate::new("n".repeat(257), "ultimate"))
            => 400 invalid_request_error "256";
        "a body that is too large": client.agents().create(AgentCreate::new("n", "ultimate").system(long))
            => 400 invalid_request_error "valid JSON";
        "more metadata than may be": a.agent_with(&json!({
            "metadata": (0..17).map(|n| (n.to_string(), json!("x"))).collect::<qoder::types::serde_json::Map<_, _>>(),
        })) => 400 invalid_request_error "16";
        "an unknown tool": a.agent_with(&json!({"tools": [{"type": builtin, "enabled_tools": ["Shell"]}]}))
            => 400 invalid_request_error "Shell";
        "a tool enabled and disabled": a.agent_with(&json!({"tools": [
            {"type": builtin, "enabled_tools": ["Bash"], "disallowed_tools": ["Bash"]},
        ]})) => 400 invalid_request_error "Bash";
        "MCP tools without their server": a.agent_with(&json!({"tools": [
            {"type": "mcp_toolset", "mcp_server_name": "tracker"},
        ]})) => 400 invalid_request_error "tracker";
        "browser tools without the beta header": a.agent_with(&json!({"tools": [
            {"type": "browser_toolset_20260714"},
        ]})) => 400 invalid_request_error "x-qoder-beta";
        "an empty roster": a.agent_with(&json!({"multiagent": {"type": "coordinator", "agents": []}}))
            => 400 invalid_request_error "empty";
        "an empty configuration": a.post("/environments", &json!({"name": "e", "config": {}}))
            => 400 invalid_request_error "cloud or self_hosted";
        "no configuration": a.post("/environments", &json!({"name": "e", "config": null}))
            => 400 invalid_request_error "config";
        "a session without an agent": a.post("/sessions", &json!({"environment_id": a.environment}))
            => 400 invalid_request_error "Field 'agent' is required";
        "a variable that is reserved": a.session_with(&json!({"environment_variables": {"QODER_X": "1"}}))
            => 400 invalid_request_error "reserved";
        "a budget that is no limit": a.session_with(&json!({"budget": {"type": "limit", "max_credit_cost": 100}}))
            => 400 invalid_request_error "decimal number in a string";
        "initial events of another kind": a.session_with(&json!({"initial_events": [{"type": "user.interrupt"}]}))
            => 400 invalid_request_error "user.message";
        "more than one cursor": client.agents().list().query("page", "p_x").query("after_id", "y")
            => 400 invalid_request_error "exclude each other";
        "a cursor that is none": client.files().list().after("file_none")
            => 400 invalid_request_error "file_none";
        "a limit out of range": client.agents().list().limit(101)
            => 400 invalid_request_error "between 1 and 100";
        "a prefix without its end": {
            let store = client.memory_stores().create(MemoryStoreCreate::new("m")).await.expect("a store");
            client.memory_stores().memories().list(&store.id).path_prefix("notes")
        } => 400 invalid_request_error "must end with '/'";
        "a file that is not downloadable": {
            let file = client.files().upload(Upload::bytes("a.txt", "a")).await.expect("a file");
            client.files().content(&file.id)
        } => 400 invalid_request_error "not downloadable";
    }
}

#[tokio::test]
async fn what_a_session_does_not_take() {
    let sim = start(current()).await;
    let account = Account::new(&sim).await;
    let (client, a) = (&account.client, &account);
    let message = json!({"type": "user.message", "content": [{"type": "text", "text": "Hi"}]});
    let outcome = json!({
        "type": "user.define_outcome", "description": "d", "max_iterations": 21,
        "rubric": {"type": "text", "content": "r"},
    });
    let system = json!({"type": "system.message", "content": [{"type": "text", "text": "Hi"}]});
    let allowed = json!({
        "type": "user.tool_confirmation", "tool_use_id": "evt_1", "result": "allow",
        "deny_message": "no",
    });
    refused! {
        "a bare event": a.events(&message) => 400 invalid_request_error "'events' is required";
        "no events": a.events(&json!({"events": []})) => 400 invalid_request_error "must not be empty";
        "a text as content": client_in(&sim, Dialect::Seed).session(&a.session).send("Hi")
            => 400 invalid_request_error "array of content blocks";
        "an unknown event": a.events(&json!({"events": [{"type": "user.wave"}]}))
            => 400 invalid_request_error "user.wave";
        "a reason for what is allowed": a.events(&json!({"events": [allowed]}))
            => 400 invalid_request_error "deny only";
        "too many iterations": a.events(&json!({"events": [outcome]}))
            => 400 invalid_request_error "between 1 and 20";
        "a system message out of place": a.events(&json!({"events": [system]}))
            => 400 invalid_request_error "must be last";
        "an answer that nobody asked for": client.session(&a.session).approve("evt_none")
            => 400 invalid_request_error "No pending tool use 'evt_none'";
        "an unknown cursor of a stream": client.session(&a.session).stream().after("evt_none")
            => 400 invalid_request_error "Last-Event-ID";
    }
}

#[tokio::test]
async fn what_there_is_not() {
    let sim = start(current()).await;
    let account = Account::new(&sim).await;
    let (c, a) = (&account.client, &account);
    let environment = &a.environment;
    let vault = c
        .vaults()
        .create(VaultCreate::new("v"))
        .await
        .expect("a vault")
        .id;
    let store = c
        .memory_stores()
        .create(MemoryStoreCreate::new("m"))
        .await
        .expect("a store")
        .id;
    let none = "none_1";
    let session = |agent: &str, environment: &str| {
        c.sessions().create(SessionCreate::new(agent, environment))
    };
    refused! {
        "an agent": c.agents().retrieve(none) => 404 not_found_error "agent not found";
        "a version": c.agents().retrieve(&a.agent).query("version", 9) => 404 not_found_error "version not found";
        "an environment": c.environments().retrieve(none) => 404 not_found_error "environment not found";
        "work": c.environments().work().retrieve(environment, none) => 404 not_found_error "work not found";
        "a session": c.sessions().retrieve(none) => 404 not_found_error "session not found";
        "the session of events": c.session(none).send("Hi") => 404 not_found_error "session not found";
        "the session of a stream": c.session(none).stream() => 404 not_found_error "session not found";
        "the agent of a session": session(none, environment.as_str()) => 404 not_found_error "agent not found";
        "the environment of a session": session(a.agent.as_str(), none) => 404 not_found_error "environment not found";
        "the vault of a session": a.session_with(&json!({"vault_ids": [none]})) => 404 not_found_error "vault not found";
        "the skill of a session": a.session_with(&json!({"agent": {
            "type": "agent_with_overrides", "id": a.agent, "skills": [{"type": "custom", "skill_id": none}],
        }})) => 404 not_found_error "skill not found";
        "the file of a session": c.sessions().resources().add(&a.session, FileResource::new(none))
            => 404 not_found_error "file not found";
        "a resource": c.sessions().resources().retrieve(&a.session, none) => 404 not_found_error "resource not found";
        "a thread": c.session(&a.session).thread(none).retrieve() => 404 not_found_error "thread not found";
        "a file": c.files().retrieve(none) => 404 not_found_error "file not found";
        "a memory store": c.memory_stores().retrieve(none) => 404 not_found_error "memory store not found";
        "a memory": c.memory_stores().memories().retrieve(&store, none) => 404 not_found_error "memory not found";
        "a version of a memory": c.memory_stores().memory_versions().retrieve(&store, none)
            => 404 not_found_error "memory version not found";
        "a skill": c.skills().retrieve(none) => 404 not_found_error "skill not found";
        "a version of a skill": c.skills().versions().retrieve(none, "1") => 404 not_found_error "not found";
        "a vault": c.vaults().retrieve(none) => 404 not_found_error "vault not found";
        "a credential": c.vaults().credentials().retrieve(&vault, none) => 404 not_found_error "credential not found";
        "a deployment": c.deployments().retrieve(none) => 404 not_found_error "deployment not found";
        "a run": c.deployment_runs().retrieve(none) => 404 not_found_error "run not found";
        "the agent of a deployment": c.deployments().create(DeploymentCreate::new("d", none, environment, ["Hi"]))
            => 404 not_found_error "agent not found";
        "a dream": c.dreams().retrieve(none) => 404 not_found_error "dream not found";
    }
}

#[tokio::test]
async fn what_is_in_the_way() {
    let sim = start(current().hold_turns(true)).await;
    let account = Account::new(&sim).await;
    let (c, a) = (&account.client, &account);
    let store = c
        .memory_stores()
        .create(MemoryStoreCreate::new("m"))
        .await
        .expect("a store")
        .id;
    let memories = c.memory_stores().memories();
    let memory = memories
        .create(&store, MemoryCreate::new("a.md", "A"))
        .await
        .expect("a memory")
        .id;
    let file = c
        .files()
        .upload(Upload::bytes("a.txt", "a"))
        .await
        .expect("a file")
        .id;
    let resources = c.sessions().resources();
    resources
        .add(&a.session, FileResource::new(&file))
        .await
        .expect("a resource");
    let used = a.session_in(&a.environment).await;
    c.session(&used)
        .send("Hi")
        .await
        .expect("a turn that waits");
    let archived = a.session_in(&a.environment).await;
    c.sessions().archive(&archived).await.expect("archived");
    let key = |name| {
        c.agents()
            .create(AgentCreate::new(name, "ultimate"))
            .options(|o| o.idempotency_key("k"))
    };
    key("first").await.expect("an agent");
    let vault = c
        .vaults()
        .create(VaultCreate::new("v"))
        .await
        .expect("a vault")
        .id;
    let bearer = || {
        CredentialCreate::new(CredentialAuth::bearer(
            "https://one.example/mcp",
            "invented",
        ))
    };
    c.vaults()
        .credentials()
        .create(&vault, bearer())
        .await
        .expect("a credential");
    let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
    let own = c
        .environments()
        .create(own)
        .await
        .expect("an environment")
        .id;
    let worked = a.session_in(&own).await;
    c.session(&worked).send("Hi").await.expect("work");
    let queue = c.environments().work();
    let work = queue.poll(&own).await.expect("an answer").expect("work").id;
    let beat = |last: &str| {
        queue
            .heartbeat(&own, &work)
            .query("expected_last_heartbeat", last)
    };
    refused! {
        "a version that was changed meanwhile": c.agents().update(&a.agent, AgentUpdate::new(9).name("n"))
            => 409 conflict_error "Version conflict";
        "a key that was used for something else": key("second") => 409 conflict_error "different body";
        "a path that is taken": memories.create(&store, MemoryCreate::new("a.md", "B"))
            => 409 conflict_error "at this path already";
        "a memory that was changed meanwhile": memories.update(&store, &memory,
            MemoryUpdate::new().content("B").content_sha256("0".repeat(64)))
            => 409 memory_precondition_failed_error "hash";
        "a file that is attached": resources.add(&a.session, FileResource::new(&file))
            => 409 conflict_error "attached already";
        "a message while a turn runs": c.session(&used).send("And?") => 409 conflict_error "running: wait until it is idle, or interrupt it";
        "a message to an archived session": c.session(&archived).send("And?") => 409 conflict_error "no events any more";
        "an environment in use": c.environments().delete(&a.environment) => 409 conflict_error "archive it instead";
        "a session that runs is deleted": c.sessions().delete(&used) => 409 conflict_error "running";
        "a second credential for a server": c.vaults().credentials().create(&vault, bearer())
            => 409 conflict_error "same server";
        "a heartbeat before the acknowledgement": beat(WorkHeartbeat::NONE)
            => 409 conflict_error "not acknowledged";
        "a heartbeat of another worker": beat("2026-01-01T00:00:00Z")
            => 412 precondition_failed_error "NO_HEARTBEAT";
    }
    c.vaults().archive(&vault).await.expect("archived");
    refused! {
        "an archived vault": a.session_with(&json!({"vault_ids": [vault]})) => 400 invalid_request_error "archived";
        "a credential in an archived vault": c.vaults().credentials().create(&vault, bearer())
            => 409 conflict_error "archived";
    }
    c.environments().archive(&own).await.expect("archived");
    refused! {
        "an archived environment": c.sessions().create(SessionCreate::new(&a.agent, &own))
            => 400 invalid_request_error "archived";
    }
    c.agents().archive(&a.agent).await.expect("archived");
    refused! {
        "an archived agent": a.session_with(&json!({})) => 400 invalid_request_error "archived";
    }
    sim.release_turn();
}

#[tokio::test]
async fn who_may_not() {
    let sim = start(current()).await;
    let wrong = builder(&sim.base_url(), Dialect::Current).token("sak-of-nobody");
    let wrong = wrong.build().expect("a client");
    refused! {
        "a key in a token's place": wrong.agents().list() => 401 authentication_error "Invalid API key or token";
    }
    let c = client(&sim);
    sim.inject(plan("call:status=403"));
    refused! {
        "no access": c.agents().list() => 403 permission_error "No access";
    }
    sim.inject(plan("call:flat-401"));
    let error = c.agents().list().await.expect_err("refused");
    assert_eq!(
        error.api().and_then(|api| api.kind()),
        Some("TOKEN_INVALID"),
        "{error}"
    );
    assert!(error.is_auth(), "{error}");
}

#[tokio::test]
async fn what_the_service_answers_when_it_cannot() {
    let sim = start(current()).await;
    let once = builder(&sim.base_url(), Dialect::Current).retry(RetryPolicy::none());
    let once = once.build().expect("a client");
    for (status, kind, says, again) in [
        (413, "request_too_large", "too large", false),
        (422, "invalid_request_error", "refused", false),
        (429, "rate_limit_error", "Too many requests", true),
        (500, "api_error", "Internal error", true),
        (501, "feature_not_available", "Not available", false),
        (503, "feature_not_available", "Not available", true),
        (529, "overloaded_error", "Overloaded", true),
    ] {
        sim.inject(plan(&format!("call:status={status};retry-after=7")));
        let result = once.agents().list().await;
        let error = result.as_ref().err();
        let after = error.and_then(Error::retry_after);
        assert_eq!(after, Some(Duration::from_secs(7)), "{status}");
        assert_eq!(error.map(Error::is_retryable), Some(again), "{status}");
        check("a status", result, &Expected { status, kind, says });
    }
}
