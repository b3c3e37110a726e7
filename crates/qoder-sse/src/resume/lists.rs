//! The lists: those that close a gap, those that are polled, and the looks beside a connection.

use alloc::sync::Arc;
use core::time::Duration;

use super::connection::Proof;
use super::moves::{Core, Mode, Next, is_request};
use super::policy::{FLOOR, Tick};
use super::table::{On, State};
use super::{Action, Cause, Class, ListFrom, Notice, Outcome, Refusal, RefusalKind};

/// The number of times that the server is asked again for a cursor that it named and doesn't know.
const NOT_KNOWN: u32 = 6;

/// The number of times that the list is asked again for the first entry of a stream.
const FIRST_ENTRY: u32 = 6;

/// A list that was asked for.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) from: ListFrom,
    /// The cursor when it was begun.
    pub(super) begun: Option<Arc<str>>,
    pub(super) began_at: Tick,
    /// Entries that it delivered.
    pub(super) delivered: usize,
    /// Entries that the stream beside it delivered meanwhile.
    pub(super) streamed: usize,
    /// Entries without an id that it had since the last one with an id.
    pub(super) unnamed: usize,
    /// It is behind the cursor still.
    pub(super) behind: bool,
    /// The connection beside it has been silent for the idle limit.
    pub(super) at_limit: bool,
    /// Nothing is asked for until the list is due again.
    pub(super) pauses: bool,
}

/// The result of a look at the list beside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Something that the stream did not bring.
    Found,
    Nothing,
    Failed,
}

impl Core {
    /// Asks for a list; the state is Seeding, Filling, Parked or Looking.
    pub(super) fn fill(&mut self, now: Tick, from: ListFrom) {
        if self.state == State::Filling && self.mode != Mode::Stream && !self.announced {
            self.announced = true;
            self.queue.push_back(Action::Notice(Notice::Polling));
        }
        let repairs = match from {
            _ if self.looks() => false,
            ListFrom::Newest => false,
            ListFrom::BackToKnown => true,
            ListFrom::Beginning => self.connections > 0 && self.mode == Mode::Stream,
            ListFrom::Cursor => self.mode == Mode::Stream,
        };
        if repairs {
            self.queue.push_back(Action::Notice(Notice::Repairing));
        }
        let from = match from {
            ListFrom::Cursor if self.cursor == self.unlisted => ListFrom::BackToKnown,
            from => from,
        };
        self.listing = Listing {
            from,
            begun: self.cursor.clone(),
            began_at: now,
            delivered: 0,
            streamed: 0,
            unnamed: 0,
            behind: false,
            at_limit: false,
            pauses: false,
        };
        self.queue.push_back(Action::List(from));
    }

    pub(super) fn rest_of_the_log(&self) -> ListFrom {
        if self.cursor.is_some() {
            ListFrom::Cursor
        } else {
            ListFrom::Beginning
        }
    }

    /// An entry of a list: whether to deliver it.
    pub(super) fn listed(&mut self, id: Option<&str>, class: Class) -> bool {
        if !self.lists() || self.state == State::Seeding {
            return false;
        }
        if !matches!(class, Class::Durable | Class::Final) {
            return false;
        }
        let deliver = match id.filter(|id| !id.is_empty()) {
            Some(id) => self.listed_with_id(id),
            None => self.listed_without_id(),
        };
        if deliver {
            self.listing.delivered += 1;
            self.patience.progress();
        }
        if class == Class::Final {
            self.finish(On::FinalFrame, Outcome::Final);
        } else if self.state == State::Looking && self.lists_too_much() {
            self.go(On::ListTooLong);
            self.queue.push_back(Action::Release);
            self.fill(self.listing.began_at, ListFrom::Cursor);
        }
        deliver
    }

    fn listed_with_id(&mut self, id: &str) -> bool {
        self.listing.unnamed = 0;
        let deliver = self.take(id);
        self.listing.behind = !deliver && self.cursor.as_deref() != Some(id);
        if deliver {
            self.connection.listed += 1;
        }
        deliver
    }

    /// Whether an entry without an id is to be delivered. It is recognised by its place after the
    /// cursor, or every list would deliver it again.
    fn listed_without_id(&mut self) -> bool {
        self.listing.unnamed += 1;
        if self.listing.behind || self.listing.unnamed <= self.unnamed {
            return false;
        }
        self.unnamed = self.listing.unnamed;
        true
    }

