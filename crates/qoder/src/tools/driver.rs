//! A turn that is answered while it is read: does what the machine says, and decides nothing.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use qoder_types::{Event, EventId};
use tokio::time::Instant;

use super::answer::{Answer, Given};
use super::answers::{delivery, is_this};
use super::approvals::Decision;
use super::jobs::{Came, Jobs};
use super::machine::{Action, Delivery, Rounds};
use super::opening::{Answering, ToolProgress};
use super::seen::Seen;
use super::tool_use::ToolUse;
use super::toolbox::UnknownTools;
use crate::conversation::Conversation;
use crate::error::{Error, Result};
use crate::few::Few;
use crate::follow::{Update, poll_event};
use crate::timer::Timer;
use crate::turn::{Reading, Reply, Stop, Turn, answered};

/// The events of one turn, in which a [`Toolbox`](crate::Toolbox) and
/// [`Approvals`](crate::Approvals) answer what the agent asks for. From
/// [`TurnOpening::tools`](crate::turn::TurnOpening::tools).
///
/// Handlers run, and answers are sent, while [`next`](Self::next) or [`reply`](Self::reply) is
/// polled. Dropping the future of `next` loses nothing; dropping the turn drops the handlers, and
/// leaves the agent's work alone. Fused; an `Err` is the last item.
#[must_use = "streams do nothing unless polled"]
pub struct ToolTurn<'l> {
    turn: Turn,
    conversation: Conversation,
    answering: Answering<'l>,
    rounds: Rounds,
    /// The tool uses that were seen and not asked for.
    seen: Seen,
    /// Those that were asked for.
    asked: Few<EventId, ToolUse>,
    jobs: Jobs<'l>,
    /// The updates that came and are not handed over yet.
    held: VecDeque<Update>,
    /// The end, once those are handed over.
    last: Option<Result<()>>,
    start: Instant,
    /// When there is something to be done again, if nothing happens.
    until: Option<Duration>,
    timer: Timer,
    /// Nobody is there to answer what is left to the caller.
    alone: bool,
    over: bool,
}

impl<'l> ToolTurn<'l> {
    pub(super) fn new(turn: Turn, stale: bool, answering: Answering<'l>) -> Self {
        let fails = answering.toolbox.unknown_tools() == UnknownTools::Fail;
        let mut rounds = Rounds::new(answering.toolbox.limits(), stale, fails);
        if let Stop::RequiresAction(ids) = turn.stop_reason() {
            rounds.paused(ids);
        }
        let (shared, session) = turn.parts();
        Self {
            conversation: Conversation::new(shared, session),
            turn,
            answering,
            rounds,
            seen: Seen::default(),
            asked: Few::new(),
            jobs: Jobs::default(),
            held: VecDeque::new(),
            last: None,
            start: Instant::now(),
            until: None,
            timer: Timer::default(),
            alone: false,
            over: false,
        }
    }

