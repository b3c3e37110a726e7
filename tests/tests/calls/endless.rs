//! Limits that the clock can't count are none.

use std::time::Duration;

use crate::common::{builder, client, current, plan, session, start, truth};
use qoder::types::EventId;
use qoder::{Dialect, RetryPolicy, Start, Via};

/// Who sets the longest limit there is means that there is none.
#[tokio::test]
async fn limits_that_the_clock_cant_count() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .deadline(Duration::MAX)
        .retry(RetryPolicy::default().waits(Duration::MAX, Duration::MAX))
        .build()
        .expect("a client");
    client.models().list().await.expect("models");
    for limit in [
        Duration::MAX,
        Duration::MAX / 2,
        Duration::from_secs(u64::MAX / 4),
    ] {
        let call = client.models().list();
        let call = call.options(|options| options.timeout(limit));
        call.await.expect("models");
    }
    for request in sim.requests() {
        assert_eq!(request.header("x-qoder-timeout"), None);
    }
    // The wait is one without end, and not a panic.
    sim.inject(plan("call:status=503"));
    let waiting = tokio::time::timeout(Duration::from_millis(100), client.models().list());
    waiting.await.expect_err("it waits");
}

#[tokio::test]
async fn limits_of_streams_that_the_clock_cant_count() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let never = Duration::MAX;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let truth = truth(&sim, &id);
    let first = truth[0].as_str();

    let opening = client.session(&id).stream().after(first);
    let mut stream = opening.idle_timeout(never).await.expect("a stream");
    for want in &truth[1..] {
        let event = stream.next().await.expect("an event").expect("an event");
        assert_eq!(event.id().map(EventId::as_str), Some(want.as_str()));
    }
    let silence = tokio::time::timeout(Duration::from_millis(50), stream.next());
    silence.await.expect_err("it waits");

    for via in [Via::Sse, Via::Polling(never)] {
        for faults in [
            "",
            "stream:end-frames=0",
            "stream:status=503",
            "call:status=503",
        ] {
            sim.inject(plan(faults));
            let follow = client.session(&id).follow().from(Start::Beginning).via(via);
            let mut events = follow
                .idle_timeout(never)
                .waits(never, never)
                .give_up(u32::MAX, never)
                .polling_after(1, never)
                .events();
            let events = async {
                while let Some(event) = events.next().await {
                    event.expect("an event");
                }
            };
            // After what there is, or before it, it waits for what never comes.
            let waiting = tokio::time::timeout(Duration::from_millis(50), events);
            waiting.await.expect_err("it waits");
        }
    }
}
