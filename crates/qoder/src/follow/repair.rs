//! The way back through the list, when the server doesn't know a cursor any more.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use qoder_types::{Event, EventId};

use super::feed::Feed;
use crate::client::Client;
use crate::error::Result;
use crate::list::{List, Pages};

/// How many events are kept on the way back. A gap that is larger is not closed.
const KEPT: usize = 100_000;

/// Walks from the newest event back to one that is known.
pub(crate) struct BackToKnown {
    pages: Pages<Event>,
    /// Oldest first.
    found: VecDeque<Event>,
}

impl BackToKnown {
    pub(crate) fn new(client: &Client, feed: &Feed) -> Self {
        let pages = List::new(client.clone(), feed.newest(100)).pages();
        Self {
            pages,
            found: VecDeque::new(),
        }
    }

    /// The events after the known one, oldest first; `None` if none is known.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        knows: impl Fn(&EventId) -> bool,
    ) -> Poll<Result<Option<VecDeque<Event>>>> {
        loop {
            let Some(page) = ready!(self.pages.poll_page(cx)).transpose()? else {
                return Poll::Ready(Ok(None));
            };
            for event in page.data {
                if event.id().is_some_and(&knows) {
                    return Poll::Ready(Ok(Some(std::mem::take(&mut self.found))));
                }
                if self.found.len() == KEPT {
                    return Poll::Ready(Ok(None));
                }
                self.found.push_front(event);
            }
        }
    }
}
