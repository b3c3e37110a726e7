//! How the JSON of an event is read into its struct: in one pass, as serde's derive would read it. A
//! derived reader is compiled for each of the structs; this one is compiled once, and is told where
//! the members go.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Announced, Delta, EvaluatedPermission, SessionError, StopReason};
use crate::content;
use crate::wire::Names;
use crate::{
    Budget, ConfirmationResult, Content, Credits, EventId, Extra, FileId, ModelUsage, OutcomeId,
    Rubric, SessionAgent, ThreadId, Timestamp,
};

/// A field of an event, while the event is read.
pub(super) struct Field<'a> {
    names: Names,
    place: Place<'a>,
    is_found: bool,
}

impl<'a> Field<'a> {
    pub(super) fn new(names: Names, place: impl Into<Place<'a>>) -> Self {
        Self {
            names,
            place: place.into(),
            is_found: false,
        }
    }
}

/// Reads an object into these fields. Members without a field are passed over; a field that is there
/// twice, or that must be there and isn't, is an error.
pub(super) fn fill(json: &str, fields: &mut [Field<'_>]) -> serde_json::Result<()> {
    let mut from = serde_json::Deserializer::from_str(json);
    from.deserialize_map(Fields(fields))?;
    from.end()
}

/// The types that fields have. One that is `required` is nothing without its member; one that has a
/// function is read by it, and else as serde reads the type.
macro_rules! places {
    ($($place:ident($ty:ty) $($required:ident)? $(=> $read:path)?,)*) => {
        /// Where a member goes.
        pub(super) enum Place<'a> {
            $($place(&'a mut $ty),)*
        }

        $(impl<'a> From<&'a mut $ty> for Place<'a> {
            fn from(place: &'a mut $ty) -> Self {
                Self::$place(place)
            }
        })*

        impl Place<'_> {
            fn is_required(&self) -> bool {
                match self {
                    $(Self::$place(_) => places!(@ $($required)?),)*
                }
            }
        }

        impl<'de> DeserializeSeed<'de> for &mut Place<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                match self {
                    $(Place::$place(place) => **place = places!(@read from $($read)?)?,)*
                }
                Ok(())
            }
        }
    };
    (@read $from:ident) => { Deserialize::deserialize($from) };
    (@read $from:ident $read:path) => { $read($from) };
    (@ required) => { true };
    (@) => { false };
}

places! {
    Agent(Option<SessionAgent>),
    Announced(Announced) required,
    Boolean(Option<bool>),
    Budget(Option<Box<Budget>>),
    Confirmation(Option<ConfirmationResult>),
    Content(Content) required => content::content,
    ContentOrNone(Option<Content>) => content::content_or_none,
    Credits(Option<Credits>),
    Delta(Delta) required,
    Error(Box<SessionError>) required,
    EventId(EventId) required,
    EventIdOrNone(Option<EventId>),
    FileId(FileId) required,
    Index(Option<usize>),
    Json(Value),
    JsonOrNone(Option<Value>),
    Metadata(Option<Extra>),
    Number(Option<u64>),
    OutcomeId(OutcomeId) required,
    OutcomeIdOrNone(Option<OutcomeId>),
    Permission(Option<EvaluatedPermission>),
    Rubric(Option<Rubric>),
    Stop(Option<StopReason>),
    Text(String) required,
    TextOrNone(Option<String>),
    ThreadId(Option<ThreadId>),
    Time(Option<Timestamp>),
    Usage(Option<Box<ModelUsage>>),
}

struct Fields<'f, 'a>(&'f mut [Field<'a>]);

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(at) = map.next_key_seed(Key(self.0))? {
            let Some(field) = at.and_then(|at| self.0.get_mut(at)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if field.is_found {
                return Err(A::Error::duplicate_field(field.names[0]));
            }
            field.is_found = true;
            map.next_value_seed(&mut field.place)?;
        }
        let missing = |field: &&mut Field<'_>| !field.is_found && field.place.is_required();
        match self.0.iter_mut().find(missing) {
            Some(field) => Err(A::Error::missing_field(field.names[0])),
            None => Ok(()),
        }
    }
}

/// Which of the fields has this name.
struct Key<'f, 'a>(&'f [Field<'a>]);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|field| field.names.contains(&name)))
    }
}
