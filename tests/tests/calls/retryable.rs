//! What an error says of repeating its call is what the table of retries says.

use std::time::Duration;

use crate::common::following::quick;
use crate::common::{builder, client, current, plan, session, start, truth};
use qoder::types::AgentCreate;
use qoder::{CallOptions, Client, Dialect, Error, ErrorKind, RetryPolicy, Sent, Start};
use qoder_tests::wire::{Act, Step, Wire};

/// A read, a write with a key, and one without.
async fn failed(client: &Client) -> [Error; 3] {
    let create = || client.agents().create(AgentCreate::new("a", "ultimate"));
    let unkeyed = create().options(CallOptions::no_idempotency_key);
    [
        client.models().list().await.expect_err("a fault"),
        create().await.expect_err("a fault"),
        unkeyed.await.expect_err("a fault"),
    ]
}

#[tokio::test]
async fn as_the_table_says() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    for (fault, want) in [
        ("reset", [true, true, false]),
        ("cut=5", [true, true, false]),
        ("status=408", [true, true, false]),
        ("status=425", [true, true, false]),
        ("status=429", [true, true, true]),
        ("status=429;retry-after=600", [true, true, true]),
        ("status=500", [true, true, false]),
        ("status=502", [true, true, false]),
        ("status=503", [true, true, false]),
        ("status=501", [false, false, false]),
        ("status=409", [false, false, false]),
        ("status=404", [false, false, false]),
        ("status=401", [false, false, false]),
        ("status=302", [false, false, false]),
        ("html", [false, false, false]),
    ] {
        sim.inject(plan(&format!("call:{fault}*3")));
        let errors = failed(&client).await;
        let got = errors.each_ref().map(Error::is_retryable);
        assert_eq!(got, want, "{fault}: {errors:?}");
    }
}

#[tokio::test]
async fn a_call_without_time_or_connection() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .deadline(Duration::from_millis(100))
        .build()
        .expect("a client");
    sim.inject(plan("call:stall*3"));
    let errors = failed(&client).await;
    for (error, want) in errors.iter().zip([true, true, false]) {
        assert!(error.is_timeout() && error.sent() == Sent::Maybe);
        assert_eq!(error.is_retryable(), want, "{error:?}");
    }
    let base_url = sim.base_url();
    sim.shutdown().await;
    let client = builder(&base_url, Dialect::Current).build();
    for error in failed(&client.expect("a client")).await {
        assert_eq!(error.sent(), Sent::No);
        assert!(error.is_retryable(), "{error:?}");
    }
}

/// A deadline that passes while there is no connection yet: nothing was sent.
#[tokio::test(start_paused = true)]
async fn a_call_that_never_had_a_connection() {
    let wire = Wire::new([], Act::unreachable());
    let client = builder("http://localhost/api/v1/cloud", Dialect::Current)
        .deadline(Duration::from_secs(1))
        .transport(wire.transport().build().expect("a transport"))
        .build()
        .expect("a client");
    for error in failed(&client).await {
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.sent(), Sent::No, "{error:?}");
        assert!(error.is_retryable(), "{error:?}");
    }
}

/// A write is repeated under its key by whoever gets the error.
#[tokio::test]
async fn an_error_has_the_key_of_its_call() {
    let sim = start(current()).await;
    let client = client(&sim);
    sim.inject(plan("call:reset*3"));
    let create = || client.agents().create(AgentCreate::new("a", "ultimate"));
    let error = create().await.expect_err("a fault");
    let key = error.idempotency_key().expect("a key");
    create()
        .options(|options| options.idempotency_key(key))
        .await
        .expect("an agent");
    let requests = sim.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(request.header("idempotency-key"), Some(key));
    }
    sim.inject(plan("call:reset*7"));
    let [read, _, unkeyed] = failed(&client).await;
    assert_eq!(read.idempotency_key(), None);
    assert_eq!(unkeyed.idempotency_key(), None);
}

/// What was followed can be followed again after an outage, and not after a refusal.
#[tokio::test]
async fn following_that_gave_up() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let last = truth(&sim, &id).pop().expect("an event");
    for (fault, want) in [
        ("stream:status=503*100", true),
        ("stream:reset*100", true),
        ("stream:status=403*100", false),
        ("stream:html*100", false),
    ] {
        sim.inject(plan(fault));
        let follow = client.session(&id).follow();
        let mut events = quick(follow.from(Start::After(last.as_str().into())))
            .without_polling()
            .give_up(3, Duration::from_secs(60))
            .events();
        let error = events.next().await.expect("an error").expect_err(fault);
        assert_eq!(error.is_retryable(), want, "{fault}: {error:?}");
    }
}

/// A stream that broke can be opened again; an event that is too large stays so.
#[tokio::test]
async fn a_stream_that_broke() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let first = truth(&sim, &id).remove(0);
    sim.inject(plan("stream:cut=20"));
    let opening = client.session(&id).stream();
    let mut stream = opening.after(first.as_str()).await.expect("a stream");
    let error = loop {
        if let Err(error) = stream.next().await.expect("an item") {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    assert!(error.is_retryable(), "{error:?}");

    let mut body = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ".to_vec();
    body.resize(body.len() + (17 << 20), b'x');
    let wire = Wire::new([], Act::answer(body));
    let client = builder("http://localhost/api/v1/cloud", Dialect::Current)
        .transport(wire.transport().build().expect("a transport"))
        .build()
        .expect("a client");
    let mut stream = client.session("s").stream().await.expect("a stream");
    let error = stream.next().await.expect("an item").expect_err("too much");
    assert!(error.to_string().contains("too large"), "{error}");
    assert!(!error.is_retryable(), "{error:?}");
}

/// A turn whose message may have arrived is begun again with the key that its error has.
#[tokio::test(start_paused = true)]
async fn a_turn_that_was_not_accepted_in_time() {
    let silent = Act::new([Step::Read, Step::Silence]);
    for own in [None, Some("my-key")] {
        let wire = Wire::new([], silent.clone());
        let client = builder("http://localhost/api/v1/cloud", Dialect::Current)
            .transport(wire.transport().build().expect("a transport"))
            .build()
            .expect("a client");
        let mut turn = client.session("s").turn("Hello!");
        if let Some(own) = own {
            turn = turn.idempotency_key(own);
        }
        let error = turn.deadline(Duration::from_secs(5)).await;
        let error = error.map(|_| ()).expect_err("silence");
        assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
        let key = error.idempotency_key().expect("a key");
        assert!(own.is_none_or(|own| own == key), "{key}");
    }
}
