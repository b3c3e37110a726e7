//! Sending events to a session, in the dialect of its server.

use qoder_types::{
    InputEvent, SendEvents, SentEvents, SessionId, SystemMessage, UserCustomToolResult,
    UserDefineOutcome, UserInterrupt, UserMessage, UserToolConfirmation, UserToolResult, ops,
};

use crate::call::Call;
use crate::gateway::Dialect;
use crate::shared::Shared;

/// The call that sends these events.
pub(crate) fn send<I>(shared: &Shared, session: &SessionId, events: I) -> Call<SentEvents>
where
    I: IntoIterator,
    I::Item: Into<InputEvent>,
{
    let in_dialect = |event: I::Item| match shared.dialect() {
        Dialect::Seed => event.into().for_seed(),
        Dialect::Current => event.into().for_current(),
    };
    let events: Vec<InputEvent> = events.into_iter().map(in_dialect).collect();
    let request = ops::sessions::events::send(session, &SendEvents::new(events));
    Call::new(shared.clone(), request)
}

/// What [`Conversation::send`](crate::Conversation::send) takes: one thing or many, a text or any event. Things of
/// different kinds go into a tuple.
///
/// ```no_run
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// use qoder::types::{SystemMessage, UserDefineOutcome, UserInterrupt};
///
/// session.send("Hello!").await?;
/// session.send(UserInterrupt::new()).await?;
/// session.send(["One.", "Two."]).await?;
/// session.send(("Hello!", SystemMessage::new("It is noon."))).await?;
/// session.send((UserDefineOutcome::new("A sorted list.", "It is in order."), "Go.")).await?;
/// # Ok(()) }
/// ```
pub trait SendItems: sealed::Sealed {
    /// Returns the events, in their order.
    fn into_events(self) -> Vec<InputEvent>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! one {
    ($($one:ty),+ $(,)?) => {$(
        impl sealed::Sealed for $one {}

        impl SendItems for $one {
            fn into_events(self) -> Vec<InputEvent> {
                vec![self.into()]
            }
        }
    )+};
}

one!(
    &str,
    String,
    InputEvent,
    SystemMessage,
    UserCustomToolResult,
    UserDefineOutcome,
    UserInterrupt,
    UserMessage,
    UserToolConfirmation,
    UserToolResult,
);

impl<T: Into<InputEvent>> sealed::Sealed for Vec<T> {}

impl<T: Into<InputEvent>> SendItems for Vec<T> {
    fn into_events(self) -> Vec<InputEvent> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<InputEvent>, const N: usize> sealed::Sealed for [T; N] {}

impl<T: Into<InputEvent>, const N: usize> SendItems for [T; N] {
    fn into_events(self) -> Vec<InputEvent> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! mixed {
    ($($item:ident)+) => {
        impl<$($item: SendItems),+> sealed::Sealed for ($($item,)+) {}

        impl<$($item: SendItems),+> SendItems for ($($item,)+) {
            #[allow(non_snake_case, reason = "each item is named like its type")]
            fn into_events(self) -> Vec<InputEvent> {
                let ($($item,)+) = self;
                let mut events = Vec::new();
                $(events.extend($item.into_events());)+
                events
            }
        }
    };
}

mixed!(A B);
mixed!(A B C);
mixed!(A B C D);
mixed!(A B C D E);
mixed!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(items: impl SendItems) -> Vec<String> {
        let events = serde_json::to_value(items.into_events()).expect("JSON");
        let events = events.as_array().expect("a list").iter();
        events
            .map(|event| event["type"].as_str().expect("a type").to_owned())
            .collect()
    }

    #[test]
    fn one_thing_or_many_of_one_kind_or_several() {
        assert_eq!(kinds("Hello!"), ["user.message"]);
        assert_eq!(kinds("Hello!".to_owned()), ["user.message"]);
        assert_eq!(kinds(UserInterrupt::new()), ["user.interrupt"]);
        assert_eq!(kinds(["One.", "Two."]), ["user.message"; 2]);
        assert_eq!(
            kinds(vec![UserToolConfirmation::allow("a")]),
            ["user.tool_confirmation"]
        );
        assert_eq!(
            kinds((
                "Hello!",
                [UserInterrupt::new()],
                SystemMessage::new("It is noon.")
            )),
            ["user.message", "user.interrupt", "system.message"]
        );
    }
}
