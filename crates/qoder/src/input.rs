//! Sending events to a session, in the dialect of its server.

use qoder_types::{
    ContentBlock, InputEvent, SendEvents, SentEvents, SessionId, SystemMessage,
    UserCustomToolResult, UserDefineOutcome, UserInterrupt, UserMessage, UserToolConfirmation,
    UserToolResult, ops,
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

/// The input of [`Conversation::send`](crate::Conversation::send): one thing or many, a text, a
/// content block or any event. Things of different kinds go into a tuple.
///
/// Content blocks and the texts beside them are one message; texts alone are a message each.
///
/// ```
/// # async fn f(session: qoder::Conversation, chart: qoder::types::FileId) -> qoder::Result<()> {
/// use qoder::types::{ContentBlock, SystemMessage, UserDefineOutcome, UserInterrupt};
///
/// session.send("Hello!").await?;
/// session.send(UserInterrupt::new()).await?;
/// session.send(["One.", "Two."]).await?;
/// session.send(("What is on it?", ContentBlock::image(chart))).await?;
/// session.send(("Hello!", SystemMessage::new("It is noon."))).await?;
/// session.send((UserDefineOutcome::new("A sorted list.", "It is in order."), "Go.")).await?;
/// # Ok(()) }
/// ```
pub trait SendItems: sealed::Sealed {
    /// Returns the events, in their order.
    fn into_events(self) -> Vec<InputEvent> {
        let mut pieces = Pieces::default();
        self.add_to(&mut pieces);
        pieces.end_message();
        pieces.events
    }
}

/// The request that is being put together.
#[derive(Debug, Default)]
pub struct Pieces {
    events: Vec<InputEvent>,
    /// Texts and blocks that stand beside each other.
    message: Vec<ContentBlock>,
}

impl Pieces {
    fn end_message(&mut self) {
        let blocks = std::mem::take(&mut self.message);
        let only_texts = blocks.iter().all(|block| block.as_text().is_some());
        if only_texts {
            let texts = blocks.into_iter().map(|text| UserMessage::new(text).into());
            self.events.extend(texts);
        } else {
            self.events.push(UserMessage::new(blocks).into());
        }
    }
}

mod sealed {
    use super::Pieces;

    pub trait Sealed: Sized {
        fn add_to(self, pieces: &mut Pieces);
    }
}

macro_rules! one {
    ($member:ident: $($one:ty),+ $(,)?) => {$(
        impl sealed::Sealed for $one {
            fn add_to(self, pieces: &mut Pieces) {
                one!(@ $member pieces);
                pieces.$member.push(self.into());
            }
        }

        impl SendItems for $one {}
    )+};
    (@ events $pieces:ident) => { $pieces.end_message() };
    (@ message $pieces:ident) => {};
}

one!(message: &str, String, &String, ContentBlock);
one!(events:
    InputEvent,
    SystemMessage,
    UserCustomToolResult,
    UserDefineOutcome,
    UserInterrupt,
    UserMessage,
    UserToolConfirmation,
    UserToolResult,
);

impl<T: SendItems> sealed::Sealed for Vec<T> {
    fn add_to(self, pieces: &mut Pieces) {
        for item in self {
            item.add_to(pieces);
        }
    }
}

impl<T: SendItems> SendItems for Vec<T> {}

impl<T: SendItems, const N: usize> sealed::Sealed for [T; N] {
    fn add_to(self, pieces: &mut Pieces) {
        for item in self {
            item.add_to(pieces);
        }
    }
}

impl<T: SendItems, const N: usize> SendItems for [T; N] {}

macro_rules! mixed {
    ($($item:ident)+) => {
        impl<$($item: SendItems),+> sealed::Sealed for ($($item,)+) {
            #[allow(non_snake_case, reason = "each item is named like its type")]
            fn add_to(self, pieces: &mut Pieces) {
                let ($($item,)+) = self;
                $($item.add_to(pieces);)+
            }
        }

        impl<$($item: SendItems),+> SendItems for ($($item,)+) {}
    };
}

mixed!(A B);
mixed!(A B C);
mixed!(A B C D);
mixed!(A B C D E);
mixed!(A B C D E F);

#[cfg(test)]
mod tests {
    use qoder_types::FileId;

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
        assert_eq!(kinds(String::from("Hello!")), ["user.message"]);
        let text = "Hello!".to_owned();
        assert_eq!(kinds(&text), ["user.message"]);
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

    #[test]
    fn blocks_and_the_texts_beside_them_are_one_message() {
        let image = || ContentBlock::image(FileId::new("file_1"));
        let sizes = |items: Vec<InputEvent>| {
            let size = |event: &InputEvent| match event {
                InputEvent::UserMessage(message) => message.content.clone().into_blocks().len(),
                _ => 0,
            };
            items.iter().map(size).collect::<Vec<_>>()
        };
        assert_eq!(sizes(image().into_events()), [1]);
        assert_eq!(sizes(("Look:", image()).into_events()), [2]);
        assert_eq!(sizes([image(), image()].into_events()), [2]);
        assert_eq!(sizes(vec!["One.".into(), image()].into_events()), [2]);
        assert_eq!(
            sizes((["One.", "Two."], image(), "Three.").into_events()),
            [4]
        );
        assert_eq!(
            sizes(("One.", "Two.", UserInterrupt::new(), "Look:", image()).into_events()),
            [1, 1, 0, 2]
        );
        // A message as a whole is one.
        assert_eq!(
            sizes((UserMessage::new("One."), image()).into_events()),
            [1, 1]
        );
    }
}
