//! Deployments, their schedules and their runs.

use std::time::Duration;

use crate::common::{Api, message, quick, text};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);

/// What a deployment needs, with what is given beside or in place of it.
async fn body(api: &Api<'_>, more: Value) -> Value {
    let mut body = json!({
        "name": "nightly", "agent": api.agent(json!({})).await["id"],
        "environment_id": api.environment().await, "initial_events": [message("Hello!")],
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn deployment(api: &Api<'_>, more: Value) -> Value {
    let answer = api.post("/deployments", body(api, more).await).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn path(deployment: &Value) -> String {
    format!("/deployments/{}", text(&deployment["id"]))
}

/// The hour and the minute of now.
async fn now(api: &Api<'_>) -> (u32, u32) {
    let environment = list(api, "/environments").await[0].clone();
    let time = text(&environment["created_at"]);
    let part = |from: usize| time[from..from + 2].parse().expect("a number");
    (part(11), part(14))
}

/// Once a day, at a time that is far away, so that the test's own time is nothing.
async fn daily(api: &Api<'_>) -> Value {
    let (hour, _) = now(api).await;
    let expression = format!("0 {} * * *", (hour + 12) % 24);
    json!({"type": "cron", "expression": expression, "timezone": "UTC"})
}

/// Once an hour, when it is far away: in India, half an hour is the whole one of elsewhere.
async fn hourly(api: &Api<'_>) -> Value {
    let (_, minute) = now(api).await;
    let expression = format!("{minute} * * * *");
    json!({"type": "cron", "expression": expression, "timezone": "Asia/Kolkata"})
}

async fn list(api: &Api<'_>, path: &str) -> Vec<Value> {
    let answer = api.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    let list = answer.json()["data"].clone();
    list.as_array().expect("a list").clone()
}

async fn names(api: &Api<'_>, query: &str) -> Vec<String> {
    let list = list(api, &format!("/deployments{query}")).await;
    list.iter().map(|item| text(&item["name"])).collect()
}

#[tokio::test]
async fn deployments_come_and_go() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let resource = json!({
        "type": "github_repository", "url": "https://github.example/a/b",
        "authorization_token": "hush",
    });
    let more = json!({
        "schedule": {
            "type": "cron", "expression": "15 2 * * mon-fri", "timezone": "Europe/Berlin",
        },
        "environment_variables": "MODE=nightly\nLOG_LEVEL=info", "resources": [resource],
        "metadata": {"k": "v"}, "budget": {"type": "limit", "max_credit_cost": "1.50"},
    });
    let answer = api.post("/deployments", body(&api, more).await).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let members = [
        "id",
        "type",
        "name",
        "description",
        "agent",
        "environment_id",
        "environment_variables",
        "initial_events",
        "resources",
        "vault_ids",
        "metadata",
        "schedule",
        "status",
        "paused_reason",
        "budget",
        "archived_at",
        "created_at",
        "updated_at",
    ];
    assert_eq!(answer.members(), members);
    let made = answer.json();
    assert!(text(&made["id"]).starts_with("dep_"));
    let text_of_all = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!text_of_all.contains("hush"), "{text_of_all}");
    assert_eq!(
        (
            &made["type"],
            &made["description"],
            &made["agent"]["version"],
            &made["environment_variables"],
            &made["status"],
            &made["paused_reason"]
        ),
        (
            &json!("deployment"),
            &json!(""),
            &json!(1),
            &json!("MODE=nightly\nLOG_LEVEL=info"),
            &json!("active"),
            &Value::Null
        )
    );
    let schedule = &made["schedule"];
    assert_eq!(
        schedule["upcoming_runs_at"].as_array().map(Vec::len),
        Some(5)
    );
    assert_eq!(schedule.get("last_run_at"), None);
    assert_eq!(api.get(&path(&made)).await.json()["id"], made["id"]);

    // What is left out stays; an agent's id alone means its latest version.
    let agent = format!("/agents/{}", text(&made["agent"]["id"]));
    api.post(&agent, json!({"version": 1, "system": "New."}))
        .await;
    let change = json!({"description": "d", "metadata": {"k": null}, "schedule": null});
    let changed = api.post(&path(&made), change).await.json();
    assert_eq!(
        (
            &changed["description"],
            &changed["metadata"],
            &changed["schedule"],
            &changed["agent"]["version"],
            &changed["resources"]
        ),
        (
            &json!("d"),
            &json!({}),
            &Value::Null,
            &json!(1),
            &made["resources"]
        )
    );
    let change = json!({"agent": made["agent"]["id"], "resources": []});
    let changed = api.post(&path(&made), change).await.json();
    assert_eq!(
        (&changed["agent"]["version"], &changed["resources"]),
        (&json!(2), &json!([]))
    );

    let archive = format!("{}/archive", path(&made));
    let archived = api.post(&archive, json!({})).await.json();
    let (name, seconds) = archived["name"]
        .as_str()
        .and_then(|name| name.split_once("_archived_"))
        .expect("a name that says so");
    assert!(name == "nightly" && seconds.parse::<u64>().is_ok());
    assert!(archived["archived_at"].is_string());
    assert_eq!(api.post(&archive, json!({})).await.json(), archived);
    assert_eq!(names(&api, "").await, [""; 0]);
    assert_eq!(names(&api, "?include_archived=true").await.len(), 1);
    for verb in ["", "/pause", "/unpause", "/run"] {
        let refused = api.post(&format!("{}{verb}", path(&made)), json!({})).await;
        assert_eq!(refused.status, 409, "{verb}");
    }
    for (method, verb) in [
        ("GET", ""),
        ("POST", ""),
        ("POST", "/pause"),
        ("POST", "/run"),
    ] {
        let path = format!("/deployments/none{verb}");
        let answer = api.send(method, &path, &[], &json!({})).await;
        assert_eq!(answer.expect("an answer").status, 404, "{method} {verb}");
    }
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn deployments_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let agent = api.agent(json!({})).await;
    let archived = api.agent(json!({})).await;
    let archive = format!("/agents/{}/archive", text(&archived["id"]));
    api.post(&archive, json!({})).await;
    let environment = json!({"name": "old"});
    let environment = api.post("/environments", environment).await.json()["id"].clone();
    let archive = format!("/environments/{}/archive", text(&environment));
    api.post(&archive, json!({})).await;
    let vault = json!({"display_name": "old"});
    let vault = api.post("/vaults", vault).await.json()["id"].clone();
    api.post(&format!("/vaults/{}/archive", text(&vault)), json!({}))
        .await;
    let made = deployment(&api, json!({})).await;
    let cron = |expression: &str, zone: &str| json!({"schedule": {"type": "cron", "expression": expression, "timezone": zone}});
    let system = json!({"type": "system.message", "content": [{"type": "text", "text": "s"}]});
    let many = |count: usize| vec![message("m"); count];
    let cases = [
        (json!({"name": null}), 400, "name"),
        (json!({"name": ""}), 400, "name"),
        (json!({"name": "n".repeat(257)}), 400, "name"),
        (json!({"description": "d".repeat(2049)}), 400, "description"),
        (json!({"agent": null}), 400, "agent"),
        (json!({"agent": 7}), 400, "agent"),
        (json!({"agent": "none"}), 404, ""),
        (json!({"agent": {"id": agent["id"]}}), 400, "agent.type"),
        (
            json!({"agent": {"id": agent["id"], "type": "agent", "version": "1"}}),
            400,
            "agent.version",
        ),
        (
            json!({"agent": {"id": agent["id"], "type": "agent", "version": 2}}),
            404,
            "",
        ),
        (json!({"agent": archived["id"]}), 400, "agent"),
        (json!({"environment_id": null}), 400, "environment_id"),
        (json!({"environment_id": "none"}), 404, ""),
        (
            json!({"environment_id": environment}),
            400,
            "environment_id",
        ),
        (json!({"initial_events": null}), 400, "initial_events"),
        (json!({"initial_events": []}), 400, "initial_events"),
        (json!({"initial_events": many(51)}), 400, "initial_events"),
        (
            json!({"initial_events": [{"type": "user.interrupt"}]}),
            400,
            "initial_events",
        ),
        (
            json!({"initial_events": [{"type": "user.message", "content": "text"}]}),
            400,
            "content",
        ),
        (json!({"initial_events": [system]}), 400, "events"),
        (
            json!({"environment_variables": {"A": "1"}}),
            400,
            "environment_variables",
        ),
        (
            json!({"environment_variables": "USER_ID=1"}),
            400,
            "environment_variables",
        ),
        (json!({"resources": {}}), 400, "resources"),
        (json!({"resources": vec![json!({}); 501]}), 400, "resources"),
        (
            json!({"resources": [{"type": "disk"}]}),
            400,
            "resources.type",
        ),
        (
            json!({"resources": [{"type": "file", "file_id": "none"}]}),
            404,
            "",
        ),
        (json!({"vault_ids": "v"}), 400, "vault_ids"),
        (json!({"vault_ids": vec!["v"; 51]}), 400, "vault_ids"),
        (json!({"vault_ids": ["none"]}), 404, ""),
        (json!({"vault_ids": [vault]}), 400, "vault_ids"),
        (json!({"metadata": {"k": 1}}), 400, "metadata"),
        (json!({"budget": {"type": "none"}}), 400, "budget"),
        (json!({"schedule": {"type": "once"}}), 400, "schedule.type"),
        (
            json!({"schedule": {"type": "cron", "timezone": "UTC"}}),
            400,
            "schedule.expression",
        ),
        (
            json!({"schedule": {"type": "cron", "expression": "* * * * *"}}),
            400,
            "schedule.timezone",
        ),
        (cron("* * * *", "UTC"), 400, "schedule.expression"),
        (cron("60 * * * *", "UTC"), 400, "schedule.expression"),
        (cron("0 0 31 2 *", "UTC"), 400, "schedule.expression"),
        (cron("* * * * *", "Mars/Base"), 400, "schedule.timezone"),
    ];
    for (more, status, param) in cases {
        let whole = body(&api, more.clone()).await;
        for (path, body) in [("/deployments", whole), (&path(&made), more)] {
            let answer = api.post(path, body.clone()).await;
            let error = answer.json()["error"].clone();
            let of = error["param"].as_str().unwrap_or_default();
            // An update says of null what it means.
            assert_eq!(
                (answer.status, of),
                (status, param),
                "{path} {body} {error}"
            );
        }
    }
    assert_eq!(names(&api, "").await, ["nightly"]);
}

#[tokio::test]
async fn deployments_are_filtered() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let first = deployment(&api, json!({"name": "first"})).await;
    let second = deployment(&api, json!({"name": "second"})).await;
    let third = deployment(&api, json!({"name": "third"})).await;
    api.post(&format!("{}/pause", path(&second)), json!({}))
        .await;
    api.post(&format!("{}/archive", path(&third)), json!({}))
        .await;
    assert_eq!(names(&api, "").await, ["second", "first"]);
    assert_eq!(names(&api, "?include_archived=true").await.len(), 3);
    assert_eq!(names(&api, "?status=active").await, ["first"]);
    assert_eq!(names(&api, "?status=paused").await, ["second"]);
    let of_agent = format!("?agent_id={}", text(&first["agent"]["id"]));
    assert_eq!(names(&api, &of_agent).await, ["first"]);
    let since = format!("?created_at[gte]={}", text(&second["created_at"]));
    assert_eq!(names(&api, &since).await, ["second"]);
    let until = format!("?created_at[lte]={}", text(&first["created_at"]));
    assert_eq!(names(&api, &until).await, ["first"]);
    let after = format!("?after_id={}", text(&second["id"]));
    assert_eq!(names(&api, &after).await, ["first"]);
    let before = format!("?before_id={}", text(&first["id"]));
    assert_eq!(names(&api, &before).await, ["second"]);
    for wrong in [
        "?status=archived",
        "?status=active&include_archived=true",
        "?include_archived=yes",
        "?created_at[gte]=today",
        "?limit=101",
    ] {
        let answer = api.get(&format!("/deployments{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_run_by_hand_makes_a_session() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let vault = json!({"display_name": "team"});
    let vault = api.post("/vaults", vault).await.json()["id"].clone();
    let system = json!({"type": "system.message", "content": [{"type": "text", "text": "s"}]});
    let outcome = json!({
        "type": "user.define_outcome", "description": "done",
        "rubric": {"type": "text", "content": "r"},
    });
    let store = json!({"name": "notes"});
    let store = api.post("/memory_stores", store).await.json()["id"].clone();
    let more = json!({
        "initial_events": [outcome, message("Hello!"), system], "vault_ids": [vault],
        "environment_variables": "A=1", "budget": {"type": "limit", "max_credit_cost": "2"},
        "resources": [{"type": "memory_store", "memory_store_id": store}],
    });
    let made = deployment(&api, more).await;
    let answer = api.post(&format!("{}/run", path(&made)), json!({})).await;
    let members = [
        "id",
        "type",
        "deployment_id",
        "agent",
        "session_id",
        "error",
        "trigger_context",
        "created_at",
    ];
    assert_eq!(
        (answer.status, answer.members()),
        (200, members.map(String::from).to_vec())
    );
    let run = answer.json();
    assert!(text(&run["id"]).starts_with("drun_"));
    assert_eq!(
        (
            &run["type"],
            &run["deployment_id"],
            &run["agent"],
            &run["error"],
            &run["trigger_context"]
        ),
        (
            &json!("deployment_run"),
            &made["id"],
            &made["agent"],
            &Value::Null,
            &json!({"type": "manual"})
        )
    );
    let id = text(&run["id"]);
    for path in [
        format!("/deployment_runs/{id}"),
        format!("{}/runs/{id}", path(&made)),
    ] {
        assert_eq!(api.get(&path).await.json(), run, "{path}");
    }
    let session = text(&run["session_id"]);
    let shown = api.get(&format!("/sessions/{session}")).await.json();
    assert_eq!(
        (
            &shown["deployment_id"],
            &shown["environment_variables"],
            &shown["vault_ids"],
            &shown["budget"]["max_credit_cost"],
            &shown["resources"][0]["memory_store_id"]
        ),
        (
            &made["id"],
            &json!({"A": "1"}),
            &json!([vault]),
            &json!("2"),
            &store
        )
    );
    let of = format!("/sessions?deployment_id={}", text(&made["id"]));
    assert_eq!(list(&api, &of).await.len(), 1);
    // The agent works on what was written down, and ends.
    let mut stream = api
        .stream(
            &format!("/sessions/{session}/events/stream"),
            &[("last-event-id", &text(&sim.log(&session)[0]["id"]))],
        )
        .await;
    stream.until("session.status_idle").await;
    let log = sim.log(&session);
    let types: Vec<&str> = log
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let at = |name: &str| types.iter().position(|other| *other == name);
    let order = [
        "user.define_outcome",
        "user.message",
        "system.message",
        "agent.message",
    ];
    let order = order.map(|name| at(name).expect(name));
    assert!(order.is_sorted(), "{types:?}");

    // A paused one runs by hand as well.
    api.post(&format!("{}/pause", path(&made)), json!({})).await;
    let again = api.post(&format!("{}/run", path(&made)), json!({})).await;
    assert!(again.json()["session_id"].is_string());
}

#[tokio::test]
async fn a_schedule_runs_as_time_goes_by() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let made = deployment(&api, json!({"schedule": daily(&api).await})).await;
    let told = made["schedule"]["upcoming_runs_at"].as_array();
    let told = told.expect("times").clone();
    let runs = format!("{}/runs", path(&made));
    assert_eq!(list(&api, &runs).await, [Value::Null; 0]);
    sim.advance(3 * DAY);
    let of = format!("/sessions?deployment_id={}", text(&made["id"]));
    assert_eq!(list(&api, &of).await.len(), 3);
    let mut done = list(&api, &runs).await;
    done.reverse();
    let times: Vec<Value> = done
        .iter()
        .map(|run| run["trigger_context"]["scheduled_at"].clone())
        .collect();
    assert_eq!(times, told[..3]);
    for run in &done {
        assert_eq!(run["trigger_context"]["type"], "schedule");
        assert_eq!(run["created_at"], run["trigger_context"]["scheduled_at"]);
        let session = text(&run["session_id"]);
        let session = api.get(&format!("/sessions/{session}")).await.json();
        assert_eq!(session["created_at"], run["created_at"]);
    }
    let later = api.get(&path(&made)).await.json();
    assert_eq!(later["schedule"]["last_run_at"], told[2]);
    assert_eq!(later["schedule"]["upcoming_runs_at"][0], told[3]);
    let between = format!(
        "{runs}?triggered_after={}&triggered_before={}",
        text(&told[0]),
        text(&told[2])
    );
    assert_eq!(list(&api, &between).await, [done[1].clone()]);
    let wrong = format!("{runs}?triggered_after=today");
    assert_eq!(api.get(&wrong).await.status, 400);

    // What is missed in a pause is over.
    let paused = api.post(&format!("{}/pause", path(&made)), json!({})).await;
    let paused = paused.json();
    assert_eq!(
        (&paused["status"], &paused["paused_reason"]),
        (&json!("paused"), &json!({"type": "manual"}))
    );
    let again = api.post(&format!("{}/pause", path(&made)), json!({})).await;
    assert_eq!(again.json()["updated_at"], paused["updated_at"]);
    sim.advance(2 * DAY);
    let active = api
        .post(&format!("{}/unpause", path(&made)), json!({}))
        .await;
    let active = active.json();
    assert_eq!(
        (&active["status"], &active["paused_reason"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(list(&api, &runs).await.len(), 3);
    // Where there is no runtime for a session to work in, it begins with the next request.
    std::thread::scope(|scope| scope.spawn(|| sim.advance(DAY)).join().expect("no panic"));
    assert_eq!(list(&api, &runs).await.len(), 4);

    // Another schedule begins when it is set; an archived deployment has none.
    let hourly = json!({"schedule": hourly(&api).await});
    api.post(&path(&made), hourly).await;
    sim.advance(DAY / 12);
    assert_eq!(list(&api, &runs).await.len(), 6);
    let archive = api
        .post(&format!("{}/archive", path(&made)), json!({}))
        .await;
    assert_eq!(archive.json()["schedule"]["upcoming_runs_at"], json!([]));
    sim.advance(DAY);
    assert_eq!(list(&api, &runs).await.len(), 6);
    assert_eq!(api.get("/deployments/none/runs").await.status, 404);
}

#[tokio::test]
async fn time_that_jumps_far_is_caught_up_on_in_part() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let made = deployment(&api, json!({"schedule": hourly(&api).await})).await;
    let told = made["schedule"]["upcoming_runs_at"][0].clone();
    sim.advance(50 * DAY);
    let runs = list(&api, "/deployment_runs?limit=1000").await;
    assert_eq!(runs.len(), 1000);
    assert_eq!(runs[999]["created_at"], told);
    sim.advance(DAY / 12);
    let page = api.get("/deployment_runs?limit=1000").await.json();
    assert_eq!(page["has_more"], true);
    let next = format!("/deployment_runs?page={}", text(&page["next_page"]));
    assert_eq!(list(&api, &next).await.len(), 2);
}

#[tokio::test]
async fn runs_are_filtered() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let first = deployment(&api, json!({"schedule": daily(&api).await})).await;
    let second = deployment(&api, json!({})).await;
    sim.advance(DAY);
    let run = api.post(&format!("{}/run", path(&second)), json!({})).await;
    let run = run.json();
    let agent = format!("/agents/{}/archive", text(&first["agent"]["id"]));
    api.post(&agent, json!({})).await;
    sim.advance(DAY);
    let count = |query: String| {
        let api = &api;
        async move { list(api, &format!("/deployment_runs{query}")).await.len() }
    };
    assert_eq!(count(String::new()).await, 3);
    let id = |deployment: &Value| text(&deployment["id"]);
    assert_eq!(count(format!("?deployment_id={}", id(&first))).await, 2);
    assert_eq!(count("?deployment_id=none".to_owned()).await, 0);
    assert_eq!(count("?has_error=true".to_owned()).await, 1);
    assert_eq!(count("?has_error=false".to_owned()).await, 2);
    assert_eq!(count("?trigger_type=manual".to_owned()).await, 1);
    assert_eq!(count("?trigger_type=schedule".to_owned()).await, 2);
    let time = text(&run["created_at"]);
    assert_eq!(count(format!("?created_at[gt]={time}")).await, 1);
    assert_eq!(count(format!("?created_at[gte]={time}")).await, 2);
    assert_eq!(count(format!("?created_at[lt]={time}")).await, 1);
    assert_eq!(count(format!("?created_at[lte]={time}")).await, 2);
    assert_eq!(count(format!("?before_id={}", id(&run))).await, 1);
    assert_eq!(count(format!("?after_id={}", id(&run))).await, 1);
    // Also where there is nothing to filter.
    let other = Api {
        sim: &sim,
        token: "pt-other",
    };
    for api in [&api, &other] {
        for wrong in [
            "has_error=1",
            "trigger_type=x",
            "created_at[gt]=x",
            "limit=1001",
        ] {
            let answer = api.get(&format!("/deployment_runs?{wrong}")).await;
            assert_eq!(answer.status, 400, "{wrong}");
        }
    }
    let elsewhere = format!("{}/runs/{}", path(&first), id(&run));
    assert_eq!(api.get(&elsewhere).await.status, 404);
    assert_eq!(api.get("/deployment_runs/none").await.status, 404);
}

#[tokio::test]
async fn a_run_without_a_session_says_why() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let id_of = |path: &'static str, body: Value| {
        let api = &api;
        async move {
            let made = api.post(path, body).await;
            text(&made.json()["id"])
        }
    };
    let environment = id_of("/environments", json!({"name": "a"})).await;
    let old_environment = id_of("/environments", json!({"name": "b"})).await;
    let vault = id_of("/vaults", json!({"display_name": "a"})).await;
    let old_vault = id_of("/vaults", json!({"display_name": "b"})).await;
    let store = id_of("/memory_stores", json!({"name": "a"})).await;
    let old_store = id_of("/memory_stores", json!({"name": "b"})).await;
    let agent = text(&api.agent(json!({})).await["id"]);
    let old_agent = text(&api.agent(json!({})).await["id"]);
    let form =
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\r\n--B--";
    let form_type = [("content-type", "multipart/form-data; boundary=B")];
    let file = api
        .send_bytes("POST", "/files", &form_type, form.into())
        .await;
    let file = text(&file.expect("an answer").json()["id"]);
    let stored = |id: &String| json!([{"type": "memory_store", "memory_store_id": id}]);
    let cases = [
        (
            json!({"environment_id": environment}),
            format!("DELETE /environments/{environment}"),
            "environment_not_found_error",
        ),
        (
            json!({"environment_id": old_environment}),
            format!("POST /environments/{old_environment}/archive"),
            "environment_archived_error",
        ),
        (
            json!({"vault_ids": [vault]}),
            format!("DELETE /vaults/{vault}"),
            "vault_not_found_error",
        ),
        (
            json!({"vault_ids": [old_vault]}),
            format!("POST /vaults/{old_vault}/archive"),
            "vault_archived_error",
        ),
        (
            json!({"resources": stored(&store)}),
            format!("DELETE /memory_stores/{store}"),
            "session_resource_not_found_error",
        ),
        (
            json!({"resources": stored(&old_store)}),
            format!("POST /memory_stores/{old_store}/archive"),
            "memory_store_archived_error",
        ),
        (
            json!({"resources": [{"type": "file", "file_id": file}]}),
            format!("DELETE /files/{file}"),
            "file_not_found_error",
        ),
        (
            json!({"agent": old_agent}),
            format!("POST /agents/{old_agent}/archive"),
            "agent_archived_error",
        ),
        (
            json!({"agent": agent}),
            format!("DELETE /agents/{agent}"),
            "session_creation_rejected_error",
        ),
    ];
    for (mut more, spoil, error) in cases {
        more["schedule"] = daily(&api).await;
        let made = deployment(&api, more).await;
        let (method, target) = spoil.split_once(' ').expect("a method");
        let spoilt = api.send(method, target, &[], &json!({})).await;
        assert_eq!(spoilt.expect("an answer").status, 200, "{spoil}");
        // Whoever runs it sees why it doesn't, and nothing else happens.
        let run = api.post(&format!("{}/run", path(&made)), json!({})).await;
        let run = run.json();
        assert_eq!(
            (&run["error"]["type"], &run["session_id"]),
            (&json!(error), &Value::Null)
        );
        assert!(!text(&run["error"]["message"]).is_empty());
        let shown = api.get(&path(&made)).await.json();
        assert_eq!(shown["status"], "active", "{error}");
        // If nobody does, it is paused: the next run would fail as well.
        sim.advance(2 * DAY);
        let runs = list(&api, &format!("{}/runs", path(&made))).await;
        let shown = api.get(&path(&made)).await.json();
        if error == "session_creation_rejected_error" {
            assert_eq!((runs.len(), &shown["status"]), (3, &json!("active")));
            continue;
        }
        assert_eq!(runs.len(), 2, "{error}");
        assert_eq!(
            (&shown["status"], &shown["paused_reason"]),
            (
                &json!("paused"),
                &json!({"type": "error", "error": {"type": error}})
            )
        );
    }
    assert_eq!(list(&api, "/sessions").await, [Value::Null; 0]);
}
