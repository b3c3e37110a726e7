use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use super::policy::{Policy, Polling, Tick};
use super::table::{MOVES, On, State};
use super::{
    Cause, Class, Classify, ListFrom, Notice, Outcome, Output, Refusal, RefusalKind, Start,
};
use crate::frame::{Frame, Item, Tail};
use crate::parser::Parser;

/// A stream that is resumed for as long as it can be without losing or repeating an entry.
///
/// ```
/// use std::time::Duration;
/// use qoder_sse::resume::{AllDurable, End, Output, Policy, Resume, Start};
///
/// let at = |seconds| Duration::from_secs(seconds);
/// let mut resume = Resume::new(Start::After("9".into()), Policy::default(), 7, AllDurable);
/// let connect = |resume: &mut Resume<AllDurable>, now| loop {
///     match resume.poll(now) {
///         Output::Connect { .. } => break,
///         Output::Wait(Some(at)) => resume.tick(at),
///         _ => {}
///     }
/// };
/// connect(&mut resume, at(0));
/// resume.opened(at(0));
/// let fed = resume.bytes(at(1), b"id: 10\ndata: hello\n\n");
/// assert_eq!(fed.delivery.unwrap().frame.data(), "hello");
/// resume.ended(at(2), End::Clean);
/// connect(&mut resume, at(2));
/// assert_eq!(resume.cursor(), Some("10"), "what the next request sends as Last-Event-ID");
/// ```
#[derive(Debug)]
pub struct Resume<C> {
    parser: Parser,
    classify: C,
    core: Core,
}

/// What became of some bytes.
#[derive(Debug)]
pub struct Fed<'a> {
    /// How many of them are done with.
    pub consumed: usize,
    /// A frame to deliver.
    pub delivery: Option<Delivery<'a>>,
}

/// A frame to deliver.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Delivery<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Its class.
    pub class: Class,
}

/// How the bytes of a connection came to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The response is complete.
    Clean,
    /// Reading failed.
    Broken,
    /// Nothing came for too long, as the driver noticed by its own clock.
    Silent,
}

/// Everything but the parser, which lends its frames out.
#[derive(Debug)]
struct Core {
    policy: Policy,
    state: State,
    start: Start,
    random: u64,
    queue: VecDeque<Output>,
    outcome: Outcome,
    /// The last entry delivered, or where to start.
    cursor: Option<Arc<str>>,
    /// A cursor that the server refused: it is not sent again.
    rejected: Option<Arc<str>>,
    /// A cursor that the list refused: it is not listed from again.
    unlisted: Option<Arc<str>>,
    /// Whether the request of the connection carried the cursor.
    sent_cursor: bool,
    list: ListFrom,
    /// The cursor when that list was begun.
    list_begun: Option<Arc<str>>,
    /// What to do when the wait is over.
    next: Next,
    due: Tick,
    seen: Seen,
    connections: u32,
    /// Entries delivered by the list while a connection is parked.
    listed: usize,
    attempts: u32,
    /// Connections in a row that brought nothing.
    fruitless: u32,
    mode: Mode,
    /// That it is polled was told.
    announced: bool,
    /// When to try a connection again, if the log is polled only for want of one, and how long
    /// that was put off.
    stream_at: Tick,
    put_off: Duration,
    waits: u32,
    /// Progress was made since the last wait: the next one is short.
    prompt: bool,
    progress_at: Option<Tick>,
    /// Progress was made by bytes since their reader last caught up.
    progressed: bool,
    opened_at: Tick,
    heard_at: Tick,
    heard: bool,
    retry: Duration,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Connect,
    Seed,
    Fill,
}

impl<C: Classify> Resume<C> {
    /// A machine that has done nothing yet. All its luck comes from the seed `chance`.
    pub fn new(start: Start, policy: Policy, chance: u64, classify: C) -> Self {
        Self::with_parser(start, policy, chance, classify, Parser::new())
    }

