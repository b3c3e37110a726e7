//! Middleware and doubles in the transport's place.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{TOKEN, current, session, start};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::transport::{Lane, RequestBody, Transport};
use qoder::{Client, ErrorKind, RetryPolicy, Sent};
use tower::{ServiceBuilder, service_fn};

fn client(base_url: &str, transport: Transport) -> Client {
    Client::builder()
        .token(TOKEN)
        .base_url(base_url)
        .retry(RetryPolicy::default().waits(Duration::from_millis(1), Duration::from_millis(1)))
        .transport(transport)
        .build()
        .expect("a client")
}

#[tokio::test]
async fn layers_see_every_request_and_its_lane() {
    let sim = start(current()).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let service = ServiceBuilder::new()
        .concurrency_limit(3)
        .map_request(move |mut request: Request<RequestBody>| {
            let lane = request.extensions().get::<Lane>().copied();
            let path = request.uri().path().to_owned();
            log.lock().expect("no panic").push((path, lane));
            request
                .headers_mut()
                .insert("x-team", http::HeaderValue::from_static("search"));
            request
        })
        .service(Transport::builder().build().expect("a transport"));
    let client = client(&sim.base_url(), Transport::from_service(service));
    let id = session(&client, "answer").await;
    let reply = client.session(&id).ask("Hello!").await.expect("a reply");
    assert!(!reply.text().is_empty());

    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), sim.requests().len());
    for (path, lane) in seen.iter() {
        let streams = path.ends_with("/stream");
        let expected = if streams { Lane::Stream } else { Lane::Call };
        assert_eq!(*lane, Some(expected), "{path}");
    }
    assert!(seen.iter().any(|(path, _)| path.ends_with("/stream")));
    for request in sim.requests() {
        assert_eq!(request.header("x-team"), Some("search"), "{}", request.path);
    }
}

#[tokio::test]
async fn a_double_answers_without_a_network() {
    let double = service_fn(|request: Request<RequestBody>| async move {
        assert_eq!(request.uri().path(), "/v1/agents/agent_1");
        let agent =
            r#"{"id":"agent_1","type":"agent","name":"double","model":"ultimate","version":3}"#;
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(
            agent.as_bytes(),
        ))))
    });
    let client = client("https://api.example/v1", Transport::from_service(double));
    let agent = client.agents().retrieve("agent_1").await.expect("an agent");
    assert_eq!((agent.name.as_str(), agent.version), ("double", 3));
}

#[tokio::test]
async fn an_error_of_a_layer_is_one_of_the_network() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let broken = service_fn(move |_: Request<RequestBody>| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Err::<Response<Full<Bytes>>, _>("the circuit is open") }
    });
    let client = client("https://api.example/v1", Transport::from_service(broken));
    let error = client.agents().list().await.expect_err("no network");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::Network, Sent::Maybe)
    );
    assert!(error.to_string().contains("the circuit is open"), "{error}");
    // Nobody knows whether it was sent: a read is repeated, …
    assert_eq!(attempts.swap(0, Ordering::Relaxed), 3);
    // … and so is a write with its key; one without is not.
    let agent = qoder::types::AgentCreate::new("a", "ultimate");
    let create = client.agents().create(agent);
    let unkeyed = create.options(qoder::CallOptions::no_idempotency_key);
    unkeyed.await.expect_err("no network");
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}
