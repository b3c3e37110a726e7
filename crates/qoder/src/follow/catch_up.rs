//! Ways through the list of events: forward, to its end, and back from there when the server
//! doesn't know a cursor any more. A list that has no descending order is read from its beginning.
//!
//! A catch-up is asked for a request, is given the page, and then gives the steps that the page made
//! possible. Not every server heeds what it is asked: the first generation documents `limit`
//! alone. Whether it does is found out where it matters, once, and kept as its [`ListSupport`].

mod had;

use std::collections::VecDeque;

use qoder_sse::resume::ListFrom;
use qoder_types::{Event, EventId, Page, Paging, PagingError, Request};

use self::had::Had;
use super::event_log::EventLog;

/// The facts that are known about a server's list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListSupport {
    /// Whether it begins after the event that `after_id` names.
    after: Heeds,
    /// Whether it has an order of the other way.
    order: Heeds,
}

/// Whether a parameter is heeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Heeds {
    #[default]
    Unknown,
    Yes,
    No,
}

/// A way through the list that has been begun.
///
/// Ask it for a [`request`](Self::request) and for a [`step`](Self::step) in turns, until both are
/// `None`: then the page that was requested is awaited, and reported by [`page`](Self::page),
/// [`again`](Self::again) or [`does_without`](Self::does_without). There is at most one request
/// under way. After a step that ends it, which all but [`Step::Event`] do, it returns `None` from
/// then on. It has no times.
#[derive(Debug)]
pub(crate) struct CatchUp {
    log: EventLog,
    goal: Goal,
    descending: bool,
    request: Request<Page<Event>>,
    /// Whether that asks for what comes after an event.
    from_cursor: bool,
    paging: Paging,
    pages: usize,
    stage: Stage,
    habits: ListSupport,
    check: Option<Check>,
    /// The first two events of the list, with the seconds of their times.
    head: Vec<(EventId, Option<String>)>,
    /// The events that were found, oldest first; to be given out once `ready`.
    found: VecDeque<Event>,
    /// The newest event so far.
    last: Option<EventId>,
    /// The event to begin after, until it is met or known not to come.
    after: Option<String>,
    /// On the way to a known event, whether one was met.
    met: bool,
    /// The number of events that may be kept on the way back.
    kept: usize,
    had: Had,
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

/// A question to the list about itself: what comes after an event that it had.
#[derive(Debug)]
struct Check {
    what: Checked,
    after: EventId,
    asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    /// Is the first event before the second, though they were asked for newest first?
    Order,
    /// Does the list begin anew, though it was asked for what comes after one of its events?
    After,
}

/// The result of a catch-up.
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
    /// The events between can't be fetched.
    Gap,
}

/// The new events of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    /// An event that this catch-up did not have before.
    pub(crate) is_new: bool,
    /// There are more pages, and they are needed.
    pub(crate) more: bool,
}

impl CatchUp {
    /// `after` is the cursor, for a list that starts there; `kept` is how many events may be held
    /// on the way back to a known one.
    pub(crate) fn new(
        log: &EventLog,
        from: ListFrom,
        after: Option<&str>,
        kept: usize,
        habits: ListSupport,
    ) -> Self {
        // From the newest event back it is not as far as from the first one on.
        let from = match from {
            ListFrom::Cursor if habits.after == Heeds::No => ListFrom::BackToKnown,
            from => from,
        };
        let newest_first = |limit| match log.newest(limit) {
            Some(request) if habits.order != Heeds::No => (request, true),
            _ => (log.list(None, 100), false),
        };
        let after = after.filter(|_| from == ListFrom::Cursor);
        let (goal, (request, descending)) = match from {
            ListFrom::Newest => (Goal::Newest, newest_first(2)),
            ListFrom::BackToKnown => (Goal::BackToKnown, newest_first(100)),
            ListFrom::Cursor | ListFrom::Beginning => {
                (Goal::Forward, (log.list(after, 100), false))
            }
        };
        Self {
            log: log.clone(),
            goal,
            descending,
            paging: Paging::new(request.op().pages),
            request,
            from_cursor: after.is_some(),
            pages: 0,
            stage: Stage::Wanted,
            habits,
            check: None,
            head: Vec::new(),
            found: VecDeque::new(),
            last: None,
            after: after.map(ToOwned::to_owned),
            met: false,
            kept,
            had: Had::default(),
        }
    }

