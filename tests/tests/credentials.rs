//! Service accounts and other sources of tokens: against the simulator on loopback, and, where
//! time matters, against a server in memory with simulated time.

mod common;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{IntoFuture, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{builder, current, plan, session, start, truth};
use http::{Request, Response};
use http_body::{Body, Frame};
use qoder::types::serde_json::{Value, json};
use qoder::types::{AgentCreate, UserMessage};
use qoder::{
    Client, ClientBuilder, Dialect, Error, ErrorKind, Event, Gateway, Method, Region, RetryPolicy,
    Sent, ServiceAccount, Start, Timeouts, Transport, Via,
    auth::{AccessToken, CredentialsError},
};
use qoder_http::RequestBody;
use qoder_sim::{Recorded, Sim};
use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};
use tower_service::Service;

const KEY: &str = "sak-0123456789abcdef";

const EXCHANGE: &str = "/api/v1/serviceToken/exchange";

fn account(sim: &Sim) -> ServiceAccount {
    ServiceAccount::new(KEY).exchange_origin(sim.exchange_origin())
}

fn with_account(sim: &Sim) -> ClientBuilder {
    builder(&sim.base_url(), Dialect::Current).service_account(account(sim))
}

fn client(sim: &Sim) -> Client {
    with_account(sim).build().expect("a client")
}

fn exchanges(sim: &Sim) -> Vec<Recorded> {
    let requests = sim.requests().into_iter();
    requests
        .filter(|request| request.path == EXCHANGE)
        .collect()
}

fn statuses(sim: &Sim) -> Vec<u16> {
    sim.requests()
        .iter()
        .map(|request| request.status)
        .collect()
}

fn all_of(error: &Error) -> String {
    let source = std::error::Error::source(error);
    format!(
        "{error} {error:?} {:?} {source:?} {:?}",
        error.api(),
        error.body()
    )
}

#[tokio::test]
async fn a_key_is_exchanged_once_and_goes_nowhere_else() {
    let sim = start(current()).await;
    let client = with_account(&sim)
        .workspace("ws_1")
        .build()
        .expect("a client");
    let id = session(&client, "answer").await;
    let reply = client.session(&id).ask("Hello!").await.expect("a reply");
    assert!(!reply.text().is_empty());

    let exchanged = exchanges(&sim);
    assert_eq!(exchanged.len(), 1, "{:?}", statuses(&sim));
    let asked = &exchanged[0];
    let key = format!("Bearer {KEY}");
    assert_eq!(asked.header("authorization"), Some(key.as_str()));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("qoder-workspace-id"), None);
    let body = json!({
        "grant_type": "client_credentials", "audience": "qoder", "scope": "qca.access", "ttl_seconds": 3600,
    });
    assert_eq!(asked.json(), body);
    let tokens: BTreeSet<String> = sim
        .requests()
        .iter()
        .filter(|request| request.path != EXCHANGE)
        .map(|request| request.header("authorization").expect("a token").to_owned())
        .collect();
    assert_eq!(tokens.len(), 1, "one token for all");
    assert!(tokens.iter().all(|token| token.starts_with("Bearer sat-")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_at_once_exchange_once() {
    let sim = start(current()).await;
    let client = client(&sim);
    assert_eq!(all_at_once(&client).await, 200);
    assert_eq!(sim.tokens_issued(), 1);

    // All of them are refused the same token: they renew it once, and repeat.
    sim.revoke_tokens();
    sim.clear_requests();
    assert_eq!(all_at_once(&client).await, 200);
    assert_eq!(sim.tokens_issued(), 2);
    assert_eq!(exchanges(&sim).len(), 1);
    let refused = statuses(&sim)
        .iter()
        .filter(|status| **status == 401)
        .count();
    assert!((1..=200).contains(&refused), "{refused}");
}

/// Two hundred calls by clones of a client; how many succeed.
async fn all_at_once(client: &Client) -> usize {
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.models().list().await })
        })
        .collect();
    let mut well = 0;
    for call in calls {
        call.await.expect("no panic").expect("models");
        well += 1;
    }
    well
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_repeated_where_that_is_safe() {
    let sim = start(current()).await;
    // Each time another client, since what was renewed just now is not renewed again.
    let revoked = async || {
        let client = client(&sim);
        client.models().list().await.expect("models");
        sim.revoke_tokens();
        sim.clear_requests();
        client
    };
    let listed = revoked()
        .await
        .request::<Value>(Method::Get, "/models")
        .with_meta()
        .await
        .expect("models");
    assert_eq!(listed.meta.attempts, 2);
    assert_eq!(statuses(&sim), [401, 200, 200]);

    // A write with a key is the same write.
    let agent = AgentCreate::new("tester", "ultimate");
    revoked()
        .await
        .agents()
        .create(agent.clone())
        .await
        .expect("an agent");
    let requests = sim.requests();
    let (first, second) = (&requests[0], &requests[2]);
    assert_eq!(statuses(&sim), [401, 200, 200]);
    assert_eq!(first.body, second.body);
    assert!(first.header("idempotency-key").is_some());
    assert_eq!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    assert_ne!(
        first.header("authorization"),
        second.header("authorization")
    );

    // One without a key is not repeated, but the next call has a token that is good.
    let client = revoked().await;
    let error = client
        .agents()
        .create(agent)
        .options(qoder::CallOptions::no_idempotency_key)
        .await
        .expect_err("refused");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Api, 1));
    assert!(error.is_auth());
    assert_eq!(statuses(&sim), [401]);
    client.models().list().await.expect("models");
    assert_eq!(statuses(&sim), [401, 200, 200]);
}

