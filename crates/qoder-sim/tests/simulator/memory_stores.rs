//! Memory stores, memories, and their versions.

use crate::common::{Api, quick, text};
use serde_json::{Value, json};

/// Of "one".
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

async fn store(api: &Api<'_>, name: &str) -> String {
    let store = api.post("/memory_stores", json!({"name": name})).await;
    assert_eq!(store.status, 200);
    format!("/memory_stores/{}", text(&store.json()["id"]))
}

async fn memory(api: &Api<'_>, store: &str, path: &str, content: &str) -> Value {
    let body = json!({"path": path, "content": content});
    let memory = api.post(&format!("{store}/memories?view=full"), body).await;
    assert_eq!(memory.status, 200, "{memory:?}");
    memory.json()
}

fn all(list: &Value, member: &str) -> Vec<String> {
    let items = list["data"].as_array().expect("a list").iter();
    items.map(|item| text(&item[member])).collect()
}

#[tokio::test]
async fn stores_come_and_go() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let body = json!({"name": "notes", "description": "of a team", "metadata": {"a": "b"}});
    let answer = api.post("/memory_stores", body).await;
    let store = answer.json();
    let members = [
        "id",
        "type",
        "name",
        "description",
        "status",
        "entry_count",
        "total_size",
        "metadata",
        "archived_at",
        "created_at",
        "updated_at",
    ];
    assert_eq!(answer.members(), members);
    assert!(text(&store["id"]).starts_with("memstore_"));
    assert_eq!(store["status"], "active");
    let path = format!("/memory_stores/{}", text(&store["id"]));
    assert_eq!(api.get(&path).await.json(), store);

    let change = json!({"description": null, "metadata": {"a": null, "c": "d"}});
    let changed = api.post(&path, change).await.json();
    assert_eq!(
        (
            &changed["name"],
            &changed["description"],
            &changed["metadata"]
        ),
        (&json!("notes"), &json!(""), &json!({"c": "d"}))
    );
    // Names are no keys.
    api.post("/memory_stores", json!({"name": "notes"})).await;
    api.post("/memory_stores", json!({"name": "other"})).await;
    let named = api.get("/memory_stores?name=notes").await.json();
    assert_eq!(named["data"].as_array().map(Vec::len), Some(2));

    let archived = api.post(&format!("{path}/archive"), json!({})).await.json();
    assert_eq!(archived["status"], "archived");
    let again = api.post(&format!("{path}/archive"), json!({})).await.json();
    assert_eq!(again["archived_at"], archived["archived_at"]);
    assert_eq!(
        all(&api.get("/memory_stores").await.json(), "name"),
        ["other", "notes"]
    );
    let whole = api.get("/memory_stores?include_archived=true").await.json();
    assert_eq!(all(&whole, "name"), ["other", "notes", "notes"]);
    let memory = json!({"path": "a", "content": ""});
    let closed = api.post(&format!("{path}/memories"), memory).await;
    assert_eq!(closed.status, 409);
    let gone = api.delete(&path).await.json();
    assert_eq!(
        gone,
        json!({"id": store["id"], "type": "memory_store_deleted"})
    );
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn stores_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let pairs = |count: usize| {
        let pairs = (0..count).map(|n| (n.to_string(), json!("x")));
        pairs.collect::<serde_json::Map<_, _>>()
    };
    for (body, param) in [
        (json!({}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "n".repeat(256)}), "name"),
        (
            json!({"name": "n", "description": "d".repeat(1025)}),
            "description",
        ),
        (json!({"name": "n", "metadata": {"k": 1}}), "metadata"),
        (
            json!({"name": "n", "metadata": {"k".repeat(65): "v"}}),
            "metadata",
        ),
        (
            json!({"name": "n", "metadata": {"k": "v".repeat(513)}}),
            "metadata",
        ),
        (json!({"name": "n", "metadata": pairs(17)}), "metadata"),
    ] {
        let answer = api.post("/memory_stores", body.clone()).await;
        let (status, error) = (answer.status, answer.json()["error"].clone());
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{body}");
    }
    // Characters count, and not bytes.
    let most = json!({"name": "ä".repeat(255), "metadata": pairs(16)});
    let store = api.post("/memory_stores", most).await;
    assert_eq!(store.status, 200);
    let path = format!("/memory_stores/{}", text(&store.json()["id"]));
    let one_more = json!({"metadata": {"one": "more"}});
    assert_eq!(api.post(&path, one_more).await.status, 400);
    assert_eq!(api.post(&path, json!({"name": null})).await.status, 400);
    assert_eq!(
        api.get("/memory_stores?include_archived=1").await.status,
        400
    );
}

