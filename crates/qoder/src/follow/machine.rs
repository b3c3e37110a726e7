//! Following without I/O: what to do is said by [`Follower::poll`], what happened is told by the
//! other methods. Time is an input, and so is the seed of the jitter.
//!
//! It is [`Resume`] with what is particular to this API: events in place of frames, their lists,
//! and previews.

use bytes::{Buf, Bytes};
use http::HeaderValue;
use qoder_http::Sent;
use qoder_sse::resume::{
    Action as ResumeAction, Ending, ListFrom, Notice as Told, Outcome, Policy, Refusal,
    RefusalKind, Resume, Start, Tick,
};
use qoder_types::{Event, EventId, Page, PreviewType, Request};

use super::catch_up::{CatchUp, ListSupport, Step};
use super::decoder::{Decoded, Decoder};
use super::event_log::{self, EventLog};
use super::notice::Notice;
use super::previews::{LiveText, PreviewStart, Previews};
use super::stream::too_large;
use super::update::Update;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind};
use crate::gateway::Dialect;

/// The log to follow, and the ways to do it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) log: EventLog,
    pub(crate) dialect: Dialect,
    pub(crate) start: Start,
    pub(crate) previews: Vec<PreviewType>,
    pub(crate) policy: Policy,
    /// The number of events that may be held while a lost cursor is looked for.
    pub(crate) held: usize,
}

/// The events of a session or thread, each once and in order.
///
/// Drain [`poll`](Self::poll) until it says [`Action::Wait`]: then wait for whatever comes first, the
/// time it names, the body as long as the machine [reads](Self::reads), or what was opened or
/// listed; report that by `tick`, `bytes`, `ended`, `broke`, `opened`, `not_opened`, `page` or
/// `no_page`; and drain again. There is at most one stream and one page under way, which
/// [`Action::Release`] takes back: nothing of them is reported after it. `bytes` is called only while
/// the machine reads and [has none](Self::has_bytes) left. [`wake`](Self::wake) and
/// [`close`](Self::close) may come at any time; after [`Action::Done`] everything is ignored. Times
/// are counted from any moment, and must not go back. An event counts as delivered, and moves the
/// cursor, when `poll` returns it.
pub(crate) struct Follower {
    log: EventLog,
    dialect: Dialect,
    preview_types: Vec<PreviewType>,
    held: usize,
    resume: Resume<Decoder>,
    catch_up: Option<CatchUp>,
    habits: ListSupport,
    chunk: Bytes,
    /// Whether the request for the stream carried the cursor.
    asked_after: bool,
    previews: Previews,
    /// The error of the last attempt, for notices, and for the end if there is no other.
    failure: Option<Error>,
    /// Whether any request left.
    sent: Sent,
}

/// The next step of the driver.
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on its way to the caller"
)]
pub(crate) enum Action {
    /// Open the stream: then `opened` or `not_opened`, and as long as it `reads`, `bytes` or
    /// `ended`.
    Open(Request<()>),
    /// Fetch a page: then `page` or `no_page`.
    List(Request<Page<Event>>),
    /// Drop the connection and whatever is being fetched.
    Release,
    /// Hand this to the caller.
    Update(Update),
    /// Nothing until an input, or until this time: then `tick`.
    Wait(Option<Tick>),
    /// Nothing ever again, after this error if there is one.
    Done(Option<Error>),
}