    /// Returns the facts that are known about the list by now.
    pub(crate) fn habits(&self) -> ListSupport {
        self.habits
    }

    /// The request for the next page, once.
    pub(crate) fn request(&mut self) -> Option<Request<Page<Event>>> {
        if let Some(check) = self.check.as_mut().filter(|check| !check.asked) {
            check.asked = true;
            return Some(self.log.list(Some(check.after.as_str()), 2));
        }
        if !matches!(self.stage, Stage::Wanted) || self.check.is_some() || self.gives() {
            return None;
        }
        self.stage = Stage::Asked;
        Some(self.request.clone())
    }

    /// Whether what was found is given out at once.
    fn gives(&self) -> bool {
        self.goal == Goal::Forward && !self.found.is_empty()
    }

    /// Whether what was asked for begins at an event or at a page that the server may not know.
    pub(crate) fn has_cursor(&self) -> bool {
        self.from_cursor || self.pages > 0 || self.check.is_some()
    }

    /// Whether another catch-up, after the last event delivered, can take its place at any time.
    pub(crate) fn is_forward(&self) -> bool {
        self.goal == Goal::Forward
    }

    /// Whether a page came.
    pub(crate) fn is_under_way(&self) -> bool {
        self.pages > 0
    }

    /// The last page could not be fetched: asks for it again.
    pub(crate) fn again(&mut self) {
        if let Some(check) = &mut self.check {
            check.asked = false;
        } else if matches!(self.stage, Stage::Asked) {
            self.stage = Stage::Wanted;
        }
    }

    /// The server doesn't know what was asked for. Whether the catch-up can do without it.
    pub(crate) fn does_without(&mut self) -> bool {
        let Some(check) = self.check.take() else {
            return false;
        };
        match check.what {
            // It may be in this order and in the other.
            Checked::Order => self.begin_at_the_beginning(),
            // So it looks at it.
            Checked::After => self.heeds(Checked::After),
        }
        true
    }

    /// A parameter is heeded, as far as can be told.
    fn heeds(&mut self, what: Checked) {
        match what {
            Checked::Order => self.habits.order = Heeds::Yes,
            Checked::After => {
                self.habits.after = Heeds::Yes;
                self.after = None;
            }
        }
    }

    /// The page that was asked for. `knows` tells events that were delivered.
    pub(crate) fn page(&mut self, page: Page<Event>, knows: impl Fn(&EventId) -> bool) -> Came {
        if let Some(check) = self.check.take() {
            self.checked(&check, &page.data);
            return Came {
                is_new: true,
                more: false,
            };
        }
        self.pages += 1;
        let is_new = self.had.takes(&page.data);
        self.stage = match self.paging.next(&page) {
            Ok(Some(cursor)) => {
                let (name, value) = cursor.as_query();
                self.request.set_cursor(name, value);
                Stage::Wanted
            }
            Ok(None) => Stage::Over,
            Err(error) => Stage::Broken(error),
        };
        self.begins_with(&page.data);
        match self.goal {
            Goal::Forward => self.forward(page.data),
            Goal::Newest => self.newest(&page.data),
            Goal::BackToKnown => self.search(page.data, knows),
        }
        let more = matches!(self.stage, Stage::Wanted);
        Came { is_new, more }
    }

    /// Keeps the first two events, and finds out by them whether the order is heeded.
    fn begins_with(&mut self, events: &[Event]) {
        for event in events {
            if self.head.len() == 2 {
                break;
            }
            if let Some(id) = event.id() {
                self.head.push((id.clone(), second_of(event)));
                if self.head.len() == 2 && self.descending && self.habits.order == Heeds::Unknown {
                    self.check_order();
                }
            }
        }
    }

    /// Times tell, mostly; where they don't, the list is asked.
    fn check_order(&mut self) {
        let [(first, time), (_, earlier)] = &self.head[..] else {
            return;
        };
        if time.is_some() && earlier.is_some() && time > earlier {
            self.habits.order = Heeds::Yes;
            return;
        }
        self.check = Some(Check {
            what: Checked::Order,
            after: first.clone(),
            asked: false,
        });
    }

