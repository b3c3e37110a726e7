//! The connection, from its request to its end.

use core::time::Duration;

use super::connection::Proof;
use super::moves::{Core, Next};
use super::policy::{Polling, Tick};
use super::table::{On, State};
use super::{Action, Cause, Class, Fault, ListFrom, Notice, Outcome, Refusal, RefusalKind, Start};

impl Core {
    /// Asks for a connection; the state is Connecting.
    pub(super) fn connect(&mut self) {
        let attempt = self.patience.attempt();
        self.patience.connects();
        self.connection.cursor.clone_from(&self.cursor);
        // Only what was delivered before it can be repeated on it.
        self.connection.first.clone_from(&self.first);
        self.connection.listed = 0;
        self.connection.looks_at = None;
        let cursor = self.cursor.is_some();
        self.queue
            .push_back(Action::Notice(Notice::Connecting { attempt }));
        self.queue.push_back(Action::Connect { attempt, cursor });
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
        let look = now.saturating_add(self.policy.looks_after());
        let looks_at = self.look_after(now).or(park.then_some(look));
        self.connection.opened(now, park, looks_at);
        if park {
            self.fill(now, self.rest_of_the_log());
        } else {
            self.live();
        }
    }

    pub(super) fn live(&mut self) {
        self.connections = self.connections.saturating_add(1);
        self.announced = false;
        self.queue.push_back(Action::Notice(Notice::Live));
        if self.connections > 1 {
            self.queue.push_back(Action::Notice(Notice::PreviewsVoid));
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
        if is_cursor && self.connection.is_fresh && self.policy.remembered > 0 {
            // What came before it on this connection came before it in the log. It may have come
            // so long before that the cursor itself is not remembered any more.
            self.finish(On::CursorIgnored, Outcome::CursorIgnored);
            return false;
        }
        let is_known = self.cursor.as_deref() == Some(id);
        if self.take(id) {
            self.connection.is_fresh = true;
            self.put_off = Duration::ZERO;
            if !is_known {
                self.patience.progress();
            }
            self.outruns_list(now);
            return true;
        }
        self.connection.proof = Proof::Given;
        false
    }

    /// Whether the connection's first entries may lie before its cursor.
    pub(super) fn may_begin_before(&self) -> bool {
        self.connection.is_unread && self.connection.cursor.is_some() && self.policy.remembered > 0
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
        self.policy.remembered > 0
            && !connection.has_brought()
            && connection.cursor.is_some()
            && id.is_some()
            && connection.first.as_deref() == id
    }

    /// A preview came. With text that was never shown, it is progress.
    pub(super) fn previewed(&mut self, now: Tick) {
        self.connection.brings_something(now, &self.policy);
        self.strikes = 0;
    }

    pub(super) fn after(&mut self, now: Tick, class: Class) {
        match class {
            Class::Final => self.finish(On::FinalFrame, Outcome::Final),
            Class::EndOfStream => self.lost(now, Cause::Ended),
            Class::Fault(Fault::Transient) => self.lost(now, Cause::Fault),
            Class::Fault(Fault::CursorRejected) if self.can_repair() => {
                self.rejected.clone_from(&self.connection.cursor);
                self.queue.push_back(Action::Release);
                self.queue
                    .push_back(Action::Notice(Notice::Lost(Cause::Fault)));
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
        let on = if self.state == State::Parked {
            On::ListFailed
        } else {
            self.queue.push_back(Action::Release);
            On::Lost
        };
        self.queue.push_back(Action::Notice(Notice::Lost(cause)));
        self.next = Next::Connect;
        self.wait(now, on, cause, None);
    }

    pub(super) fn tick_live(&mut self, now: Tick) {
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

    /// The list knows what the stream should have brought, and did not.
    pub(super) fn held_back(&mut self, now: Tick, cause: Cause) {
        self.strikes = self.strikes.saturating_add(1);
        if self.strikes >= 2 {
            self.patience.set_fruitless(u32::MAX);
        }
        self.lost(now, cause);
    }
}
