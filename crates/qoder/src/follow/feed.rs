//! What can be followed, and the requests for it.

use qoder_types::ops::sessions::events as ops;
use qoder_types::{Event, EventId, Order, Page, PreviewType, Request, SessionId};

use crate::gateway::Dialect;

/// The list and the stream of the same events.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    session: SessionId,
}

impl Feed {
    pub(crate) fn session(session: SessionId) -> Self {
        Self { session }
    }

    /// The list, oldest first, from after an event or from the beginning.
    pub(crate) fn list(&self, after: Option<&str>, limit: u32) -> Request<Page<Event>> {
        let mut request = ops::list(&self.session);
        request.set_query("limit", limit);
        if let Some(id) = after {
            request.set_query("after_id", id);
        }
        request
    }

    /// The list, newest first.
    pub(crate) fn newest(&self, limit: u32) -> Request<Page<Event>> {
        let mut request = ops::list(&self.session);
        request.set_query("order", Order::Desc);
        request.set_query("limit", limit);
        request
    }

    /// The stream, from after an event or from where the server starts.
    pub(crate) fn stream(
        &self,
        dialect: Dialect,
        after: Option<&EventId>,
        previews: &[PreviewType],
    ) -> Request<()> {
        let after_in_query = after.filter(|_| dialect == Dialect::Seed);
        ops::stream(&self.session, after, after_in_query, previews)
    }
}