    /// Returns the next event, or `None` when the turn is over. What the agent asks for is answered
    /// meanwhile. What is [left](Self::left) to the caller is known as soon as the pause that names
    /// it, a `session.status_idle`, is returned; [`respond`](Self::respond) answers it.
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation, toolbox: qoder::Toolbox) -> qoder::Result<()> {
    /// let mut turn = session.turn("Book the trip").tools(&toolbox).await?;
    /// while let Some(event) = turn.next().await {
    ///     println!("{}", event?.type_name());
    ///     let answers: Vec<_> = turn.left().iter().map(|asked| asked.deny("not today")).collect();
    ///     turn.respond(answers).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the next update, as [`Turn::next_update`] does: an event, or, with
    /// [`previews`](crate::turn::TurnOpening::previews), the text of messages while it is written.
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation, toolbox: qoder::Toolbox) -> qoder::Result<()> {
    /// use qoder::Update;
    ///
    /// let mut turn = session.turn("Book the trip").previews().tools(&toolbox).await?;
    /// while let Some(update) = turn.next_update().await {
    ///     if let Update::Text(text) = update? {
    ///         print!("{}", text.new());
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn next_update(&mut self) -> Option<Result<Update>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Returns the turn, for its state and its checkpoint.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Returns the tool uses that wait for an answer which neither the toolbox nor the approvals
    /// give.
    pub fn left(&self) -> Vec<&ToolUse> {
        let left = self.rounds.left();
        let pending = self.turn.pending().iter();
        pending.filter(|asked| left.contains(asked.id())).collect()
    }

    /// Sends the caller's answers to what is [left](Self::left), in one request; see
    /// [`Turn::respond`].
    ///
    /// # Errors
    ///
    /// Those of [`Turn::respond`].
    pub async fn respond(&mut self, answers: impl IntoIterator<Item = Answer>) -> Result<()> {
        self.turn.respond(answers).await
    }

    /// Reads the turn to its end, answering what the agent asks for, and returns the messages that
    /// were not handed over yet, and why the turn is over.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Turn`](crate::ErrorKind::Turn) if something is [left](Self::left) to the
    ///   caller, if the answers can't be given or remembered, if the agent asks more often than the
    ///   toolbox allows, or if the session was terminated or deleted. The
    ///   [checkpoint](Error::checkpoint) goes on from there.
    /// - Those of [`Turn::reply`].
    pub async fn reply(mut self) -> Result<Reply> {
        self.alone = true;
        let mut reading = Reading::default();
        while let Some(event) = self.next().await {
            match event {
                Ok(event) => self.turn.read(&mut reading, event),
                Err(error) => return Err(self.turn.failed(reading, error)),
            }
        }
        self.turn.outcome(reading)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        poll_event(|| self.poll_update(cx))
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        while !self.over {
            if let Some(end) = self.last.take() {
                if self.held.is_empty() {
                    return self.end(end.err().map(Err));
                }
                self.last = Some(end);
                return Poll::Ready(self.held.pop_front().map(Ok));
            }
            if let Err(error) = self.act() {
                self.last = Some(Err(error));
                continue;
            }
            let came = self.jobs.poll(cx);
            if !came.is_empty() {
                for came in came {
                    self.came(came);
                }
                continue;
            }
            // A pause is handed over when it is known what of it is left to the caller, or that it
            // is history, as what comes after it shows.
            if self.held.len() > 1 || self.rounds.is_settled() {
                if let Some(update) = self.held.pop_front() {
                    return Poll::Ready(Some(Ok(update)));
                }
            }
            match self.turn.poll_update(cx) {
                // The connection has nothing to do with what is held.
                Poll::Ready(Some(Ok(notice @ Update::Notice(_)))) => {
                    return Poll::Ready(Some(Ok(notice)));
                }
                Poll::Ready(Some(Ok(update))) => {
                    if let Update::Event(event) = &update {
                        self.observe(event);
                    }
                    self.held.push_back(update);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    self.last = Some(Err(error));
                    continue;
                }
                Poll::Ready(None) => {
                    self.last = Some(Ok(()));
                    continue;
                }
                Poll::Pending => {}
            }
            self.rounds.caught_up(self.now());
            match self.act() {
                Ok(began) if began || !self.held.is_empty() && self.rounds.is_settled() => continue,
                Ok(_) => {}
                Err(error) => {
                    self.last = Some(Err(error));
                    continue;
                }
            }
            if self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(None)
    }

    fn end(&mut self, item: Option<Result<Update>>) -> Poll<Option<Result<Update>>> {
        self.over = true;
        self.jobs.clear();
        self.timer = Timer::default();
        Poll::Ready(item)
    }

    /// Tells the machine what an event means for the tools.
    fn observe(&mut self, event: &Event) {
        self.rounds.heard(self.now());
        if let Some(asked) = ToolUse::of(event) {
            self.saw(asked);
        }
        self.answered(event);
        match event.type_name() {
            "session.status_running" => self.rounds.resumed(),
            "session.status_idle" => match self.turn.stop_reason() {
                Stop::RequiresAction(ids) => self.rounds.paused(ids),
                _ => self.rounds.resumed(),
            },
            _ => {}
        }
        if !matches!(
            self.turn.stop_reason(),
            Stop::Running | Stop::RequiresAction(_)
        ) {
            self.rounds.over();
        }
    }

    fn saw(&mut self, asked: ToolUse) {
        let kind = self.answering.toolbox.kind(&asked);
        self.rounds.saw(asked.id(), kind);
        for gone in self.seen.keep(asked) {
            self.rounds.forget(&gone);
        }
    }

    fn answered(&mut self, event: &Event) {
        let Some(id) = answered(event) else {
            return;
        };
        // Its response may be lost, or come when the turn is over.
        let ours = self.rounds.in_doubt(&id);
        if ours.is_some_and(|answer| is_this(event, answer)) {
            self.tell(ToolProgress::Answered(id.clone()));
        }
        self.rounds.answered(&id);
    }

    /// Does what is to be done; whether there was anything.
    fn act(&mut self) -> Result<bool> {
        let mut began = false;
        loop {
            match self.rounds.poll(self.now()) {
                Action::Wait(until) => {
                    self.nothing_left()?;
                    self.until = until;
                    return Ok(began);
                }
                Action::Fail(why) => return Err(self.failed(why)),
                action => self.begin(action),
            }
            began = true;
        }
    }

    fn begin(&mut self, action: Action) {
        match action {
            Action::Look(ids) => self.jobs.look(self.turn.look(ids)),
            Action::Recall(id) => {
                self.take(&id);
                let store = self.answering.ledger.clone();
                self.jobs.add(async move {
                    let record = store.ledger().get(&id).await;
                    Came::Recalled(id, record)
                });
            }
            Action::Record(id, record) => {
                let store = self.answering.ledger.clone();
                self.jobs.add(async move {
                    let wrote = store.ledger().put(&id, record).await;
                    Came::Recorded(id, wrote)
                });
            }
            Action::Run(id) => self.run(id),
            Action::Stop(id) => self.jobs.stop(&id),
            Action::Decide(id) => self.decide(&id),
            Action::Send(id, given) => {
                let key = format!("qoder-answer-{id}");
                let send = self.conversation.send([given.into_event(&id)]);
                let send = send.options(|options| options.idempotency_key(key));
                self.jobs.add(async move {
                    let delivery = match send.await {
                        Ok(_) => Delivery::Accepted,
                        Err(error) => delivery(&error),
                    };
                    Came::Delivered(id, delivery)
                });
            }
            Action::Wait(_) | Action::Fail(_) => {}
        }
    }

    fn run(&mut self, id: EventId) {
        let Some(asked) = self.asked.get(&id) else {
            return;
        };
        let handling = match self.answering.toolbox.handle(asked.name(), asked.input()) {
            Ok(handling) => handling,
            Err(result) => return self.rounds.ended(&id, result),
        };
        self.tell(ToolProgress::Started(id.clone()));
        self.jobs.run(id, handling);
    }

    fn decide(&mut self, id: &EventId) {
        self.take(id);
        let decision = match self.asked.get(id) {
            Some(asked) => self.answering.approvals.decision(asked),
            None => Decision::Ask,
        };
        let answer = match decision {
            Decision::Allow => Some(Given::Allow),
            Decision::Deny(why) => Some(Given::Deny(why)),
            Decision::Ask => None,
        };
        self.rounds.decided(self.now(), id, answer);
    }

    /// Keeps what was seen of a tool use that is asked for.
    fn take(&mut self, id: &EventId) {
        if let Some(asked) = self.seen.take(id) {
            self.asked.insert(id.clone(), asked);
        }
    }

    fn came(&mut self, came: Came) {
        let now = self.now();
        match came {
            Came::Recalled(id, Ok(record)) => self.rounds.recalled(now, &id, record),
            Came::Recalled(id, Err(error)) => self.rounds.unrecorded(&id, &error.to_string()),
            Came::Recorded(id, wrote) => {
                let wrote = wrote.map_err(|error| error.to_string());
                if let Err(error) = &wrote {
                    tracing::warn!(call = %id, "the ledger can't be written: {error}");
                }
                self.rounds.recorded(now, &id, wrote);
            }
            Came::Ended(id, result) => self.rounds.ended(&id, result),
            Came::Delivered(id, delivery) => {
                // If its answer is in the log already, that was told.
                let news = self.rounds.in_doubt(&id).is_some();
                if news && delivery == Delivery::Accepted {
                    self.tell(ToolProgress::Answered(id.clone()));
                }
                self.rounds.delivered(now, &id, delivery);
            }
            Came::Looked(Ok(found)) => {
                for asked in found.uses.iter().filter_map(ToolUse::of) {
                    self.saw(asked);
                }
                for event in &found.answers {
                    self.answered(event);
                }
                self.rounds.looked(now, found.history);
            }
            Came::Looked(Err(error)) => self.rounds.unlooked(&error.to_string()),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.until.and_then(|until| self.start.checked_add(until));
        self.timer.poll(until, cx)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn tell(&mut self, progress: ToolProgress) {
        if let Some(tell) = &mut self.answering.progress {
            tell(progress);
        }
    }

    /// Nobody answers for a caller that only waits for the end.
    fn nothing_left(&self) -> Result<()> {
        let left = self.rounds.left();
        if !self.alone || left.is_empty() {
            return Ok(());
        }
        let say = |id: &EventId| {
            let mut pending = self.turn.pending().iter();
            match pending.find(|asked| asked.id() == id) {
                Some(asked) => format!("{id} ({})", asked.name()),
                None => id.to_string(),
            }
        };
        let left: Vec<String> = left.iter().map(say).collect();
        Err(self.failed(format!(
            "the agent waits for an answer to {} that neither the toolbox nor the approvals give: give it, and go on \
             with `resume_turn` and the checkpoint",
            left.join(", ")
        )))
    }

    fn failed(&self, why: String) -> Error {
        self.turn.broken(crate::ErrorKind::Turn, why)
    }
}

impl Stream for ToolTurn<'_> {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for ToolTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurn")
            .field("turn", &self.turn)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