impl Follower {
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let decoder = Decoder::new(settings.log.clone());
        Self {
            log: settings.log,
            dialect: settings.dialect,
            preview_types: settings.previews,
            held: settings.held,
            resume: Resume::new(settings.start, settings.policy, seed, decoder),
            catch_up: None,
            habits: ListSupport::default(),
            chunk: Bytes::new(),
            asked_after: false,
            previews: Previews::default(),
            failure: None,
            sent: Sent::No,
        }
    }

    pub(crate) fn cursor(&self) -> Option<&str> {
        self.resume.cursor()
    }

    /// Returns the checkpoint after the last event that was handed over.
    pub(crate) fn checkpoint(&self) -> Option<Checkpoint> {
        let cursor = self.resume.cursor()?;
        Some(self.log.checkpoint(cursor))
    }

    pub(crate) fn preview_text(&self, event: &EventId, index: usize) -> Option<&str> {
        self.previews.text(event, index)
    }

    /// The time before which the server asked not to be asked.
    pub(crate) fn not_before(&self) -> Tick {
        self.resume.not_before()
    }

    /// Whether the body of the stream is to be read.
    pub(crate) fn reads(&self) -> bool {
        self.resume.reads()
    }

    /// Whether there are bytes that it reads now. Until they are used up the time of their arrival
    /// may be given to `poll`. Bytes that wait for a list don't stop the clock.
    pub(crate) fn has_bytes(&self) -> bool {
        !self.chunk.is_empty() && self.reads()
    }

    pub(crate) fn poll(&mut self, now: Tick) -> Action {
        loop {
            let wait = match self.resume.poll(now) {
                ResumeAction::Connect { cursor, .. } => match self.stream(cursor) {
                    Some(request) => return Action::Open(request),
                    None => {
                        self.resume.refused(now, unsendable());
                        continue;
                    }
                },
                ResumeAction::List(from) => {
                    self.catch_up = Some(self.catching_up(from));
                    continue;
                }
                // The catch-up knows where it was.
                ResumeAction::GoOn => continue,
                ResumeAction::Release => {
                    self.release();
                    return Action::Release;
                }
                ResumeAction::Notice(notice) => {
                    if notice == Told::PreviewsVoid {
                        self.previews.void();
                    }
                    match Notice::new(notice, self.failure.as_ref()) {
                        Some(notice) => return Action::Update(Update::Notice(notice)),
                        None => continue,
                    }
                }
                ResumeAction::Done(outcome) => {
                    self.release();
                    return Action::Done(self.error(outcome));
                }
                ResumeAction::Wait(until) => until,
                // An action of a later release of the machine can't be carried out.
                _ => return Action::Done(None),
            };
            if self.resume.lists() {
                if let Some(step) = self.catch_up.as_mut().and_then(CatchUp::step) {
                    match self.step(step, now) {
                        Some(update) => return Action::Update(update),
                        None => continue,
                    }
                }
            }
            if !self.chunk.is_empty() && self.resume.reads() {
                match self.frame(now) {
                    Some(update) => return Action::Update(update),
                    None => continue,
                }
            }
            if self.resume.lists() {
                if let Some(request) = self.catch_up.as_mut().and_then(CatchUp::request) {
                    return Action::List(request);
                }
            }
            return Action::Wait(wait);
        }
    }

    fn catching_up(&self, from: ListFrom) -> CatchUp {
        let after = self.resume.cursor();
        CatchUp::new(&self.log, from, after, self.held, self.habits)
    }

    pub(crate) fn opened(&mut self, now: Tick) {
        self.sent = Sent::Yes;
        self.failure = None;
        self.resume.opened(now);
    }

    pub(crate) fn not_opened(&mut self, now: Tick, error: Error) {
        let refusal = refusal(&error, self.asked_after);
        self.failed(error);
        match refusal {
            Some(refusal) => self.resume.refused(now, refusal),
            None => self.resume.failed(now),
        }
    }

    /// The next bytes of the stream. It takes no more before these are used up.
    pub(crate) fn bytes(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The stream came to its end.
    pub(crate) fn ended(&mut self, now: Tick) {
        self.resume.ended(now, Ending::Clean);
    }

    /// Reading the stream failed.
    pub(crate) fn broke(&mut self, now: Tick, error: Error) {
        self.failed(error);
        self.resume.ended(now, Ending::Broken);
    }

    pub(crate) fn page(&mut self, now: Tick, page: Page<Event>) {
        self.sent = Sent::Yes;
        self.failure = None;
        let Some(catch_up) = &mut self.catch_up else {
            return;
        };
        let resume = &self.resume;
        let came = catch_up.page(page, |id| resume.knows(id.as_str()));
        self.habits = catch_up.habits();
        self.resume.page(now, came.is_new, came.more);
    }

    pub(crate) fn no_page(&mut self, now: Tick, error: Error) {
        let Some(catch_up) = &mut self.catch_up else {
            return;
        };
        let refusal = refusal(&error, catch_up.has_cursor());
        self.sent = self.sent.max(error.sent());
        self.failure = Some(error);
        let Some(refusal) = refusal else {
            catch_up.again();
            self.resume.list_unreachable(now);
            return;
        };
        match refusal.kind {
            RefusalKind::Transient => {
                catch_up.again();
                self.resume.list_failed(now, refusal);
            }
            RefusalKind::CursorRejected if catch_up.does_without() => {
                self.habits = catch_up.habits();
            }
            // A page further on is not known any more: such a catch-up begins anew.
            RefusalKind::CursorRejected if catch_up.is_under_way() && !catch_up.is_forward() => {
                self.catch_up = None;
                self.resume.list_broken(now);
            }
            _ => {
                self.catch_up = None;
                self.resume.list_failed(now, refusal);
            }
        }
    }

    fn failed(&mut self, error: Error) {
        self.sent = self.sent.max(error.sent());
        self.failure = Some(error);
    }

    pub(crate) fn tick(&mut self, now: Tick) {
        self.resume.tick(now);
    }

    pub(crate) fn wake(&mut self, now: Tick) {
        self.resume.wake(now);
    }

    pub(crate) fn close(&mut self) {
        self.resume.close();
        self.release();
    }

    fn release(&mut self) {
        self.catch_up = None;
        self.chunk = Bytes::new();
    }

    /// The request for the stream; `None` if its cursor can't be sent.
    fn stream(&mut self, with_cursor: bool) -> Option<Request<()>> {
        let cursor = self.resume.cursor().filter(|_| with_cursor);
        let cursor = cursor.map(ToOwned::to_owned);
        if let Some(id) = &cursor {
            HeaderValue::try_from(id.as_str()).ok()?;
        }
        self.asked_after = cursor.is_some();
        let id = cursor.as_deref().map(EventId::from);
        self.resume.classifier().asked_after = cursor;
        let request = self
            .log
            .stream(self.dialect, id.as_ref(), &self.preview_types);
        Some(request)
    }

    /// The next frame of the chunk.
    fn frame(&mut self, now: Tick) -> Option<Update> {
        let fed = self.resume.bytes(now, &self.chunk);
        let (consumed, delivered) = (fed.consumed, fed.delivery.is_some());
        self.chunk.advance(consumed);
        if self.chunk.is_empty() {
            // It keeps the memory that it was cut from, which the body reads into again.
            self.chunk = Bytes::new();
        }
        match self.resume.classifier().decoded.take() {
            Some(Decoded::Delta(delta)) if delivered => {
                let shown = self.previews.extend(delta);
                self.show(shown)
            }
            Some(Decoded::Event(event)) if delivered => self.update(event),
            Some(Decoded::Event(Event::StreamError(error))) => {
                let said = error.body().summary().unwrap_or_default();
                let said = format!("the stream ended with an error: {said}");
                self.failure = Some(Error::new(ErrorKind::Stream, said));
                None
            }
            _ => None,
        }
    }

    fn step(&mut self, step: Step, now: Tick) -> Option<Update> {
        match step {
            Step::Event(event) => {
                let id = event.id().map(EventId::as_str);
                if self.resume.listed(id, self.log.class_of(&event)) {
                    return self.update(event);
                }
            }
            Step::Newest(id) => {
                self.catch_up = None;
                self.resume.newest(now, id.as_ref().map(EventId::as_str));
            }
            Step::Done => {
                self.catch_up = None;
                self.resume.list_done(now);
            }
            Step::Broken(error) => {
                // The next list begins behind what this one gave.
                self.catch_up = None;
                self.failed(Error::new(ErrorKind::Pagination, error.to_string()));
                self.resume.list_broken(now);
            }
            Step::Gap => {
                self.catch_up = None;
                self.resume.list_gap(now);
            }
        }
        None
    }

    /// Returns the update that the caller sees of an event.
    fn update(&mut self, event: Event) -> Option<Update> {
        match &event {
            // What was handed over is not being written any more.
            Event::EventStart(start) if self.resume.knows(start.event.id.as_str()) => None,
            Event::EventStart(start) => {
                self.previews.start(&start.event.id);
                Some(Update::PreviewStart(PreviewStart::of(start)))
            }
            Event::EventDelta(delta) => {
                let shown = self.previews.delta(delta);
                self.show(shown)
            }
            Event::Malformed(malformed) if event_log::is_preview(&event) => {
                let event =
                    event_log::previewed_event(event.raw()).or_else(|| malformed.id.clone());
                self.previews.spoil(event.as_ref());
                None
            }
            other => {
                if let Some(id) = other.id() {
                    self.previews.close(id);
                }
                Some(Update::Event(event))
            }
        }
    }

    fn show(&mut self, shown: Option<(LiveText, bool)>) -> Option<Update> {
        let (preview, is_new) = shown?;
        if is_new {
            self.resume.progressed();
        }
        Some(Update::Text(preview))
    }

    /// The error that ends the events, if it is one.
    fn error(&mut self, outcome: Outcome) -> Option<Error> {
        let failure = self.failure.take();
        let error = match outcome {
            Outcome::Final | Outcome::Closed => return None,
            Outcome::Refused { .. } | Outcome::Stopped => failure.unwrap_or_else(|| {
                Error::new(ErrorKind::Stream, "the server refused the event stream")
            }),
            Outcome::Fault => Error::new(
                ErrorKind::Stream,
                "the server ended the event stream with the error before",
            ),
            Outcome::Gap => Error::new(
                ErrorKind::Stream,
                "the server neither knows the last event any more nor lists what came after it: events may be lost; \
                 start from the beginning or from now",
            ),
            Outcome::CursorIgnored => Error::new(
                ErrorKind::Stream,
                "the server begins the stream before the event that it was asked to start after: events from before it \
                 were delivered; start from the beginning, or follow by polling",
            ),
            Outcome::Overflow(overflow) => too_large(overflow),
            Outcome::GaveUp(cause) => {
                let why = format!("gave up without progress: {cause}");
                let error = match failure {
                    Some(last) => Error::new(
                        ErrorKind::Stream,
                        format!("{why}; the last attempt: {last}"),
                    )
                    .with_source(last),
                    None => Error::new(ErrorKind::Stream, why),
                };
                // What was waited for may still come.
                error.with_retryable(true)
            }
            other => Error::new(
                ErrorKind::Stream,
                format!("the event stream ended: {other:?}"),
            ),
        };
        Some(
            error
                .with_sent(self.sent)
                .with_operation(self.log.operation())
                .with_checkpoint(self.checkpoint()),
        )
    }
}

