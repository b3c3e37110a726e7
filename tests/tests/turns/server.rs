//! A server in memory, whose one session is as odd as a test wants it.

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
use qoder::{Client, Conversation, Event, Turn};
use tokio::time::{Instant, Sleep, sleep};
use tower::service_fn;

/// The server: one session, whose log the test writes.
#[derive(Clone)]
pub(super) struct Server(Arc<Mutex<State>>);

pub(super) struct State {
    log: Vec<Value>,
    /// How much of the log is listed.
    listed: usize,
    /// What a message sets off.
    pub(super) answers: Vec<Value>,
    /// A message, and what comes after it, is listed only when a stream is opened.
    pub(super) late: bool,
    /// The answer to a message has the event that it became.
    pub(super) names: bool,
    /// Lists know `order` and `after_id`.
    pub(super) ordered: bool,
    /// What lists answer in place of events: a status, and how long to wait. With 0, nothing, ever.
    pub(super) unlisted: Option<(u16, u64)>,
    /// How many of the newest events lists don't have yet.
    pub(super) behind: usize,
    /// How often in a row lists are unavailable, before each answer.
    pub(super) falters: u32,
    faltered: u32,
    /// How long the answer to who wants a stream takes.
    pub(super) opens_after: Duration,
    /// What becomes of a message's text.
    pub(super) echo: fn(&str) -> String,
    /// The messages, by their keys.
    pub(super) sent: HashMap<String, Value>,
    /// The requests so far: their method, path and query.
    pub(super) requests: Vec<String>,
    /// What a stream has to say whenever it is asked.
    pub(super) flood: Option<Value>,
}

fn message(text: &str) -> Value {
    json!({"type": "user.message", "content": [{"type": "text", "text": text}]})
}

pub(super) fn says(text: &str) -> Value {
    json!({"type": "agent.message", "content": [{"type": "text", "text": text}]})
}

pub(super) fn idle(reason: &str) -> Value {
    json!({"type": "session.status_idle", "stop_reason": {"type": reason}})
}

pub(super) fn asks(ids: &[&str]) -> Value {
    let reason = json!({"type": "requires_action", "event_ids": ids});
    json!({"type": "session.status_idle", "stop_reason": reason})
}

impl Server {
    /// One whose messages set off these events.
    pub(super) fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
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
    pub(super) fn after(self, log: impl IntoIterator<Item = Value>) -> Self {
        self.publish_all(log);
        self
    }

    pub(super) fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state());
        self
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    pub(super) fn publish(&self, event: Value) {
        let mut state = self.state();
        state.publish(event);
        state.listed = state.log.len();
    }

    pub(super) fn publish_all(&self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            self.publish(event);
        }
    }

    pub(super) fn conversation(&self) -> Conversation {
        self.client().session("s")
    }

    pub(super) fn client(&self) -> Client {
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
pub(super) fn asked_before(text: &str) -> [Value; 3] {
    [message(text), says("The old answer."), idle("end_turn")]
}

pub(super) fn new_answer() -> [Value; 2] {
    [says("The new answer."), idle("end_turn")]
}

pub(super) async fn next(turn: &mut Turn) -> Event {
    turn.next().await.expect("not the end").expect("an event")
}
