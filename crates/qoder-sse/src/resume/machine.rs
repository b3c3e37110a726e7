use super::moves::Core;
use super::policy::{Policy, Tick};
use super::table::{On, State};
use super::{Action, Cause, Class, Classify, Fault, Outcome, Refusal, Start};
use crate::frame::{Frame, Item, Tail};
use crate::parser::Parser;

/// A stream that is resumed for as long as it can be without losing or repeating an entry.
///
/// # Contract
///
/// *What goes in*: what happened, with the time at which it did. To the connection:
/// [`opened`](Self::opened), [`refused`](Self::refused), [`failed`](Self::failed),
/// [`bytes`](Self::bytes), [`ended`](Self::ended). To the list: [`newest`](Self::newest),
/// [`page`](Self::page), [`listed`](Self::listed), [`list_done`](Self::list_done), and the ways in
/// which it fails. [`tick`](Self::tick) as time passes, [`wake`](Self::wake) and
/// [`close`](Self::close) at any moment. An input that the state has no use for is ignored.
///
/// *What comes out*: frames to deliver, from [`bytes`](Self::bytes); a yes or no to each entry of a
/// list, from [`listed`](Self::listed); and [`Action`]s, from [`poll`](Self::poll).
///
/// *What the caller must do*: after each input, call [`poll`](Self::poll) and carry out what it
/// returns, in order, until that is [`Action::Wait`] or [`Action::Done`]. Deliver what is to be
/// delivered before the next input, because the cursor is on it already. Read the connection only
/// while [`reads`](Self::reads), and give the machine no list while [`lists`](Self::lists) is false.
///
/// *Times* are durations since any start. They may repeat and must not go back. A machine whose
/// clock stands still while its user is busy takes no slow user for a dead server.
///
/// *What is promised*: every entry after the start is delivered once, in the order of the log, as
/// long as the server lists it; what can't be fetched ends in [`Outcome::Gap`], and the last action
/// is always [`Action::Done`]. The machine makes the moves of [`MOVES`](super::MOVES) and no
/// others, reads no clock, draws no chance but from its seed, and never panics. It holds what the
/// parser's limits allow, and as many ids as [`Policy::remembered`].
///
/// ```
/// use std::time::Duration;
/// use qoder_sse::resume::{AllDurable, Ending, Action, Policy, Resume, Start};
///
/// let at = |seconds| Duration::from_secs(seconds);
/// let mut resume = Resume::new(Start::After("9".into()), Policy::default(), 7, AllDurable);
/// let connect = |resume: &mut Resume<AllDurable>, now| loop {
///     match resume.poll(now) {
///         Action::Connect { .. } => break,
///         Action::Wait(Some(at)) => resume.tick(at),
///         _ => {}
///     }
/// };
/// connect(&mut resume, at(0));
/// resume.opened(at(0));
/// let fed = resume.bytes(at(1), b"id: 10\ndata: hello\n\n");
/// assert_eq!(fed.delivery.unwrap().frame.data(), "hello");
/// resume.ended(at(2), Ending::Clean);
/// connect(&mut resume, at(2));
/// assert_eq!(resume.cursor(), Some("10"), "what the next request sends as Last-Event-ID");
/// ```
#[derive(Debug)]
pub struct Resume<C> {
    parser: Parser,
    classify: C,
    core: Core,
    /// The last block had nothing but an id, which the cursor follows.
    id_only: bool,
    /// So many bytes of what comes next were looked at already, and no entry is complete in them.
    looked_at: usize,
}

/// The result of [`Resume::bytes`].
#[derive(Debug)]
pub struct Fed<'a> {
    /// The number of bytes of the input that were consumed: the rest is to be given again.
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
    /// The class of the frame.
    pub class: Class,
}

/// The way the bytes of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The response is complete.
    Clean,
    /// Reading failed.
    Broken,
    /// Nothing came for too long, as the driver noticed by its own clock.
    Silent,
}

