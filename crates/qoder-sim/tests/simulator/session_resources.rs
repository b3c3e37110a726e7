//! What is mounted in a session.

use crate::common::{Api, quick, text};
use bytes::Bytes;
use serde_json::{Value, json};

async fn file(api: &Api<'_>) -> String {
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nabc\r\n--B--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=B")];
    let answer = api.send_bytes("POST", "/files", &headers, Bytes::from(form));
    text(&answer.await.expect("an answer").json()["id"])
}

/// The path of the resources of a session that begins with these.
async fn session(api: &Api<'_>, resources: Value) -> String {
    let agent = api.agent(json!({})).await;
    let environment = api.environment().await;
    let body = json!({"agent": agent["id"], "environment_id": environment, "resources": resources});
    let answer = api.post("/sessions", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    format!("/sessions/{}/resources", text(&answer.json()["id"]))
}

#[tokio::test]
async fn files_come_and_go() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let path = session(&api, json!([])).await;
    let file = file(&api).await;
    let body = json!({"type": "file", "file_id": file, "mount_path": "/data/a.txt"});
    let added = api.post(&path, body.clone()).await;
    assert_eq!(added.status, 200, "{added:?}");
    let members = [
        "id",
        "type",
        "file_id",
        "mount_path",
        "created_at",
        "updated_at",
    ];
    assert_eq!(added.members(), members);
    let resource = added.json();
    let one = format!("{path}/{}", text(&resource["id"]));
    assert!(text(&resource["id"]).starts_with("sesr_"));
    assert_eq!(resource["mount_path"], "/data/a.txt");
    assert_eq!(api.get(&one).await.json(), resource);
    assert_eq!(api.get(&path).await.json()["data"], json!([resource]));
    let session = path.trim_end_matches("/resources");
    let shown = api.get(session).await.json();
    assert_eq!(shown["resources"], json!([resource]));

    let again = api.post(&path, body.clone()).await;
    assert_eq!(
        (again.status, &again.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );
    let gone = api.delete(&one).await;
    assert_eq!(
        gone.json(),
        json!({"id": resource["id"], "type": "session_resource_deleted"})
    );
    for answer in [api.get(&one).await, api.delete(&one).await] {
        assert_eq!(answer.status, 404);
    }
    assert_eq!(api.get(&path).await.json()["data"], json!([]));
    // Once it is gone, it can be attached again.
    assert_eq!(api.post(&path, body).await.status, 200);
}

#[tokio::test]
async fn only_files_can_be_added() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let path = session(&api, json!([])).await;
    let file = file(&api).await;
    for (body, status) in [
        (json!({}), 400),
        (json!({"type": "file"}), 400),
        (json!({"type": "file", "file_id": 7}), 400),
        (
            json!({"type": "file", "file_id": file, "mount_path": 7}),
            400,
        ),
        (json!({"type": "file", "file_id": "file_none"}), 404),
        (
            json!({"type": "github_repository", "url": "u", "authorization_token": "t"}),
            400,
        ),
        (
            json!({"type": "memory_store", "memory_store_id": "memstore_1"}),
            400,
        ),
    ] {
        let answer = api.post(&path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
    }
    let body = json!({"type": "file", "file_id": file});
    let nowhere = api
        .post("/sessions/sess_none/resources", body.clone())
        .await;
    assert_eq!(nowhere.status, 404);
    let session = path.trim_end_matches("/resources");
    api.post(&format!("{session}/archive"), json!({})).await;
    assert_eq!(api.post(&path, body).await.status, 409);
}

#[tokio::test]
async fn secrets_are_changed_and_never_shown() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let file = file(&api).await;
    let resources = json!([
        {"type": "github_repository", "url": "https://github.com/o/r", "authorization_token": "s3cret-1"},
        {"type": "git_repository", "url": "https://git.example.com/r.git", "password": "s3cret-2"},
        {"type": "file", "file_id": file},
    ]);
    let path = session(&api, resources).await;
    let list = api.get(&path).await;
    assert!(!String::from_utf8_lossy(&list.body).contains("s3cret"));
    let one = |n: usize| format!("{path}/{}", text(&list.json()["data"][n]["id"]));
    let rotated = [
        (one(0), json!({"authorization_token": "s3cret-3"}), 200),
        (one(0), json!({"authorization_token": ""}), 400),
        (one(0), json!({"authorization_token": null}), 400),
        (one(0), json!({"password": "s3cret-3"}), 400),
        (one(1), json!({"password": "s3cret-3"}), 200),
        (one(1), json!({"password": null}), 200),
        (one(1), json!({"password": 7}), 400),
        (one(1), json!({}), 400),
        (one(2), json!({"password": "s3cret-3"}), 400),
        (
            format!("{path}/sesr_none"),
            json!({"password": "s3cret-3"}),
            404,
        ),
    ];
    for (path, body, status) in rotated {
        let answer = api.post(&path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("s3cret"));
    }
    let before = &list.json()["data"][0];
    let after = api.get(&one(0)).await.json();
    assert_eq!(
        (&after["url"], &after["created_at"]),
        (&before["url"], &before["created_at"])
    );
    assert_ne!(after["updated_at"], before["updated_at"]);
}

#[tokio::test]
async fn lists_have_pages() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let url = |n: u32| json!({"type": "git_repository", "url": format!("https://example.com/{n}")});
    let repositories: Vec<Value> = (0..30).map(url).collect();
    let path = session(&api, json!(repositories)).await;
    // All of them, if nothing is said.
    let whole = api.get(&path).await.json();
    assert_eq!(whole["data"].as_array().map(Vec::len), Some(30));
    let first = api.get(&format!("{path}?limit=20")).await.json();
    let next = text(&first["next_page"]);
    let second = api
        .get(&format!("{path}?limit=20&page={next}"))
        .await
        .json();
    assert_eq!(second["data"][0], whole["data"][20]);
    assert_eq!(second["has_more"], false);
    let last = text(&whole["data"][28]["id"]);
    let rest = api.get(&format!("{path}?after_id={last}")).await.json();
    assert_eq!(rest["data"], json!([whole["data"][29]]));
    assert_eq!(api.get(&format!("{path}?limit=1001")).await.status, 400);
}

#[tokio::test]
async fn self_hosted_environments_have_none() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let body = json!({"name": "mine", "config": {"type": "self_hosted"}});
    let environment = api.post("/environments", body).await.json();
    let agent = api.agent(json!({})).await;
    let session = json!({"agent": agent["id"], "environment_id": environment["id"]});
    let session = api.post("/sessions", session).await.json();
    let file = file(&api).await;
    let path = format!("/sessions/{}", text(&session["id"]));
    let resource = json!({"type": "file", "file_id": file});
    let added = api.post(&format!("{path}/resources"), resource).await;
    assert_eq!(added.status, 400);
    let variables = json!({"environment_variables": {"A": "b"}});
    assert_eq!(api.post(&path, variables).await.status, 400);
    for more in [
        json!({"resources": [{"type": "file", "file_id": file}]}),
        json!({"environment_variables": {"A": "b"}}),
    ] {
        let mut body = json!({"agent": agent["id"], "environment_id": environment["id"]});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        assert_eq!(api.post("/sessions", body).await.status, 400, "{more}");
    }
}
