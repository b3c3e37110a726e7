//! Ways through the list of events: forward, to its end, and back from there when the server
//! doesn't know a cursor any more. A list that has no descending order is read from its beginning.
//!
//! A walk is asked for a request, is given the page, and then gives the steps that the page made
//! possible.

use std::collections::VecDeque;

use qoder_sse::resume::ListFrom;
use qoder_types::{Event, EventId, Page, Paging, PagingError, Request};

use super::feed::Feed;

/// A walk that has been begun.
#[derive(Debug)]
pub(crate) struct Walk {
    goal: Goal,
    descending: bool,
    request: Request<Page<Event>>,
    paging: Paging,
    stage: Stage,
    /// What was found: oldest first, ready to be given out once `ready`.
    found: VecDeque<Event>,
    /// The newest event so far.
    last: Option<EventId>,
    /// In an ascending list on the way to a known event, whether one was met.
    met: bool,
    /// How many events may be kept on the way back.
    kept: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Every event, as it comes.
    Forward,
    /// The id of the newest event.
    Newest,
    /// The events after the last known one.
    BackToKnown,
}

#[derive(Debug)]
enum Stage {
    /// A page is to be fetched.
    Wanted,
    /// It is being fetched.
    Asked,
    /// No page is left, or none is needed.
    Over,
    /// The page doesn't say where the next one is.
    Broken(PagingError),
    /// No event is known, or too many lie between.
    Gap,
    /// The end was told.
    Told,
}

/// What comes of a walk.
#[derive(Debug)]
pub(crate) enum Step {
    /// The next event, in the server's order.
    Event(Event),
    /// The newest event, if there is one.
    Newest(Option<EventId>),
    /// All was given.
    Done,
    /// The list contradicts itself.
    Broken(PagingError),
    /// What lies between can't be had.
    Gap,
}

impl Walk {
    /// `after` is the cursor, for a list that starts there; `kept` is how many events may be held
    /// on the way back to a known one.
    pub(crate) fn new(feed: &Feed, from: ListFrom, after: Option<&str>, kept: usize) -> Self {
        let newest_first = |limit| match feed.newest(limit) {
            Some(request) => (request, true),
            None => (feed.list(None, 100), false),
        };
        let (goal, (request, descending)) = match from {
            ListFrom::Newest => (Goal::Newest, newest_first(1)),
            ListFrom::BackToKnown => (Goal::BackToKnown, newest_first(100)),
            ListFrom::Cursor => (Goal::Forward, (feed.list(after, 100), false)),
            _ => (Goal::Forward, (feed.list(None, 100), false)),
        };
        Self {
            goal,
            descending,
            paging: Paging::new(request.op().pages),
            request,
            stage: Stage::Wanted,
            found: VecDeque::new(),
            last: None,
            met: false,
            kept,
        }
    }

    /// The request for the next page, once.
    pub(crate) fn request(&mut self) -> Option<Request<Page<Event>>> {
        if !matches!(self.stage, Stage::Wanted) || self.gives() {
            return None;
        }
        self.stage = Stage::Asked;
        Some(self.request.clone())
    }

    /// Whether what was found is given out at once.
    fn gives(&self) -> bool {
        self.goal == Goal::Forward && !self.found.is_empty()
    }

    /// The page that was asked for. `knows` tells events that were delivered.
    pub(crate) fn page(&mut self, page: Page<Event>, knows: impl Fn(&EventId) -> bool) {
        self.stage = match self.paging.next(&page) {
            Ok(Some(cursor)) => {
                let (name, value) = cursor.as_query();
                self.request.set_cursor(name, value);
                Stage::Wanted
            }
            Ok(None) => Stage::Over,
            Err(error) => Stage::Broken(error),
        };
        match self.goal {
            Goal::Forward => self.found.extend(page.data),
            Goal::Newest => {
                let mut ids = page.data.iter().filter_map(Event::id);
                if self.descending {
                    self.last = ids.next().cloned();
                    self.stage = Stage::Over;
                } else if let Some(id) = ids.next_back() {
                    self.last = Some(id.clone());
                }
            }
            Goal::BackToKnown => self.search(page.data, knows),
        }
    }

    fn search(&mut self, events: Vec<Event>, knows: impl Fn(&EventId) -> bool) {
        for event in events {
            if event.id().is_some_and(&knows) {
                self.met = true;
                if self.descending {
                    self.stage = Stage::Over;
                    return;
                }
                self.found.clear();
                continue;
            }
            if !self.descending && !self.met {
                continue;
            }
            if self.found.len() == self.kept {
                self.stage = Stage::Gap;
                return;
            }
            if self.descending {
                self.found.push_front(event);
            } else {
                self.found.push_back(event);
            }
        }
        if matches!(self.stage, Stage::Over) && !self.met {
            self.stage = Stage::Gap;
        }
    }

    /// The next step; `None` while a page is waited for, and after the last.
    pub(crate) fn step(&mut self) -> Option<Step> {
        let ready = self.goal == Goal::Forward || matches!(self.stage, Stage::Over);
        if ready {
            if let Some(event) = self.found.pop_front() {
                return Some(Step::Event(event));
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Told) {
            Stage::Over if self.goal == Goal::Newest => Some(Step::Newest(self.last.take())),
            Stage::Over => Some(Step::Done),
            Stage::Broken(error) => Some(Step::Broken(error)),
            Stage::Gap => Some(Step::Gap),
            other => {
                self.stage = other;
                None
            }
        }
    }
}
