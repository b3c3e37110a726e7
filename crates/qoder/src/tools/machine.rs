//! The handling of the tool uses that a session waits for: a machine without I/O.
//!
//! | A call is | Input | Next | Action |
//! |---|---|---|---|
//! | unknown | named by a pause, the whole batch understood | Recalled, or Decided for an approval | `Recall`, `Decide` |
//! | Recalled | never begun | Ready | |
//! | Recalled | begun, and not ended | Owed: an error that says so; Ready if it may be repeated | |
//! | Recalled | ended | Owed, the result of then | |
//! | Ready | fewer run than may | Beginning | `Record` that it began |
//! | Beginning | recorded | Running | `Run` |
//! | Running | ended, or too late | Ending | `Record` the result; `Stop` if too late |
//! | Ending | recorded, or not | Owed | |
//! | Decided | allowed, denied | Owed | |
//! | Decided | asked | Left | |
//! | Owed | due | Sending | `Send`, under a key made of the call's id |
//! | Sending | accepted | Sent | |
//! | Sending | unknown whether it arrived | Owed, later; too often: failed | |
//! | Sending | refused | Refused: another may have answered; nothing of that seen soon: failed | |
//! | any | its answer is in the log | Answered | `Stop` if it runs |
//! | Sent, Answered, Left | named again | same | |
//!
//! These states, since seen, run and answered are different facts: a result that was not accepted is
//! sent again without being made again, and what is answered is neither run nor sent, whatever the
//! server repeats.

mod action;
mod state;

use std::collections::VecDeque;
use std::time::Duration;

use qoder_types::EventId;

use super::answer::Given;
use super::ledger::Record;
use super::result::ToolResult;
use crate::few::Few;
pub(crate) use action::{Action, Delivery, Kind, Limits, Otherwise};
use state::{Owed, Pause, State, owe};

/// The number of times that an answer of unknown outcome is sent, each time with all the attempts
/// of a call.
const SENDS: u32 = 8;

/// The first wait between two sends; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two sends.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that the server may ask for.
const LONGEST_HINT: Duration = Duration::from_secs(300);

/// The time that a refused answer may be another client's doing, before it counts as an error.
const REFUSED_FOR: Duration = Duration::from_secs(15);

/// The time that the session may do nothing at all after it was given all that it waits for.
const SILENCE: Duration = Duration::from_secs(300);

/// The number of tool uses that one pause may name.
const BATCH: usize = 1000;

/// Answers the tool uses that one turn waits for.
///
/// Inputs: what the log says, in its order ([`saw`](Self::saw), [`answered`](Self::answered),
/// [`paused`](Self::paused), [`resumed`](Self::resumed), [`over`](Self::over)), that there is no more
/// of it for the moment ([`caught_up`](Self::caught_up)), and the outcome of each action. After each
/// of them drain [`poll`](Self::poll) until it says `Wait`. Times are durations since any start, and
/// never run backwards. What is told of a call that the machine doesn't wait for is legal, and
/// changes nothing. After `over` and after a failure nothing is done any more.
#[derive(Debug)]
pub(crate) struct Rounds {
    limits: Limits,
    /// Whether a pause may be history: another process was here before.
    stale: bool,
    /// The handling of tool uses that the log doesn't explain.
    unrecognised: Otherwise,
    pause: Pause,
    /// The kinds of tool uses, both of those that no pause has named yet and of those that one has.
    kinds: Few<EventId, Kind>,
    calls: Few<EventId, State>,
    /// The calls in the order in which they were named.
    order: Vec<EventId>,
    /// The number of pauses that named something new.
    batches: u32,
    /// Whether the session waits for answers, as far as it said.
    waits: bool,
    /// When something happened last.
    heard: Duration,
    actions: VecDeque<Action>,
    finished: bool,
}

impl Rounds {
    /// Starts with nothing known. `stale` if events may come that another process saw before. What
    /// the log doesn't explain is left, unless it `fails`.
    pub(crate) fn new(limits: Limits, stale: bool, fails: bool) -> Self {
        Self {
            limits,
            stale,
            unrecognised: if fails {
                Otherwise::Fail
            } else {
                Otherwise::Leave
            },
            pause: Pause::None,
            kinds: Few::new(),
            calls: Few::new(),
            order: Vec::new(),
            batches: 0,
            waits: false,
            heard: Duration::ZERO,
            actions: VecDeque::new(),
            finished: false,
        }
    }

