//! The error of a missing token.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use qoder_http::Sent;

use super::provider::CredentialsError;
use crate::error::{Cause, Error, ErrorKind};

/// The reason why there is no token.
#[derive(Debug)]
pub(super) struct NoToken {
    pub(super) message: String,
    pub(super) status: Option<StatusCode>,
    pub(super) request_id: Option<String>,
    /// The time that the server asked to wait, with a 429.
    pub(super) hint: Option<Duration>,
    /// It may be over soon: no connection, 429, 5xx.
    pub(super) transient: bool,
    pub(super) cause: Option<Cause>,
}

impl NoToken {
    /// For good.
    pub(super) fn new(message: String) -> Self {
        Self {
            message,
            status: None,
            request_id: None,
            hint: None,
            transient: false,
            cause: None,
        }
    }

    pub(super) fn custom(error: CredentialsError) -> Self {
        Self {
            transient: !error.denied,
            cause: Some(Cause(Arc::clone(&error.why))),
            ..Self::new(format!("no token from the credentials: {error}"))
        }
    }

    pub(super) fn too_late(limit: Duration) -> Self {
        Self {
            transient: true,
            ..Self::new(format!("no token came within {limit:?}"))
        }
    }

    /// Returns the error of a call; no token is asked for before `wait` is over.
    pub(super) fn error(&self, wait: Duration) -> Error {
        let mut error = Error::new(ErrorKind::Credentials, self.message.clone())
            .with_request_id(self.request_id.clone());
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        if self.transient {
            error = error.with_retry_after(Some(wait));
        }
        if let Some(cause) = &self.cause {
            error = error.with_source(cause.clone());
        }
        // It is the call's, and the call was not sent.
        error
            .with_transient(self.transient)
            .with_retryable(self.transient)
            .with_sent(Sent::No)
    }
}
