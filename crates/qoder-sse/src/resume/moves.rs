//! The states, what is known in all of them, and the waits between attempts. What concerns the
//! connection is in `streams`, what concerns lists in `lists`, the parser in `machine`, which lends
//! its frames out.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use super::connection::Connection;
use super::lists::Listing;
use super::patience::Patience;
use super::policy::{Policy, Polling, Tick};
use super::seen::Seen;
use super::table::{MOVES, On, State};
use super::{Action, Cause, ListFrom, Notice, Outcome, Start};

#[derive(Debug)]
pub(super) struct Core {
    pub(super) policy: Policy,
    pub(super) state: State,
    pub(super) start: Start,
    pub(super) queue: VecDeque<Action>,
    pub(super) outcome: Outcome,
    /// The last entry delivered, or where to start.
    pub(super) cursor: Option<Arc<str>>,
    /// The number of times that neither stream nor list knew the cursor, since the last entry.
    pub(super) not_known: u32,
    /// A cursor that the server refused: it is not sent again.
    pub(super) rejected: Option<Arc<str>>,
    /// A cursor that the list refused: it is not listed from again.
    pub(super) unlisted: Option<Arc<str>>,
    pub(super) connection: Connection,
    pub(super) listing: Listing,
    /// The step to take when the wait is over.
    pub(super) next: Next,
    pub(super) due: Tick,
    pub(super) seen: Seen,
    /// The first entry that was ever delivered.
    pub(super) first: Option<Arc<str>>,
    /// Entries without an id that lists gave after the cursor.
    pub(super) unnamed: usize,
    pub(super) connections: u32,
    pub(super) patience: Patience,
    pub(super) mode: Mode,
    /// That it is polled was told.
    pub(super) announced: bool,
    /// When to try a connection again, if the log is polled only for want of one, and how long
    /// that was put off.
    pub(super) stream_at: Tick,
    pub(super) put_off: Duration,
    /// Connections in a row that something held back.
    pub(super) strikes: u32,
    pub(super) retry: Duration,
    /// The server asked for no request before this.
    pub(super) not_before: Tick,
}

/// By which means entries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Stream,
    /// The log is polled, as the policy has it.
    Polling,
    /// The log is polled for want of a connection, until `stream_at`.
    FellBack,
    /// The log is polled until it gives another cursor than the one that was rejected. To connect
    /// without one would be no help: the server may begin anywhere, and an old entry could not be
    /// told from a new one.
    Stranded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Connect,
    /// A list from where the cursor is then.
    Fill,
    /// The list that was under way, from where it was.
    GoOn,
    /// The list that was under way, from its beginning.
    Anew,
}

impl Core {
    pub(super) fn new(start: Start, policy: Policy, seed: u64) -> Self {
        let mut known = Seen::new(policy.remembered);
        let cursor: Option<Arc<str>> = match &start {
            Start::After(id) => Some(id.as_str().into()),
            _ => None,
        };
        if let Some(id) = &cursor {
            known.insert(id);
        }
        Self {
            policy,
            state: State::Fresh,
            start,
            queue: VecDeque::new(),
            outcome: Outcome::Closed,
            cursor,
            not_known: 0,
            rejected: None,
            unlisted: None,
            connection: Connection::default(),
            listing: Listing {
                from: ListFrom::Beginning,
                begun: None,
                began_at: Tick::ZERO,
                delivered: 0,
                streamed: 0,
                unnamed: 0,
                behind: false,
                at_limit: false,
                pauses: false,
            },
            next: Next::Connect,
            due: Tick::ZERO,
            seen: known,
            first: None,
            unnamed: 0,
            connections: 0,
            patience: Patience::new(seed),
            mode: Mode::Stream,
            announced: false,
            stream_at: Tick::ZERO,
            put_off: Duration::ZERO,
            strikes: 0,
            retry: Duration::ZERO,
            not_before: Tick::ZERO,
        }
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.seen.contains(id) || self.cursor.as_deref() == Some(id)
    }

    /// Whether a connection is open and read.
    pub(super) fn reads(&self) -> bool {
        matches!(self.state, State::Live | State::Looking)
    }

    /// Whether the next thing to do is a request that the server asked not to make yet.
    fn holds_back(&self, now: Tick) -> bool {
        now < self.not_before && self.queue.front().is_some_and(is_request)
    }