#[tokio::test]
async fn a_token_that_is_always_the_same_is_never_renewed() {
    let sim = start(current()).await;
    let client = common::client(&sim);
    sim.inject(plan("call:status=401,call:flat-401"));
    for _ in 0..2 {
        let error = client.models().list().await.expect_err("refused");
        assert_eq!((error.attempts(), error.is_auth()), (1, true));
    }
    assert_eq!(statuses(&sim), [401, 401]);
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    let sim = start(current().token_ttl(Duration::from_secs(2))).await;
    let client = client(&sim);
    client.models().list().await.expect("models");
    let before = sim.tokens_issued();
    sleep(Duration::from_secs(2)).await;
    client.models().list().await.expect("models");
    assert!(sim.tokens_issued() > before);
}

#[tokio::test]
async fn an_exchange_that_fails_is_told_apart() {
    let sim = start(current()).await;
    // (fault, status, may work soon, words)
    for (fault, status, passing, words) in [
        ("status=401", Some(401), false, "401 authentication_error"),
        ("flat-401", Some(401), false, "401 TOKEN_INVALID"),
        ("status=403", Some(403), false, "403 permission_error"),
        ("status=400", Some(400), false, "400 invalid_request_error"),
        ("status=302", Some(302), false, "302"),
        ("status=404", Some(404), false, "404 not_found_error"),
        ("status=409", Some(409), false, "409 conflict_error"),
        ("status=429", Some(429), true, "429"),
        ("status=500", Some(500), true, "500"),
        ("status=503", Some(503), true, "503"),
        ("reset", None, true, "failed"),
        ("stall", None, true, "failed"),
        ("cut=20", Some(200), true, "failed"),
        ("html", Some(200), false, "not the documented JSON"),
        ("empty", Some(200), false, "not the documented JSON"),
        ("no-content", Some(204), false, "not the documented JSON"),
        ("truncate", Some(200), false, "not the documented JSON"),
        ("not-utf8", Some(200), false, "`access_token` is missing"),
        ("oversize=1000000", Some(200), false, "too long"),
    ] {
        let timeouts = match fault {
            "stall" => Timeouts::default().head(Duration::from_millis(300)),
            _ => Timeouts::default(),
        };
        let client = with_account(&sim)
            .timeouts(timeouts)
            .build()
            .expect("a client");
        sim.clear_requests();
        sim.inject(plan(&format!("exchange:{fault}")));
        let error = client.models().list().await.expect_err(fault);
        let text = all_of(&error);
        assert_eq!(error.kind(), ErrorKind::Credentials, "{fault}: {text}");
        assert_eq!(error.operation(), Some("models.list"), "{fault}");
        assert_eq!(
            error.status().map(|status| status.as_u16()),
            status,
            "{fault}: {text}"
        );
        assert_eq!(
            (error.sent(), error.attempts()),
            (Sent::No, 0),
            "{fault}: {text}"
        );
        assert_eq!(
            (error.is_retryable(), error.is_auth()),
            (passing, !passing),
            "{fault}: {text}"
        );
        assert_eq!(error.retry_after().is_some(), passing, "{fault}: {text}");
        assert!(
            !error.is_not_found() && !error.is_conflict(),
            "{fault}: that is not of the models"
        );
        assert!(error.to_string().contains(words), "{fault}: {error}");
        if status.is_some() {
            assert!(error.request_id().is_some(), "{fault}: {text}");
        }
        assert!(
            !text.contains(KEY) && !text.contains("sat-"),
            "{fault}: {text}"
        );
        assert_eq!(
            sim.requests().len(),
            1,
            "{fault}: one exchange, and nothing else"
        );
    }
}

