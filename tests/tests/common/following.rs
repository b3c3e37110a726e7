//! Following on real sockets: what goes wrong, and what must come of it all the same.

use std::time::Duration;

use qoder::types::{PreviewType, SessionId, UserMessage};
use qoder::{Client, Event, Follow, Start, Update, Via};
use qoder_sim::Sim;

use super::{plan, session_with, truth};

/// Plans of faults, none of which loses or repeats an event.
pub(crate) const FAULTS: &[&str] = &[
    "",
    "stream:cut-frames=1*20",
    "stream:end-frames=2*20",
    "stream:cut=700*20",
    "stream:split",
    "stream:cut-frames=2,stream:replay=2,stream:cut-frames=1,stream:replay=9",
    "stream:cut-frames=3,stream:reject-cursor",
    "stream:status=503*3,stream:cut-frames=1,stream:status=429;retry-after=0",
    "stream:reset*2,stream:end-frames=1,stream:reset",
    "call:status=503,stream:cut-frames=1,call:reset",
];

/// Asks for no previews, or for those of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Previews {
    None,
    Messages,
}

pub(crate) fn quick(follow: Follow) -> Follow {
    follow.waits(Duration::from_millis(5), Duration::from_millis(20))
}

/// The ids that are delivered up to the first idling. Every preview is compared with its message.
pub(crate) async fn delivered(follow: Follow) -> Vec<String> {
    let mut updates = quick(follow).updates();
    let mut ids = Vec::new();
    let mut shown: Vec<(String, String)> = Vec::new();
    while let Some(update) = updates.next().await {
        match update.expect("an update") {
            Update::Text(preview) => {
                let text = updates.preview_text(&preview.event_id, preview.index);
                let text = text.expect("a text").to_owned();
                shown.push((preview.event_id.to_string(), text));
            }
            Update::Event(event) => {
                let id = event.id().expect("an id").to_string();
                if let Event::AgentMessage(message) = &event {
                    let of_it = shown.iter().filter(|(event, _)| *event == id);
                    for (_, text) in of_it {
                        assert!(message.text().starts_with(text.as_str()), "{text:?}");
                    }
                }
                ids.push(id);
                if let Event::SessionStatusIdle(_) = event {
                    break;
                }
            }
            _ => {}
        }
    }
    ids
}

/// Follows a turn of a session of its own, and gives what was delivered.
pub(crate) async fn follow_a_turn(
    client: &Client,
    via: Via,
    previews: Previews,
) -> (SessionId, Vec<String>) {
    let metadata = [("simulate", "thinking_and_tools"), ("simulate_words", "8")];
    let id = session_with(client, &metadata).await;
    let ids = turn_of(client, &id, via, previews).await;
    (id, ids)
}

async fn turn_of(client: &Client, id: &SessionId, via: Via, previews: Previews) -> Vec<String> {
    let conversation = client.session(id);
    let of = (previews == Previews::Messages).then_some(PreviewType::AgentMessage);
    let follow = conversation.follow().from(Start::Beginning);
    let reader = tokio::spawn(delivered(follow.via(via).previews(of)));
    conversation
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    let ids = tokio::time::timeout(Duration::from_secs(60), reader).await;
    ids.expect("in time").expect("no panic")
}

/// Under each plan of faults, the events that are delivered are those of the server's log.
pub(crate) async fn each_event_once(sim: &Sim, client: &Client, via: Via, previews: Previews) {
    let metadata = [("simulate", "thinking_and_tools"), ("simulate_words", "8")];
    for faults in FAULTS {
        let id = session_with(client, &metadata).await;
        sim.inject(plan(faults));
        let ids = turn_of(client, &id, via, previews).await;
        assert_eq!(ids, truth(sim, &id), "{faults}, {via:?}, {previews:?}");
        sim.inject(plan(""));
    }
}