    /// The same, with a parser of other limits.
    pub fn with_parser(
        start: Start,
        policy: Policy,
        chance: u64,
        classify: C,
        parser: Parser,
    ) -> Self {
        let mut seen = Seen {
            limit: policy.remembered,
            ..Seen::default()
        };
        let cursor: Option<Arc<str>> = match &start {
            Start::After(id) => Some(id.as_str().into()),
            _ => None,
        };
        if let Some(id) = &cursor {
            seen.insert(id);
        }
        Self {
            parser,
            classify,
            core: Core {
                policy,
                state: State::Fresh,
                start,
                random: chance,
                queue: VecDeque::new(),
                outcome: Outcome::Closed,
                cursor,
                rejected: None,
                unlisted: None,
                sent_cursor: false,
                list: ListFrom::Beginning,
                list_begun: None,
                next: Next::Connect,
                due: Tick::ZERO,
                seen,
                connections: 0,
                listed: 0,
                attempts: 0,
                fruitless: 0,
                mode: Mode::Stream,
                announced: false,
                stream_at: Tick::ZERO,
                put_off: Duration::ZERO,
                waits: 0,
                prompt: false,
                progress_at: None,
                progressed: false,
                opened_at: Tick::ZERO,
                heard_at: Tick::ZERO,
                heard: false,
                retry: Duration::ZERO,
            },
        }
    }

    /// The last entry that was delivered, or the one to start after. Stored, it resumes the
    /// stream in another process.
    pub fn cursor(&self) -> Option<&str> {
        self.core.cursor.as_deref()
    }

    /// Whether this id is that of an entry which was delivered, as far back as is remembered.
    pub fn knows(&self, id: &str) -> bool {
        self.core.seen.contains(id) || self.cursor() == Some(id)
    }

    /// The state.
    pub fn state(&self) -> State {
        self.core.state
    }

    /// Whether the connection is to be read.
    pub fn reads(&self) -> bool {
        self.core.state == State::Live
    }

    /// The classifier.
    pub fn classifier(&mut self) -> &mut C {
        &mut self.classify
    }

    /// What to do next. Call it until it says [`Output::Wait`] or [`Output::Done`].
    pub fn poll(&mut self, now: Tick) -> Output {
        if self.core.state == State::Fresh {
            self.core.begin(now);
        }
        self.core.poll()
    }

    /// The connection is open: a success, and an event stream.
    pub fn opened(&mut self, now: Tick) {
        self.parser.restart();
        self.core.opened(now);
    }

    /// The server refused the connection.
    pub fn refused(&mut self, now: Tick, refusal: Refusal) {
        self.core.refused(now, refusal);
    }

    /// No connection could be made, or no response came.
    pub fn failed(&mut self, now: Tick) {
        if self.core.state == State::Connecting {
            self.core.wait(now, On::Transient, Cause::Unreachable, None);
        }
    }

    /// Bytes arrived on the connection. Call it with the rest until all of them are consumed,
    /// or until [`reads`](Self::reads) says no.
    pub fn bytes<'a>(&'a mut self, now: Tick, input: &'a [u8]) -> Fed<'a> {
        if self.core.state != State::Live {
            return Fed {
                consumed: input.len(),
                delivery: None,
            };
        }
        if !input.is_empty() {
            self.core.heard_at = now;
            self.core.heard = true;
        }
        let step = self.parser.step(input);
        let consumed = step.consumed;
        let delivery = match step.item {
            Some(Item::Frame(frame)) => {
                let class = self.classify.classify(&frame);
                let deliver = match class {
                    Class::Durable | Class::Final => {
                        self.core.entry(now, self.classify.id(&frame).as_deref())
                    }
                    Class::Preview => true,
                    Class::Fault { fatal } => fatal,
                    Class::Pulse | Class::EndOfStream => false,
                };
                self.core.after(now, class);
                deliver.then_some(Delivery { frame, class })
            }
            Some(Item::Retry(time)) => {
                self.core.retry = time.clamp(self.core.policy.prompt, self.core.policy.max_hint);
                None
            }
            Some(Item::Overflow(overflow)) => {
                self.core.finish(On::TooLarge, Outcome::Overflow(overflow));
                None
            }
            _ => None,
        };
        Fed { consumed, delivery }
    }

