//! The server of a run: a `tower` service in memory. What it answers depends on the schedule, its
//! chance, and the simulated time.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use qoder_http::RequestBody;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower_service::Service;

use super::chance::Chance;
use super::schedule::{From, Schedule};
use super::stream::{Fate, Literal, StreamBody};

/// What the server and the one who checks have in common.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) chance: Chance,
    pub(crate) started: Instant,
    pub(crate) trace: bool,
    faults_left: usize,
    /// How many events the caller has been handed, counted from the beginning of the log.
    pub(crate) delivered: usize,
    /// The first event that the follower of now may get: nothing before it is repeated to it.
    pub(crate) first: usize,
    /// When something was handed over last, that was new to the caller.
    pub(crate) progress: Instant,
    /// How much of the time since then was the caller's own.
    pub(crate) paused: Duration,
    /// Events without an id that were said on streams, and not handed over yet.
    pub(crate) strays: HashMap<String, usize>,
    /// Streams that were opened.
    pub(crate) connections: usize,
    /// Lists that were asked for.
    lists: u32,
    /// The answer to the question for the newest event: how many there were.
    pub(crate) anchor: Option<usize>,
    /// The same, before it is clear that it was the newest.
    newest: usize,
    /// How many events were given from there on.
    given: usize,
    /// Something was answered that ends following for good.
    pub(crate) refused: bool,
    /// Requests since the last event was handed over.
    pub(crate) requests: u32,
    /// Faults since then.
    pub(crate) fruitless: u32,
    /// No request is due before this, unless somebody wakes the follower.
    pub(crate) not_before: Option<Instant>,
    /// Cursors that the stream rejected, and whether the list knew them then.
    rejected: Vec<(String, bool)>,
    /// Connections that are open.
    pub(crate) open: usize,
    /// When the times of the log begin: at once, or as the message of a turn is accepted.
    log_started: Option<Instant>,
    /// The key of that message.
    key: Option<String>,
    /// Whether the turn is begun, and its events are followed.
    pub(crate) opened: bool,
    /// What was done since the last event was handed over, in steps of any kind.
    steps: u64,
    /// The most of them so far.
    pub(crate) most_steps: u64,
    /// What the server found wrong with its client.
    pub(crate) complaint: Option<String>,
}

/// How many requests, reads and updates there may be between two events: some sixty times what
/// there are in the longest of a million runs.
const STEPS: u64 = 400_000;

pub(crate) type Shared = Arc<Mutex<World>>;

