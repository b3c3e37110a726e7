use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Number;
#[cfg(test)]
use serde_json::Value;

use super::{Fit, Json, View, Wire, serialize_by_wire};

macro_rules! numbers {
    ($($(#[$meta:meta])* $name:ident)*) => {$(
        $(#[$meta])*
        ///
        /// The number is kept as the server wrote it. Equality and order are those of
        /// [`as_f64`](Self::as_f64).
        #[derive(Clone)]
        pub struct $name(Number);

        impl<'de> Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Number::deserialize(from).map(Self)
            }
        }

        impl $name {
            /// Returns the number. Large ones are rounded to the nearest that an `f64` has.
            pub fn as_f64(&self) -> f64 {
                self.0.as_f64().unwrap_or_default()
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number.into())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.partial_cmp(other) == Some(Ordering::Equal)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                self.as_f64().partial_cmp(&other.as_f64())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Wire for $name {
            const WRITTEN_EMPTY: bool = true;

            fn fit(value: &Json<'_>) -> Fit {
                match value {
                    Json::Number(_) => Fit::Exact,
                    Json::Text(text) if from_text(text).is_some() => Fit::Near,
                    _ => Fit::No,
                }
            }

            fn read(value: Json<'_>) -> Self {
                match value {
                    Json::Number(number) => Self(number),
                    Json::Text(text) => Self(from_text(&text).unwrap_or_else(|| 0.into())),
                    _ => Self(0.into()),
                }
            }

            fn view(&self) -> View<'_> {
                View::Number(&self.0)
            }

            #[cfg(test)]
            fn sample(_: usize) -> Value {
                serde_json::json!(3.25)
            }
        }

        serialize_by_wire!($name);
    )*};
}

numbers! {
    /// An amount of credits, which are what the API charges.
    ///
    /// The server rounds down to two decimals, so that a small amount may be 0.
    Credits
    /// A time span in seconds, which may have a fraction.
    Seconds
}

impl Seconds {
    /// Returns the time span: zero for a negative one, [`Duration::MAX`] for one that is too long.
    pub fn to_duration(&self) -> Duration {
        let seconds = self.as_f64();
        if seconds <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// A number that was written as a text, such as `"0.25"`.
fn from_text(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_and_written_so() {
        for (json, number) in [("3", 3.0), ("3.0", 3.0), ("0.25", 0.25), ("-1", -1.0)] {
            let credits: Credits = serde_json::from_str(json).expect(json);
            assert!((credits.as_f64() - number).abs() < f64::EPSILON, "{json}");
            assert_eq!(serde_json::to_string(&credits).expect(json), json);
        }
        assert!(Credits::from(2) < Credits::from(3));
        assert_eq!(
            format!("{} {:?}", Credits::from(2), Seconds::from(3)),
            "2 3"
        );
    }

    #[test]
    fn seconds_are_a_duration() {
        for (json, duration) in [
            ("12.5", Duration::from_millis(12_500)),
            ("340", Duration::from_secs(340)),
            ("-3", Duration::ZERO),
            ("1e300", Duration::MAX),
        ] {
            let seconds: Seconds = serde_json::from_str(json).expect(json);
            assert_eq!(seconds.to_duration(), duration, "{json}");
        }
    }
}
