//! What sessions and outcomes must be like, and how they are answered.

use crate::common::{Api, joined, members, message, pairs, quick, refuses, text};
use qoder_sim::Sim;
use serde_json::{Value, json};

struct Session<'a> {
    api: Api<'a>,
    agent: String,
    environment: String,
}

impl<'a> Session<'a> {
    async fn new(sim: &'a Sim) -> Self {
        let api = Api::new(sim);
        let agent = text(&api.agent(json!({"simulate": "answer"})).await["id"]);
        let environment = api.environment().await;
        Self {
            api,
            agent,
            environment,
        }
    }

    /// A body for a new session with these members as well.
    fn with(&self, others: Value) -> Value {
        let body = json!({"agent": self.agent, "environment_id": self.environment});
        joined(body, others)
    }

    async fn make(&self, others: Value) -> Value {
        let answer = self.api.post("/sessions", self.with(others)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        let list = self.api.get(&format!("/sessions?{query}")).await.json();
        let sessions = list["data"].as_array().expect("a list").iter();
        sessions.map(|session| text(&session["id"])).collect()
    }
}

#[tokio::test]
async fn sessions_are_checked() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let message = json!({"type": "user.message", "content": []});
    for (others, param) in [
        (json!({"agent": 7}), "agent"),
        (
            json!({"agent": {"type": "agent", "id": new.agent, "version": "1"}}),
            "agent.version",
        ),
        (json!({"environment_id": 7}), "environment_id"),
        (json!({"title": 7}), "title"),
        (json!({"metadata": pairs(17)}), "metadata"),
        (
            json!({"environment_variables": {"1A": "x"}}),
            "environment_variables",
        ),
        (
            json!({"environment_variables": {"QODER_X": "x"}}),
            "environment_variables",
        ),
        (
            json!({"environment_variables": {"WORK_DIR": "x"}}),
            "environment_variables",
        ),
        (
            json!({"environment_variables": {"A": 1}}),
            "environment_variables",
        ),
        (
            json!({"environment_variables": "A"}),
            "environment_variables",
        ),
        (json!({"vault_ids": "vault_x"}), "vault_ids"),
        (
            json!({"budget": {"type": "limit", "max_credit_cost": 100}}),
            "budget.max_credit_cost",
        ),
        (
            json!({"budget": {"type": "limit", "max_credit_cost": "-1"}}),
            "budget.max_credit_cost",
        ),
        (json!({"budget": "100"}), "budget"),
        (
            json!({"initial_events": [{"type": "user.interrupt"}]}),
            "initial_events",
        ),
        (json!({"initial_events": [message]}), "content"),
        (
            json!({"initial_events": vec![message; 51]}),
            "initial_events",
        ),
        (json!({"resources": [{"type": "folder"}]}), "resources.type"),
        (
            json!({"resources": [{"type": "github_repository", "url": "https://g.example/r"}]}),
            "authorization_token",
        ),
    ] {
        refuses(&new.api, "/sessions", new.with(others), param).await;
    }
    assert!(new.ids("").await.is_empty());
    let missing = json!({"resources": [{"type": "file", "file_id": "file_none"}]});
    let missing = new.api.post("/sessions", new.with(missing)).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn sessions_keep_what_is_set() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let budget = json!({"type": "limit", "max_credit_cost": "100.00"});
    let variables = "A=1; B=x=y\nC=";
    let vault = new.api.post("/vaults", json!({"display_name": "v"})).await;
    let vault = text(&vault.json()["id"]);
    let session = new
        .make(json!({"budget": budget, "environment_variables": variables, "vault_ids": [vault]}))
        .await;
    assert_eq!(
        (
            &session["budget"],
            &session["environment_variables"],
            &session["vault_ids"]
        ),
        (
            &budget,
            &json!({"A": "1", "B": "x=y", "C": ""}),
            &json!([vault])
        )
    );
    let path = format!("/sessions/{}", text(&session["id"]));
    assert_eq!(new.api.get(&path).await.json(), session);
    let more = json!({"type": "limit", "max_credit_cost": "7"});
    let changed = new.api.post(&path, json!({"budget": more})).await.json();
    assert_eq!(changed["budget"], more);
    let cleared = new.api.post(&path, json!({"budget": null})).await.json();
    assert_eq!(cleared["budget"], Value::Null);

    // The session's own agent changes, and the agent itself does not.
    let tools = json!([{"type": "custom", "name": "look"}]);
    let parts = json!({"agent": {"tools": tools, "system": "Be brief.", "model": "auto"}});
    let changed = new.api.post(&path, parts).await.json();
    assert_eq!(
        (
            &changed["agent"]["tools"],
            &changed["agent"]["system"],
            &changed["agent"]["model"]["id"]
        ),
        (&tools, &json!("Be brief."), &json!("auto"))
    );
    let agent = new.api.get(&format!("/agents/{}", new.agent)).await.json();
    assert_eq!(
        (&agent["tools"], &agent["version"]),
        (&json!([]), &json!(1))
    );
    let unknown = json!({"agent": {"tools": [{"type": "shell"}]}});
    refuses(&new.api, &path, unknown, "tools").await;
    refuses(&new.api, &path, json!({"agent": new.agent}), "agent").await;
    let updates: Vec<Value> = sim.log(&text(&session["id"]));
    assert_eq!(updates.len(), 3);
    assert_eq!(updates[2]["agent"], changed["agent"]);