    /// Whether the stream may repeat more of what was listed than is remembered.
    fn lists_too_much(&self) -> bool {
        self.connection.listed > self.policy.remembered && self.cursor.is_some()
    }

    /// The stream beside a list delivered an entry. A list that falls behind it by more than is
    /// remembered can't be told from what is new.
    pub(super) fn outruns_list(&mut self, now: Tick) {
        if self.state != State::Looking {
            return;
        }
        self.listing.streamed += 1;
        if self.listing.streamed > self.policy.remembered {
            self.queue.retain(|action| !is_request(action));
            self.end_look(now, Look::Nothing);
        }
    }

    pub(super) fn newest(&mut self, now: Tick, id: Option<&str>) {
        if self.state != State::Seeding || !self.lists() {
            return;
        }
        let id = id.filter(|id| !id.is_empty());
        if let Some(id) = id {
            let id: Arc<str> = id.into();
            self.seen.insert(&id);
            self.cursor = Some(id);
        }
        if self.mode != Mode::Stream {
            self.rest(now);
            return;
        }
        self.go(match id {
            Some(_) => On::NewestKnown,
            None => On::ListEmpty,
        });
        self.connect();
    }

    pub(super) fn page(&mut self, now: Tick, is_new: bool, more: bool) {
        if !self.lists() {
            return;
        }
        if is_new {
            self.patience.ease();
        } else if more {
            // A list without an end, or one that goes in circles: it is asked again, ever slower.
            self.list_failed_for_now(now, Cause::ListStuck, None);
        }
    }

    pub(super) fn list_done(&mut self, now: Tick) {
        if !self.lists() {
            return;
        }
        match self.state {
            State::Parked => self.parked_list_done(now),
            State::Asking | State::Looking => self.look_done(now),
            State::Filling => {
                if self.polls_on() {
                    // Nothing new is no failure: the server answers.
                    self.patience.progress();
                    self.rest(now);
                    return;
                }
                self.go(if self.cursor.is_some() {
                    On::ListDone
                } else {
                    On::ListEmpty
                });
                self.connect();
            }
            _ => {}
        }
    }

    fn parked_list_done(&mut self, now: Tick) {
        if self.lists_too_much() {
            // Better to attach anew, behind it.
            self.go(On::ListTooLong);
            self.queue.push_back(Action::Release);
            self.connect();
            return;
        }
        let mut was_live = false;
        if let Proof::Awaits { id, tries } = &mut self.connection.proof {
            let is_listed = self.seen.contains(id);
            if !is_listed && self.cursor.is_some() {
                // It comes after what was listed, or long before it.
                self.go(On::NotListed);
                self.queue.push_back(Action::Release);
                self.connect();
                return;
            }
            if !is_listed && *tries < FIRST_ENTRY {
                *tries += 1;
                let pause = FLOOR.saturating_mul(1 << *tries);
                self.due = now.saturating_add(self.patience.between_half_and(pause));
                self.listing.pauses = true;
                return;
            }
            self.connection.proof = Proof::Given;
            was_live = true;
        }
        self.go(On::ListDone);
        self.connection.reads_from(now);
        if !was_live {
            self.live();
        }
    }

    /// When a connection that brings nothing is compared with the list, if it is.
    pub(super) fn look_after(&self, now: Tick) -> Option<Tick> {
        self.may_fall_back()
            .then(|| now.saturating_add(self.policy.looks_after()))
    }

    /// Looks at the list beside the stream.
    pub(super) fn look(&mut self, now: Tick, at_limit: bool) {
        self.go(On::Look);
        self.connection.looks_at = None;
        self.fill(now, self.rest_of_the_log());
        self.listing.at_limit = at_limit;
    }

    pub(super) fn look_if_due(&mut self, now: Tick) {
        if self.connection.looks_at.is_some_and(|at| now >= at) {
            if now >= self.not_before {
                self.look(now, false);
            } else {
                self.connection.looks_at = Some(self.not_before);
            }
        }
    }

    /// When a look has taken too long.
    pub(super) fn look_ends(&self) -> Tick {
        let since = self.connection.silent_since.max(self.listing.began_at);
        since.saturating_add(self.policy.idle)
    }

    fn look_done(&mut self, now: Tick) {
        let found = self.listing.delivered > 0;
        if !found {
            // The session is quiet, and the server answers.
            self.patience.ease();
            if self.strikes == 0 {
                self.patience.set_fruitless(0);
            }
        }
        self.end_look(now, if found { Look::Found } else { Look::Nothing });
    }

