//! From the parts of a frame to an event. The type is found first and the JSON is then read
//! straight into the type's struct: serde's tagged enumerations cost more than twice as much, and
//! take a known event in a wrong shape for an unknown one without a word.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, MalformedEvent, UnknownEvent};
use crate::{EventId, ThreadId, Timestamp};

impl Event {
    /// Reads an event. It never fails: what is not understood is [`Unknown`](Event::Unknown) or
    /// [`Malformed`](Event::Malformed), with its text.
    ///
    /// `name` is the `event` field of the frame; empty or `message` where it says nothing, as in
    /// a list. Then the JSON's `type` selects the struct. `own_id` is the `id` field of the frame,
    /// for events whose JSON has none.
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
        // A derived struct would take an array for its fields in order.
        if !data.trim_start().starts_with('{') {
            return Self::malformed(type_name, own_id, data, "not a JSON object");
        }
        match Self::read(type_name, own_id, data) {
            Ok(Some(event)) => event,
            Ok(None) => match serde_json::from_str::<Head>(data) {
                Ok(head) => Self::Unknown(UnknownEvent {
                    type_name: type_name.into(),
                    id: head.id.or_else(|| own_id.map(EventId::from)),
                    processed_at: head.processed_at,
                    session_thread_id: head.session_thread_id,
                    raw: data.into(),
                }),
                Err(error) => match serde_json::from_str::<IgnoredAny>(data) {
                    // JSON, and merely odd where the common fields are.
                    Ok(_) => Self::Unknown(UnknownEvent {
                        type_name: type_name.into(),
                        id: own_id.map(EventId::from),
                        processed_at: None,
                        session_thread_id: None,
                        raw: data.into(),
                    }),
                    Err(_) => Self::malformed(type_name, own_id, data, &error.to_string()),
                },
            },
            Err(error) => Self::malformed(type_name, own_id, data, &error.to_string()),
        }
    }

    fn malformed(type_name: &str, own_id: Option<&str>, data: &str, error: &str) -> Self {
        let head = serde_json::from_str::<Head>(data).ok();
        Self::Malformed(MalformedEvent {
            type_name: type_name.into(),
            id: head
                .and_then(|head| head.id)
                .or_else(|| own_id.map(EventId::from)),
            error: error.into(),
            raw: data.into(),
        })
    }
}

#[derive(Deserialize)]
struct Head {
    id: Option<EventId>,
    processed_at: Option<Timestamp>,
    session_thread_id: Option<ThreadId>,
}

#[derive(Deserialize)]
struct Type<'a> {
    #[serde(borrow, rename = "type", default)]
    name: Cow<'a, str>,
}

fn sniff_type(data: &str) -> Cow<'_, str> {
    serde_json::from_str::<Type<'_>>(data).map_or(Cow::Borrowed(""), |found| found.name)
}