    /// The agent uses a tool. Whether it waits for anything is not said by that.
    pub(crate) fn saw(&mut self, id: &EventId, kind: Kind) {
        self.kinds.insert(id.clone(), kind);
    }

    /// Forgets a tool use, for which the log can be asked again.
    pub(crate) fn forget(&mut self, id: &EventId) {
        self.kinds.remove(id);
    }

    /// The answer to this is in the log, whoever gave it.
    pub(crate) fn answered(&mut self, id: &EventId) {
        let before = self.calls.insert(id.clone(), State::Answered);
        if let Some(State::Running { .. }) = before {
            self.actions.push_back(Action::Stop(id.clone()));
        }
    }

    /// Returns the answer that was sent for this call, if its outcome is not known.
    pub(crate) fn in_doubt(&self, id: &EventId) -> Option<&Given> {
        match self.calls.get(id)? {
            State::Sending(owed) => Some(&owed.answer),
            State::Owed(owed) if owed.sends > 0 => Some(&owed.answer),
            _ => None,
        }
    }

    /// The session waits for answers to these.
    pub(crate) fn paused(&mut self, ids: Vec<EventId>) {
        self.waits = true;
        self.pause = Pause::Named(ids);
    }

    /// The session goes on.
    pub(crate) fn resumed(&mut self) {
        self.waits = false;
        self.pause = Pause::None;
    }

    /// Something happened in the session.
    pub(crate) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// The turn has its end.
    pub(crate) fn over(&mut self) {
        self.finish();
    }

    /// All of the log that is there was told.
    pub(crate) fn caught_up(&mut self, now: Duration) {
        let Pause::Named(ids) = &self.pause else {
            return;
        };
        if self.stale || ids.iter().any(|id| !self.knows(id)) {
            let ids = ids.clone();
            self.actions.push_back(Action::Look(ids.clone()));
            self.pause = Pause::Looking(ids);
        } else {
            let ids = ids.clone();
            self.begin(now, ids);
        }
    }

    /// Whether it is known of the last pause what of it is [left](Self::left), or that it is past.
    /// It may not be as long as [`caught_up`](Self::caught_up) or a look is awaited.
    pub(crate) fn is_settled(&self) -> bool {
        self.pause == Pause::None
    }

    /// The log was looked through. `history` if the session is not paused so any more.
    pub(crate) fn looked(&mut self, now: Duration, history: bool) {
        let Pause::Looking(ids) = std::mem::take(&mut self.pause) else {
            return;
        };
        if history {
            // What it waits for now, the log goes on to tell.
            return;
        }
        self.stale = false;
        self.begin(now, ids);
    }

    /// The log can't be read.
    pub(crate) fn unlooked(&mut self, why: &str) {
        self.fail(format!(
            "the session's events can't be listed, so that it is not known what it waits for: {why}"
        ));
    }

    /// Takes up a batch, all of it or none.
    fn begin(&mut self, now: Duration, ids: Vec<EventId>) {
        self.pause = Pause::None;
        let new: Vec<EventId> = ids
            .into_iter()
            .filter(|id| !self.calls.contains_key(id))
            .collect();
        if new.is_empty() || self.finished {
            return;
        }
        if new.len() > BATCH {
            return self.fail(format!(
                "the agent waits for {} tools at once, and {BATCH} are the limit",
                new.len()
            ));
        }
        self.batches += 1;
        if self.batches > self.limits.rounds {
            let rounds = self.limits.rounds;
            return self.fail(format!(
                "the agent asked for tools {rounds} times, which is the limit of a turn"
            ));
        }
        if let Some(id) = new.iter().find(|id| self.kind(id) == FAILS) {
            return self.fail(format!(
                "the agent waits for the result of {id}, a tool that the toolbox doesn't have: nothing was run of what \
                 it waits for"
            ));
        }
        for id in new {
            let state = match self.kind(&id) {
                Kind::Known { .. } => {
                    self.actions.push_back(Action::Recall(id.clone()));
                    State::Recalled
                }
                Kind::Approval => {
                    self.actions.push_back(Action::Decide(id.clone()));
                    State::Decided
                }
                Kind::Unknown(Otherwise::Refuse) => {
                    let why = "there is no such tool".to_owned();
                    owe(now, Given::Result(ToolResult::error(why)))
                }
                Kind::Unknown(_) => State::Left,
            };
            self.calls.insert(id.clone(), state);
            self.order.push(id);
        }
    }

