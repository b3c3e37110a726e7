//! Answers to tool uses by their ids alone, as whoever has nothing but an event gives them.

use crate::common::{client, current, session, start};
use qoder::types::serde_json::json;
use qoder::{ErrorKind, Event, Stop};

/// All ids of every pause are answered, of which some were answered before.
#[tokio::test]
async fn the_same_answer_may_be_given_again() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval_two").await;
    let session = client.session(&id);
    let mut turn = session.turn("Tidy up.").await.expect("a turn");
    let mut pauses = Vec::new();
    while let Some(event) = turn.next().await {
        let Event::SessionStatusIdle(_) = event.expect("an event") else {
            continue;
        };
        if let Stop::RequiresAction(ids) = turn.stop_reason() {
            for id in &ids {
                session.approve(id).await.expect("accepted");
            }
            pauses.push(ids);
        }
    }
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
    assert!(pauses.len() > 1, "{pauses:?}");
    let log = sim.log(id.as_str());
    let given = log.iter().filter(|event| event["result"] == json!("allow"));
    assert_eq!(given.count(), 2);

    // What was allowed can't be denied.
    let denied = session.deny(&pauses[0][0], "no").await;
    let error = denied.expect_err("it was allowed");
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.is_conflict(), "{error}");
}

#[tokio::test]
async fn a_key_of_the_callers_own_is_kept() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval").await;
    let session = client.session(&id);
    let mut turn = session.turn("Tidy up.").await.expect("a turn");
    while turn.pending().is_empty() {
        turn.next().await.expect("not the end").expect("an event");
    }
    let asked = turn.pending()[0].id().clone();
    let answer = session.approve(asked);
    let answer = answer.options(|options| options.idempotency_key("mine"));
    answer.await.expect("accepted");
    let sent = sim.requests_for("POST /sessions/{session_id}/events");
    let key = sent.last().and_then(|sent| sent.header("idempotency-key"));
    assert_eq!(key, Some("mine"));
    assert!(!turn.into_text().await.expect("a text").is_empty());
}