    /// All bytes so far were made use of, and that took until now. For drivers that give all
    /// frames of a chunk the time of its arrival: the time that a slow caller takes for them is
    /// neither silence nor an outage.
    pub fn caught_up(&mut self, now: Tick) {
        if self.core.state != State::Live {
            return;
        }
        self.core.heard_at = now;
        if core::mem::take(&mut self.core.progressed) {
            self.core.progress_at = Some(now);
        }
    }

    /// The connection's bytes are at their end.
    pub fn ended(&mut self, now: Tick, end: End) {
        if !matches!(self.core.state, State::Live | State::Parked) {
            return;
        }
        let cause = match (end, self.parser.finish()) {
            (End::Broken, _) => Cause::Broken,
            (End::Silent, _) => Cause::Idle,
            (End::Clean, Tail::Clean) => Cause::Ended,
            (End::Clean, Tail::Cut { .. }) => Cause::Cut,
        };
        self.core.lost(now, cause);
    }

    /// The id of the newest entry, as [`ListFrom::Newest`] asked; `None` if there is no entry.
    pub fn newest(&mut self, now: Tick, id: Option<&str>) {
        if self.core.state != State::Seeding {
            return;
        }
        if let Some(id) = id {
            let id: Arc<str> = id.into();
            self.core.seen.insert(&id);
            self.core.cursor = Some(id);
        }
        if self.core.mode != Mode::Stream {
            self.core.rest(now);
            return;
        }
        self.core.go(match id {
            Some(_) => On::NewestKnown,
            None => On::ListEmpty,
        });
        self.core.connect();
    }

    /// Whether to deliver an entry that was listed. Ask in the order of the entries.
    pub fn listed(&mut self, now: Tick, id: Option<&str>, class: Class) -> bool {
        if !matches!(self.core.state, State::Filling | State::Parked) {
            return false;
        }
        let deliver = match class {
            Class::Durable | Class::Final => self.core.entry(now, id),
            _ => false,
        };
        self.core.listed += usize::from(deliver);
        if class == Class::Final {
            self.core.finish(On::FinalFrame, Outcome::Final);
        }
        deliver
    }

    /// The list is complete.
    pub fn list_done(&mut self, now: Tick) {
        self.core.list_done(now);
    }

    /// The list could not be had.
    pub fn list_failed(&mut self, now: Tick, refusal: Refusal) {
        self.core.list_failed(now, refusal);
    }

    /// The list was walked back to its end, and no entry in it is known: what lies between can't
    /// be had.
    pub fn list_gap(&mut self) {
        if matches!(self.core.state, State::Filling | State::Parked) {
            self.core.finish(On::ListGone, Outcome::Gap);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Tick) {
        match self.core.state {
            State::Waiting if now >= self.core.due => self.core.due_now(),
            State::Resting if now >= self.core.due => self.core.rested(now),
            State::Live if now.saturating_sub(self.core.heard_at) >= self.core.policy.idle => {
                self.parser.finish();
                self.core.lost(now, Cause::Idle);
            }
            _ => {}
        }
    }

    /// There is reason to believe that the server is back, or that there is news: the wait is
    /// over.
    pub fn wake(&mut self, now: Tick) {
        match self.core.state {
            State::Waiting => self.core.due_now(),
            State::Resting => self.core.rested(now),
            _ => {}
        }
    }

    /// Nobody wants any more of it.
    pub fn close(&mut self) {
        self.core.finish(On::Closed, Outcome::Closed);
    }
}

impl Core {
    /// Makes a move of the table, if it has one; an input at the wrong time is ignored.
    fn go(&mut self, on: On) -> bool {
        let found = MOVES
            .iter()
            .find(|found| found.from == self.state && found.on == on);
        if let Some(found) = found {
            self.state = found.to;
        }
        found.is_some()
    }

