//! Responses, and why there may be none.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::body::ResponseBody;
use crate::json::{Json, object};
use crate::refusal::Refusal;

/// A body that is sent in place of the one that was asked for.
#[derive(Debug)]
pub(crate) enum Denied {
    /// No response: the connection is closed.
    Silently,
    /// A 401 as a gateway words it.
    Flatly,
    /// There is no such operation.
    Unknown,
    /// An error as the API words it, and `Retry-After`.
    Refused(Refusal, Option<String>),
}

pub(crate) type Answered = Result<Response<ResponseBody>, Denied>;

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

impl Denied {
    /// The response, if there is one. Of the two generations, today's has a request id in it.
    pub(crate) fn response(&self, request_id: Option<&str>) -> Option<Response<ResponseBody>> {
        match self {
            Self::Silently => None,
            Self::Flatly => {
                let message = "missing authorization token";
                let body = object! {"code": "TOKEN_INVALID", "message": message};
                Some(json(401, &body))
            }
            Self::Unknown => {
                let refusal = Refusal::not_found("route");
                Some(json(refusal.status, &refusal.body(request_id)))
            }
            Self::Refused(refusal, retry_after) => {
                let mut response = json(refusal.status, &refusal.body(request_id));
                if let Some(Ok(after)) = retry_after.as_deref().map(HeaderValue::try_from) {
                    response.headers_mut().insert(header::RETRY_AFTER, after);
                }
                Some(response)
            }
        }
    }
}

pub(crate) fn json(status: u16, body: &Json) -> Response<ResponseBody> {
    bytes(status, "application/json", body.to_string())
}

pub(crate) fn bytes(
    status: u16,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::try_from(content_type) {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    response
}

pub(crate) fn html() -> Response<ResponseBody> {
    bytes(
        200,
        "text/html",
        "<!doctype html>\n<html><body>Sign in to continue</body></html>\n",
    )
}

pub(crate) fn no_content() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
