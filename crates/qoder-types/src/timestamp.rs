use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A time as the server wrote it: RFC 3339, with up to nine digits for the fraction of a second.
///
/// The text is kept, so nothing of it is lost, and reading it never fails: a response is not
/// worth less because one of its times is odd. With the feature `jiff`, `to_jiff` interprets it.
/// Equality is that of the texts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp {
    text: Box<str>,
    /// Whether it came as something else than a text; it is given back as what it was.
    json: bool,
}

impl Timestamp {
    /// The server's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant, to the nanosecond.
    ///
    /// # Errors
    ///
    /// If the text is no RFC 3339 time with a zone.
    #[cfg(feature = "jiff")]
    pub fn to_jiff(&self) -> Result<jiff::Timestamp, jiff::Error> {
        self.text.parse()
    }
}

#[cfg(feature = "jiff")]
impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from(time.to_string().as_str())
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self {
            text: text.into(),
            json: false,
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.json {
            return serializer.serialize_str(&self.text);
        }
        let value: Value = serde_json::from_str(&self.text).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time")
            }

            fn visit_str<E>(self, text: &str) -> Result<Timestamp, E> {
                Ok(text.into())
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Timestamp, E> {
                Ok(odd(&flag.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Timestamp, E> {
                Ok(odd(&number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Timestamp, E> {
                Ok(odd(&number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Timestamp, E> {
                Ok(odd(&number.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Timestamp, A::Error> {
                Ok(odd(&Value::deserialize(SeqAccessDeserializer::new(seq))?))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Timestamp, A::Error> {
                Ok(odd(&Value::deserialize(MapAccessDeserializer::new(map))?))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// What is no text is kept as JSON.
fn odd(value: &Value) -> Timestamp {
    Timestamp {
        text: value.to_string().into(),
        json: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_json_is_a_time_and_comes_back_as_it_was() {
        for json in [
            r#""2026-09-21T08:01:00.188169337Z""#,
            r#""2026""#,
            r#""not a time""#,
            "1790899540",
            "-1.5",
            "true",
            "[1,2]",
            r#"{"seconds":1}"#,
        ] {
            let time: Timestamp = serde_json::from_str(json).expect(json);
            assert_eq!(serde_json::to_string(&time).expect(json), json);
        }
    }

    #[cfg(feature = "jiff")]
    #[test]
    fn nanoseconds_survive() {
        let time = Timestamp::from("2026-09-21T08:01:00.188169337Z");
        let instant = time.to_jiff().expect("a time");
        assert_eq!(instant.subsec_nanosecond(), 188_169_337);
        assert_eq!(Timestamp::from(instant), time);
        assert!(Timestamp::from("soon").to_jiff().is_err());
    }
}
