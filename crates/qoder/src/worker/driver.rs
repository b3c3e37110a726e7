//! The thin shell around [`Machine`]: requests, handlers and the timer. It decides nothing; what to
//! do is what the machine says.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use qoder_http::time::deadline;
use qoder_types::ops::environments::work as ops;
use qoder_types::{EnvironmentId, SessionId, Work, WorkHeartbeat, WorkId, WorkStop};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument, Span, debug, info, info_span, warn};
use uuid::Uuid;

use super::handler::{Ending, Start};
use super::job::Job;
use super::machine::{Action, Machine, PATIENCE, Release, Slot, Tick, WriteKind};
use super::notice::WorkerNotice;
use super::requests::{Failure, beat_of, failure, send};
use super::tasks::{Running, Tasks};
use super::{Notices, Shutdown, Worker};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::few::Few;
use crate::shared::Shared;
use crate::text::excerpt;
use crate::timer::Timer;

/// The time that the server is asked to wait for work, in milliseconds. It allows no more.
const BLOCK: u32 = 999;

/// After so many results in a row the other tasks of the runtime have their turn.
const UNINTERRUPTED: usize = 64;

/// The number of characters of a handler's or a panic's message that are reported.
const SAID: usize = 1000;

/// A worker that runs.
pub(super) struct Driver<'a> {
    shared: Shared,
    environment: EnvironmentId,
    /// The id that the server knows the worker by.
    id: String,
    /// In front of the number of a write: its idempotency key.
    run: Uuid,
    /// The lease that is asked for, in seconds.
    ttl: u64,
    machine: Machine,
    tasks: Tasks<'a, Key, News>,
    held: Few<Slot, Held>,
    start: Start<'a>,
    shutdown: Option<Shutdown>,
    notices: Option<Notices>,
    started: Instant,
    timer: Timer,
    /// The error that the worker ends with.
    failure: Option<Error>,
    /// Polls fail.
    failing: bool,
    span: Span,
}

/// A task that runs. Requests come first: a heartbeat is not to wait for handlers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Beat(Slot),
    Poll,
    Ack(Slot),
    Stop(Slot),
    Handler(Slot),
}

/// The result of a task.
enum News {
    Polled(Result<Option<Work>>),
    Acked(Result<Work>),
    Beaten(Result<WorkHeartbeat>),
    Stopped(Result<Work>),
    Ended(Ending),
}

/// A piece of work in its slot.
struct Held {
    work: Work,
    session: SessionId,
    /// Set when the handler is to end.
    stopping: watch::Sender<bool>,
    span: Span,
}

