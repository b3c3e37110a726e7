//! Endpoints that the client has no method for.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use qoder::transport::{RequestBody, Transport};
use qoder::types::serde_json::{Value, json};
use qoder::{Client, ErrorKind, Method, files::Upload};
use tower::service_fn;

/// A request as it was made.
#[derive(Clone, Debug, Default)]
struct Seen {
    line: String,
    accept: String,
    content_type: String,
    body: String,
}

/// A client that is answered so, and the requests that it made.
fn client(status: u16, body: &'static [u8]) -> (Client, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let double = service_fn(move |request: Request<RequestBody>| {
        let log = Arc::clone(&log);
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await.expect("a body").to_bytes();
            let header = |name| {
                let value = head.headers.get(name).map(|value| value.to_str());
                value.and_then(Result::ok).unwrap_or_default().to_owned()
            };
            log.lock().expect("no panic").push(Seen {
                line: format!(
                    "{} {}",
                    head.method,
                    head.uri.path_and_query().expect("one")
                ),
                accept: header("accept"),
                content_type: header("content-type"),
                body: String::from_utf8_lossy(&content).into_owned(),
            });
            let mut response = Response::new(Full::new(Bytes::from_static(body)));
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            Ok::<_, Infallible>(response)
        }
    });
    let client = Client::builder()
        .token("pt-token")
        .base_url("https://api.example/v1")
        .transport(Transport::from_service(double))
        .build()
        .expect("a client");
    (client, seen)
}

