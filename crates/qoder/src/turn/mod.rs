//! A turn: one message, and everything the agent does about it until it stops.

mod checkpoint;
mod machine;
mod reply;
mod stop;

use checkpoint::Checkpoint;
pub(crate) use machine::Machine;
pub use reply::Reply;
pub use stop::Stop;

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use qoder_types::{
    Event, EventId, InputEvent, Order, SentEvents, SessionErrorEvent, SessionId, UserInterrupt,
    UserMessage,
};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::follow::{Events, Feed, Follow, Start};

/// A message about to be sent, and the turn it starts. Awaited, it sends the message and gives
/// the [`Turn`]. Made by [`Conversation::turn`](crate::Conversation::turn).
#[must_use = "a turn does nothing until it is awaited"]
#[derive(Debug)]
pub struct TurnOpening {
    client: Client,
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
    pub(crate) fn new(client: Client, session: SessionId, message: UserMessage) -> Self {
        Self::begin(client, session, Begin::Message(message))
    }

    pub(crate) fn resumed(client: Client, session: SessionId, checkpoint: String) -> Self {
        Self::begin(client, session, Begin::Checkpoint(checkpoint))
    }

    fn begin(client: Client, session: SessionId, begin: Begin) -> Self {
        let follow = Follow::new(client.clone(), Feed::session(session.clone()));
        Self {
            client,
            session,
            begin,
            follow,
            key: None,
            deadline: None,
        }
    }

    /// The idempotency key of the message. With one of your own, the same turn can be started
    /// again after a crash without sending the message twice. Default: a new random one.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The limit of the whole turn, from sending to its end. When it passes, the stream of events
    /// ends with an error that carries the checkpoint; the agent's own work goes on. If it passes
    /// before the message is accepted, there is no turn yet, and sending fails. Default: none.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Changes how the events are followed: polling, idle limit, when to give up.
    pub fn follow(mut self, change: impl FnOnce(Follow) -> Follow) -> Self {
        self.follow = change(self.follow);
        self
    }

