//! Objects that are read without a tree: serde's own way, by hand, since deriving it would have all
//! who use the SDK compile serde's macros.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, borrowed where it is written without escapes.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text)))
            }
        }

        from.deserialize_str(Text)
    }
}

/// The members of an object, as they are met. [`parts_of`] makes one.
pub(crate) trait Parts<'de>: Default {
    /// The name of the object in errors.
    const WHAT: &'static str;

    /// Takes the value of a member into its place. Returns `false`, and takes nothing, if there is no
    /// place for the name.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error>;
}

/// A type with a place for each of these members, of which each may be met once.
macro_rules! parts_of {
    ($what:literal, $name:ident { $($field:ident: $ty:ty = $wire:literal,)* }) => {
        #[derive(Default)]
        struct $name {
            $($field: Option<$ty>,)*
        }

        crate::wire::parts_of!(@impl $what, 'de, $name, $($field $wire,)*);
    };
    ($what:literal, $name:ident<$lt:lifetime> { $($field:ident: $ty:ty = $wire:literal,)* }) => {
        #[derive(Default)]
        #[allow(clippy::option_option, reason = "what is missing, and what is `null`")]
        struct $name<$lt> {
            $($field: Option<$ty>,)*
        }

        crate::wire::parts_of!(@impl $what, $lt, $name<$lt>, $($field $wire,)*);
    };
    (@impl $what:literal, $lt:lifetime, $of:ty, $($field:ident $wire:literal,)*) => {
        impl<$lt> crate::wire::Parts<$lt> for $of {
            const WHAT: &'static str = $what;

            fn member<A: serde::de::MapAccess<$lt>>(
                &mut self,
                name: &str,
                from: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $($wire => crate::wire::once(&mut self.$field, $wire, from),)*
                    _ => Ok(false),
                }
            }
        }
    };
}
pub(crate) use parts_of;

/// Reads an object, and passes over what it has besides.
pub(crate) fn parts<'de, P: Parts<'de>, D: Deserializer<'de>>(from: D) -> Result<P, D::Error> {
    struct Object<P>(P);

    impl<'de, P: Parts<'de>> Visitor<'de> for Object<P> {
        type Value = P;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(P::WHAT)
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<P, A::Error> {
            while let Some(Name(name)) = from.next_key()? {
                if !self.0.member(&name, &mut from)? {
                    from.next_value::<IgnoredAny>()?;
                }
            }
            Ok(self.0)
        }
    }

    from.deserialize_map(Object(P::default()))
}

/// Takes a member's value, which must be the first.
pub(crate) fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    name: &'static str,
    from: &mut A,
) -> Result<bool, A::Error> {
    if place.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *place = Some(from.next_value()?);
    Ok(true)
}

/// Returns a member that must be there.
pub(crate) fn required<T, E: Error>(place: Option<T>, name: &'static str) -> Result<T, E> {
    place.ok_or_else(|| E::missing_field(name))
}
