//! Calls of any kind: tokens, pages, keys, records, connections.

use crate::common::{Api, of, quick, text};
#[cfg(feature = "http2")]
use bytes::Bytes;
#[cfg(feature = "http2")]
use http_body_util::Empty;
#[cfg(feature = "http2")]
use hyper_util::rt::TokioIo;
use qoder_sim::{Dialect, Sim};
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_is_needed() {
    let sim = quick().await;
    let nobody = Api {
        sim: &sim,
        token: "",
    };
    let answer = nobody
        .send("GET", "/agents", &[("x-request-id", "mine")], &Value::Null)
        .await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("x-request-id"), "mine");
    let body = answer.json();
    assert_eq!(
        (&body["type"], &body["request_id"]),
        (&json!("error"), &json!("mine"))
    );
    assert_eq!(body["error"]["type"], "authentication_error");
    for headers in [("authorization", "Basic eDp5"), ("x-api-key", "pt-test")] {
        let answer = nobody
            .send("GET", "/agents", &[headers], &Value::Null)
            .await;
        assert_eq!(answer.expect("an answer").status, 401);
    }
}

#[tokio::test]
async fn a_gateway_says_it_flatly() {
    let sim = Sim::builder()
        .flat_401(true)
        .start()
        .await
        .expect("a simulator");
    let answer = Api {
        sim: &sim,
        token: "",
    }
    .get("/agents")
    .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["code"], "TOKEN_INVALID");
    assert!(answer.json()["type"].is_null());
}

#[tokio::test]
async fn what_there_is_not_is_said_and_noted() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let answer = api.post("/nothing", Value::Null).await;
    assert_eq!(
        (answer.status, text(&answer.json()["error"]["type"])),
        (404, "not_found_error".into())
    );
    assert_eq!(sim.unexpected(), ["POST /nothing"]);
    for path in [
        "/agents/agent_none",
        "/environments/env_none",
        "/sessions/sess_none",
    ] {
        assert_eq!(api.get(path).await.status, 404, "{path}");
    }
    assert_eq!(sim.unexpected().len(), 1);
}

