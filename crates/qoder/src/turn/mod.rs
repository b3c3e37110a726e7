//! A turn: one message, and everything the agent does about it until it stops.

mod anchor;
mod checkpoint;
mod machine;
mod meaning;
mod reply;
mod stop;

use checkpoint::Checkpoint;
pub(crate) use machine::Machine;
pub(crate) use reply::Reading;
pub use reply::Reply;
pub use stop::Stop;

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use qoder_http::time;
use qoder_types::{
    Event, EventId, SentEvents, SessionErrorEvent, SessionId, UserInterrupt, UserMessage,
};
use tokio::time::{Instant, Sleep, sleep_until};
use uuid::Uuid;

use crate::call::Call;
use crate::conversation::Conversation;
use crate::error::{Error, ErrorKind, Result};
use crate::follow::{EventLog, Events, Follow, Start};
use crate::input;
use crate::shared::Shared;

/// A message about to be sent, and the turn it starts. Awaited, it sends the message and returns
/// the [`Turn`]. Made by [`Conversation::turn`](crate::Conversation::turn).
///
/// As long as the server has not said yet which event a message became, as all documented ones do,
/// the end of the session's log is looked up first: a client's first turn needs a request or two
/// more.
#[must_use = "a turn does nothing until it is awaited"]
#[derive(Debug)]
pub struct TurnOpening {
    shared: Shared,
    session: SessionId,
    begin: Begin,
    follow: Follow,
    key: Option<String>,
    deadline: Option<Duration>,
}

/// How a turn begins here.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and soon taken apart"
)]
enum Begin {
    /// With a message that is sent.
    Message(UserMessage),
    /// Where another process was.
    Checkpoint(String),
}

impl TurnOpening {
    pub(crate) fn new(shared: Shared, session: SessionId, message: UserMessage) -> Self {
        Self::begin(shared, session, Begin::Message(message))
    }

    pub(crate) fn resumed(shared: Shared, session: SessionId, checkpoint: String) -> Self {
        Self::begin(shared, session, Begin::Checkpoint(checkpoint))
    }

    fn begin(shared: Shared, session: SessionId, begin: Begin) -> Self {
        let follow = Follow::new(shared.clone(), EventLog::session(session.clone()));
        Self {
            shared,
            session,
            begin,
            follow,
            key: None,
            deadline: None,
        }
    }

    /// Sets the idempotency key of the message. With a key that is known, the same turn can be started
    /// again after a crash without sending the message twice. A server that doesn't say which
    /// event the message became leaves it to be found by its text, among the newest 1,000 events.
    /// Default: a new random one.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the limit of the whole turn, from sending to its end. When it passes, the stream of events
    /// ends with an error that carries the checkpoint, however many events there are to hand over;
    /// the agent's own work goes on. If it passes before the message is accepted, there is no turn
    /// yet, and sending fails. Default: none, as with a limit that the clock can't count.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Changes how the events are followed: polling, idle limit, when to give up.
    pub fn follow(mut self, change: impl FnOnce(Follow) -> Follow) -> Self {
        self.follow = change(self.follow);
        self
    }

    /// Whether events may come that somebody has seen before: those of a turn that is resumed, or
    /// whose message may have been sent.
    pub(crate) fn may_be_under_way(&self) -> bool {
        self.key.is_some() || matches!(self.begin, Begin::Checkpoint(_))
    }

    async fn open(self) -> Result<Turn> {
        let deadline = self
            .deadline
            .and_then(|limit| time::deadline(Instant::now(), limit));
        let told = matches!(self.begin, Begin::Checkpoint(_));
        let (message, start, machine) = match self.begin {
            Begin::Message(message) => {
                // It has to be known here too: whoever begins the turn again needs it.
                let known = self.key.is_some();
                let key = self.key.unwrap_or_else(|| Uuid::new_v4().to_string());
                let sending = send(&self.shared, &self.session, message, &key, known);
                time::timeout_at(deadline, sending)
                    .await
                    .unwrap_or_else(|_| Err(not_accepted_in_time()))
                    .map_err(|error| error.with_idempotency_key(Some(key)))?
            }
            Begin::Checkpoint(text) => {
                let checkpoint = Checkpoint::parse(&text, &self.session)?;
                let start = checkpoint.start();
                (checkpoint.message(), start, checkpoint.machine())
            }
        };
        Ok(Turn {
            shared: self.shared,
            session: self.session,
            message,
            events: self.follow.from(start).events(),
            machine,
            told,
            deadline: deadline.map(|at| Box::pin(sleep_until(at))),
        })
    }
}

