//! A [`Turn`] is one message, and everything the agent does about it until it stops. What it waits
//! for meanwhile are [tool uses](crate::ToolUse), and its result is a [`Reply`].

mod anchor;
mod checkpoint;
mod lookup;
mod machine;
mod meaning;
mod opening;
mod outcome;
mod reply;
mod stop;
mod uses;

pub(crate) use lookup::Found;
pub(crate) use meaning::{answered, stop_of};
pub use opening::TurnOpening;
pub use outcome::{Reply, ToolCall};
pub(crate) use reply::Reading;
pub use stop::Stop;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use qoder_types::{
    Event, EventId, InputEvent, SentEvents, SessionCanceled, SessionErrorEvent, SessionId,
    UserInterrupt, ops,
};
use tokio::time::{Instant, Sleep};

use crate::answer_key::answer_key;
use crate::call::{Call, Pending};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::follow::{Update, Updates, poll_event};
use crate::input;
use crate::shared::Shared;
use crate::tools::{Answer, ToolUse};
use lookup::Question;
use machine::Machine;
use uses::Uses;

/// The events of one turn, strictly: from after the message until the agent stops.
///
/// It ends (`None`) when the turn is over; [`stop_reason`](Self::stop_reason) tells why. When the
/// agent needs an approval or the result of a tool, the `session.status_idle` event says so,
/// [`stop_reason`](Self::stop_reason) is [`Stop::RequiresAction`], and the stream waits for the
/// answer: from [`Conversation::approve`](crate::Conversation::approve) and its siblings here, or
/// from another client.
///
/// Connections may come and go meanwhile: the events are [followed](crate::Conversation::follow).
/// Fused; an `Err` is the last item. Dropping a turn leaves the agent's work alone;
/// [`Conversation::interrupt`](crate::Conversation::interrupt) stops it.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::Event;
///
/// let mut turn = client.session("sess_1").turn("Write a quicksort function in Python.").await?;
/// while let Some(event) = turn.next().await {
///     if let Event::AgentMessage(message) = event? {
///         println!("{}", message.text());
///     }
/// }
/// println!("stopped: {}", turn.stop_reason());
/// # Ok(()) }
/// ```
///
/// An agent that asks for something is answered through [`pending`](Self::pending) and
/// [`respond`](Self::respond), and its text is shown while it is written by
/// [`next_update`](Self::next_update):
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// use qoder::Update;
///
/// let mut turn = session.turn("Book the trip.").previews().await?;
/// while let Some(update) = turn.next_update().await {
///     match update? {
///         Update::Text(text) => print!("{}", text.new()),
///         Update::Event(event) => eprintln!("{}", event.type_name()),
///         _ => {}
///     }
///     let answers: Vec<_> = turn.pending().iter().map(|asked| match asked.name() {
///         "weather" => asked.result("Sunny."),
///         "Read" | "Grep" => asked.allow(),
///         _ => asked.deny("not today"),
///     }).collect();
///     turn.respond(answers).await?;
/// }
/// println!("stopped: {}", turn.stop_reason());
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Turn {
    begun: Instant,
    shared: Shared,
    session: SessionId,
    message: Option<EventId>,
    events: Updates,
    /// The event after which its events begin: of all, or of those that go on here.
    begins: Option<EventId>,
    /// The last event that was handed over.
    after: Option<EventId>,
    machine: Machine,
    uses: Uses,
    held: Option<Held>,
    /// Whether events were handed over: here, or before the checkpoint that it went on from.
    told: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// A pause that is not handed over yet: the tool uses that it names are being looked up.
struct Held {
    pause: Event,
    finding: Pending<Found>,
}

impl Turn {
    /// Returns the next event, or `None` when the turn is over. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the next update: an event, or a notice about the connection; and, with
    /// [`previews`](TurnOpening::previews), the text of messages while it is written, and when the
    /// agent thinks. `None` when the turn is over. Dropping the future loses nothing.
    ///
    /// Of each message the event comes too, and has the last word. Events may be taken by
    /// [`next`](Self::next) and by this in turn; the former drops the other updates before an
    /// event.
    pub async fn next_update(&mut self) -> Option<Result<Update>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Returns the updates as a stream; see [`next_update`](Self::next_update).
    pub fn updates(&mut self) -> TurnUpdates<'_> {
        TurnUpdates(self)
    }

    /// Returns the state of the turn: running, paused, or the reason why it is over.
    pub fn stop_reason(&self) -> Stop {
        self.machine.stop()
    }

    /// Returns the tool uses that wait for an answer, as of the last event that was handed over and
    /// the last [`respond`](Self::respond): those that the agent's pause names, in its order,
    /// except those that are answered, here or by another client. Empty while the turn is not
    /// paused.
    ///
    /// Events that were not seen here, since the turn was resumed, are looked up in the
    /// session's list before the pause is handed over.
    pub fn pending(&self) -> &[ToolUse] {
        self.uses.pending()
    }

    /// Sends answers to what [waits](Self::pending), in one request. What is answered is never
    /// pending again, whatever the server repeats. The rest stays pending, and may be answered
    /// later.
    ///
    /// The request's idempotency key is made of the session and the ids: the same answers can be
    /// sent again if it is not known whether they were accepted, also by another process. Answers
    /// to what is answered already are left out; if none is left, nothing is sent.
    ///
    /// ```
    /// # async fn f(mut turn: qoder::Turn) -> qoder::Result<()> {
    /// while let Some(event) = turn.next().await {
    ///     event?;
    ///     let answers: Vec<_> = turn.pending().iter().map(|asked| match asked.name() {
    ///         "Read" | "Grep" => asked.allow(),
    ///         _ => asked.deny("only reading is allowed"),
    ///     }).collect();
    ///     turn.respond(answers).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Input`] if an answer doesn't fit what was asked, if its tool use does not
    ///   wait in this turn, or if there are two for one; nothing is sent.
    /// - Those of the request. [`Error::is_conflict`] tells that other answers were accepted under
    ///   the same ids: the turn's next events have them.
    pub async fn respond(&mut self, answers: impl IntoIterator<Item = Answer>) -> Result<()> {
        let (ids, events) = self.checked(answers)?;
        if !ids.is_empty() {
            let key = answer_key(self.session.as_str(), &ids);
            input::send(&self.shared, &self.session, events)
                .options(|options| options.idempotency_key(key))
                .await?;
            for id in ids {
                self.machine.answered(id);
            }
            self.uses.wait_for(self.machine.waits_for());
        }
        Ok(())
    }

    /// Returns these answers as they are to be sent: in the order in which they were asked for, so
    /// that the same answers are the same request.
    fn checked(
        &self,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Result<(Vec<EventId>, Vec<InputEvent>)> {
        let waits = self.machine.waits_for();
        let mut events: Vec<(usize, InputEvent)> = Vec::new();
        for answer in answers {
            let id = answer.id().clone();
            if self.machine.has_answered(&id) {
                continue;
            }
            let Some(at) = waits.iter().position(|waits| *waits == id) else {
                return Err(Error::input(format!(
                    "the tool use {id} doesn't wait for an answer in this turn"
                )));
            };
            if events.iter().any(|(other, _)| *other == at) {
                return Err(Error::input(format!(
                    "there are two answers to the tool use {id}"
                )));
            }
            events.push((at, answer.into_event()?));
        }
        events.sort_by_key(|(at, _)| *at);
        let ids = events.iter().map(|(at, _)| waits[*at].clone()).collect();
        Ok((ids, events.into_iter().map(|(_, event)| event).collect()))
    }

    /// Returns the last error that the session reported in the turn: one it recovered from, if the
    /// turn still comes to [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.machine.error()
    }

    /// Returns the id of the message that started the turn. `None` if the server gave none.
    pub fn message_id(&self) -> Option<&EventId> {
        self.message.as_ref()
    }

    /// Returns where the turn stands, to be stored: [`resume_turn`](crate::Client::resume_turn) goes
    /// on with it in another process, with exactly the events that were not handed over here.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let turn = client.session("sess_1").turn("Write a long story.").await?;
    /// let stored = turn.checkpoint().to_string(); // in a database, before the process may die
    ///
    /// let checkpoint: qoder::Checkpoint = stored.parse()?;
    /// let turn = client.session("sess_1").resume_turn(checkpoint).await?;
    /// # Ok(()) }
    /// ```
    pub fn checkpoint(&self) -> Checkpoint {
        let (message, after) = (self.message.as_ref(), self.after.clone());
        checkpoint::store(&self.session, message, after, &self.machine)
    }

    /// Returns the state that every call shares, and the session.
    pub(crate) fn parts(&self) -> (Shared, SessionId) {
        (self.shared.clone(), self.session.clone())
    }

    /// Stops what the agent is doing, on every thread, with an event; the session stays usable. The
    /// turn then ends by itself: keep reading.
    pub fn interrupt(&self) -> Call<SentEvents> {
        input::send(&self.shared, &self.session, [UserInterrupt::new()])
    }

    /// Cancels the turn, as [`Conversation::cancel`](crate::Conversation::cancel) does. It then
    /// ends by itself: keep reading.
    pub fn cancel(&self) -> Call<SessionCanceled> {
        Call::new(self.shared.clone(), ops::sessions::cancel(&self.session))
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        poll_event(|| self.poll_update(cx))
    }

    pub(crate) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        // Its timer alone would not do: no timer fires while events keep coming.
        let deadline = self.deadline.as_ref().map(|timer| timer.deadline());
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) && !self.machine.is_over() {
            return Poll::Ready(Some(Err(self.too_late())));
        }
        if let Poll::Ready(next) = self.poll_next_update(cx) {
            return Poll::Ready(match next {
                Some(Err(error)) => {
                    self.close();
                    Some(Err(error.with_checkpoint(Some(self.checkpoint()))))
                }
                other => other,
            });
        }
        let Some(timer) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(self.too_late())))
    }

    fn poll_next_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        loop {
            if let Some(held) = &mut self.held {
                let found = ready!(held.finding.as_mut().poll(cx));
                let Some(held) = self.held.take() else {
                    continue;
                };
                return Poll::Ready(Some(found.map(|found| {
                    for event in &found.uses {
                        self.uses.observe(event);
                    }
                    self.hand_over(held.pause)
                })));
            }
            let event = match ready!(self.events.poll_update(cx)) {
                Some(Ok(Update::Event(event))) => event,
                other => return Poll::Ready(other),
            };
            self.uses.observe(&event);
            let missing = self.uses.missing(&self.machine.would_wait_for(&event));
            if missing.is_empty() {
                return Poll::Ready(Some(Ok(self.hand_over(event))));
            }
            let finding = self.asks(Question::of_uses(missing));
            self.held = Some(Held {
                pause: event,
                finding,
            });
        }
    }

    /// Asks the log for the tool uses that the turn waits for, and for what came after the last event
    /// that was handed over.
    pub(crate) fn look(&self, uses: Vec<EventId>) -> Pending<Found> {
        self.asks(Question {
            uses,
            since: self.after.clone(),
            earlier: self.begins.clone(),
        })
    }

    fn asks(&self, question: Question) -> Pending<Found> {
        let (shared, session) = self.parts();
        let not_before = self.events.not_before();
        Box::pin(lookup::look(shared, session, question, not_before))
    }

    /// Takes in an event that is handed over, whose meaning counts from here on.
    fn hand_over(&mut self, event: Event) -> Update {
        self.told = true;
        self.after = self.events.position();
        self.machine.observe(&event);
        self.uses.wait_for(self.machine.waits_for());
        if self.machine.is_over() {
            // What others do in the session is not awaited, nor is its connection kept.
            self.close();
        }
        Update::Event(event)
    }

    fn close(&mut self) {
        self.held = None;
        self.events.close();
    }

    /// The deadline has passed.
    fn too_late(&mut self) -> Error {
        self.deadline = None;
        self.close();
        Error::new(
            ErrorKind::Timeout,
            "the turn's deadline passed; the agent's own work goes on: `resume_turn` goes on with the checkpoint",
        )
        .with_checkpoint(Some(self.checkpoint()))
        .with_sent(crate::Sent::Yes)
    }
}

impl Stream for Turn {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

/// The updates of a turn as a stream, from [`Turn::updates`].
#[must_use = "streams do nothing unless polled"]
#[derive(Debug)]
pub struct TurnUpdates<'a>(&'a mut Turn);

impl Stream for TurnUpdates<'_> {
    type Item = Result<Update>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_update(cx)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("message", &self.message)
            .field("stop", &self.machine.stop())
            .finish_non_exhaustive()
    }
}