    /// Whether a list is under way.
    pub(super) fn lists(&self) -> bool {
        if self.queue.iter().any(is_request) {
            return false;
        }
        match self.state {
            State::Seeding | State::Filling | State::Asking | State::Looking => true,
            State::Parked => !self.listing.pauses,
            _ => false,
        }
    }

    /// Makes a move of the table, if it has one; an input at the wrong time is ignored.
    pub(super) fn go(&mut self, on: On) -> bool {
        let found = MOVES
            .iter()
            .position(|found| found.from == self.state && found.on == on);
        if let Some(row) = found {
            self.state = MOVES[row].to;
            super::table::count(row);
        }
        found.is_some()
    }

    fn begin(&mut self, now: Tick) {
        if self.policy.polling == Polling::Always && self.start != Start::Attach {
            self.mode = Mode::Polling;
        }
        match self.start {
            Start::After(_) if self.mode == Mode::Polling => {
                self.go(On::StartPolling);
                self.fill(now, ListFrom::Cursor);
            }
            Start::After(_) => {
                self.go(On::StartAfter);
                self.connect();
            }
            Start::Attach => {
                self.go(On::StartAttach);
                self.connect();
            }
            Start::Now => {
                self.go(On::StartNow);
                self.fill(now, ListFrom::Newest);
            }
            Start::Beginning => {
                self.go(On::StartBeginning);
                self.fill(now, ListFrom::Beginning);
            }
        }
    }

    pub(super) fn poll(&mut self, now: Tick) -> Action {
        if self.state == State::Fresh {
            self.begin(now);
        }
        if self.holds_back(now) {
            return Action::Wait(Some(self.not_before));
        }
        if let Some(action) = self.queue.pop_front() {
            if matches!(action, Action::Connect { .. }) {
                // It may have been put off: what is waited for is its answer.
                self.connection.looks_at = self.look_after(now);
            }
            return action;
        }
        match self.state {
            State::Waiting | State::Resting => Action::Wait(Some(self.due)),
            State::Parked if self.listing.pauses => Action::Wait(Some(self.due)),
            State::Connecting => Action::Wait(self.connection.looks_at),
            State::Live => Action::Wait(Some(self.connection.due(&self.policy))),
            State::Looking => Action::Wait(Some(self.look_ends())),
            State::Done => Action::Done(self.outcome),
            _ => Action::Wait(None),
        }
    }

    /// Whether the list is looked at beside a connection.
    pub(super) fn looks(&self) -> bool {
        matches!(self.state, State::Asking | State::Looking)
    }

    pub(super) fn connects(&self) -> bool {
        matches!(self.state, State::Connecting | State::Asking)
    }

    pub(super) fn progressed(&mut self) {
        if self.reads() {
            self.put_off = Duration::ZERO;
            self.patience.progress();
        }
    }

    /// An entry: whether it is new. It is remembered, and the cursor is on it.
    pub(super) fn take(&mut self, id: &str) -> bool {
        let id: Arc<str> = id.into();
        if !self.seen.insert(&id) {
            return false;
        }
        self.first.get_or_insert_with(|| Arc::clone(&id));
        self.unnamed = 0;
        self.not_known = 0;
        self.cursor = Some(id);
        true
    }

    /// The last event id of the stream is this now, by a block that has nothing else.
    pub(super) fn set_cursor(&mut self, id: &str) {
        self.cursor = (!id.is_empty()).then(|| id.into());
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Tick) {
        match self.state {
            State::Waiting if now >= self.due => self.due_now(now),
            State::Resting if now >= self.due => self.rested(now),
            State::Parked if self.listing.pauses && now >= self.due => {
                self.fill(now, self.rest_of_the_log());
            }
            State::Connecting => self.look_if_due(now),
            State::Live => self.tick_live(now),
            State::Looking if now >= self.look_ends() => self.lost(now, Cause::Idle),
            _ => {}
        }
    }

    pub(super) fn wake(&mut self, now: Tick) {
        self.not_before = Tick::ZERO;
        match self.state {
            State::Waiting => {
                self.patience.wake();
                self.due_now(now);
            }
            State::Resting => {
                self.patience.wake();
                self.rested(now);
            }
            _ => {}
        }
    }

