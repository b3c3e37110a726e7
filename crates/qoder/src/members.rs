//! Objects of which a few members matter.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of a JSON object, by their names. Each is read when it is asked for: what nobody asks for may
/// be anything that has JSON's form, such as a number that no type holds.
pub(crate) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    pub(crate) fn of(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text).map(Self)
    }

    /// Returns a member's value. `None` if it is missing or `null`.
    pub(crate) fn get<T: Deserialize<'a>>(&self, name: &str) -> serde_json::Result<Option<T>> {
        let Some(raw) = self.0.get(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get())
    }

    /// Returns a member that is an object. `None` if it is missing or `null`.
    pub(crate) fn object(&self, name: &str) -> serde_json::Result<Option<Self>> {
        let raw: Option<&RawValue> = self.get(name)?;
        raw.map(|raw| Self::of(raw.get())).transpose()
    }
}
