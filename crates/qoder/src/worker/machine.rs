//! The worker without I/O: what to do is said by [`Machine::poll`], what happened is told by the
//! other methods. Time is an input, and so is chance.

mod action;
mod item;

use std::collections::VecDeque;
use std::time::Duration;

use qoder_types::{WorkHeartbeat, WorkId};

use super::backoff::Backoff;
use super::notice::CancelReason;
use crate::few::Few;
pub(super) use action::{Action, Beat, BeatState, Release, Slot, Tick, WriteKind};
use item::{Item, Step, Write};

/// A poll that brought nothing new is followed by the next one so long after it was sent, at the
/// earliest: a server may not wait for work although it was asked to.
const PACE: Duration = Duration::from_secs(1);

/// An attempt that is not answered for so long is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A stop that fails so often in a row is given up: the lease would hold the work for ever.
const STOPS: u32 = 20;

/// The number of finished pieces of work that are remembered.
const REMEMBERED: usize = 64;

/// The settings of a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The most pieces of work at a time, a poll that is under way included.
    pub(super) concurrency: usize,
    /// The lease that is asked for.
    pub(super) lease: Duration,
    /// The time that a handler may go on after it was told to end.
    pub(super) grace: Duration,
}

/// A worker for the queue of one environment.
///
/// **How it is driven.** After each input, [`poll`](Self::poll) is called until it says
/// [`Action::Wait`], and again when that time has come. Times never go back. Every request has one
/// answer, by the methods that its [`Action`] names; answers for a slot that was released are
/// ignored, so it does no harm to be late, and so does a handler's end.
///
/// **What it promises.** At most `concurrency` slots, a poll under way included. A handler is
/// started once per slot, after the first heartbeat was accepted: polls and acknowledgements may be
/// answered to two workers, but the first heartbeat, which expects that there was none, succeeds for
/// one of them only. The lease counts from when the first attempt of the heartbeat that was accepted
/// last was sent, so it is over here before it is over at the server. When it is, or when the server
/// says that it is lost, the handler is canceled, and nothing is sent for the work any more.
#[derive(Debug)]
pub(super) struct Machine {
    settings: Settings,
    backoff: Backoff,
    /// The actions that were not taken yet.
    actions: VecDeque<Action>,
    items: Few<Slot, Item>,
    asking: Asking,
    /// Work that came to its end here.
    over: VecDeque<WorkId>,
    /// Counts slots and requests.
    numbers: u64,
    closing: bool,
    done: bool,
}

/// The polls.
#[derive(Debug, Default)]
struct Asking {
    /// When the next one is due. `None` while one is under way.
    due: Option<Tick>,
    sent: Tick,
    failures: u32,
}

