//! Files: forms, lists, links, and the storage behind them.

use std::time::Duration;

use crate::common::{Answer, Api, quick, text};
use bytes::Bytes;
use qoder_sim::{Dialect, Sim};
use serde_json::{Value, json};

const FORM: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=B")];

fn form(fields: &[(&str, &str)], content: &str) -> Bytes {
    let head = |rest: &str| format!("--B\r\nContent-Disposition: form-data; {rest}\r\n\r\n");
    let mut text: String = fields
        .iter()
        .map(|(name, value)| head(&format!("name=\"{name}\"")) + value + "\r\n")
        .collect();
    text += &head("name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain");
    text += content;
    text += "\r\n--B--\r\n";
    text.into()
}

async fn upload(api: &Api<'_>, fields: &[(&str, &str)]) -> Answer {
    let body = form(fields, "0123456789");
    let sent = api.send_bytes("POST", "/files", FORM, body).await;
    sent.expect("an answer")
}

/// The target of a link to a file.
async fn link(api: &Api<'_>, file: &Value) -> String {
    let id = file["id"].as_str().expect("an id");
    let answer = api.get(&format!("/files/{id}/content")).await;
    let url = answer.json()["url"].as_str().expect("a link").to_owned();
    let (_, target) = url.split_once("/storage/").expect("the storage");
    format!("/storage/{target}")
}

const OPEN: (&str, &str) = ("metadata", r#"{"simulate_downloadable":"true"}"#);

#[tokio::test]
async fn a_file_comes_and_goes() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let answer = upload(&api, &[("name", "notes"), ("expires_in_seconds", "3600")]).await;
    assert_eq!(answer.status, 200);
    let file = answer.json();
    assert_eq!(
        (
            &file["filename"],
            &file["size_bytes"],
            &file["downloadable"]
        ),
        (&json!("notes"), &json!(10), &json!(false))
    );
    let id = file["id"].as_str().expect("an id");
    assert_eq!(api.get(&format!("/files/{id}")).await.json(), file);
    assert_eq!(
        api.get("/files?name=notes").await.json()["data"],
        json!([file])
    );
    assert_eq!(api.get("/files?name=other").await.json()["data"], json!([]));
    assert_eq!(api.get("/files?ids[]=x").await.json()["data"], json!([]));
    assert_eq!(api.get(&format!("/files/{id}/content")).await.status, 400);
    let gone = api.delete(&format!("/files/{id}")).await.json();
    assert_eq!(gone, json!({"id": id, "type": "file_deleted"}));
    assert_eq!(api.get(&format!("/files/{id}")).await.status, 404);

    for (name, value) in [
        ("metadata", "[]"),
        ("metadata", r#"{"a":1}"#),
        ("expires_in_seconds", "3599"),
        ("expires_in_seconds", "soon"),
    ] {
        let answer = upload(&api, &[(name, value)]).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(name))
        );
    }
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(8 << 10));
    assert_eq!(upload(&api, &[("metadata", &long)]).await.status, 400);
    assert_eq!(api.post("/files", json!({"file": "x"})).await.status, 400);
    let cut = form(&[], "x").slice(..60);
    let cut = api.send_bytes("POST", "/files", FORM, cut).await;
    assert_eq!(cut.expect("an answer").status, 400);
    assert!(sim.unexpected().is_empty());
}

#[tokio::test]
async fn a_key_is_of_one_form() {
    let sim = Sim::builder()
        .dialect(Dialect::Seed)
        .start()
        .await
        .expect("a port");
    let api = Api::new(&sim);
    let headers = [FORM, &[("idempotency-key", "k")]].concat();
    let send = async |body: Bytes| {
        let sent = api.send_bytes("POST", "/files", &headers, body).await;
        sent.expect("an answer")
    };
    let first = send(form(&[], "x")).await;
    assert_eq!(first.status, 201);
    assert_eq!(
        (&first.json()["name"], &first.json()["size"]),
        (&json!("a.txt"), &json!(1))
    );
    assert_eq!(send(form(&[], "x")).await.json(), first.json());
    assert_eq!(send(form(&[], "y")).await.status, 409);
}

#[tokio::test]
async fn the_storage_sends_ranges_to_nobody_in_particular() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let file = upload(&api, &[OPEN]).await.json();
    let target = link(&api, &file).await;
    let nobody = Api {
        token: "",
        ..Api::new(&sim)
    };
    let get = async |headers: crate::common::Headers<'_>| {
        let sent = nobody.send("GET", &target, headers, &Value::Null).await;
        sent.expect("an answer")
    };
    let whole = get(&[]).await;
    assert_eq!((whole.status, &whole.body[..]), (200, &b"0123456789"[..]));
    assert_eq!(whole.header("content-type"), "text/plain");
    let etag = whole.header("etag").to_owned();
    let part = get(&[("range", "bytes=4-"), ("if-range", &etag)]).await;
    assert_eq!((part.status, &part.body[..]), (206, &b"456789"[..]));
    assert_eq!(part.header("content-range"), "bytes 4-9/10");
    let other = get(&[("range", "bytes=4-"), ("if-range", "\"x\"")]).await;
    assert_eq!((other.status, other.body.len()), (200, 10));
    let none = get(&[("range", "bytes=10-")]).await;
    assert_eq!(
        (none.status, none.header("content-range")),
        (416, "bytes */10")
    );

    assert_eq!(
        api.send("GET", &target, &[], &Value::Null)
            .await
            .expect("an answer")
            .status,
        400
    );
    let forged = target.replace("sig=", "sig=0");
    let forged = nobody.get(&forged).await;
    assert_eq!(forged.status, 403);
    sim.expire_links();
    assert_eq!(get(&[]).await.status, 403);
    let statuses: Vec<u16> = sim
        .requests()
        .iter()
        .filter(|request| request.path.starts_with("/storage/"))
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [200, 206, 200, 416, 400, 403, 403]);
}

