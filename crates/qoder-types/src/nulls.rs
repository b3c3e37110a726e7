//! Reading objects without losing the members that are `null`.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;

use crate::Extra;

/// Reads an object, and puts the members that are `null` aside where a field takes them for
/// absent: they would be gone when the object is written again.
pub(crate) struct NullsAside<'n, D> {
    object: D,
    nulls: &'n mut Extra,
}

impl<'n, D> NullsAside<'n, D> {
    pub(crate) fn new(object: D, nulls: &'n mut Extra) -> Self {
        Self { object, nulls }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for NullsAside<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.object.deserialize_map(Object {
            visitor,
            nulls: self.nulls,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The visitor of the struct, behind one that sees the members.
struct Object<'n, V> {
    visitor: V,
    nulls: &'n mut Extra,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Members {
            map,
            nulls: self.nulls,
            name: Cow::Borrowed(""),
        })
    }
}

struct Members<'n, 'de, A> {
    map: A,
    nulls: &'n mut Extra,
    /// Of the member at hand.
    name: Cow<'de, str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Name(name)) = self.map.next_key()? else {
            return Ok(None);
        };
        self.name = name;
        let key = match &self.name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()),
        };
        key.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let mut null = false;
        let value = self.map.next_value_seed(Member {
            inner: seed,
            null: &mut null,
        })?;
        if null {
            self.nulls.insert(self.name.to_string(), Value::Null);
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

/// A name, where it is if it can be.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The seed, the deserializer or the visitor of a member, with an eye on whether an `Option` is
/// given a `null`.
struct Member<'n, T> {
    inner: T,
    null: &'n mut bool,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Member<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Member {
            inner: deserializer,
            null: self.null,
        })
    }
}

macro_rules! as_it_is {
    ($($name:ident($($argument:ident: $ty:ty),*))*) => {$(
        fn $name<V: Visitor<'de>>(self, $($argument: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$name($($argument,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Member<'_, D> {
    type Error = D::Error;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(Member {
            inner: visitor,
            null: self.null,
        })
    }

    as_it_is! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Member<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        *self.null = true;
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        *self.null = true;
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str, from_value, json, to_value};

    use crate::{Session, Tool};

    /// From a text, and from a value; of known and unknown members, in objects within objects.
    #[test]
    fn nulls_come_back() {
        let object = json!({
            "id": "sess_1", "title": null, "later": null, "agent": {
                "id": "agent_1", "system": null, "model": {"id": "ultimate", "effort": null, "more": [null]},
                "tools": [{"type": "custom", "name": "f", "description": null, "input_schema": {}}, {"type": null}],
            },
            "stats": null, "usage": {"total_credits": null}, "metadata": {"a": null},
        });
        let of_text: Session = from_str(&object.to_string()).expect("a session");
        let of_value: Session = from_value(object.clone()).expect("a session");
        assert_eq!(of_text, of_value);
        assert_eq!(to_value(&of_text).expect("JSON"), object);
        assert_eq!(of_text.title, None);
        assert_eq!(of_text.extra.get("title"), Some(&Value::Null));
    }

    #[test]
    fn only_objects_are_objects() {
        for text in ["[]", "null", "7", r#"["sess_1"]"#, r#"{"id":null}"#, "{}"] {
            assert!(from_str::<Session>(text).is_err(), "{text}");
        }
        assert!(from_str::<Tool>("[]").is_err());
    }
}
