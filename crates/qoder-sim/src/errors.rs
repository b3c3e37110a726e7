//! The errors of the API, as the API words them.

use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        let param = Some(param.to_owned()).filter(|param| !param.is_empty());
        Self {
            status: 400,
            kind: "invalid_request_error",
            message: message.into(),
            param,
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::plain(401, "authentication_error", "Invalid API key or token.")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::plain(404, "not_found_error", &format!("{what} not found"))
    }

    pub(crate) fn conflict(message: &str) -> Self {
        Self::plain(409, "conflict_error", message)
    }

    pub(crate) fn plain(status: u16, kind: &'static str, message: &str) -> Self {
        Self {
            status,
            kind,
            message: message.to_owned(),
            param: None,
        }
    }

    /// What goes with a status that nothing in particular led to.
    pub(crate) fn of_status(status: u16) -> Self {
        let (kind, message) = match status {
            400 => ("invalid_request_error", "Bad request."),
            401 => ("authentication_error", "Invalid API key or token."),
            403 => ("permission_error", "No access to this resource."),
            404 => ("not_found_error", "Not found."),
            409 => ("conflict_error", "Conflict."),
            413 => ("request_too_large", "Request body is too large."),
            429 => ("rate_limit_error", "Too many requests."),
            501 | 503 => ("feature_not_available", "Not available now."),
            529 => ("overloaded_error", "Overloaded."),
            500.. => ("api_error", "Internal error."),
            _ => ("invalid_request_error", "Request refused."),
        };
        Self::plain(status, kind, message)
    }

    /// The body; the first generation has no `request_id` in it.
    pub(crate) fn body(&self, request_id: Option<&str>) -> Value {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        let mut body = json!({"type": "error", "error": error});
        if let Some(id) = request_id {
            body["request_id"] = json!(id);
        }
        body
    }
}

/// What an operation answers.
pub(crate) type Answer = Result<Value, Refusal>;
