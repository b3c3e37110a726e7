//! Servers in memory that do what few servers do.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use crate::common::TOKEN;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use qoder::Client;
use qoder::Start;
use qoder::transport::{RequestBody, Transport};
use qoder::types::serde_json::json;
use tower::service_fn;

/// A client of a server that answers so.
fn client<B>(
    answer: impl Fn(&Request<RequestBody>) -> Response<B> + Clone + Send + Sync + 'static,
) -> Client
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let service = service_fn(move |request: Request<RequestBody>| {
        let answer = answer(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    Client::builder()
        .token(TOKEN)
        .base_url("http://localhost/api/v1/cloud")
        .transport(Transport::from_service(service))
        .build()
        .expect("a client")
}

/// An event, and comments without end, each as soon as it is asked for.
struct Flood(Arc<AtomicUsize>);

impl Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = "data: {\"type\":\"session.status_running\",\"id\":\"evt_1\"}\n\n";
        let comments = ": nothing new\n".repeat(100);
        let before = self.0.fetch_add(comments.len(), Ordering::Relaxed);
        let said = if before == 0 {
            Bytes::from_static(event.as_bytes())
        } else {
            comments.into()
        };
        // It has an end where nobody else gets a turn.
        let is_over = before > 10 << 20;
        Poll::Ready((!is_over).then_some(Ok(Frame::data(said))))
    }
}

#[tokio::test]
async fn a_flood_of_comments_lets_others_have_their_turn() {
    let read = Arc::new(AtomicUsize::new(0));
    let flood = Arc::clone(&read);
    let client = client(move |_| {
        let mut response = Response::new(Flood(Arc::clone(&flood)));
        let kind = header::HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    });
    let mut events = client
        .session("s")
        .follow()
        .from(Start::After("evt_0".into()))
        .events();
    assert!(events.next().await.is_some_and(|event| event.is_ok()));
    let mut next = pin!(events.next());
    // Each poll is one turn.
    for turn in 1..20 {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        let read = read.load(Ordering::Relaxed);
        assert!(read <= turn * (96 << 10), "{read} bytes in {turn} turns");
    }
    assert!(read.load(Ordering::Relaxed) > 256 << 10, "it goes on");
}

#[tokio::test]
async fn an_empty_page_ends_no_list() {
    let client = client(|request| {
        let query = request.uri().query().unwrap_or_default();
        let event = |n: u32| json!({"type": "session.status_running", "id": format!("evt_{n}")});
        let page = if query.contains("page=third") {
            json!({"data": [event(2)], "has_more": false})
        } else if query.contains("page=second") {
            json!({"data": [], "has_more": true, "next_page": "third"})
        } else {
            json!({"data": [event(1)], "has_more": true, "next_page": "second"})
        };
        Response::new(Full::new(Bytes::from(page.to_string())))
    });
    let mut items = client.sessions().events().list("s").items();
    let mut ids = Vec::new();
    while let Some(event) = items.next().await {
        ids.extend(event.expect("an event").id().map(ToString::to_string));
    }
    assert_eq!(ids, ["evt_1", "evt_2"]);
}
