//! Answers to tool uses: their traces in the log, and the fate of those that were sent.

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

/// Returns the delivery of an answer whose call failed.
pub(super) fn delivery(error: &Error) -> Delivery {
    let refused =
        error.is_refusal() || matches!(error.kind(), ErrorKind::Input | ErrorKind::Config);
    let why = error.to_string();
    if refused {
        Delivery::Refused(why)
    } else {
        Delivery::Unknown(why, error.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_sent_again() {
        for (status, refused) in [
            (302, true),
            (400, true),
            (401, true),
            (404, true),
            (408, false),
            (409, true),
            (425, false),
            (429, false),
            (500, false),
            (501, true),
            (503, false),
            (529, false),
        ] {
            let code = http::StatusCode::from_u16(status).expect("a status");
            let error = Error::new(ErrorKind::Api, "no").with_status(code);
            let delivery = delivery(&error);
            assert_eq!(
                matches!(delivery, Delivery::Refused(_)),
                refused,
                "{status}"
            );
        }
        for (kind, refused) in [
            (ErrorKind::Input, true),
            (ErrorKind::Config, true),
            (ErrorKind::Connect, false),
            (ErrorKind::Decode, false),
        ] {
            let error = Error::new(kind, "no").with_status(http::StatusCode::OK);
            let delivery = delivery(&error);
            assert_eq!(
                matches!(delivery, Delivery::Refused(_)),
                refused,
                "{kind:?}"
            );
        }
    }
}