    /// Takes in the ledger's record of a call.
    pub(crate) fn recalled(&mut self, now: Duration, id: &EventId, record: Option<Record>) {
        let repeatable = self.kind(id) == Kind::Known { repeatable: true };
        self.step(id, |state| match (state, record) {
            (State::Recalled, None) => Some(State::Ready),
            (State::Recalled, Some(Record::Begun)) if repeatable => Some(State::Ready),
            (State::Recalled, Some(Record::Begun)) => {
                let why = "the tool was interrupted before it ended: whether it had an effect is not known";
                Some(owe(now, Given::Result(ToolResult::error(why))))
            }
            (State::Recalled, Some(Record::Ended(result))) => {
                Some(owe(now, Given::Result(result)))
            }
            _ => None,
        });
    }

    /// Takes in the result of writing a record into the ledger.
    pub(crate) fn recorded(&mut self, now: Duration, id: &EventId, wrote: Result<(), String>) {
        match self.calls.get(id) {
            Some(State::Beginning) => {
                if let Err(why) = wrote {
                    // What is not known to have begun might be begun twice.
                    return self.unrecorded(id, &why);
                }
                let until = now.checked_add(self.limits.timeout);
                self.actions.push_back(Action::Run(id.clone()));
                self.calls.insert(id.clone(), State::Running { until });
            }
            // That it began is recorded, so that it can't run again. Its result is sent all the same.
            Some(State::Ending(result)) => {
                let owed = owe(now, Given::Result(result.clone()));
                self.calls.insert(id.clone(), owed);
            }
            _ => {}
        }
    }

    /// The ledger can't be read or written.
    pub(crate) fn unrecorded(&mut self, id: &EventId, why: &str) {
        self.fail(format!(
            "the ledger failed, so that {id} was not run: {why}"
        ));
    }

    /// A handler came to its end.
    pub(crate) fn ended(&mut self, id: &EventId, result: ToolResult) {
        if let Some(State::Running { .. }) = self.calls.get(id) {
            self.end(id.clone(), result);
        }
    }

    fn end(&mut self, id: EventId, result: ToolResult) {
        let record = Record::Ended(result.clone());
        self.actions.push_back(Action::Record(id.clone(), record));
        self.calls.insert(id, State::Ending(result));
    }

    /// The policy has decided. `None`: the caller has to.
    pub(crate) fn decided(&mut self, now: Duration, id: &EventId, answer: Option<Given>) {
        self.step(id, |state| match state {
            State::Decided => Some(answer.map_or(State::Left, |answer| owe(now, answer))),
            _ => None,
        });
    }

    /// An answer was delivered, or not.
    pub(crate) fn delivered(&mut self, now: Duration, id: &EventId, delivery: Delivery) {
        let Some(State::Sending(owed)) = self.calls.get(id) else {
            return;
        };
        let mut owed = owed.clone();
        let next = match delivery {
            Delivery::Accepted => {
                self.heard = now;
                State::Sent
            }
            Delivery::Refused(why) => State::Refused {
                until: now + REFUSED_FOR,
                why,
            },
            Delivery::Unknown(why, _) if owed.sends >= SENDS => {
                return self.fail(format!(
                    "the answer to {id} was sent {SENDS} times, and it is not known whether it arrived: {why}"
                ));
            }
            Delivery::Unknown(_, hint) => {
                let doubled = 1 << owed.sends.saturating_sub(1).min(10);
                let wait = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
                owed.due = now + wait.max(hint.unwrap_or_default()).min(LONGEST_HINT);
                State::Owed(owed)
            }
        };
        self.calls.insert(id.clone(), next);
    }

    /// Returns the next action.
    pub(crate) fn poll(&mut self, now: Duration) -> Action {
        if let Some(action) = self.actions.pop_front() {
            return action;
        }
        if self.finished {
            return Action::Wait(None);
        }
        self.pass(now);
        if let Some(action) = self.actions.pop_front() {
            return action;
        }
        if let Some(id) = self.next_to_begin() {
            self.calls.insert(id.clone(), State::Beginning);
            return Action::Record(id, Record::Begun);
        }
        if let Some((id, mut owed)) = self.next_to_send(now) {
            owed.sends += 1;
            let answer = owed.answer.clone();
            self.calls.insert(id.clone(), State::Sending(owed));
            return Action::Send(id, answer);
        }
        Action::Wait(self.next_time(now))
    }

