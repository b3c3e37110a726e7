//! The events that sessions begin with.

#[cfg(test)]
use serde_json::Value;

use crate::InputEvent;
use crate::wire::{Fit, Json, View, Wire};

/// The events that sessions begin with, in today's form, where all content is blocks. Anything
/// that events are made of is taken, such as texts for messages.
///
/// ```
/// use qoder_types::InitialEvents;
///
/// let events = InitialEvents::from(["Prepare tonight's notes."]);
/// assert_eq!(events.as_slice().len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InitialEvents(Vec<InputEvent>);

impl InitialEvents {
    /// Returns the events in their order.
    pub fn as_slice(&self) -> &[InputEvent] {
        &self.0
    }
}

impl<I> From<I> for InitialEvents
where
    I: IntoIterator,
    I::Item: Into<InputEvent>,
{
    fn from(events: I) -> Self {
        let events = events.into_iter().map(Into::into);
        Self(events.map(InputEvent::for_current).collect())
    }
}

impl Wire for InitialEvents {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        Vec::<InputEvent>::fit(value)
    }

    fn read(value: Json<'_>) -> Self {
        Self(Wire::read(value))
    }

    fn view(&self) -> View<'_> {
        self.0.view()
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        Vec::<InputEvent>::sample(choice)
    }
}
