use qoder_types::ops::sessions::threads::events as thread_events;
use qoder_types::ops::sessions::{self, events, resources, threads};
use qoder_types::{
    AgentId, Deleted, DeploymentId, Event, EventId, FileResource, MemoryStoreId, ResourceId,
    SentEvents, Session, SessionCanceled, SessionCreate, SessionId, SessionResource,
    SessionResourceUpdate, SessionStatus, SessionThread, SessionUpdate, ThreadId, Timestamp,
};

use super::macros::{calls, list};
use crate::call::Call;
use crate::follow::{EventLog, StreamOpening};
use crate::input::{self, SendItems};

calls! {
    /// The calls under `/sessions`, from [`Client::sessions`](crate::Client::sessions).
    ///
    /// A session is an agent at work in an environment: it is sent messages, and tells what it does
    /// as events. To talk with one, use [`Client::session`](crate::Client::session), which sends,
    /// follows and answers; the calls here are the single steps.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{SessionCreate, SessionStatus};
    ///
    /// let sessions = client.sessions();
    /// let session = sessions.create(SessionCreate::new("agent_1", "env_1").title("first session")).await?;
    /// let mut running = sessions.list().status(SessionStatus::Running).items();
    /// while let Some(session) = running.next().await {
    ///     println!("{}", session?.id);
    /// }
    /// # Ok(()) }
    /// ```
    Sessions: sessions {
        /// Starts a session of an agent in an environment. It is idle until it is sent a message.
        ///
        /// The server connects to the agent's MCP servers here: one that can't be reached fails the
        /// call.
        create(; session: SessionCreate) -> Call<Session>,
        /// Lists sessions, newest first unless [ordered otherwise](SessionList::order).
        list() -> SessionList,
        /// Retrieves a session.
        retrieve(id: SessionId) -> Call<Session>,
        /// Changes a session. What the update leaves out is kept.
        update(id: SessionId; update: SessionUpdate) -> Call<Session>,
        /// Archives a session: it can be read, and takes no events any more.
        archive(id: SessionId) -> Call<Session>,
        /// Deletes a session.
        delete(id: SessionId) -> Call<Deleted>,
        /// Cancels what the session is doing; it stays usable. Nothing happens to an idle one.
        cancel(id: SessionId) -> Call<SessionCanceled>,
    }
}

impl Sessions {
    /// Returns the calls for the events of sessions.
    pub fn events(&self) -> SessionEvents {
        SessionEvents::new(self.shared.clone())
    }

    /// Returns the calls for the resources of sessions: files, repositories, memory stores.
    pub fn resources(&self) -> SessionResources {
        SessionResources::new(self.shared.clone())
    }

    /// Returns the calls for the threads of sessions.
    pub fn threads(&self) -> SessionThreads {
        SessionThreads::new(self.shared.clone())
    }
}

