//! JSON while it is read.

use std::borrow::Cow;
use std::convert::identity;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::Name;
use crate::Extra;

/// A value of JSON that borrows names and texts from where it is read, as far as nothing in them is
/// escaped. A [`Value`] would own each, and most names are only compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In their order, each name once.
    Object(Vec<Member<'a>>),
}

/// A member of an object: its name and its value.
pub(crate) type Member<'a> = (Cow<'a, str>, Json<'a>);

impl<'a> Json<'a> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let member = self.members().iter().find(|(other, _)| other == name);
        member.map(|(_, value)| value)
    }

    /// The `type` of an object.
    pub(crate) fn type_name(&self) -> Option<&str> {
        self.get("type")?.as_str()
    }

    /// The members of an object. Anything else has none.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Removes a member of an object.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Self::Object(members) = self {
            members.retain(|(other, _)| other != name);
        }
    }

    pub(crate) fn into_members(self) -> Vec<Member<'a>> {
        match self {
            Self::Object(members) => members,
            _ => Vec::new(),
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::List(items) => items.into_iter().map(Json::into_value).collect(),
            Self::Object(members) => Value::Object(extra(members)),
        }
    }
}

/// Members as the map that users are given.
pub(crate) fn extra<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Extra {
    // Most have none or one: to collect a map is to sort a list of them first.
    let mut extra = Extra::new();
    for (name, value) in members {
        extra.insert(name.into_owned(), value.into_value());
    }
    extra
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(items) => Self::List(items.iter().map(Json::from).collect()),
            Value::Object(members) => Self::from(members),
        }
    }
}

impl<'a> From<&'a Extra> for Json<'a> {
    fn from(members: &'a Extra) -> Self {
        let members = members.iter();
        Self::Object(
            members
                .map(|(name, value)| (Cow::Borrowed(name.as_str()), value.into()))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            visit_json!(identity; bool i64 u64 f64 str unit seq map);
        }

        from.deserialize_any(Any)
    }
}

/// The methods of a visitor that makes the same of all [`Json`], for these shapes of it.
macro_rules! visit_json {
    ($make:path; $($shape:ident)*) => { $(crate::wire::visit_json! { @$shape $make })* };
    (@bool $make:path) => { crate::wire::visit_json! { @as visit_bool(bool) $make } };
    (@i64 $make:path) => { crate::wire::visit_json! { @as visit_i64(i64) $make } };
    (@u64 $make:path) => { crate::wire::visit_json! { @as visit_u64(u64) $make } };
    (@f64 $make:path) => { crate::wire::visit_json! { @as visit_f64(f64) $make } };
    (@str $make:path) => {
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok($make(crate::wire::Json::Text(text.into())))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok($make(crate::wire::Json::from(text.to_owned())))
        }

        crate::wire::visit_json! { @as visit_string(String) $make }
    };
    (@as $name:ident($ty:ty) $make:path) => {
        fn $name<E>(self, value: $ty) -> Result<Self::Value, E> {
            Ok($make(crate::wire::Json::from(value)))
        }
    };
    (@unit $make:path) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($make(crate::wire::Json::Null))
        }
    };
    (@seq $make:path) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            crate::wire::Json::list(items).map($make)
        }
    };
    (@map $make:path) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
            crate::wire::Json::object(members, crate::wire::Json::FEW).map($make)
        }
    };
}

pub(crate) use visit_json;

macro_rules! from {
    ($($ty:ty => $make:expr;)*) => {$(
        impl From<$ty> for Json<'_> {
            fn from(value: $ty) -> Self {
                $make(value)
            }
        }
    )*};
}

from! {
    bool => Json::Bool;
    i64 => |number| Json::Number(Number::from(number));
    u64 => |number| Json::Number(Number::from(number));
    f64 => |number| Number::from_f64(number).map_or(Json::Null, Json::Number);
    String => |text| Json::Text(Cow::Owned(text));
}

impl<'de> Json<'de> {
    pub(crate) fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Self::List(list))
    }

    /// Few objects within others have more members.
    pub(crate) const FEW: usize = 6;

    /// An object, with room for so many members at first if it has any.
    pub(crate) fn object<A: MapAccess<'de>>(mut members: A, room: usize) -> Result<Self, A::Error> {
        let mut object: Vec<Member<'de>> = Vec::new();
        let mut names = Names::default();
        while let Some((Name(name), value)) = members.next_entry()? {
            if object.is_empty() {
                object = Vec::with_capacity(room);
            }
            names.meet(&name, &object);
            object.push((name, value));
        }
        match object.as_slice() {
            [(name, Self::Text(text))] if name.starts_with('$') => {
                Ok(number_in_disguise(name, text).unwrap_or(Self::Object(object)))
            }
            _ => Ok(Self::Object(names.each_once(object))),
        }
    }
}

