//! Sending events to a session, in the dialect of its server.

use qoder_types::{InputEvent, SendEvents, SentEvents, SessionId, ops};

use crate::call::Call;
use crate::gateway::Dialect;
use crate::shared::Shared;

/// The call that sends these events.
pub(crate) fn send<I>(shared: &Shared, session: &SessionId, events: I) -> Call<SentEvents>
where
    I: IntoIterator,
    I::Item: Into<InputEvent>,
{
    let in_dialect = |event: I::Item| match shared.dialect() {
        Dialect::Seed => event.into().for_seed(),
        Dialect::Current => event.into().for_current(),
    };
    let events: Vec<InputEvent> = events.into_iter().map(in_dialect).collect();
    let request = ops::sessions::events::send(session, &SendEvents::new(events));
    Call::new(shared.clone(), request)
}
