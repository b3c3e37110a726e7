//! JSON of events that is refused when it is read in one pass (`fill.rs`), in the form that is read
//! there. Read by way of a map, the last of two equal members counts, and the new one of two names;
//! what doesn't fit is left out.

use serde_json::Value;

use crate::wire::{Fit, Json, Names, Wire, choose, read_text};
use crate::{EventId, Extra, ThreadId, Timestamp};

/// A member of an event.
pub(crate) struct Member {
    names: Names,
    fit: fn(&Json<'_>) -> Fit,
    /// Writes a value that fits as its type writes it.
    again: fn(Json<'_>) -> Option<Value>,
}

impl Member {
    pub(crate) const fn new<T: Wire>(names: Names) -> Self {
        Self {
            names,
            fit: T::fit,
            again: |value| serde_json::to_value(T::read(value).view()).ok(),
        }
    }
}

/// The members that every event may have.
const COMMON: &[Member] = &[
    Member::new::<EventId>(&["id"]),
    Member::new::<Timestamp>(&["processed_at"]),
    Member::new::<ThreadId>(&["session_thread_id"]),
];

/// An event with these members beyond the common ones. `None` if it is no object.
pub(super) fn mended(data: &str, members: &[Member]) -> Option<String> {
    let object: Extra = read_text(data).ok()?;
    let mut mended = Extra::new();
    for Member { names, fit, again } in COMMON.iter().chain(members) {
        let value = match choose(&object, names, *fit) {
            Some((value, Fit::Exact)) => Some(value.into_value()),
            Some((value, _)) => again(value),
            None => None,
        };
        mended.extend(value.map(|value| (names[0].to_owned(), value)));
    }
    serde_json::to_string(&mended).ok()
}
