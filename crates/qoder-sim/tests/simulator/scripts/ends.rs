//! Ends of scripts: errors, interrupts, panics, and what is said too late.

use std::sync::{Arc, Mutex};

use super::{PATIENCE, find, open, playing, reason, said, turn};
use crate::common::{Api, names, text};
use qoder_sim::Failure;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Tells the test when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(());
        }
    }
}

#[tokio::test]
async fn errors_end_what_their_status_says() {
    let sim = playing(|turn| async move {
        let failure = match turn.message() {
            "retrying" => Failure::retrying("busy").code("10605"),
            "exhausted" => Failure::exhausted("busy"),
            "terminal" => Failure::terminal("busy"),
            _ => Failure::unclassified("busy").member("mcp_server_name", "web"),
        };
        turn.error(failure.kind("model_rate_limited_error")).await;
        turn.reply("I go on.").await;
    })
    .await;
    let api = Api::new(&sim);
    for (status, last, goes_on) in [
        ("retrying", "end_turn", true),
        ("exhausted", "retries_exhausted", false),
        ("none", "end_turn", true),
    ] {
        let session = api.session("").await;
        let frames = turn(&api, &session, status).await;
        let error = &find(&frames, "session.error")["error"];
        assert_eq!(error["type"], "model_rate_limited_error");
        assert_eq!(error["message"], "busy");
        assert_eq!(reason(&frames)["type"], last);
        assert_eq!(said(&frames).len(), usize::from(goes_on));
        let rescheduled = names(&frames).contains(&"session.status_rescheduled");
        assert_eq!(rescheduled, status == "retrying");
        if status == "none" {
            assert_eq!(error["mcp_server_name"], "web");
            assert_eq!(error["retry_status"], Value::Null);
        } else {
            assert_eq!(error["retry_status"]["type"], status);
        }
    }
    let session = api.session("").await;
    let mut stream = open(&api, &session).await;
    api.say(&session, "terminal").await;
    let frames = stream.until("session.status_terminated").await;
    assert!(said(&frames).is_empty() && !names(&frames).contains(&"session.status_idle"));
    assert_eq!(api.status(&session).await, "terminated");
}

#[tokio::test]
async fn interrupts_drop_the_script_where_it_waits() {
    for how in [
        "user.interrupt",
        "cancel",
        "delete",
        "terminate",
        "shutdown",
    ] {
        let (tell, dropped) = oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let after = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&after);
        let sim = playing(move |turn| {
            let tell = tell.lock().expect("the lock").take();
            let seen = Arc::clone(&seen);
            async move {
                let Some(tell) = tell else {
                    return turn.reply("At once.").await;
                };
                let _guard = Dropped(Some(tell));
                let answer = turn.custom_tool("ask", json!({})).await;
                seen.lock().expect("the lock").push(answer.text());
            }
        })
        .await;
        let api = Api::new(&sim);
        let session = api.session("").await;
        turn(&api, &session, "Wait.").await;
        let mut stream = open(&api, &session).await;
        match how {
            "user.interrupt" => {
                api.events(&session, json!([{"type": how}])).await;
            }
            "cancel" => {
                let path = format!("/sessions/{session}/cancel");
                assert_eq!(api.post(&path, Value::Null).await.status, 202);
            }
            "delete" => {
                let path = format!("/sessions/{session}");
                assert_eq!(api.delete(&path).await.status, 200);
            }
            "terminate" => assert!(sim.terminate(&session)),
            _ => {
                sim.shutdown().await;
                let dropped = timeout(PATIENCE, dropped).await;
                dropped.expect("in time").expect("a drop");
                continue;
            }
        }
        let dropped = timeout(PATIENCE, dropped).await;
        dropped.expect("in time").expect("a drop");
        match how {
            "user.interrupt" | "cancel" => {
                let frames = stream.until("session.status_idle").await;
                assert_eq!(reason(&frames)["type"], "cancelled", "{how}");
                let frames = turn(&api, &session, "And now?").await;
                assert_eq!(said(&frames), ["At once."]);
            }
            _ => {
                let (frames, _) = stream.rest().await;
                assert!(!names(&frames).contains(&"session.status_idle"), "{how}");
            }
        }
        assert!(after.lock().expect("the lock").is_empty());
        assert_eq!(sim.unexpected(), [""; 0]);
    }
}

#[tokio::test]
async fn a_panic_shows_and_ends_the_turn() {
    let sim = playing(|turn| {
        // Before there is a future, and within it.
        assert_ne!(turn.message(), "at once", "not this one");
        async move {
            turn.reply("So far so good.").await;
            assert_ne!(turn.message(), "later", "nor this one");
        }
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    for (words, messages, why) in [("at once", 0, "not this one"), ("later", 1, "nor this one")] {
        let frames = turn(&api, &session, words).await;
        let error = &find(&frames, "session.error")["error"];
        assert_eq!(error["type"], "unknown_error");
        assert!(text(&error["message"]).contains(why), "{error}");
        assert_eq!(reason(&frames)["type"], "retries_exhausted");
        assert_eq!(said(&frames).len(), messages);
        let unexpected = sim.unexpected().pop().expect("a panic");
        for part in ["\"tester\"", &session, why] {
            assert!(unexpected.contains(part), "{unexpected}");
        }
    }
    assert_eq!(
        said(&turn(&api, &session, "fine").await),
        ["So far so good."]
    );
    assert_eq!(sim.unexpected().len(), 2);
}

#[tokio::test]
async fn nothing_is_said_after_the_end_of_the_turn() {
    let (hand_over, mut handed) = tokio::sync::mpsc::unbounded_channel();
    let sim = playing(move |turn| {
        let hand_over = hand_over.clone();
        async move {
            turn.reply("Done.").await;
            hand_over.send(turn).expect("a test");
        }
    })
    .await;
    let api = Api::new(&sim);
    let session = api.session("").await;
    turn(&api, &session, "Go.").await;
    let late = handed.recv().await.expect("a turn");
    let before = sim.log(&session);
    tokio::select! {
        biased;
        () = late.reply("One more thing.") => panic!("it goes on after its end"),
        frames = turn(&api, &session, "Once more.") => assert_eq!(said(&frames), ["Done."]),
    }
    assert_eq!(sim.log(&session)[..before.len()], before);
    let late_words = |event: &Value| event.to_string().contains("One more thing.");
    assert!(!sim.log(&session).iter().any(late_words));
}
