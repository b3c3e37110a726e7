//! Turns against a server in memory that is as odd as a test wants it, on a clock that stands still
//! unless all wait for it.

use std::time::Duration;

use qoder::types::serde_json::json;
use qoder::{ErrorKind, Sent, Stop};
use tokio::time::{Instant, advance};

use super::server::{Server, asked_before, idle, new_answer, says};

#[tokio::test(start_paused = true)]
async fn an_old_message_of_the_same_text_is_not_ours() {
    for ordered in [true, false] {
        for late in [true, false] {
            let server = Server::answering(new_answer())
                .after(asked_before("Go on."))
                .after(asked_before("Go on."))
                .with(|state| {
                    state.names = false;
                    state.late = late;
                    state.ordered = ordered;
                });
            let reply = server.conversation().ask("Go on.").await;
            let reply = reply.expect("a reply");
            let which = format!("in order: {ordered}, late: {late}");
            assert_eq!(reply.text(), "The new answer.", "{which}");
            assert_eq!(*reply.stop_reason(), Stop::EndTurn, "{which}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_was_trimmed_or_altered_is_ours() {
    let echoes: [fn(&str) -> String; 3] = [
        |text| text.trim().to_owned(),
        |text| text.trim_end().to_owned(),
        |text| text.to_uppercase(),
    ];
    for echo in echoes {
        for late in [true, false] {
            for log in [
                Vec::new(),
                asked_before(" Go on.\n").to_vec(),
                asked_before("Go on.").to_vec(),
            ] {
                let server = Server::answering(new_answer()).after(log).with(|state| {
                    state.names = false;
                    state.late = late;
                    state.echo = echo;
                });
                let reply = server.conversation().ask(" Go on.\n").await;
                let reply = reply.expect("a reply");
                assert_eq!(
                    reply.text(),
                    "The new answer.",
                    "{}, late: {late}",
                    echo(" Go on.\n")
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_sent_again_under_its_key_is_found_where_it_is() {
    for ordered in [true, false] {
        let server = Server::answering(new_answer())
            .after(asked_before("Go on."))
            .with(|state| {
                state.names = false;
                state.ordered = ordered;
            });
        for _ in 0..3 {
            // As after a crash: a client that knows nothing.
            let turn = server.conversation().turn("Go on.").idempotency_key("k");
            let reply = turn.await.expect("a turn").reply().await;
            assert_eq!(reply.expect("a reply").text(), "The new answer.");
            // Another one's message is not taken for it.
            for event in asked_before("And then?") {
                server.publish(event);
            }
        }
        assert_eq!(server.state().sent.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_server_that_never_named_a_message_is_asked_where_it_stands() {
    let server = Server::answering(new_answer()).after(asked_before("One."));
    let client = server.client();
    for n in 0..3 {
        server.state().answers = new_answer().to_vec();
        server.state().requests.clear();
        client.session("s").ask("Two.").await.expect("a reply");
        let requests = server.state().requests.clone();
        let methods: Vec<&str> = requests
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let expected: &[&str] = if n == 0 {
            &["GET", "GET", "POST", "GET"]
        } else {
            &["POST", "GET"]
        };
        assert_eq!(methods, expected, "{requests:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_matters_only_where_no_message_is_named() {
    for status in [0, 404, 500] {
        let server = || {
            let server = Server::answering(new_answer());
            server.with(|state| state.unlisted = Some((status, 0)))
        };
        let begun = Instant::now();
        let reply = server().conversation().ask("Go on.").await;
        assert_eq!(reply.expect("a reply").text(), "The new answer.");
        assert!(begun.elapsed() <= Duration::from_secs(15), "{status}");

        let server = server().with(|state| state.names = false);
        let error = server.conversation().ask("Go on.").await;
        let error = error.expect_err("nobody knows where it begins");
        assert_eq!((error.kind(), error.sent()), (ErrorKind::Turn, Sent::Yes));
        assert!(!error.is_retryable(), "{error}");
    }

    // A server that asks to wait is not sent the message instead.
    let server = Server::answering(new_answer()).with(|state| state.unlisted = Some((503, 600)));
    let error = server.conversation().ask("Go on.").await;
    let error = error.expect_err("it asks to wait");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(600)));
    assert!(error.is_retryable() && error.sent() == Sent::No, "{error}");
    assert!(server.state().sent.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_may_stop_naming_messages() {
    let server = Server::answering(new_answer());
    let client = server.client();
    client.session("s").ask("Go on.").await.expect("a reply");
    for answer in ["Second.", "Third."] {
        server.state().names = false;
        server.state().answers = vec![says(answer), idle("end_turn")];
        let reply = client.session("s").ask("Go on.").await.expect("a reply");
        assert_eq!(reply.text(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_turn_whose_events_never_stop() {
    let noise = json!({"type": "agent.thinking"});
    let server = Server::answering([]).with(|state| state.flood = Some(noise));
    let opening = server.conversation().turn("Think.");
    let mut turn = opening
        .deadline(Duration::from_secs(10))
        .await
        .expect("a turn");
    let mut events = 0;
    let error = loop {
        match turn.next().await.expect("not the end") {
            Ok(_) => events += 1,
            Err(error) => break error,
        }
        assert!(events < 20, "it outlives its deadline");
        advance(Duration::from_secs(1)).await;
    };
    assert!(
        error.is_timeout() && error.checkpoint().is_some(),
        "{error}"
    );
    // What had come before it passed was handed over.
    assert_eq!(events, 10);
    assert!(turn.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_the_clock_can_t_count_is_none() {
    let server = Server::answering(new_answer());
    let opening = server.conversation().turn("Go on.").deadline(Duration::MAX);
    let turn = opening.await.expect("a turn");
    assert_eq!(turn.into_text().await.expect("a text"), "The new answer.");
}