    let overrides = json!({"agent": {
        "type": "agent_with_overrides", "id": new.agent, "system": "Be long.",
    }});
    let session = new.make(overrides).await;
    assert_eq!(
        (&session["agent"]["system"], &session["agent"]["type"]),
        (&json!("Be long."), &json!("agent"))
    );
}

#[tokio::test]
async fn sessions_begin_with_events() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let outcome = json!({
        "type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "c"},
    });
    let session = new
        .make(json!({"initial_events": [outcome, message("Hello!")]}))
        .await;
    assert_eq!(session["status"], "running");
    let id = text(&session["id"]);
    let path = format!("/sessions/{id}/events/stream");
    let first = text(&sim.log(&id)[0]["id"]);
    let mut stream = new.api.stream(&path, &[("last-event-id", &first)]).await;
    let frames = stream.until("session.status_idle").await;
    assert!(frames.iter().any(|frame| frame.event == "agent.message"));
    let log = sim.log(&id);
    assert_eq!(log[0]["type"], "user.define_outcome");
    assert!(text(&log[0]["outcome_id"]).starts_with("outc_"));
}

#[tokio::test]
async fn outcomes_are_checked_and_completed() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}/events");
    let outcome = |others: Value| {
        let event = json!({
            "type": "user.define_outcome", "description": "d",
            "rubric": {"type": "file", "file_id": "file_x"},
        });
        json!({"events": [joined(event, others)]})
    };
    for (others, param) in [
        (json!({"description": ""}), "description"),
        (json!({"rubric": {"type": "text"}}), "rubric.content"),
        (json!({"rubric": "good"}), "rubric"),
        (json!({"max_iterations": 0}), "max_iterations"),
        (json!({"max_iterations": 21}), "max_iterations"),
        (json!({"outcome_id": "outc_mine"}), "outcome_id"),
    ] {
        refuses(&api, &path, outcome(others), param).await;
    }
    let accepted = api.post(&path, outcome(json!({}))).await.json()["data"][0].clone();
    assert!(text(&accepted["outcome_id"]).starts_with("outc_"));
    assert_eq!(accepted["max_iterations"], 3);
    let accepted = api
        .post(&path, outcome(json!({"max_iterations": 20})))
        .await
        .json();
    assert_eq!(accepted["data"][0]["max_iterations"], 20);
}

