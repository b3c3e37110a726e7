//! Turns against a server in memory that is as odd as a test wants it, on a clock that stands still
//! unless all wait for it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::common::TOKEN;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use qoder::transport::{RequestBody, Transport};
use qoder::types::serde_json::{Value, from_slice, json};
use qoder::{Client, Conversation, ErrorKind, Event, Sent, Stop, ToolUse, Toolbox, Turn};
use tokio::time::{Instant, Sleep, advance, sleep};
use tower::service_fn;

/// The server: one session, whose log the test writes.
#[derive(Clone)]
struct Server(Arc<Mutex<State>>);

struct State {
    log: Vec<Value>,
    /// How much of the log is listed.
    listed: usize,
    /// What a message sets off.
    answers: Vec<Value>,
    /// A message, and what comes after it, is listed only when a stream is opened.
    late: bool,
    /// The answer to a message has the event that it became.
    names: bool,
    /// Lists know `order` and `after_id`.
    ordered: bool,
    /// What lists answer in place of events: a status, and how long to wait. With 0, nothing, ever.
    unlisted: Option<(u16, u64)>,
    /// How many of the newest events lists don't have yet.
    behind: usize,
    /// How often in a row lists are unavailable, before each answer.
    falters: u32,
    faltered: u32,
    /// How long the answer to who wants a stream takes.
    opens_after: Duration,
    /// What becomes of a message's text.
    echo: fn(&str) -> String,
    /// The messages, by their keys.
    sent: HashMap<String, Value>,
    /// The requests so far: their method, path and query.
    requests: Vec<String>,
    /// What a stream has to say whenever it is asked.
    flood: Option<Value>,
}

fn message(text: &str) -> Value {
    json!({"type": "user.message", "content": [{"type": "text", "text": text}]})
}

fn says(text: &str) -> Value {
    json!({"type": "agent.message", "content": [{"type": "text", "text": text}]})
}

fn idle(reason: &str) -> Value {
    json!({"type": "session.status_idle", "stop_reason": {"type": reason}})
}

fn asks(ids: &[&str]) -> Value {
    let reason = json!({"type": "requires_action", "event_ids": ids});
    json!({"type": "session.status_idle", "stop_reason": reason})
}

