//! A session followed by asking for the list of its events again and again.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use qoder_sse::resume::{Cause, Class, Notice, Policy, RefusalKind};
use qoder_types::{Event, EventId};
use tokio::time::{Instant, Sleep, sleep};

use super::driver::refusal;
use super::feed::Feed;
use super::repair::{BackToKnown, Newest};
use super::{Start, Update};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::list::{List, Pages};

pub(crate) struct Poller {
    client: Client,
    feed: Feed,
    every: Duration,
    policy: Policy,
    state: State,
    /// The last events handed over, newest last: the cursor, and what a lost cursor is repaired by.
    recent: VecDeque<EventId>,
    failures: u32,
    progress: Instant,
}

enum State {
    Fresh(Start),
    Seeding(Newest),
    Listing {
        pages: Pages<Event>,
        page: VecDeque<Event>,
    },
    Repairing {
        walk: BackToKnown,
    },
    /// Then from this start.
    Waiting(Pin<Box<Sleep>>, Start),
    Done,
}

impl Poller {
    pub(crate) fn new(
        client: Client,
        feed: Feed,
        start: Start,
        every: Duration,
        policy: Policy,
    ) -> Self {
        Self {
            client,
            feed,
            every,
            policy,
            state: State::Fresh(start),
            recent: VecDeque::new(),
            failures: 0,
            progress: Instant::now(),
        }
    }

    pub(crate) fn checkpoint(&self) -> Option<String> {
        self.recent.back().map(ToString::to_string)
    }

    pub(crate) fn close(&mut self) {
        self.state = State::Done;
    }

    pub(crate) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        loop {
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Fresh(start) => {
                    self.state = match std::mem::take(start) {
                        Start::Beginning => self.list(),
                        Start::After(id) => {
                            if self.recent.back() != Some(&id) {
                                self.recent.push_back(id);
                            }
                            self.list()
                        }
                        Start::Now => self.seed(),
                    };
                }
                State::Seeding(walk) => match walk.poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(id)) => {
                        self.succeeded();
                        self.recent.extend(id);
                        self.state = self.list();
                    }
                    Poll::Ready(Err(error)) => return self.failed(error, Start::Now),
                },
                State::Listing { pages, page } => {
                    if let Some(event) = page.pop_front() {
                        if let Some(event) = self.deliver(event) {
                            return Poll::Ready(Some(Ok(Update::Event(event))));
                        }
                        continue;
                    }
                    match pages.poll_page(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Some(Ok(next))) => {
                            *page = next.data.into();
                            self.succeeded();
                        }
                        Poll::Ready(Some(Err(error))) => {
                            let here = self.here();
                            return self.failed(error, here);
                        }
                        Poll::Ready(None) => {
                            self.state = State::Waiting(Box::pin(sleep(self.every)), self.here());
                        }
                    }
                }
                State::Repairing { walk } => {
                    let recent = &self.recent;
                    match walk.poll(cx, |id| recent.contains(id)) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(Some(page))) => {
                            // Nothing is to be asked for behind these: the pages are at their end.
                            let mut pages =
                                List::new(self.client.clone(), self.feed.list(None, 1)).pages();
                            pages.end();
                            self.state = State::Listing { pages, page };
                        }
                        Poll::Ready(Ok(None)) => {
                            let gap = "the server neither knows the last event any more nor lists it: events may be lost; \
                                       start from the beginning or from now";
                            return self.give_up(Error::new(ErrorKind::Stream, gap));
                        }
                        Poll::Ready(Err(error)) => {
                            let here = self.here();
                            return self.failed(error, here);
                        }
                    }
                }
                State::Waiting(timer, start) => match timer.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.state = State::Fresh(std::mem::take(start)),
                },
            }
        }
    }

    fn deliver(&mut self, event: Event) -> Option<Event> {
        let class = self.feed.class_of(&event);
        if let Some(id) = event.id() {
            if self.recent.contains(id) {
                return None;
            }
            if self.recent.len() >= self.policy.remembered.max(1) {
                self.recent.pop_front();
            }
            self.recent.push_back(id.clone());
        }
        if class == Class::Final {
            self.state = State::Done;
        }
        Some(event)
    }

    fn list(&self) -> State {
        let after = self.recent.back().map(EventId::as_str);
        let pages = List::new(self.client.clone(), self.feed.list(after, 100)).pages();
        State::Listing {
            pages,
            page: VecDeque::new(),
        }
    }

    fn seed(&self) -> State {
        State::Seeding(Newest::new(&self.client, &self.feed))
    }

    /// Where the next list begins.
    fn here(&self) -> Start {
        self.recent
            .back()
            .map_or(Start::Beginning, |id| Start::After(id.clone()))
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.progress = Instant::now();
    }

    /// The calls have made their own retries by now; what may pass is waited for, the rest ends.
    fn failed(&mut self, error: Error, again: Start) -> Poll<Option<Result<Update>>> {
        let with_cursor = matches!(again, Start::After(_));
        let refusal = refusal(&error, with_cursor);
        match refusal.map(|refusal| refusal.kind) {
            Some(RefusalKind::CursorRejected) if !matches!(self.state, State::Repairing { .. }) => {
                self.state = State::Repairing {
                    walk: BackToKnown::new(&self.client, &self.feed),
                };
                return Poll::Ready(Some(Ok(Update::Notice(Notice::Repairing))));
            }
            None | Some(RefusalKind::Transient) => {}
            Some(_) => return self.give_up(error),
        }
        self.failures += 1;
        if self.failures >= self.policy.max_attempts
            || self.progress.elapsed() >= self.policy.max_outage
        {
            return self.give_up(error);
        }
        let doubled = self
            .policy
            .base
            .saturating_mul(1 << (self.failures - 1).min(16))
            .min(self.policy.cap);
        let hint = error
            .retry_after()
            .unwrap_or_default()
            .min(self.policy.max_hint);
        let delay = doubled.max(hint).max(self.every);
        self.state = State::Waiting(Box::pin(sleep(delay)), again);
        let cause = refusal.map_or(Cause::Unreachable, |refusal| Cause::Refused {
            status: refusal.status,
        });
        Poll::Ready(Some(Ok(Update::Notice(Notice::Waiting { delay, cause }))))
    }

    fn give_up(&mut self, error: Error) -> Poll<Option<Result<Update>>> {
        self.state = State::Done;
        let checkpoint = self.checkpoint();
        Poll::Ready(Some(Err(error
            .with_checkpoint(checkpoint)
            .redacted(self.client.token()))))
    }
}