pub(crate) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(schedule: Arc<Schedule>, trace: bool) -> Shared {
        let now = Instant::now();
        Arc::new(Mutex::new(Self {
            chance: Chance::new(schedule.seed ^ 0xFA17),
            started: now,
            trace,
            faults_left: schedule.faults,
            delivered: 0,
            first: 0,
            progress: now,
            paused: Duration::ZERO,
            strays: HashMap::new(),
            connections: 0,
            lists: 0,
            anchor: None,
            newest: 0,
            given: 0,
            refused: false,
            requests: 0,
            fruitless: 0,
            not_before: None,
            rejected: Vec::new(),
            open: 0,
            log_started: schedule.turn.is_none().then_some(now),
            key: None,
            opened: false,
            steps: 0,
            most_steps: 0,
            complaint: None,
            schedule,
        }))
    }

    /// A new follower begins, with no memory of its own.
    pub(crate) fn forget(&mut self) {
        if self.delivered == 0 {
            // Nothing was there and nothing came: `Now` is another time for the next one.
            self.anchor = None;
        }
        // What has no name comes again to whoever goes on after what has one.
        let entries = &self.schedule.entries[..self.delivered];
        let unnamed = entries.iter().rev().take_while(|entry| entry.unnamed);
        self.delivered -= unnamed.count();
        self.first = self.delivered;
        self.refused = false;
        self.paused = Duration::ZERO;
        self.requests = 0;
        self.fruitless = 0;
        self.not_before = None;
        self.rejected.clear();
        self.steps = 0;
        self.progress = Instant::now();
    }

    /// Since when nothing new came, less what the caller took for itself.
    pub(crate) fn quiet(&self) -> Duration {
        self.progress.elapsed().saturating_sub(self.paused)
    }

    pub(crate) fn progressed(&mut self) {
        self.paused = Duration::ZERO;
        self.requests = 0;
        self.fruitless = 0;
        self.steps = 0;
        self.progress = Instant::now();
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn complain(&mut self, what: impl Into<String>) {
        self.complaint.get_or_insert(what.into());
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.trace {
            #[allow(clippy::print_stderr, reason = "asked for")]
            {
                eprintln!("{:>10} ms  {}", self.now().as_millis(), what());
            }
        }
    }

    /// How late in ms what ends a stream is said.
    fn lateness(&mut self) -> u64 {
        if self.schedule.odd.late {
            self.chance.pick(&[0, 5_000, 5_001, 5_100, 5_300])
        } else {
            0
        }
    }

    /// How many events streams know of.
    pub(crate) fn streamed(&self) -> usize {
        self.published(self.schedule.odd.stream_lag)
    }

    /// How many events lists know of.
    fn listed(&self) -> usize {
        self.published(self.schedule.odd.list_lag)
    }

    fn published(&self, lag: u64) -> usize {
        let started = self.log_started.as_ref();
        let now = started.map_or(Duration::ZERO, Instant::elapsed);
        self.schedule.published(now, lag)
    }

    /// Whether streams end, or fall silent, before they say anything.
    pub(crate) fn is_out(&self) -> bool {
        let now = self.now().as_millis();
        let outage = self.schedule.outage;
        outage.is_some_and(|(from, to)| (u128::from(from)..u128::from(to)).contains(&now))
    }

    /// When the times of the log begin.
    pub(crate) fn log_started(&self) -> Instant {
        self.log_started.unwrap_or_else(Instant::now)
    }

    /// One step more; whether that is too much.
    pub(crate) fn step(&mut self) -> bool {
        self.steps += 1;
        self.most_steps = self.most_steps.max(self.steps);
        let too_much = self.steps > STEPS;
        if too_much {
            self.complain("it goes in circles");
        }
        too_much
    }

    /// The first event that is still there.
    pub(crate) fn oldest(&self) -> usize {
        match self.schedule.trim {
            Some((at, oldest)) if self.now() >= Duration::from_millis(at) => oldest,
            _ => 0,
        }
    }

    fn fault(&mut self) -> bool {
        let rate = self.schedule.fault_rate;
        let fault = self.faults_left > 0 && self.chance.percent(rate);
        if fault {
            self.faults_left -= 1;
            self.fruitless += 1;
        }
        fault
    }

    /// It is clear what was the newest event: the follower of now begins after it.
    fn settle_anchor(&mut self) {
        if self.anchor.is_none() && self.schedule.from == From::Now {
            self.anchor = Some(self.newest);
            self.first = self.newest;
            self.delivered = self.newest;
        }
    }

    /// 400, for a cursor that the list doesn't know either.
    fn does_not_list(&mut self, after: &str) -> Answer {
        for (id, listed) in &mut self.rejected {
            *listed &= id != after;
        }
        refusal(400, "invalid_request_error", None)
    }

    /// The number of the event after a cursor, if the cursor is known.
    fn after(&self, id: &str, published: usize) -> Option<usize> {
        let known = &self.schedule.entries[self.oldest()..published.max(self.oldest())];
        let at = known.iter().position(|entry| entry.id == id)?;
        Some(self.oldest() + at + 1)
    }

    fn count_request(&mut self) {
        self.step();
        self.requests += 1;
        // Entries of a long list come page by page, and some of them were delivered before.
        let pages = self.schedule.entries.len() / self.schedule.page.max(1);
        let quiet = self.progress.elapsed().as_secs();
        let fair = 14 + 3 * u64::from(self.fruitless) + (pages as u64 + 3) * (quiet + 2);
        if u64::from(self.requests) > fair {
            self.complain(format!(
                "{} requests in {quiet} s without an event",
                self.requests
            ));
        }
        if self.not_before.take().is_some_and(|at| Instant::now() < at) {
            self.complain("a request before Retry-After allows it");
        }
    }
}