impl Server {
    /// One whose messages set off these events.
    fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
        Self(Arc::new(Mutex::new(State {
            log: Vec::new(),
            listed: 0,
            answers: answers.into_iter().collect(),
            late: false,
            names: true,
            ordered: true,
            unlisted: None,
            behind: 0,
            falters: 0,
            faltered: 0,
            opens_after: Duration::ZERO,
            echo: str::to_owned,
            sent: HashMap::new(),
            requests: Vec::new(),
            flood: None,
        })))
    }

    /// The same, with a log from before.
    fn after(self, log: impl IntoIterator<Item = Value>) -> Self {
        self.publish_all(log);
        self
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state());
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    fn publish(&self, event: Value) {
        let mut state = self.state();
        state.publish(event);
        state.listed = state.log.len();
    }

    fn publish_all(&self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            self.publish(event);
        }
    }

    fn conversation(&self) -> Conversation {
        self.client().session("s")
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = service_fn(move |request: Request<RequestBody>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::builder()
            .token(TOKEN)
            .base_url("http://localhost/api/v1/cloud")
            .transport(Transport::from_service(service))
            .build()
            .expect("a client")
    }

    async fn answer(&self, request: Request<RequestBody>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let line = format!(
            "{} {}",
            parts.method,
            parts.uri.path_and_query().expect("a path")
        );
        self.state().requests.push(line);
        let query = parts.uri.query().unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if parts.method == http::Method::POST {
            let body = body.collect().await.expect("a body").to_bytes();
            let sent: Value = from_slice(&body).expect("JSON");
            let key = header("idempotency-key").expect("a key");
            return whole(&self.state().accept(key, &sent["events"][0]));
        }
        if parts.uri.path().ends_with("/stream") {
            let opens_after = self.state().opens_after;
            sleep(opens_after).await;
            let mut state = self.state();
            let from = match header("last-event-id") {
                Some(after) => state.position(after),
                None => state.listed,
            };
            state.listed = state.log.len();
            let mut response = Response::new(Answer::Stream {
                server: self.clone(),
                from,
                beat: Box::pin(sleep(BEAT)),
            });
            let kind = header::HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            return response;
        }
        let unlisted = self.state().unlisted();
        if let Some((status, seconds)) = unlisted {
            if status == 0 {
                return std::future::pending().await;
            }
            let error = json!({"type": "error", "error": {"type": "api_error", "message": "no"}});
            let mut response = whole(&error);
            *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
            let headers = response.headers_mut();
            if seconds > 0 {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            return response;
        }
        let limit = value("limit").and_then(|limit| limit.parse().ok());
        let descending = value("order") == Some("desc");
        let page = value("page").and_then(|page| page.parse().ok());
        let after = value("after_id");
        whole(
            &self
                .state()
                .list(limit.unwrap_or(20), descending, after, page),
        )
    }
}

impl State {
    fn publish(&mut self, mut event: Value) -> Value {
        if event["id"].is_null() {
            event["id"] = json!(format!("evt_{}", self.log.len()));
        }
        self.log.push(event.clone());
        event
    }

    fn accept(&mut self, key: &str, sent: &Value) -> Value {
        let echo = match self.sent.get(key) {
            Some(echo) => echo.clone(),
            None => {
                let mut echo = sent.clone();
                if echo["type"] == "user.message" {
                    let text = echo["content"][0]["text"].as_str().unwrap_or_default();
                    echo["content"][0]["text"] = json!((self.echo)(text));
                }
                let echo = self.publish(echo);
                for answer in std::mem::take(&mut self.answers) {
                    self.publish(answer);
                }
                if !self.late {
                    self.listed = self.log.len();
                }
                self.sent.insert(key.to_owned(), echo.clone());
                echo
            }
        };
        json!({"data": if self.names { vec![echo] } else { Vec::new() }})
    }

    fn unlisted(&mut self) -> Option<(u16, u64)> {
        if self.faltered < self.falters {
            self.faltered += 1;
            return Some((503, 0));
        }
        self.faltered = 0;
        self.unlisted
    }

    /// The events that a stream has to bring after the first so many; there are as many then.
    fn stream(&mut self, from: &mut usize) -> Option<Bytes> {
        let frame = |event: &Value| {
            let name = event["type"].as_str().unwrap_or_default();
            let id = event["id"].as_str().unwrap_or_default();
            format!("id: {id}\nevent: {name}\ndata: {event}\n\n")
        };
        let from = std::mem::replace(from, self.log.len());
        let mut events = self.log[from..].iter().chain(&self.flood).peekable();
        events.peek()?;
        Some(events.map(frame).collect::<String>().into())
    }

    fn position(&self, id: &str) -> usize {
        let at = self.log.iter().position(|event| event["id"] == id);
        at.expect("a known cursor") + 1
    }

    fn list(
        &self,
        limit: usize,
        descending: bool,
        after: Option<&str>,
        page: Option<usize>,
    ) -> Value {
        let begin = match after {
            Some(after) if self.ordered => self.position(after),
            _ => 0,
        };
        let listed = self.listed - self.behind;
        let mut events: Vec<&Value> = self.log[begin.min(listed)..listed].iter().collect();
        if descending && self.ordered {
            events.reverse();
        }
        let begin = page.unwrap_or(0);
        let end = (begin + limit).min(events.len());
        let more = end < events.len();
        json!({"data": events[begin..end], "has_more": more, "next_page": more.then(|| end.to_string())})
    }
}

fn whole(value: &Value) -> Response<Answer> {
    Response::new(Answer::Whole(Some(value.to_string().into())))
}

/// The body of a response.
enum Answer {
    /// In one piece.
    Whole(Option<Bytes>),
    /// The events from this one on, and heartbeats between them.
    Stream {
        server: Server,
        from: usize,
        beat: Pin<Box<Sleep>>,
    },
}

const BEAT: Duration = Duration::from_secs(15);

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Stream { server, from, beat } => {
                let events = server.state().stream(from);
                // Nothing wakes it for an event: the next beat does.
                if events.is_none() {
                    ready!(beat.as_mut().poll(cx));
                    beat.as_mut().reset(Instant::now() + BEAT);
                }
                events.or(Some(Bytes::from_static(b": beat\n\n")))
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// The old answer to what is asked again, and what comes of it now.
fn asked_before(text: &str) -> [Value; 3] {
    [message(text), says("The old answer."), idle("end_turn")]
}

fn new_answer() -> [Value; 2] {
    [says("The new answer."), idle("end_turn")]
}

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

async fn next(turn: &mut Turn) -> Event {
    turn.next().await.expect("not the end").expect("an event")
}

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
