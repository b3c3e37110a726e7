//! Whole documents: the bodies of responses, and what serde is given.

use std::fmt;
use std::str::Utf8Error;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;

use super::{Fit, Json, Wire, read_text, visit_json};

/// The body of a response without the byte order mark that some servers begin a text with.
pub(crate) fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Reads the body of a response. A byte order mark is skipped.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let body = unmarked(body);
    // One look at all of it for UTF-8 is cheaper than one at each text.
    match std::str::from_utf8(body) {
        Ok(text) => read_text(text),
        Err(error) => Err(no_text(body, error)),
    }
}

/// The error that a body is which isn't UTF-8: it names the place of what is wrong first, and that is
/// the same for every type.
#[cold]
fn no_text(body: &[u8], error: Utf8Error) -> serde_json::Error {
    match serde_json::from_slice::<Value>(body) {
        Err(error) => error,
        Ok(_) => serde_json::Error::custom(error),
    }
}

/// What an operation returns whose response has no body: an object with nothing in it, an empty
/// list, or `null`, as the type allows.
pub(crate) fn nothing<T: DeserializeOwned>() -> serde_json::Result<T> {
    T::deserialize(Nothing)
}

/// serde's way to a type.
pub(crate) fn deserialize<'de, T: Wire, D: Deserializer<'de>>(
    from: D,
    name: &'static str,
) -> Result<T, D::Error> {
    match Root::deserialize(from)? {
        Root::Nothing => Ok(T::empty()),
        Root::Json(value) if T::fit(&value) == Fit::No => {
            Err(D::Error::custom(format_args!("{name}: {}", Misfit(&value))))
        }
        Root::Json(value) => Ok(T::read(value)),
    }
}

/// Why a whole value can't be read.
struct Misfit<'a>(&'a Json<'a>);

impl fmt::Display for Misfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Json::Object(_) => "the object has no `id`",
            Json::Null => "null is no object",
            Json::Bool(_) => "a boolean is no object",
            Json::Number(_) => "a number is no object",
            Json::Text(_) => "a text is no object",
            Json::List(_) => "a list is no object",
        })
    }
}

/// What serde is given: JSON, or that there was nothing at all.
enum Root<'a> {
    Json(Json<'a>),
    Nothing,
}

/// Few resources have more members. With these the list takes less than 1,032 bytes, up to which glibc
/// keeps what is freed at hand.
const MANY: usize = 18;

impl<'de> Deserialize<'de> for Root<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Root<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            visit_json!(Root::Json; bool i64 u64 f64 str unit seq);

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                Json::object(members, MANY).map(Root::Json)
            }

            /// JSON never says so: only [`Nothing`] does.
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Root::Nothing)
            }

            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                Json::deserialize(from).map(Root::Json)
            }
        }

        from.deserialize_any(Any)
    }
}

/// The body that isn't there.
struct Nothing;

/// Nothing, in whatever form is asked for.
impl<'de> Deserializer<'de> for Nothing {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<((), ())>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<()>()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}