#[tokio::test]
async fn faults_of_the_storage() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let nobody = Api {
        token: "",
        ..Api::new(&sim)
    };
    let file = upload(&api, &[OPEN]).await.json();
    let target = link(&api, &file).await;
    let get = async |fault: &str| {
        sim.inject(fault.parse().expect("a plan"));
        nobody
            .send("GET", &target, &[("range", "bytes=4-")], &Value::Null)
            .await
    };
    assert_eq!(get("storage:ignore-range").await.expect("all").status, 200);
    let wrong = get("storage:wrong-range").await.expect("a part");
    assert_eq!(wrong.header("content-range"), "bytes 5-9/10");
    let before = get("none").await.expect("a part");
    let after = get("storage:etag-changes").await.expect("a part");
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(&after.body[..], b"56789:");
    assert_eq!(get("storage:status=503").await.expect("no").status, 503);
    assert!(get("storage:cut=2").await.is_err());
    assert!(get("storage:reset").await.is_err());
    let silent = tokio::time::timeout(Duration::from_millis(100), get("storage:stall-after=2"));
    assert!(silent.await.is_err());
    let call = api.get("/models").await;
    assert_eq!(call.status, 200, "calls are no storage");
}

#[tokio::test]
async fn what_an_agent_delivers_is_there() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let id = sim
        .deliver(&session, "out.csv", "text/csv", "a,b")
        .expect("a file");
    let log = sim.log(&session);
    let event = log.last().expect("an event");
    assert_eq!(event["type"], "agent.artifact_delivered");
    assert_eq!((&event["file_id"], &event["size"]), (&json!(id), &json!(3)));
    let found = api.get(&format!("/files?scope_id={session}")).await.json();
    assert_eq!(found["data"][0]["id"], json!(id));
    assert_eq!(found["data"][0]["downloadable"], true);
    assert!(sim.deliver("sess_none", "x", "y/z", "").is_none());
}

#[tokio::test]
async fn an_agent_delivers_copies_of_its_files() {
    for dialect in [Dialect::Seed, Dialect::Current] {
        let sim = Sim::builder()
            .dialect(dialect)
            .origin("https://files.test")
            .start();
        let sim = sim.await.expect("a simulator");
        let api = Api::new(&sim);
        let file = upload(&api, &[("name", "notes")]).await.json();
        let agent = api.agent(json!({})).await;
        let session = json!({
            "agent": agent["id"], "environment_id": api.environment().await,
            "resources": [{"type": "file", "file_id": file["id"]}],
        });
        let session = api.post("/sessions", session).await.json();
        let id = session["id"].as_str().expect("an id");
        let mut stream = api
            .stream(&format!("/sessions/{id}/events/stream"), &[])
            .await;
        api.say(id, "Copy this.").await;
        let frames = stream.until("session.status_idle").await;
        let mut delivered = frames
            .iter()
            .filter(|frame| frame.event == "agent.artifact_delivered");
        let delivered = &delivered.next().expect("a delivery").data;
        assert_eq!(delivered["original_filename"], "copy-of-notes");
        let found = api.get(&format!("/files?scope_id={id}")).await.json();
        assert_eq!(found["data"][0]["id"], delivered["file_id"]);
        let content = format!("/files/{}/content", text(&delivered["file_id"]));
        let url = text(&api.get(&content).await.json()["url"]);
        let target = url.strip_prefix("https://files.test").expect("the origin");
        let nobody = Api {
            token: "",
            ..Api::new(&sim)
        };
        assert_eq!(nobody.get(target).await.body, "0123456789");
    }
}

#[tokio::test]
async fn links_and_files_end_as_time_goes_by() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let file = upload(&api, &[OPEN, ("expires_in_seconds", "3600")]).await;
    let file = file.json();
    let path = format!("/files/{}", file["id"].as_str().expect("an id"));
    let target = link(&api, &file).await;
    let nobody = Api {
        token: "",
        ..Api::new(&sim)
    };
    assert_eq!(nobody.get(&target).await.status, 200);
    sim.advance(Duration::from_secs(901));
    assert_eq!(nobody.get(&target).await.status, 403);
    assert_eq!(api.get(&path).await.status, 200);
    sim.advance(Duration::from_secs(3600 - 901));
    assert_eq!(api.get(&path).await.status, 404);
}