    async fn open(self) -> Result<Turn> {
        let deadline = self.deadline.map(|deadline| Instant::now() + deadline);
        let (message, start, machine) = match self.begin {
            Begin::Message(message) => {
                let sending = send(&self.client, &self.session, message, self.key);
                match deadline {
                    Some(deadline) => timeout_at(deadline, sending)
                        .await
                        .map_err(|_| not_accepted_in_time())??,
                    None => sending.await?,
                }
            }
            Begin::Checkpoint(text) => {
                let checkpoint = Checkpoint::parse(&text, &self.session)?;
                let start = checkpoint.start();
                (checkpoint.message(), start, checkpoint.machine())
            }
        };
        Ok(Turn {
            client: self.client,
            session: self.session,
            message,
            events: self.follow.from(start).events(),
            machine,
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
}

/// Sends the message; gives its id, where its turn starts, and what the turn waits for.
async fn send(
    client: &Client,
    session: &SessionId,
    message: UserMessage,
    key: Option<String>,
) -> Result<(Option<EventId>, Start, Machine)> {
    let text = message.content.text().into_owned();
    let sent = client
        .sessions()
        .events()
        .send(session, [InputEvent::from(message)])
        .options(|options| match key {
            Some(key) => options.idempotency_key(key),
            None => options,
        })
        .await?;
    let accepted = sent.data.iter().find_map(Event::id).cloned();
    let (start, machine) = match &accepted {
        Some(id) => (Start::After(id.clone()), Machine::anchored()),
        None => anchor(client, session, text).await?,
    };
    Ok((accepted, start, machine))
}

/// How many events are looked through for a message that the server accepted without naming it.
const LOOKED_THROUGH: usize = 1000;

/// Where a turn starts if the server accepted its message without naming it: after the newest
/// message in the list with its text, which is ours since no second one is accepted while it
/// runs; or, when it isn't listed yet, after the newest event, with the echo still to come.
async fn anchor(client: &Client, session: &SessionId, text: String) -> Result<(Start, Machine)> {
    let list = client.sessions().events().list(session);
    let mut newest_first = list.order(Order::Desc).limit(100).items();
    let mut newest = None;
    for _ in 0..LOOKED_THROUGH {
        let Some(event) = newest_first.next().await.transpose()? else {
            break;
        };
        let Some(id) = event.id() else { continue };
        if matches!(&event, Event::UserMessage(message) if message.content.text() == text) {
            return Ok((Start::After(id.clone()), Machine::anchored()));
        }
        newest.get_or_insert_with(|| id.clone());
    }
    let start = newest.map_or(Start::Beginning, Start::After);
    Ok((
        start,
        Machine::unanchored(Some(text).filter(|text| !text.is_empty())),
    ))
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
    client: Client,
    session: SessionId,
    message: Option<EventId>,
    events: Events,
    machine: Machine,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Turn {
    /// The next event, or `None` when the turn is over. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// How the turn stands: running, paused, or why it is over.
    pub fn stop_reason(&self) -> Stop {
        self.machine.stop()
    }

    /// The last error that the session reported in the turn: one it recovered from, if the turn
    /// still comes to [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.machine.error()
    }

    /// The id of the message that started the turn, if the server gave one.
    pub fn message_id(&self) -> Option<&EventId> {
        self.message.as_ref()
    }

    /// Where the turn stands, as a text to store: [`Conversation::resume_turn`] goes on with it in
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

    /// Stops what the agent is doing, on every thread, with an event; the session stays usable.
    /// The turn then comes to its end by itself: go on reading.
    pub fn interrupt(&self) -> Call<SentEvents> {
        let events = self.client.sessions().events();
        events.send(&self.session, [UserInterrupt::new()])
    }

    /// Reads the turn to its end, and gives the text of its messages: of those that were not
    /// handed over yet.
    ///
    /// # Errors
    ///
    /// Those of [`reply`](Self::reply).
    pub async fn into_text(self) -> Result<String> {
        Ok(self.reply().await?.text())
    }

    /// Reads the turn to its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Turn`] if the agent stops for an approval or a tool's result, which nobody
    /// could give meanwhile, or if the session was terminated or deleted; the errors of the
    /// stream.
    pub async fn reply(mut self) -> Result<Reply> {
        let mut messages = Vec::new();
        while let Some(event) = self.next().await {
            if let Event::AgentMessage(message) = event? {
                messages.push(message);
            }
            if let Stop::RequiresAction(ids) = self.stop_reason() {
                let ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
                return Err(self.broken(format!(
                    "the agent waits for an answer to {}: give it with `approve`, `deny` or `answer`, and read the \
                     turn with `turn`",
                    ids.join(", ")
                )));
            }
        }
        match self.stop_reason() {
            stop @ (Stop::Terminated | Stop::Deleted) => {
                Err(self.broken(format!("the session was {stop}")))
            }
            stop => Ok(Reply::new(messages, stop, self.machine.error().cloned())),
        }
    }

    fn broken(&self, why: String) -> Error {
        let why = match self.machine.error() {
            Some(error) => format!("{why}; its last error was: {}", error.message()),
            None => why,
        };
        Error::new(ErrorKind::Turn, why)
            .with_checkpoint(Some(self.checkpoint()))
            .with_sent(crate::Sent::Yes)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.machine.is_over() {
            return Poll::Ready(None);
        }
        // What has arrived is delivered before the deadline is looked at.
        if let Poll::Ready(event) = self.events.poll_event(cx) {
            let event = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let error = error.with_checkpoint(Some(self.checkpoint()));
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            };
            self.machine.observe(&event);
            if self.machine.is_over() {
                // What others do in the session is not awaited, nor is its connection kept.
                self.events.close();
            }
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(deadline) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(deadline.as_mut().poll(cx));
        self.deadline = None;
        let checkpoint = Some(self.checkpoint());
        self.events.close();
        Poll::Ready(Some(Err(Error::new(
            ErrorKind::Timeout,
            "the turn's deadline passed; the agent's own work goes on: `resume_turn` goes on with the checkpoint",
        )
        .with_checkpoint(checkpoint)
        .with_sent(crate::Sent::Yes))))
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
