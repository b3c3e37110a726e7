//! Pauses of a turn that are past, or of which nobody knows yet: against a server in memory, on a clock
//! that stands still unless all wait for it.

use std::time::Duration;

use qoder::types::serde_json::{Value, json};
use qoder::{Conversation, ErrorKind, Sent, Stop, ToolUse, Toolbox, Turn};
use tokio::time::{Instant, sleep};

use super::server::{Server, asked_before, asks, new_answer, next};

/// A turn of which so many events were handed over, and what it is that answers it.
async fn read(server: &Server, events: usize) -> (Conversation, Turn) {
    let conversation = server.conversation();
    let mut turn = conversation.turn("Tidy up.").await.expect("a turn");
    for _ in 0..events {
        next(&mut turn).await;
    }
    (conversation, turn)
}

fn uses_a_tool(id: &str) -> Value {
    json!({"type": "agent.tool_use", "id": id, "name": "Bash", "evaluated_permission": "ask"})
}

/// It asks for two answers.
fn asking() -> Server {
    Server::answering([uses_a_tool("a"), uses_a_tool("b"), asks(&["a", "b"])])
}

/// What comes after the answers.
fn answered() -> [Value; 4] {
    let allowed =
        |id: &str| json!({"type": "user.tool_confirmation", "tool_use_id": id, "result": "allow"});
    [
        allowed("a"),
        asks(&["b"]),
        allowed("b"),
        json!({"type": "session.status_running"}),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_answers_fails_and_can_be_gone_on_with() {
    let server = asking();
    let error = server.conversation().ask("Tidy up.").await;
    let error = error.expect_err("it asks");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Turn, Sent::Yes));
    assert!(error.to_string().contains("a, b"), "{error}");
    let checkpoint = error.checkpoint().expect("a checkpoint").clone();

    server.publish_all(answered_and_over());
    let turn = server.conversation().resume_turn(checkpoint).await;
    let turn = turn.expect("a turn");
    assert!(matches!(turn.stop_reason(), Stop::RequiresAction(_)));
    assert_eq!(turn.into_text().await.expect("a text"), "The new answer.");
}

/// What the log has from a turn that somebody answered: the answers, and what came of them.
fn answered_and_over() -> impl Iterator<Item = Value> {
    answered().into_iter().chain(new_answer())
}

