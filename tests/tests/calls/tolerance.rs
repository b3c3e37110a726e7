//! What a server might answer and its documentation doesn't have, as the client sees it.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::transport::{RequestBody, Transport};
use qoder::types::serde_json::Value;
use qoder::types::{AgentCreate, AgentUpdate};
use qoder::{Client, ErrorKind, Event, Method};
use tower::service_fn;

/// A client whose every call is answered with this body.
fn answered(body: &'static str) -> Client {
    answered_with(200, "application/json", body)
}

fn answered_with(status: u16, content_type: &'static str, body: &'static str) -> Client {
    let server = service_fn(move |_: Request<RequestBody>| async move {
        let response = Response::builder()
            .status(status)
            .header("content-type", content_type);
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        Ok::<_, Infallible>(response.body(body).expect("a response"))
    });
    Client::builder()
        .token("pt-invented-token")
        .base_url("https://api.example/v1")
        .transport(Transport::from_service(server))
        .build()
        .expect("a client")
}

#[tokio::test]
async fn an_item_that_is_none_spoils_no_other() {
    for (second, why) in [
        ("7", "a number is no object"),
        ("null", "null is no object"),
        (r#"{"name":"nameless"}"#, "the object has no `id`"),
    ] {
        let body = format!(r#"{{"data":[{{"id":"a"}},{second},{{"id":"c"}}],"has_more":false}}"#);
        let client = answered(body.leak());
        let page = client.agents().list().await.expect("a page");
        assert_eq!((page.data.len(), page.invalid.len()), (2, 1));

        let mut agents = client.agents().list().items();
        let first = agents.next().await.expect("the first").expect("an agent");
        let error = agents.next().await.expect("the second").expect_err(second);
        let third = agents.next().await.expect("the third").expect("an agent");
        assert!(agents.next().await.is_none());
        assert_eq!((first.id.as_str(), third.id.as_str()), ("a", "c"));
        assert_eq!(
            (error.kind(), error.body()),
            (ErrorKind::Decode, second.as_bytes())
        );
        assert!(
            error
                .to_string()
                .starts_with("agents.list: item 1 of the page"),
            "{error}"
        );
        assert!(
            error.to_string().contains(why) && !error.is_retryable(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_item_doesn_t_show_the_token_that_the_server_repeats() {
    let client = answered(r#"{"data":[{"token":"pt-invented-token"}]}"#);
    let mut agents = client.agents().list().items();
    let error = agents.next().await.expect("an item").expect_err("no agent");
    let shown = format!("{error} {error:?} {:?}", error.body());
    assert!(!shown.contains("invented"), "{shown}");
    assert!(!error.body().is_empty());
}

#[tokio::test]
async fn a_list_that_is_null_is_empty() {
    let client = answered(r#"{"data":null,"has_more":false}"#);
    assert!(
        client
            .sessions()
            .list()
            .await
            .expect("a page")
            .data
            .is_empty()
    );
    assert!(client.models().list().items().next().await.is_none());
    let sent = client
        .session("sess_1")
        .interrupt()
        .await
        .expect("accepted");
    assert!(sent.data.is_empty());
    let none = client
        .environments()
        .list()
        .first()
        .await
        .expect_err("none");
    assert_eq!(none.kind(), ErrorKind::Empty);
}

#[tokio::test]
async fn what_is_no_list_is_none() {
    for body in [r#"{"ok":true}"#, r#"{"data":{}}"#, r#"{"data":"none"}"#] {
        let error = answered(body).agents().list().await.expect_err(body);
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("no list `data`"), "{error}");
    }
}

#[tokio::test]
async fn a_write_may_be_answered_without_a_body() {
    for (status, body) in [(200, ""), (202, ""), (204, ""), (200, "\r\n")] {
        let client = answered_with(status, "application/json", body);
        let agents = client.agents();
        let agent = agents
            .create(AgentCreate::new("a", "m"))
            .await
            .expect("created");
        assert!(agent.id.as_str().is_empty() && agent.name.is_empty());
        agents
            .update("agent_1", AgentUpdate::new(1))
            .await
            .expect("updated");
        agents.archive("agent_1").await.expect("archived");
        let deleted = agents.delete("agent_1").await.expect("deleted");
        assert!(deleted.id.is_empty());
        client.sessions().cancel("sess_1").await.expect("cancelled");
        let sent = client
            .session("sess_1")
            .send(["Hello!"])
            .await
            .expect("sent");
        assert!(sent.data.is_empty());
        let done: Value = client.request(Method::Post, "/x").await.expect("done");
        assert_eq!(done, Value::Null);

        let error = agents
            .retrieve("agent_1")
            .await
            .expect_err("a read has an answer");
        assert_eq!(error.kind(), ErrorKind::Decode);
        let error = agents.list().await.expect_err("a list has one");
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
}

#[tokio::test]
async fn a_byte_order_mark_and_half_a_surrogate_pair_are_no_errors() {
    let client = answered("\u{feff}{\"id\":\"agent_1\",\"name\":\"half \\ud83d\"}");
    let agent = client.agents().retrieve("agent_1").await.expect("an agent");
    assert_eq!(agent.name, "half \u{fffd}");
    let body = "\u{feff}{\"error\":{\"type\":\"conflict_error\",\"message\":\"running\"}}";
    let client = answered_with(409, "application/json", body);
    let error = client
        .agents()
        .archive("agent_1")
        .await
        .expect_err("a conflict");
    assert!(
        error.to_string().contains("409 conflict_error: running"),
        "{error}"
    );
}

#[tokio::test]
async fn a_frame_without_data_is_no_event() {
    let stream = "event: agent.message\ndata:\n\ndata:  \n\nevent: ping\ndata: {}\n\n\
                  event: session.deleted\ndata: {\"id\":\"evt_1\"}\n\n";
    let client = answered_with(200, "text/event-stream", stream);
    let mut events = client.session("sess_1").stream().await.expect("a stream");
    let event = events.next().await.expect("an event").expect("no error");
    assert!(matches!(event, Event::SessionDeleted(_)), "{event:?}");
    assert!(events.next().await.is_none());
}
