//! The server: one session, whose agent asks for tools in rounds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use qoder::transport::{RequestBody, Transport};
use qoder::types::EventId;
use qoder::types::serde_json::{Value, from_slice, json};
use qoder::{Client, RetryPolicy, Stop, tools::Record};
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::{lock, number};
use crate::faults::Chance;

#[derive(Clone)]
pub(super) struct Server(Arc<Mutex<State>>);

struct State {
    chance: Chance,
    log: Vec<Value>,
    /// The tool uses that wait for an answer.
    pending: Vec<String>,
    /// The number of rounds to come.
    rounds: u64,
    calls: u64,
    /// The answers under each key.
    stored: HashMap<String, Value>,
    /// The answers of other clients.
    others: Vec<String>,
    /// The uses that waited when another client interrupted the turn.
    dropped: Option<Vec<String>>,
    /// Of a thousand times that a stream is read, how often that happens.
    interrupts: u64,
    /// The largest number of events that a stream repeats from before its cursor.
    replay: usize,
    /// Of a hundred events, how many a stream says twice.
    twice: u64,
    started: bool,
}

impl Server {
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self(Arc::new(Mutex::new(State {
            rounds: chance.between(1, 3),
            interrupts: chance.pick(&[0, 0, 0, 5, 50]),
            replay: chance.pick(&[0, 0, 1, 5]),
            twice: chance.pick(&[0, 0, 20]),
            chance: Chance::new(chance.next()),
            log: Vec::new(),
            pending: Vec::new(),
            calls: 0,
            stored: HashMap::new(),
            others: Vec::new(),
            dropped: None,
            started: false,
        })))
    }

    pub(super) fn client(&self) -> qoder::Result<Client> {
        // Without waits, whose jitter is the system's: all of a run is in its seed.
        let mut retry = RetryPolicy::default();
        retry.base = Duration::ZERO;
        retry.cap = Duration::ZERO;
        Client::builder()
            .token("pt-0123456789abcdef")
            .base_url("http://localhost/api/v1/cloud")
            .retry(retry)
            .transport(Transport::from_service(self.clone()))
            .build()
    }

    async fn answer(&self, request: Request<RequestBody>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let latency = lock(&self.0).chance.below(20);
        sleep(Duration::from_millis(latency)).await;
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if parts.method == Method::POST {
            let sent: Value = from_slice(&read(body).await).unwrap_or_default();
            let key = header("idempotency-key").unwrap_or_default();
            let (status, value) = lock(&self.0).accept(key, &sent["events"][0]);
            sleep(Duration::from_millis(latency)).await;
            return whole(status, &value);
        }
        let mut state = lock(&self.0);
        if parts.uri.path().ends_with("/stream") {
            let from = state.position(header("last-event-id"));
            let most = state.replay;
            let from = from.saturating_sub(state.chance.size(0, most));
            let frames = state.chance.pick(&[1, 2, 5, usize::MAX, usize::MAX]);
            drop(state);
            let mut response = Response::new(Answer::Stream {
                server: self.clone(),
                from,
                frames,
                beat: Box::pin(sleep(Duration::from_millis(5))),
            });
            let kind = header::HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            return response;
        }
        whole(200, &state.list(parts.uri.query().unwrap_or_default()))
    }

    /// Whether the turn may end like this.
    pub(super) fn may_end(&self, stop: &Stop) -> bool {
        let interrupted = lock(&self.0).dropped.is_some();
        match stop {
            Stop::EndTurn => !interrupted,
            Stop::Cancelled => interrupted,
            _ => false,
        }
    }

    /// All that happened in the session.
    pub(super) fn log(&self) -> String {
        json!(lock(&self.0).log).to_string()
    }

    /// The facts that must hold when the turn is over.
    pub(super) fn check(
        &self,
        runs: &HashMap<u64, u32>,
        records: &HashMap<EventId, Record>,
        forgotten: &[EventId],
    ) -> Result<(), String> {
        let state = lock(&self.0);
        for used in &state.log {
            let id = used["id"].as_str().unwrap_or_default();
            let answers: Vec<&Value> = state
                .log
                .iter()
                .filter(|event| answers(event) == Some(id))
                .collect();
            let named = used["named"] == true;
            let ours = !state.others.iter().any(|other| other == id);
            if answers.len() > 1 {
                return Err(format!("{id} was answered {} times", answers.len()));
            }
            // What nobody waits for any more need not be answered.
            let dropped = state.dropped.iter().flatten().any(|dropped| dropped == id);
            let owed = ours && !(dropped && answers.is_empty());
            match used["type"].as_str().unwrap_or_default() {
                "agent.custom_tool_use" => {
                    let n = number(used);
                    let runs = runs.get(&n).copied().unwrap_or_default();
                    let lost = forgotten.iter().filter(|lost| lost.as_str() == id).count();
                    if runs as usize > 1 + lost {
                        return Err(format!("the handler of {id} ran {runs} times"));
                    }
                    if !named && (runs > 0 || !answers.is_empty()) {
                        return Err(format!("nobody asked for {id}"));
                    }
                    let Some(Record::Ended(result)) = records.get(&EventId::new(id)) else {
                        continue;
                    };
                    let sent = answers.first().map(|answer| answer["content"].clone());
                    let kept = json!(result.content().clone().into_blocks());
                    if owed && sent.as_ref() != Some(&kept) {
                        return Err(format!(
                            "the result of {id} is lost: {kept} is kept, {sent:?} was sent"
                        ));
                    }
                }
                "agent.tool_use" => {
                    let want = match (named, used["name"].as_str()) {
                        (false, _) => None,
                        (true, Some("Read")) => Some("allow"),
                        (true, _) => Some("deny"),
                    };
                    let given = answers.first().and_then(|answer| answer["result"].as_str());
                    if owed && given != want {
                        return Err(format!("{id} was answered with {given:?}, not {want:?}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The tool use that an event answers.
fn answers(event: &Value) -> Option<&str> {
    let id = &event["custom_tool_use_id"];
    id.as_str().or(event["tool_use_id"].as_str())
}

impl State {
    fn publish(&mut self, mut event: Value) -> String {
        let id = format!("evt_{}", self.log.len());
        event["id"] = json!(id);
        self.log.push(event);
        id
    }

    fn accept(&mut self, key: &str, sent: &Value) -> (u16, Value) {
        let fault = self.chance.below(10);
        if fault == 0 {
            return (self.chance.pick(&[429, 500, 503]), json!({}));
        }
        if let Some(stored) = self.stored.get(key) {
            return (200, stored.clone());
        }
        if let Some(id) = answers(sent) {
            if !self.pending.iter().any(|pending| pending == id) {
                let error = json!({"type": "invalid_request_error", "message": "not pending"});
                return (400, json!({"type": "error", "error": error}));
            }
        }
        let echo = self.take(sent.clone());
        let answer = json!({"data": [echo]});
        self.stored.insert(key.to_owned(), answer.clone());
        if fault == 1 {
            // It is stored, and its response is lost.
            return (503, json!({}));
        }
        (200, answer)
    }

    /// Takes an event in, and goes on.
    fn take(&mut self, event: Value) -> Value {
        let answered = answers(&event).map(str::to_owned);
        self.publish(event);
        let echo = self.log[self.log.len() - 1].clone();
        if let Some(id) = answered {
            let before = self.pending.clone();
            self.pending.retain(|pending| *pending != id);
            if self.pending.is_empty() {
                // It says again what it had.
                if self.chance.percent(15) {
                    self.idle(&before);
                }
            } else {
                // It says what is left, or again what was asked for.
                let named = if self.chance.percent(30) {
                    before
                } else {
                    self.pending.clone()
                };
                self.idle(&named);
            }
        }
        if self.pending.is_empty() && (!self.started || echo["type"] != "user.message") {
            self.started = true;
            self.publish(json!({"type": "session.status_running"}));
            self.go_on();
        }
        echo
    }

    fn idle(&mut self, ids: &[String]) {
        let reason = json!({"type": "requires_action", "event_ids": ids});
        self.publish(json!({"type": "session.status_idle", "stop_reason": reason}));
    }

    /// The agent asks for more, or ends.
    fn go_on(&mut self) {
        if self.rounds == 0 {
            let content = json!([{"type": "text", "text": "Done."}]);
            self.publish(json!({"type": "agent.message", "content": content}));
            let reason = json!({"type": "end_turn"});
            self.publish(json!({"type": "session.status_idle", "stop_reason": reason}));
            return;
        }
        self.rounds -= 1;
        let asks = self.chance.between(1, 3);
        for at in 0..asks + self.chance.below(2) {
            let named = at < asks;
            let n = self.calls;
            self.calls += 1;
            let event = match self.chance.below(6) {
                0 => json!({"type": "agent.tool_use", "name": "Read", "input": {}}),
                1 => json!({"type": "agent.tool_use", "name": "Bash", "input": {}}),
                2 => json!({"type": "agent.custom_tool_use", "name": "nobody", "input": {"n": n}}),
                3 => json!({"type": "agent.custom_tool_use", "name": "work", "input": {"n": n}}),
                _ => {
                    let ms = self.chance.pick(&[0, 5, 100, 2_000]);
                    json!({"type": "agent.custom_tool_use", "name": "work", "input": {"n": n, "ms": ms}})
                }
            };
            let mut event = event;
            event["named"] = json!(named);
            let id = self.publish(event);
            if named {
                self.pending.push(id);
            }
        }
        let named = self.pending.clone();
        self.idle(&named);
    }

    /// Another client may interrupt the turn, or answer.
    fn others(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if self.chance.below(1000) < self.interrupts {
            self.publish(json!({"type": "user.interrupt"}));
            self.dropped = Some(std::mem::take(&mut self.pending));
            let reason = json!({"type": "cancelled"});
            self.publish(json!({"type": "session.status_idle", "stop_reason": reason}));
            return;
        }
        if !self.chance.percent(1) {
            return;
        }
        let id = self.chance.size(0, self.pending.len() - 1);
        let id = self.pending[id].clone();
        self.others.push(id.clone());
        let of = self.log.iter().find(|event| event["id"] == *id);
        let custom = of.is_some_and(|event| event["type"] == "agent.custom_tool_use");
        self.take(if custom {
            let content = json!([{"type": "text", "text": "another's"}]);
            json!({"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": content})
        } else {
            json!({"type": "user.tool_confirmation", "tool_use_id": id, "result": "deny"})
        });
    }

    fn position(&self, id: Option<&str>) -> usize {
        let at = self.log.iter().position(|event| event["id"].as_str() == id);
        at.map_or(0, |at| at + 1)
    }

    fn list(&self, query: &str) -> Value {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let after = value("after_id").map_or(0, |id| self.position(Some(id)));
        let mut events: Vec<&Value> = self.log[after..].iter().collect();
        if value("order") == Some("desc") {
            events.reverse();
        }
        json!({"data": events, "has_more": false})
    }

    /// The events after the first so many, and how many there are then.
    fn stream(&mut self, from: &mut usize, frames: &mut usize) -> Option<Bytes> {
        self.others();
        let end = self.log.len().min(from.saturating_add(*frames));
        let events = &self.log[*from..end];
        *frames -= events.len().min(*frames);
        *from = end;
        let mut frames = String::new();
        for event in events {
            let name = event["type"].as_str().unwrap_or_default();
            let id = event["id"].as_str().unwrap_or_default();
            let frame = format!("id: {id}\nevent: {name}\ndata: {event}\n\n");
            let times = 1 + usize::from(self.chance.percent(self.twice));
            frames.push_str(&frame.repeat(times));
        }
        (!frames.is_empty()).then(|| frames.into())
    }
}

impl Service<Request<RequestBody>> for Server {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { Ok(server.answer(request).await) })
    }
}

async fn read(body: RequestBody) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    bytes
}

fn whole(status: u16, value: &Value) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(value.to_string().into())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// The body of a response.
pub(super) enum Answer {
    Whole(Option<Bytes>),
    /// The events from this one on, so many of them; then it is cut.
    Stream {
        server: Server,
        from: usize,
        frames: usize,
        beat: Pin<Box<Sleep>>,
    },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Stream {
                server,
                from,
                frames,
                beat,
            } => loop {
                if *frames == 0 {
                    break None;
                }
                ready!(beat.as_mut().poll(cx));
                let mut state = lock(&server.0);
                let pause = state.chance.pick(&[1, 5, 20]);
                let events = state.stream(from, frames);
                drop(state);
                beat.as_mut()
                    .reset(Instant::now() + Duration::from_millis(pause));
                if events.is_some() {
                    break events;
                }
            },
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