    /// Waits before the next attempt, or gives up.
    pub(super) fn wait(&mut self, now: Tick, on: On, cause: Cause, hint: Option<Duration>) {
        if self.connects() {
            self.next = Next::Connect;
        }
        let parked = self.state == State::Parked;
        if !self.go(on) {
            return;
        }
        // What was put off at the server's wish is not what to do next any more.
        self.queue.retain(|action| !is_request(action));
        if parked {
            self.queue.push_back(Action::Release);
        }
        let exhausted = self.patience.is_exhausted(now, &self.policy);
        let openings = self.policy.polling.openings();
        let fruitless = openings.is_some_and(|openings| self.patience.is_fruitless(openings));
        if self.next == Next::Connect && self.may_fall_back() && (fruitless || exhausted) {
            self.fall_back(now);
        } else if exhausted {
            self.finish(On::GaveUp, Outcome::GaveUp(cause));
            return;
        }
        self.heed(now, hint);
        let own = self.patience.delay(&self.policy);
        let asked = self.not_before.saturating_sub(now);
        let delay = own.max(self.retry).max(asked);
        self.due = now.saturating_add(delay);
        self.queue
            .push_back(Action::Notice(Notice::Waiting { delay, cause }));
    }

    /// Lengthens all waits to the time that the server asks for, whichever request it was said to.
    pub(super) fn heed(&mut self, now: Tick, hint: Option<Duration>) {
        let hint = hint.unwrap_or_default().min(self.policy.max_hint);
        self.not_before = self.not_before.max(now.saturating_add(hint));
    }

    /// Whether polling may take the place of connections.
    pub(super) fn may_fall_back(&self) -> bool {
        self.policy.polling.openings().is_some()
            && self.start != Start::Attach
            && self.mode == Mode::Stream
    }

    /// From connections to polling, with all patience there is.
    fn fall_back(&mut self, now: Tick) {
        self.mode = Mode::FellBack;
        self.announced = false;
        self.next = Next::Fill;
        self.patience.ease();
        let shortest = self.policy.stream_again;
        let longest = shortest.saturating_mul(10);
        self.put_off = self.put_off.saturating_mul(2).clamp(shortest, longest);
        self.stream_at = now.saturating_add(self.put_off);
    }

    pub(super) fn cursor_is_rejected(&self) -> bool {
        self.cursor.is_some() && self.cursor == self.rejected
    }

    /// Between two lists.
    pub(super) fn rest(&mut self, now: Tick) {
        if !self.go(On::PollDone) {
            return;
        }
        let pause = self.patience.between_half_and(self.policy.paces());
        self.due = now.saturating_add(pause).max(self.not_before);
    }

    fn rested(&mut self, now: Tick) {
        if self.mode == Mode::FellBack && now >= self.stream_at && !self.cursor_is_rejected() {
            // One connection that brings nothing, and it is polled again.
            self.mode = Mode::Stream;
            self.patience.set_fruitless(u32::MAX - 1);
            self.go(On::Due);
            self.connect();
        } else {
            self.patience.attempt();
            self.go(On::DueToList);
            self.fill(now, self.rest_of_the_log());
        }
    }

    fn due_now(&mut self, now: Tick) {
        match self.next {
            Next::Connect => {
                self.go(On::Due);
                self.connect();
            }
            Next::Fill => {
                self.patience.attempt();
                self.go(On::DueToList);
                self.fill(now, self.rest_of_the_log());
            }
            Next::GoOn | Next::Anew => {
                self.patience.attempt();
                self.go(match self.listing.from {
                    ListFrom::Newest => On::DueToSeed,
                    _ => On::DueToList,
                });
                if self.next == Next::GoOn {
                    self.queue.push_back(Action::GoOn);
                    return;
                }
                let from = match self.listing.from {
                    // What it gave is not asked for again.
                    ListFrom::Beginning => self.rest_of_the_log(),
                    from => from,
                };
                self.fill(now, from);
            }
        }
    }

    /// The last move: whatever is open is released.
    pub(super) fn finish(&mut self, on: On, outcome: Outcome) {
        let open = self.reads() || self.connects() || self.state == State::Parked;
        if !self.go(on) {
            return;
        }
        // What was yet to be done is not worth doing; what was to be told still is.
        self.queue
            .retain(|action| matches!(action, Action::Notice(_) | Action::Release));
        if open {
            self.queue.push_back(Action::Release);
        }
        self.outcome = outcome;
    }
}

pub(super) fn is_request(action: &Action) -> bool {
    matches!(
        action,
        Action::Connect { .. } | Action::List(_) | Action::GoOn
    )
}
