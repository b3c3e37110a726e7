//! The logs that can be followed, and the requests for them.

use qoder_sse::resume::{Class, Fault};
use qoder_types::ops::sessions::{events, threads};
use qoder_types::{
    Event, EventId, Order, Page, PreviewType, Request, SessionId, StreamErrorEvent, ThreadId,
};

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::gateway::Dialect;
use crate::members::Members;

/// The list and the stream of the same events: those of a session, or of one of its threads.
#[derive(Clone, Debug)]
pub(crate) struct EventLog {
    session: SessionId,
    thread: Option<ThreadId>,
    renewing: bool,
}

impl EventLog {
    pub(crate) fn session(session: SessionId) -> Self {
        Self {
            session,
            thread: None,
            renewing: false,
        }
    }

    pub(crate) fn thread(session: SessionId, thread: ThreadId) -> Self {
        Self {
            session,
            thread: Some(thread),
            renewing: false,
        }
    }

    /// Whether each connection may have another token than the one before.
    pub(crate) fn renewing(mut self, renewing: bool) -> Self {
        self.renewing = renewing;
        self
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
        let mut request = match &self.thread {
            Some(thread) => threads::events::stream(&self.session, thread),
            None => events::stream(&self.session),
        };
        for preview in previews {
            request.add_query("event_deltas[]", preview);
        }
        let Some(after) = after else { return request };
        if self.thread.is_none() && dialect == Dialect::Seed {
            request.set_query("after_id", after);
        }
        request.header("last-event-id", after.as_str())
    }

    /// Returns the checkpoint of following this log after this event.
    pub(crate) fn checkpoint(&self, after: &str) -> Checkpoint {
        Checkpoint::of_following(self.session.clone(), self.thread.clone(), after.into())
    }

    /// The event that this checkpoint names, if it is one of following this.
    pub(crate) fn position<'c>(&self, checkpoint: &'c Checkpoint) -> Result<&'c EventId> {
        checkpoint.followed_in(&self.session, self.thread.as_ref())
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
            event if is_preview(event) => Class::Preview,
            event if is_final(event) || self.ends_with(event) => Class::Final,
            Event::Heartbeat(_) | Event::Ping(_) => Class::Pulse,
            Event::StreamError(error) => {
                Class::Fault(if is_fatal(error.body().kind(), self.renewing) {
                    Fault::Fatal
                } else {
                    Fault::Transient
                })
            }
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

/// Whether it is a piece of another event, readable or not.
pub(crate) fn is_preview(event: &Event) -> bool {
    let is_malformed = || match event {
        Event::Malformed(event) => matches!(&*event.type_name, "event_start" | "event_delta"),
        _ => false,
    };
    event.is_preview() || is_malformed()
}

/// Whether no event can follow. What can't be read still says so by its type.
fn is_final(event: &Event) -> bool {
    match event {
        Event::Malformed(malformed) => {
            let name = &*malformed.type_name;
            matches!(
                name,
                "session.status_terminated" | "session.deleted" | "terminated"
            ) && event.raw().trim_start().starts_with('{')
        }
        event => event.is_final(),
    }
}

/// The event that a preview is of, if that much of it can be read.
pub(crate) fn previewed_event(data: &str) -> Option<EventId> {
    let piece = Members::of(data).ok()?;
    match piece.get("event_id").ok()? {
        Some(id) => Some(id),
        None => piece.object("event").ok()??.get("id").ok()?,
    }
}

/// Whether an error of the stream is about the cursor that was asked for.
pub(crate) fn rejects_cursor(error: &StreamErrorEvent, cursor: &str) -> bool {
    let body = error.body();
    if !matches!(
        body.kind(),
        Some("invalid_request_error" | "not_found_error")
    ) {
        return false;
    }
    let message = body.message.as_deref().unwrap_or_default().to_lowercase();
    let names = ["last-event-id", "last_event_id", "after_id", "cursor"];
    message.contains(&cursor.to_lowercase()) || names.iter().any(|name| message.contains(name))
}

/// Whether a stream that ends with an error of this type would end so again. Where tokens are
/// renewed, one that ended says nothing of the next.
fn is_fatal(kind: Option<&str>, renewing: bool) -> bool {
    match kind {
        Some("authentication_error") => !renewing,
        Some("permission_error" | "invalid_request_error" | "not_found_error") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with half of a pair and a number that no type holds make a preview malformed, and say
    /// nothing of its event.
    #[test]
    fn the_event_of_a_preview_is_read_whatever_else_it_has() {
        for (data, event) in [
            (
                r#"{"event_id":"evt_1","delta":{"content":{"text":"\ud800"}}}"#,
                Some("evt_1"),
            ),
            (r#"{"event_id":"evt_1","delta":1e999}"#, Some("evt_1")),
            (r#"{"event":{"id":"evt_2","type":"\ud800"}}"#, Some("evt_2")),
            (r#"{"event_id":null,"event":{"id":"evt_2"}}"#, Some("evt_2")),
            (r#"{"event_id":1}"#, None),
            (r#"["evt_1"]"#, None),
            ("{", None),
        ] {
            let found = previewed_event(data);
            assert_eq!(found.as_ref().map(EventId::as_str), event, "{data}");
        }
    }

    #[test]
    fn a_token_that_ended_ends_what_has_no_other() {
        let log = EventLog::session(SessionId::from("sess_1"));
        let class = |log: &EventLog, kind: &str| {
            let data = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}}}}"#);
            log.class_of(&Event::decode("error", None, &data))
        };
        let fault = |fatal| {
            Class::Fault(if fatal {
                Fault::Fatal
            } else {
                Fault::Transient
            })
        };
        assert_eq!(class(&log, "authentication_error"), fault(true));
        let renewing = log.renewing(true);
        assert_eq!(class(&renewing, "authentication_error"), fault(false));
        assert_eq!(class(&renewing, "permission_error"), fault(true));
        assert_eq!(class(&renewing, "api_error"), fault(false));
    }

    #[test]
    fn only_its_own_end_ends_a_thread() {
        let log = EventLog::thread(SessionId::from("sess_1"), ThreadId::from("thr_1"));
        let class = |thread: &str| {
            let data = format!(
                r#"{{"type":"session.thread_status_terminated","session_thread_id":"{thread}","agent_name":"a"}}"#
            );
            log.class_of(&Event::decode("", None, &data))
        };
        assert_eq!(class("thr_1"), Class::Final);
        assert_eq!(class("thr_2"), Class::Durable);
    }
}
