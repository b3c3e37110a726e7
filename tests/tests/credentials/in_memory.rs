//! Where time matters: against a server in memory, with simulated time.

use std::convert::Infallible;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use qoder::types::serde_json::{Value, json};
use qoder::{
    Client, ErrorKind, Event, Gateway, Method, RetryPolicy, Sent, ServiceAccount, Start, Transport,
    Via,
};
use qoder_http::RequestBody;
use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};
use tower_service::Service;

use super::{EXCHANGE, KEY, all_of, client};
use crate::common::{current, plan, session, start};

/// A server in memory, in simulated time: an exchange that fails or not, and an API that takes
/// the tokens in their time.
#[derive(Clone, Default)]
struct InMemory(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    /// The status of the exchange, if it is no success.
    fails: Option<u16>,
    issued: usize,
    exchanges: usize,
    /// The token of each call.
    used: Vec<String>,
    ends: Option<tokio::time::Instant>,
    /// No token is good.
    refuses: bool,
    /// How long an exchange takes.
    takes: Duration,
}

struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|whole| Ok(Frame::data(whole))))
    }
}

impl Service<Request<RequestBody>> for InMemory {
    type Response = Response<Whole>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Whole>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let mut world = self.lock();
        let token = request.headers()["authorization"].to_str().expect("text");
        let mut takes = Duration::ZERO;
        let (status, body) = if request.uri().path() == EXCHANGE {
            world.exchanges += 1;
            takes = world.takes;
            assert_eq!(request.uri().host(), Some("openapi.qoder.sh"));
            match world.fails {
                Some(status) => (status, json!({"code": "NOT_NOW"})),
                None => {
                    world.issued += 1;
                    world.ends = Some(tokio::time::Instant::now() + Duration::from_secs(3600));
                    let token = format!("token-{}", world.issued);
                    (
                        200,
                        json!({"access_token": token, "token_type": "bearer", "expires_in": "3600"}),
                    )
                }
            }
        } else {
            assert_eq!(request.uri().host(), Some("api.qoder.com"));
            world
                .used
                .push(token.trim_start_matches("Bearer ").to_owned());
            let first = world.used.first().cloned().unwrap_or_default();
            let in_time = |ends| tokio::time::Instant::now() < ends;
            let good = !world.refuses
                && world.ends.is_some_and(in_time)
                && !request.uri().path().ends_with("/forbidden");
            if request.uri().path().ends_with("/echo") {
                let said = format!("{token} after {first}, for {KEY}");
                (
                    400,
                    json!({"error": {"type": "invalid_request_error", "message": said}}),
                )
            } else if good && request.uri().path().ends_with("/events") {
                let idle = json!({
                    "id": "evt_1", "type": "session.status_idle", "stop_reason": {"type": "end_turn"},
                    "processed_at": "2026-11-24T08:00:00Z",
                });
                (
                    200,
                    json!({"data": [idle], "has_more": false, "last_id": "evt_1"}),
                )
            } else if good {
                (200, json!({"data": [], "has_more": false}))
            } else {
                (401, json!({"code": "TOKEN_INVALID"}))
            }
        };
        let mut response = Response::new(Whole(Some(body.to_string().into())));
        *response.status_mut() = status.try_into().expect("a status");
        Box::pin(async move {
            for _ in 0..2 {
                yield_now().await;
            }
            if !takes.is_zero() {
                sleep(takes).await;
            }
            Ok(response)
        })
    }
}

impl InMemory {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no panic")
    }

    fn client(&self) -> Client {
        Client::builder()
            .gateway(Gateway::Global)
            .service_account(ServiceAccount::new(KEY))
            .transport(Transport::from_service(self.clone()))
            .retry(RetryPolicy::none())
            .build()
            .expect("a client")
    }

    fn fail(&self, status: impl Into<Option<u16>>) {
        self.lock().fails = status.into();
    }

    /// Tokens issued, exchanges asked for, and the last token used.
    fn seen(&self) -> (usize, usize, String) {
        let world = self.lock();
        let last = world.used.last().cloned().unwrap_or_default();
        (world.issued, world.exchanges, last)
    }
}

