//! The opening of a turn: with a message that is sent, or at another process's checkpoint.

use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::time::Duration;

use qoder_http::time;
use qoder_types::{Event, EventId, PreviewType, SessionId, UserMessage};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::lookup::{self, Question};
use super::machine::Machine;
use super::uses::Uses;
use super::{Turn, anchor, checkpoint};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::follow::{EventLog, Follow, Start, Via};
use crate::input;
use crate::shared::Shared;

/// A message about to be sent, and the turn it starts. Awaited, it sends the message and returns
/// the [`Turn`]. Made by [`Conversation::turn`](crate::Conversation::turn).
///
/// As long as the server has not said yet which event a message became, as all documented ones do,
/// the end of the session's log is looked up first: a client's first turn needs a request or two
/// more.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use std::time::Duration;
///
/// let turn = client
///     .session("sess_1")
///     .turn("Summarise the incidents of last week.")
///     .idempotency_key("summary-2026-W30") // the same turn, if this program is started again
///     .deadline(Duration::from_secs(600))
///     .await?;
/// println!("{}", turn.into_text().await?);
/// # Ok(()) }
/// ```
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

/// The ways a turn begins.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and soon taken apart"
)]
enum Begin {
    /// With a message that is sent.
    Message(UserMessage),
    /// At another process's checkpoint.
    Checkpoint(Checkpoint),
    /// Nowhere, since what was given is no checkpoint: told when the turn is opened.
    Refused(Error),
}

impl TurnOpening {
    pub(crate) fn new(shared: Shared, session: SessionId, message: UserMessage) -> Self {
        Self::begin(shared, session, Begin::Message(message))
    }

    /// One that goes on from a checkpoint, in this session if one is given.
    pub(crate) fn resumed<C>(shared: Shared, session: Option<SessionId>, checkpoint: C) -> Self
    where
        C: TryInto<Checkpoint>,
        C::Error: Into<Error>,
    {
        let (of, begin) = match checkpoint.try_into() {
            Ok(checkpoint) => {
                let of = checkpoint.session_id().clone();
                (of, Begin::Checkpoint(checkpoint))
            }
            Err(error) => (SessionId::new(""), Begin::Refused(error.into())),
        };
        Self::begin(shared, session.unwrap_or(of), begin)
    }

    /// Whether events may come that somebody has seen before: those of a turn that is resumed, or
    /// whose message may have been sent.
    pub(crate) fn may_be_under_way(&self) -> bool {
        self.key.is_some() || matches!(self.begin, Begin::Checkpoint(_))
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

    /// Asks for the text of messages while it is written, and for when the agent thinks:
    /// [`Turn::next_update`] has them. There are none where events are [polled](Self::via).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::{Event, Update};
    ///
    /// let mut turn = client.session("sess_1").turn("Write a story.").previews().await?;
    /// while let Some(update) = turn.next_update().await {
    ///     match update? {
    ///         Update::Text(piece) => print!("{}", piece.new()),
    ///         Update::Event(Event::AgentMessage(message)) => println!("\n{}", message.text()), // the last word
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn previews(self) -> Self {
        let of = [PreviewType::AgentMessage, PreviewType::AgentThinking];
        self.following(|follow| follow.previews(of))
    }

    /// Sets by which means events are fetched; see [`Follow::via`].
    pub fn via(self, via: Via) -> Self {
        self.following(|follow| follow.via(via))
    }

    /// Sets when events are polled where the stream fails; see [`Follow::polling_after`].
    pub fn polling_after(self, openings: u32, pace: Duration) -> Self {
        self.following(|follow| follow.polling_after(openings, pace))
    }

    /// Never polls where the stream fails; see [`Follow::without_polling`].
    pub fn without_polling(self) -> Self {
        self.following(Follow::without_polling)
    }

    /// Sets how long a connection may be silent; see [`Follow::idle_timeout`].
    pub fn idle_timeout(self, limit: Duration) -> Self {
        self.following(|follow| follow.idle_timeout(limit))
    }

    /// Sets when to give up; see [`Follow::give_up`].
    pub fn give_up(self, attempts: u32, outage: Duration) -> Self {
        self.following(|follow| follow.give_up(attempts, outage))
    }

    /// Sets the waits between attempts without progress; see [`Follow::waits`].
    pub fn waits(self, base: Duration, cap: Duration) -> Self {
        self.following(|follow| follow.waits(base, cap))
    }

    /// Sets how many events may be held in memory to close a gap; see [`Follow::repair_limit`].
    pub fn repair_limit(self, events: usize) -> Self {
        self.following(|follow| follow.repair_limit(events))
    }

    /// Seeds the jitter of the waits, for tests; see [`Follow::seed`].
    pub fn seed(self, seed: u64) -> Self {
        self.following(|follow| follow.seed(seed))
    }

    fn following(mut self, change: impl FnOnce(Follow) -> Follow) -> Self {
        self.follow = change(self.follow);
        self
    }

    async fn open(self) -> Result<Turn> {
        let begun = Instant::now();
        let deadline = self.deadline.and_then(|limit| time::deadline(begun, limit));
        let told = matches!(self.begin, Begin::Checkpoint(_));
        let checkpoint = match &self.begin {
            Begin::Checkpoint(checkpoint) => Some(checkpoint.clone()),
            Begin::Message(_) | Begin::Refused(_) => None,
        };
        let (message, start, machine) = match self.begin {
            Begin::Message(message) => {
                // It has to be known here too: whoever begins the turn again needs it.
                let known = self.key.is_some();
                let key = self.key.unwrap_or_else(|| Uuid::new_v4().to_string());
                let sending = send(&self.shared, &self.session, message, &key, known);
                let sent = time::timeout_at(deadline, pin!(sending)).await;
                sent.unwrap_or_else(|_| Err(not_accepted_in_time()))
                    .map_err(|error| error.with_idempotency_key(Some(key)))?
            }
            Begin::Checkpoint(checkpoint) => checkpoint::restore(&checkpoint, &self.session)?,
            Begin::Refused(error) => return Err(error),
        };
        let mut uses = Uses::default();
        let missing = uses.missing(machine.waits_for());
        if !missing.is_empty() {
            // Who goes on with a turn that waits is to know for what.
            let question = Question::of_uses(missing);
            let (shared, session) = (self.shared.clone(), self.session.clone());
            let finding = lookup::look(shared, session, question, None);
            let found = time::timeout_at(deadline, pin!(finding)).await;
            let found = found
                .unwrap_or_else(|_| Err(not_found_in_time()))
                .map_err(|error| error.with_checkpoint(checkpoint))?;
            for event in &found.uses {
                uses.observe(event);
            }
        }
        uses.wait_for(machine.waits_for());
        let mut events = self.follow.from(start).updates();
        if machine.is_over() {
            // Nothing is left to ask for.
            events.close();
        }
        Ok(Turn {
            begun,
            shared: self.shared,
            session: self.session,
            message,
            begins: events.position(),
            after: events.position(),
            events,
            machine,
            uses,
            held: None,
            told,
            deadline: deadline.map(|at| Box::pin(sleep_until(at))),
        })
    }
}

fn not_found_in_time() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the turn's deadline passed before it was known what waits for an answer: the same checkpoint is still good",
    )
    .with_sent(crate::Sent::No)
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
