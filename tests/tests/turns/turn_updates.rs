//! The text of a turn as it is written.

use std::time::Duration;

use crate::common::{client, current, session, session_with, start};
use qoder::types::serde_json::{Value, json};
use qoder::{Event, Stop, Toolbox, Update};

/// The text is there as it is written, while a toolbox answers what is asked in between.
#[tokio::test]
async fn live_text_comes_beside_the_answers_of_a_toolbox() {
    let tester = |turn: qoder_sim::Turn| async move {
        turn.deltas(["Let me ", "see."]).await;
        let noon = qoder_sim::ToolUse::custom("clock", json!({}));
        let noon = turn.ask_all([noon]).await;
        turn.deltas(["It is ", &noon[0].text(), "."]).await;
    };
    let sim = start(current().agent("tester", tester)).await;
    let client = client(&sim);
    let id = session_with(&client, &[]).await;
    let schema = json!({"type": "object"});
    let toolbox = Toolbox::new().tool("clock", "The time.", schema, |_: Value| async {
        Ok::<_, String>("noon")
    });
    let opening = client.session(&id).turn("What time is it?").previews();
    let mut turn = opening.tools(&toolbox).await.expect("a turn");
    let (mut live, mut said) = (String::new(), String::new());
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), turn.next_update()).await;
        match next.expect("in time").transpose().expect("an update") {
            Some(Update::Text(text)) => live.push_str(text.new()),
            Some(Update::Event(Event::AgentMessage(message))) => said.push_str(&message.text()),
            Some(_) => {}
            None => break,
        }
    }
    assert_eq!(turn.turn().stop_reason(), Stop::EndTurn);
    assert_eq!(said, "Let me see.It is noon.");
    assert_eq!(live, said);
}

#[tokio::test]
async fn updates_show_text_and_thinking_and_each_event_once() {
    let sim = start(current()).await;
    let client = client(&sim);
    for previews in [true, false] {
        let id = session(&client, "answer").await;
        let opening = client
            .session(&id)
            .turn("Say something longer than one word.");
        let mut turn = if previews {
            opening.previews()
        } else {
            opening
        }
        .await
        .expect("a turn");
        let (mut shown, mut text, mut thinking, mut ids) =
            (String::new(), String::new(), Vec::new(), Vec::new());
        while let Some(update) = turn.next_update().await {
            match update.expect("an update") {
                Update::Text(piece) => {
                    if piece.restarted {
                        shown.clear();
                    }
                    shown.push_str(piece.new());
                    assert_eq!(piece.so_far(), shown);
                }
                Update::ThinkingBegan => thinking.push(true),
                Update::ThinkingEnded => thinking.push(false),
                Update::Event(event) => {
                    ids.push(event.id().expect("an id").to_string());
                    if let Event::AgentMessage(message) = event {
                        text.push_str(&message.text());
                    }
                }
                _ => {}
            }
        }
        assert_eq!(turn.stop_reason(), Stop::EndTurn);
        assert_eq!(shown, if previews { text } else { String::new() });
        assert_eq!(
            thinking,
            if previews {
                vec![true, false]
            } else {
                Vec::new()
            }
        );
        let log = sim.log(id.as_str());
        let message = log
            .iter()
            .position(|event| event["type"] == "user.message")
            .expect("a message");
        let truth: Vec<_> = log[message + 1..]
            .iter()
            .map(|event| event["id"].as_str().expect("an id"))
            .collect();
        assert_eq!(ids, truth);
    }
}
