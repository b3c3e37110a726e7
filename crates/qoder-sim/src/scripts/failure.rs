//! Errors that an agent meets.

use crate::json::{Json, object};

/// An error of a turn, for [`Turn::error`](crate::Turn::error).
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) retry: Option<Retry>,
    kind: String,
    message: String,
    code: Option<String>,
    members: Vec<(String, serde_json::Value)>,
}

/// The service's reaction to an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Retrying,
    Exhausted,
    Terminal,
}

impl Failure {
    /// An error after which the service tries again: `retrying`. The session is rescheduled and
    /// runs again, and the script goes on.
    pub fn retrying(message: impl Into<String>) -> Self {
        Self::new(Some(Retry::Retrying), message)
    }

    /// An error that ends the turn: `exhausted`. The turn stops with `retries_exhausted`.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new(Some(Retry::Exhausted), message)
    }

    /// An error that ends the session: `terminal`.
    pub fn terminal(message: impl Into<String>) -> Self {
        Self::new(Some(Retry::Terminal), message)
    }

    /// An error that doesn't say whether it is retried; the script goes on.
    pub fn unclassified(message: impl Into<String>) -> Self {
        Self::new(None, message)
    }

    fn new(retry: Option<Retry>, message: impl Into<String>) -> Self {
        Self {
            retry,
            kind: "model_overloaded_error".to_owned(),
            message: message.into(),
            code: None,
            members: Vec::new(),
        }
    }

    /// Sets the type of the error. Default: `model_overloaded_error`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Sets the service's own code, such as `10605`. Default: none.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets another member of the error, such as `mcp_server_name`.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.members.push((name.into(), value.into()));
        self
    }

    /// The event that tells of it.
    pub(crate) fn event(self) -> Json {
        let mut error = object! {"type": self.kind, "message": self.message};
        if let Some(code) = self.code {
            error.set("qoder_error_code", code);
        }
        if let Some(retry) = self.retry {
            let retry = match retry {
                Retry::Retrying => "retrying",
                Retry::Exhausted => "exhausted",
                Retry::Terminal => "terminal",
            };
            error.set("retry_status", object! {"type": retry});
        }
        for (name, value) in self.members {
            error.set(&name, value);
        }
        object! {"type": "session.error", "error": error}
    }
}
