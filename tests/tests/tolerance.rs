//! What a server might answer and its documentation doesn't have, as the client sees it.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::transport::{RequestBody, Transport};
use qoder::{Client, ErrorKind};
use tower::service_fn;

/// A client whose every call is answered with this body.
fn answered(body: &'static str) -> Client {
    let server = service_fn(move |_: Request<RequestBody>| async move {
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        Ok::<_, Infallible>(Response::new(body))
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
