//! Deployments and their schedules.

mod runs;

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
