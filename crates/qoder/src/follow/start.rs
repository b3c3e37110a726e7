//! Where following starts, and by which means events are fetched.

use std::time::Duration;

use qoder_sse::resume;
use qoder_types::EventId;

/// Where following starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the first event of the session, however old.
    Beginning,
    /// With the first event that comes after this moment.
    #[default]
    Now,
    /// After this event, which may be a stored [checkpoint](crate::Events::checkpoint).
    After(EventId),
}

/// By which means events are fetched. Items and order are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// The event stream.
    #[default]
    Sse,
    /// The list of events, asked for again and again: for networks that keep no connection open.
    /// Previews are never in it. Between two lists passes at most this time and at least half of
    /// it, at random; two seconds are usual, and less than 100 ms counts as 100 ms.
    /// [`Updates::wake`](crate::Updates::wake) asks at once.
    Polling(Duration),
}

impl From<Start> for resume::Start {
    fn from(start: Start) -> Self {
        match start {
            Start::Beginning => Self::Beginning,
            Start::Now => Self::Now,
            Start::After(id) => Self::After(id.to_string()),
        }
    }
}
