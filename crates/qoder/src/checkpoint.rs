//! Checkpoints: positions of a turn or of following, to resume from.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use qoder_types::{EventId, SessionId, ThreadId};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The position of a [turn](crate::Turn::checkpoint) or of [following](crate::Events::checkpoint).
/// Stored, it lets another process go on with exactly the events that were not handed over here:
/// with [`resume_turn`](crate::Client::resume_turn), or with
/// [`follow().after(..)`](crate::Follow::after).
///
/// Its text is a line of JSON, which [`FromStr`] reads; with serde it is the same JSON as an object,
/// and that text in formats that are not for people. It knows its session. What is no checkpoint,
/// is of the other kind, or is of another session, is an error of
/// [`ErrorKind::Input`](crate::ErrorKind::Input) that says what it is. Fields may be added by later
/// releases; this one passes over what it doesn't know.
///
/// ```
/// # fn f() -> qoder::Result<()> {
/// use qoder::Checkpoint;
///
/// let stored = r#"{"session":"sess_1","after":"evt_7"}"#;
/// let checkpoint: Checkpoint = stored.parse()?;
/// assert_eq!(checkpoint.session_id().as_str(), "sess_1");
/// assert_eq!(checkpoint.to_string(), stored);
///
/// let error = "".parse::<Checkpoint>().unwrap_err();
/// assert!(error.to_string().contains("was it never stored?"));
/// # Ok(()) }
/// # f().unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint(Box<Stored>);

/// The content of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    session: SessionId,
    thread: Option<ThreadId>,
    /// The last event that was handed over.
    after: Option<EventId>,
    /// The turn's state; only the turn reads it.
    turn: Option<Value>,
}

impl Serialize for Stored {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let mut members = to.serialize_map(None)?;
        members.serialize_entry("session", &self.session)?;
        if let Some(thread) = &self.thread {
            members.serialize_entry("thread", thread)?;
        }
        if let Some(after) = &self.after {
            members.serialize_entry("after", after)?;
        }
        if let Some(turn) = &self.turn {
            members.serialize_entry("turn", turn)?;
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let mut members = Map::deserialize(from)?;
        let mut id = |name| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) => Ok(Some(id)),
            Some(_) => Err(D::Error::custom(format!("`{name}` is no id"))),
        };
        Ok(Self {
            session: id("session")?
                .ok_or_else(|| D::Error::missing_field("session"))?
                .into(),
            thread: id("thread")?.map(ThreadId::from),
            after: id("after")?.map(EventId::from),
            turn: members.remove("turn").filter(|turn| !turn.is_null()),
        })
    }
}

impl Checkpoint {
    /// Of following a session, or one of its threads.
    pub(crate) fn of_following(
        session: SessionId,
        thread: Option<ThreadId>,
        after: EventId,
    ) -> Self {
        Self(Box::new(Stored {
            session,
            thread,
            after: Some(after),
            turn: None,
        }))
    }

    /// Of a turn.
    pub(crate) fn of_turn(session: SessionId, after: Option<EventId>, turn: Value) -> Self {
        Self(Box::new(Stored {
            session,
            thread: None,
            after,
            turn: Some(turn),
        }))
    }

    /// Returns the id of the session that it is of.
    pub fn session_id(&self) -> &SessionId {
        &self.0.session
    }

    /// Returns the id of the last event that was handed over. `None` if that was none: a turn on a
    /// server that doesn't name messages may begin with the session.
    pub fn last_event(&self) -> Option<&EventId> {
        self.0.after.as_ref()
    }

    /// Returns whether it is of a turn, so that `resume_turn` goes on with it; otherwise it is of
    /// following.
    pub fn is_turn(&self) -> bool {
        self.0.turn.is_some()
    }

    /// Returns the turn's state, if the checkpoint is one of a turn of this session.
    pub(crate) fn turn_in(&self, session: &SessionId) -> Result<&Value> {
        let Some(turn) = &self.0.turn else {
            return Err(Error::input(format!(
                "this is the checkpoint of following the session {}, not of a turn: `follow().after(..)` goes on with it",
                self.0.session
            )));
        };
        self.check_session(session)?;
        Ok(turn)
    }

    /// The event to follow after, if it is one of following this session or thread.
    pub(crate) fn followed_in(
        &self,
        session: &SessionId,
        thread: Option<&ThreadId>,
    ) -> Result<&EventId> {
        if self.is_turn() {
            return Err(Error::input(format!(
                "this is the checkpoint of a turn in the session {}: `resume_turn` goes on with it",
                self.0.session
            )));
        }
        self.check_session(session)?;
        let what = |thread: Option<&ThreadId>| {
            thread.map_or("the session itself".to_owned(), |id| {
                format!("its thread {id}")
            })
        };
        if self.0.thread.as_ref() != thread {
            return Err(Error::input(format!(
                "the checkpoint is of the session {session}, but of {}, not of {}: each is followed by its own",
                what(self.0.thread.as_ref()),
                what(thread)
            )));
        }
        self.last_event().ok_or_else(nowhere)
    }

    fn check_session(&self, session: &SessionId) -> Result<()> {
        if self.0.session == *session {
            return Ok(());
        }
        Err(Error::input(format!(
            "the checkpoint is of the session {}, not of {session}: go on with it there",
            self.0.session
        )))
    }
}