#[tokio::test]
async fn after_a_failure_the_exchange_is_left_alone() {
    let sim = start(current()).await;
    let client = client(&sim);
    sim.inject(plan("exchange:status=429;retry-after=40"));
    for _ in 0..3 {
        let error = client.models().list().await.expect_err("no token");
        assert!(error.is_retryable() && error.is_rate_limited(), "{error:?}");
        let wait = error.retry_after().expect("a wait");
        assert!(
            wait > Duration::from_secs(5) && wait <= Duration::from_secs(40),
            "{wait:?}"
        );
    }
    assert_eq!(exchanges(&sim).len(), 1);
}

#[tokio::test]
async fn a_call_that_gives_up_leaves_the_exchange_to_others() {
    let sim = start(current()).await;
    let client = client(&sim);
    sim.inject(plan("exchange:drip=3"));
    let impatient = client
        .models()
        .list()
        .options(|options| options.timeout(Duration::from_millis(200)))
        .into_future();
    let patient = client.models().list().into_future();
    let (error, listed) = tokio::join!(impatient, patient);
    let error = error.expect_err("too late");
    assert!(error.is_timeout());
    assert_eq!((error.sent(), error.attempts()), (Sent::No, 0), "{error:?}");
    listed.expect("models");
    assert_eq!(exchanges(&sim).len(), 1);
}

#[test]
fn a_key_of_one_region_is_not_taken_to_the_other() {
    for (gateway, region) in [
        (Gateway::China, Region::Global),
        (Gateway::Global, Region::China),
    ] {
        let account = ServiceAccount::new(KEY).region(region);
        let error = Client::builder()
            .service_account(account)
            .gateway(gateway)
            .build()
            .map(|_| ())
            .expect_err("another region");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("region"), "{error}");
        assert!(!all_of(&error).contains(KEY));
    }
    // What is known of neither is not checked, and not guessed.
    let custom = || Client::builder().base_url("https://proxy.example/qoder");
    assert!(
        custom()
            .service_account(ServiceAccount::new(KEY))
            .build()
            .is_err()
    );
    let account = ServiceAccount::new(KEY).region(Region::China);
    assert!(custom().service_account(account).build().is_ok());
    // A key goes over plain http to this machine alone, whatever is allowed for tokens.
    let account = ServiceAccount::new(KEY).exchange_origin("http://keys.example");
    let error = custom()
        .allow_plain_http(true)
        .service_account(account)
        .build();
    assert!(
        error
            .map(|_| ())
            .expect_err("plain")
            .to_string()
            .contains("https")
    );
}

