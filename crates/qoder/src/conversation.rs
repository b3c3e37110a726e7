//! The conversation in a session.

use qoder_types::ops::sessions as ops;
use qoder_types::{
    Content, EventId, SentEvents, Session, SessionCanceled, SessionId, SessionThread, ThreadId,
    UserCustomToolResult, UserInterrupt, UserToolConfirmation,
};

use crate::answer_key::answer_key;
use crate::call::Call;
use crate::follow::{EventLog, Follow, StreamOpening};
use crate::input::{self, SendItems};
use crate::resources::{SessionEventList, SessionThreadList, ThreadEventList};
use crate::shared::Shared;
#[cfg(feature = "turns")]
use crate::{
    checkpoint::Checkpoint,
    error::{Error, Result},
    transcript::Transcript,
    turn::{Reply, TurnOpening},
    types::UserMessage,
};

/// The conversation in one session, from [`Client::session`](crate::Client::session): say
/// something, and see what happens.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// let session = client.session("sess_1");
/// let reply = session.ask("Write a quicksort function in Python.").await?;
/// println!("{}", reply.text());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Conversation {
    shared: Shared,
    id: SessionId,
}

impl Conversation {
    pub(crate) fn new(shared: Shared, id: SessionId) -> Self {
        Self { shared, id }
    }

    /// Returns the session's id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Retrieves the session as it is now.
    pub fn retrieve(&self) -> Call<Session> {
        Call::new(self.shared.clone(), ops::retrieve(&self.id))
    }

    /// Lists the events so far, oldest first.
    pub fn events(&self) -> SessionEventList {
        SessionEventList::new(self.shared.clone(), ops::events::list(&self.id))
    }

    /// Returns the transcript so far, of all events that the list has; see [`Transcript`] for how
    /// to go on with it.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// println!("{}", client.session("sess_1").transcript().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the list.
    #[cfg(feature = "turns")]
    pub async fn transcript(&self) -> Result<Transcript> {
        let mut transcript = Transcript::new();
        let mut events = self.events().limit(100).items();
        while let Some(event) = events.next().await {
            transcript.push(&event?);
        }
        Ok(transcript)
    }

