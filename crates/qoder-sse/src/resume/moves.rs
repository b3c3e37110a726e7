//! The moves of the machine: everything but the parser, which lends its frames out.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use super::connection::{Connection, Proof};
use super::patience::Patience;
use super::policy::{Policy, Polling, Tick};
use super::seen::Seen;
use super::table::{MOVES, On, State};
use super::{Cause, Class, Fault, ListFrom, Notice, Outcome, Output, Refusal, RefusalKind, Start};

/// How often it is asked again for a cursor that the server named and doesn't know.
const NOT_KNOWN: u32 = 6;

/// How often the list is asked again for the first entry of a stream.
const FIRST_ENTRY: u32 = 6;

/// No polling is faster.
const FLOOR: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Core {
    policy: Policy,
    pub(super) state: State,
    start: Start,
    queue: VecDeque<Output>,
    outcome: Outcome,
    /// The last entry delivered, or where to start.
    pub(super) cursor: Option<Arc<str>>,
    /// How often neither stream nor list knew the cursor, since the last entry.
    not_known: u32,
    /// A cursor that the server refused: it is not sent again.
    rejected: Option<Arc<str>>,
    /// A cursor that the list refused: it is not listed from again.
    unlisted: Option<Arc<str>>,
    connection: Connection,
    listing: Listing,
    /// What to do when the wait is over.
    next: Next,
    due: Tick,
    seen: Seen,
    /// The first entry that was ever delivered.
    first: Option<Arc<str>>,
    /// Entries without an id that lists gave after the cursor.
    unnamed: usize,
    connections: u32,
    patience: Patience,
    mode: Mode,
    /// That it is polled was told.
    announced: bool,
    /// When to try a connection again, if the log is polled only for want of one, and how long
    /// that was put off.
    stream_at: Tick,
    put_off: Duration,
    /// Connections in a row that something held back.
    strikes: u32,
    retry: Duration,
    /// The server asked for no request before this.
    not_before: Tick,
}

/// A list that was asked for.
#[derive(Debug)]
struct Listing {
    from: ListFrom,
    /// The cursor when it was begun.
    begun: Option<Arc<str>>,
    began_at: Tick,
    /// Entries that it delivered.
    delivered: usize,
    /// Entries without an id that it had since the last one with an id.
    unnamed: usize,
    /// It is behind the cursor still.
    behind: bool,
    /// The connection beside it has been silent for the idle limit.
    at_limit: bool,
    /// Nothing is asked for until the list is due again.
    pauses: bool,
}

/// By which means entries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
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

