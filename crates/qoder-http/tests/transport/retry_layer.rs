//! The retry policy as a layer: what is sent again, after what waits, and what is not. Time is
//! simulated.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use qoder_http::retry::{Class, Retry, RetryBudget, RetryLayer, RetryPolicy};
use qoder_http::{
    Departure, Error, ErrorKind, Lane, RequestBody, ResponseBody, Sent, Timeouts, Transport,
};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

/// A status with a field, or a failure.
type Answer = Result<(u16, &'static str), &'static str>;

/// What came, and when.
type Seen = (Instant, Method, String, Bytes);

/// Answers as it is told to, and with 200 from then on.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Whether it was asked if it is ready since the last call.
    ready: bool,
}

impl Server {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    fn attempts(&self) -> usize {
        self.seen().len()
    }
}

impl Service<Request<RequestBody>> for Server {
    type Response = Response<Empty<Bytes>>;
    type Error = io::Error;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Empty<Bytes>>, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "nobody asked");
        let answer = self.answers.lock().expect("no panic").pop_front();
        let seen = Arc::clone(&self.seen);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let path = parts.uri.path().to_owned();
            seen.lock()
                .expect("no panic")
                .push((Instant::now(), parts.method, path, body));
            let (status, field) = answer.unwrap_or(Ok((200, ""))).map_err(io::Error::other)?;
            let mut response = Response::builder().status(status);
            if let Some((name, value)) = field.split_once(": ") {
                response = response.header(name, value);
            }
            Ok(response.body(Empty::new()).expect("a response"))
        })
    }
}

/// Waits of a second, doubled each time.
fn policy() -> RetryPolicy {
    let mut policy = RetryPolicy::default()
        .max_retries(3)
        .waits(Duration::from_secs(1), Duration::from_secs(60));
    policy.jitter = 0.0;
    policy
}

fn around(server: &Server) -> Retry<Server> {
    RetryLayer::new(policy()).layer(server.clone())
}

fn request(method: Method, body: impl Into<RequestBody>) -> Request<RequestBody> {
    let request = Request::builder().method(method).uri("http://localhost/a");
    request.body(body.into()).expect("a request")
}

