//! Everything but streams.

use crate::common::{Api, message, of, quick, text};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
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
async fn sessions_keep_the_agent_as_it_was() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let agent = api.agent(json!({})).await;
    let environment = api.environment().await;
    let body = json!({
        "agent": {"type": "agent", "id": agent["id"], "version": 1}, "environment_id": environment,
        "title": "A title", "metadata": {"a": "b"},
    });
    let session = api.post("/sessions", body).await.json();
    assert!(text(&session["id"]).starts_with("sess_"));
    assert_eq!(
        (&session["status"], &session["title"]),
        (&json!("idle"), &json!("A title"))
    );
    assert_eq!(session["agent"]["model"]["id"], "ultimate");
    let path = format!("/sessions/{}", text(&session["id"]));
    let changed = api
        .post(&path, json!({"title": "Other", "metadata": {"a": null}}))
        .await
        .json();
    assert_eq!(
        (&changed["title"], &changed["metadata"]),
        (&json!("Other"), &json!({}))
    );

    let newer = api.session("answer").await;
    let list = api.get("/sessions").await.json();
    assert_eq!(list["data"][0]["id"], json!(newer));
    let of_agent = api
        .get(&format!("/sessions?agent_id={}", text(&agent["id"])))
        .await
        .json();
    assert_eq!(of_agent["data"].as_array().map(Vec::len), Some(1));
    let running = api.get("/sessions?statuses[]=running").await.json();
    assert_eq!(running["data"], json!([]));

    api.post(&format!("{path}/archive"), Value::Null).await;
    assert_eq!(api.say(&text(&session["id"]), "Hello!").await.status, 409);
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn events_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    for events in [
        json!([]),
        json!([{"type": "user.message"}]),
        json!([{"type": "user.message", "content": "a text"}]),
        json!([{"type": "user.message", "content": []}]),
        json!([{"type": "user.shout"}]),
        json!([{"type": "system.message", "content": [{"type": "text", "text": "x"}]}]),
        json!([{"type": "user.tool_confirmation", "tool_use_id": "evt_none", "result": "allow"}]),
    ] {
        assert_eq!(
            api.events(&session, events.clone()).await.status,
            400,
            "{events}"
        );
    }
    let bare = api
        .post(&format!("/sessions/{session}/events"), message("Hello!"))
        .await;
    assert_eq!(bare.status, 400);
    assert!(sim.log(&session).is_empty());
}

#[tokio::test]
async fn a_session_at_work_takes_no_message() {
    let sim = Sim::builder()
        .hold_turns(true)
        .start()
        .await
        .expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let accepted = api.say(&session, "Hello!").await.json();
    assert!(text(&accepted["data"][0]["id"]).starts_with("evt_"));
    assert_eq!(api.status(&session).await, "running");
    let refused = api.say(&session, "And?").await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );

    let mut stream = api
        .stream(
            &format!("/sessions/{session}/events/stream"),
            &[("last-event-id", &text(&accepted["data"][0]["id"]))],
        )
        .await;
    sim.release_turn();
    stream.until("session.status_idle").await;
    assert_eq!(api.status(&session).await, "idle");
    assert_eq!(api.say(&session, "And?").await.status, 200);
}

#[tokio::test]
async fn the_log_is_listed_with_filters() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let path = format!("/sessions/{session}/events");
    let mut stream = api.stream(&format!("{path}/stream"), &[]).await;
    api.say(&session, "Hello!").await;
    stream.until("session.status_idle").await;
    let list = api.get(&format!("{path}?limit=100")).await.json();
    assert_eq!(list["data"], json!(sim.log(&session)));
    let some = api
        .get(&format!(
            "{path}?types[]=agent.message&types[]=user.message"
        ))
        .await
        .json();
    let types: Vec<String> = some["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| text(&event["type"]))
        .collect();
    assert_eq!(types, ["user.message", "agent.message"]);
    let newest = api.get(&format!("{path}?order=desc&limit=1")).await.json();
    assert_eq!(newest["data"][0]["type"], "session.status_idle");
    let none = api
        .get(&format!(
            "{path}?after_id={}",
            text(&newest["data"][0]["id"])
        ))
        .await
        .json();
    assert_eq!(
        (&none["data"], &none["last_id"]),
        (&json!([]), &Value::Null)
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

#[tokio::test]
async fn http2_is_spoken_too() {
    let sim = quick().await;
    let stream = tokio::net::TcpStream::connect(sim.addr())
        .await
        .expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
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
async fn cancelling_was_for_good() {
    let sim = Sim::builder()
        .dialect(Dialect::Seed)
        .hold_turns(true)
        .start()
        .await;
    let sim = sim.expect("a simulator");
    let api = Api::new(&sim);
    let session = api.session("answer").await;
    let say = || {
        api.events(
            &session,
            json!([{"type": "user.message", "content": "Hello!"}]),
        )
    };
    say().await;
    assert_eq!(api.status(&session).await, "processing");
    let answer = api
        .post(&format!("/sessions/{session}/cancel"), Value::Null)
        .await;
    assert_eq!(answer.json()["status"], "canceling");
    assert_eq!(api.status(&session).await, "cancelled");
    assert_eq!(say().await.status, 409);
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