/// What came of a look at the list beside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Something that the stream did not bring.
    Found,
    Nothing,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
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
    fn go(&mut self, on: On) -> bool {
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
                self.connect(now);
            }
            Start::Attach => {
                self.go(On::StartAttach);
                self.connect(now);
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

    pub(super) fn poll(&mut self, now: Tick) -> Output {
        if self.state == State::Fresh {
            self.begin(now);
        }
        if self.holds_back(now) {
            return Output::Wait(Some(self.not_before));
        }
        if let Some(output) = self.queue.pop_front() {
            return output;
        }
        match self.state {
            State::Waiting | State::Resting => Output::Wait(Some(self.due)),
            State::Parked if self.listing.pauses => Output::Wait(Some(self.due)),
            State::Connecting => Output::Wait(self.connection.looks_at),
            State::Live => Output::Wait(Some(self.connection.due(&self.policy))),
            State::Looking => Output::Wait(Some(self.look_ends())),
            State::Done => Output::Done(self.outcome),
            _ => Output::Wait(None),
        }
    }

    /// Asks for a connection; the state is Connecting.
    fn connect(&mut self, now: Tick) {
        let attempt = self.patience.attempt();
        self.patience.connects();
        self.connection.cursor.clone_from(&self.cursor);
        // Only what was delivered before it can be repeated on it.
        self.connection.first.clone_from(&self.first);
        self.connection.listed = 0;
        self.connection.looks_at = self.look_after(now);
        let cursor = self.cursor.is_some();
        self.queue
            .push_back(Output::Notice(Notice::Connecting { attempt }));
        self.queue.push_back(Output::Connect { attempt, cursor });
    }

    /// Asks for a list; the state is Seeding, Filling, Parked or Looking.
    fn fill(&mut self, now: Tick, from: ListFrom) {
        if self.state == State::Filling && self.mode != Mode::Stream && !self.announced {
            self.announced = true;
            self.queue.push_back(Output::Notice(Notice::Polling));
        }
        let repairs = match from {
            _ if self.looks() => false,
            ListFrom::Newest => false,
            ListFrom::BackToKnown => true,
            ListFrom::Beginning => self.connections > 0 && self.mode == Mode::Stream,
            ListFrom::Cursor => self.mode == Mode::Stream,
        };
        if repairs {
            self.queue.push_back(Output::Notice(Notice::Repairing));
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
            unnamed: 0,
            behind: false,
            at_limit: false,
            pauses: false,
        };
        self.queue.push_back(Output::List(from));
    }

    fn rest_of_the_log(&self) -> ListFrom {
        if self.cursor.is_some() {
            ListFrom::Cursor
        } else {
            ListFrom::Beginning
        }
    }

    pub(super) fn opened(&mut self, now: Tick) {
        // Without a cursor the server starts anywhere. What it may have skipped is listed first,
        // and the stream read then, less what the list had.
        let park = self.connection.cursor.is_none() && self.start != Start::Attach;
        if self.state == State::Asking && self.listing.delivered > 0 {
            // It begins far behind what the list gave meanwhile.
            self.held_back(now, Cause::HeldBack);
            return;
        }
        if !self.go(if park { On::OpenedToPark } else { On::Opened }) {
            return;
        }
        // What the list did not know yet as the stream was attached is on no stream.
        let look = now.saturating_add(self.policy.look);
        let looks_at = self.look_after(now).or(park.then_some(look));
        self.connection.opened(now, park, looks_at);
        if park {
            self.fill(now, self.rest_of_the_log());
        } else {
            self.live();
        }
    }

    /// When a connection that brings nothing is compared with the list, if it is.
    fn look_after(&self, now: Tick) -> Option<Tick> {
        self.may_fall_back()
            .then(|| now.saturating_add(self.policy.look))
    }

    /// Whether the list is looked at beside a connection.
    fn looks(&self) -> bool {
        matches!(self.state, State::Asking | State::Looking)
    }

    fn connects(&self) -> bool {
        matches!(self.state, State::Connecting | State::Asking)
    }

    fn live(&mut self) {
        self.connections = self.connections.saturating_add(1);
        self.announced = false;
        self.queue.push_back(Output::Notice(Notice::Live));
        if self.connections > 1 {
            self.queue.push_back(Output::Notice(Notice::PreviewsVoid));
        }
    }

    pub(super) fn refused(&mut self, now: Tick, refusal: Refusal) {
        if !self.connects() {
            return;
        }
        let status = refusal.status;
        let has_last_word = !matches!(self.policy.polling, Polling::After(_));
        match refusal.kind {
            RefusalKind::CursorRejected if self.connection.cursor.is_none() => {
                // There was none to reject.
                self.finish(On::Refused, Outcome::Refused { status });
            }
            RefusalKind::CursorRejected if self.start == Start::Attach => {
                self.finish(On::Refused, Outcome::Gap);
            }
            RefusalKind::CursorRejected => {
                self.rejected.clone_from(&self.cursor);
                self.go(On::CursorRejected);
                self.fill(now, ListFrom::Cursor);
            }
            RefusalKind::Stop if has_last_word || !self.may_fall_back() => {
                self.finish(On::Stopped, Outcome::Stopped);
            }
            RefusalKind::Fatal if has_last_word || !self.may_fall_back() => {
                self.finish(On::Refused, Outcome::Refused { status });
            }
            RefusalKind::Stop | RefusalKind::Fatal => {
                // The list has the last word on what is refused for good.
                self.patience.set_fruitless(u32::MAX);
                self.wait(now, On::Transient, Cause::Refused { status }, None);
            }
            RefusalKind::Transient => {
                let cause = Cause::Refused { status };
                self.wait(now, On::Transient, cause, refusal.retry_after);
            }
        }
    }

    pub(super) fn failed(&mut self, now: Tick) {
        if self.connects() {
            self.wait(now, On::Transient, Cause::Unreachable, None);
        }
    }

    /// Bytes came on the connection.
    pub(super) fn heard(&mut self, now: Tick) {
        self.connection.heard(now);
    }

    pub(super) fn set_retry(&mut self, time: Duration) {
        self.retry = time.max(self.policy.prompt).min(self.policy.max_hint);
    }

    /// Whether the next new entry of the stream has to wait for the list.
    pub(super) fn wants_proof(&self) -> bool {
        self.connection.proof == Proof::Wanted
    }

    /// The first entry of a stream that was attached anywhere. What came before it may be on no
    /// stream: the list is asked until it has this entry too.
    pub(super) fn first_entry(&mut self, now: Tick, id: &str) {
        if !self.go(On::FirstEntry) {
            return;
        }
        self.connection.proof = Proof::Awaits {
            id: id.into(),
            tries: 0,
        };
        self.fill(now, self.rest_of_the_log());
    }

    /// An entry on the stream: whether to deliver it.
    pub(super) fn streamed(&mut self, now: Tick, id: Option<&str>) -> bool {
        let id = id.filter(|id| !id.is_empty());
        let is_cursor = id.is_some_and(|id| self.is_sent_cursor(id));
        if self.connection.repeats {
            // Whatever comes before the cursor that was sent was delivered long ago.
            self.connection.repeats = !is_cursor;
            return false;
        }
        if self.begins_anew(id) && !is_cursor {
            self.connection.repeats = true;
            return false;
        }
        self.connection.brings_something(now, &self.policy);
        self.strikes = 0;
        let Some(id) = id else { return true };
        let is_known = self.cursor.as_deref() == Some(id);
        if self.take(id) {
            self.connection.is_fresh = true;
            self.put_off = Duration::ZERO;
            if !is_known {
                self.patience.progress();
            }
            return true;
        }
        if is_cursor && self.connection.is_fresh {
            // What came before it on this connection came before it in the log.
            self.finish(On::CursorIgnored, Outcome::CursorIgnored);
        }
        self.connection.proof = Proof::Given;
        false
    }

    /// Whether the connection's first entries may lie before its cursor.
    pub(super) fn may_begin_before(&self) -> bool {
        self.connection.is_unread && self.connection.cursor.is_some()
    }

    pub(super) fn is_sent_cursor(&self, id: &str) -> bool {
        self.connection.cursor.as_deref() == Some(id)
    }

    /// The first entries of the connection are in sight: whether the cursor comes after some of
    /// them.
    pub(super) fn begins_before(&mut self, cursor: bool) {
        self.connection.is_unread = false;
        self.connection.repeats |= cursor;
    }

    /// Whether the server begins with the first entry there ever was, though it was sent a cursor.
    fn begins_anew(&self, id: Option<&str>) -> bool {
        let connection = &self.connection;
        !connection.has_brought()
            && connection.cursor.is_some()
            && id.is_some()
            && connection.first.as_deref() == id
    }

    /// A preview came. With text that was never shown, it is progress.
    pub(super) fn previewed(&mut self, now: Tick) {
        self.connection.brings_something(now, &self.policy);
        self.strikes = 0;
    }

    pub(super) fn progressed(&mut self) {
        if self.reads() {
            self.put_off = Duration::ZERO;
            self.patience.progress();
        }
    }

    /// An entry: whether it is new. It is remembered, and the cursor is on it.
    fn take(&mut self, id: &str) -> bool {
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
            self.queue.push_back(Output::Release);
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

    /// What has no id is known by its place after the cursor, so that the same is not delivered
    /// with every list.
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

    pub(super) fn after(&mut self, now: Tick, class: Class) {
        match class {
            Class::Final => self.finish(On::FinalFrame, Outcome::Final),
            Class::EndOfStream => self.lost(now, Cause::Ended),
            Class::Fault(Fault::Transient) => self.lost(now, Cause::Fault),
            Class::Fault(Fault::CursorRejected) if self.can_repair() => {
                self.rejected.clone_from(&self.connection.cursor);
                self.queue.push_back(Output::Release);
                self.queue
                    .push_back(Output::Notice(Notice::Lost(Cause::Fault)));
                self.go(On::CursorRejected);
                self.fill(now, ListFrom::Cursor);
            }
            Class::Fault(_) => self.finish(On::FatalFault, Outcome::Fault),
            Class::Durable | Class::Preview | Class::Pulse => {}
        }
    }

    /// Whether the list can help where the stream rejects its cursor.
    pub(super) fn can_repair(&self) -> bool {
        self.connection.cursor.is_some() && self.start != Start::Attach
    }

    pub(super) fn lost(&mut self, now: Tick, cause: Cause) {
        if self.reads() && self.connection.life() >= self.policy.healthy {
            self.patience.progress();
        }
        self.queue.push_back(Output::Release);
        self.queue.push_back(Output::Notice(Notice::Lost(cause)));
        let on = if self.state == State::Parked {
            On::ListFailed
        } else {
            On::Lost
        };
        self.next = Next::Connect;
        self.wait(now, on, cause, None);
    }

    pub(super) fn newest(&mut self, now: Tick, id: Option<&str>) {
        if self.state != State::Seeding {
            return;
        }
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
        self.connect(now);
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
                self.connect(now);
            }
            _ => {}
        }
    }

    fn parked_list_done(&mut self, now: Tick) {
        if self.lists_too_much() {
            // Better to attach anew, behind it.
            self.go(On::ListTooLong);
            self.queue.push_back(Output::Release);
            self.connect(now);
            return;
        }
        let mut was_live = false;
        if let Proof::Awaits { id, tries } = &mut self.connection.proof {
            let is_listed = self.seen.contains(id);
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

    /// Looks at the list beside the stream.
    fn look(&mut self, now: Tick, at_limit: bool) {
        self.go(On::Look);
        self.connection.looks_at = None;
        self.fill(now, self.rest_of_the_log());
        self.listing.at_limit = at_limit;
    }

    /// When a look has taken too long.
    fn look_ends(&self) -> Tick {
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
        let connection = &mut self.connection;
        if at_limit && connection.is_silent(now, &self.policy) {
            if came == Look::Found {
                self.held_back(now, Cause::Idle);
            } else {
                self.lost(now, Cause::Idle);
            }
        } else if came == Look::Found {
            connection.owes_since = Some(now);
        } else if (self.strikes > 0 && !connection.has_life())
            || (came == Look::Failed && connection.proof == Proof::Wanted)
        {
            connection.looks_at = Some(now.saturating_add(self.policy.pace.max(FLOOR)));
        }
    }

    /// The list knows what the stream should have brought, and did not.
    fn held_back(&mut self, now: Tick, cause: Cause) {
        self.strikes = self.strikes.saturating_add(1);
        if self.strikes >= 2 {
            self.patience.set_fruitless(u32::MAX);
        }
        self.lost(now, cause);
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
        self.release_parked();
        self.wait(now, On::ListFailed, cause, hint);
    }

    fn release_parked(&mut self) {
        if self.state == State::Parked {
            self.queue.push_back(Output::Release);
        }
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

    fn tick_live(&mut self, now: Tick) {
        let connection = &self.connection;
        if connection.is_silent(now, &self.policy) {
            if self.may_fall_back() && now >= self.not_before {
                self.look(now, true);
            } else {
                self.lost(now, Cause::Idle);
            }
        } else if connection.owes(now, &self.policy) {
            self.held_back(now, Cause::HeldBack);
        } else {
            self.look_if_due(now);
        }
    }

    fn look_if_due(&mut self, now: Tick) {
        if self.connection.looks_at.is_some_and(|at| now >= at) {
            if now >= self.not_before {
                self.look(now, false);
            } else {
                self.connection.looks_at = Some(self.not_before);
            }
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
    fn wait(&mut self, now: Tick, on: On, cause: Cause, hint: Option<Duration>) {
        if self.connects() {
            self.next = Next::Connect;
        }
        if !self.go(on) {
            return;
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
            .push_back(Output::Notice(Notice::Waiting { delay, cause }));
    }

    /// What the server asks to wait lengthens all waits, whichever request it was said to.
    fn heed(&mut self, now: Tick, hint: Option<Duration>) {
        let hint = hint.unwrap_or_default().min(self.policy.max_hint);
        self.not_before = self.not_before.max(now.saturating_add(hint));
    }

    /// Whether polling may take the place of connections.
    fn may_fall_back(&self) -> bool {
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

    fn cursor_is_rejected(&self) -> bool {
        self.cursor.is_some() && self.cursor == self.rejected
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

    /// Between two lists.
    fn rest(&mut self, now: Tick) {
        if !self.go(On::PollDone) {
            return;
        }
        let pause = self.patience.between_half_and(self.policy.pace.max(FLOOR));
        self.due = now.saturating_add(pause).max(self.not_before);
    }

    fn rested(&mut self, now: Tick) {
        if self.mode == Mode::FellBack && now >= self.stream_at && !self.cursor_is_rejected() {
            // One connection that brings nothing, and it is polled again.
            self.mode = Mode::Stream;
            self.patience.set_fruitless(u32::MAX - 1);
            self.go(On::Due);
            self.connect(now);
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
                self.connect(now);
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
                    self.queue.push_back(Output::GoOn);
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
            .retain(|output| matches!(output, Output::Notice(_) | Output::Release));
        if open {
            self.queue.push_back(Output::Release);
        }
        self.outcome = outcome;
    }
}

fn is_request(output: &Output) -> bool {
    matches!(
        output,
        Output::Connect { .. } | Output::List(_) | Output::GoOn
    )
}