    /// Sends a message and returns the turn that it starts, which follows the events.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut turn = client.session("sess_1").turn("Write a quicksort function in Python.").await?;
    /// while let Some(event) = turn.next().await {
    ///     println!("{}", event?.type_name());
    /// }
    /// println!("stopped: {}", turn.stop_reason());
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "turns")]
    pub fn turn(&self, message: impl Into<UserMessage>) -> TurnOpening {
        TurnOpening::new(self.shared.clone(), self.id.clone(), message.into())
    }

    /// Resumes a turn where another process was: `checkpoint`, or its text, is what
    /// [`Turn::checkpoint`](crate::Turn::checkpoint) returned there, or the
    /// [checkpoint of the error](crate::Error::checkpoint) that ended it. Nothing is sent. What is no
    /// checkpoint of a turn in this session is an error of
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) that says what it is, once the turn is awaited.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let turn = client.session("sess_1").turn("Write a long story.").await?;
    /// let stored = turn.checkpoint();
    /// // Later, and elsewhere:
    /// let turn = client.session("sess_1").resume_turn(stored).await?;
    /// println!("{}", turn.into_text().await?);
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "turns")]
    pub fn resume_turn<C>(&self, checkpoint: C) -> TurnOpening
    where
        C: TryInto<Checkpoint>,
        C::Error: Into<Error>,
    {
        TurnOpening::resumed(self.shared.clone(), Some(self.id.clone()), checkpoint)
    }

    /// Sends a message and waits until the agent has answered it.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let reply = client.session("sess_1").ask("How many lines has main.rs?").await?;
    /// println!("{}", reply.text());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Turn::reply`](crate::Turn::reply).
    #[cfg(feature = "turns")]
    pub async fn ask(&self, message: impl Into<UserMessage>) -> Result<Reply> {
        self.turn(message).await?.reply().await
    }

    /// Sends a message, or any [one or many events](SendItems). The response has them with their
    /// ids, unless the server accepts them without naming them.
    ///
    /// **To see the answer to a message, don't open a stream or follow from now on after this:**
    /// the events in between are lost, since the server's streams begin with the next one. Use
    /// [`turn`](Self::turn), or follow after what was sent:
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// let sent = session.send("Hello!").await?;
    /// let mut events = session.follow().after(&sent).events();
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event?.type_name());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn send(&self, items: impl SendItems) -> Call<SentEvents> {
        input::send(&self.shared, &self.id, items.into_events())
    }

    /// Opens the event stream: one connection, which ends when the server ends it.
    ///
    /// Today's servers begin it with the first event after the connection: the answer to a message
    /// that was sent before is lost. [`follow`](Self::follow) `.after(&sent)` has it, and a
    /// [`turn`](Self::turn) does both.
    pub fn stream(&self) -> StreamOpening {
        StreamOpening::new(self.shared.clone(), EventLog::session(self.id.clone()))
    }

    /// Follows the session's events, each once and in order, over as many connections as it takes.
    ///
    /// It starts with what comes [from now on](crate::Start::Now), unless it is told otherwise.
    /// After a message was sent that is too late: start [after what was sent](Follow::after), as
    /// `session.follow().after(&sent)`, or use a [`turn`](Self::turn).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut events = client.session("sess_1").follow().events();
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event?.type_name());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn follow(&self) -> Follow {
        Follow::new(self.shared.clone(), EventLog::session(self.id.clone()))
    }

    /// Lists the threads: one, and more where the agent sets others to work.
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// for thread in session.threads().await?.data {
    ///     println!("{}: {}", thread.id, thread.status);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn threads(&self) -> SessionThreadList {
        SessionThreadList::new(self.shared.clone(), ops::threads::list(&self.id))
    }

    /// Returns the handle of one of the threads. Nothing is sent.
    pub fn thread(&self, id: impl Into<ThreadId>) -> Thread {
        Thread {
            shared: self.shared.clone(),
            session: self.id.clone(),
            id: id.into(),
        }
    }

    /// Allows the use of a tool that the agent asked for: `tool_use` is the id of the event.
    ///
    /// Where several wait, the others wait on, and the session says so in a further
    /// `session.status_idle` with the rest of the ids, which may come when those are answered too.
    /// So the same answer may be sent again: its idempotency key follows from the id, and the
    /// server, which remembers keys for a day, does nothing then. Another answer is a
    /// [conflict](crate::Error::is_conflict). [`Turn::pending`](crate::Turn::pending) has what still
    /// waits, and [`Turn::respond`](crate::Turn::respond) answers all of it in one request.
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// use qoder::{Event, Stop};
    ///
    /// let mut turn = session.turn("Clean up the build directory.").await?;
    /// while let Some(event) = turn.next().await {
    ///     if let Event::AgentToolUse(used) = event? {
    ///         println!("{} {}", used.name, used.input);
    ///     }
    ///     if let Stop::RequiresAction(ids) = turn.stop_reason() {
    ///         for id in ids {
    ///             session.approve(id).await?; // after somebody has looked at it
    ///         }
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn approve(&self, tool_use: impl Into<EventId>) -> Call<SentEvents> {
        let id = tool_use.into();
        self.answered(&id, UserToolConfirmation::allow(&id))
    }

    /// Denies the use of a tool, with a reason for the agent to read. Where several wait, it is as
    /// with [`approve`](Self::approve).
    pub fn deny(
        &self,
        tool_use: impl Into<EventId>,
        reason: impl Into<String>,
    ) -> Call<SentEvents> {
        let id = tool_use.into();
        self.answered(&id, UserToolConfirmation::deny(&id).deny_message(reason))
    }

    /// Sends the result of a custom tool: `tool_use` is the id of the `agent.custom_tool_use`
    /// event. Where several wait, it is as with [`approve`](Self::approve).
    pub fn answer(
        &self,
        tool_use: impl Into<EventId>,
        result: impl Into<Content>,
    ) -> Call<SentEvents> {
        let id = tool_use.into();
        self.answered(&id, UserCustomToolResult::new(&id, result))
    }

    fn answered(&self, tool_use: &EventId, answer: impl SendItems) -> Call<SentEvents> {
        let key = answer_key(self.id.as_str(), std::slice::from_ref(tool_use));
        self.send(answer)
            .options(|options| options.idempotency_key(key))
    }

    /// Stops what the agent is doing, on every thread, with an event; the session stays usable.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let session = client.session("sess_1");
    /// session.interrupt().await?;
    /// session.ask("Do something else.").await?;
    /// # Ok(()) }
    /// ```
    pub fn interrupt(&self) -> Call<SentEvents> {
        self.send([UserInterrupt::new()])
    }

    /// Cancels the running turn; nothing happens if none runs. The session stays usable.
    pub fn cancel(&self) -> Call<SessionCanceled> {
        Call::new(self.shared.clone(), ops::cancel(&self.id))
    }
}

/// A thread of a session, from [`Conversation::thread`]: an agent at work, with a history of its
/// own.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::Start;
///
/// let session = client.session("sess_1");
/// let mut threads = session.threads().items();
/// while let Some(thread) = threads.next().await {
///     let mut events = session.thread(&thread?.id).follow().from(Start::Beginning).events();
///     while let Some(event) = events.next().await {
///         println!("{}", event?.type_name());
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Thread {
    shared: Shared,
    session: SessionId,
    id: ThreadId,
}

impl Thread {
    /// Returns the thread's id.
    pub fn id(&self) -> &ThreadId {
        &self.id
    }

    /// Retrieves the thread as it is now.
    pub fn retrieve(&self) -> Call<SessionThread> {
        let request = ops::threads::retrieve(&self.session, &self.id);
        Call::new(self.shared.clone(), request)
    }

    /// Lists the events so far, oldest first.
    pub fn events(&self) -> ThreadEventList {
        let request = ops::threads::events::list(&self.session, &self.id);
        ThreadEventList::new(self.shared.clone(), request)
    }

    /// Opens the event stream: one connection, which ends when the server ends it.
    pub fn stream(&self) -> StreamOpening {
        StreamOpening::new(self.shared.clone(), self.log())
    }

    /// Follows the thread's events, each once and in order, over as many connections as it takes.
    /// They end with the thread, or with the session.
    pub fn follow(&self) -> Follow {
        Follow::new(self.shared.clone(), self.log())
    }

    fn log(&self) -> EventLog {
        EventLog::thread(self.session.clone(), self.id.clone())
    }
}
