//! The shapes that recur in the API, each written once. [`wire`](crate::wire) has what they stand on.
//!
//! Their functions are `#[inline]` so that only those which a program uses are compiled, in the crate
//! that uses them, out of some 140 types.

/// An object that the server sends.
///
/// ```text
/// Name {
/// Name or word {                                   or a text, which is then the member `word`
/// Name short word {                                the same, and with nothing else it is written so
///     id!: SessionId,                              without it this is no such object
///     created_at: Timestamp,                       today's server always sends it
///     archived_at?: Timestamp,                     may be missing
///     kind: String = "type",                       its name on the wire
///     filename: String = "filename" | "name",      and the name that it once had
/// }
/// ```
macro_rules! object {
    ($(#[$meta:meta])* $name:ident $(or $text:ident)? $(short $short:ident)? {
        $($(#[$fmeta:meta])* $field:ident $(! $(@ $id:tt)*)? $(? $(@ $opt:tt)*)? : $ty:ty
            $(= $wire:literal $(| $old:literal)*)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$fmeta])* pub $field: field!($ty $(, ? $($opt)*)?),)*
            /// What has no field, and what is `null` or in a shape that its field doesn't have.
            pub extra: crate::Extra,
        }

        impl crate::wire::Wire for $name {
            #[inline]
            fn fit(value: &crate::wire::Json<'_>) -> crate::wire::Fit {
                $(if value.is_text() {
                    let _ = stringify!($text);
                    return crate::wire::Fit::Near;
                })?
                $(if value.is_text() || (value.is_object() && value.members().len() < 2) {
                    let _ = stringify!($short);
                    return if value.is_text() { crate::wire::Fit::Exact } else { crate::wire::Fit::Near };
                })?
                let is_one = value.is_object()
                    $($(&& crate::wire::has_id(value, names!($field $($id)*)))?)*;
                if is_one { crate::wire::Fit::Exact } else { crate::wire::Fit::No }
            }

            #[inline]
            fn read(value: crate::wire::Json<'_>) -> Self {
                $(if value.is_text() {
                    return Self { $text: crate::wire::Wire::read(value), ..Self::empty() };
                })?
                $(if value.is_text() {
                    return Self { $short: crate::wire::Wire::read(value), ..Self::empty() };
                })?
                let object = &mut crate::wire::Object::of(value);
                $(let $field = crate::wire::Slot::take_from(object, names!($field $($wire $(| $old)*)?));)*
                Self { $($field,)* extra: object.rest() }
            }

            #[inline]
            fn view(&self) -> crate::wire::View<'_> {
                let members = &mut crate::wire::Members::new(&self.extra);
                $(crate::wire::Slot::put(&self.$field, names!($field $($wire $(| $old)*)?), members);)*
                let members = members.finish();
                $(if let [(stringify!($short), text)] = members.as_slice() {
                    return text.clone();
                })?
                crate::wire::View::Object(members)
            }

            #[cfg(test)]
            fn sample(choice: usize) -> serde_json::Value {
                let members: &[(&str, fn(usize) -> serde_json::Value)] = &[$((
                    names!($field $($wire $(| $old)*)?)[0],
                    <field!($ty $(, ? $($opt)*)?) as crate::wire::Slot>::sample_of,
                )),*];
                let members = members.iter().map(|(name, sample)| (*name, sample(choice)));
                members.collect()
            }
        }

        impl std::fmt::Debug for $name {
            #[inline]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &self.$field))*
                    .field("extra", &crate::wire::Redacted(&self.extra))
                    .finish()
            }
        }

        crate::wire::serde_by_wire!($name);
    };
}

/// The type of a field of an `object!`.
macro_rules! field {
    ($ty:ty) => { $ty };
    ($ty:ty, ?) => { Option<$ty> };
}

/// The names of a field on the wire.
macro_rules! names {
    ($field:ident) => { &[stringify!($field)] };
    ($field:ident $wire:literal $(| $old:literal)*) => { &[$wire $(, $old)*] };
}