#[tokio::test]
async fn memories_are_at_paths_and_have_versions() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = store(&api, "notes").await;
    let memories = format!("{store}/memories");
    let memory = memory(&api, &store, "team/a.md", "one").await;
    assert_eq!(
        (
            &memory["content"],
            &memory["content_sha256"],
            &memory["content_size_bytes"]
        ),
        (&json!("one"), &json!(ONE), &json!(3))
    );
    let whole = api.get(&store).await.json();
    assert_eq!(
        (&whole["entry_count"], &whole["total_size"]),
        (&json!(1), &json!(3))
    );
    let same = json!({"path": "team/a.md", "content": "x"});
    let conflict = api.post(&memories, same).await;
    assert_eq!(
        (conflict.status, &conflict.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );
    for (path, content) in [
        (json!("/a"), json!("x")),
        (json!(""), json!("x")),
        (json!("a//b"), json!("x")),
        (json!("../a"), json!("x")),
        (json!("p".repeat(1025)), json!("x")),
        (json!("b"), json!(null)),
        (json!("b"), json!("x".repeat((100 << 10) + 1))),
    ] {
        let body = json!({"path": path, "content": content});
        assert_eq!(api.post(&memories, body).await.status, 400, "{path}");
    }
    let empty = api
        .post(&memories, json!({"path": "b", "content": ""}))
        .await;
    assert_eq!((empty.status, empty.json().get("content")), (200, None));
    let none = api
        .post(
            "/memory_stores/none/memories",
            json!({"path": "b", "content": ""}),
        )
        .await;
    assert_eq!(none.status, 404);

    let path = format!("{memories}/{}", text(&memory["id"]));
    assert_eq!(api.get(&path).await.json()["content"], "one");
    assert_eq!(
        api.get(&format!("{path}?view=basic"))
            .await
            .json()
            .get("content"),
        None
    );
    assert_eq!(api.get(&format!("{path}?view=some")).await.status, 400);
    let elsewhere = format!(
        "{}/memories/{}",
        self::store(&api, "x").await,
        text(&memory["id"])
    );
    assert_eq!(api.get(&elsewhere).await.status, 404);

    let moved = api
        .post(&path, json!({"path": "team/b.md", "content": "two"}))
        .await
        .json();
    assert_eq!(moved["path"], "team/b.md");
    assert_ne!(moved["memory_version_id"], memory["memory_version_id"]);
    assert_eq!(api.post(&path, json!({"path": "b"})).await.status, 409);
    let named = api
        .post(&path, json!({"metadata": {"a": "b"}}))
        .await
        .json();
    assert_eq!(named["memory_version_id"], moved["memory_version_id"]);
    let gone = api.delete(&path).await.json();
    assert_eq!(gone, json!({"id": memory["id"], "type": "memory_deleted"}));
    assert_eq!(api.get(&path).await.status, 404);

    let versions = format!("{store}/memory_versions");
    let of_it = format!("{versions}?memory_id={}", text(&memory["id"]));
    let list = api.get(&of_it).await.json();
    assert_eq!(all(&list, "operation"), ["deleted", "modified", "created"]);
    assert!(list["data"][0].get("content").is_none());
    let full = api
        .get(&format!("{of_it}&view=full&operation=modified"))
        .await
        .json();
    assert_eq!(full["data"][0]["content"], "two");
    assert_eq!(full["data"][0]["id"], moved["memory_version_id"]);
    assert_eq!(
        api.get(&format!("{versions}?operation=lost")).await.status,
        400
    );
    let first = &list["data"][2];
    assert_eq!(first["created_by"]["type"], "api_actor");
    let actor = text(&first["created_by"]["api_key_id"]);
    let by = api
        .get(&format!("{versions}?api_key_id={actor}"))
        .await
        .json();
    assert_eq!(by["data"].as_array().map(Vec::len), Some(4));
    let by = api
        .get(&format!("{versions}?session_id=sess_x"))
        .await
        .json();
    assert_eq!(by["data"], json!([]));

    let path = format!("{versions}/{}", text(&first["id"]));
    assert_eq!(api.get(&path).await.json()["content"], "one");
    let redacted = api.post(&format!("{path}/redact"), json!({})).await.json();
    for member in ["content", "path", "content_sha256", "content_size_bytes"] {
        assert!(redacted[member].is_null(), "{member}");
    }
    assert!(redacted["redacted_at"].is_string() && redacted["redacted_by"].is_object());
    assert_eq!(
        api.post(&format!("{path}/redact"), json!({})).await.json(),
        redacted
    );
    assert_eq!(api.get(&path).await.json(), redacted);
    assert_eq!(
        api.get(&format!("{versions}/memver_none")).await.status,
        404
    );

    api.delete(&store).await;
    assert_eq!(api.get(&path).await.status, 404);
    assert!(sim.unexpected().is_empty());
}

