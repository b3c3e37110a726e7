//! What is seen of an answer in the log, and what becomes of one that was sent.

use qoder_types::{ConfirmationResult, Content, Event};

use super::answer::Given;
use super::machine::Delivery;
use crate::error::{Error, ErrorKind};

/// Whether an event in the log is this answer.
pub(super) fn is_this(event: &Event, given: &Given) -> bool {
    match (event, given) {
        (Event::UserCustomToolResult(event), Given::Result(result)) => {
            let content = event.content.clone().map(Content::into_blocks);
            content.unwrap_or_default() == result.content().clone().into_blocks()
                && event.is_error.unwrap_or_default() == result.is_error()
        }
        (Event::UserToolConfirmation(event), Given::Allow) => {
            event.result == Some(ConfirmationResult::Allow)
        }
        (Event::UserToolConfirmation(event), Given::Deny(_)) => {
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
