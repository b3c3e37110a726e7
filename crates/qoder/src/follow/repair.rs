//! Ways through the list other than forward: to its end, and back from there when the server
//! doesn't know a cursor any more. A list that has no descending order is read from its beginning.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use qoder_types::{Event, EventId};

use super::feed::Feed;
use crate::client::Client;
use crate::error::Result;
use crate::list::{List, Pages};

/// How many events are kept on the way. A gap that is larger is not closed.
const KEPT: usize = 100_000;

/// The list from its newest event on, and whether it is descending.
fn pages(client: &Client, feed: &Feed, limit: u32) -> (Pages<Event>, bool) {
    let (request, descending) = match feed.newest(limit) {
        Some(request) => (request, true),
        None => (feed.list(None, 100), false),
    };
    (List::new(client.clone(), request).pages(), descending)
}

/// Finds the newest event.
pub(crate) struct Newest {
    pages: Pages<Event>,
    descending: bool,
    last: Option<EventId>,
}

impl Newest {
    pub(crate) fn new(client: &Client, feed: &Feed) -> Self {
        let (pages, descending) = pages(client, feed, 1);
        Self {
            pages,
            descending,
            last: None,
        }
    }

    /// Its id, or `None` if there is no event.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<EventId>>> {
        loop {
            let Some(page) = ready!(self.pages.poll_page(cx)).transpose()? else {
                return Poll::Ready(Ok(self.last.take()));
            };
            let mut ids = page.data.iter().filter_map(Event::id);
            if self.descending {
                return Poll::Ready(Ok(ids.next().cloned()));
            }
            self.last = ids.next_back().cloned().or(self.last.take());
        }
    }
}

/// Walks from the newest event back to one that is known.
pub(crate) struct BackToKnown {
    pages: Pages<Event>,
    descending: bool,
    /// In an ascending list, whether a known event was met.
    met: bool,
    /// Oldest first.
    found: VecDeque<Event>,
}

impl BackToKnown {
    pub(crate) fn new(client: &Client, feed: &Feed) -> Self {
        let (pages, descending) = pages(client, feed, 100);
        Self {
            pages,
            descending,
            met: false,
            found: VecDeque::new(),
        }
    }

    /// The events after the last known one, oldest first; `None` if none is known.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        knows: impl Fn(&EventId) -> bool,
    ) -> Poll<Result<Option<VecDeque<Event>>>> {
        loop {
            let Some(page) = ready!(self.pages.poll_page(cx)).transpose()? else {
                return Poll::Ready(Ok(self.met.then(|| std::mem::take(&mut self.found))));
            };
            for event in page.data {
                let is_known = event.id().is_some_and(&knows);
                if is_known && self.descending {
                    return Poll::Ready(Ok(Some(std::mem::take(&mut self.found))));
                }
                if is_known {
                    self.met = true;
                    self.found.clear();
                    continue;
                }
                if !self.descending && !self.met {
                    continue;
                }
                if self.found.len() == KEPT {
                    return Poll::Ready(Ok(None));
                }
                if self.descending {
                    self.found.push_front(event);
                } else {
                    self.found.push_back(event);
                }
            }
        }
    }
}