    fn begin(&mut self, now: Tick) {
        self.progress_at = Some(now);
        if self.policy.polling == Polling::Always && self.start != Start::Attach {
            self.mode = Mode::Polling;
        }
        match self.start {
            Start::After(_) if self.mode == Mode::Polling => {
                self.go(On::StartPolling);
                self.fill(ListFrom::Cursor);
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
                self.queue.push_back(Output::List(ListFrom::Newest));
            }
            Start::Beginning => {
                self.go(On::StartBeginning);
                self.fill(ListFrom::Beginning);
            }
        }
    }

    fn poll(&mut self) -> Output {
        if let Some(output) = self.queue.pop_front() {
            return output;
        }
        match self.state {
            State::Waiting | State::Resting => Output::Wait(Some(self.due)),
            State::Live => Output::Wait(Some(self.heard_at.saturating_add(self.policy.idle))),
            State::Done => Output::Done(self.outcome),
            _ => Output::Wait(None),
        }
    }

    /// Asks for a connection; the state is Connecting.
    fn connect(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.fruitless = self.fruitless.saturating_add(1);
        self.sent_cursor = self.cursor.is_some();
        self.queue.push_back(Output::Notice(Notice::Connecting {
            attempt: self.attempts,
        }));
        self.queue.push_back(Output::Connect {
            attempt: self.attempts,
            cursor: self.sent_cursor,
        });
    }

    /// Asks for a list; the state is Filling or Parked.
    fn fill(&mut self, from: ListFrom) {
        if self.mode != Mode::Stream && !self.announced {
            self.announced = true;
            self.queue.push_back(Output::Notice(Notice::Polling));
        }
        let repairs = match from {
            ListFrom::BackToKnown => true,
            ListFrom::Beginning => self.connections > 0 && self.mode == Mode::Stream,
            _ => self.mode == Mode::Stream,
        };
        if repairs {
            self.queue.push_back(Output::Notice(Notice::Repairing));
        }
        let from = match from {
            ListFrom::Cursor if self.cursor == self.unlisted => ListFrom::BackToKnown,
            from => from,
        };
        self.list = from;
        self.list_begun.clone_from(&self.cursor);
        self.listed = 0;
        self.queue.push_back(Output::List(from));
    }

    fn opened(&mut self, now: Tick) {
        // Without a cursor the server starts anywhere. What it may have skipped is listed first,
        // and the stream read then, less what the list had.
        let park = !self.sent_cursor && self.start != Start::Attach;
        if !self.go(if park { On::OpenedToPark } else { On::Opened }) {
            return;
        }
        self.opened_at = now;
        self.heard_at = now;
        self.heard = false;
        if park {
            self.fill(self.rest_of_the_log());
        } else {
            self.live();
        }
    }

    fn rest_of_the_log(&self) -> ListFrom {
        if self.cursor.is_some() {
            ListFrom::Cursor
        } else {
            ListFrom::Beginning
        }
    }

    fn live(&mut self) {
        self.connections = self.connections.saturating_add(1);
        self.announced = false;
        self.queue.push_back(Output::Notice(Notice::Live));
        if self.connections > 1 {
            self.queue.push_back(Output::Notice(Notice::PreviewsVoid));
        }
    }

    fn refused(&mut self, now: Tick, refusal: Refusal) {
        if self.state != State::Connecting {
            return;
        }
        match refusal.kind {
            // There was none to reject.
            RefusalKind::CursorRejected if !self.sent_cursor => self.finish(
                On::Refused,
                Outcome::Refused {
                    status: refusal.status,
                },
            ),
            RefusalKind::CursorRejected => {
                self.rejected.clone_from(&self.cursor);
                self.go(On::CursorRejected);
                self.fill(ListFrom::Cursor);
            }
            RefusalKind::Stop | RefusalKind::Fatal if self.may_poll() => {
                // The list has the last word on what is refused for good.
                self.fruitless = u32::MAX;
                let cause = Cause::Refused {
                    status: refusal.status,
                };
                self.wait(now, On::Transient, cause, None);
            }
            RefusalKind::Stop => self.finish(On::Stopped, Outcome::Stopped),
            RefusalKind::Fatal => self.finish(
                On::Refused,
                Outcome::Refused {
                    status: refusal.status,
                },
            ),
            RefusalKind::Transient => {
                let cause = Cause::Refused {
                    status: refusal.status,
                };
                self.wait(now, On::Transient, cause, refusal.retry_after);
            }
        }
    }

