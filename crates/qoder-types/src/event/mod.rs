//! Events of a session: one enumeration, a struct for each type.

mod decode;
mod fill;
mod kinds;
mod mend;
mod parts;
mod row;
#[cfg(test)]
mod tests;
mod text_delta;

pub use kinds::*;
pub use parts::*;
pub use text_delta::TextDelta;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{EventId, ThreadId, Timestamp};

/// The members that all events have in common, whether known, unknown or malformed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) id: Option<&'a EventId>,
    pub(crate) processed_at: Option<&'a Timestamp>,
    pub(crate) session_thread_id: Option<&'a ThreadId>,
    pub(crate) raw: &'a str,
}

impl Event {
    /// Returns the event's id: that of its JSON, or else of the frame it came in. Previews have
    /// none of their own, and carry that of the event they announce in their frame.
    pub fn id(&self) -> Option<&EventId> {
        self.common().id
    }

    /// Returns when the server processed the event, if it says so. Neighbours may share a time: the
    /// order of events is the order in which the server gives them.
    pub fn processed_at(&self) -> Option<&Timestamp> {
        self.common().processed_at
    }

    /// Returns the thread that the event belongs to, where it is not the session's first.
    pub fn session_thread_id(&self) -> Option<&ThreadId> {
        self.common().session_thread_id
    }

    /// Returns the event's JSON, to the letter: whatever has no field is here.
    pub fn raw(&self) -> &str {
        self.common().raw
    }

    /// Returns whether it announces or continues an event that is still being written. Previews come
    /// only in streams, and only when they are asked for.
    pub fn is_preview(&self) -> bool {
        matches!(self, Self::EventStart(_) | Self::EventDelta(_))
    }

    /// Returns whether no event of its session can follow.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::SessionStatusTerminated(_) | Self::SessionDeleted(_) | Self::Terminated(_)
        )
    }
}

/// Events are equal if they are the same text.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.type_name() == other.type_name()
            && self.id() == other.id()
            && self.raw() == other.raw()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::decode("", None, raw.get()))
    }
}

/// The text that was received, again.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.raw()) {
            Ok(raw) => raw.serialize(serializer),
            // What was no JSON can only be given back as a text.
            Err(_) => serializer.serialize_str(self.raw()),
        }
    }
}

/// An event whose type this release doesn't know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// The type: the name of its frame, or the `type` of its JSON. Empty if it has neither.
    pub type_name: Box<str>,
    /// The event's id. `None` if neither its JSON nor its frame has one.
    pub id: Option<EventId>,
    /// When the server processed it. `None` if it doesn't say.
    pub processed_at: Option<Timestamp>,
    /// The thread that it belongs to. `None` if that is the session's first.
    pub session_thread_id: Option<ThreadId>,
    pub(crate) raw: Box<str>,
}

/// A frame that is no JSON object, or an event of a known type whose JSON doesn't fit it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MalformedEvent {
    /// The type, as far as it can be told.
    pub type_name: Box<str>,
    /// The event's id, as far as it can be told.
    pub id: Option<EventId>,
    /// The reason why the event doesn't fit its type.
    pub error: Box<str>,
    pub(crate) raw: Box<str>,
}
