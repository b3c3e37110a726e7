//! The shapes that recur in the API, each written once.

/// Objects that come back as they were: unknown members, and members that are `null`, are kept in
/// `extra` and written again. The type derives with `#[serde(remote = "Self")]`.
macro_rules! lossless {
    ($($name:ident),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut nulls = crate::Extra::new();
                let mut value =
                    <$name>::deserialize(crate::nulls::NullsAside::new(deserializer, &mut nulls))?;
                value.extra.extend(nulls);
                Ok(value)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$name>::serialize(self, serializer)
            }
        }
    )*};
}

/// An enumeration that the server may add to: values of tomorrow are kept as text.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal $(| $alias:literal)*),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vmeta])* $variant,)*
            /// A value that this release doesn't know; read it with `as_str`.
            Unknown(crate::UnknownValue),
        }

        impl $name {
            /// The value as it is on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(value) => value.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text $(| $alias)* => Self::$variant,)*
                    other => Self::Unknown(crate::UnknownValue::new(other)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

/// The text of a value that this release doesn't know. It can be read, and only this crate makes
/// it, so that a value which a later release knows is never the unknown one in its code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The value as it is on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Objects told apart by their `type`: an unknown type, or a known one in another shape, is kept
/// whole.
macro_rules! tagged {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident($payload:ty) = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vmeta])* $variant($payload),)*
            /// What this release doesn't know, or knows in another shape: the whole object.
            Unknown(crate::Extra),
        }

        impl $name {
            /// The `type` of the object; empty if it has none.
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $text,)*
                    Self::Unknown(object) => object.get("type").and_then(serde_json::Value::as_str).unwrap_or(""),
                }
            }

            /// From a whole object.
            pub(crate) fn from_object(mut object: crate::Extra) -> Self {
                let Some((key, kind)) = object.remove_entry("type") else { return Self::Unknown(object) };
                let known = match kind.as_str() {
                    $(Some($text) => serde::Deserialize::deserialize(&object).map(Self::$variant).ok(),)*
                    _ => None,
                };
                known.unwrap_or_else(|| {
                    object.insert(key, kind);
                    Self::Unknown(object)
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                struct Tagged<'a, T> {
                    #[serde(rename = "type")]
                    kind: &'static str,
                    #[serde(flatten)]
                    payload: &'a T,
                }
                match self {
                    $(Self::$variant(payload) => Tagged { kind: $text, payload }.serialize(serializer),)*
                    Self::Unknown(object) => object.serialize(serializer),
                }
            }
        }
    };
}

/// `tagged!` objects that are read by way of a map.
macro_rules! deserialize_tagged {
    ($($name:ident),*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from_object(crate::Extra::deserialize(deserializer)?))
            }
        }
    )*};
}

/// Setters of optional fields, in the style of `new(required).field(value)`.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $ty:ty),* $(,)?) => {$(
        $(#[$meta])*
        pub fn $name(mut self, $name: impl Into<$ty>) -> Self {
            self.$name = Some($name.into());
            self
        }
    )*};
}

/// Setters of the fields of an update.
macro_rules! patches {
    ($($(#[$meta:meta])* $name:ident: $ty:ty),* $(,)?) => {$(
        $(#[$meta])*
        pub fn $name(mut self, $name: impl Into<crate::Patch<$ty>>) -> Self {
            self.$name = $name.into();
            self
        }
    )*};
}
