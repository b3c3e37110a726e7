//! The thin shell around the resume machine: connections, lists and the timer. It decides
//! nothing; what to do is what [`Resume`] says.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use qoder_http::ResponseBody;
use qoder_sse::Frame;
use qoder_sse::resume::{
    Class, Classify, End, ListFrom, Notice, Outcome, Output, Policy, Refusal, RefusalKind, Resume,
    Start,
};
use qoder_types::{Event, EventId, PreviewType};
use tokio::time::{Instant, Sleep, sleep_until};
use uuid::Uuid;

use super::Update;
use super::feed::Feed;
use super::previews::Previews;
use super::repair::{BackToKnown, Newest};
use super::stream::checked;
use crate::call::{CallOptions, Pending, attempt};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::list::{List, Pages};

/// Decodes each frame once, for its class and for the caller.
#[derive(Debug)]
struct Decoder {
    feed: Feed,
    event: Option<Event>,
}

impl Classify for Decoder {
    fn classify(&mut self, frame: &Frame<'_>) -> Class {
        self.event = None;
        match (frame.event(), frame.data()) {
            ("heartbeat" | "ping", _) => Class::Pulse,
            (_, "[DONE]") => Class::EndOfStream,
            (name, data) => {
                let event = self.event.insert(Event::decode(name, frame.id(), data));
                self.feed.class_of(event)
            }
        }
    }

    fn id<'f>(&'f mut self, frame: &'f Frame<'_>) -> Option<Cow<'f, str>> {
        let own = self.event.as_ref().and_then(Event::id).map(EventId::as_str);
        own.or(frame.id()).map(Cow::Borrowed)
    }
}

/// A session followed over its event stream.
pub(crate) struct Driver {
    client: Client,
    feed: Feed,
    preview_types: Vec<PreviewType>,
    machine: Resume<Decoder>,
    started: Instant,
    connecting: Option<Pending<ResponseBody>>,
    body: Option<ResponseBody>,
    chunk: Bytes,
    listing: Option<Listing>,
    timer: Option<Pin<Box<Sleep>>>,
    previews: Previews,
    /// Why the last attempt failed, for the error if there is no other.
    failure: Option<Error>,
    ended: bool,
}

/// A part of the list that is being fetched.
enum Listing {
    Newest(Newest),
    Forward {
        pages: Pages<Event>,
        page: VecDeque<Event>,
    },
    Back {
        walk: BackToKnown,
        found: Option<VecDeque<Event>>,
    },
}

/// What one round of I/O brought.
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on its way to the caller"
)]
enum Round {
    /// Something for the caller.
    Item(Update),
    /// Something for the machine.
    Input,
    /// Nothing yet.
    Idle,
}

impl Driver {
    pub(crate) fn new(
        client: Client,
        feed: Feed,
        start: Start,
        preview_types: Vec<PreviewType>,
        policy: Policy,
    ) -> Self {
        let chance = Uuid::new_v4().as_u64_pair().0;
        let decoder = Decoder {
            feed: feed.clone(),
            event: None,
        };
        Self {
            client,
            feed,
            preview_types,
            machine: Resume::new(start, policy, chance, decoder),
            started: Instant::now(),
            connecting: None,
            body: None,
            chunk: Bytes::new(),
            listing: None,
            timer: None,
            previews: Previews::default(),
            failure: None,
            ended: false,
        }
    }

    pub(crate) fn preview_text(&self, event: &EventId, index: usize) -> Option<&str> {
        self.previews.text(event, index)
    }

    pub(crate) fn checkpoint(&self) -> Option<String> {
        self.machine.cursor().map(ToOwned::to_owned)
    }

    pub(crate) fn close(&mut self) {
        self.machine.close();
        self.release();
        self.ended = true;
    }