#[tokio::test]
async fn a_key_is_no_token() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .token(KEY)
        .build();
    let error = client
        .expect("a client")
        .models()
        .list()
        .await
        .expect_err("a key");
    assert!(
        error.is_auth() && !all_of(&error).contains(KEY),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_program_gives_tokens_of_its_own() {
    let sim = start(current()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let client = builder(&sim.base_url(), Dialect::Current)
        .credentials(move || {
            let number = count.fetch_add(1, SeqCst) + 1;
            async move { Ok(AccessToken::new(format!("pt-own-number-{number}"))) }
        })
        .build()
        .expect("a client");
    for _ in 0..3 {
        client.models().list().await.expect("models");
    }
    assert_eq!(asked.load(SeqCst), 1);
    sim.inject(plan("call:flat-401"));
    let listed = client
        .request::<Value>(Method::Get, "/models")
        .with_meta()
        .await
        .expect("models");
    assert_eq!((listed.meta.attempts, asked.load(SeqCst)), (2, 2));
    let used = |request: &Recorded| request.header("authorization").map(ToOwned::to_owned);
    let last = sim.requests().last().and_then(used);
    assert_eq!(last.as_deref(), Some("Bearer pt-own-number-2"));
}

#[tokio::test]
async fn a_program_that_has_no_token_says_why() {
    let sim = start(current()).await;
    let client = |denied: bool| {
        builder(&sim.base_url(), Dialect::Current)
            .credentials(move || async move {
                let why = io::Error::other("the vault is sealed");
                if denied {
                    return Err(CredentialsError::denied(why));
                }
                Err(why)?
            })
            .build()
            .expect("a client")
    };
    for denied in [false, true] {
        let error = client(denied).models().list().await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!((error.is_retryable(), error.is_auth()), (!denied, denied));
        assert_eq!(
            error.to_string(),
            "models.list: no token from the credentials: the vault is sealed"
        );
    }
    assert!(sim.requests().is_empty());
}

/// Follows a turn, with every token revoked after so many of its events; how many there are.
async fn followed_through_rotation(sim: &Sim, via: Via, revoked: usize) -> usize {
    let client = client(sim);
    let id = session(&client, "thinking_and_tools").await;
    let conversation = client.session(&id);
    let mut events = conversation
        .follow()
        .from(Start::Beginning)
        .via(via)
        .waits(Duration::from_millis(5), Duration::from_millis(20))
        .events();
    conversation
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    sim.inject(plan("stream:end-frames=2*50"));
    let issued = sim.tokens_issued();
    let mut ids = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.expect("an event");
        ids.push(event.id().expect("an id").to_string());
        if ids.len() == revoked {
            sim.revoke_tokens();
        }
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    sim.inject(plan(""));
    assert_eq!(ids, truth(sim, &id), "{via:?}, after {revoked}");
    let renewed = sim.tokens_issued() - issued;
    let at_most = usize::from((1..ids.len()).contains(&revoked));
    assert!(renewed <= at_most, "{via:?}, after {revoked}: {renewed}");
    // Each connection has but two events.
    if via == Via::Sse && revoked + 2 < ids.len() {
        assert_eq!(renewed, at_most, "{via:?}, after {revoked}");
    }
    ids.len()
}

#[tokio::test]
async fn following_outlives_its_tokens() {
    let sim = start(current()).await;
    for via in [Via::Sse, Via::Polling(Duration::from_millis(10))] {
        let every = async {
            let mut revoked = 0;
            while revoked < followed_through_rotation(&sim, via, revoked).await {
                revoked += 1;
            }
            assert!(revoked > 5, "{revoked}");
        };
        timeout(Duration::from_secs(60), every)
            .await
            .expect("in time");
    }
}

#[tokio::test]
async fn following_ends_with_an_exchange_that_refuses() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    sim.revoke_tokens();
    sim.inject(plan("exchange:status=403"));
    let mut events = client.session(&id).follow().from(Start::Beginning).events();
    let error = events.next().await.expect("an item").expect_err("no token");
    assert!(error.is_auth(), "{error:?}");
    assert!(!all_of(&error).contains(KEY), "{error:?}");
    assert!(events.next().await.is_none());
}

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