list! {
    /// Sessions, newest first unless [ordered otherwise](Self::order); from [`Sessions::list`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::SessionStatus;
    ///
    /// let mut busy = client
    ///     .sessions()
    ///     .list()
    ///     .agent_id("agent_1")
    ///     .status(SessionStatus::Running)
    ///     .created_at_gte("2026-07-01T00:00:00Z")
    ///     .items();
    /// while let Some(session) = busy.next().await {
    ///     println!("{}", session?.id);
    /// }
    /// # Ok(()) }
    /// ```
    SessionList of Session {
        /// Lists only sessions of this agent.
        agent_id: AgentId,
        /// Lists only sessions of this version of their agent, which is 1 or more.
        agent_version: u64,
        /// Lists only sessions that this deployment started.
        deployment_id: DeploymentId,
        /// Lists only sessions that this memory store is mounted in.
        memory_store_id: MemoryStoreId,
        /// Lists only sessions in this state; call it again for further states.
        status+: SessionStatus as "statuses[]",
        /// Sets whether archived sessions are listed too. Default: they are not.
        include_archived: bool,
        /// Sets the order, by time of creation. Default: newest first.
        order: Order,
        /// Lists only sessions that were created after this time.
        created_at_gt: Timestamp as "created_at[gt]",
        /// Lists only sessions that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only sessions that were created before this time.
        created_at_lt: Timestamp as "created_at[lt]",
        /// Lists only sessions that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/sessions/{id}/events`, from [`Sessions::events`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{SystemMessage, UserMessage};
    ///
    /// let events = client.sessions().events();
    /// let sent = events.send("sess_1", [UserMessage::new("Hello!")]).await?;
    /// println!("{:?}", sent.data[0].id());
    /// events.send("sess_1", ("And now?", SystemMessage::new("It is noon."))).await?;
    /// # Ok(()) }
    /// ```
    SessionEvents: events {
        /// Lists the events of a session, oldest first unless
        /// [ordered otherwise](SessionEventList::order). Previews are never among them.
        list(id: SessionId) -> SessionEventList,
    }
}

impl SessionEvents {
    /// Sends a message to a session, or any [one or many events](SendItems). The response has them
    /// with their ids, unless the server accepts them without a body.
    ///
    /// Acceptance is not completion: the answer comes through the stream. A message for a session
    /// that is running is a [conflict](crate::Error::is_conflict). An idempotency key goes with
    /// the call, so a repeated attempt is not a second message.
    pub fn send(&self, id: impl Into<SessionId>, events: impl SendItems) -> Call<SentEvents> {
        input::send(&self.shared, &id.into(), events.into_events())
    }

    /// Opens the event stream: one connection, which ends when the server ends it. To go on after
    /// that without losing anything, [follow](crate::Conversation::follow) instead.
    pub fn stream(&self, id: impl Into<SessionId>) -> StreamOpening {
        StreamOpening::new(self.shared.clone(), EventLog::session(id.into()))
    }
}

list! {
    /// The events of a session, oldest first unless [ordered otherwise](Self::order); from
    /// [`SessionEvents::list`] and [`Conversation::events`](crate::Conversation::events).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::Order;
    ///
    /// let events = client.session("sess_1").events();
    /// let newest = events.event_type("agent.message").order(Order::Desc).limit(1).first().await?;
    /// println!("{}", newest.raw());
    /// # Ok(()) }
    /// ```
    SessionEventList of Event by EventId {
        /// Lists only events of this type, such as `agent.message`; call it again for further types.
        event_type+: String as "types[]",
        /// Sets the order, by the time when the events were processed. Default: oldest first.
        order: Order,
        /// Lists only events that were processed after this time.
        created_at_gt: Timestamp as "created_at[gt]",
        /// Lists only events that were processed at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only events that were processed before this time.
        created_at_lt: Timestamp as "created_at[lt]",
        /// Lists only events that were processed at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/sessions/{id}/resources`, from [`Sessions::resources`].
    ///
    /// A session is given repositories and memory stores as it is created, and files then or later.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::Upload;
    /// use qoder::types::FileResource;
    ///
    /// let file = client.files().upload(Upload::path("notes.md")).await?;
    /// let resource = FileResource::new(&file.id).mount_path("/data/notes.md");
    /// client.sessions().resources().add("sess_1", resource).await?;
    /// # Ok(()) }
    /// ```
    SessionResources: resources {
        /// Gives a session another file. The same file once more is a
        /// [conflict](crate::Error::is_conflict).
        add(session: SessionId; file: FileResource) -> Call<FileResource>,
        /// Lists what a session was given.
        list(session: SessionId) -> SessionResourceList,
        /// Retrieves one of the things that a session was given.
        retrieve(session: SessionId, resource: ResourceId) -> Call<SessionResource>,
        /// Rotates the secret by which a session reads a repository.
        update(session: SessionId, resource: ResourceId; update: SessionResourceUpdate) -> Call<SessionResource>,
        /// Takes something from a session.
        delete(session: SessionId, resource: ResourceId) -> Call<Deleted>,
    }
}

list! {
    /// The resources of a session; from [`SessionResources::list`].
    SessionResourceList of SessionResource by ResourceId {}
}

calls! {
    /// The calls under `/sessions/{id}/threads`, from [`Sessions::threads`].
    ///
    /// Each session has one thread, and more where its agent sets others to work.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut threads = client.sessions().threads().list("sess_1").items();
    /// while let Some(thread) = threads.next().await {
    ///     println!("{}", thread?.id);
    /// }
    /// # Ok(()) }
    /// ```
    SessionThreads: threads {
        /// Lists the threads of a session.
        list(session: SessionId) -> SessionThreadList,
        /// Retrieves a thread.
        retrieve(session: SessionId, thread: ThreadId) -> Call<SessionThread>,
        /// Archives a thread.
        archive(session: SessionId, thread: ThreadId) -> Call<SessionThread>,
    }
}

impl SessionThreads {
    /// Returns the calls for the events of threads.
    pub fn events(&self) -> ThreadEvents {
        ThreadEvents::new(self.shared.clone())
    }
}

list! {
    /// The threads of a session; from [`SessionThreads::list`] and
    /// [`Conversation::threads`](crate::Conversation::threads).
    SessionThreadList of SessionThread, 1000 a page {}
}

calls! {
    /// The calls under `/sessions/{id}/threads/{id}/events`, from [`SessionThreads::events`].
    ThreadEvents: thread_events {
        /// Lists the events of a thread, oldest first; the server has no other order here.
        list(session: SessionId, thread: ThreadId) -> ThreadEventList,
    }
}

impl ThreadEvents {
    /// Opens the thread's event stream: one connection, which ends when the server ends it. To go
    /// on after that without losing anything, [follow](crate::Thread::follow) instead.
    pub fn stream(
        &self,
        session: impl Into<SessionId>,
        thread: impl Into<ThreadId>,
    ) -> StreamOpening {
        let log = EventLog::thread(session.into(), thread.into());
        StreamOpening::new(self.shared.clone(), log)
    }
}

list! {
    /// The events of a thread, oldest first; from [`ThreadEvents::list`] and
    /// [`Thread::events`](crate::Thread::events).
    ThreadEventList of Event by EventId {}
}
