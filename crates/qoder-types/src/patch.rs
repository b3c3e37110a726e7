/// A field of an update: leave it, clear it, or set it.
///
/// ```
/// use qoder_types::{AgentUpdate, Patch};
///
/// let update = AgentUpdate::new(3).system("Be brief.").description(Patch::Clear);
/// assert_eq!(
///     serde_json::to_value(&update).unwrap(),
///     serde_json::json!({"version": 3, "system": "Be brief.", "description": null}),
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field is left out: the server keeps what it has.
    #[default]
    Keep,
    /// The field is `null`: the server clears it.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Returns whether the field is left out.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl From<&str> for Patch<crate::Secret> {
    fn from(value: &str) -> Self {
        Self::Set(value.into())
    }
}

impl From<&str> for Patch<String> {
    fn from(value: &str) -> Self {
        Self::Set(value.to_owned())
    }
}
