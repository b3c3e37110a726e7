//! Runs of deployments: by hand, by their schedules, and those without a session.

use super::{DAY, daily, deployment, hourly, list, path};
use crate::common::{Api, message, quick, text};
use serde_json::{Value, json};

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