impl<C: Classify> Resume<C> {
    /// Returns a machine that has done nothing yet. `seed` seeds the jitter of its waits.
    pub fn new(start: Start, policy: Policy, seed: u64, classify: C) -> Self {
        Self::with_parser(start, policy, seed, classify, Parser::new())
    }

    /// Returns a machine like [`new`](Self::new), with a parser of other limits.
    pub fn with_parser(
        start: Start,
        policy: Policy,
        seed: u64,
        classify: C,
        parser: Parser,
    ) -> Self {
        Self {
            parser,
            classify,
            core: Core::new(start, policy, seed),
            id_only: false,
            looked_at: 0,
        }
    }

    /// The last entry that was delivered, or the one to start after. Stored, it resumes the
    /// stream in another process.
    ///
    /// ```
    /// use qoder_sse::resume::{AllDurable, Policy, Resume, Start};
    ///
    /// let start = Start::After("42".to_owned());
    /// let resume = Resume::new(start, Policy::default(), 7, AllDurable);
    /// assert_eq!(resume.cursor(), Some("42"));
    /// ```
    pub fn cursor(&self) -> Option<&str> {
        if self.id_only {
            return Some(self.parser.last_event_id()).filter(|id| !id.is_empty());
        }
        self.core.cursor.as_deref()
    }

    /// Returns whether this is the id of an entry that was delivered, as far back as
    /// [`Policy::remembered`] reaches.
    pub fn knows(&self, id: &str) -> bool {
        self.core.knows(id)
    }

    /// Returns the time before which the server asked not to be asked, whichever request it said so
    /// to: for requests of other parts of a program to the same server. The machine's own heed it.
    /// Zero if the server never asked for a pause.
    ///
    /// ```
    /// use core::time::Duration;
    /// use qoder_sse::resume::{Action, AllDurable, Policy, Refusal, Resume, Start};
    ///
    /// let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    /// let now = Duration::from_secs(60);
    /// assert!(matches!(resume.poll(now), Action::Notice(_)));
    /// assert!(matches!(resume.poll(now), Action::Connect { .. }));
    /// let mut refusal = Refusal::of_status(429);
    /// refusal.retry_after = Some(Duration::from_secs(20));
    /// resume.refused(now, refusal);
    /// assert_eq!(resume.not_before(), Duration::from_secs(80));
    /// ```
    pub fn not_before(&self) -> Tick {
        self.core.not_before
    }

    /// Returns the state that the machine is in, for tests and logs.
    pub fn state(&self) -> State {
        self.core.state
    }

    /// Returns whether the connection is to be read.
    pub fn reads(&self) -> bool {
        self.core.reads()
    }

    /// Returns whether pages of the list are to be fetched, if there are more of them.
    pub fn lists(&self) -> bool {
        self.core.lists()
    }

    /// Returns the classifier, for what it learned from the frames it has seen.
    pub fn classifier(&mut self) -> &mut C {
        &mut self.classify
    }

    /// Returns the next action. Call it until it returns [`Action::Wait`] or [`Action::Done`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::resume::{Action, AllDurable, Policy, Resume, Start};
    ///
    /// let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    /// let now = Duration::ZERO;
    /// loop {
    ///     match resume.poll(now) {
    ///         Action::Connect { attempt, .. } => println!("attempt {attempt}"),
    ///         Action::Wait(until) => {
    ///             println!("until {until:?}, or until the connection is there");
    ///             break;
    ///         }
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// ```
    pub fn poll(&mut self, now: Tick) -> Action {
        self.settle();
        self.core.poll(now)
    }

    fn settle(&mut self) {
        if core::mem::take(&mut self.id_only) {
            self.core.set_cursor(self.parser.last_event_id());
        }
    }

    /// The connection is open: a success, and an event stream.
    pub fn opened(&mut self, now: Tick) {
        self.parser.restart();
        self.looked_at = 0;
        self.core.opened(now);
    }

