//! Dreams: made, going on as time does, and what they leave.

use std::time::Duration;

use crate::common::{Api, quick, text};
use serde_json::{Value, json};

async fn made(api: &Api<'_>, path: &str, body: Value) -> Value {
    let answer = api.post(path, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_dream_goes_on_as_time_does() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = made(&api, "/memory_stores", json!({"name": "m"})).await;
    let inputs = json!([{"type": "memory_store", "memory_store_id": store["id"]}]);
    let dream = made(
        &api,
        "/dreams",
        json!({"inputs": inputs, "model": "ultimate"}),
    )
    .await;
    assert_eq!(
        (&dream["status"], &dream["type"]),
        (&json!("pending"), &json!("dream"))
    );
    assert_eq!(dream["model"], json!({"id": "ultimate"}));
    assert_eq!(dream["output_behavior"], json!({"type": "create_new"}));
    let path = format!("/dreams/{}", text(&dream["id"]));
    sim.advance(Duration::from_secs(2));
    assert_eq!(api.get(&path).await.json()["status"], "running");
    sim.advance(Duration::from_secs(5));
    let dream = api.get(&path).await.json();
    assert_eq!(dream["status"], "completed");
    assert!(dream["ended_at"].is_string() && dream["usage"]["output_tokens"] == 80);
    let made_store = text(&dream["outputs"][0]["memory_store_id"]);
    assert_ne!(json!(made_store), store["id"]);
    let memories = api
        .get(&format!("/memory_stores/{made_store}/memories"))
        .await
        .json();
    assert_eq!(
        memories["data"][0]["path"],
        dream["outputs"][0]["files_touched"][0]
    );
    // It has ended, and stays so.
    let canceled = api.post(&format!("{path}/cancel"), json!({})).await.json();
    assert_eq!(canceled["status"], "completed");
}

#[tokio::test]
async fn a_dream_changes_a_store_or_fails() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = text(&made(&api, "/memory_stores", json!({"name": "m"})).await["id"]);
    let body = json!({
        "inputs": [{"type": "memory_store", "memory_store_id": store}],
        "model": {"id": "ultimate", "speed": "fast"},
        "instructions": "Be brief.",
        "output_behavior": {"type": "update_existing", "memory_store_id": store},
    });
    let first = made(&api, "/dreams", body.clone()).await;
    sim.advance(Duration::from_secs(6));
    let first = api
        .get(&format!("/dreams/{}", text(&first["id"])))
        .await
        .json();
    assert_eq!(first["outputs"][0]["memory_store_id"], json!(store));
    let second = made(&api, "/dreams", body).await;
    assert_eq!(
        api.delete(&format!("/memory_stores/{store}")).await.status,
        200
    );
    sim.advance(Duration::from_secs(6));
    let second = api
        .get(&format!("/dreams/{}", text(&second["id"])))
        .await
        .json();
    assert_eq!(second["status"], "failed");
    assert_eq!(second["error"]["type"], "invalid_input_error");
}

#[tokio::test]
async fn dreams_are_cancelled_archived_and_listed() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = text(&made(&api, "/memory_stores", json!({"name": "m"})).await["id"]);
    let body = json!({"inputs": [{"type": "memory_store", "memory_store_id": store}], "model": "ultimate"});
    let one = format!(
        "/dreams/{}",
        text(&made(&api, "/dreams", body.clone()).await["id"])
    );
    made(&api, "/dreams", body).await;
    assert_eq!(
        made(&api, &format!("{one}/cancel"), json!({})).await["status"],
        "canceled"
    );
    let canceled = api
        .get("/dreams?statuses[]=canceled&statuses[]=failed")
        .await
        .json();
    assert_eq!(canceled["data"].as_array().map(Vec::len), Some(1));
    assert!(made(&api, &format!("{one}/archive"), json!({})).await["archived_at"].is_string());
    let count = |list: Value| list["data"].as_array().map(Vec::len);
    assert_eq!(count(api.get("/dreams").await.json()), Some(1));
    assert_eq!(
        count(api.get("/dreams?include_archived=true").await.json()),
        Some(2)
    );
    assert_eq!(
        count(
            api.get("/dreams?created_at[gt]=2120-01-01T00:00:00Z")
                .await
                .json()
        ),
        Some(0)
    );
}

#[tokio::test]
async fn dreams_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = json!([{"type": "memory_store", "memory_store_id": "memstore_none"}]);
    for (body, status) in [
        (json!({"model": "ultimate"}), 400),
        (json!({"inputs": [], "model": "ultimate"}), 400),
        (
            json!({"inputs": [{"type": "files"}], "model": "ultimate"}),
            400,
        ),
        (
            json!({"inputs": [{"type": "sessions", "session_ids": []}], "model": "ultimate"}),
            400,
        ),
        (json!({"inputs": store}), 400),
        (json!({"inputs": store, "model": 7}), 400),
        (
            json!({"inputs": store, "model": {"id": "ultimate", "speed": "slow"}}),
            400,
        ),
        (
            json!({"inputs": store, "model": "ultimate", "output_behavior": {"type": "both"}}),
            400,
        ),
        (json!({"inputs": store, "model": "ultimate"}), 404),
        (
            json!({"inputs": [{"type": "sessions", "session_ids": ["sess_none"]}], "model": "ultimate"}),
            404,
        ),
    ] {
        assert_eq!(
            api.post("/dreams", body.clone()).await.status,
            status,
            "{body}"
        );
    }
    assert_eq!(api.get("/dreams/drm_none").await.status, 404);
    assert_eq!(
        api.post("/dreams/drm_none/cancel", json!({})).await.status,
        404
    );
}