    pub(crate) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        while !self.ended {
            let now = self.started.elapsed();
            let wait = match self.machine.poll(now) {
                Output::Connect { cursor, .. } => {
                    self.connecting = Some(self.connect(cursor));
                    continue;
                }
                Output::List(from) => {
                    self.listing = Some(self.list(from));
                    continue;
                }
                Output::Release => {
                    self.release();
                    continue;
                }
                Output::Notice(notice) => {
                    if notice == Notice::PreviewsVoid {
                        self.previews.void();
                    }
                    return Poll::Ready(Some(Ok(Update::Notice(notice))));
                }
                Output::Done(outcome) => {
                    self.release();
                    self.ended = true;
                    return Poll::Ready(self.result(outcome).map(Err));
                }
                Output::Wait(until) => until,
                // An output of a later release of the machine can't be carried out.
                _ => return Poll::Ready(None),
            };
            // What has arrived counts before the time that has passed: a slow caller is not a
            // dead server.
            match self.round(cx, now) {
                Round::Item(update) => return Poll::Ready(Some(Ok(update))),
                Round::Input => {}
                Round::Idle => match wait {
                    Some(until) if self.sleep(until, cx).is_pending() => return Poll::Pending,
                    Some(_) => self.machine.tick(self.started.elapsed()),
                    None => return Poll::Pending,
                },
            }
        }
        Poll::Ready(None)
    }

    fn sleep(&mut self, until: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.started + until;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx)
    }

    fn release(&mut self) {
        self.connecting = None;
        self.body = None;
        self.chunk = Bytes::new();
        self.listing = None;
    }

    fn round(&mut self, cx: &mut Context<'_>, now: Duration) -> Round {
        if let Some(mut listing) = self.listing.take() {
            match self.poll_listing(&mut listing, cx, now) {
                Round::Idle => self.listing = Some(listing),
                Round::Item(update) => {
                    self.listing = Some(listing);
                    return Round::Item(update);
                }
                Round::Input => return Round::Input,
            }
        }
        if let Some(connecting) = &mut self.connecting {
            if let Poll::Ready(opened) = connecting.as_mut().poll(cx) {
                self.connecting = None;
                match opened {
                    Ok(body) => {
                        self.body = Some(body);
                        self.machine.opened(now);
                    }
                    Err(error) => match refusal(&error, self.machine.cursor().is_some()) {
                        Some(refusal) => {
                            self.failure = Some(error);
                            self.machine.refused(now, refusal);
                        }
                        None => {
                            self.failure = Some(error);
                            self.machine.failed(now);
                        }
                    },
                }
                return Round::Input;
            }
        }
        if self.machine.reads() {
            self.read(cx, now)
        } else {
            Round::Idle
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Duration) -> Round {
        if !self.chunk.is_empty() {
            let fed = self.machine.bytes(now, &self.chunk);
            let (consumed, delivered) = (fed.consumed, fed.delivery.is_some());
            self.chunk.advance(consumed);
            let event = self.machine.classifier().event.take();
            return match event
                .filter(|_| delivered)
                .and_then(|event| self.update(event))
            {
                Some(update) => Round::Item(update),
                None => Round::Input,
            };
        }
        let Some(body) = &mut self.body else {
            return Round::Idle;
        };
        match body.poll_chunk(cx) {
            Poll::Ready(Some(Ok(chunk))) => self.chunk = chunk,
            Poll::Ready(Some(Err(error))) => {
                self.failure = Some(Error::transport(error));
                self.body = None;
                self.machine.ended(now, End::Broken);
            }
            Poll::Ready(None) => {
                self.body = None;
                self.machine.ended(now, End::Clean);
            }
            Poll::Pending => return Round::Idle,
        }
        Round::Input
    }

    /// What the caller sees of an event.
    fn update(&mut self, event: Event) -> Option<Update> {
        let preview = self.previews.observe(&event);
        if event.is_preview() {
            preview.map(Update::Preview)
        } else {
            Some(Update::Event(event))
        }
    }

    fn connect(&self, with_cursor: bool) -> Pending<ResponseBody> {
        let client = self.client.clone();
        let cursor = self
            .machine
            .cursor()
            .filter(|_| with_cursor)
            .map(EventId::from);
        let request = self
            .feed
            .stream(client.dialect(), cursor.as_ref(), &self.preview_types);
        Box::pin(async move {
            // Attempts are the machine's to count.
            let prepared =
                attempt::Prepared::new(&client, &request, CallOptions::default().retries(0))?;
            let mut body = checked(attempt::open(&client, prepared).await?).await?;
            // So is silence.
            body.set_idle(None);
            Ok(body)
        })
    }

    fn list(&self, from: ListFrom) -> Listing {
        match from {
            ListFrom::Newest => Listing::Newest(Newest::new(&self.client, &self.feed)),
            ListFrom::BackToKnown => Listing::Back {
                walk: BackToKnown::new(&self.client, &self.feed),
                found: None,
            },
            from => {
                let after = self.machine.cursor().filter(|_| from == ListFrom::Cursor);
                let pages = List::new(self.client.clone(), self.feed.list(after, 100)).pages();
                Listing::Forward {
                    pages,
                    page: VecDeque::new(),
                }
            }
        }
    }

    /// [`Round::Input`] when the listing is over.
    fn poll_listing(
        &mut self,
        listing: &mut Listing,
        cx: &mut Context<'_>,
        now: Duration,
    ) -> Round {
        match listing {
            Listing::Newest(walk) => match walk.poll(cx) {
                Poll::Pending => Round::Idle,
                Poll::Ready(Ok(id)) => {
                    self.machine.newest(id.as_ref().map(EventId::as_str));
                    Round::Input
                }
                Poll::Ready(Err(error)) => self.list_failed(error, false, now),
            },
            Listing::Forward { pages, page } => loop {
                while let Some(event) = page.pop_front() {
                    if let Some(update) = self.listed(event, now) {
                        return Round::Item(update);
                    }
                }
                match pages.poll_page(cx) {
                    Poll::Pending => return Round::Idle,
                    Poll::Ready(Some(Ok(next))) => *page = next.data.into(),
                    Poll::Ready(Some(Err(error))) => {
                        let with_cursor = self.machine.cursor().is_some();
                        return self.list_failed(error, with_cursor, now);
                    }
                    Poll::Ready(None) => {
                        self.machine.list_done(now);
                        return Round::Input;
                    }
                }
            },
            Listing::Back { walk, found } => loop {
                if let Some(found) = found {
                    while let Some(event) = found.pop_front() {
                        if let Some(update) = self.listed(event, now) {
                            return Round::Item(update);
                        }
                    }
                    self.machine.list_done(now);
                    return Round::Input;
                }
                let machine = &self.machine;
                match walk.poll(cx, |id| machine.knows(id.as_str())) {
                    Poll::Pending => return Round::Idle,
                    Poll::Ready(Ok(Some(events))) => *found = Some(events),
                    Poll::Ready(Ok(None)) => {
                        self.machine.list_gap();
                        return Round::Input;
                    }
                    Poll::Ready(Err(error)) => return self.list_failed(error, false, now),
                }
            },
        }
    }

    fn listed(&mut self, event: Event, now: Duration) -> Option<Update> {
        let id = event.id().map(EventId::as_str);
        if self.machine.listed(now, id, self.feed.class_of(&event)) {
            self.update(event)
        } else {
            None
        }
    }

    fn list_failed(&mut self, error: Error, with_cursor: bool, now: Duration) -> Round {
        let unreachable = Refusal::of_status(503);
        self.machine
            .list_failed(now, refusal(&error, with_cursor).unwrap_or(unreachable));
        self.failure = Some(error);
        Round::Input
    }

    /// The error that ends the events, if it is one.
    fn result(&mut self, outcome: Outcome) -> Option<Error> {
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
            Outcome::Overflow(overflow) => Error::new(
                ErrorKind::Stream,
                format!("an event is too large: {overflow}"),
            ),
            Outcome::GaveUp(cause) => {
                let why = format!("gave up without progress: {cause}");
                match failure {
                    Some(last) => Error::new(
                        ErrorKind::Stream,
                        format!("{why}; the last attempt: {last}"),
                    )
                    .with_source(last),
                    None => Error::new(ErrorKind::Stream, why),
                }
            }
            other => Error::new(
                ErrorKind::Stream,
                format!("the event stream ended: {other:?}"),
            ),
        };
        Some(
            error
                .with_operation(self.feed.operation())
                .with_checkpoint(self.checkpoint())
                .redacted(self.client.token()),
        )
    }
}

/// What an error means for the machine; `None` if nobody refused anything.
pub(crate) fn refusal(error: &Error, with_cursor: bool) -> Option<Refusal> {
    let Some(status) = error.status().map(|status| status.as_u16()) else {
        // Retrying does not mend a malformed request.
        let fatal = matches!(error.kind(), ErrorKind::Input | ErrorKind::Config);
        return fatal.then(|| Refusal::of_status(400));
    };
    let mut refusal = Refusal::of_status(status);
    refusal.retry_after = error.retry_after();
    match error.kind() {
        ErrorKind::Api if status == 400 && with_cursor => {
            refusal.kind = RefusalKind::CursorRejected;
        }
        ErrorKind::Api | ErrorKind::Stream => {}
        // A good head, and a body that broke.
        ErrorKind::Network | ErrorKind::Timeout => return None,
        _ => refusal.kind = RefusalKind::Fatal,
    }
    Some(refusal)
}
