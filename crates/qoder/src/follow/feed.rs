//! What can be followed, and the requests for it.

use qoder_sse::resume::Class;
use qoder_types::ops::sessions::{events, threads};
use qoder_types::{Event, EventId, Order, Page, PreviewType, Request, SessionId, ThreadId};

use crate::gateway::Dialect;

/// The list and the stream of the same events: those of a session, or of one of its threads.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    session: SessionId,
    thread: Option<ThreadId>,
}

impl Feed {
    pub(crate) fn session(session: SessionId) -> Self {
        Self {
            session,
            thread: None,
        }
    }

    pub(crate) fn thread(session: SessionId, thread: ThreadId) -> Self {
        Self {
            session,
            thread: Some(thread),
        }
    }

    /// The list, oldest first, from after an event or from the beginning.
    pub(crate) fn list(&self, after: Option<&str>, limit: u32) -> Request<Page<Event>> {
        let mut request = match &self.thread {
            Some(thread) => threads::events::list(&self.session, thread),
            None => events::list(&self.session),
        };
        request.set_query("limit", limit);
        if let Some(id) = after {
            request.set_query("after_id", id);
        }
        request
    }

    /// The list, newest first. That of a thread has no such order.
    pub(crate) fn newest(&self, limit: u32) -> Option<Request<Page<Event>>> {
        if self.thread.is_some() {
            return None;
        }
        let mut request = events::list(&self.session);
        request.set_query("order", Order::Desc);
        request.set_query("limit", limit);
        Some(request)
    }

    /// The stream, from after an event or from where the server starts.
    pub(crate) fn stream(
        &self,
        dialect: Dialect,
        after: Option<&EventId>,
        previews: &[PreviewType],
    ) -> Request<()> {
        match &self.thread {
            Some(thread) => threads::events::stream(&self.session, thread, after, previews),
            None => {
                let after_in_query = after.filter(|_| dialect == Dialect::Seed);
                events::stream(&self.session, after, after_in_query, previews)
            }
        }
    }

    /// The session that it is of.
    pub(crate) fn session_id(&self) -> &str {
        self.session.as_str()
    }

    /// The name of the operation that streams.
    pub(crate) fn operation(&self) -> &'static str {
        match self.thread {
            Some(_) => "sessions.threads.events.stream",
            None => "sessions.events.stream",
        }
    }

    /// The class of an event for the resume machine.
    pub(crate) fn class_of(&self, event: &Event) -> Class {
        match event {
            event if event.is_preview() => Class::Preview,
            event if event.is_final() || self.ends_with(event) => Class::Final,
            Event::StreamError(error) => Class::Fault {
                fatal: is_fatal(error.body().kind()),
            },
            _ => Class::Durable,
        }
    }

    /// Whether it is the end of the thread that is followed.
    fn ends_with(&self, event: &Event) -> bool {
        match (&self.thread, event) {
            (Some(thread), Event::SessionThreadStatusTerminated(event)) => event
                .session_thread_id
                .as_ref()
                .is_none_or(|id| id == thread),
            _ => false,
        }
    }
}

/// Whether a stream that ends with an error of this type would end so again.
fn is_fatal(kind: Option<&str>) -> bool {
    matches!(
        kind,
        Some(
            "authentication_error"
                | "permission_error"
                | "invalid_request_error"
                | "not_found_error"
        )
    )
}