/// A cursor that is no header's value is none for the stream; the list takes any.
fn unsendable() -> Refusal {
    Refusal {
        kind: RefusalKind::CursorRejected,
        ..Refusal::of_status(400)
    }
}

/// Returns the refusal that an error means; `None` if nobody refused anything.
fn refusal(error: &Error, with_cursor: bool) -> Option<Refusal> {
    if error.kind() == ErrorKind::Credentials {
        // Where there is no token for now, there is nothing to reach; and otherwise no access.
        let mut refusal = Refusal::of_status(if error.is_transient() { 503 } else { 401 });
        refusal.retry_after = error.retry_after();
        return Some(refusal);
    }
    let Some(status) = error.status().map(|status| status.as_u16()) else {
        // Retrying does not mend a malformed request, nor a response that nobody can read.
        let fatal = matches!(
            error.kind(),
            ErrorKind::Input | ErrorKind::Config | ErrorKind::Decode
        );
        return fatal.then(|| Refusal::of_status(400));
    };
    let mut refusal = Refusal::of_status(status);
    refusal.retry_after = error.retry_after();
    match error.kind() {
        ErrorKind::Api if with_cursor && matches!(status, 400 | 404 | 410 | 416 | 422) => {
            refusal.kind = RefusalKind::CursorRejected;
        }
        ErrorKind::Api | ErrorKind::Stream => {}
        // A good head, and a body that broke.
        ErrorKind::Network | ErrorKind::Timeout => return None,
        _ => refusal.kind = RefusalKind::Fatal,
    }
    Some(refusal)
}

#[cfg(test)]
mod tests;