    /// Does what is due.
    fn pass(&mut self, now: Duration) {
        let timeout = self.limits.timeout;
        for id in self.order.clone() {
            match self.calls.get(&id) {
                Some(State::Running { until: Some(until) }) if *until <= now => {
                    self.actions.push_back(Action::Stop(id.clone()));
                    let why = format!("the tool took longer than {timeout:?}, and was stopped");
                    self.end(id, ToolResult::error(why));
                }
                Some(State::Refused { until, why }) if *until <= now => {
                    return self.fail(format!("the answer to {id} was refused: {why}"));
                }
                _ => {}
            }
        }
        if self
            .silent_since()
            .is_some_and(|since| since + SILENCE <= now)
        {
            self.fail(format!(
                "the session has all answers that it waits for, and did nothing for {SILENCE:?}"
            ));
        }
    }

    /// When the session was heard last, if nobody but it can go on.
    fn silent_since(&self) -> Option<Duration> {
        let done = |state: &State| matches!(state, State::Sent | State::Answered);
        let waits = self.waits && self.pause == Pause::None && !self.order.is_empty();
        (waits && self.calls.values().all(done)).then_some(self.heard)
    }

    fn next_to_begin(&self) -> Option<EventId> {
        let busy = |state: &State| {
            matches!(
                state,
                State::Beginning | State::Running { .. } | State::Ending(_)
            )
        };
        if self.calls.values().filter(|state| busy(state)).count() >= self.limits.concurrency {
            return None;
        }
        self.first(|state| matches!(state, State::Ready))
    }

    fn next_to_send(&self, now: Duration) -> Option<(EventId, Owed)> {
        let sending = |state: &&State| matches!(state, State::Sending(_));
        if self.calls.values().filter(sending).count() >= self.limits.concurrency {
            return None;
        }
        let id = self.first(|state| matches!(state, State::Owed(owed) if owed.due <= now))?;
        match self.calls.get(&id) {
            Some(State::Owed(owed)) => Some((id, owed.clone())),
            _ => None,
        }
    }

    /// Returns the next time at which something is due. What is due already waits for something
    /// else: a place among those that are sent.
    fn next_time(&self, now: Duration) -> Option<Duration> {
        let silent = self.silent_since().map(|since| since + SILENCE);
        let times = self.calls.values().filter_map(State::due).chain(silent);
        times.filter(|time| *time > now).min()
    }

    /// The tool uses that wait for an answer which is not given here.
    pub(crate) fn left(&self) -> Vec<EventId> {
        let left = |id: &&EventId| self.calls.get(*id) == Some(&State::Left);
        self.order.iter().filter(left).cloned().collect()
    }

    fn first(&self, fits: impl Fn(&State) -> bool) -> Option<EventId> {
        let mut ids = self.order.iter();
        ids.find(|id| self.calls.get(*id).is_some_and(&fits))
            .cloned()
    }

    fn step(&mut self, id: &EventId, next: impl FnOnce(&State) -> Option<State>) {
        if let Some(state) = self.calls.get_mut(id) {
            if let Some(next) = next(state) {
                *state = next;
            }
        }
    }

    fn knows(&self, id: &EventId) -> bool {
        self.calls.contains_key(id) || self.kinds.contains_key(id)
    }

    /// Returns the kind of a tool use. One that is not recognised is no tool that is here, and is
    /// not allowed.
    fn kind(&self, id: &EventId) -> Kind {
        let kind = self.kinds.get(id).copied();
        kind.unwrap_or(Kind::Unknown(self.unrecognised))
    }

    fn fail(&mut self, why: String) {
        if !self.finished {
            self.finish();
            self.actions.push_back(Action::Fail(why));
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.pause = Pause::None;
        self.actions.clear();
        let running = |(id, state): (&EventId, &State)| match state {
            State::Running { .. } => Some(Action::Stop(id.clone())),
            _ => None,
        };
        self.actions.extend(self.calls.iter().filter_map(running));
        // Whatever still comes of them changes nothing.
        self.calls.clear();
        self.order.clear();
    }
}

const FAILS: Kind = Kind::Unknown(Otherwise::Fail);

#[cfg(test)]
mod tests;