impl Machine {
    /// Returns a worker that polls at once. `seed` seeds the jitter of its waits.
    pub(super) fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            backoff: Backoff::new(seed),
            actions: VecDeque::new(),
            items: Few::new(),
            asking: Asking {
                due: Some(Tick::ZERO),
                ..Asking::default()
            },
            over: VecDeque::new(),
            numbers: 0,
            closing: false,
            done: false,
        }
    }

    /// Returns the next action.
    pub(super) fn poll(&mut self, now: Tick) -> Action {
        if self.done {
            return Action::Done;
        }
        self.advance(now);
        if let Some(action) = self.actions.pop_front() {
            return action;
        }
        if self.closing && self.items.is_empty() {
            self.done = true;
            return Action::Done;
        }
        Action::Wait(self.next_time())
    }

    /// A poll brought work, or none. Returns the slot of the work, if it is taken.
    pub(super) fn polled(&mut self, now: Tick, work: Option<WorkId>) -> Option<Slot> {
        self.advance(now);
        self.asking.failures = 0;
        self.asking.due = Some(now.max(self.asking.sent.saturating_add(PACE)));
        // What comes now will be given to somebody else, since nobody acknowledges it.
        let work = work.filter(|_| !self.closing)?;
        if self.items.values().any(|item| item.work == work) {
            return None;
        }
        // A server that gives again what is over would have it done in a loop.
        if !self.over.contains(&work) {
            self.asking.due = Some(now);
        }
        let slot = Slot(self.number());
        let (ack, beat) = (self.write(now), self.write(Tick::MAX));
        let item = Item {
            work,
            step: Step::Acking(ack),
            ends: self.asking.sent.saturating_add(self.settings.lease),
            ttl: self.settings.lease,
            expected: WorkHeartbeat::NONE.to_owned(),
            beat,
            told: None,
        };
        self.items.insert(slot, item);
        Some(slot)
    }

    /// A poll failed in a way that may pass; `hint` is what the server asked to wait. Returns the
    /// time until the next one.
    pub(super) fn poll_failed(&mut self, now: Tick, hint: Option<Duration>) -> Duration {
        self.advance(now);
        self.asking.failures = self.asking.failures.saturating_add(1);
        let delay = self.backoff.after(self.asking.failures, hint);
        self.asking.due = Some(now.saturating_add(delay));
        delay
    }

    /// A poll failed permanently: the worker shuts down.
    pub(super) fn poll_refused(&mut self, now: Tick) {
        self.shut_down(now);
    }

    /// The work is acknowledged.
    pub(super) fn acked(&mut self, now: Tick, slot: Slot) {
        self.advance(now);
        if let Some(item) = self.items.get_mut(&slot) {
            if let Step::Acking(_) = item.step {
                item.step = Step::Claiming;
                item.beat.due = Some(now);
            }
        }
    }

    /// A heartbeat was answered.
    pub(super) fn beaten(&mut self, now: Tick, slot: Slot, beat: Beat) {
        self.advance(now);
        let next = self.write(now);
        let Some(item) = self.items.get_mut(&slot) else {
            return;
        };
        if beat.state == BeatState::Stopped || !beat.extended {
            match item.step {
                Step::Stopping(_) if beat.state == BeatState::Stopped => {
                    self.part(now, slot, Release::Over);
                }
                _ => self.lose(now, slot),
            }
            return;
        }
        let began = item.beat.began.unwrap_or(now);
        item.ends = began.saturating_add(beat.ttl);
        item.ttl = beat.ttl;
        if now >= item.ends {
            self.lose(now, slot);
            return;
        }
        item.expected = beat.last;
        item.beat = Write {
            due: Some(now.max(began.saturating_add(item.third()))),
            ..next
        };
        let stopping = beat.state == BeatState::Stopping;
        match item.step {
            Step::Claiming if stopping => self.stop(now, slot),
            Step::Claiming => {
                item.step = Step::Running;
                self.actions.push_back(Action::Start { slot });
            }
            Step::Running if stopping => self.tell(now, slot, CancelReason::Stopped),
            Step::Acking(_) | Step::Running | Step::Stopping(_) => {}
        }
    }

    /// The handler ended, well or not.
    pub(super) fn ended(&mut self, now: Tick, slot: Slot) {
        self.advance(now);
        if self.is_running(slot) {
            self.stop(now, slot);
        }
    }

    /// The work is stopped.
    pub(super) fn stopped(&mut self, now: Tick, slot: Slot) {
        self.advance(now);
        self.part(now, slot, Release::Over);
    }

    /// A write failed in a way that may pass; `hint` is what the server asked to wait. Returns the
    /// time until the next attempt, if there is one.
    pub(super) fn failed(
        &mut self,
        now: Tick,
        slot: Slot,
        kind: WriteKind,
        hint: Option<Duration>,
    ) -> Option<Duration> {
        self.advance(now);
        let item = self.items.get_mut(&slot)?;
        let third = item.third();
        let write = item.write(kind)?;
        let delay = write.again(now, &mut self.backoff, hint, third);
        if kind == WriteKind::Stop && write.failures >= STOPS {
            self.part(now, slot, Release::Unstopped);
            return None;
        }
        Some(delay)
    }

    /// A write failed permanently: the work is not this worker's, or there is no such work.
    pub(super) fn refused(&mut self, now: Tick, slot: Slot) {
        self.advance(now);
        self.lose(now, slot);
    }

    /// The worker is to end: nothing more is taken, and handlers have the grace to end.
    pub(super) fn shut_down(&mut self, now: Tick) {
        self.advance(now);
        if std::mem::replace(&mut self.closing, true) {
            return;
        }
        let slots: Vec<Slot> = self.items.keys().copied().collect();
        for slot in slots {
            match self.items.get(&slot).map(|item| &item.step) {
                Some(Step::Acking(_) | Step::Claiming) => self.part(now, slot, Release::NotTaken),
                Some(Step::Running) => self.tell(now, slot, CancelReason::ShutDown),
                Some(Step::Stopping(_)) | None => {}
            }
        }
    }

    /// Does what is due.
    fn advance(&mut self, now: Tick) {
        let slots: Vec<Slot> = self.items.keys().copied().collect();
        for slot in slots {
            self.advance_item(now, slot);
        }
        let due = self.asking.due.is_some_and(|due| due <= now);
        if due && self.may_ask() {
            self.asking.due = None;
            self.asking.sent = now;
            self.actions.push_back(Action::Poll);
        }
    }

    fn advance_item(&mut self, now: Tick, slot: Slot) {
        let Some(item) = self.items.get(&slot) else {
            return;
        };
        if item.ends <= now {
            self.lose(now, slot);
            return;
        }
        if let (Step::Running, Some((until, why))) = (&item.step, item.told) {
            if until <= now {
                self.actions.push_back(Action::Cancel { slot, why });
                self.stop(now, slot);
            }
        }
        let Some(item) = self.items.get_mut(&slot) else {
            return;
        };
        let acks = matches!(item.step, Step::Acking(_));
        if let Step::Acking(write) | Step::Stopping(write) = &mut item.step {
            if write.sends(now) {
                let number = write.number;
                self.actions.push_back(if acks {
                    Action::Ack { slot, number }
                } else {
                    Action::Stop { slot, number }
                });
            }
        }
        if item.beat.sends(now) {
            self.actions.push_back(Action::Beat {
                slot,
                number: item.beat.number,
                expected: item.expected.clone(),
                limit: item.third().min(PATIENCE),
            });
        }
    }

    /// The next time at which something is due.
    fn next_time(&self) -> Option<Tick> {
        let asking = self.asking.due.filter(|_| self.may_ask());
        let items = self.items.values().flat_map(|item| {
            let until = match (&item.step, item.told) {
                (Step::Running, Some((until, _))) => Some(until),
                _ => None,
            };
            let write = match &item.step {
                Step::Acking(write) | Step::Stopping(write) => write.due,
                Step::Claiming | Step::Running => None,
            };
            [Some(item.ends), item.beat.due, write, until]
        });
        let times = items.flatten().chain(asking);
        times.min().filter(|time| *time < Tick::MAX)
    }

    fn may_ask(&self) -> bool {
        !self.closing && self.items.len() < self.settings.concurrency
    }

    fn is_running(&self, slot: Slot) -> bool {
        let item = self.items.get(&slot);
        item.is_some_and(|item| matches!(item.step, Step::Running))
    }

    /// Tells the handler to end, once.
    fn tell(&mut self, now: Tick, slot: Slot, why: CancelReason) {
        let until = now.saturating_add(self.settings.grace);
        if let Some(item) = self.items.get_mut(&slot) {
            if item.told.is_none() {
                item.told = Some((until, why));
                self.actions.push_back(Action::Tell { slot, why });
            }
        }
    }

    /// The handler is over: so is the work.
    fn stop(&mut self, now: Tick, slot: Slot) {
        let stop = self.write(now);
        if let Some(item) = self.items.get_mut(&slot) {
            item.step = Step::Stopping(stop);
        }
    }

    /// The lease is lost, or was never had.
    fn lose(&mut self, now: Tick, slot: Slot) {
        let unstarted = self.actions.contains(&Action::Start { slot });
        let how = match self.items.get(&slot).map(|item| &item.step) {
            Some(Step::Acking(_) | Step::Claiming) => Release::NotTaken,
            Some(Step::Running) if unstarted => Release::NotTaken,
            Some(Step::Running) => {
                let why = CancelReason::LeaseLost;
                self.actions.push_back(Action::Cancel { slot, why });
                Release::Lost
            }
            Some(Step::Stopping(_)) => Release::Unstopped,
            None => return,
        };
        self.part(now, slot, how);
    }

    fn part(&mut self, now: Tick, slot: Slot, how: Release) {
        let Some(item) = self.items.remove(&slot) else {
            return;
        };
        // Nothing is done for it any more, not even what was about to be.
        self.actions.retain(|action| !action.is_work_on(slot));
        self.actions.push_back(Action::Release { slot, how });
        match how {
            Release::Over | Release::Unstopped => {
                self.over.push_back(item.work);
                self.over
                    .drain(..self.over.len().saturating_sub(REMEMBERED));
            }
            // A server that gives what nobody can take is not asked as fast as it answers.
            Release::NotTaken | Release::Lost => {
                let later = now.saturating_add(PACE);
                self.asking.due = self.asking.due.map(|due| due.max(later));
            }
        }
    }

    fn write(&mut self, due: Tick) -> Write {
        Write {
            number: self.number(),
            began: None,
            failures: 0,
            due: Some(due),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