#[tokio::test]
async fn sessions_are_listed_by_what_they_have() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let path = format!("/agents/{}", new.agent);
    new.api
        .post(&path, json!({"version": 1, "system": "x"}))
        .await;
    let store = new
        .api
        .post("/memory_stores", json!({"name": "m"}))
        .await
        .json();
    let store = text(&store["id"]);
    let old = json!({"agent": {"type": "agent", "id": new.agent, "version": 1}});
    let old = text(&new.make(old).await["id"]);
    let resources = json!({"resources": [{"type": "memory_store", "memory_store_id": store}]});
    let remembers = new.make(resources).await;
    assert_eq!(remembers["resources"][0]["name"], "m");
    let remembers = text(&remembers["id"]);
    let both = [remembers.clone(), old.clone()];
    assert_eq!(new.ids("").await, both);
    assert_eq!(new.ids("order=desc").await, both);
    assert_eq!(new.ids("order=asc").await, [old.clone(), remembers.clone()]);
    assert_eq!(new.ids("agent_version=1").await, [old.as_str()]);
    assert_eq!(new.ids("agent_version=2").await, [remembers.as_str()]);
    assert_eq!(
        new.ids(&format!("memory_store_id={store}")).await,
        [remembers.as_str()]
    );
    assert!(new.ids("memory_store_id=other").await.is_empty());
    assert!(new.ids("deployment_id=dep_x").await.is_empty());
    assert_eq!(new.ids("statuses[]=idle&statuses[]=running").await, both);
    for wrong in [
        "order=sideways",
        "agent_version=0",
        "agent_version=x",
        "include_archived=yes",
    ] {
        assert_eq!(
            new.api.get(&format!("/sessions?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn secrets_of_a_session_are_not_echoed() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let repository = |url: &str| {
        json!({
            "type": "github_repository", "url": url, "authorization_token": "ghp_very_secret",
            "checkout": {"type": "branch", "name": "main"},
        })
    };
    let resources = json!({"resources": [
        repository("https://github.com/example-org/widget"),
        {"type": "git_repository", "url": "https://g.example/r.git", "password": "very_secret"},
    ]});
    let answer = new.api.post("/sessions", new.with(resources)).await;
    assert_eq!(answer.status, 200);
    assert!(!String::from_utf8_lossy(&answer.body).contains("very_secret"));
    let resource = &answer.json()["resources"][0];
    assert!(text(&resource["id"]).starts_with("sesr_"));
    assert_eq!(resource["checkout"]["name"], "main");
}

#[tokio::test]
async fn members_come_in_the_documented_order() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let api = &new.api;
    let agent = api.get(&format!("/agents/{}", new.agent)).await;
    assert_eq!(
        agent.members(),
        [
            "id",
            "type",
            "name",
            "description",
            "model",
            "system",
            "tools",
            "mcp_servers",
            "skills",
            "metadata",
            "multiagent",
            "version",
            "archived_at",
            "created_at",
            "updated_at",
        ]
    );
    let environment = api
        .post("/environments", json!({"metadata": {}, "name": "e"}))
        .await;
    assert_eq!(
        environment.members(),
        [
            "id",
            "type",
            "name",
            "description",
            "config",
            "metadata",
            "archived_at",
            "created_at",
            "updated_at",
        ]
    );
    let session = api.post("/sessions", new.with(json!({}))).await;
    assert_eq!(
        session.members(),
        [
            "id",
            "type",
            "agent",
            "environment_id",
            "title",
            "status",
            "metadata",
            "environment_variables",
            "resources",
            "vault_ids",
            "deployment_id",
            "outcome_evaluations",
            "stats",
            "budget",
            "usage",
            "archived_at",
            "created_at",
            "updated_at",
        ]
    );
    let list = api.get("/agents").await;
    assert_eq!(
        list.members(),
        ["data", "first_id", "last_id", "has_more", "next_page"]
    );
    let error = api.get("/agents/none").await;
    assert_eq!(error.members(), ["type", "request_id", "error"]);

    // What was sent keeps its own order, and an event has its id and type first.
    let id = text(&session.json()["id"]);
    let event = r#"{"events":[{"content":[{"text":"z","type":"text"}],"type":"user.message"}]}"#;
    let path = format!("/sessions/{id}/events");
    let accepted = api.send_bytes("POST", &path, &[], event.into()).await;
    let accepted = accepted.expect("an answer");
    let body = String::from_utf8_lossy(&accepted.body).into_owned();
    let event = body.strip_prefix(r#"{"data":["#).expect("a list");
    assert_eq!(members(event), ["id", "type", "content", "processed_at"]);
    assert!(event.contains(r#"[{"text":"z","type":"text"}]"#), "{event}");
}

#[tokio::test]
async fn cancelling_says_whether_there_was_something_to_cancel() {
    let sim = Sim::builder()
        .hold_turns(true)
        .start()
        .await
        .expect("a port");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}/cancel");
    assert_eq!(api.post(&path, json!({})).await.status, 200);
    api.say(&session, "Hello!").await;
    assert_eq!(api.post(&path, json!({})).await.status, 202);
}

#[tokio::test]
async fn the_main_thread_stays() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let threads = format!("/sessions/{session}/threads");
    let list = api.get(&threads).await.json();
    let main = format!("{threads}/{}/archive", text(&list["data"][0]["id"]));
    assert_eq!(api.post(&main, json!({})).await.status, 400);
    let created = json!({
        "type": "session.thread_created", "session_thread_id": "sthr_x", "agent_name": "a",
    });
    sim.publish(&session, created).expect("a session");
    let other = api
        .post(&format!("{threads}/sthr_x/archive"), json!({}))
        .await
        .json();
    assert!(other["archived_at"].is_string());
}

#[tokio::test]
async fn sessions_look_up_their_vaults_and_skills() {
    let sim = quick().await;
    let new = Session::new(&sim).await;
    let vault = new.api.post("/vaults", json!({"display_name": "v"})).await;
    let vault = text(&vault.json()["id"]);
    let session = new.make(json!({"vault_ids": [vault]})).await;
    let path = format!("/sessions/{}", text(&session["id"]));
    let skill = json!({"type": "custom", "skill_id": "skill_none"});
    let overrides = json!({
        "type": "agent_with_overrides", "id": session["agent"]["id"], "skills": [skill],
    });
    let qoder = json!({"skills": [{"type": "qoder", "skill_id": "pdf"}]});
    assert_eq!(
        new.api.post(&path, json!({"agent": qoder})).await.status,
        200
    );
    for (path, body, what) in [
        (
            "/sessions",
            new.with(json!({"vault_ids": ["vault_none"]})),
            "vault not found",
        ),
        (
            "/sessions",
            new.with(json!({"agent": overrides})),
            "skill not found",
        ),
        (
            &path,
            json!({"vault_ids": ["vault_none"]}),
            "vault not found",
        ),
        (
            &path,
            json!({"agent": {"skills": [skill]}}),
            "skill not found",
        ),
    ] {
        let answer = new.api.post(path, body).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(answer.json()["error"]["message"], what, "{path}");
    }
    let archive = format!("/vaults/{vault}/archive");
    assert_eq!(new.api.post(&archive, json!({})).await.status, 200);
    refuses(
        &new.api,
        "/sessions",
        new.with(json!({"vault_ids": [vault]})),
        "vault_ids",
    )
    .await;
    refuses(&new.api, &path, json!({"vault_ids": [vault]}), "vault_ids").await;
    // What it was given before it keeps.
    assert_eq!(new.api.post(&path, json!({"title": "t"})).await.status, 200);
}