#[tokio::test]
async fn lists_have_pages() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(text(
            &api.post("/environments", json!({"name": name}))
                .await
                .json()["id"],
        ));
    }
    let mut seen = Vec::new();
    let mut path = "/environments?limit=2".to_owned();
    loop {
        let page = api.get(&path).await.json();
        seen.extend(
            page["data"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|item| text(&item["id"])),
        );
        let Some(next) = page["next_page"].as_str() else {
            break;
        };
        assert_eq!(page["has_more"], true);
        path = format!("/environments?limit=2&page={next}");
    }
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[1..], ids);
    let after = api
        .get(&format!("/environments?after_id={}", ids[1]))
        .await
        .json();
    assert_eq!(after["data"][0]["id"], json!(ids[2]));
    for wrong in ["limit=0", "limit=101", "page=x", "page=p_0&after_id=x"] {
        assert_eq!(
            api.get(&format!("/environments?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_key_makes_a_write_happen_once() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let body = json!({"name": "n", "model": "ultimate"});
    let key: crate::common::Headers<'_> = &[("idempotency-key", "k1")];
    let first = api
        .send("POST", "/agents", key, &body)
        .await
        .expect("an answer");
    let again = api
        .send("POST", "/agents", key, &body)
        .await
        .expect("an answer");
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let other = json!({"name": "other", "model": "ultimate"});
    assert_eq!(
        api.send("POST", "/agents", key, &other)
            .await
            .expect("an answer")
            .status,
        409
    );
    assert_eq!(
        api.get("/agents").await.json()["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    // A refusal does not use the key up.
    let key: crate::common::Headers<'_> = &[("idempotency-key", "k2")];
    let wrong = api
        .send("POST", "/agents", key, &json!({"name": "n"}))
        .await;
    assert_eq!(wrong.expect("an answer").status, 400);
    assert_eq!(
        api.send("POST", "/agents", key, &body)
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn the_first_generation_has_forms_of_its_own() {
    let sim = of(Dialect::Seed).await;
    let api = Api::new(&sim);
    let agent = api
        .post(
            "/agents",
            json!({"name": "quick-test", "model": "ultimate"}),
        )
        .await;
    assert!((200..300).contains(&agent.status));
    let agent = agent.json();
    assert_eq!(agent["model"], "ultimate");
    let environments = api.get("/environments?limit=1").await.json();
    assert_eq!(environments["data"][0]["id"], "env_default");
    assert!(environments.get("next_page").is_none());
    let session = json!({"agent": agent["id"], "environment_id": "env_default"});
    let session = text(&api.post("/sessions", session).await.json()["id"]);
    let events = json!([{"type": "user.message", "content": "Hello!"}]);
    assert!((200..300).contains(&api.events(&session, events).await.status));

    let put = format!("/agents/{}", text(&agent["id"]));
    let body = json!({"name": "renamed", "version": 1});
    let changed = api
        .send("PUT", &put, &[], &body)
        .await
        .expect("an answer")
        .json();
    assert_eq!(
        (&changed["name"], &changed["version"]),
        (&json!("renamed"), &json!(2))
    );
    let missing = api.get("/agents/agent_none").await.json();
    assert!(missing.get("request_id").is_none());

    let key: crate::common::Headers<'_> = &[("x-idempotency-key", "k")];
    let body = json!({"name": "n", "model": "ultimate"});
    let first = api
        .send("POST", "/agents", key, &body)
        .await
        .expect("an answer");
    let again = api
        .send("POST", "/agents", key, &body)
        .await
        .expect("an answer");
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn requests_are_recorded_without_the_token() {
    let sim = quick().await;
    let api = Api {
        sim: &sim,
        token: "pt-very-secret",
    };
    api.post("/agents?x=%20", json!({"name": "n", "model": "m"}))
        .await;
    let requests = sim.requests();
    let [request] = requests.as_slice() else {
        panic!("one request, not {}", requests.len())
    };
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/agents")
    );
    assert_eq!(
        (request.query.as_deref(), request.status),
        (Some("x=%20"), 200)
    );
    assert_eq!(request.json()["name"], "n");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer pt-very-secret")
    );
    assert!(!format!("{request:?} {sim:?}").contains("very-secret"));
    api.get("/agents").await;
    assert!(sim.requests()[1].connection > request.connection);
    sim.clear_requests();
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn requests_are_known_by_their_operations() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    api.get(&format!(
        "/sessions/{session}/events?types%5B%5D=a&types[]=b+c&limit=1"
    ))
    .await;
    api.stream(&format!("/sessions/{session}/events/stream"), &[])
        .await;
    api.get("/nothing/x").await;
    let list = sim.requests_for("GET /sessions/{session_id}/events");
    let [list] = list.as_slice() else {
        panic!("one request, not {}", list.len())
    };
    assert_eq!(list.query_values("types[]"), ["a", "b c"]);
    assert_eq!(
        list.query_pairs().last(),
        Some(&("limit".to_owned(), "1".to_owned()))
    );
    let streams = sim.requests_for("GET /sessions/{session_id}/events/stream");
    assert_eq!(streams.len(), 1);
    assert_eq!(sim.requests_for("POST /sessions").len(), 1);
    assert_eq!(sim.requests().last().expect("a request").operation, None);
}

#[test]
fn operations_are_told() {
    let operations = Sim::operations();
    let has = |method: &str, path: &str| {
        let mut operations = operations.iter();
        operations.any(|(its, other)| *its == method && other == path)
    };
    assert!(has("POST", "/agents/{agent_id}") && has("GET", "/agents/{agent_id}/versions"));
    assert!(has("GET", "/sessions/{session_id}/events/stream"));
    assert!(has(
        "POST",
        "/memory_stores/{memory_store_id}/memory_versions/{memory_version_id}/redact"
    ));
    assert!(!has("POST", "/sessions/{session_id}/events/stream"));
    let mut sorted = operations.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), operations.len());
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http2_is_spoken_too() {
    let sim = quick().await;
    let stream = tokio::net::TcpStream::connect(sim.addr())
        .await
        .expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        TokioIo::new(stream),
    )
    .await
    .expect("a handshake");
    tokio::spawn(connection);
    for _ in 0..2 {
        let request = http::Request::get(format!("{}/models", sim.base_url()))
            .header("authorization", "Bearer pt-test")
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, http::Version::HTTP_2)
        );
    }
    let connections: Vec<u64> = sim
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 1]);
}

#[tokio::test]
async fn lists_have_ranges() {
    let sim = quick().await;
    let api = Api::new(&sim);
    api.agent(json!({})).await;
    for (query, length) in [
        ("created_at%5Bgte%5D=2020-01-01T00:00:00Z", 1),
        ("created_at[lt]=2020-01-01T00:00:00Z", 0),
    ] {
        let list = api.get(&format!("/agents?{query}")).await.json();
        assert_eq!(
            list["data"].as_array().map(Vec::len),
            Some(length),
            "{query}"
        );
    }
    assert_eq!(
        api.get("/agents?created_at[lt]=yesterday").await.status,
        400
    );
}

#[tokio::test]
async fn a_simulator_that_stops_is_gone() {
    let sim = quick().await;
    let addr = sim.addr();
    sim.shutdown().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
