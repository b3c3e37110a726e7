//! The life cycles of turns that the API's facts have, each followed through, with the events in the
//! order in which the service sends them.

use std::time::Duration;

use crate::common::{client, client_in, current, seed, session, session_with, start};
use qoder::types::{Budget, Patch, SessionId, SessionUpdate};
use qoder::{Answer, Client, Dialect, ErrorKind, Stop, ToolUse, Turn};
use qoder_sim::Sim;

/// What a turn does until it stops, for good or for answers: the types of its events.
async fn until_it_stops(turn: &mut Turn) -> Vec<String> {
    let mut types = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), turn.next()).await;
        let Some(event) = next.expect("in time") else {
            return types;
        };
        types.push(event.expect("an event").type_name().to_owned());
        if !turn.pending().is_empty() {
            return types;
        }
    }
}

async fn begin(client: &Client, session: &SessionId) -> Turn {
    let opening = client.session(session).turn("Please.");
    opening.await.expect("a turn")
}

/// Answers all that waits, and goes on.
async fn answer(turn: &mut Turn, with: impl Fn(&ToolUse) -> Answer) -> Vec<String> {
    let answers: Vec<Answer> = turn.pending().iter().map(with).collect();
    turn.respond(answers).await.expect("accepted");
    until_it_stops(turn).await
}

/// Compares with words of one text; those in brackets may be left out.
fn follows(types: &[String], expected: &str) {
    let mut types = types.iter().map(String::as_str).peekable();
    for word in expected.split_whitespace() {
        let optional = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        match optional {
            Some(word) => {
                types.next_if_eq(&word);
            }
            None => assert_eq!(types.next(), Some(word), "of {expected}"),
        }
    }
    assert_eq!(types.next(), None, "after {expected}");
}

/// How a turn of today begins; its running comes before the message that it is of.
const BEGINS: &str = "[session.status_running] [session.thread_status_running] [user.message]";
const SAYS: &str = "span.model_request_start agent.message span.model_request_end";
const RESTS: &str = "session.thread_status_idle session.usage session.status_idle";
const GOES_ON: &str = "session.status_running session.thread_status_running";

async fn of(script: &str) -> (Sim, Client, SessionId) {
    let sim = start(current()).await;
    let client = client(&sim);
    let session = session(&client, script).await;
    (sim, client, session)
}

