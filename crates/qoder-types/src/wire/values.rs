//! The shapes that JSON itself has.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::{Fit, Json, View, Wire, json};
use crate::{Extra, Patch};

/// Types that are a text on the wire, and nothing else.
macro_rules! text_on_the_wire {
    ($name:ty, $as_str:ident) => {
        impl crate::wire::Wire for $name {
            fn fit(value: &crate::wire::Json<'_>) -> crate::wire::Fit {
                if value.is_text() {
                    crate::wire::Fit::Exact
                } else {
                    crate::wire::Fit::No
                }
            }

            fn read(value: crate::wire::Json<'_>) -> Self {
                Self::from(<String as crate::wire::Wire>::read(value))
            }

            fn view(&self) -> crate::wire::View<'_> {
                crate::wire::View::Text(self.$as_str())
            }

            #[cfg(test)]
            fn sample(choice: usize) -> serde_json::Value {
                format!("2026-09-21T08:01:0{}Z", choice % 10).into()
            }
        }
    };
}

pub(crate) use text_on_the_wire;

impl Wire for String {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        exact_if(value.is_text())
    }

    fn read(value: Json<'_>) -> Self {
        match value {
            Json::Text(text) => text.into_owned(),
            _ => Self::new(),
        }
    }

    fn view(&self) -> View<'_> {
        View::Text(self)
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        format!("text {choice}").into()
    }
}

impl Wire for bool {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        exact_if(matches!(value, Json::Bool(_)))
    }

    fn read(value: Json<'_>) -> Self {
        value == Json::Bool(true)
    }

    fn view(&self) -> View<'_> {
        View::Bool(*self)
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        (choice % 2 == 0).into()
    }
}

macro_rules! whole_numbers {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            const WRITTEN_EMPTY: bool = true;

            fn fit(value: &Json<'_>) -> Fit {
                match whole(value).map(<$ty>::try_from) {
                    Some(Ok(_)) if matches!(value, Json::Number(number) if number.is_u64()) => Fit::Exact,
                    Some(Ok(_)) => Fit::Near,
                    _ => Fit::No,
                }
            }

            fn read(value: Json<'_>) -> Self {
                whole(&value).and_then(|number| number.try_into().ok()).unwrap_or_default()
            }

            fn view(&self) -> View<'_> {
                View::Whole(u64::try_from(*self).unwrap_or(u64::MAX))
            }

            #[cfg(test)]
            fn sample(choice: usize) -> Value {
                (choice + 1).into()
            }
        }
    )*};
}

whole_numbers!(u64, u32, usize);

/// A whole number in any of its forms: `3`, `3.0` or `"3"`.
fn whole(value: &Json<'_>) -> Option<u64> {
    /// 2 to the 53rd: from here on an `f64` skips whole numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    match value {
        Json::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            let is_whole = (0.0..=EXACT).contains(&number) && number.fract() == 0.0;
            is_whole.then(|| format!("{number:.0}").parse().ok())?
        }),
        Json::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

impl Wire for Value {
    fn fit(_: &Json<'_>) -> Fit {
        Fit::Exact
    }

    fn read(value: Json<'_>) -> Self {
        value.into_value()
    }

    fn view(&self) -> View<'_> {
        View::Json(self)
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        serde_json::json!({"any": [choice, null]})
    }
}

impl Wire for Extra {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        exact_if(value.is_object())
    }

    fn read(value: Json<'_>) -> Self {
        json::extra(value.into_members())
    }

    fn view(&self) -> View<'_> {
        View::Extra(self)
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        serde_json::json!({"key": choice, "other": null})
    }
}

impl Wire for Number {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        exact_if(matches!(value, Json::Number(_)))
    }

    fn read(value: Json<'_>) -> Self {
        match value {
            Json::Number(number) => number,
            _ => 0.into(),
        }
    }

    fn view(&self) -> View<'_> {
        View::Number(self)
    }

    #[cfg(test)]
    fn sample(_: usize) -> Value {
        serde_json::json!(0.5)
    }
}

impl<T: Wire> Wire for Box<T> {
    const WRITTEN_EMPTY: bool = T::WRITTEN_EMPTY;