    /// An entry: whether it is new. It is remembered, and the cursor is on it.
    fn entry(&mut self, now: Tick, id: Option<&str>) -> bool {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            let id: Arc<str> = id.into();
            if !self.seen.insert(&id) {
                return false;
            }
            self.cursor = Some(id);
        }
        self.progress(now);
        true
    }

    fn after(&mut self, now: Tick, class: Class) {
        match class {
            Class::Final => self.finish(On::FinalFrame, Outcome::Final),
            Class::EndOfStream => self.lost(now, Cause::Ended),
            Class::Fault { fatal: true } => self.finish(On::FatalFault, Outcome::Fault),
            Class::Fault { fatal: false } => self.lost(now, Cause::Fault),
            Class::Durable | Class::Preview | Class::Pulse => {}
        }
    }

    fn progress(&mut self, now: Tick) {
        self.attempts = 0;
        self.fruitless = 0;
        self.waits = 0;
        if self.state == State::Live {
            self.put_off = Duration::ZERO;
        }
        self.prompt = true;
        self.progress_at = Some(now);
        self.progressed = true;
    }

    fn lost(&mut self, now: Tick, cause: Cause) {
        let lived = now.saturating_sub(self.opened_at);
        if self.state == State::Live && self.heard && lived >= self.policy.healthy {
            self.progress(now);
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

    fn list_done(&mut self, now: Tick) {
        match self.state {
            State::Parked if self.listed > self.policy.remembered => {
                // The stream may repeat more than is remembered: better to attach anew, behind it.
                self.go(On::ListTooLong);
                self.queue.push_back(Output::Release);
                self.connect();
            }
            State::Parked => {
                self.go(On::ListDone);
                self.heard_at = now;
                self.live();
            }
            State::Filling => {
                if self.polls_on() {
                    // Nothing new is no failure: the server answers.
                    self.progress(now);
                    self.rest(now);
                    return;
                }
                let on = if self.cursor.is_some() {
                    On::ListDone
                } else {
                    On::ListEmpty
                };
                self.go(on);
                self.connect();
            }
            _ => {}
        }
    }

    fn list_failed(&mut self, now: Tick, refusal: Refusal) {
        if !matches!(self.state, State::Seeding | State::Filling | State::Parked) {
            return;
        }
        if self.state == State::Parked && refusal.kind != RefusalKind::CursorRejected {
            self.queue.push_back(Output::Release);
        }
        match refusal.kind {
            // A page further on was refused: again from where it came to.
            RefusalKind::CursorRejected if self.cursor != self.list_begun => {
                self.fill(ListFrom::Cursor);
            }
            RefusalKind::CursorRejected if self.list == ListFrom::Cursor => {
                self.unlisted.clone_from(&self.cursor);
                self.fill(ListFrom::BackToKnown);
            }
            RefusalKind::Transient => {
                self.next = match self.state {
                    State::Seeding => Next::Seed,
                    State::Filling => Next::Fill,
                    _ => Next::Connect,
                };
                self.wait(now, On::ListFailed, Cause::ListFailed, refusal.retry_after);
            }
            _ => self.finish(
                On::ListGone,
                Outcome::Refused {
                    status: refusal.status,
                },
            ),
        }
    }

    /// Waits before the next attempt, or gives up.
    fn wait(&mut self, now: Tick, on: On, cause: Cause, hint: Option<Duration>) {
        if self.state == State::Connecting {
            self.next = Next::Connect;
        }
        if !self.go(on) {
            return;
        }
        if self.next == Next::Connect && self.may_poll() && self.is_fruitless() {
            self.fall_back(now);
        }
        let outage = now.saturating_sub(*self.progress_at.get_or_insert(now));
        if self.attempts >= self.policy.max_attempts || outage >= self.policy.max_outage {
            self.finish(On::GaveUp, Outcome::GaveUp(cause));
            return;
        }
        let own = if core::mem::take(&mut self.prompt) {
            self.policy.prompt.mul_f64(self.chance())
        } else {
            let doubled = self.policy.base.saturating_mul(1 << self.waits.min(20));
            self.waits += 1;
            let whole = doubled.min(self.policy.cap);
            let half = whole / 2;
            half + half.mul_f64(self.chance())
        };
        let hint = hint.unwrap_or_default().min(self.policy.max_hint);
        let delay = own.max(self.retry).max(hint);
        self.due = now.saturating_add(delay);
        self.queue
            .push_back(Output::Notice(Notice::Waiting { delay, cause }));
    }

    /// Whether polling may take the place of connections.
    fn may_poll(&self) -> bool {
        matches!(self.policy.polling, Polling::After(_))
            && self.start != Start::Attach
            && self.mode == Mode::Stream
    }

    fn is_fruitless(&self) -> bool {
        matches!(self.policy.polling, Polling::After(openings) if self.fruitless >= openings)
    }

    /// From connections to polling.
    fn fall_back(&mut self, now: Tick) {
        self.mode = Mode::FellBack;
        self.announced = false;
        self.next = Next::Fill;
        self.list = self.rest_of_the_log();
        let longest = self.policy.stream_again.saturating_mul(10);
        self.put_off = (self.put_off.saturating_mul(2)).clamp(self.policy.stream_again, longest);
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
        let half = self.policy.pace / 2;
        let pause = half + half.mul_f64(self.chance());
        self.due = now.saturating_add(pause);
    }

    fn rested(&mut self, now: Tick) {
        if self.mode == Mode::FellBack && now >= self.stream_at && !self.cursor_is_rejected() {
            // One connection that brings nothing, and it is polled again.
            self.mode = Mode::Stream;
            self.fruitless = u32::MAX - 1;
            self.go(On::Due);
            self.connect();
        } else {
            self.attempts = self.attempts.saturating_add(1);
            self.go(On::DueToList);
            self.fill(self.rest_of_the_log());
        }
    }

    fn due_now(&mut self) {
        match self.next {
            Next::Connect => {
                self.go(On::Due);
                self.connect();
            }
            Next::Seed => {
                self.attempts = self.attempts.saturating_add(1);
                self.go(On::DueToSeed);
                self.queue.push_back(Output::List(ListFrom::Newest));
            }
            Next::Fill => {
                self.attempts = self.attempts.saturating_add(1);
                // What the list gave before it failed is not asked for again.
                let from = match self.list {
                    ListFrom::Beginning => self.rest_of_the_log(),
                    from => from,
                };
                self.go(On::DueToList);
                self.fill(from);
            }
        }
    }

    /// The last move: whatever is open is released.
    fn finish(&mut self, on: On, outcome: Outcome) {
        let open = matches!(self.state, State::Live | State::Parked | State::Connecting);
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

    /// The next number in [0, 1), by `SplitMix64`.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
        unit
    }
}

/// The ids delivered last, whole: a hash that collides would drop an entry.
#[derive(Debug, Default)]
struct Seen {
    limit: usize,
    order: VecDeque<Arc<str>>,
    set: BTreeSet<Arc<str>>,
}

impl Seen {
    fn contains(&self, id: &str) -> bool {
        self.set.contains(id)
    }

    /// Whether it is new.
    fn insert(&mut self, id: &Arc<str>) -> bool {
        if !self.set.insert(Arc::clone(id)) {
            return false;
        }
        self.order.push_back(Arc::clone(id));
        if self.order.len() > self.limit.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                self.set.remove(&oldest);
            }
        }
        true
    }
}
