//! From the parts of a frame to an event. The type is found first and the JSON is then read
//! straight into the type's struct: serde's internally tagged enumerations cost more than twice as
//! much, and take a known event in a wrong shape for an unknown one without a word.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::mend::mended;
use super::{Event, EventDeltaEvent, MalformedEvent, UnknownEvent};
use crate::wire::{Json, Name, Object, Slot, parts, parts_of, read_text};
use crate::{EventId, Extra};

impl Event {
    /// Reads an event. It never fails: what is not understood is [`Unknown`](Event::Unknown) or
    /// [`Malformed`](Event::Malformed), with its text.
    ///
    /// `name` is the `event` field of the frame; empty or `message` where it says nothing, as in
    /// a list. Then the JSON's `type` selects the struct. `own_id` is the `id` field of the frame,
    /// for events whose JSON has none. Frames that [are no events](Self::is_pulse) are not for it.
    ///
    /// ```
    /// use qoder_types::Event;
    ///
    /// let event = Event::decode("agent.message", Some("evt_1"), r#"{"content":"Hello!"}"#);
    /// let Event::AgentMessage(message) = event else { panic!() };
    /// assert_eq!(message.text(), "Hello!");
    /// ```
    pub fn decode(name: &str, own_id: Option<&str>, data: &str) -> Self {
        let sniffed;
        let type_name = if name.is_empty() || name == "message" {
            sniffed = sniff_type(data);
            &*sniffed
        } else {
            name
        };
        if type_name == "event_delta" {
            if let Some(delta) = EventDeltaEvent::of_text(own_id, data) {
                return Self::EventDelta(delta);
            }
        }
        if !data.trim_start().starts_with('{') {
            return Self::malformed(type_name, own_id, data, "not a JSON object");
        }
        match Self::read(type_name, own_id, data, data) {
            Ok(Some(event)) => event,
            Ok(None) => Self::unknown(type_name, own_id, data),
            Err(error) => Self::refused(type_name, own_id, data, &error),
        }
    }

    /// Returns whether a frame with this name and this data is not more than a sign of life of
    /// the connection: a `heartbeat`, a `ping`, or one whose data is empty.
    ///
    /// ```
    /// use qoder_types::Event;
    ///
    /// assert!(Event::is_pulse("heartbeat", "{}") && Event::is_pulse("agent.message", ""));
    /// assert!(!Event::is_pulse("session.deleted", "{}"));
    /// ```
    pub fn is_pulse(name: &str, data: &str) -> bool {
        matches!(name, "heartbeat" | "ping") || data.trim_ascii().is_empty()
    }

    /// An event that couldn't be read in one pass.
    #[cold]
    fn refused(
        type_name: &str,
        own_id: Option<&str>,
        data: &str,
        error: &serde_json::Error,
    ) -> Self {
        mended(data, Self::members(type_name))
            .and_then(|json| Self::read(type_name, own_id, &json, data).ok()?)
            .unwrap_or_else(|| Self::malformed(type_name, own_id, data, &error.to_string()))
    }

    #[cold]
    fn unknown(type_name: &str, own_id: Option<&str>, data: &str) -> Self {
        let members = match read_text::<Extra>(data) {
            Ok(members) => members,
            Err(error) => return Self::malformed(type_name, own_id, data, &error.to_string()),
        };
        let mut object = Object::of(Json::from(&members));
        Self::Unknown(UnknownEvent {
            type_name: type_name.into(),
            id: id(&mut object, own_id),
            processed_at: Slot::take_from(&mut object, &["processed_at"]),
            session_thread_id: Slot::take_from(&mut object, &["session_thread_id"]),
            raw: data.into(),
        })
    }

    #[cold]
    fn malformed(type_name: &str, own_id: Option<&str>, data: &str, error: &str) -> Self {
        let members: Extra = read_text(data).unwrap_or_default();
        let mut object = Object::of(Json::from(&members));
        Self::Malformed(MalformedEvent {
            type_name: type_name.into(),
            id: id(&mut object, own_id),
            error: error.into(),
            raw: data.into(),
        })
    }
}

/// The id in an event's JSON, or else that of its frame.
fn id(object: &mut Object<'_>, own_id: Option<&str>) -> Option<EventId> {
    Option::take_from(object, &["id"]).or_else(|| own_id.map(EventId::from))
}

parts_of!("an event", Type<'a> {
    name: Name<'a> = "type",
});

impl<'a> Deserialize<'a> for Type<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        parts(from)
    }
}

fn sniff_type(data: &str) -> Cow<'_, str> {
    serde_json::from_str::<Type<'_>>(data).map_or_else(
        |_| {
            let members: Extra = read_text(data).unwrap_or_default();
            let mut object = Object::of(Json::from(&members));
            Cow::Owned(String::take_from(&mut object, &["type"]))
        },
        |found| found.name.map_or(Cow::Borrowed(""), |Name(name)| name),
    )
}
