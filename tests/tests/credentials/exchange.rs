//! How a key is exchanged, and what is done with the tokens: against the simulator on loopback.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use qoder::types::AgentCreate;
use qoder::types::serde_json::{Value, json};
use qoder::{
    Client, Dialect, ErrorKind, Gateway, Method, Region, Sent, ServiceAccount, Timeouts,
    auth::{AccessToken, CredentialsError},
};
use qoder_sim::Recorded;
use tokio::time::sleep;

use super::{EXCHANGE, KEY, all_of, client, exchanges, statuses, with_account};
use crate::common::{builder, current, plan, session, start};

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
    let client = crate::common::client(&sim);
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
    for (fault, status, transient, words) in [
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
            (transient, !transient),
            "{fault}: {text}"
        );
        assert_eq!(error.retry_after().is_some(), transient, "{fault}: {text}");
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
