//! Skills and their versions.

use crate::common::{Answer, Api, quick, text};
use bytes::Bytes;
use serde_json::{Value, json};

const FORM: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=B")];
const HEAD: &str = "---\nname: release-notes\ndescription: Writes release notes.\n---\n# How\n";

/// A part of a form: its name, the name of its file if it is one, and its content.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Bytes {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        let head = format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(b"--B--\r\n");
    body.into()
}

async fn upload(api: &Api<'_>, path: &str, parts: &[Part<'_>]) -> Answer {
    let sent = api.send_bytes("POST", path, FORM, form(parts)).await;
    sent.expect("an answer")
}

fn file<'a>(path: &'a str, content: &'a str) -> Part<'a> {
    ("files", Some(path), content.as_bytes())
}

async fn skill(api: &Api<'_>) -> Value {
    let answer = upload(api, "/skills", &[file("notes/SKILL.md", HEAD)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn path(skill: &Value) -> String {
    format!("/skills/{}", text(&skill["id"]))
}

fn all(list: &Value, member: &str) -> Vec<String> {
    let items = list["data"].as_array().expect("a list").iter();
    items.map(|item| text(&item[member])).collect()
}

fn param(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["error"]["param"].clone())
}

#[tokio::test]
async fn a_skill_is_made_of_files() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let parts = [
        ("display_title", None, &b"Release notes"[..]),
        ("metadata", None, br#"{"team":"a"}"#),
        file("notes/bin/list.sh", "echo"),
        file("notes/SKILL.md", HEAD),
    ];
    let answer = upload(&api, "/skills", &parts).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let members = [
        "id",
        "type",
        "display_title",
        "source",
        "latest_version",
        "metadata",
        "created_at",
        "updated_at",
    ];
    assert_eq!(answer.members(), members);
    let skill = answer.json();
    assert!(text(&skill["id"]).starts_with("skill_"));
    assert_eq!(
        (
            &skill["type"],
            &skill["display_title"],
            &skill["source"],
            &skill["latest_version"],
            &skill["metadata"]
        ),
        (
            &json!("skill"),
            &json!("Release notes"),
            &json!("custom"),
            &json!("1"),
            &json!({"team": "a"})
        )
    );
    assert_eq!(skill["created_at"], skill["updated_at"]);
    assert_eq!(api.get(&path(&skill)).await.json(), skill);

    let answer = api.get(&format!("{}/versions/1", path(&skill))).await;
    let members = [
        "id",
        "type",
        "skill_id",
        "version",
        "name",
        "description",
        "directory",
        "created_at",
    ];
    assert_eq!(answer.members(), members);
    let version = answer.json();
    assert!(text(&version["id"]).starts_with("skillver_"));
    assert_eq!(
        (
            &version["type"],
            &version["skill_id"],
            &version["version"],
            &version["name"],
            &version["description"],
            &version["directory"]
        ),
        (
            &json!("skill_version"),
            &skill["id"],
            &json!("1"),
            &json!("release-notes"),
            &json!("Writes release notes."),
            &json!("notes")
        )
    );
    let archive = api
        .get(&format!("{}/versions/1/content", path(&skill)))
        .await;
    assert_eq!(archive.header("content-type"), "application/zip");
    // The same archive makes the same version, in each of the two fields.
    for field in ["file", "files"] {
        let part = (field, Some("notes.zip"), &archive.body[..]);
        let version = upload(&api, &format!("{}/versions", path(&skill)), &[part]).await;
        let version = version.json();
        assert_eq!(version["directory"], "notes", "{version}");
        let again = format!(
            "{}/versions/{}/content",
            path(&skill),
            text(&version["version"])
        );
        assert_eq!(api.get(&again).await.body, archive.body);
    }
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn uploads_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let path = path(&skill(&api).await);
    let long = "n".repeat(256);
    let head = file("SKILL.md", HEAD);
    let cases: [(Vec<Part<'_>>, &str); 17] = [
        (vec![], "files"),
        (vec![file("notes/README.md", HEAD)], "files"),
        (vec![file("a/b/SKILL.md", HEAD)], "files"),
        (vec![file("a/SKILL.md", HEAD), file("b/x", "")], "files"),
        (vec![file("SKILL.md", "# Notes")], "files"),
        (vec![file("SKILL.md", "---\nname: n\n---\n")], "files"),
        (
            vec![file("SKILL.md", "---\nname:\ndescription: d\n---\n")],
            "files",
        ),
        (vec![("files", Some("SKILL.md"), b"---\n\xff")], "files"),
        (vec![head, file("../x", "")], "files"),
        (vec![head, file("/x", "")], "files"),
        (vec![head, file("", "")], "files"),
        (vec![head, head], "files"),
        (vec![head, ("file", Some("a.zip"), b"PK")], "files"),
        (vec![("file", Some("a.zip"), b"PK")], "file"),
        (vec![("files", Some("a.zip"), b"PK")], "files"),
        (vec![head, ("metadata", None, b"{\"k\":1}")], "metadata"),
        (
            vec![head, ("display_title", None, long.as_bytes())],
            "display_title",
        ),
    ];
    for (parts, wrong) in cases {
        let answer = upload(&api, "/skills", &parts).await;
        assert_eq!(param(&answer), (400, json!(wrong)), "{parts:?}");
        if wrong == "files" {
            let answer = upload(&api, &format!("{path}/versions"), &parts).await;
            assert_eq!(param(&answer), (400, json!(wrong)), "{parts:?}");
        }
    }
    let metadata = upload(&api, "/skills", &[head, ("metadata", None, b"{")]).await;
    assert_eq!(param(&metadata), (400, json!("metadata")));
    let large = vec![b'x'; (50 << 20) + 1];
    let large = upload(&api, "/skills", &[head, ("files", Some("x"), &large)]).await;
    assert_eq!(param(&large), (400, json!("files")));
    let no_form = api.post("/skills", json!({"display_title": "t"})).await;
    assert_eq!(param(&no_form), (400, json!("files")));
    let nowhere = upload(&api, "/skills/none/versions", &[head]).await;
    assert_eq!(nowhere.status, 404);
    // Nothing of it was kept.
    let skills = api.get("/skills").await.json();
    assert_eq!(all(&skills, "latest_version"), ["1"]);
}

#[tokio::test]
async fn versions_come_and_go() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let path = path(&skill(&api).await);
    let versions = format!("{path}/versions");
    for _ in 0..2 {
        let version = upload(&api, &versions, &[file("SKILL.md", HEAD)]).await;
        // Without a folder, it has the name of the skill.
        assert_eq!(version.json()["directory"], "release-notes");
    }
    let answer = api.get(&versions).await;
    assert_eq!(answer.members(), ["data", "has_more", "next_page"]);
    assert_eq!(all(&answer.json(), "version"), ["3", "2", "1"]);
    let first = api.get(&format!("{versions}?limit=2")).await.json();
    assert_eq!(all(&first, "version"), ["3", "2"]);
    let next = format!("{versions}?page={}", text(&first["next_page"]));
    assert_eq!(all(&api.get(&next).await.json(), "version"), ["1"]);

    let gone = api.delete(&format!("{versions}/3")).await.json();
    assert_eq!(gone, json!({"id": "3", "type": "skill_version_deleted"}));
    for path in [format!("{versions}/3"), format!("{versions}/3/content")] {
        assert_eq!(api.get(&path).await.status, 404);
    }
    assert_eq!(api.delete(&format!("{versions}/3")).await.status, 404);
    assert_eq!(api.get(&path).await.json()["latest_version"], "2");
    // A number is given once.
    let version = upload(&api, &versions, &[file("SKILL.md", HEAD)]).await;
    assert_eq!(version.json()["version"], "4");
    for version in ["1", "2", "4"] {
        api.delete(&format!("{versions}/{version}")).await;
    }
    assert_eq!(api.get(&path).await.json()["latest_version"], Value::Null);
    assert_eq!(all(&api.get(&versions).await.json(), "version"), [""; 0]);
    let change = json!({"name": "n"});
    let change = api
        .send("PUT", &path, &[], &change)
        .await
        .expect("an answer");
    assert_eq!(change.status, 404);
    assert_eq!(api.get("/skills/none/versions").await.status, 404);
    assert_eq!(api.get("/skills/none/versions/1").await.status, 404);
}

#[tokio::test]
async fn skills_are_listed_changed_and_deleted() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let first = skill(&api).await;
    let other = "---\nname: other\ndescription: >\n  Does\n  more.\n---\n";
    let parts = [
        ("display_title", None, &b"Other"[..]),
        file("SKILL.md", other),
    ];
    let second = upload(&api, "/skills", &parts).await.json();
    let list = |query: &'static str| {
        let path = format!("/skills{query}");
        let api = &api;
        async move { all(&api.get(&path).await.json(), "display_title") }
    };
    // Without a title, it is the name that agents know it by.
    assert_eq!(list("").await, ["Other", "release-notes"]);
    assert_eq!(list("?name=other").await, ["Other"]);
    assert_eq!(list("?display_title=Other").await, ["Other"]);
    assert_eq!(list("?source=custom").await.len(), 2);
    assert_eq!(list("?source=qoder").await, [""; 0]);
    let before = format!("/skills?before_id={}", text(&first["id"]));
    assert_eq!(
        all(&api.get(&before).await.json(), "id"),
        [text(&second["id"])]
    );
    let after = format!("/skills?after_id={}", text(&second["id"]));
    assert_eq!(
        all(&api.get(&after).await.json(), "id"),
        [text(&first["id"])]
    );
    assert_eq!(api.get("/skills?limit=1000").await.status, 200);
    assert_eq!(api.get("/skills?limit=1001").await.status, 400);

    let path = path(&first);
    let put = |body: Value| {
        let (api, path) = (&api, &path);
        async move { api.send("PUT", path, &[], &body).await.expect("an answer") }
    };
    let body = json!({"name": "changed", "description": "d", "metadata": {"k": "v"}});
    let changed = put(body).await.json();
    assert_eq!(
        (&changed["metadata"], &changed["latest_version"]),
        (&json!({"k": "v"}), &json!("1"))
    );
    assert_eq!(list("?name=changed").await, ["release-notes"]);
    let version = api.get(&format!("{path}/versions/1")).await.json();
    assert_eq!(
        (&version["name"], &version["description"]),
        (&json!("changed"), &json!("d"))
    );
    // The same in base64, and as it is.
    let encoded = "LS0tCm5hbWU6IG90aGVyCmRlc2NyaXB0aW9uOiA+CiAgRG9lcwogIG1vcmUuCi0tLQo=";
    let archives = [
        json!({"content": encoded, "content_encoding": "base64"}),
        json!({"content": other}),
    ];
    let mut contents = Vec::new();
    for body in archives {
        assert_eq!(put(body).await.status, 200);
        let version = api.get(&format!("{path}/versions/1")).await.json();
        assert_eq!(version["description"], "Does more.");
        contents.push(api.get(&format!("{path}/versions/1/content")).await.body);
    }
    assert_eq!(contents[0], contents[1]);
    for (body, wrong) in [
        (json!({"name": ""}), "name"),
        (json!({"description": 7}), "description"),
        (json!({"metadata": {"k": 1}}), "metadata"),
        (json!({"content": "# No head"}), "content"),
        (json!({"content": "PK"}), "content"),
        (
            json!({"content": "%", "content_encoding": "base64"}),
            "content",
        ),
        (
            json!({"content": "x", "content_encoding": "gzip"}),
            "content_encoding",
        ),
    ] {
        let answer = put(body.clone()).await;
        assert_eq!(param(&answer), (400, json!(wrong)), "{body}");
    }

    // Also one that an agent has.
    let skills = json!([{"type": "custom", "skill_id": first["id"]}]);
    let agent = json!({"name": "a", "model": "ultimate", "skills": skills});
    assert_eq!(api.post("/agents", agent).await.status, 200);
    let gone = api.delete(&path).await.json();
    assert_eq!(gone, json!({"id": first["id"], "type": "skill_deleted"}));
    for path in [path.clone(), format!("{path}/versions/1/content")] {
        assert_eq!(api.get(&path).await.status, 404);
    }
    assert_eq!(api.delete(&path).await.status, 404);
    assert_eq!(list("").await, ["Other"]);
}