fn not_accepted_in_time() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the turn's deadline passed before it was known that its message is accepted: with the same idempotency key, \
         it can be sent again and is not said twice",
    )
    .with_operation("sessions.events.send")
    .with_sent(crate::Sent::Maybe)
    .with_retryable(true)
}

/// Sends the message; returns its id, where its turn starts, and what the turn waits for. The key is
/// `known` if the message may have been sent with it before.
async fn send(
    shared: &Shared,
    session: &SessionId,
    message: UserMessage,
    key: &str,
    known: bool,
) -> Result<(Option<EventId>, Start, Machine)> {
    let text = message.content.text().into_owned();
    let before = if shared.names_messages() {
        None
    } else {
        match anchor::Before::look(shared, session).await {
            // The server asks to wait with whatever comes next.
            Err(error) if error.retry_after().is_some() => {
                return Err(error.with_sent(crate::Sent::No));
            }
            looked => Some(looked),
        }
    };
    let sent = input::send(shared, session, [message])
        .options(|options| options.idempotency_key(key))
        .await?;
    let accepted = sent.data.iter().find_map(Event::id).cloned();
    shared.set_names_messages(accepted.is_some());
    let (start, machine) = match &accepted {
        Some(id) => (Start::After(id.clone()), Machine::anchored()),
        None => {
            let before = before.transpose().map_err(not_found)?;
            anchor::find(shared, session, &text, before, known)
                .await
                .map_err(not_found)?
        }
    };
    Ok((accepted, start, machine))
}

fn not_found(error: Error) -> Error {
    Error::new(
        ErrorKind::Turn,
        format!(
            "the message was accepted, but the server didn't say which event it became, nor could that be found out; \
             the session's events have what comes of it: {error}"
        ),
    )
    .with_sent(crate::Sent::Yes)
    .with_source(error)
}

impl IntoFuture for TurnOpening {
    type Output = Result<Turn>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Turn>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

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
/// ```no_run
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
#[must_use = "streams do nothing unless polled"]
pub struct Turn {
    shared: Shared,
    session: SessionId,
    message: Option<EventId>,
    events: Events,
    machine: Machine,
    /// Whether events were handed over: here, or before the checkpoint that it went on from.
    told: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Turn {
    /// Returns the next event, or `None` when the turn is over. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns how the turn stands: running, paused, or why it is over.
    pub fn stop_reason(&self) -> Stop {
        self.machine.stop()
    }

    /// Returns the last error that the session reported in the turn: one it recovered from, if the turn
    /// still comes to [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.machine.error()
    }

    /// Returns the id of the message that started the turn. `None` if the server gave none.
    pub fn message_id(&self) -> Option<&EventId> {
        self.message.as_ref()
    }

    /// Returns where the turn stands, as a text to store: [`Conversation::resume_turn`] goes on with it in
    /// another process, with exactly the events that were not handed over here.
    ///
    /// [`Conversation::resume_turn`]: crate::Conversation::resume_turn
    pub fn checkpoint(&self) -> String {
        Checkpoint::new(
            &self.session,
            self.message.as_ref(),
            self.events.checkpoint(),
            &self.machine,
        )
        .to_string()
    }

    /// The conversation that it is a turn of.
    pub(crate) fn conversation(&self) -> Conversation {
        Conversation::new(self.shared.clone(), self.session.clone())
    }

    /// Stops what the agent is doing, on every thread, with an event; the session stays usable.
    /// The turn then comes to its end by itself: go on reading.
    pub fn interrupt(&self) -> Call<SentEvents> {
        input::send(&self.shared, &self.session, [UserInterrupt::new()])
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.machine.is_over() {
            return Poll::Ready(None);
        }
        // Its timer alone would not do: no timer fires while events keep coming.
        let deadline = self.deadline.as_ref().map(|timer| timer.deadline());
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Poll::Ready(Some(Err(self.too_late())));
        }
        if let Poll::Ready(event) = self.events.poll_event(cx) {
            let event = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let error = error.with_checkpoint(Some(self.checkpoint()));
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            };
            self.told = true;
            self.machine.observe(&event);
            if self.machine.is_over() {
                // What others do in the session is not awaited, nor is its connection kept.
                self.events.close();
            }
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(timer) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(self.too_late())))
    }

    /// The deadline has passed.
    fn too_late(&mut self) -> Error {
        self.deadline = None;
        let checkpoint = Some(self.checkpoint());
        self.events.close();
        Error::new(
            ErrorKind::Timeout,
            "the turn's deadline passed; the agent's own work goes on: `resume_turn` goes on with the checkpoint",
        )
        .with_checkpoint(checkpoint)
        .with_sent(crate::Sent::Yes)
    }
}

impl Stream for Turn {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
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