/// The number that an object with this only member stands for, if it does. With its feature
/// `arbitrary_precision`, which any crate of a program can turn on, `serde_json` hands numbers out as
/// objects, and only a [`Value`] knows them.
#[cold]
fn number_in_disguise<'a>(name: &str, text: &str) -> Option<Json<'a>> {
    let object = MapDeserializer::<_, serde_json::Error>::new(std::iter::once((name, text)));
    match Value::deserialize(object) {
        Ok(Value::Number(number)) => Some(Json::Number(number)),
        _ => None,
    }
}

/// Whether a name is met a second time, or may be.
#[derive(Default)]
struct Names {
    /// A bit for each [`kind`] that was met.
    met: u64,
    repeat: bool,
}

impl Names {
    /// Up to so many are compared with each other.
    const FEW: usize = 32;

    /// Meets the name of one more member. One of a kind of its own need not be compared with those
    /// before it.
    #[inline]
    fn meet(&mut self, name: &str, before: &[Member<'_>]) {
        let kind = kind(name);
        if self.met & kind != 0 && !self.repeat {
            self.repeat =
                before.len() >= Self::FEW || before.iter().any(|(other, _)| other == name);
        }
        self.met |= kind;
    }

    /// All members, of which each name was met.
    fn each_once<'a>(&self, members: Vec<Member<'a>>) -> Vec<Member<'a>> {
        if self.repeat {
            without_repeats(members)
        } else {
            members
        }
    }
}

/// Members of which each has a name of its own: of those with the same name the last counts, in the
/// place of the first.
pub(crate) fn last_of_each(members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    let mut names = Names::default();
    for (at, (name, _)) in members.iter().enumerate() {
        names.meet(name, &members[..at]);
    }
    names.each_once(members)
}

#[cold]
fn without_repeats(members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    let mut members: Vec<_> = members.into_iter().enumerate().collect();
    members.sort_by(|(_, (one, _)), (_, (other, _))| one.cmp(other));
    members.dedup_by(|(_, later), (_, first)| {
        let is_same = later.0 == first.0;
        if is_same {
            std::mem::swap(later, first);
        }
        is_same
    });
    members.sort_by_key(|(at, _)| *at);
    members.into_iter().map(|(_, member)| member).collect()
}

/// A bit that equal names have in common, and few others: by length and ends.
#[inline]
fn kind(name: &str) -> u64 {
    let (Some(first), Some(last)) = (name.bytes().next(), name.bytes().next_back()) else {
        return 1;
    };
    let sum = u64::from(first) + 7 * u64::from(last) + 13 * name.len() as u64;
    1 << (sum % u64::from(u64::BITS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::odd::any_json;

    fn read(json: &str) -> Json<'_> {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn names_and_texts_without_escapes_are_borrowed() {
        let read = read(r#"{"a":"b","\u0063":"\n"}"#);
        let [(a, Json::Text(b)), (c, Json::Text(line))] = read.members() else {
            panic!("{read:?}");
        };
        assert!(matches!((a, b), (Cow::Borrowed("a"), Cow::Borrowed("b"))));
        assert_eq!((&**c, &**line), ("c", "\n"));
    }

    #[test]
    fn of_equal_names_the_last_value_has_the_first_place() {
        let twice = r#"{"b":1,"a":2,"b":3,"c":4,"a":5}"#;
        assert_eq!(read(twice), read(r#"{"b":3,"a":5,"c":4}"#));
    }

    #[test]
    fn many_names_are_as_unique_as_few() {
        for count in [30, 32, 33, 1000] {
            let members =
                |value| (0..count).map(move |at| format!("\"{}\":{value}", at * 7 % count));
            let twice: Vec<_> = members(1).chain(members(2)).collect();
            let once: Vec<_> = members(2).collect();
            let [twice, once] = [twice, once].map(|members| format!("{{{}}}", members.join(",")));
            assert_eq!(read(&twice), read(&once), "{count}");
        }
    }

    /// Which of the two it is depends on the features of `serde_json`.
    #[test]
    fn a_number_in_disguise_is_what_a_value_makes_of_it() {
        for json in [
            r#"{"$serde_json::private::Number":"3"}"#,
            r#"{"$ref":"x"}"#,
            "0.1000000000000000055511151231257827",
            "123456789012345678901234567890",
            "-0.0",
            "1e400",
        ] {
            let value = serde_json::from_str::<Value>(json);
            let ours = serde_json::from_str::<Json<'_>>(json);
            assert_eq!(ours.ok().map(Json::into_value), value.ok(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn json_is_what_a_value_is(value in any_json()) {
            let json = value.to_string();
            prop_assert_eq!(read(&json).into_value(), value.clone());
            prop_assert_eq!(Json::from(&value), read(&json));
            let from_value: Json<'_> = Json::deserialize(&value).expect("JSON");
            prop_assert_eq!(from_value, read(&json));
        }
    }
}
