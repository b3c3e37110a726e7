//! The thin shell around [`Follower`]: connections, pages and the timer. It decides nothing; what
//! to do is what the machine says.

use std::future::IntoFuture;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use qoder_http::ResponseBody;
use qoder_http::time::deadline;
use qoder_types::{Event, EventId, Page, Request};
use tokio::time::Instant;
use tracing::Instrument;

use super::machine::{Action, Follower, Settings};
use super::stream::{UNINTERRUPTED, checked};
use super::trace::Trace;
use super::update::Update;
use crate::call::{Call, CallOptions, Pending, Prepared, open};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::timer::Timer;

/// A session or thread that is followed.
pub(crate) struct Driver {
    shared: Shared,
    machine: Follower,
    opening: Option<Pending<ResponseBody>>,
    body: Option<ResponseBody>,
    /// The bytes of the body that the machine doesn't have yet.
    chunk: Bytes,
    fetching: Option<Pending<Page<Event>>>,
    timer: Timer,
    clock: Clock,
    trace: Trace,
    /// The number of bytes that the machine was given so far.
    fed: usize,
    ended: bool,
}

/// The machine's time: it stands still while the caller has what it was handed. A slow caller is
/// neither a dead server nor an outage.
struct Clock {
    started: Instant,
    /// The machine's time, as of the last look.
    now: Duration,
    /// The time that has passed beyond the machine's clock.
    behind: Duration,
    /// Something was handed over since the last look.
    with_caller: bool,
}

impl Clock {
    fn new(started: Instant) -> Self {
        Self {
            started,
            now: Duration::ZERO,
            behind: Duration::ZERO,
            with_caller: false,
        }
    }

    fn look(&mut self) {
        let passed = self.started.elapsed();
        if std::mem::take(&mut self.with_caller) {
            self.behind = passed.saturating_sub(self.now);
        }
        self.now = passed.saturating_sub(self.behind);
    }

    fn handed_over(&mut self) {
        self.with_caller = true;
    }

    /// When that is by the clock on the wall; `None` if it is never.
    fn at(&self, time: Duration) -> Option<Instant> {
        deadline(self.started, time.saturating_add(self.behind))
    }
}

impl Driver {
    pub(crate) fn new(shared: Shared, settings: Settings, seed: u64) -> Self {
        let started = Instant::now();
        Self {
            shared,
            trace: Trace::new(&settings.log, started),
            machine: Follower::new(settings, seed),
            clock: Clock::new(started),
            opening: None,
            body: None,
            chunk: Bytes::new(),
            fetching: None,
            timer: Timer::default(),
            fed: 0,
            ended: false,
        }
    }

    pub(crate) fn preview_text(&self, event: &EventId, index: usize) -> Option<&str> {
        self.machine.preview_text(event, index)
    }

    pub(crate) fn checkpoint(&self) -> Option<Checkpoint> {
        self.machine.checkpoint()
    }

    /// The last event that was handed over.
    pub(crate) fn position(&self) -> Option<EventId> {
        self.machine.cursor().map(EventId::from)
    }

    pub(crate) fn wake(&mut self) {
        self.clock.look();
        self.machine.wake(self.clock.now);
    }