/// The status or the error, and after how long.
async fn outcome(
    server: &Server,
    request: Request<RequestBody>,
) -> (Result<u16, (ErrorKind, Sent)>, Duration) {
    let start = Instant::now();
    let sent = around(server).oneshot(request).await;
    let told = match sent {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) => Err((error.kind(), error.sent())),
    };
    (told, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_can_be_repeated_is_with_the_same_bytes() {
    let server = Server::new([Ok((503, "")), Err("cut"), Ok((429, ""))]);
    let put = request(Method::PUT, "the same");
    let (told, took) = outcome(&server, put).await;
    assert_eq!(told, Ok(200));
    assert_eq!(took, Duration::from_secs(1 + 2 + 4));
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    for (_, method, path, body) in seen {
        assert_eq!((method, path.as_str()), (Method::PUT, "/a"));
        assert_eq!(body, "the same");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_response_or_error_is_returned() {
    let server = Server::new([Ok((500, "")); 9]);
    let (told, _) = outcome(&server, request(Method::GET, "")).await;
    assert_eq!((told, server.attempts()), (Ok(500), 4));

    let server = Server::new([Err("cut"); 9]);
    let (told, _) = outcome(&server, request(Method::GET, "")).await;
    assert_eq!(told, Err((ErrorKind::Reset, Sent::Maybe)));
    assert_eq!(server.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_class_is_the_callers_or_that_of_the_method() {
    let keyed = |mut request: Request<RequestBody>| {
        let value = http::HeaderValue::from_static("k1");
        request.headers_mut().insert("idempotency-key", value);
        request
    };
    let with = |mut request: Request<RequestBody>, class: Class| {
        request.extensions_mut().insert(class);
        request
    };
    for (sent, attempts) in [
        (request(Method::GET, ""), 2),
        (request(Method::DELETE, ""), 2),
        (request(Method::POST, "x"), 1),
        (request(Method::PATCH, "x"), 1),
        (keyed(request(Method::POST, "x")), 2),
        (with(request(Method::POST, "x"), Class::Read), 2),
        (with(request(Method::GET, ""), Class::Never), 1),
    ] {
        let shown = format!("{sent:?}");
        let server = Server::new([Ok((503, ""))]);
        let _ = outcome(&server, sent).await;
        assert_eq!(server.attempts(), attempts, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_not() {
    for status in [400, 401, 404, 409, 501] {
        let server = Server::new([Ok((status, ""))]);
        let (told, took) = outcome(&server, request(Method::GET, "")).await;
        assert_eq!((told, took), (Ok(status), Duration::ZERO));
        assert_eq!(server.attempts(), 1, "{status}");
    }
}

/// Whatever became of it, it was read.
#[tokio::test(start_paused = true)]
async fn a_stream_is_sent_once() {
    for answer in [Ok((503, "")), Ok((429, "retry-after: 0")), Err("cut")] {
        let server = Server::new([answer]);
        let body = RequestBody::stream(Some(2), Full::new(Bytes::from("ab")));
        let _ = outcome(&server, request(Method::PUT, body)).await;
        let seen = server.seen();
        assert_eq!((seen.len(), &*seen[0].3), (1, &b"ab"[..]), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_lengthens_the_wait_and_ends_it_if_it_is_too_long() {
    let server = Server::new([Ok((429, "retry-after: 7")), Ok((503, "retry-after: 0"))]);
    let (told, took) = outcome(&server, request(Method::GET, "")).await;
    assert_eq!((told, took), (Ok(200), Duration::from_secs(7 + 2)));

    let server = Server::new([Ok((503, "retry-after: 3600"))]);
    let (told, took) = outcome(&server, request(Method::GET, "")).await;
    assert_eq!((told, took), (Ok(503), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_share_its_budget() {
    let layer = RetryLayer::new(policy()).budget(RetryBudget::new(2));
    let down = Server::new([Ok((503, "")); 9]);
    for attempts in [3, 4, 5] {
        let sent = layer.layer(down.clone()).oneshot(request(Method::GET, ""));
        assert_eq!(sent.await.expect("a response").status(), 503);
        assert_eq!(down.attempts(), attempts);
    }
}

/// A wait that nobody waits for gives back what it drew.
#[tokio::test(start_paused = true)]
async fn a_dropped_future_sends_nothing_more() {
    let budget = RetryBudget::new(1);
    let layer = RetryLayer::new(policy()).budget(budget);
    for _ in 0..3 {
        let down = Server::new([Ok((503, "")); 9]);
        let sent = layer.layer(down.clone()).oneshot(request(Method::GET, ""));
        let waited = tokio::time::timeout(Duration::from_millis(500), sent).await;
        assert!(waited.is_err(), "it waits for its second attempt");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(down.attempts(), 1);
    }
}

/// The second attempt may never leave, and the first may have been done.
#[tokio::test(start_paused = true)]
async fn a_departure_tells_of_all_attempts() {
    let attempts = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&attempts);
    let once = tower::service_fn(move |request: Request<RequestBody>| {
        let first = {
            let mut counted = counted.lock().expect("no panic");
            *counted += 1;
            *counted == 1
        };
        async move {
            assert_eq!(request.extensions().get::<Departure>().is_some(), first);
            if !first {
                std::future::pending::<()>().await;
            }
            Err::<Response<ResponseBody>, _>(io::Error::other("cut"))
        }
    });
    let departure = Departure::default();
    let mut get = request(Method::GET, "");
    get.extensions_mut().insert(departure.clone());
    let sent = RetryLayer::new(policy()).layer(once).oneshot(get);
    let waited = tokio::time::timeout(Duration::from_secs(30), sent).await;
    assert!(waited.is_err());
    assert_eq!(*attempts.lock().expect("no panic"), 2);
    assert_eq!(departure.sent(), Sent::Maybe);
}

/// Around a transport, and in a transport's place.
#[tokio::test(start_paused = true)]
async fn it_is_a_transport_again() {
    let refused = Arc::new(Mutex::new(0));
    let tries = Arc::clone(&refused);
    let inner = Transport::builder()
        .connect_with(move |_| {
            *tries.lock().expect("no panic") += 1;
            std::future::ready(Err::<tokio::io::DuplexStream, _>(io::Error::from(
                io::ErrorKind::ConnectionRefused,
            )))
        })
        .build()
        .expect("a transport");
    let outer = Transport::from_service(RetryLayer::new(policy()).layer(inner));
    // Nothing was sent, so that even this may be repeated.
    let post = request(Method::POST, "x");
    let sent: Result<_, Error> = outer.send(post, Lane::Call, Timeouts::default()).await;
    let error = sent.expect_err("nobody is there");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Connect, Sent::No));
    assert_eq!(*refused.lock().expect("no panic"), 4);
}

/// A layer takes what others make of a transport's responses and errors.
#[tokio::test(start_paused = true)]
async fn any_service_will_do() {
    let whole = tower::service_fn(|_: Request<RequestBody>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let sent = RetryLayer::default().layer(whole);
    let response = sent.oneshot(request(Method::GET, "")).await;
    let body = response.expect("a response").into_body().collect().await;
    assert_eq!(body.expect("a body").to_bytes(), "hello");
}
