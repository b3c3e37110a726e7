//! The failure of an attempt, for the retry policy and for the caller.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use qoder_http::retry::{AttemptEnding, Class, Decision, decide};
use qoder_http::{ResponseBody, Sent};
use qoder_types::ErrorBody;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind};
use crate::redact::Redact;
use crate::response::request_id;
use crate::shared::Shared;
use crate::text::excerpt;

/// Of a response with an error status, no more than this is read.
const ERROR_BODY: usize = 64 << 10;

/// Nor is it waited for longer: the status is the news.
const ERROR_TIME: Duration = Duration::from_secs(5);

/// Of the type and of the message of an error, so many characters are in ours.
const KIND: usize = 100;
const SUMMARY: usize = 1000;

/// The failure of an attempt: its ending for the retry policy, and the error for the caller if
/// there is no other attempt.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) end: Ending,
    /// The token was refused, and another can be had.
    pub(super) renewable: bool,
}

/// The facts about a failed attempt that the retry policy decides by.
pub(super) enum Ending {
    /// There was no token to send it with, so that nothing was sent. There may soon be one.
    NoToken {
        transient: bool,
    },
    Status(u16, HeaderMap),
    Failed(qoder_http::ErrorKind, Sent),
    BodyBroke,
}

impl Failure {
    pub(super) fn transport(error: qoder_http::Error) -> Self {
        let end = Ending::Failed(error.kind(), error.sent());
        Self {
            error: Error::transport(error),
            end,
            renewable: false,
        }
    }

    pub(super) fn no_token(error: Error) -> Self {
        Self {
            end: Ending::NoToken {
                transient: error.is_transient(),
            },
            error,
            renewable: false,
        }
    }
}

impl Ending {
    /// Whether a call of this class can be made again after it, by the caller.
    pub(super) fn is_retryable(&self, class: Class) -> bool {
        match self {
            Self::NoToken { transient } => *transient && class != Class::Never,
            _ => decide(class, &self.view()) == Decision::Retry,
        }
    }

    pub(super) fn view(&self) -> AttemptEnding<'_> {
        match self {
            Self::Status(status, headers) => AttemptEnding::Status {
                status: *status,
                headers,
            },
            Self::Failed(kind, sent) => AttemptEnding::Failed {
                kind: *kind,
                sent: *sent,
            },
            // Asking for it has its own rules about when to ask again.
            Self::NoToken { .. } => AttemptEnding::Failed {
                kind: qoder_http::ErrorKind::Config,
                sent: Sent::No,
            },
            Self::BodyBroke => AttemptEnding::BodyBroke,
        }
    }
}

/// Returns the body of a response that is no success. It is empty if it breaks, takes too long or
/// is too large: the status stands without it.
pub(crate) async fn words(shared: &Shared, body: ResponseBody) -> Bytes {
    let reading = timeout(ERROR_TIME, body.collect(ERROR_BODY));
    let read = reading.await.ok().and_then(std::result::Result::ok);
    shared.auth().redact_bytes(read.unwrap_or_default())
}

/// The error in a response that is no success.
pub(super) async fn refusal(
    shared: &Shared,
    response: http::Response<ResponseBody>,
    renewable: bool,
) -> Failure {
    let (parts, body) = response.into_parts();
    let said = words(shared, body).await;
    let api = shared.auth().redact_api(ErrorBody::parse(&said));
    let id = request_id(&parts.headers)
        .or(api.request_id.as_deref())
        .map(ToOwned::to_owned);
    let status = parts.status;
    let kind = api.kind().map(|kind| excerpt(kind, KIND));
    let kind = kind.as_deref().or(status.canonical_reason());
    let mut message = format!("{} {}", status.as_u16(), kind.unwrap_or("error"));
    if let Some(text) = api.summary() {
        message.push_str(": ");
        message.push_str(&excerpt(&text, SUMMARY));
    }
    if status.is_redirection() {
        message.push_str("; redirects are not followed, so that the token stays with its host: mend the base URL");
    }
    if is_not_the_api(status, &parts.headers, &said, &api) {
        message.push_str(shared.elsewhere());
    }
    let error = Error::new(ErrorKind::Api, message)
        .with_status(status)
        .with_request_id(id)
        .with_retry_after(qoder_http::retry::retry_after(
            &parts.headers,
            SystemTime::now(),
        ))
        .with_api(api);
    Failure {
        error,
        end: Ending::Status(status.as_u16(), parts.headers),
        renewable,
    }
}

/// Whether this may be the answer of a host without the API, or with another generation of it.
fn is_not_the_api(status: StatusCode, headers: &HeaderMap, said: &[u8], api: &ErrorBody) -> bool {
    let content = |text: &Option<String>| text.as_ref().is_some_and(|t| t.contains("content"));
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => true,
        StatusCode::BAD_REQUEST if content(&api.param) || content(&api.message) => true,
        _ => is_web_page(headers, said),
    }
}

/// Whether a body is a web page, by what its head says or by how it begins.
pub(crate) fn is_web_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("html"))
        || body.trim_ascii_start().starts_with(b"<")
}