async fn pass(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_ends() {
    let server = InMemory::default();
    let client = server.client();
    let list = || async { client.models().list().await.map(|_| ()) };
    list().await.expect("models");
    pass(3539).await;
    list().await.expect("models");
    assert_eq!(server.seen(), (1, 1, "token-1".to_owned()));
    pass(1).await;
    list().await.expect("models");
    assert_eq!(server.seen(), (2, 2, "token-2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_busy_exchange_is_bridged_by_the_old_token_as_long_as_that_is_safe() {
    let server = InMemory::default();
    let client = server.client();
    let list = || async { client.models().list().await.map(|_| ()) };
    list().await.expect("models");
    server.fail(503);
    pass(3540).await;
    list().await.expect("the old token");
    assert_eq!(server.seen(), (1, 2, "token-1".to_owned()));
    pass(4).await;
    list().await.expect("the old token, and no question");
    assert_eq!(server.seen(), (1, 2, "token-1".to_owned()));
    pass(1).await;
    list().await.expect("the old token, after another question");
    assert_eq!(server.seen(), (1, 3, "token-1".to_owned()));
    pass(50).await;
    let error = list().await.expect_err("it is not safe any more");
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Credentials, true)
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    server.fail(None);
    pass(4).await;
    list().await.expect_err("the cooldown holds");
    pass(1).await;
    list().await.expect("a new one");
    assert_eq!(server.seen(), (2, 5, "token-2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_refuses_is_not_bridged() {
    let server = InMemory::default();
    let client = server.client();
    let list = || async { client.models().list().await.map(|_| ()) };
    list().await.expect("models");
    server.fail(401);
    pass(3540).await;
    for _ in 0..2 {
        let error = list().await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(error.is_auth() && !error.is_retryable());
    }
    assert_eq!(server.seen(), (1, 2, "token-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_every_token_is_not_asked_for_ever() {
    let server = InMemory::default();
    server.lock().refuses = true;
    let client = server.client();
    let refused = async || {
        let error = client.models().list().await.expect_err("refused");
        assert_eq!((error.kind(), error.is_auth()), (ErrorKind::Api, true));
        error.attempts()
    };
    assert_eq!(refused().await, 2, "one renewal");
    assert_eq!(refused().await, 1, "none at once");
    pass(29).await;
    assert_eq!(refused().await, 1, "nor soon");
    assert_eq!(server.seen().0, 2);
    pass(1).await;
    assert_eq!(refused().await, 2, "but after a while");
    assert_eq!(server.seen().0, 3);
    server.lock().refuses = false;
    client.models().list().await.expect("models");
    assert_eq!(server.seen().0, 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_is_cut() {
    let server = InMemory::default();
    let client = server.client();
    client.models().list().await.expect("models");
    pass(3541).await;
    let echo = client.request::<Value>(Method::Get, "/echo");
    let error = echo.await.expect_err("an echo");
    assert_eq!(
        error.to_string(),
        "GET /echo: 400 invalid_request_error: Bearer [token] after [token], for [token]"
    );
    let text = all_of(&error);
    for secret in ["token-1", "token-2", KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(server.seen().2, "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_the_error_of_the_call() {
    let server = InMemory::default();
    let client = server.client();
    let list = || async { client.models().list().await.map(|_| ()) };
    list().await.expect("models");
    // The server forgets the token, and is too busy for another.
    server.lock().ends = None;
    server.fail(503);
    let error = list().await.expect_err("no token");
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Credentials, 1)
    );
    assert_eq!(
        error.sent(),
        Sent::Yes,
        "the attempt before it was answered"
    );
}

#[tokio::test(start_paused = true)]
async fn following_waits_for_an_exchange_that_is_busy() {
    let server = InMemory::default();
    let client = server.client();
    server.fail(503);
    let later = server.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(12)).await;
        later.fail(None);
    });
    let mut events = client
        .session("sess_1")
        .follow()
        .from(Start::Beginning)
        .via(Via::Polling(Duration::from_secs(1)))
        .events();
    let event = events.next().await.expect("an item").expect("an event");
    assert!(matches!(event, Event::SessionStatusIdle(_)), "{event:?}");
    let (issued, exchanges, _) = server.seen();
    assert_eq!(issued, 1);
    assert!(
        (2..=4).contains(&exchanges),
        "{exchanges}, with 5 s between them"
    );
}

/// Drops a call after each of its polls, while it is refused, renews its token and is repeated:
/// whatever it had begun, the next call succeeds.
#[tokio::test(start_paused = true)]
async fn a_call_can_be_dropped_at_every_poll() {
    let mut polls = 0;
    loop {
        let server = InMemory::default();
        let client = server.client();
        client.models().list().await.expect("models");
        server.lock().ends = None;
        let mut call = client.models().list().into_future();
        let mut left = polls;
        let done = poll_fn(|cx| {
            while left > 0 {
                left -= 1;
                if let Poll::Ready(listed) = call.as_mut().poll(cx) {
                    return Poll::Ready(Some(listed));
                }
            }
            Poll::Ready(None)
        })
        .await;
        drop(call);
        client.models().list().await.expect("models");
        if let Some(listed) = done {
            listed.expect("models");
            break;
        }
        polls += 1;
    }
    assert!(polls > 6, "two requests and an exchange: {polls}");
}

/// A call that began the exchange and is then not polled: the others drive it on.
#[tokio::test(start_paused = true)]
async fn a_paused_call_holds_nobody_up() {
    let server = InMemory::default();
    server.lock().takes = Duration::from_millis(300);
    let client = server.client();
    // Of one that is paused after any of its polls, and of one that waited when it began.
    for polls in 1..8 {
        let mut paused = client.models().list().into_future();
        let waiting = {
            let client = client.clone();
            tokio::spawn(async move { client.models().list().await })
        };
        for _ in 0..polls {
            let _ = poll_fn(|cx| Poll::Ready(paused.as_mut().poll(cx))).await;
            yield_now().await;
        }
        let later = timeout(Duration::from_secs(5), client.models().list().into_future());
        later.await.expect("in time").expect("models");
        let waited = timeout(Duration::from_secs(5), waiting).await;
        waited.expect("in time").expect("no panic").expect("models");
        assert_eq!(server.seen().1, polls, "one exchange for all");
        let paused = timeout(Duration::from_secs(5), paused).await;
        paused.expect("in time").expect("models");
        pass(3600).await;
    }
}

/// The same with sockets, in the loop that programs have.
#[tokio::test]
async fn a_loop_that_pauses_a_stream_goes_on() {
    let sim = start(current()).await;
    let id = session(&client(&sim), "answer").await;
    sim.inject(plan("exchange:drip=1"));
    let client = client(&sim);
    let mut updates = client
        .session(&id)
        .follow()
        .from(Start::Beginning)
        .updates();
    let ticking = async {
        let mut ticks = 0;
        while ticks < 3 {
            tokio::select! {
                update = updates.next() => { update.expect("an update").expect("no error"); }
                () = sleep(Duration::from_millis(1)) => {
                    let _ = client.models().list().await;
                    ticks += 1;
                }
            }
        }
    };
    timeout(Duration::from_secs(20), ticking)
        .await
        .expect("nothing hangs");
}

/// An exchange goes on when the call that began it has run out of time.
#[tokio::test(start_paused = true)]
async fn calls_short_of_time_come_to_a_token() {
    let server = InMemory::default();
    server.lock().takes = Duration::from_millis(300);
    let client = server.client();
    let list = || {
        let call = client.models().list();
        call.options(|options| options.timeout(Duration::from_millis(200)))
    };
    let error = list().await.expect_err("no time");
    assert_eq!((error.is_timeout(), error.sent()), (true, Sent::No));
    list().await.expect("models");
    assert_eq!(server.seen(), (1, 1, "token-1".to_owned()));
}

/// What lay for long between two calls says nothing: another exchange takes its place.
#[tokio::test(start_paused = true)]
async fn an_exchange_that_was_left_alone_is_begun_anew() {
    for (fails, takes) in [(Some(503), 1), (None, 100_000)] {
        let server = InMemory::default();
        server.lock().takes = Duration::from_secs(takes);
        server.fail(fails);
        let client = server.client();
        let mut left = client.models().list().into_future();
        let _ = poll_fn(|cx| Poll::Ready(left.as_mut().poll(cx))).await;
        drop(left);
        sleep(Duration::from_secs(600)).await;
        server.lock().takes = Duration::ZERO;
        server.fail(None);
        client.models().list().await.expect("models");
        assert!(server.seen().1 <= 2, "{:?}", server.seen());
    }
}

/// Five hundred calls that are always refused, among five hundred that never are.
#[tokio::test(start_paused = true)]
async fn renewals_are_limited_in_time() {
    let server = InMemory::default();
    let client = server.client();
    for number in 0..500 {
        client.models().list().await.expect("models");
        let refused = client.request::<Value>(Method::Get, "/forbidden").await;
        assert!(refused.expect_err("refused").is_auth());
        if number % 10 == 0 {
            pass(1).await;
        }
    }
    let (_, exchanges, _) = server.seen();
    assert!((2..=3).contains(&exchanges), "{exchanges} in 50 s");
}

/// A client that several runtimes use, one of which ends with an exchange under way.
#[test]
fn an_exchange_dies_with_its_runtime_alone() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    let server = runtime();
    let sim = server.block_on(start(current()));
    let client = client(&sim);
    sim.inject(plan("exchange:stall"));
    let serving = std::thread::spawn(move || server.block_on(std::future::pending::<()>()));
    let list = || client.models().list().into_future();
    let parked = runtime();
    let mut first = list();
    parked.block_on(async {
        timeout(Duration::from_millis(100), &mut first)
            .await
            .expect_err("it stalls");
    });
    // One that isn't driven any more, and then is gone.
    runtime().block_on(async {
        let listed = timeout(Duration::from_secs(10), list()).await;
        listed.expect("in time").expect("models");
    });
    drop(first);
    drop(parked);
    runtime().block_on(async {
        let listed = timeout(Duration::from_secs(10), list()).await;
        listed.expect("in time").expect("models");
    });
    assert!(!serving.is_finished());
}
