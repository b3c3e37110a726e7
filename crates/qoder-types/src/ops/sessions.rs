//! Operations under `/sessions`.

use crate::{
    Deleted, Op, Page, Request, Session, SessionCanceled, SessionCreate, SessionId, SessionUpdate,
};

pub(super) static CREATE: Op = Op::post("sessions.create", "/sessions");
pub(super) static LIST: Op = Op::list("sessions.list", "/sessions");
pub(super) static RETRIEVE: Op = Op::get("sessions.retrieve", "/sessions/{session_id}");
pub(super) static UPDATE: Op = Op::post("sessions.update", "/sessions/{session_id}");
pub(super) static ARCHIVE: Op = Op::post("sessions.archive", "/sessions/{session_id}/archive");
pub(super) static DELETE: Op = Op::delete("sessions.delete", "/sessions/{session_id}");
pub(super) static CANCEL: Op = Op::post("sessions.cancel", "/sessions/{session_id}/cancel");

/// Starts a session.
pub fn create(session: &SessionCreate) -> Request<Session> {
    Request::new(&CREATE).json(session)
}

/// Lists sessions. Filters: `limit`, `order`, `agent_id`, `agent_version`, `deployment_id`,
/// `memory_store_id`, `statuses[]`, `include_archived`, `created_at[gt]` and its siblings.
pub fn list() -> Request<Page<Session>> {
    Request::new(&LIST)
}

/// Gets a session.
pub fn retrieve(session: &SessionId) -> Request<Session> {
    Request::new(&RETRIEVE).path("session_id", session.as_str())
}

/// Changes a session.
pub fn update(session: &SessionId, update: &SessionUpdate) -> Request<Session> {
    Request::new(&UPDATE)
        .path("session_id", session.as_str())
        .json(update)
}

/// Archives a session.
pub fn archive(session: &SessionId) -> Request<Session> {
    Request::new(&ARCHIVE).path("session_id", session.as_str())
}

/// Deletes a session.
pub fn delete(session: &SessionId) -> Request<Deleted> {
    Request::new(&DELETE).path("session_id", session.as_str())
}

/// Cancels what a session is doing.
pub fn cancel(session: &SessionId) -> Request<SessionCanceled> {
    Request::new(&CANCEL).path("session_id", session.as_str())
}

/// Operations under `/sessions/{session_id}/threads`.
pub mod threads {
    use super::{Op, Page, Request, SessionId};
    use crate::{SessionThread, ThreadId};

    pub(in crate::ops) static LIST: Op =
        Op::list("sessions.threads.list", "/sessions/{session_id}/threads");
    pub(in crate::ops) static RETRIEVE: Op = Op::get(
        "sessions.threads.retrieve",
        "/sessions/{session_id}/threads/{thread_id}",
    );
    pub(in crate::ops) static ARCHIVE: Op = Op::post(
        "sessions.threads.archive",
        "/sessions/{session_id}/threads/{thread_id}/archive",
    );

    /// Lists threads. Filters: `limit`.
    pub fn list(session: &SessionId) -> Request<Page<SessionThread>> {
        Request::new(&LIST).path("session_id", session.as_str())
    }

    /// Gets a thread.
    pub fn retrieve(session: &SessionId, thread: &ThreadId) -> Request<SessionThread> {
        Request::new(&RETRIEVE)
            .path("session_id", session.as_str())
            .path("thread_id", thread.as_str())
    }

    /// Archives a thread.
    pub fn archive(session: &SessionId, thread: &ThreadId) -> Request<SessionThread> {
        Request::new(&ARCHIVE)
            .path("session_id", session.as_str())
            .path("thread_id", thread.as_str())
    }

    /// Operations on the events of a thread.
    pub mod events {
        use super::{Op, Page, Request, SessionId, ThreadId};
        use crate::{Event, EventId, PreviewType};

        pub(in crate::ops) static LIST: Op = Op::list(
            "sessions.threads.events.list",
            "/sessions/{session_id}/threads/{thread_id}/events",
        );
        pub(in crate::ops) static STREAM: Op = Op::stream(
            "sessions.threads.events.stream",
            "/sessions/{session_id}/threads/{thread_id}/stream",
        );

        /// Lists events, oldest first. Filters: `limit`; there is no other order.
        pub fn list(session: &SessionId, thread: &ThreadId) -> Request<Page<Event>> {
            Request::new(&LIST)
                .path("session_id", session.as_str())
                .path("thread_id", thread.as_str())
        }

        /// Streams events after this one, with previews of these.
        pub fn stream(
            session: &SessionId,
            thread: &ThreadId,
            last_event_id: Option<&EventId>,
            previews: &[PreviewType],
        ) -> Request<()> {
            let mut request = Request::new(&STREAM)
                .path("session_id", session.as_str())
                .path("thread_id", thread.as_str());
            for preview in previews {
                request.add_query("event_deltas[]", preview);
            }
            match last_event_id {
                Some(id) => request.header("last-event-id", id.as_str()),
                None => request,
            }
        }
    }
}

/// Operations under `/sessions/{session_id}/events`.
pub mod events {
    use super::{Op, Page, Request, SessionId};
    use crate::{Event, EventId, PreviewType, SendEvents, SentEvents};

    pub(in crate::ops) static LIST: Op =
        Op::list("sessions.events.list", "/sessions/{session_id}/events");
    pub(in crate::ops) static SEND: Op =
        Op::post("sessions.events.send", "/sessions/{session_id}/events");
    pub(in crate::ops) static STREAM: Op = Op::stream(
        "sessions.events.stream",
        "/sessions/{session_id}/events/stream",
    );

    /// Lists events. Filters: `limit`, `order`, `types[]`, `created_at[gt]` and its siblings.
    pub fn list(session: &SessionId) -> Request<Page<Event>> {
        Request::new(&LIST).path("session_id", session.as_str())
    }

    /// Sends events.
    pub fn send(session: &SessionId, events: &SendEvents) -> Request<SentEvents> {
        Request::new(&SEND)
            .path("session_id", session.as_str())
            .json(events)
    }

    /// Streams events, with previews of these.
    ///
    /// `last_event_id` is the cursor as a header, `after_id` the same in the query, which only
    /// the first generation knows.
    pub fn stream(
        session: &SessionId,
        last_event_id: Option<&EventId>,
        after_id: Option<&EventId>,
        previews: &[PreviewType],
    ) -> Request<()> {
        let mut request = Request::new(&STREAM).path("session_id", session.as_str());
        if let Some(id) = after_id {
            request.add_query("after_id", id);
        }
        for preview in previews {
            request.add_query("event_deltas[]", preview);
        }
        match last_event_id {
            Some(id) => request.header("last-event-id", id.as_str()),
            None => request,
        }
    }
}