fn last(seen: &Mutex<Vec<Seen>>) -> Seen {
    let seen = seen.lock().expect("no panic");
    seen.last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn parameters_of_the_path_are_encoded_whole() {
    let (client, seen) = client(200, br#"{"left":3}"#);
    let answer: Value = client
        .request(Method::Post, "/quotas/{name}/of/{who}?view=full")
        .path("name", "a/b ?#{x}é")
        .path("who", 7)
        .json(&json!({"by": 10}))
        .query("q", "1")
        .query("q", "1&2")
        .await
        .expect("an answer");
    assert_eq!(answer["left"], 3);
    let seen = last(&seen);
    assert_eq!(
        seen.line,
        "POST /v1/quotas/a%2Fb%20%3F%23%7Bx%7D%C3%A9/of/7?view=full&q=1%262"
    );
    assert_eq!(
        (seen.content_type.as_str(), seen.body.as_str()),
        ("application/json", r#"{"by":10}"#)
    );
}

#[tokio::test]
async fn a_path_that_is_not_filled_is_not_sent() {
    let (client, seen) = client(200, b"{}");
    let quota = || client.request::<Value>(Method::Get, "/quotas/{name}");
    let cases = [
        (quota(), "fill a parameter with `path(\"name\", ..)`"),
        (quota().path("name", ""), "name is empty"),
        (quota().path("name", ".."), "which is no id"),
        (quota().path("nam", "x"), "the path has no parameter {nam}"),
        (
            client.request(Method::Get, "quotas"),
            "doesn't start with /",
        ),
        (client.request(Method::Get, "/a{b"), "%7B"),
    ];
    for (call, why) in cases {
        let error = call.await.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(why), "{error}");
    }
    let typed = client
        .agents()
        .retrieve("agent_1")
        .path("agent_id", "other");
    let error = typed.await.expect_err("it is filled");
    assert!(
        error.to_string().contains("no parameter {agent_id}"),
        "{error}"
    );
    assert!(seen.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn an_error_names_the_method_and_the_path() {
    let (client, _) = client(
        404,
        br#"{"error":{"type":"not_found_error","message":"no such quota"}}"#,
    );
    let error = client
        .request::<Value>(Method::Get, "/quotas/{name}?key=mine")
        .path("name", "secret-name")
        .await
        .expect_err("not there");
    assert_eq!(
        error.to_string(),
        "GET /quotas/{name}: 404 not_found_error: no such quota"
    );
    assert_eq!(error.operation(), Some("GET /quotas/{name}"));
    let written =
        client.request::<Value>(Method::Delete, "/v2/quotas/quota_123/sat-abcdef?key=mine");
    let error = written.await.expect_err("not there");
    assert_eq!(error.operation(), Some("DELETE /v2/quotas/…/sat-abcdef"));
    let mut things = client.list::<Value>("/things/{id}").path("id", 1).items();
    let error = things
        .next()
        .await
        .expect("an error")
        .expect_err("not there");
    assert_eq!(error.operation(), Some("GET /things/{id}"));
    assert!(things.next().await.is_none());
    let error = client.agents().retrieve("agent_1").await.expect_err("gone");
    assert_eq!(error.operation(), Some("agents.retrieve"));
}

#[tokio::test]
async fn bytes_are_what_came() {
    let (client, seen) = client(200, b"\x00\xff{");
    let call = client.request::<()>(Method::Get, "/archive").bytes();
    assert_eq!(call.await.expect("bytes")[..], b"\x00\xff{"[..]);
    assert_eq!(last(&seen).accept, "*/*");
    let response = client
        .request::<Value>(Method::Get, "/archive")
        .bytes()
        .with_meta()
        .await
        .expect("bytes");
    assert_eq!(
        (response.value.len(), response.meta.status.as_u16()),
        (3, 200)
    );
    assert_eq!(response.body, response.value);
}

#[tokio::test]
async fn forms_have_fields_and_a_file() {
    let (client, seen) = client(200, br#"{"id":"x"}"#);
    let call = client.request::<Value>(Method::Post, "/imports");
    call.clone()
        .form([("kind", "csv"), ("name", "é")])
        .await
        .expect("done");
    let text = last(&seen);
    assert!(
        text.content_type
            .starts_with("multipart/form-data; boundary="),
        "{text:?}"
    );
    assert!(
        text.body.contains("name=\"kind\"\r\n\r\ncsv\r\n"),
        "{text:?}"
    );
    assert!(text.body.contains("name=\"name\"\r\n\r\né\r\n"), "{text:?}");

    call.form([("kind", "csv")])
        .file("table", Upload::bytes("a.csv", "1,2"))
        .extra("strict", json!(true))
        .await
        .expect("done");
    let file = last(&seen);
    assert!(
        file.body.contains("name=\"kind\"\r\n\r\ncsv\r\n"),
        "{file:?}"
    );
    assert!(
        file.body.contains("name=\"strict\"\r\n\r\ntrue\r\n"),
        "{file:?}"
    );
    assert!(
        file.body.contains("name=\"table\"; filename=\"a.csv\""),
        "{file:?}"
    );
    assert!(file.body.contains("text/csv\r\n\r\n1,2\r\n"), "{file:?}");
}

#[tokio::test]
async fn a_raw_list_goes_through_its_pages() {
    let pages: [&[u8]; 2] = [
        br#"{"data":[{"n":1},{"n":2}],"next_page":"c1","has_more":true}"#,
        br#"{"data":[{"n":3}],"next_page":null,"has_more":false}"#,
    ];
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let double = service_fn(move |request: Request<RequestBody>| {
        let mut log = log.lock().expect("no panic");
        let page = pages[log.len()];
        log.push(request.uri().to_string());
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(page)))) }
    });
    let client = Client::builder()
        .token("pt-token")
        .base_url("https://api.example/v1")
        .transport(Transport::from_service(double))
        .build()
        .expect("a client");
    let list = client
        .list::<Value>("/regions/{id}/teams")
        .path("id", "e u");
    let mut teams = list.query("active", true).limit(2).items();
    let mut numbers = Vec::new();
    while let Some(team) = teams.next().await {
        numbers.push(team.expect("a team")["n"].clone());
    }
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(
        *lines.lock().expect("no panic"),
        [
            "https://api.example/v1/regions/e%20u/teams?active=true&limit=2",
            "https://api.example/v1/regions/e%20u/teams?active=true&limit=2&page=c1",
        ]
    );
}

#[tokio::test]
async fn a_query_in_a_path_counts_by_its_names() {
    let page = br#"{"data": [1], "has_more": true, "next_page": "two"}"#;
    let (client, seen) = client(200, page);
    let with = client.with(|o| o.query("mark", "each").query("limit", 1));
    let path = "/teams?%6Cimit=5&sort&page=one";
    with.request::<Value>(Method::Get, path)
        .await
        .expect("a value");
    let line = "GET /v1/teams?%6Cimit=5&sort&page=one&mark=each";
    assert_eq!(last(&seen).line, line);
    with.request::<Value>(Method::Get, path)
        .query("limit", 7)
        .await
        .expect("one");
    let line = "GET /v1/teams?sort&page=one&limit=7&mark=each";
    assert_eq!(last(&seen).line, line);
    client
        .request::<Value>(Method::Get, "/teams?limit=5")
        .query("limit", 7)
        .await
        .expect("one");
    assert_eq!(last(&seen).line, "GET /v1/teams?limit=7");

    // The cursor of a list takes the place of one in its path.
    let mut pages = client.list::<Value>(path).pages();
    for _ in 0..2 {
        pages.next().await.expect("a page").expect("a page");
    }
    assert_eq!(last(&seen).line, "GET /v1/teams?%6Cimit=5&sort&page=two");
}