    /// The time before which the server asked not to be asked.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.clock.at(self.machine.not_before())
    }

    pub(crate) fn close(&mut self) {
        self.machine.close();
        self.release();
        self.ended = true;
    }

    pub(crate) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        let fed = self.fed;
        while !self.ended {
            // The events of one chunk have one time, that of its arrival: the clock is a large part
            // of what a small event costs.
            let had_bytes = self.machine.has_bytes();
            if !had_bytes {
                self.clock.look();
            }
            let now = self.clock.now;
            // Comments and repetitions bring the caller nothing, however fast they come.
            if self.fed.wrapping_sub(fed) >= UNINTERRUPTED {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.machine.poll(now) {
                Action::Open(request) => self.opening = Some(self.open(request)),
                Action::List(request) => self.fetching = Some(self.page(request)),
                Action::Release => self.release(),
                Action::Update(update) => {
                    match &update {
                        Update::Event(_) => self.trace.event(),
                        Update::Notice(notice) => self.trace.notice(notice, &self.shared),
                        _ => {}
                    }
                    self.clock.handed_over();
                    return Poll::Ready(Some(Ok(update)));
                }
                Action::Done(error) => {
                    self.release();
                    self.ended = true;
                    let auth = self.shared.auth();
                    let error = error.map(|error| error.redacted(auth));
                    if let Some(error) = &error {
                        self.trace.failed(error);
                    }
                    return Poll::Ready(error.map(Err));
                }
                // What has arrived counts before the time that has passed: a slow caller is not a
                // dead server.
                Action::Wait(until) => {
                    if had_bytes && !self.machine.has_bytes() {
                        continue;
                    }
                    if self.arrived(cx, now) {
                        continue;
                    }
                    match until {
                        Some(until) if self.sleep(until, cx).is_ready() => {
                            self.clock.look();
                            self.machine.tick(self.clock.now);
                        }
                        _ => return Poll::Pending,
                    }
                }
            }
        }
        Poll::Ready(None)
    }

    fn sleep(&mut self, until: Duration, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(self.clock.at(until), cx)
    }

    fn release(&mut self) {
        self.opening = None;
        self.body = None;
        self.chunk.clear();
        self.fetching = None;
    }

    /// Whether there is news for the machine.
    fn arrived(&mut self, cx: &mut Context<'_>, now: Duration) -> bool {
        if let Some(fetching) = &mut self.fetching {
            if let Poll::Ready(page) = fetching.as_mut().poll(cx) {
                self.fetching = None;
                match page {
                    Ok(page) => self.machine.page(now, page),
                    Err(error) => self.machine.no_page(now, error),
                }
                return true;
            }
        }
        if let Some(opening) = &mut self.opening {
            if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
                self.opening = None;
                match opened {
                    Ok(body) => {
                        self.body = Some(body);
                        self.machine.opened(now);
                    }
                    Err(error) => self.machine.not_opened(now, error),
                }
                return true;
            }
        }
        let Some(body) = self.body.as_mut().filter(|_| self.machine.reads()) else {
            return false;
        };
        if self.chunk.is_empty() {
            match body.poll_chunk(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(chunk))) => {
                    self.trace.bytes(chunk.len());
                    self.chunk = chunk;
                }
                Poll::Ready(Some(Err(error))) => {
                    self.body = None;
                    self.machine.broke(now, Error::transport(error));
                    return true;
                }
                Poll::Ready(None) => {
                    self.body = None;
                    self.machine.ended(now);
                    return true;
                }
            }
        }
        // Some may hand on what is larger than can be read in one go.
        let piece = self.chunk.split_to(self.chunk.len().min(UNINTERRUPTED));
        self.fed = self.fed.wrapping_add(piece.len());
        self.machine.bytes(piece);
        true
    }

    fn open(&self, request: Request<()>) -> Pending<ResponseBody> {
        let shared = self.shared.clone();
        let opening = async move {
            // Attempts are the machine's to count.
            let once = CallOptions::default().retries(0);
            let opened = async {
                let prepared = Prepared::new(&shared, &request, once)?;
                let (response, _) = open(&shared, &prepared).await?;
                checked(&shared, response).await
            };
            // It may become the source of another error, where it is not looked at any more.
            let opened = opened.await;
            let operation = request.op().name;
            let mut body = opened
                .map_err(|error: Error| error.with_operation(operation).redacted(shared.auth()))?;
            // So is silence.
            body.set_idle(None);
            Ok(body)
        };
        Box::pin(opening.instrument(self.trace.span()))
    }

    fn page(&self, request: Request<Page<Event>>) -> Pending<Page<Event>> {
        let call = Call::new(self.shared.clone(), request).options(|options| options.retries(0));
        Box::pin(call.into_future().instrument(self.trace.span()))
    }
}
