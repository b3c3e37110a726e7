use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
#[derive(Deserialize)]
pub(super) struct DeltaOfText<'a> {
    #[serde(default)]
    pub(super) id: Option<EventId>,
    #[serde(default)]
    pub(super) processed_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) session_thread_id: Option<ThreadId>,
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    delta: Delta<'a>,
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

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default)]
    index: usize,
    #[serde(borrow)]
    content: Text<'a>,
}

/// The text of a block that has a type and a text, and nothing else.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Block;

        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "lowercase")]
        enum Key {
            Type,
            Text,
        }

        #[derive(Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Block {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a block of text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
                let (mut is_text, mut text) = (false, None);
                while let Some(key) = map.next_key()? {
                    let Borrowed(value) = map.next_value()?;
                    match key {
                        Key::Type => is_text = value == "text",
                        Key::Text => text = Some(value),
                    }
                }
                match (is_text, text) {
                    (true, Some(text)) => Ok(Text(text)),
                    _ => Err(A::Error::custom("not a block of text")),
                }
            }
        }

        deserializer.deserialize_map(Block)
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