#[tokio::test]
async fn a_plain_turn() {
    let (_sim, client, session) = of("answer").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    let thinks = "span.model_request_start agent.thinking agent.message span.model_request_end";
    follows(&types, &format!("{BEGINS} {thinks} {RESTS}"));
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn the_seeds_turn() {
    let sim = start(seed()).await;
    let client = client_in(&sim, Dialect::Seed);
    let session = session(&client, "answer").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    follows(
        &types,
        "[user.message] session.status_rescheduled agent.message session.status_idle",
    );
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn a_turn_with_tools() {
    for (script, used, result) in [
        ("thinking_and_tools", "agent.tool_use", "agent.tool_result"),
        ("mcp_tool", "agent.mcp_tool_use", "agent.mcp_tool_result"),
    ] {
        let (_sim, client, session) = of(script).await;
        let mut turn = begin(&client, &session).await;
        let types = until_it_stops(&mut turn).await;
        let uses = format!(
            "span.model_request_start [agent.thinking] {used} span.model_request_end {result}"
        );
        follows(&types, &format!("{BEGINS} {uses} {SAYS} {RESTS}"));
        assert_eq!(turn.stop_reason(), Stop::EndTurn);
    }
}

#[tokio::test]
async fn approvals() {
    for allowed in [true, false] {
        let (_sim, client, session) = of("approval").await;
        let mut turn = begin(&client, &session).await;
        let types = until_it_stops(&mut turn).await;
        let asks = "span.model_request_start agent.tool_use span.model_request_end";
        follows(&types, &format!("{BEGINS} {asks} {RESTS}"));
        let ids: Vec<_> = turn
            .pending()
            .iter()
            .map(|asked| asked.id().clone())
            .collect();
        assert_eq!(turn.stop_reason(), Stop::RequiresAction(ids));
        let decide = |asked: &ToolUse| {
            if allowed {
                asked.allow()
            } else {
                asked.deny("no")
            }
        };
        let types = answer(&mut turn, decide).await;
        // A denial is the tool's result.
        let goes_on = format!("user.tool_confirmation {GOES_ON} agent.tool_result");
        follows(&types, &format!("{goes_on} {SAYS} {RESTS}"));
        assert_eq!(turn.stop_reason(), Stop::EndTurn);
    }
}

#[tokio::test]
async fn an_answer_to_some_repeats_the_pause() {
    let (_sim, client, session) = of("approval_two").await;
    let mut turn = begin(&client, &session).await;
    until_it_stops(&mut turn).await;
    let left = turn.pending()[1].id().clone();
    let first = turn.pending()[0].allow();
    turn.respond([first]).await.expect("accepted");
    let mut types = Vec::new();
    while types
        .last()
        .is_none_or(|last| last != "session.status_idle")
    {
        let event = turn.next().await.expect("not the end").expect("an event");
        types.push(event.type_name().to_owned());
    }
    follows(&types, &format!("user.tool_confirmation {RESTS}"));
    assert_eq!(turn.stop_reason(), Stop::RequiresAction(vec![left]));
    answer(&mut turn, ToolUse::allow).await;
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn custom_tools() {
    let (_sim, client, session) = of("custom_tool").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    let asks = "span.model_request_start agent.custom_tool_use span.model_request_end";
    follows(&types, &format!("{BEGINS} {asks} {RESTS}"));
    let types = answer(&mut turn, |asked| asked.result("42")).await;
    follows(
        &types,
        &format!("user.custom_tool_result {GOES_ON} {SAYS} {RESTS}"),
    );
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
}

#[tokio::test]
async fn several_agents() {
    let (sim, client, session) = of("multi_agent").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    let other = "session.thread_created session.thread_status_running";
    let sent = "agent.thread_message_sent agent.thread_message_received";
    let works = "span.model_request_start agent.tool_use span.model_request_end agent.tool_result";
    let thinks = "span.model_request_start agent.thinking span.model_request_end";
    let rests = "session.thread_status_idle";
    follows(
        &types,
        &format!("{BEGINS} {thinks} {other} {sent} {works} {SAYS} {sent} {rests} {SAYS} {RESTS}"),
    );
    // The idle of another agent's thread is no end of the turn, nor is the main thread's.
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
    let threads = client
        .session(&session)
        .threads()
        .await
        .expect("threads")
        .data;
    assert_eq!(threads.len(), 2);
    let history = client.session(&session).thread(&threads[1].id).events();
    let history = history.await.expect("events").data;
    assert!(history.len() < sim.log(session.as_str()).len());
}

#[tokio::test]
async fn errors_that_the_service_gets_over() {
    let (_sim, client, session) = of("fail_and_recover").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    let retries = "session.error session.status_rescheduled session.status_running";
    follows(&types, &format!("{BEGINS} {retries} {SAYS} {RESTS}"));
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
    let error = turn.error().expect("its last error");
    assert!(
        error.raw().contains(r#""qoder_error_code":"10605""#),
        "{}",
        error.raw()
    );
}

#[tokio::test]
async fn errors_that_end_the_turn() {
    let (_sim, client, session) = of("exhausted").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    let retries = "session.error session.status_rescheduled session.status_running session.error";
    follows(&types, &format!("{BEGINS} {retries} {RESTS}"));
    assert_eq!(turn.stop_reason(), Stop::RetriesExhausted);
    // The session takes another message.
    let error = client
        .session(&session)
        .ask("Again.")
        .await
        .expect_err("the same");
    assert_eq!(error.stop_reason(), Some(&Stop::RetriesExhausted));
}

#[tokio::test]
async fn errors_that_end_the_session() {
    let (_sim, client, session) = of("terminated").await;
    let mut turn = begin(&client, &session).await;
    let types = until_it_stops(&mut turn).await;
    follows(
        &types,
        &format!("{BEGINS} session.error session.status_terminated"),
    );
    assert_eq!(turn.stop_reason(), Stop::Terminated);
    let error = client
        .session(&session)
        .ask("Again.")
        .await
        .expect_err("over");
    assert!(error.is_conflict(), "{error}");
}

#[tokio::test]
async fn a_budget_that_is_used_up_and_raised() {
    for raised in [Patch::Set(Budget::limit("20.00")), Patch::Clear] {
        let (_sim, client, session) = of("budget_reached").await;
        let mut turn = begin(&client, &session).await;
        let types = until_it_stops(&mut turn).await;
        follows(&types, &format!("{BEGINS} {SAYS} {RESTS}"));
        assert_eq!(turn.stop_reason(), Stop::BudgetReached);
        let error = client
            .session(&session)
            .ask("Go on.")
            .await
            .expect_err("no more");
        assert_eq!(error.kind(), ErrorKind::TurnEnded);
        assert_eq!(error.stop_reason(), Some(&Stop::BudgetReached));
        let update = SessionUpdate::new().budget(raised);
        client
            .sessions()
            .update(&session, update)
            .await
            .expect("an update");
        let text = client
            .session(&session)
            .ask("Go on.")
            .await
            .expect("a reply")
            .text();
        assert!(text.contains("the end"), "{text}");
    }
}

#[tokio::test]
async fn a_turn_that_is_interrupted() {
    let sim = start(current()).await;
    let client = client(&sim);
    let words = [("simulate", "answer"), ("simulate_words", "10000")];
    let session = session_with(&client, &words).await;
    let mut turn = begin(&client, &session).await;
    turn.next().await.expect("not the end").expect("an event");
    turn.interrupt().await.expect("accepted");
    let types = until_it_stops(&mut turn).await;
    assert!(
        types.iter().any(|kind| kind == "user.interrupt"),
        "{types:?}"
    );
    assert_eq!(
        types.last().map(String::as_str),
        Some("session.status_idle")
    );
    assert_eq!(turn.stop_reason(), Stop::Cancelled);
}