    fn look_failed(&mut self, now: Tick) {
        let found = self.listing.delivered > 0;
        self.end_look(now, if found { Look::Found } else { Look::Failed });
    }

    /// A look came to its end, with or without a list.
    fn end_look(&mut self, now: Tick, came: Look) {
        let at_limit = self.listing.at_limit;
        let opening = self.state == State::Asking;
        if opening && came == Look::Found {
            self.held_back(now, Cause::HeldBack);
            return;
        }
        if !self.go(On::Looked) {
            return;
        }
        if opening {
            let again = self.look_after(now).filter(|_| came == Look::Nothing);
            self.connection.looks_at = again;
            return;
        }
        let again = self.look_after(now);
        let connection = &mut self.connection;
        if at_limit && connection.is_silent(now, &self.policy) {
            if came == Look::Found {
                self.held_back(now, Cause::Idle);
            } else {
                self.lost(now, Cause::Idle);
            }
        } else if came == Look::Found {
            connection.owes_since = Some(now);
            // What comes within the lag shows that something comes, and not that all does.
            connection.looks_at = again;
        } else if (self.strikes > 0 && !connection.has_life())
            || (came == Look::Failed && connection.proof == Proof::Wanted)
        {
            connection.looks_at = Some(now.saturating_add(self.policy.paces()));
        }
    }

    pub(super) fn list_failed(&mut self, now: Tick, refusal: Refusal) {
        // That holds even if the list is not wanted any more.
        self.heed(now, refusal.retry_after);
        if !self.lists() {
            return;
        }
        let status = refusal.status;
        match refusal.kind {
            RefusalKind::CursorRejected if self.looks() => {
                self.unlisted.clone_from(&self.cursor);
                self.look_failed(now);
            }
            _ if self.looks() => self.look_failed(now),
            // A page further on was refused: again from where it came to.
            RefusalKind::CursorRejected if self.cursor != self.listing.begun => {
                self.fill(now, ListFrom::Cursor);
            }
            RefusalKind::CursorRejected if self.listing.from == ListFrom::Cursor => {
                self.unlisted.clone_from(&self.cursor);
                // An id that was only named may be known in a moment: no reason to walk yet.
                if self.first.is_none() && self.not_known == 0 {
                    self.is_not_known(now);
                } else {
                    self.fill(now, ListFrom::BackToKnown);
                }
            }
            RefusalKind::Transient => {
                self.list_failed_for_now(now, Cause::Refused { status }, refusal.retry_after);
            }
            _ => self.finish(On::ListGone, Outcome::Refused { status }),
        }
    }

    /// The list failed, and may not fail later: it goes on where it was.
    pub(super) fn list_failed_for_now(&mut self, now: Tick, cause: Cause, hint: Option<Duration>) {
        if !self.lists() {
            return;
        }
        if self.looks() {
            self.heed(now, hint);
            self.look_failed(now);
            return;
        }
        self.next = match (self.state, cause) {
            (State::Parked, _) => Next::Connect,
            (_, Cause::ListFailed) => Next::Anew,
            _ => Next::GoOn,
        };
        self.wait(now, On::ListFailed, cause, hint);
    }

    pub(super) fn list_gap(&mut self, now: Tick) {
        if !self.lists() || self.state == State::Seeding {
            return;
        }
        if self.looks() {
            // The stream is where it should be, whatever the list says.
            self.look_failed(now);
        } else {
            self.is_not_known(now);
        }
    }

    /// Neither the stream nor the list knows the cursor. The log may be behind what the server
    /// said: it is asked again a few times before that is a gap.
    fn is_not_known(&mut self, now: Tick) {
        self.not_known += 1;
        if self.not_known > NOT_KNOWN {
            self.finish(On::ListGone, Outcome::Gap);
            return;
        }
        self.rejected = None;
        self.unlisted = None;
        self.next = if self.mode == Mode::Stream {
            Next::Connect
        } else {
            Next::Fill
        };
        self.wait(now, On::ListFailed, Cause::NotKnown, None);
    }

    /// After a list: whether there will be another one, and not a connection.
    fn polls_on(&mut self) -> bool {
        match (self.mode, self.cursor_is_rejected()) {
            (Mode::Stream, true) => {
                self.mode = Mode::Stranded;
                self.announced = false;
            }
            (Mode::Stranded, false) => self.mode = Mode::Stream,
            _ => {}
        }
        self.mode != Mode::Stream
    }
}