fn nowhere() -> Error {
    Error::input("the checkpoint is incomplete: it names neither an event nor a turn")
}

impl Stored {
    fn checked(self) -> Result<Checkpoint> {
        if self.session.as_str().trim().is_empty() {
            return Err(Error::input(
                "the checkpoint is incomplete: its session is empty",
            ));
        }
        let after = self.after.as_ref().map(|id| id.as_str().trim());
        if after == Some("") || after.is_none() && self.turn.is_none() {
            return Err(nowhere());
        }
        Ok(Checkpoint(Box::new(self)))
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::input(
                "the checkpoint is empty: was it never stored? A new turn, and following from the beginning or from \
                 now, begin without one",
            ));
        }
        if matches!(text, "null" | "None" | "undefined") {
            return Err(Error::input(format!(
                "{text:?} is no checkpoint, but the word for nothing: was it never stored?"
            )));
        }
        if !text.starts_with('{') {
            return Err(Error::input(
                "this is no checkpoint, as `checkpoint()` of a turn or of following returns it: if it is the id of an \
                 event, `follow().after(..)` starts after it",
            ));
        }
        let stored: Stored = serde_json::from_str(text).map_err(|error| {
            Error::input(format!(
                "this is no checkpoint, as `checkpoint()` of a turn or of following returns it: {error}"
            ))
        })?;
        stored.checked()
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Checkpoint {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            self.0.serialize(to)
        } else {
            to.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct TextOrObject;

        impl<'de> Visitor<'de> for TextOrObject {
            type Value = Checkpoint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a checkpoint: an object, or its text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Checkpoint, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                map: A,
            ) -> std::result::Result<Checkpoint, A::Error> {
                let stored = Stored::deserialize(MapAccessDeserializer::new(map))?;
                stored.checked().map_err(de::Error::custom)
            }
        }

        if from.is_human_readable() {
            from.deserialize_any(TextOrObject)
        } else {
            from.deserialize_str(TextOrObject)
        }
    }
}

impl From<&Checkpoint> for Checkpoint {
    fn from(checkpoint: &Checkpoint) -> Self {
        checkpoint.clone()
    }
}

impl TryFrom<&str> for Checkpoint {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<String> for Checkpoint {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<&String> for Checkpoint {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self> {
        text.parse()
    }
}

/// For what takes a [`Checkpoint`] or its text: a checkpoint can't be wrong.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    fn followed() -> Checkpoint {
        Checkpoint::of_following("s".into(), Some("t".into()), "e".into())
    }

    fn turn() -> Checkpoint {
        Checkpoint::of_turn("s".into(), None, json!({"state": "running"}))
    }

    #[test]
    fn it_is_read_again_from_its_text_and_by_serde() {
        for checkpoint in [followed(), turn()] {
            let text = checkpoint.to_string();
            assert_eq!(text.parse::<Checkpoint>().expect("one"), checkpoint);
            assert_eq!(serde_json::to_string(&checkpoint).expect("JSON"), text);
            let read: Checkpoint = serde_json::from_str(&text).expect("an object");
            assert_eq!(read, checkpoint);
            let read: Checkpoint = serde_json::from_value(json!(text)).expect("a text");
            assert_eq!(read, checkpoint);
        }
        let later = r#"{"session":"s","after":"e","of_tomorrow":true}"#;
        let later: Checkpoint = later.parse().expect("one of a later release");
        assert_eq!(later.last_event(), Some(&EventId::from("e")));
    }

    #[test]
    fn what_is_none_says_what_it_is() {
        for (text, word) in [
            ("", "never stored"),
            (" \n", "never stored"),
            ("null", "never stored"),
            ("evt_1", "id of an event"),
            ("{}", "session"),
            (r#"{"session":"s"}"#, "neither"),
            (r#"{"session":" ","after":"e"}"#, "session"),
            (r#"{"session":"s","after":""}"#, "neither"),
            (r#"{"session":"s","after":"e""#, "no checkpoint"),
        ] {
            let error = text.parse::<Checkpoint>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Input, "{text}");
            assert!(error.to_string().contains(word), "{text}: {error}");
            assert!(serde_json::from_value::<Checkpoint>(json!(text)).is_err());
        }
    }

    #[test]
    fn each_kind_and_session_goes_on_with_its_own() {
        let (s, other) = (SessionId::from("s"), SessionId::from("other"));
        let (t, u) = (ThreadId::from("t"), ThreadId::from("u"));
        assert!(turn().turn_in(&s).is_ok());
        assert!(followed().followed_in(&s, Some(&t)).is_ok());
        for (error, word) in [
            (turn().turn_in(&other).map(drop), "not of other"),
            (followed().turn_in(&s).map(drop), "follow().after"),
            (turn().followed_in(&s, None).map(drop), "resume_turn"),
            (
                followed().followed_in(&other, Some(&t)).map(drop),
                "not of other",
            ),
            (
                followed().followed_in(&s, None).map(drop),
                "the session itself",
            ),
            (
                followed().followed_in(&s, Some(&u)).map(drop),
                "its thread u",
            ),
        ] {
            let error = error.expect_err(word);
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