    /// The server refused the connection.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::resume::{Action, AllDurable, Outcome, Policy, Refusal, Resume, Start};
    ///
    /// let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    /// let now = Duration::ZERO;
    /// while !matches!(resume.poll(now), Action::Wait(_)) {}
    /// resume.refused(now, Refusal::of_status(404)); // the answer to `Action::Connect`
    /// while !matches!(resume.poll(now), Action::Done(_)) {}
    /// assert_eq!(resume.poll(now), Action::Done(Outcome::Refused { status: 404 }));
    /// ```
    pub fn refused(&mut self, now: Tick, refusal: Refusal) {
        self.core.refused(now, refusal);
    }

    /// No connection could be made, or no response came.
    pub fn failed(&mut self, now: Tick) {
        self.core.failed(now);
    }

    /// Bytes arrived on the connection. Call it with the rest until all of them are consumed,
    /// or until [`reads`](Self::reads) says no; the rest is kept then until it says yes again, or
    /// the connection is released.
    pub fn bytes<'a>(&'a mut self, now: Tick, input: &'a [u8]) -> Fed<'a> {
        if !self.core.reads() {
            let consumed = if self.core.state == State::Parked {
                0
            } else {
                input.len()
            };
            return Fed {
                consumed,
                delivery: None,
            };
        }
        self.settle();
        if !input.is_empty() {
            self.core.heard(now);
        }
        if self.core.wants_proof() && self.holds(now, input) {
            return Fed {
                consumed: 0,
                delivery: None,
            };
        }
        if self.core.may_begin_before() && self.looked_at < input.len() {
            self.look_ahead(input);
            self.looked_at = input.len();
        }
        let step = self.parser.step(input);
        let consumed = step.consumed;
        self.looked_at = self.looked_at.saturating_sub(consumed);
        let delivery = match step.item {
            Some(Item::Frame(frame)) => {
                let class = self.classify.classify(&frame);
                let deliver = match class {
                    Class::Durable | Class::Final => {
                        let follows = self.classify.follows_last_id();
                        let id = self.classify.id(&frame);
                        let deliver = self.core.streamed(now, id.as_deref());
                        if follows && id.as_deref() == Some("") {
                            self.core.set_cursor("");
                        }
                        deliver
                    }
                    Class::Preview => {
                        self.core.previewed(now);
                        true
                    }
                    Class::Fault(Fault::Fatal) => true,
                    Class::Fault(Fault::CursorRejected) => !self.core.can_repair(),
                    Class::Fault(Fault::Transient) | Class::Pulse | Class::EndOfStream => false,
                };
                self.core.after(now, class);
                deliver.then_some(Delivery { frame, class })
            }
            Some(Item::Id) => {
                self.id_only = self.classify.follows_last_id();
                None
            }
            Some(Item::Retry(time)) => {
                self.core.set_retry(time);
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

    /// Whether the next frame is the first entry of a stream that was attached anywhere: it is
    /// read again when the list is through.
    fn holds(&mut self, now: Tick, input: &[u8]) -> bool {
        if !ends_a_line(input) {
            return false;
        }
        let mut ahead = self.parser.clone();
        let Some(Item::Frame(frame)) = ahead.step(input).item else {
            return false;
        };
        if !matches!(
            self.classify.classify(&frame),
            Class::Durable | Class::Final
        ) {
            return false;
        }
        // What has no id can't be waited for.
        let id = self.classify.id(&frame);
        let Some(id) = id.filter(|id| !id.is_empty() && !self.core.knows(id)) else {
            return false;
        };
        self.core.first_entry(now, &id);
        true
    }

    /// A server that begins before the cursor sends what it repeats in one go, mostly: then the
    /// cursor is in sight before the first entry is delivered.
    fn look_ahead(&mut self, input: &[u8]) {
        if !ends_a_line(input) {
            return;
        }
        let mut ahead = self.parser.clone();
        let (mut rest, mut entries) = (input, 0);
        while !rest.is_empty() {
            let step = ahead.step(rest);
            rest = &rest[step.consumed..];
            let Some(Item::Frame(frame)) = step.item else {
                continue;
            };
            let class = self.classify.classify(&frame);
            if !matches!(class, Class::Durable | Class::Final) {
                continue;
            }
            entries += 1;
            if let Some(id) = self.classify.id(&frame) {
                if self.core.is_sent_cursor(&id) {
                    self.core.begins_before(entries > 1);
                    return;
                }
            }
        }
        if entries > 0 {
            self.core.begins_before(false);
        }
    }

    /// Reports that the last delivery brought the caller something new, although it moves no
    /// cursor: a preview with new text. That is progress; a repetition is not.
    pub fn progressed(&mut self) {
        self.core.progressed();
    }

    /// The connection's bytes are at their end.
    pub fn ended(&mut self, now: Tick, end: Ending) {
        if !self.core.reads() && self.core.state != State::Parked {
            return;
        }
        self.settle();
        let cause = match (end, self.parser.finish()) {
            (Ending::Broken, _) => Cause::Broken,
            (Ending::Silent, _) => Cause::Idle,
            (Ending::Clean, Tail::Clean) => Cause::Ended,
            (Ending::Clean, Tail::Cut { .. }) => Cause::Cut,
        };
        self.core.lost(now, cause);
    }

    /// The id of the newest entry, as [`ListFrom::Newest`](super::ListFrom::Newest) asked; `None`
    /// if there is no entry.
    pub fn newest(&mut self, now: Tick, id: Option<&str>) {
        self.settle();
        self.core.newest(now, id);
    }

    /// A page of the list came: whether it has an entry that this list did not have before, and
    /// whether there are more pages. Pages without anything new are waited for ever longer, and
    /// end it at last.
    pub fn page(&mut self, now: Tick, is_new: bool, more: bool) {
        self.settle();
        self.core.page(now, is_new, more);
    }

    /// Whether to deliver an entry that was listed. Ask in the order of the entries.
    pub fn listed(&mut self, id: Option<&str>, class: Class) -> bool {
        self.settle();
        self.core.listed(id, class)
    }

    /// The list is complete.
    pub fn list_done(&mut self, now: Tick) {
        self.settle();
        self.core.list_done(now);
    }

    /// The list was refused, or a page of it.
    pub fn list_failed(&mut self, now: Tick, refusal: Refusal) {
        self.settle();
        self.core.list_failed(now, refusal);
    }

    /// A page of the list could not be fetched: the server could not be reached, or did not answer.
    pub fn list_unreachable(&mut self, now: Tick) {
        self.settle();
        self.core.list_failed_for_now(now, Cause::Unreachable, None);
    }

    /// A page of the list came and could not be read, or can't be fetched any more: the list begins
    /// anew after a while.
    pub fn list_broken(&mut self, now: Tick) {
        self.settle();
        self.core.list_failed_for_now(now, Cause::ListFailed, None);
    }

    /// The list was walked back to its end, and no entry in it is known: the entries between can't
    /// be fetched.
    pub fn list_gap(&mut self, now: Tick) {
        self.settle();
        self.core.list_gap(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Tick) {
        self.settle();
        self.core.tick(now);
    }

    /// There is reason to believe that the server is back, or that there is news: the wait is
    /// over. The attempt that follows doesn't count towards giving up.
    pub fn wake(&mut self, now: Tick) {
        self.core.wake(now);
    }

    /// Ends the machine: the connection is to be released, and the outcome is
    /// [`Outcome::Closed`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::resume::{Action, AllDurable, Outcome, Policy, Resume, Start};
    ///
    /// let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    /// resume.close();
    /// while !matches!(resume.poll(Duration::ZERO), Action::Done(_)) {}
    /// assert_eq!(resume.poll(Duration::ZERO), Action::Done(Outcome::Closed));
    /// ```
    pub fn close(&mut self) {
        self.settle();
        self.core.finish(On::Closed, Outcome::Closed);
    }
}

/// Whether a frame may be complete within these bytes; most pieces of a long one can be told so
/// without a copy of what is held of it.
fn ends_a_line(input: &[u8]) -> bool {
    memchr::memchr2(b'\n', b'\r', input).is_some()
}
