//! How JSON is read and written, for every type but events: by way of a tree.
//!
//! A derived reader is compiled anew for each type and each kind of input. Here a type says whether
//! a value fits it ([`Wire::fit`]), how it is read ([`Wire::read`]) and how it is written
//! ([`Wire::view`]), and serde meets one [`Json`] on the way in and one [`View`] on the way out.
//!
//! Reading is tolerant. A member that is unknown, `null`, or in a shape that its field doesn't have
//! stays in `extra`, and its field is empty. A member that is understood and would be written
//! differently (`"3"` for 3, or under an old name) is read, and stays too. Writing gives back what
//! was read: a member that stayed is written in place of its field for as long as the field says
//! what was read from it.

mod borrowed;
mod debug;
mod document;
mod json;
mod members;
mod numbers;
#[cfg(test)]
pub(crate) mod odd;
#[cfg(test)]
mod tests;
mod text;
mod values;
mod view;

pub(crate) use borrowed::{Name, Parts, once, parts, parts_of, required};
pub(crate) use debug::Redacted;
pub(crate) use document::{deserialize, nothing, read, unmarked};
pub(crate) use json::{Json, Member, extra, last_of_each, visit_json};
pub(crate) use members::{Members, Names, Object, Slot, choose, has_id};
#[cfg(test)]
pub(crate) use members::{leave_over, left_over};
pub use numbers::{Credits, Seconds};
pub(crate) use text::{read_text, unescaped};
pub(crate) use values::{text_on_the_wire, word};
pub(crate) use view::View;

#[cfg(test)]
use serde_json::Value;

/// How well a value fits a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It can't be read.
    No,
    /// It can be read, and would be written differently.
    Near,
    /// It is what the type would write.
    Exact,
}

/// A type of the API.
pub(crate) trait Wire: Sized + PartialEq {
    /// Whether an empty one is written. What no server would write empty, such as an id, a time or
    /// an object, isn't: it stands for a member that was missing.
    const WRITTEN_EMPTY: bool = false;

    /// Whether a value can be read.
    fn fit(value: &Json<'_>) -> Fit;

    /// Reads a value that fits; any other gives [`empty`](Self::empty).
    fn read(value: Json<'_>) -> Self;

    /// What a plain field is when its member is missing.
    fn empty() -> Self {
        Self::read(Json::Null)
    }

    /// How it is written.
    fn view(&self) -> View<'_>;

    /// A valid value with everything in it; `choice` selects the variants of unions.
    #[cfg(test)]
    fn sample(choice: usize) -> Value;
}

/// serde for a type of the API.
macro_rules! serde_by_wire {
    ($name:ident) => {
        crate::wire::serialize_by_wire!($name);
        crate::wire::deserialize_by_wire!($name);
    };
}

macro_rules! serialize_by_wire {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&crate::wire::Wire::view(self), to)
            }
        }
    };
}

macro_rules! deserialize_by_wire {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                crate::wire::deserialize(from, stringify!($name))
            }
        }
    };
}

pub(crate) use {deserialize_by_wire, serde_by_wire, serialize_by_wire};