/// An object that the caller makes, and that the server may send back: `new` takes the members
/// that it must have, setters the others.
///
/// ```text
/// Name {
///     name: String,                                must be there
///     version as u64,                              a number or a boolean, which is given as it is
///     ;
///     description: String,                         may be left out
///     title: String | null,                        of a change: left out, cleared or set
///     metadata{}: String,                          a map, which is set entry by entry
///     variables{variable}: String,                 the same, by a setter of another name
///     tools[tool]: Tool,                           a list, which is set whole or item by item
///     token: Secret = "authorization_token",       its name on the wire
///     metadata{}: String | null,                   of a change: entries can be deleted
/// }
/// ```
macro_rules! body {
    ($(#[$meta:meta])* $name:ident { ; $($optional:tt)* }) => {
        body! { @of $(#[$meta])* $name [] { ; $($optional)* } }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    ($(#[$meta:meta])* $name:ident $(or $text:ident)? $(short $short:ident)? { $($members:tt)* }) => {
        body! { @of $(#[$meta])* $name [$(or $text)? $(short $short)?] { $($members)* } }
    };
    (@of $(#[$meta:meta])* $name:ident [$($or:tt)*] {
        $($(#[$rmeta:meta])* $req:ident $(as $rscalar:ident)? $(: $rty:ty)? $(= $rwire:literal)?,)*
        $(; $(
            $(#[$fmeta:meta])*
            $field:ident $(as $scalar:ident)? $({ $($entry:ident)? })? $([ $item:ident ])? $(: $ty:ty)?
                $(= $wire:literal)? $(| null $(@ $null:tt)*)?,
        )*)?
    }) => {
        object! {
            $(#[$meta])*
            $name $($or)* {
                $($(#[$rmeta])* $req: $($rscalar)? $($rty)? $(= $rwire)?,)*
                $($(
                    $(#[$fmeta])*
                    $field: optional!($({ $($entry)? })? $([$item])? $($scalar)? $($ty)? $(| null $($null)*)?)
                        $(= $wire)?,
                )*)?
            }
        }

        impl $name {
            /// The members that there must be.
            #[cfg(test)]
            #[allow(dead_code, reason = "some bodies are only parts of one")]
            pub(crate) const REQUIRED: &'static [&'static str] = &[$(names!($req $($rwire)?)[0]),*];

            #[doc = concat!("Returns a `", stringify!($name), "` with what it must have. The rest has setters.")]
            #[inline]
            pub fn new($($req: $($rscalar)? $(impl Into<$rty>)?),*) -> Self {
                #[allow(unused_mut, reason = "it may be all optional")]
                let mut body = <Self as crate::wire::Wire>::empty();
                $(body.$req = given!($req $(, $rty)?);)*
                body
            }

            $($(setter! {
                $(#[$fmeta])* $field $(as $scalar)? $({ $($entry)? })? $([$item])? $($ty)? $(| null $($null)*)?
            })*)?
        }
    };
}

/// A value as it is, or made into a type.
macro_rules! given {
    ($value:expr) => {
        $value
    };
    ($value:expr, $ty:ty) => {
        <_ as Into<$ty>>::into($value)
    };
}

/// The type of an optional field of a `body!`.
macro_rules! optional {
    ({ $($entry:ident)? } $ty:ty) => { Option<std::collections::BTreeMap<String, $ty>> };
    ({ $($entry:ident)? } $ty:ty | null) => { Option<std::collections::BTreeMap<String, crate::Patch<$ty>>> };
    ([$item:ident] $ty:ty) => { Option<Vec<$ty>> };
    ([$item:ident] $ty:ty | null) => { crate::Patch<Vec<$ty>> };
    ($ty:ty) => { Option<$ty> };
    ($ty:ty | null) => { crate::Patch<$ty> };
}

/// The setter of an optional field of a `body!`.
macro_rules! setter {
    ($(#[$meta:meta])* $field:ident as $scalar:ident) => {
        #[doc = concat!("Sets `", stringify!($field), "`:")]
        ///
        $(#[$meta])*
        #[inline]
        pub fn $field(mut self, $field: $scalar) -> Self {
            self.$field = Some($field);
            self
        }
    };
    ($(#[$meta:meta])* $field:ident {} $($type:tt)*) => {
        setter! { $(#[$meta])* $field { $field } $($type)* }
    };
    ($(#[$meta:meta])* $field:ident { $entry:ident } $ty:ty) => {
        #[doc = concat!("Adds an entry to `", stringify!($field), "`:")]
        ///
        $(#[$meta])*
        pub fn $entry(mut self, key: impl Into<String>, value: impl Into<$ty>) -> Self {
            self.$field.get_or_insert_default().insert(key.into(), value.into());
            self
        }
    };
    ($(#[$meta:meta])* $field:ident { $entry:ident } $ty:ty | null) => {
        #[doc = concat!("Sets an entry of `", stringify!($field), "`, or deletes it with [`Patch::Clear`](crate::Patch):")]
        ///
        $(#[$meta])*
        pub fn $entry(mut self, key: impl Into<String>, value: impl Into<crate::Patch<$ty>>) -> Self {
            self.$field.get_or_insert_default().insert(key.into(), value.into());
            self
        }
    };
    ($(#[$meta:meta])* $field:ident [ $item:ident ] $ty:ty) => {
        #[doc = concat!("Sets `", stringify!($field), "`:")]
        ///
        $(#[$meta])*
        pub fn $field<I: Into<$ty>>(mut self, $field: impl IntoIterator<Item = I>) -> Self {
            self.$field = Some($field.into_iter().map(Into::into).collect());
            self
        }

        #[doc = concat!("Adds an item to `", stringify!($field), "`:")]
        ///
        $(#[$meta])*
        pub fn $item(mut self, $item: impl Into<$ty>) -> Self {
            self.$field.get_or_insert_default().push($item.into());
            self
        }
    };
    ($(#[$meta:meta])* $field:ident [ $item:ident ] $ty:ty | null) => {
        setter! { $(#[$meta])* $field Vec<$ty> | null }

        #[doc = concat!("Adds an item to what `", stringify!($field), "` is set to:")]
        ///
        $(#[$meta])*
        pub fn $item(mut self, $item: impl Into<$ty>) -> Self {
            let mut items = match std::mem::take(&mut self.$field) {
                crate::Patch::Set(items) => items,
                _ => Vec::new(),
            };
            items.push($item.into());
            self.$field = crate::Patch::Set(items);
            self
        }
    };
    ($(#[$meta:meta])* $field:ident $ty:ty) => {
        #[doc = concat!("Sets `", stringify!($field), "`:")]
        ///
        $(#[$meta])*
        #[inline]
        pub fn $field(mut self, $field: impl Into<$ty>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    ($(#[$meta:meta])* $field:ident $ty:ty | null) => {
        #[doc = concat!("Sets `", stringify!($field), "`, or clears it with [`Patch::Clear`](crate::Patch):")]
        ///
        $(#[$meta])*
        #[inline]
        pub fn $field(mut self, $field: impl Into<crate::Patch<$ty>>) -> Self {
            self.$field = $field.into();
            self
        }
    };
}

/// Objects told apart by their `type`. One of another type, and what is no object at all, is kept
/// whole.
///
/// ```text
/// Name {
/// Name without From {                              where variants have the same payload
///     Branch(BranchCheckout) = "branch",
///     Agent(Box<Agent>) = "agent" with "name",     only if it has this member
/// }
/// ```
macro_rules! tagged {
    ($(#[$meta:meta])* $name:ident $(without $from:ident)? {
        $($(#[$vmeta:meta])* $variant:ident($payload:ty) = $text:literal $(with $member:literal)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vmeta])* $variant($payload),)*
            /// Anything else, whole: what this release doesn't know.
            Other(serde_json::Value),
        }

        impl $name {
            /// Returns the `type` as it is on the wire; empty if there is none.
            #[inline]
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $text,)*
                    Self::Other(value) => value.get("type").and_then(serde_json::Value::as_str).unwrap_or(""),
                }
            }
        }

        impl crate::wire::Wire for $name {
            #[inline]
            fn fit(_: &crate::wire::Json<'_>) -> crate::wire::Fit {
                crate::wire::Fit::Exact
            }

            #[inline]
            fn read(mut value: crate::wire::Json<'_>) -> Self {
                match value.type_name() {
                    $(Some($text) if <$payload as crate::wire::Wire>::fit(&value) != crate::wire::Fit::No
                        $(&& value.get($member).is_some())? => {
                        value.remove("type");
                        Self::$variant(crate::wire::Wire::read(value))
                    })*
                    _ => {
                        #[cfg(test)]
                        crate::wire::leave_over(&format!("the variant {}", value.type_name().unwrap_or("null")));
                        Self::Other(value.into_value())
                    }
                }
            }

            #[inline]
            fn view(&self) -> crate::wire::View<'_> {
                match self {
                    $(Self::$variant(payload) => crate::wire::View::tagged($text, payload.view()),)*
                    Self::Other(value) => crate::wire::View::Json(value),
                }
            }

            #[cfg(test)]
            fn sample(choice: usize) -> serde_json::Value {
                let other: fn(usize) -> serde_json::Value = |_| serde_json::json!({"type": "of tomorrow", "x": [null]});
                let variants: &[(&str, fn(usize) -> serde_json::Value)] = &[
                    $(($text, <$payload as crate::wire::Wire>::sample),)*
                    ("of tomorrow", other),
                ];
                let (text, sample) = variants[choice % variants.len()];
                let mut object = sample(choice / variants.len());
                object["type"] = text.into();
                object
            }
        }

        impl std::fmt::Debug for $name {
            #[inline]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant(payload) => f.debug_tuple(stringify!($variant)).field(payload).finish(),)*
                    Self::Other(value) => f.debug_tuple("Other").field(&crate::wire::Redacted(value)).finish(),
                }
            }
        }

        from_payloads! { $(without $from)? $name $($variant($payload))* }

        crate::wire::serialize_by_wire!($name);
    };
}

/// The variants of a `tagged!`, each made of its payload.
macro_rules! from_payloads {
    (without From $($rest:tt)*) => {};
    ($name:ident $($variant:ident($payload:ty))*) => {$(
        impl From<$payload> for $name {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
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
            /// A value that this release doesn't know; [`as_str`](Self::as_str) returns it. It is
            /// empty where the server said nothing.
            Unknown(crate::UnknownValue),
        }

        impl $name {
            /// Returns the value as it is on the wire.
            #[inline]
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

        impl crate::wire::Wire for $name {
            #[inline]
            fn fit(value: &crate::wire::Json<'_>) -> crate::wire::Fit {
                match crate::wire::word(value) {
                    Some(text) if value.is_text() && Self::from(text).as_str() == text => crate::wire::Fit::Exact,
                    Some(_) => crate::wire::Fit::Near,
                    None => crate::wire::Fit::No,
                }
            }

            #[inline]
            fn read(value: crate::wire::Json<'_>) -> Self {
                Self::from(crate::wire::word(&value).unwrap_or(""))
            }

            #[inline]
            fn view(&self) -> crate::wire::View<'_> {
                crate::wire::View::Text(self.as_str())
            }

            #[cfg(test)]
            fn sample(choice: usize) -> serde_json::Value {
                let values: &[&str] = &[$($text,)* "of tomorrow"];
                values[choice % values.len()].into()
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

    /// Returns the value as it is on the wire.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