    fn forward(&mut self, mut events: Vec<Event>) {
        let Some(after) = &self.after else {
            self.found.extend(events);
            return;
        };
        let is_cursor = |event: &Event| event.id().is_some_and(|id| id.as_str() == after);
        if let Some(at) = events.iter().rposition(is_cursor) {
            self.habits.after = Heeds::No;
            self.after = None;
            self.found.clear();
            self.found.extend(events.drain(at + 1..));
            return;
        }
        let over = matches!(self.stage, Stage::Over);
        let last = events.iter().filter_map(Event::id).next_back().cloned();
        match (self.habits.after, last) {
            // It comes before the cursor, which is yet to come.
            (Heeds::No, _) if over => self.stage = Stage::Gap,
            (Heeds::No, _) => {}
            (Heeds::Unknown, Some(last)) if !over => {
                self.found.extend(events);
                self.check = Some(Check {
                    what: Checked::After,
                    after: last,
                    asked: false,
                });
            }
            (_, last) => {
                self.found.extend(events);
                if last.is_some() {
                    // All there is, and the cursor is not in it.
                    self.heeds(Checked::After);
                }
            }
        }
    }

    fn newest(&mut self, events: &[Event]) {
        if !self.descending {
            let mut ids = events.iter().filter_map(Event::id);
            if let Some(id) = ids.next_back() {
                self.last = Some(id.clone());
            }
            return;
        }
        self.last = self.head.first().map(|(id, _)| id.clone());
        let tells = self.head.len() == 2 || self.habits.order == Heeds::Yes;
        if tells && self.last.is_some() {
            // Whatever the list says of more pages.
            self.stage = Stage::Over;
        }
    }

    fn search(&mut self, events: Vec<Event>, knows: impl Fn(&EventId) -> bool) {
        if self.descending && self.met {
            self.stage = Stage::Over;
            return;
        }
        for event in events {
            if event.id().is_some_and(&knows) {
                self.met = true;
                if self.descending {
                    // One event doesn't tell whether the order is heeded.
                    let tells = self.habits.order != Heeds::Unknown || self.head.len() == 2;
                    if tells || !matches!(self.stage, Stage::Wanted) {
                        self.stage = Stage::Over;
                    }
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

    /// Takes in the events that the list has after the one that it was asked about.
    fn checked(&mut self, check: &Check, events: &[Event]) {
        let ids: Vec<&EventId> = events.iter().filter_map(Event::id).collect();
        let (begins, first) = (ids.first().copied(), self.head.first().map(|(id, _)| id));
        let begins_anew = begins.is_some() && begins == first;
        let is_heeded = match check.what {
            Checked::After => !begins_anew,
            Checked::Order => {
                let second = self.head.get(1).map(|(id, _)| id);
                let has_first = first.is_some_and(|first| ids.contains(&first));
                // A list without `after_id` begins with its first event, whatever it is asked.
                !begins_anew && (has_first || begins.is_none() || begins != second)
            }
        };
        if is_heeded {
            self.heeds(check.what);
            return;
        }
        match check.what {
            Checked::Order => self.begin_at_the_beginning(),
            Checked::After => {
                self.habits.after = Heeds::No;
                // All of it comes before the cursor.
                self.found.clear();
            }
        }
    }

    /// As a list without an order is read.
    fn begin_at_the_beginning(&mut self) {
        self.habits.order = Heeds::No;
        self.descending = false;
        self.request = self.log.list(None, 100);
        self.paging = Paging::new(self.request.op().pages);
        self.stage = Stage::Wanted;
        self.pages = 0;
        self.head.clear();
        self.found.clear();
        self.last = None;
        self.met = false;
        self.had = Had::default();
    }

    /// The next step; `None` while a page is waited for, and after the last.
    pub(crate) fn step(&mut self) -> Option<Step> {
        if self.check.is_some() {
            return None;
        }
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

/// An event's time up to the second, if it is in UTC: such texts compare as the times do.
fn second_of(event: &Event) -> Option<String> {
    let time = event.processed_at()?.as_str();
    let is_utc = time.ends_with('Z') && time.get(10..11) == Some("T");
    time.get(..19).filter(|_| is_utc).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests;
