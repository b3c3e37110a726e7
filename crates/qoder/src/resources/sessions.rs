use qoder_types::ops::sessions as ops;
use qoder_types::{
    Deleted, Event, InputEvent, Order, SentEvents, Session, SessionCanceled, SessionCreate,
    SessionId, SessionStatus, SessionThread, SessionUpdate, ThreadId,
};

use super::resource;
use crate::call::Call;
use crate::follow::{Feed, StreamOpening};
use crate::input;
use crate::list::List;

resource! {
    /// The calls under `/sessions`, from [`Client::sessions`](crate::Client::sessions). For the
    /// conversation in one session see [`Client::session`](crate::Client::session).
    Sessions
}

impl Sessions {
    /// Starts a session of an agent in an environment. It is idle until it is sent a message.
    ///
    /// Servers connect to the agent's MCP servers here: one that can't be reached fails the call.
    pub fn create(&self, session: SessionCreate) -> Call<Session> {
        self.call(ops::create(&session))
    }

    /// Lists sessions, newest first unless [ordered otherwise](List::order).
    pub fn list(&self) -> List<Session> {
        self.pages(ops::list())
    }

    /// Retrieves a session.
    pub fn retrieve(&self, id: impl Into<SessionId>) -> Call<Session> {
        self.call(ops::retrieve(&id.into()))
    }

    /// Changes a session; what the update leaves out is kept.
    pub fn update(&self, id: impl Into<SessionId>, update: SessionUpdate) -> Call<Session> {
        self.call(ops::update(&id.into(), &update))
    }

    /// Archives a session: it can be read, and takes no events any more.
    pub fn archive(&self, id: impl Into<SessionId>) -> Call<Session> {
        self.call(ops::archive(&id.into()))
    }

    /// Deletes a session.
    pub fn delete(&self, id: impl Into<SessionId>) -> Call<Deleted> {
        self.call(ops::delete(&id.into()))
    }

    /// Cancels what the session is doing; it stays usable. Nothing happens to an idle one.
    pub fn cancel(&self, id: impl Into<SessionId>) -> Call<SessionCanceled> {
        self.call(ops::cancel(&id.into()))
    }

    /// Returns the calls for the events of sessions.
    pub fn events(&self) -> SessionEvents {
        SessionEvents::new(self.shared.clone())
    }

    /// Returns the calls for the threads of sessions.
    pub fn threads(&self) -> SessionThreads {
        SessionThreads::new(self.shared.clone())
    }
}

/// Filters of [`Sessions::list`].
impl List<Session> {
    /// Lists only sessions of this agent.
    pub fn agent_id(self, id: &qoder_types::AgentId) -> Self {
        self.query("agent_id", id)
    }

    /// Lists only sessions in this state; call it again for further states.
    pub fn status(self, status: &SessionStatus) -> Self {
        self.also("statuses[]", status)
    }

    /// Sets the order, by time of creation. Newest first by default.
    pub fn order(self, order: Order) -> Self {
        self.query("order", order)
    }

    /// Sets whether archived sessions are listed too. They aren't by default.
    pub fn include_archived(self, include: bool) -> Self {
        self.query("include_archived", include)
    }
}

resource! {
    /// The calls under `/sessions/{id}/events`, from [`Sessions::events`].
    SessionEvents
}

impl SessionEvents {
    /// Lists the events of a session, oldest first unless [ordered otherwise](List::order).
    /// Previews are never in it.
    pub fn list(&self, id: impl Into<SessionId>) -> List<Event> {
        self.pages(ops::events::list(&id.into()))
    }

    /// Sends events to a session; the response has them with their ids, unless the server accepts
    /// them without a word.
    ///
    /// Acceptance is not completion: the answer comes through the stream. A message for a session
    /// that is running is a [conflict](crate::Error::is_conflict). An idempotency key goes with
    /// the call, so a repeated attempt is not a second message.
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::UserMessage;
    ///
    /// let sent = client.sessions().events().send("sess_1", [UserMessage::new("Hello!")]).await?;
    /// println!("{:?}", sent.data[0].id());
    /// # Ok(()) }
    /// ```
    pub fn send<I>(&self, id: impl Into<SessionId>, events: I) -> Call<SentEvents>
    where
        I: IntoIterator,
        I::Item: Into<InputEvent>,
    {
        input::send(&self.shared, &id.into(), events)
    }

    /// Opens the event stream: one connection, which ends when the server ends it. To go on after
    /// that without losing anything, [follow](crate::Conversation::follow) instead.
    pub fn stream(&self, id: impl Into<SessionId>) -> StreamOpening {
        StreamOpening::new(self.shared.clone(), Feed::session(id.into()))
    }
}

/// Filters of [`SessionEvents::list`].
impl List<Event> {
    /// Lists only events of this type, by its name in the API; call it again for further types.
    pub fn event_type(self, name: &str) -> Self {
        self.also("types[]", name)
    }

    /// Sets the order, by time. Oldest first by default.
    pub fn order(self, order: Order) -> Self {
        self.query("order", order)
    }

    /// Lists only what comes after this event.
    pub fn after(self, id: &qoder_types::EventId) -> Self {
        self.from_cursor(&qoder_types::Cursor::After(id.to_string()))
    }
}

resource! {
    /// The calls under `/sessions/{id}/threads`, from [`Sessions::threads`].
    SessionThreads
}

impl SessionThreads {
    /// Lists the threads of a session. Each session has one, and more where its agent sets others
    /// to work.
    pub fn list(&self, session: impl Into<SessionId>) -> List<SessionThread> {
        self.pages(ops::threads::list(&session.into()))
    }

    /// Retrieves a thread.
    pub fn retrieve(
        &self,
        session: impl Into<SessionId>,
        thread: impl Into<ThreadId>,
    ) -> Call<SessionThread> {
        self.call(ops::threads::retrieve(&session.into(), &thread.into()))
    }

    /// Archives a thread.
    pub fn archive(
        &self,
        session: impl Into<SessionId>,
        thread: impl Into<ThreadId>,
    ) -> Call<SessionThread> {
        self.call(ops::threads::archive(&session.into(), &thread.into()))
    }

    /// Returns the calls for the events of threads.
    pub fn events(&self) -> ThreadEvents {
        ThreadEvents::new(self.shared.clone())
    }
}

resource! {
    /// The calls for the events of a thread, from [`SessionThreads::events`].
    ThreadEvents
}

impl ThreadEvents {
    /// Lists the events of a thread, oldest first; the server has no other order and no filter of
    /// types here.
    pub fn list(&self, session: impl Into<SessionId>, thread: impl Into<ThreadId>) -> List<Event> {
        self.pages(ops::threads::events::list(&session.into(), &thread.into()))
    }

    /// Opens the thread's event stream: one connection, which ends when the server ends it. To go
    /// on after that without losing anything, [follow](crate::Thread::follow) instead.
    pub fn stream(
        &self,
        session: impl Into<SessionId>,
        thread: impl Into<ThreadId>,
    ) -> StreamOpening {
        StreamOpening::new(
            self.shared.clone(),
            Feed::thread(session.into(), thread.into()),
        )
    }
}
