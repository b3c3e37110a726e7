//! Transcripts of sessions: as they happen, and from their past.

use crate::common::{client_in, current, seed, session, start};
use qoder::transcript::{Transcript, What};
use qoder::types::serde_json::{from_str, to_string};
use qoder::{Dialect, Event, Start};

#[tokio::test]
async fn what_happens_and_what_the_list_has_are_the_same() {
    for (builder, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        for script in ["thinking_and_tools", "fail_and_recover", "exhausted"] {
            let sim = start(builder.clone()).await;
            let client = client_in(&sim, dialect);
            let id = session(&client, script).await;
            let conversation = client.session(&id);
            conversation.send("One two three.").await.expect("accepted");
            let mut live = Transcript::new();
            let mut events = conversation.follow().from(Start::Beginning).events();
            while let Some(event) = events.next().await {
                let event = event.expect("an event");
                live.push(&event);
                if matches!(event, Event::SessionStatusIdle(_)) {
                    break;
                }
            }
            let past = conversation.transcript().await.expect("a transcript");
            assert_eq!(live, past, "{script}");
            let stored = to_string(&past).expect("JSON");
            let read: Transcript = from_str(&stored).expect("a transcript");
            assert_eq!(read, past);
            let what: Vec<&What> = past.entries().iter().map(|entry| &entry.what).collect();
            assert!(matches!(what[0], What::Message { .. }), "{what:?}");
            assert!(
                matches!(what[what.len() - 1], What::Stop { .. }),
                "{what:?}"
            );
            let text = past.to_string();
            assert!(text.starts_with("User\n  One two three.\n"), "{text}");
            let markdown = past.to_markdown();
            assert!(
                markdown.starts_with("### User\n\n```\nOne two three.\n```\n"),
                "{markdown}"
            );
            if script == "thinking_and_tools" {
                let with_result = |what: &&&What| match what {
                    What::Tool(tool) => tool.name == "Bash" && tool.result.is_some(),
                    _ => false,
                };
                assert!(what.iter().any(|what| with_result(&what)), "{text}");
                assert!(!text.contains("Thinking"), "{text}");
            }
        }
    }
}