#[tokio::test]
async fn a_hash_guards_a_memory() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = store(&api, "notes").await;
    let memory = memory(&api, &store, "a", "one").await;
    let path = format!("{store}/memories/{}", text(&memory["id"]));
    let other = "0".repeat(64);
    for body in [
        json!({"content": "two", "content_sha256": other}),
        json!({"content": "two", "precondition": {"type": "content_sha256", "content_sha256": other}}),
    ] {
        let refused = api.post(&path, body).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["type"]),
            (409, &json!("memory_precondition_failed_error"))
        );
    }
    // What already is as it should be needs no change, and can't fail.
    let same = api
        .post(&path, json!({"content": "one", "content_sha256": other}))
        .await;
    assert_eq!(
        (same.status, &same.json()["memory_version_id"]),
        (200, &memory["memory_version_id"])
    );
    let changed = api
        .post(&path, json!({"content": "two", "content_sha256": ONE}))
        .await;
    assert_eq!(changed.status, 200);
    let late = api
        .delete(&format!("{path}?expected_content_sha256={ONE}"))
        .await;
    assert_eq!(late.status, 409);
    let hash = text(&changed.json()["content_sha256"]);
    let gone = api
        .delete(&format!("{path}?expected_content_sha256={hash}"))
        .await;
    assert_eq!(gone.status, 200);
}

#[tokio::test]
async fn folders_are_listed_by_prefix_and_depth() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = store(&api, "notes").await;
    for path in [
        "z",
        "team/b",
        "team/a",
        "team/x/1",
        "team/x/2",
        "team/y/1/2",
    ] {
        memory(&api, &store, path, path).await;
    }
    let memories = format!("{store}/memories");
    let list = async |query: &str| api.get(&format!("{memories}?{query}")).await;
    let paths = async |query: &str| all(&list(query).await.json(), "path");
    let every = [
        "team/a",
        "team/b",
        "team/x/1",
        "team/x/2",
        "team/y/1/2",
        "z",
    ];
    assert_eq!(paths("").await, every);
    assert_eq!(paths("depth=0").await, every);
    assert_eq!(paths("depth=1").await, ["team/", "z"]);
    assert_eq!(
        paths("depth=2").await,
        ["team/a", "team/b", "team/x/", "team/y/", "z"]
    );
    assert_eq!(paths("path_prefix=team/").await, every[..5]);
    let level = list("path_prefix=team/&depth=1").await.json();
    assert_eq!(
        all(&level, "path"),
        ["team/a", "team/b", "team/x/", "team/y/"]
    );
    assert_eq!(
        level["data"][2],
        json!({"type": "memory_prefix", "path": "team/x/"})
    );
    assert_eq!(level["data"][0].get("content"), None);
    let full = list("path_prefix=team/&view=full&limit=1").await.json();
    assert_eq!(full["data"][0]["content"], "team/a");

    let mut seen = Vec::new();
    let mut query = "depth=2&limit=2".to_owned();
    loop {
        let page = list(&query).await.json();
        seen.extend(all(&page, "path"));
        let Some(next) = page["next_page"].as_str() else {
            break;
        };
        query = format!("depth=2&limit=2&page={next}");
    }
    assert_eq!(seen, ["team/a", "team/b", "team/x/", "team/y/", "z"]);
    for wrong in [
        "path_prefix=team",
        "depth=-1",
        "depth=x",
        "view=full&limit=21",
        "limit=101",
    ] {
        assert_eq!(list(wrong).await.status, 400, "{wrong}");
    }
}
