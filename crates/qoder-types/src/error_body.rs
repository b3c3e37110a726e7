use serde_json::Value;

use crate::Extra;
use crate::wire;

/// The body of a response with an error status, in any of its shapes: the envelope of every
/// generation, an `error` that is a plain text, the gateway's flat `{code, message}`, and what is
/// no JSON at all.
///
/// ```
/// use qoder_types::ErrorBody;
///
/// let body = ErrorBody::parse(br#"{"type":"error","error":{"type":"conflict_error","message":"Version conflict"}}"#);
/// assert_eq!((body.kind(), body.message.as_deref()), (Some("conflict_error"), Some("Version conflict")));
///
/// let flat = ErrorBody::parse(br#"{"code":"TOKEN_INVALID","message":"missing authorization token"}"#);
/// assert_eq!(flat.kind(), Some("TOKEN_INVALID"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The type of the error, such as `invalid_request_error`. `None` in the gateway's flat form.
    pub error_type: Option<String>,
    /// The server's message, for people. `None` if the body doesn't say.
    pub message: Option<String>,
    /// The parameter that is at fault. `None` if the server doesn't name one.
    pub param: Option<String>,
    /// A code. `None` if there is none.
    pub code: Option<String>,
    /// The id of the request. `None` in early generations.
    pub request_id: Option<String>,
    /// The feature that is missing (501 of the first generation).
    pub feature: Option<String>,
    /// The beta identifier that unlocks it (501 of the first generation).
    pub available_from: Option<String>,
    /// The body as text, 64 KiB at most. What is not UTF-8 is replaced.
    pub raw: String,
}

const RAW: usize = 64 << 10;

impl ErrorBody {
    /// Reads a body. It never fails: what is not understood is in [`raw`](Self::raw). A byte order
    /// mark is skipped.
    pub fn parse(body: &[u8]) -> Self {
        let body = wire::unmarked(body);
        let raw = String::from_utf8_lossy(&body[..body.len().min(RAW)]).into_owned();
        let mut this = match wire::read(body) {
            Ok(Value::Object(object)) => Self::from_object(&object),
            _ => Self::default(),
        };
        this.raw = raw;
        this
    }

    fn from_object(object: &Extra) -> Self {
        let text = |object: &Extra, name: &str| match object.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let request_id = text(object, "request_id");
        match object.get("error") {
            Some(Value::Object(error)) => Self {
                error_type: text(error, "type"),
                message: text(error, "message"),
                param: text(error, "param"),
                code: text(error, "code"),
                request_id,
                feature: text(error, "feature"),
                available_from: text(error, "available_from"),
                raw: String::new(),
            },
            Some(Value::String(message)) => Self {
                message: Some(message.clone()),
                code: text(object, "code"),
                request_id,
                ..Self::default()
            },
            _ => Self {
                message: text(object, "message"),
                code: text(object, "code"),
                request_id,
                ..Self::default()
            },
        }
    }

    /// Returns the type of the error, or its code where it has no type.
    pub fn kind(&self) -> Option<&str> {
        self.error_type.as_deref().or(self.code.as_deref())
    }

    /// Returns the message, with the parameter or feature it is about, or else the beginning of the
    /// body, on one line. `None` for an empty body.
    pub fn summary(&self) -> Option<String> {
        let Some(message) = &self.message else {
            let line: String = self.raw.split_whitespace().collect::<Vec<_>>().join(" ");
            let head: String = line.chars().filter(|c| !c.is_control()).take(160).collect();
            return Some(head).filter(|head| !head.is_empty());
        };
        let about = match (&self.param, &self.feature, &self.available_from) {
            (Some(param), ..) => format!(" (parameter {param})"),
            (_, Some(feature), Some(from)) => {
                format!(" (feature {feature}, unlocked by the beta {from})")
            }
            _ => String::new(),
        };
        Some(format!("{message}{about}"))
    }
}
