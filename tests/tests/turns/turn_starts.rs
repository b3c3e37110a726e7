//! Where following starts: after what was sent, and never silently from now on.

use std::time::Duration;

use crate::common::{client, client_in, current, seed, session, start};
use qoder::types::{ContentBlock, Source, SystemMessage};
use qoder::{Approvals, Dialect, ErrorKind, Event, Start, Toolbox, Update};

#[tokio::test]
async fn sent_and_then_followed_loses_nothing() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        let sim = start(builder).await;
        let client = client_in(&sim, dialect);
        let id = session(&client, "answer").await;
        let conversation = client.session(&id);
        let sent = conversation.send("Hello!").await.expect("accepted");
        // All of the turn is over before anybody follows.
        while sim.log(id.as_str()).last().expect("a log")["type"] != "session.status_idle" {
            tokio::task::yield_now().await;
        }
        let mut events = conversation.follow().after(&sent).events();
        let mut answered = false;
        loop {
            match events.next().await.expect("an event").expect("an event") {
                Event::AgentMessage(_) => answered = true,
                Event::SessionStatusIdle(_) => break,
                _ => {}
            }
        }
        assert!(answered, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_start_that_is_none_is_an_error_and_asks_nothing() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let turn = client.session(&id).turn("Hello!").await.expect("a turn");
    let checkpoint = turn.checkpoint().to_string();
    let foreign = r#"{"session":"sess_other","after":"evt_1"}"#;
    let before = sim.requests().len();
    for text in ["", "null", "{}", checkpoint.as_str(), foreign] {
        let mut events = client.session(&id).follow().from(text).events();
        let error = events.next().await.expect("an item").expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(events.next().await.is_none());
        assert!(events.checkpoint().is_none());
    }
    assert_eq!(sim.requests().len(), before);
    let start = Start::from("evt_1");
    assert_eq!(start, Start::After("evt_1".into()));
}

#[tokio::test]
async fn a_mixed_list_is_one_request() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let noon = SystemMessage::new("It is noon.");
    let sent = client.session(&id).send(("Hello!", noon)).await;
    let sent = sent.expect("accepted");
    let kinds: Vec<_> = sent.data.iter().map(Event::type_name).collect();
    assert_eq!(kinds, ["user.message", "system.message"]);
}

#[tokio::test]
async fn blocks_and_the_texts_beside_them_are_one_message() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let image = || ContentBlock::image(Source::bytes("image/png", b"\x89PNG"));
    let asked = client.session(&id).ask(("What is on it?", image())).await;
    asked.expect("a reply");
    let sent = client.session(&id).send(("And here?", image(), image()));
    assert_eq!(sent.await.expect("accepted").data.len(), 1);
    let log = sim.log(id.as_str());
    let messages = log.iter().filter(|event| event["type"] == "user.message");
    let kinds: Vec<Vec<&str>> = messages
        .map(|message| {
            let blocks = message["content"].as_array().expect("blocks").iter();
            blocks.filter_map(|block| block["type"].as_str()).collect()
        })
        .collect();
    assert_eq!(
        kinds,
        [vec!["text", "image"], vec!["text", "image", "image"]]
    );
    assert_eq!(
        log.iter()
            .find(|event| event["type"] == "user.message")
            .expect("one")["content"][1]["source"]["data"],
        "iVBORw=="
    );
}

#[tokio::test]
async fn a_turn_is_resumed_by_its_checkpoint_alone() {
    let sim = start(current()).await;
    let first = client(&sim);
    let id = session(&first, "answer").await;
    let turn = first.session(&id).turn("Hello!").await.expect("a turn");
    let checkpoint = turn.checkpoint();
    drop(turn);
    let turn = client(&sim).resume_turn(checkpoint).await.expect("a turn");
    assert!(turn.into_text().await.expect("a text").contains("Hello!"));
    for text in ["", "evt_1", "{}", "null"] {
        let error = client(&sim).resume_turn(text).await.map(|_| ());
        let error = error.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Input, "{text}: {error}");
    }
    let error = client(&sim).resume_turn("").await.map(|_| ());
    let error = error.expect_err("an empty one").to_string();
    assert!(error.contains("empty"), "{error}");
}

/// Whether what is set of the turn comes before or after its tools.
#[tokio::test]
async fn a_turn_with_tools_takes_what_a_turn_takes() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    let conversation = client.session(&id);
    let text = "Hello!".to_owned();
    let opening = conversation.turn(&text).tools(&Toolbox::new()).previews();
    let opening = opening.deadline(Duration::from_secs(30));
    let mut turn = opening.idempotency_key("mine").await.expect("a turn");
    let mut live = String::new();
    while let Some(update) = turn.next_update().await {
        if let Update::Text(text) = update.expect("an update") {
            live.push_str(text.new());
        }
    }
    assert!(live.contains("Hello!"), "{live}");
    let sent = sim.requests_for("POST /sessions/{session_id}/events");
    assert_eq!(sent[0].header("idempotency-key"), Some("mine"));

    let opening = conversation.turn(&text).approve(Approvals::ask());
    let late = opening.deadline(Duration::ZERO).reply().await;
    assert_eq!(late.expect_err("late").kind(), ErrorKind::Timeout);
}