#[tokio::test(start_paused = true)]
async fn a_reply_passes_by_a_pause_that_the_log_shows_to_be_past_in_any_order() {
    // From before the tool uses, between them, and right before the pause; on servers that list
    // their events in any order, and name messages or don't.
    for events in 0..3 {
        for ordered in [true, false] {
            let server = asking().with(|state| state.ordered = ordered);
            let (conversation, turn) = read(&server, events).await;
            let checkpoint = turn.checkpoint();
            drop(turn);
            server.publish_all(answered_and_over());
            let turn = conversation.resume_turn(checkpoint).await.expect("a turn");
            let text = turn.into_text().await.expect("a text");
            assert_eq!(text, "The new answer.", "after {events}, {ordered}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_passes_by_a_pause_of_which_only_the_answers_are_there_yet() {
    let server = asking();
    let (conversation, turn) = read(&server, 1).await;
    let checkpoint = turn.checkpoint();
    for at in [0, 2] {
        server.publish(answered()[at].clone());
    }
    let turn = conversation.resume_turn(&checkpoint).await.expect("a turn");
    let reply = turn.into_text();
    let goes_on = async {
        sleep(Duration::from_secs(60)).await;
        server.publish_all(new_answer());
    };
    let (text, ()) = tokio::join!(reply, goes_on);
    assert_eq!(text.expect("a text"), "The new answer.");
}

#[tokio::test(start_paused = true)]
async fn a_reply_fails_at_a_pause_of_which_a_part_is_answered_and_names_the_rest() {
    for ordered in [true, false] {
        let server = asking().with(|state| state.ordered = ordered);
        let (conversation, turn) = read(&server, 1).await;
        let checkpoint = turn.checkpoint();
        server.publish(answered()[0].clone());
        let turn = conversation.resume_turn(checkpoint).await.expect("a turn");
        let begun = Instant::now();
        let error = turn.reply().await.expect_err("it asks");
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(error.kind(), ErrorKind::Turn);
        assert!(error.to_string().contains("an answer to b:"), "{error}");
        let checkpoint = error.checkpoint().expect("a checkpoint");
        let turn = conversation.resume_turn(checkpoint).await.expect("a turn");
        let waits: Vec<_> = turn.pending().iter().map(ToolUse::id).collect();
        assert_eq!(waits, ["b"], "{ordered}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_behind_the_stream_doesn_t_make_a_pause_history() {
    // The pause for `b` is not listed yet, and that for `a` is history; or nothing of the turn is,
    // and what is listed is another one's.
    for (ordered, behind, waits) in [
        (true, 1, "b"),
        (false, 1, "b"),
        (true, 6, "a, b"),
        (false, 6, "a, b"),
    ] {
        let server = asking().after(asked_before("One."));
        let server = server.with(|state| state.ordered = ordered);
        let (conversation, turn) = read(&server, 1).await;
        let checkpoint = turn.checkpoint();
        server.publish_all(answered()[..2].iter().cloned());
        server.state().behind = behind;
        let turn = conversation.resume_turn(checkpoint).await.expect("a turn");
        let begun = Instant::now();
        let error = turn.reply().await.expect_err("it asks");
        let expected = format!("answer to {waits}:");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{ordered}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_toolbox_runs_nothing_that_the_log_shows_to_be_past() {
    let uses = json!({"type": "agent.custom_tool_use", "id": "a", "name": "time", "input": {}});
    let result =
        json!({"type": "user.custom_tool_result", "custom_tool_use_id": "a", "content": "Noon."});
    // Resumed before the pause and after it; where the turn is over, and where it isn't.
    for events in [1, 2] {
        for over in [true, false] {
            for (falters, ordered) in [(0, true), (4, true), (0, false)] {
                let server = Server::answering([uses.clone(), asks(&["a"])]);
                let server = server.with(|state| state.ordered = ordered);
                let (conversation, turn) = read(&server, events).await;
                let checkpoint = turn.checkpoint();
                server.publish(result.clone());
                if over {
                    server.publish_all(new_answer());
                }
                // The stream is late, so that the list alone says what is past.
                let server = server.with(|state| {
                    state.falters = falters;
                    state.opens_after = Duration::from_secs(60);
                });
                let schema = json!({"type": "object"});
                let time = |_: Value| async { Ok::<_, String>("It ran.") };
                let toolbox = Toolbox::new().tool("time", "Says the time.", schema, time);
                let reply = conversation.resume_turn(checkpoint).tools(&toolbox);
                let goes_on = async {
                    sleep(Duration::from_secs(120)).await;
                    if !over {
                        server.publish_all(new_answer());
                    }
                };
                let (reply, ()) = tokio::join!(reply.reply(), goes_on);
                let which = format!("after {events}, over: {over}, {falters} times, {ordered}");
                assert_eq!(reply.expect("a reply").text(), "The new answer.", "{which}");
                assert_eq!(server.state().sent.len(), 1, "{which}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_found_although_each_page_before_it_falters() {
    let server = asking();
    let error = server.conversation().ask("Tidy up.").await;
    let checkpoint = error.expect_err("it asks").checkpoint().cloned();
    for _ in 0..1000 {
        server.publish(json!({"type": "agent.thinking"}));
    }
    // More often than a call is tried.
    let server = server.with(|state| state.falters = 4);
    let begun = Instant::now();
    let turn = server.conversation().resume_turn(checkpoint.expect("one"));
    let turn = turn.await.expect("a turn");
    let waits: Vec<_> = turn
        .pending()
        .iter()
        .map(|asked| asked.id().as_str())
        .collect();
    assert_eq!(waits, ["a", "b"]);
    assert!(begun.elapsed() < Duration::from_secs(120));

    // Where it doesn't get on, it ends.
    let server = server.with(|state| state.falters = u32::MAX);
    let begun = Instant::now();
    let turn = server.conversation().resume_turn(turn.checkpoint()).await;
    let error = turn.expect_err("no list");
    assert!(error.to_string().contains("gave up"), "{error}");
    assert!(error.is_retryable() && error.checkpoint().is_some());
    assert!(begun.elapsed() >= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_looked_for_when_the_server_wants_to_be_asked() {
    let server = asking();
    let (conversation, turn) = read(&server, 2).await;
    let checkpoint = turn.checkpoint();
    drop(turn);
    // The list is asked whether the stream is held back, and wants to be left alone.
    let server = server.with(|state| {
        state.opens_after = Duration::from_secs(8);
        state.unlisted = Some((429, 20));
    });
    let begun = Instant::now();
    let turn = conversation.resume_turn(checkpoint).await;
    let mut turn = turn.expect("a turn");
    let waits = async {
        while turn.pending().is_empty() {
            next(&mut turn).await;
        }
        turn.pending().len()
    };
    let answers_again = async {
        sleep(Duration::from_secs(7)).await;
        server.state().unlisted = None;
    };
    let (waits, ()) = tokio::join!(waits, answers_again);
    assert_eq!(waits, 2);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(25) && took < Duration::from_secs(40),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_never_answered_doesn_t_hang() {
    let server = asking();
    let (_conversation, turn) = read(&server, 3).await;
    let begun = Instant::now();
    let error = turn.reply().await.expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Turn);
    assert!(error.to_string().contains("a, b"), "{error}");
    assert!(error.checkpoint().is_some());
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(300) && took < Duration::from_secs(301),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_given_before_it_is_asked_for_counts() {
    let server = asking();
    let (_conversation, turn) = read(&server, 2).await;
    server.publish_all(answered_and_over());
    assert_eq!(turn.into_text().await.expect("a text"), "The new answer.");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_after_the_answers_is_an_error() {
    let server = asking();
    let (_conversation, turn) = read(&server, 3).await;
    for event in answered() {
        server.publish(event);
    }
    server.publish(uses_a_tool("c"));
    server.publish(asks(&["c"]));
    let error = turn.reply().await.expect_err("it asks");
    assert_eq!(error.kind(), ErrorKind::Turn);
    assert!(error.to_string().contains("answer to c"), "{error}");
}
