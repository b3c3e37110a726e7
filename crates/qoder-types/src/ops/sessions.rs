//! Operations under `/sessions`.

use super::row::operations;
use crate::{Deleted, Page, Session, SessionCanceled, SessionCreate, SessionId, SessionUpdate};

operations! { "sessions" {
    /// Starts a session.
    create() takes SessionCreate -> Session = post "/sessions";
    /// Lists sessions, newest first unless ordered otherwise.
    list() -> Page<Session> = list "/sessions"
        ? "agent_id" "agent_version" "created_at[gt]" "created_at[gte]" "created_at[lt]"
          "created_at[lte]" "deployment_id" "include_archived" "memory_store_id" "order" "statuses[]";
    /// Gets a session.
    retrieve(session_id: SessionId) -> Session = get "/sessions/{session_id}";
    /// Changes a session.
    update(session_id: SessionId) takes SessionUpdate -> Session = post "/sessions/{session_id}";
    /// Archives a session.
    archive(session_id: SessionId) -> Session = act "/sessions/{session_id}/archive";
    /// Deletes a session.
    delete(session_id: SessionId) -> Deleted = delete "/sessions/{session_id}";
    /// Cancels what a session is doing.
    cancel(session_id: SessionId) -> SessionCanceled = act "/sessions/{session_id}/cancel";
} }

/// Operations under `/sessions/{session_id}/events`.
pub mod events {
    use super::{Page, SessionId, operations};
    use crate::{Event, SendEvents, SentEvents};

    operations! { "sessions.events" {
        /// Lists events, oldest first unless ordered otherwise.
        list(session_id: SessionId) -> Page<Event> = list "/sessions/{session_id}/events"
            ? "created_at[gt]" "created_at[gte]" "created_at[lt]" "created_at[lte]" "order" "types[]"
              "after_id" "before_id";
        /// Sends events.
        send(session_id: SessionId) takes SendEvents -> SentEvents = post "/sessions/{session_id}/events";
        /// Streams events, with previews of the types that the query names.
        ///
        /// The cursor is a header. The first generation has it in the query too, as `after_id`.
        stream(session_id: SessionId) -> () = stream "/sessions/{session_id}/events/stream"
            ? "event_deltas[]" head "last-event-id";
    } }
}

/// Operations under `/sessions/{session_id}/resources`.
pub mod resources {
    use super::{Deleted, Page, SessionId, operations};
    use crate::{FileResource, ResourceId, SessionResource, SessionResourceUpdate};

    operations! { "sessions.resources" {
        /// Gives a session another file. Nothing else can be given once it is created.
        add(session_id: SessionId) takes FileResource as SessionResource -> FileResource
            = post "/sessions/{session_id}/resources";
        /// Lists what a session was given.
        list(session_id: SessionId) -> Page<SessionResource>
            = list "/sessions/{session_id}/resources" ? "after_id" "before_id";
        /// Gets one of the things that a session was given.
        retrieve(session_id: SessionId, resource_id: ResourceId) -> SessionResource
            = get "/sessions/{session_id}/resources/{resource_id}";
        /// Rotates the secret by which a session reads a repository.
        update(session_id: SessionId, resource_id: ResourceId) takes SessionResourceUpdate
            -> SessionResource = post "/sessions/{session_id}/resources/{resource_id}";
        /// Takes something from a session.
        delete(session_id: SessionId, resource_id: ResourceId) -> Deleted
            = delete "/sessions/{session_id}/resources/{resource_id}";
    } }
}

/// Operations under `/sessions/{session_id}/threads`.
pub mod threads {
    use super::{Page, SessionId, operations};
    use crate::{SessionThread, ThreadId};

    operations! { "sessions.threads" {
        /// Lists threads.
        list(session_id: SessionId) -> Page<SessionThread> = list "/sessions/{session_id}/threads";
        /// Gets a thread.
        retrieve(session_id: SessionId, thread_id: ThreadId) -> SessionThread
            = get "/sessions/{session_id}/threads/{thread_id}";
        /// Archives a thread.
        archive(session_id: SessionId, thread_id: ThreadId) -> SessionThread
            = act "/sessions/{session_id}/threads/{thread_id}/archive";
    } }

    /// Operations on the events of a thread.
    pub mod events {
        use super::{Page, SessionId, ThreadId, operations};
        use crate::Event;

        operations! { "sessions.threads.events" {
            /// Lists events, oldest first; there is no other order.
            list(session_id: SessionId, thread_id: ThreadId) -> Page<Event>
                = list "/sessions/{session_id}/threads/{thread_id}/events" ? "after_id" "before_id";
            /// Streams events.
            ///
            /// The cursor is a header, as of a session's events; the catalogue doesn't have it.
            stream(session_id: SessionId, thread_id: ThreadId) -> ()
                = stream "/sessions/{session_id}/threads/{thread_id}/stream"
                ? "event_deltas[]" head "last-event-id";
        } }
    }
}
