//! Agents, environments and models, and what accounts have of them.

use crate::common::{Api, quick, text};
use qoder_sim::Sim;
use serde_json::{Value, json};

#[tokio::test]
async fn agents_have_versions() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let agent = api.agent(json!({"team": "a", "gone": "b"})).await;
    assert!(text(&agent["id"]).starts_with("agent_"));
    assert_eq!(
        (&agent["version"], &agent["tools"]),
        (&json!(1), &json!([]))
    );
    let path = format!("/agents/{}", text(&agent["id"]));

    let missing = api.post(&path, json!({"name": "other"})).await;
    assert_eq!(
        (missing.status, &missing.json()["error"]["param"]),
        (400, &json!("version"))
    );
    let change =
        json!({"version": 1, "system": "Be brief.", "metadata": {"gone": null, "new": "c"}});
    let changed = api.post(&path, change.clone()).await.json();
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["metadata"], json!({"team": "a", "new": "c"}));
    let stale = api.post(&path, change).await;
    assert_eq!(
        (stale.status, &stale.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );

    assert_eq!(
        api.get(&format!("{path}?version=1")).await.json()["system"],
        ""
    );
    assert_eq!(api.get(&format!("{path}?version=9")).await.status, 404);
    let versions = api.get(&format!("{path}/versions")).await.json();
    let numbers: Vec<&Value> = versions["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|agent| &agent["version"])
        .collect();
    assert_eq!(numbers, [&json!(2), &json!(1)]);

    assert!(
        api.post(&format!("{path}/archive"), Value::Null)
            .await
            .json()["archived_at"]
            .is_string()
    );
    assert_eq!(api.get("/agents").await.json()["data"], json!([]));
    let all = api.get("/agents?include_archived=true").await.json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(api.delete(&path).await.json()["type"], "agent_deleted");
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn required_fields_are_required() {
    let sim = quick().await;
    let api = Api::new(&sim);
    for (path, body, param) in [
        ("/agents", json!({"model": "ultimate"}), "name"),
        ("/agents", json!({"name": "n"}), "model"),
        ("/environments", json!({}), "name"),
        ("/sessions", json!({"environment_id": "env_x"}), "agent"),
        ("/sessions", json!({"agent": "agent_x"}), "environment_id"),
    ] {
        let answer = api.post(path, body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(param)),
            "{path}"
        );
    }
    let config = json!({"name": "e", "config": {}});
    assert_eq!(api.post("/environments", config).await.status, 400);
}

#[tokio::test]
async fn environments_stay_while_a_session_refers_to_them() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let list = api.get("/environments").await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    let path = format!("/environments/{}", text(&list["data"][0]["id"]));
    let session = api.session("answer").await;
    assert_eq!(api.delete(&path).await.status, 409);
    assert_eq!(
        api.delete(&format!("/sessions/{session}")).await.json()["type"],
        "session_deleted"
    );
    assert_eq!(api.delete(&path).await.status, 409);
    let other = api
        .post("/environments", json!({"name": "other"}))
        .await
        .json();
    let other = format!("/environments/{}", text(&other["id"]));
    assert_eq!(
        api.post(&other, json!({"name": "renamed"})).await.json()["name"],
        "renamed"
    );
    assert_eq!(
        api.delete(&other).await.json()["type"],
        "environment_deleted"
    );
}

#[tokio::test]
async fn archived_things_start_nothing() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let agent = text(&api.agent(json!({})).await["id"]);
    let environment = api.environment().await;
    let session = || json!({"agent": &agent, "environment_id": &environment});
    assert_eq!(api.post("/sessions", session()).await.status, 200);
    api.post(&format!("/environments/{environment}/archive"), Value::Null)
        .await;
    assert_eq!(api.post("/sessions", session()).await.status, 400);
    let untyped = json!({"agent": {"id": &agent}, "environment_id": &environment});
    assert_eq!(
        api.post("/sessions", untyped).await.json()["error"]["param"],
        "agent.type"
    );
    let nowhere = json!({"agent": &agent, "environment_id": "env_none"});
    assert_eq!(api.post("/sessions", nowhere).await.status, 404);
}

#[tokio::test]
async fn accounts_are_apart_and_each_has_an_environment() {
    let sim = quick().await;
    let [one, two] = ["pt-one", "pt-two"].map(|token| Api { sim: &sim, token });
    let agent = text(&one.agent(json!({})).await["id"]);
    assert_eq!(two.get(&format!("/agents/{agent}")).await.status, 404);
    assert_eq!(two.get("/agents").await.json()["data"], json!([]));
    assert_ne!(one.environment().await, two.environment().await);

    let sim = Sim::builder()
        .empty_environments(true)
        .start()
        .await
        .expect("a simulator");
    let list = Api::new(&sim).get("/environments").await.json();
    assert_eq!(
        (&list["data"], &list["first_id"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn models_are_listed_at_once() {
    let sim = quick().await;
    let models = Api::new(&sim).get("/models").await.json();
    assert_eq!(models["has_more"], false);
    let models = models["data"].as_array().expect("a list");
    assert!(models.iter().any(|model| model["id"] == "ultimate"));
}
