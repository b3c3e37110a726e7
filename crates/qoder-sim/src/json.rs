//! JSON whose objects keep the order of their members, so that answers come in the documented one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

/// A JSON value. `serde_json`'s own sorts members by the alphabet, unless a feature is set that
/// would then be set for every crate of the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

static NULL: Json = Json::Null;

/// An object with these members, in this order.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![$(($name.to_owned(), $crate::json::Json::from($value))),*])
    };
}
pub(crate) use object;

/// A list of these items.
macro_rules! list {
    ($($item:expr),* $(,)?) => {
        $crate::json::Json::List(vec![$($crate::json::Json::from($item)),*])
    };
}
pub(crate) use list;

impl Json {
    /// Reads a document; of a member that is there twice, the last counts.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(crate) fn empty_object() -> Self {
        Self::Object(Vec::new())
    }

    pub(crate) fn empty_list() -> Self {
        Self::List(Vec::new())
    }

    pub(crate) fn empty_text() -> Self {
        Self::Text(String::new())
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text; empty if it is none.
    pub(crate) fn text(&self) -> &str {
        self.as_str().unwrap_or_default()
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Json]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The items; none if it is no list.
    pub(crate) fn items(&self) -> &[Json] {
        self.as_list().unwrap_or_default()
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The members; none if it is no object.
    pub(crate) fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// A member, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        let mut members = self.members().iter();
        members
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// A member of a member, such as `scope.id`; null if it isn't there.
    pub(crate) fn at(&self, path: &str) -> &Json {
        path.split('.').fold(self, |value, name| &value[name])
    }

    /// Sets a member, in its place if it is there and as the last if it isn't. Does nothing to
    /// what is no object.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Json>) {
        let Self::Object(members) = self else { return };
        match members.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value.into(),
            None => members.push((name.to_owned(), value.into())),
        }
    }

    /// Sets a member and makes it the first.
    pub(crate) fn set_first(&mut self, name: &str, value: impl Into<Json>) {
        self.remove(name);
        if let Self::Object(members) = self {
            members.insert(0, (name.to_owned(), value.into()));
        }
    }

    /// A member that can be changed, if it is there.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut members = members.iter_mut();
        members
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// Takes a member out; null if it isn't there.
    pub(crate) fn remove(&mut self, name: &str) -> Json {
        let Self::Object(members) = self else {
            return Self::Null;
        };
        match members.iter().position(|(other, _)| other == name) {
            Some(at) => members.remove(at).1,
            None => Self::Null,
        }
    }
}

impl std::ops::Index<&str> for Json {
    type Output = Json;

    /// A member; null if it isn't there.
    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&NULL)
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<bool> for Json {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl From<&Json> for Json {
    fn from(value: &Json) -> Self {
        value.clone()
    }
}

impl From<bool> for Json {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Json {
    fn from(number: f64) -> Self {
        Number::from_f64(number).map_or(Self::Null, Self::Number)
    }
}

macro_rules! from_whole {
    ($($whole:ty),*) => { $(
        impl From<$whole> for Json {
            fn from(number: $whole) -> Self {
                Self::Number(number.into())
            }
        }
    )* };
}
from_whole!(i64, u64, usize, u32, i32);

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(bool),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => items.into(),
            Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(value: Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(bool) => Self::Bool(bool),
            Json::Number(number) => Self::Number(number),
            Json::Text(text) => Self::String(text),
            Json::List(items) => items.into_iter().map(Self::from).collect(),
            Json::Object(members) => {
                let members = members.into_iter();
                members
                    .map(|(name, value)| (name, Self::from(value)))
                    .collect()
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Json, E> {
        Ok(bool.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Json::empty_object();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            object.set(&name, value);
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let text = r#"{"z":1,"a":{"y":[true,null,-2,0.5],"b":"é"},"m":{}}"#;
        let mut json = Json::parse(text.as_bytes()).expect("JSON");
        assert_eq!(json.to_string(), text);
        assert_eq!(serde_json::Value::from(json.clone())["a"]["b"], "é");
        json.set("z", 2);
        json.set("last", list!["x"]);
        json.set_first("m", Json::Null);
        assert_eq!(
            json.to_string(),
            r#"{"m":null,"z":2,"a":{"y":[true,null,-2,0.5],"b":"é"},"last":["x"]}"#
        );
        assert_eq!(json.remove("a")["b"], "é");
        assert!(json.at("a.b").is_null() && json.get("a").is_none());
        let twice = Json::parse(br#"{"a":1,"b":2,"a":3}"#).expect("JSON");
        assert_eq!(twice.to_string(), r#"{"a":3,"b":2}"#);
        assert_eq!(
            object! {"n": 1, "o": object! {}}.to_string(),
            r#"{"n":1,"o":{}}"#
        );
    }
}