impl<'a> Driver<'a> {
    pub(super) fn new(worker: Worker, start: Start<'a>) -> Self {
        let chance = worker.chance();
        let lease = worker.settings.lease;
        let part = u64::from(lease.subsec_nanos() > 0);
        Self {
            span: info_span!(
                "qoder.worker",
                qoder.environment_id = worker.environment.as_str()
            ),
            shared: worker.shared,
            environment: worker.environment,
            id: worker.id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            run: Uuid::new_v4(),
            ttl: lease.as_secs().saturating_add(part),
            machine: Machine::new(worker.settings, chance),
            tasks: Tasks::new(),
            held: Few::new(),
            start,
            shutdown: worker.shutdown,
            notices: worker.notices,
            started: Instant::now(),
            timer: Timer::default(),
            failure: None,
            failing: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut results = 0;
        loop {
            let now = self.started.elapsed();
            if let Some(shutdown) = &mut self.shutdown {
                if shutdown.as_mut().poll(cx).is_ready() {
                    self.shutdown = None;
                    self.tell(WorkerNotice::ShuttingDown);
                    self.machine.shut_down(now);
                }
            }
            match self.machine.poll(now) {
                Action::Wait(until) => {
                    if results >= UNINTERRUPTED {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    if let Poll::Ready((key, news)) = self.tasks.poll_next(cx) {
                        results += 1;
                        self.take(key, news);
                        continue;
                    }
                    ready!(self.sleep(until, cx));
                }
                Action::Done => {
                    return Poll::Ready(self.failure.take().map_or(Ok(()), Err));
                }
                action => self.act(action),
            }
        }
    }

    fn sleep(&mut self, until: Option<Tick>, cx: &mut Context<'_>) -> Poll<()> {
        let until = until.and_then(|until| deadline(self.started, until));
        self.timer.poll(until, cx)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Poll => self.ask(),
            Action::Ack { slot, number } => self.ack(slot, number),
            Action::Beat {
                slot,
                number,
                expected,
                limit,
            } => self.beat(slot, number, &expected, limit),
            Action::Stop { slot, number } => self.stop(slot, number),
            Action::Start { slot } => self.start(slot),
            Action::Tell { slot, why } => {
                if let Some(held) = self.held.get(&slot) {
                    held.stopping.send_replace(true);
                    let work = held.work.id.clone();
                    self.tell(WorkerNotice::Stopping { work, reason: why });
                }
            }
            Action::Cancel { slot, why } => {
                self.tasks.remove(Key::Handler(slot));
                if let Some(work) = self.work(slot) {
                    self.tell(WorkerNotice::Canceled { work, reason: why });
                }
            }
            Action::Release { slot, how } => self.release(slot, how),
            Action::Wait(_) | Action::Done => {}
        }
    }

    fn ask(&mut self) {
        let id = self.id.clone();
        let call = Call::new(self.shared.clone(), ops::poll(&self.environment))
            .query("block_ms", BLOCK)
            .options(|options| options.header("worker-id", &id));
        let asked = send(call, None, PATIENCE, News::Polled);
        self.run(Key::Poll, asked, self.span.clone());
    }

    fn ack(&mut self, slot: Slot, number: u64) {
        let Some(work) = self.work(slot) else { return };
        let call = Call::new(self.shared.clone(), ops::ack(&self.environment, &work));
        let sent = send(call, Some(self.key(number)), PATIENCE, News::Acked);
        self.run(Key::Ack(slot), sent, self.span_of(slot));
    }

    fn beat(&mut self, slot: Slot, number: u64, expected: &str, limit: Duration) {
        let Some(work) = self.work(slot) else { return };
        let request = ops::heartbeat(&self.environment, &work);
        let call = Call::new(self.shared.clone(), request)
            .query("desired_ttl_seconds", self.ttl)
            .query("expected_last_heartbeat", expected);
        let sent = send(call, Some(self.key(number)), limit, News::Beaten);
        self.run(Key::Beat(slot), sent, self.span_of(slot));
    }

    fn stop(&mut self, slot: Slot, number: u64) {
        let Some(work) = self.work(slot) else { return };
        let stop = WorkStop::new().force(true);
        let request = ops::stop(&self.environment, &work, &stop);
        let call = Call::new(self.shared.clone(), request);
        let sent = send(call, Some(self.key(number)), PATIENCE, News::Stopped);
        self.run(Key::Stop(slot), sent, self.span_of(slot));
    }

    fn start(&mut self, slot: Slot) {
        let Some(held) = self.held.get(&slot) else {
            return;
        };
        let stopping = held.stopping.subscribe();
        let (work, session) = (held.work.clone(), held.session.clone());
        let notice = WorkerNotice::Started {
            work: work.id.clone(),
            session: session.clone(),
        };
        let job = Job::new(self.shared.clone(), work, session, stopping);
        let handler = (self.start)(job);
        let handler = Box::pin(async move { News::Ended(handler.await) });
        self.tell(notice);
        self.run(Key::Handler(slot), handler, self.span_of(slot));
    }

    fn release(&mut self, slot: Slot, how: Release) {
        self.tasks.remove(Key::Ack(slot));
        self.tasks.remove(Key::Beat(slot));
        self.tasks.remove(Key::Stop(slot));
        let Some(held) = self.held.remove(&slot) else {
            return;
        };
        let work = held.work.id;
        match how {
            // That the lease was lost was told when the handler was canceled.
            Release::Over | Release::Lost => {}
            Release::NotTaken => self.tell(WorkerNotice::NotTaken { work }),
            Release::Unstopped => self.tell(WorkerNotice::Unstopped { work }),
        }
    }

    /// Tells the machine the result of a task.
    fn take(&mut self, key: Key, news: News) {
        let now = self.started.elapsed();
        match (key, news) {
            (_, News::Polled(polled)) => self.polled(now, polled),
            (Key::Ack(slot), News::Acked(acked)) => match acked {
                Ok(_) => self.machine.acked(now, slot),
                Err(error) => self.failed(now, slot, WriteKind::Ack, &error),
            },
            (Key::Beat(slot), News::Beaten(beaten)) => match beaten {
                Ok(beat) => self.machine.beaten(now, slot, beat_of(beat)),
                Err(error) => self.failed(now, slot, WriteKind::Beat, &error),
            },
            (Key::Stop(slot), News::Stopped(stopped)) => match stopped {
                Ok(_) => self.machine.stopped(now, slot),
                // It is stopped already.
                Err(error) if error.is_conflict() => self.machine.stopped(now, slot),
                Err(error) => self.failed(now, slot, WriteKind::Stop, &error),
            },
            (Key::Handler(slot), News::Ended(ended)) => {
                // Before the handler's end, since it may have come too late.
                self.machine.ended(now, slot);
                if let Some(work) = self.work(slot) {
                    let said = |text: String| Arc::from(excerpt(&text, SAID));
                    self.tell(match ended {
                        Ending::Well => WorkerNotice::Finished { work },
                        Ending::Failed(error) => WorkerNotice::Failed {
                            work,
                            error: said(error),
                        },
                        Ending::Panicked(message) => WorkerNotice::Panicked {
                            work,
                            message: said(message),
                        },
                    });
                }
            }
            _ => {}
        }
    }

    fn polled(&mut self, now: Tick, polled: Result<Option<Work>>) {
        let work = match polled {
            Ok(work) => work,
            Err(error) => {
                match failure(&error, false) {
                    Failure::Refused => {
                        self.machine.poll_refused(now);
                        warn!(parent: &self.span, "gave up: {error}");
                        // What it ended with first is why it ended.
                        self.failure.get_or_insert(error);
                    }
                    Failure::Transient(hint) => {
                        let delay = self.machine.poll_failed(now, hint);
                        self.retrying("environments.work.poll", Some(delay), &error);
                    }
                }
                return;
            }
        };
        self.failing = false;
        let Some(work) = work else {
            self.machine.polled(now, None);
            return;
        };
        let Some(session) = work.session_id().cloned() else {
            self.machine.polled(now, None);
            self.tell(WorkerNotice::UnknownKind { work: work.id });
            return;
        };
        if let Some(slot) = self.machine.polled(now, Some(work.id.clone())) {
            let span = info_span!(
                parent: &self.span,
                "qoder.work",
                qoder.work_id = work.id.as_str(),
                qoder.session_id = session.as_str()
            );
            let held = Held {
                work,
                session,
                stopping: watch::Sender::new(false),
                span,
            };
            self.held.insert(slot, held);
        }
    }

    fn failed(&mut self, now: Tick, slot: Slot, kind: WriteKind, error: &Error) {
        match failure(error, kind == WriteKind::Beat) {
            Failure::Refused => self.machine.refused(now, slot),
            Failure::Transient(hint) => {
                let delay = self.machine.failed(now, slot, kind, hint);
                let operation = match kind {
                    WriteKind::Ack => "environments.work.ack",
                    WriteKind::Beat => "environments.work.heartbeat",
                    WriteKind::Stop => "environments.work.stop",
                };
                self.retrying(operation, delay, error);
            }
        }
    }

    fn retrying(&mut self, operation: &'static str, delay: Option<Duration>, error: &Error) {
        if let Some(delay) = delay {
            self.tell(WorkerNotice::Retrying {
                operation,
                delay,
                error: error.to_string().into(),
            });
        }
    }

    fn tell(&mut self, notice: WorkerNotice) {
        let parent = &self.span;
        match &notice {
            WorkerNotice::Failed { .. }
            | WorkerNotice::Panicked { .. }
            | WorkerNotice::Unstopped { .. }
            | WorkerNotice::UnknownKind { .. } => warn!(parent: parent, "{notice}"),
            // The first of a row is for somebody to see, the rest is more of the same.
            WorkerNotice::Retrying { .. } if !std::mem::replace(&mut self.failing, true) => {
                warn!(parent: parent, "{notice}");
            }
            WorkerNotice::Retrying { .. } | WorkerNotice::NotTaken { .. } => {
                debug!(parent: parent, "{notice}");
            }
            _ => info!(parent: parent, "{notice}"),
        }
        if let Some(notices) = &mut self.notices {
            notices(notice);
        }
    }

    fn run(&mut self, key: Key, task: Running<'a, News>, span: Span) {
        self.tasks.insert(key, Box::pin(task.instrument(span)));
    }

    fn work(&self, slot: Slot) -> Option<WorkId> {
        self.held.get(&slot).map(|held| held.work.id.clone())
    }

    fn span_of(&self, slot: Slot) -> Span {
        let held = self.held.get(&slot);
        held.map_or_else(Span::none, |held| held.span.clone())
    }

    fn key(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }
}
