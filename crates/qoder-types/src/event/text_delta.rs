use std::borrow::Cow;

use serde::de::{Error, MapAccess};
use serde::{Deserialize, Deserializer};

use crate::wire::{Name, Parts, parts, parts_of, required};
use crate::{ContentBlock, EventId, ThreadId, Timestamp};

/// A piece of text that is being written, borrowed from the data of an `event_delta`: what a
/// preview needs, at half the cost of an [`Event`](super::Event).
///
/// ```
/// use qoder_types::TextDelta;
///
/// let data = r#"{"type":"event_delta","event_id":"evt_1","delta":{"type":"content_delta","index":0,
///     "content":{"type":"text","text":"Hel"}}}"#;
/// let delta = TextDelta::read(data).unwrap();
/// assert_eq!((&*delta.event_id, delta.index, &*delta.text), ("evt_1", 0, "Hel"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextDelta<'a> {
    /// The event that it is a piece of.
    pub event_id: Cow<'a, str>,
    /// The content block that it belongs to, from 0.
    pub index: usize,
    /// The piece.
    pub text: Cow<'a, str>,
}

impl<'a> TextDelta<'a> {
    /// Reads the data of an `event_delta`. `None`: it has something else than text, or it is none;
    /// [`Event::decode`](super::Event::decode) knows what it is.
    pub fn read(data: &'a str) -> Option<Self> {
        let event = DeltaOfText::read(data)?;
        Some(Self {
            event_id: event.event_id,
            index: event.delta.index,
            text: event.delta.content.0,
        })
    }
}

/// An `event_delta` that brings text, as nearly all events of a stream with previews are, with what
/// it has in common with other events.
pub(super) struct DeltaOfText<'a> {
    pub(super) id: Option<EventId>,
    pub(super) processed_at: Option<Timestamp>,
    pub(super) session_thread_id: Option<ThreadId>,
    event_id: Cow<'a, str>,
    delta: Delta<'a>,
}

impl<'a> Deserialize<'a> for DeltaOfText<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        parts_of!("an `event_delta`", Found<'a> {
            event_id: Name<'a> = "event_id",
            delta: Delta<'a> = "delta",
            id: Option<EventId> = "id",
            processed_at: Option<Timestamp> = "processed_at",
            session_thread_id: Option<ThreadId> = "session_thread_id",
        });

        let found: Found<'a> = parts(from)?;
        let Name(event_id) = required(found.event_id, "event_id")?;
        Ok(Self {
            id: found.id.flatten(),
            processed_at: found.processed_at.flatten(),
            session_thread_id: found.session_thread_id.flatten(),
            event_id,
            delta: required(found.delta, "delta")?,
        })
    }
}

impl<'a> DeltaOfText<'a> {
    /// `None` if it is none.
    pub(super) fn read(data: &'a str) -> Option<Self> {
        // A list of the members would be one to serde.
        if !data.starts_with('{') {
            return None;
        }
        serde_json::from_str(data).ok()
    }

    /// Returns the id of the event that this is a piece of, and the piece.
    pub(super) fn into_delta(self) -> (EventId, super::Delta) {
        let delta = super::Delta {
            index: self.delta.index,
            content: ContentBlock::text(self.delta.content.0),
        };
        (EventId::from(&*self.event_id), delta)
    }
}

struct Delta<'a> {
    index: usize,
    content: Text<'a>,
}

impl<'a> Deserialize<'a> for Delta<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        parts_of!("a piece of text", Found<'a> {
            index: usize = "index",
            content: Text<'a> = "content",
        });

        let Found { index, content } = parts(from)?;
        Ok(Self {
            index: index.unwrap_or_default(),
            content: required(content, "content")?,
        })
    }
}

/// The text of a block that has a type and a text, and nothing else.
struct Text<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default)]
        struct Found<'a> {
            is_text: bool,
            text: Option<Cow<'a, str>>,
        }

        impl<'a> Parts<'a> for Found<'a> {
            const WHAT: &'static str = "a block of text";

            fn member<A: MapAccess<'a>>(
                &mut self,
                name: &str,
                from: &mut A,
            ) -> Result<bool, A::Error> {
                let Name(value) = from.next_value()?;
                match name {
                    "type" => self.is_text = value == "text",
                    "text" => self.text = Some(value),
                    _ => return Err(A::Error::custom("not a block of text")),
                }
                Ok(true)
            }
        }

        match parts(from)? {
            Found {
                is_text: true,
                text: Some(text),
            } => Ok(Self(text)),
            _ => Err(D::Error::custom("not a block of text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TextDelta;
    use crate::Event;

    /// This reader returns the same as [`Event::decode`], or nothing.
    #[test]
    fn it_reads_what_the_event_has() {
        let block = r#"{"type":"text","text":"a\n\u00e9"}"#;
        let event = |content: &str, more: &str| {
            format!(
                r#"{{"delta":{{"content":{content},"index":2,"type":"content_delta"}},"event_id":"evt_1","type":"event_delta"{more}}}"#
            )
        };
        for (data, is_read) in [
            (event(block, ""), true),
            (event(block, r#","id":"evt_2","later":[1]"#), true),
            (event(block, r#","id":null,"processed_at":null"#), true),
            (
                event(
                    block,
                    r#","processed_at":"2026-09-21T08:01:00Z","session_thread_id":"sthr_1""#,
                ),
                true,
            ),
            (event(block, r#","processed_at":7"#), false),
            (event(r#"{"text":"é","type":"text"}"#, ""), true),
            (event(r#"{"text":"","type":"text"}"#, ""), true),
            (event(block, r#","id":7"#), false),
            (event(block, r#","session_thread_id":7"#), false),
            (event(r#"{"type":"text","text":"a","more":1}"#, ""), false),
            (event(r#"{"type":"text","text":7}"#, ""), false),
            (event(r#"{"type":"image","text":"a"}"#, ""), false),
            (event(r#"{"text":"a"}"#, ""), false),
            (event(r#"["text","a"]"#, ""), false),
            (event(block, r#","event_id":"evt_3""#), false),
            (event(block, "}"), false),
            (format!("[{}]", event(block, "")), false),
            (r#"{"event_id":"evt_1"}"#.to_owned(), false),
            ("[DONE]".to_owned(), false),
            (String::new(), false),
        ] {
            let read = TextDelta::read(&data);
            assert_eq!(read.is_some(), is_read, "{data}");
            if let Some(delta) = read {
                let decoded = Event::decode("event_delta", Some("evt_9"), &data);
                // The reader of all types reads it too, and in the same way.
                let read = Event::read("event_delta", Some("evt_9"), &data, &data);
                let read = read.expect(&data).expect("a known type");
                assert_eq!(format!("{decoded:?}"), format!("{read:?}"));
                let Event::EventDelta(event) = decoded else {
                    panic!("{data} is no event_delta");
                };
                assert_eq!(event.event_id, *delta.event_id);
                assert_eq!(event.delta.index, delta.index);
                assert_eq!(event.delta.text(), Some(&*delta.text));
            }
        }
    }
}
