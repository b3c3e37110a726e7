//! Following while tokens come and go.

use std::time::Duration;

use qoder::types::UserMessage;
use qoder::{Event, Start, Via};
use qoder_sim::Sim;
use tokio::time::timeout;

use super::{KEY, all_of, client};
use crate::common::{current, plan, session, start, truth};

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