/// The service that the client sends its requests to.
#[derive(Clone, Debug)]
pub(crate) struct Server(pub(crate) Shared);

type AnyBody = Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>;
type Answer = io::Result<Response<AnyBody>>;

impl Service<Request<RequestBody>> for Server {
    type Response = Response<AnyBody>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let pause = {
                let mut world = lock(&world);
                world.count_request();
                let mut pause = world.chance.pick(&[0, 0, 1, 30, 400]);
                let odd = &world.schedule.odd;
                if odd.ends.is_some() || odd.refuses {
                    // So that a list is under way when the stream is answered.
                    pause = 400;
                }
                let slow = world.schedule.odd.slow;
                if slow > 0
                    && request.uri().path().ends_with("/stream")
                    && world.chance.percent(slow)
                {
                    pause += world.chance.pick(&[4_990, 5_010, 5_300, 20_000]);
                }
                world.complaint.is_none().then_some(pause)
            };
            // After a complaint there is no point in going on.
            let Some(pause) = pause else {
                return std::future::pending().await;
            };
            sleep(Duration::from_millis(pause)).await;
            let answer = if request.method() == http::Method::POST {
                send(&world, request).await
            } else if request.uri().path().ends_with("/stream") {
                stream(&world, &request)
            } else {
                list(&world, &request)
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// An answer in one piece.
fn answer(status: u16, kind: &str, body: String, hint: Option<u64>) -> Answer {
    let body: AnyBody = Box::pin(Literal::whole(body));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        kind.parse().map_err(io::Error::other)?,
    );
    if let Some(hint) = hint {
        headers.insert(header::RETRY_AFTER, hint.into());
    }
    Ok(response)
}

fn refusal(status: u16, kind: &str, hint: Option<u64>) -> Answer {
    let error = json!({"type": "error", "error": {"type": kind, "message": "no"}});
    answer(status, "application/json", error.to_string(), hint)
}

/// 429, 503 and the like, with and without a hint.
fn unavailable(world: &mut World) -> Answer {
    let status = world.chance.pick(&[408, 429, 500, 503]);
    let hint = world.chance.pick(&[None, None, Some(1), Some(20)]);
    world.tell(|| format!("  answers {status}, retry after {hint:?}"));
    if let Some(hint) = hint {
        world.not_before = Some(Instant::now() + Duration::from_secs(hint));
    }
    refusal(status, "overloaded_error", hint)
}

/// Takes the message of a turn, once. `None` is no answer, ever.
async fn send(world: &Shared, request: Request<RequestBody>) -> Option<Answer> {
    let key = request.headers().get("idempotency-key");
    let key = key.and_then(|key| key.to_str().ok()).map(ToOwned::to_owned);
    let mut body = request.into_body();
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(data) = frame.ok().and_then(|frame| frame.into_data().ok()) {
            text.extend_from_slice(&data);
        }
    }
    let mut w = lock(world);
    w.tell(|| format!("send {}", String::from_utf8_lossy(&text)));
    let Some(plan) = w.schedule.turn.clone() else {
        w.complain("a message that nobody wants to send");
        return None;
    };
    let said: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    if said["events"][0]["content"][0]["text"] != plan.text || key.is_none() {
        w.complain(format!("another message, or without a key: {said}"));
    }
    if *w.key.get_or_insert(key.clone().unwrap_or_default()) != key.unwrap_or_default() {
        w.complain("the message comes again under another key");
    }
    let fault = w.fault().then(|| w.chance.below(8));
    match fault {
        Some(0) => return Some(Err(reset())),
        Some(1) => {
            w.tell(|| "  stalls".to_owned());
            return None;
        }
        Some(2 | 3) => return Some(unavailable(&mut w)),
        Some(4) => {
            w.tell(|| "  another turn runs".to_owned());
            return Some(refusal(409, "conflict_error", None));
        }
        _ => {}
    }
    // What is published with it is there at once.
    let published = Instant::now() - Duration::from_millis(1);
    w.log_started.get_or_insert(published);
    let echo = w.schedule.entries[plan.echo].json.as_str();
    let text = format!(r#"{{"data":[{}]}}"#, if plan.anonymous { "" } else { echo });
    w.tell(|| format!("  accepts it, with the fault {fault:?}"));
    match fault {
        Some(5) => Some(Err(reset())),
        Some(6) => None,
        Some(_) => {
            let body: AnyBody = Box::pin(Literal::cut(text, 5));
            Some(Ok(Response::new(body)))
        }
        None => Some(answer(200, "application/json", text, None)),
    }
}

/// `None` is no answer, ever.
fn stream(world: &Shared, request: &Request<RequestBody>) -> Option<Answer> {
    let cursor = request
        .headers()
        .get("last-event-id")
        .and_then(|id| id.to_str().ok());
    let previews = request.uri().query().unwrap_or("").contains("event_deltas");
    let mut w = lock(world);
    w.tell(|| format!("stream after {cursor:?}"));
    if let Some(id) = cursor {
        let before = w.rejected.iter().filter(|(rejected, _)| rejected == id);
        let (times, listed) = before.fold((0, false), |(times, listed), (_, known)| {
            (times + 1, listed || *known)
        });
        // One that the list doesn't know either may be known later.
        if listed || times > 6 {
            w.complain(format!("the rejected cursor {id} was sent again"));
        }
    }
    let from = match cursor.map(|id| w.after(id, w.streamed())) {
        _ if w.schedule.odd.ignores_cursor => Some(w.oldest()),
        Some(Some(from)) => Some(from),
        Some(None) => {
            return Some(match reject(&mut w, cursor) {
                Ok(answer) => answer,
                Err(words) => answer(200, "text/event-stream", words, None),
            });
        }
        None => None,
    };
    let mut fate = Fate::default();
    if let (Some((at, clean)), 1..) = (w.schedule.cut_at, w.faults_left) {
        w.faults_left -= 1;
        fate = Fate::cut(at, clean);
    }
    // What such a stream would say is not said.
    let is_out = w.is_out();
    if w.fault() {
        match w.chance.below(13) {
            0 => return Some(Err(reset())),
            1 => {
                w.tell(|| "  stalls".to_owned());
                return None;
            }
            2 | 3 => return Some(unavailable(&mut w)),
            4 if cursor.is_some() && !is_out => match reject(&mut w, cursor) {
                Ok(answer) => return Some(answer),
                Err(words) => fate = Fate::said(words, 0).late(w.lateness()),
            },
            5 if w.chance.percent(30) => return Some(fatal(&mut w)),
            5 if w.chance.percent(30) && !is_out => {
                w.refused = true;
                fate = Fate::said(FORBIDDEN.to_owned(), w.chance.size(0, 4)).late(w.lateness());
            }
            6 => fate = Fate::silent(w.chance.size(0, 900)),
            7 => {
                let done = w.chance.pick(&DONE).to_owned();
                fate = Fate::said(done, w.chance.size(0, 4)).late(w.lateness());
            }
            8 => {
                fate = Fate::said(
                    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
                         \"message\":\"busy\"}}\n\n"
                        .to_owned(),
                    w.chance.size(0, 4),
                );
            }
            9 => fate = Fate::frames(w.chance.size(0, 4)),
            _ => fate = Fate::cut(w.chance.size(0, 1200), w.chance.percent(50)),
        }
        w.tell(|| format!("  opens, but {fate:?}"));
    }
    if let Some(most) = w.schedule.odd.cuts {
        fate = Fate::frames(w.chance.size(1, most));
    }
    let ends = w.schedule.odd.ends.clone();
    if let Some((frames, words, late)) = ends.filter(|_| w.connections == 0) {
        w.refused = true;
        fate = Fate::said(words, frames).late(late);
    }
    if w.schedule.odd.refuses {
        return Some(fatal(&mut w));
    }
    if is_out {
        w.tell(|| "  opens, and says nothing".to_owned());
        fate = Fate::outage(&w.schedule.odd);
        w.fruitless += 1;
    }
    w.connections += 1;
    let body = StreamBody::open(Arc::clone(world), &mut w, from, previews, fate);
    let body: AnyBody = Box::pin(body);
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Some(Ok(response))
}

/// The end of a stream, without and with what is no part of it any more.
const DONE: [&str; 2] = [
    "data: [DONE]\n\n",
    "data: [DONE]\n\nid: evt_behind\nevent: session.party\n\
     data: {\"type\":\"session.party\",\"id\":\"evt_behind\"}\n\n",
];

/// An error that no repetition mends.
const FORBIDDEN: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\
                         \"permission_error\",\"message\":\"no\"}}\n\n";

/// 400, as for a cursor that is not known, or one of its brothers; or what a stream says of it.
fn reject(w: &mut World, cursor: Option<&str>) -> Result<Answer, String> {
    if let Some(id) = cursor {
        let is_listed = w.after(id, w.listed()).is_some();
        w.rejected.push((id.to_owned(), is_listed));
    }
    let status = if w.schedule.odd.rejects_oddly {
        w.chance.pick(&[400, 404, 410, 416, 422, 200])
    } else {
        400
    };
    w.tell(|| format!("  rejects the cursor ({status})"));
    if status != 200 {
        return Ok(refusal(status, "invalid_request_error", None));
    }
    let id = cursor.unwrap_or("");
    let error = json!({"type": "invalid_request_error", "message": format!("unknown event {id}")});
    let error = json!({"type": "error", "error": error});
    Err(format!("event: error\ndata: {error}\n\n"))
}

/// What no repetition mends.
fn fatal(w: &mut World) -> Answer {
    w.refused = true;
    let which = w.chance.below(5);
    w.tell(|| format!("  refuses for good ({which})"));
    match which {
        0 => refusal(401, "authentication_error", None),
        1 => refusal(404, "not_found_error", None),
        2 => answer(200, "text/html", "<p>Welcome</p>".to_owned(), None),
        3 => answer(200, "application/json", "{}".to_owned(), None),
        _ => answer(204, "text/plain", String::new(), None),
    }
}

/// `None` is no answer, ever.
fn list(world: &Shared, request: &Request<RequestBody>) -> Option<Answer> {
    let query = request.uri().query().unwrap_or("");
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let asked_descending = value("order") == Some("desc");
    let limit: usize = value("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(20);
    let mut w = lock(world);
    // Whether what came newest first is in order: what comes after one of two events.
    let is_check = value("after_id").is_some() && limit == 2;
    w.tell(|| format!("list {query}"));
    let descending = asked_descending && !w.schedule.odd.ignores_order;
    let after = value("after_id").filter(|_| !w.schedule.odd.ignores_after);
    w.lists += 1;
    if w.schedule
        .odd
        .list_faults
        .is_some_and(|every| w.lists % every == 0)
    {
        w.fruitless += 1;
        w.tell(|| "  fails".to_owned());
        return Some(refusal(503, "overloaded_error", None));
    }
    let mut cut = false;
    let mut broken = false;
    if w.fault() {
        match w.chance.below(8) {
            0 => return Some(Err(reset())),
            1 => {
                w.tell(|| "  stalls".to_owned());
                return None;
            }
            2 | 3 => return Some(unavailable(&mut w)),
            // A list that heeds no cursor doesn't reject one that it just had.
            4 if value("after_id").is_some() && !(is_check && w.schedule.odd.ignores_after) => {
                w.tell(|| "  rejects the cursor".to_owned());
                return Some(w.does_not_list(value("after_id").unwrap_or("")));
            }
            5 => broken = true,
            6 if w.chance.percent(10) => {
                w.refused = true;
                let (status, kind) = w
                    .chance
                    .pick(&[(401, "authentication_error"), (403, "permission_error")]);
                w.tell(|| format!("  refuses for good ({status})"));
                return Some(refusal(status, kind, None));
            }
            _ => cut = true,
        }
        w.tell(|| format!("  answers, but cut: {cut}, without a cursor: {broken}"));
    }
    if w.schedule.thread && asked_descending {
        w.complain("a thread's list has no order");
    }
    let (oldest, published) = (w.oldest(), w.listed().max(w.oldest()));
    let take = limit.min(w.schedule.page);
    let page = value("page").and_then(|page| page.parse::<usize>().ok());
    let (range, more) = if descending {
        let end = page.unwrap_or(published).clamp(oldest, published);
        let begin = end.saturating_sub(take).max(oldest);
        (begin..end, (begin > oldest).then_some(begin))
    } else {
        let begin = match (page, after) {
            // What lay between is gone, and may not be passed over in silence.
            (Some(page), _) if page < oldest => {
                // Whoever has no cursor yet can't go on from it.
                w.refused |= w.schedule.from == From::Now && w.anchor.is_none();
                return Some(refusal(400, "invalid_request_error", None));
            }
            (Some(page), _) => page,
            (None, Some(id)) => match w.after(id, published) {
                Some(begin) => begin,
                None => return Some(w.does_not_list(id)),
            },
            (None, None) => oldest,
        };
        let end = (begin + take).min(published).max(begin);
        (begin..end, (end < published).then_some(end))
    };
    if cut || w.schedule.from != From::Now {
        // It tells nothing of the newest event, or nobody wants to know.
    } else if is_check {
        // One of two events doesn't tell whether it comes after the other.
        let is_half = w.schedule.odd.ignores_after && w.newest == 2 && range.len() == 1;
        if !w.schedule.odd.ignores_order && !is_half {
            w.settle_anchor();
        }
    } else if !asked_descending {
        // Without an order, the newest event is the last one of all pages.
        if value("after_id").is_none() && more.is_none() {
            w.newest = published;
            w.settle_anchor();
        }
    } else if limit == 2 {
        if page.is_none() {
            w.newest = published;
            w.given = 0;
        }
        w.given += range.len();
        // Two events don't tell whether the order is heeded: that is asked next.
        if w.given < 2 && more.is_none() {
            w.settle_anchor();
        }
    }
    if w.schedule.turn.is_some() && !w.opened && descending && page.is_none() && !cut {
        // Where a message without a name is looked for from.
        w.anchor = Some(published);
    }
    let mut data: Vec<&str> = w.schedule.entries[range]
        .iter()
        .map(|entry| entry.json.as_str())
        .collect();
    if descending {
        data.reverse();
    }
    let next = match more {
        Some(_) if broken => "null".to_owned(),
        Some(more) => format!("\"{more}\""),
        None => "null".to_owned(),
    };
    let text = format!(
        r#"{{"data":[{}],"next_page":{next},"has_more":{}}}"#,
        data.join(","),
        more.is_some()
    );
    w.tell(|| format!("  {} events, more: {}", data.len(), more.is_some()));
    if !cut {
        return Some(answer(200, "application/json", text, None));
    }
    let half = text.len() / 2;
    let body: AnyBody = Box::pin(Literal::cut(text, half));
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Some(Ok(response))
}
