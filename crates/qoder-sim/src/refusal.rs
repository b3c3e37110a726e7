//! The errors of the API, as the API words them.

use crate::json::{Json, object};

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    /// 400 for a parameter; for none in particular if its name is empty.
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        let param = Some(param.to_owned()).filter(|param| !param.is_empty());
        Self {
            param,
            ..Self::new(400, "invalid_request_error", message)
        }
    }

    /// 400 for a field that is missing.
    pub(crate) fn missing(field: &str) -> Self {
        Self::invalid(field, format!("Field '{field}' is required."))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "authentication_error", "Invalid API key or token.")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "not_found_error", format!("{what} not found"))
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "conflict_error", message)
    }

    /// Any other, with the `type` that the API gives it.
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            param: None,
        }
    }

    /// Returns the refusal of a status that nothing in particular led to.
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
        Self::new(status, kind, message)
    }

    /// The body; the first generation has no `request_id` in it.
    pub(crate) fn body(&self, request_id: Option<&str>) -> Json {
        let mut error = object! {"type": self.kind, "message": &self.message};
        if let Some(param) = &self.param {
            error.set("param", param);
        }
        let mut body = object! {"type": "error"};
        if let Some(id) = request_id {
            body.set("request_id", id);
        }
        body.set("error", error);
        body
    }
}