    fn fit(value: &Json<'_>) -> Fit {
        T::fit(value)
    }

    fn read(value: Json<'_>) -> Self {
        Box::new(T::read(value))
    }

    fn view(&self) -> View<'_> {
        T::view(self)
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        T::sample(choice)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        match value {
            Json::List(items) => worst(items.iter().map(T::fit)),
            _ => Fit::No,
        }
    }

    fn read(value: Json<'_>) -> Self {
        match value {
            Json::List(items) => items.into_iter().map(T::read).collect(),
            _ => Self::new(),
        }
    }

    fn view(&self) -> View<'_> {
        View::List(self.iter().map(T::view).collect())
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        vec![T::sample(choice), T::sample(choice + 1)].into()
    }
}

impl<T: Wire> Wire for BTreeMap<String, T> {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        match value {
            Json::Object(entries) => worst(entries.iter().map(|(_, value)| T::fit(value))),
            _ => Fit::No,
        }
    }

    fn read(value: Json<'_>) -> Self {
        let mut map = Self::new();
        for (key, value) in value.into_members() {
            map.insert(key.into_owned(), T::read(value));
        }
        map
    }

    fn view(&self) -> View<'_> {
        View::Object(
            self.iter()
                .map(|(key, value)| (key.as_str(), value.view()))
                .collect(),
        )
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        serde_json::json!({"one": T::sample(choice), "other": T::sample(choice + 1)})
    }
}

/// Changes to the entries of a map: `null` deletes one.
impl<T: Wire> Wire for BTreeMap<String, Patch<T>> {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        let fit = |value: &Json<'_>| {
            if value.is_null() {
                Fit::Exact
            } else {
                T::fit(value)
            }
        };
        match value {
            Json::Object(entries) => worst(entries.iter().map(|(_, value)| fit(value))),
            _ => Fit::No,
        }
    }

    fn read(value: Json<'_>) -> Self {
        let mut map = Self::new();
        for (key, value) in value.into_members() {
            let change = match value {
                Json::Null => Patch::Clear,
                value => Patch::Set(T::read(value)),
            };
            map.insert(key.into_owned(), change);
        }
        map
    }

    fn view(&self) -> View<'_> {
        let entries = self.iter().filter_map(|(key, change)| match change {
            Patch::Keep => None,
            Patch::Clear => Some((key.as_str(), View::Null)),
            Patch::Set(value) => Some((key.as_str(), value.view())),
        });
        View::Object(entries.collect())
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        serde_json::json!({"one": T::sample(choice), "other": null})
    }
}

/// The value of an enumeration: a text, or the `type` of an object.
pub(crate) fn word<'a>(value: &'a Json<'_>) -> Option<&'a str> {
    value.as_str().or_else(|| value.type_name())
}

fn exact_if(fits: bool) -> Fit {
    if fits { Fit::Exact } else { Fit::No }
}

/// How well a list fits: as its worst item does.
fn worst(items: impl Iterator<Item = Fit>) -> Fit {
    items.min().unwrap_or(Fit::Exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_three_forms() {
        let huge = u64::MAX.to_string();
        for (json, number, exact) in [
            ("3", Some(3), true),
            ("3.0", Some(3), false),
            ("3e2", Some(300), false),
            (r#""3""#, Some(3), false),
            (huge.as_str(), Some(u64::MAX), true),
            ("3.5", None, false),
            ("-3", None, false),
            ("1e300", None, false),
            (r#""""#, None, false),
            (r#""+3""#, None, false),
            (r#"" 3""#, None, false),
            (r#""18446744073709551616""#, None, false),
            ("true", None, false),
            ("[3]", None, false),
        ] {
            let value: Json<'_> = serde_json::from_str(json).expect(json);
            let fit = u64::fit(&value);
            assert_eq!(
                (fit != Fit::No, fit == Fit::Exact),
                (number.is_some(), exact),
                "{json}"
            );
            assert_eq!(u64::read(value), number.unwrap_or(0), "{json}");
        }
        assert_eq!(u32::fit(&Json::from(u64::MAX)), Fit::No);
    }
}
