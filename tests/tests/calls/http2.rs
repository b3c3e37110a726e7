//! Following over HTTP/2 as the internet has it, with TLS and ALPN, many streams to a connection.

use std::time::Duration;

use crate::common::following::{Previews, delivered, each_event_once};
use crate::common::wire::{Wire, tls_in_front_of};
use crate::common::{builder, current, seed, session, start, truth};
use qoder::types::UserMessage;
use qoder::{Client, Dialect, Start, Transport, Via};
use qoder_http::StreamHttp;
use qoder_sim::{Builder, Sim};

const POLLING: Via = Via::Polling(Duration::from_millis(5));

/// A simulator behind TLS, a client that shares connections, and what counts these.
async fn shared(sim: Builder, dialect: Dialect) -> (Sim, Client, Wire) {
    let sim = start(sim).await;
    let (addr, tls) = tls_in_front_of(sim.addr()).await;
    let wire = Wire::to(addr).await;
    let transport = Transport::builder()
        .tls(tls)
        .stream_http(StreamHttp::Http2Shared)
        .build()
        .expect("a transport");
    let base_url = format!("https://localhost:{}/api/v1/cloud", wire.addr().port());
    let client = builder(&base_url, dialect).transport(transport).build();
    (sim, client.expect("a client"), wire)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_over_a_shared_connection() {
    let (sim, client, wire) = shared(current(), Dialect::Current).await;
    for previews in [Previews::None, Previews::Messages] {
        each_event_once(&sim, &client, Via::Sse, previews).await;
    }
    // Streams come and go by the hundred; what carries them stays.
    assert!(sim.requests().len() > 100);
    // Those who came at once each began a connection; all but a few were not needed.
    wire.keeps_fewer_than(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_by_polling() {
    let (sim, client, _wire) = shared(current(), Dialect::Current).await;
    each_event_once(&sim, &client, POLLING, Previews::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_once_in_the_first_generation() {
    let (sim, client, _wire) = shared(seed(), Dialect::Seed).await;
    each_event_once(&sim, &client, Via::Sse, Previews::Messages).await;
    each_event_once(&sim, &client, POLLING, Previews::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_followers_share_a_connection() {
    let (sim, client, wire) = shared(current(), Dialect::Current).await;
    let id = session(&client, "thinking_and_tools").await;
    let followers: Vec<_> = (0..40)
        .map(|_| client.session(&id).follow().from(Start::Beginning))
        .map(|follow| tokio::spawn(delivered(follow)))
        .collect();
    let conversation = client.session(&id);
    conversation
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    for follower in followers {
        let ids = tokio::time::timeout(Duration::from_secs(60), follower).await;
        assert_eq!(ids.expect("in time").expect("no panic"), truth(&sim, &id));
    }
    // Those who came at once each began a connection; all but a few were not needed.
    wire.keeps_fewer_than(10).await;
}
