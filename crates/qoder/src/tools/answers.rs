//! Answers on the wire: what is sent, what is seen of it in the log, and what became of it.

use qoder_types::{
    ConfirmationResult, Content, ContentBlock, Event, EventId, InputEvent, UserCustomToolResult,
    UserToolConfirmation,
};

use super::machine::{Answer, Delivery};
use crate::error::{Error, ErrorKind};

/// The event that answers.
pub(super) fn input(id: &EventId, answer: Answer) -> InputEvent {
    match answer {
        Answer::Result(result) => {
            let content: Vec<ContentBlock> = result.content().to_vec();
            let event = UserCustomToolResult::new(id, content);
            if result.is_error() {
                event.is_error(true).into()
            } else {
                event.into()
            }
        }
        Answer::Allow => UserToolConfirmation::allow(id).into(),
        Answer::Deny(why) => UserToolConfirmation::deny(id).deny_message(why).into(),
    }
}

/// Whether an event in the log is this answer.
pub(super) fn is_this(event: &Event, answer: &Answer) -> bool {
    match (event, answer) {
        (Event::UserCustomToolResult(event), Answer::Result(result)) => {
            let content = event.content.clone().map(Content::into_blocks);
            content.unwrap_or_default() == result.content()
                && event.is_error.unwrap_or_default() == result.is_error()
        }
        (Event::UserToolConfirmation(event), Answer::Allow) => {
            event.result == Some(ConfirmationResult::Allow)
        }
        (Event::UserToolConfirmation(event), Answer::Deny(_)) => {
            event.result == Some(ConfirmationResult::Deny)
        }
        _ => false,
    }
}

/// What becomes of an answer whose call failed.
pub(super) fn delivery(error: &Error) -> Delivery {
    let refused = match error.status() {
        Some(status) => status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429),
        None => matches!(error.kind(), ErrorKind::Input | ErrorKind::Config),
    };
    let why = error.to_string();
    if refused {
        Delivery::Refused(why)
    } else {
        Delivery::Unknown(why, error.retry_after())
    }
}
