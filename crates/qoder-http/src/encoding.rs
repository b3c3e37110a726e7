//! Content codings (RFC 9110, section 8.4): what is asked for, what is decoded, and what is refused.

#[cfg(feature = "gzip")]
use http::header::CONTENT_LENGTH;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, RANGE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::body::ResponseBody;
use crate::error::{Error, ErrorKind, Sent};
use crate::lane::Lane;
use crate::request::RequestBody;

/// The handling of the coding of a response's body (`Content-Encoding`; RFC 9110, section 8.4). It
/// is set among the extensions of a request.
///
/// ```
/// use qoder_http::{Coding, RequestBody};
///
/// # fn main() -> Result<(), http::Error> {
/// let request = http::Request::get("https://storage.example/archive")
///     .extension(Coding::AsSent)
///     .body(RequestBody::empty())?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// A body in gzip is decoded, and `Content-Encoding` and `Content-Length` are removed from the
    /// response. A success in another coding, or in gzip that was not asked for, is an
    /// [`ErrorKind::Coding`] that names the coding, unless the request's own `Accept-Encoding` allows
    /// it: then the body is left as it was sent. The body of an error is never refused.
    #[default]
    Decoded,
    /// Every body is left as it was sent, with its header fields: for stored bytes, of which a part
    /// may be asked for (`Range`). The request asks for `identity` unless it has an
    /// `Accept-Encoding` of its own.
    AsSent,
}

/// The codings that are registered, by the names that count. Others are taken for slips, as of
/// `utf-8` or `none`.
const KNOWN: [(&str, &str); 9] = [
    ("gzip", "gzip"),
    ("x-gzip", "gzip"),
    ("br", "br"),
    ("zstd", "zstd"),
    ("deflate", "deflate"),
    ("compress", "compress"),
    ("x-compress", "compress"),
    ("dcb", "dcb"),
    ("dcz", "dcz"),
];

/// The coding that a request asks for, kept until its response has arrived: made with
/// [`offer`](Self::offer) or [`of_service`](Self::of_service) before the request is sent, and used
/// once, with [`apply`](Self::apply).
pub(crate) struct Negotiation {
    coding: Coding,
    has_body: bool,
    /// Whether gzip is decoded.
    #[cfg_attr(
        not(feature = "gzip"),
        allow(dead_code, reason = "there is no decoder")
    )]
    gzip: bool,
    /// The first `Accept-Encoding`, and, where there are more, those after it.
    accepted: (Option<HeaderValue>, Vec<HeaderValue>),
}

impl Negotiation {
    /// Sets the `Accept-Encoding` of a request, unless the caller has set one. Streams are better
    /// off as they are: a compressor holds events back. So are ranges, which would be ranges of the
    /// compressed bytes.
    pub(crate) fn offer(request: &mut Request<RequestBody>, lane: Lane, gzip: bool) -> Self {
        let coding = coding(request);
        if gzip {
            let whole = lane == Lane::Call && !request.headers().contains_key(RANGE);
            let accepted = if whole && coding == Coding::Decoded {
                "gzip"
            } else {
                "identity"
            };
            request
                .headers_mut()
                .entry(ACCEPT_ENCODING)
                .or_insert(HeaderValue::from_static(accepted));
        }
        Self {
            coding,
            has_body: request.method() != Method::HEAD,
            gzip,
            accepted: accepted(request),
        }
    }

    /// Takes it that a service may ask for gzip by itself, and leave it to be decoded here.
    pub(crate) fn of_service(request: &Request<RequestBody>, gzip: bool) -> Self {
        let mut accepted = accepted(request);
        if gzip {
            accepted.0.get_or_insert(HeaderValue::from_static("gzip"));
        }
        Self {
            coding: coding(request),
            has_body: request.method() != Method::HEAD,
            gzip,
            accepted,
        }
    }

    /// Returns the response, whose body is decoded as it is read if it is compressed, or an error if
    /// nobody could read it. What an error of the server says counts less than that it is one.
    pub(crate) fn apply(
        &self,
        response: Response<ResponseBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let status = response.status();
        let no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if self.coding == Coding::AsSent || !self.has_body || no_body {
            return Ok(response);
        }
        let coded = codings(response.headers());
        if status.is_success() && !coded.iter().all(|coding| self.accepts(coding)) {
            let message = format!(
                "the response is coded with {}, which was not asked for: the server, or a proxy on the way, overlooks Accept-Encoding",
                coded.join(", ")
            );
            return Err(Error::new(ErrorKind::Coding, Sent::Yes, message));
        }
        #[cfg(feature = "gzip")]
        if self.gzip && coded == ["gzip"] && status != StatusCode::PARTIAL_CONTENT {
            return Ok(decoded(response));
        }
        Ok(response)
    }

    /// Returns whether the request allows a coding (RFC 9110, section 12.5.3).
    fn accepts(&self, coding: &str) -> bool {
        let mut any = false;
        let (first, others) = &self.accepted;
        for item in items(first.iter().chain(others)) {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
            let allowed = weight != Some(Ok(0.0));
            match name.trim() {
                "*" => any = allowed,
                name if canonical(name) == Some(coding) => return allowed,
                _ => {}
            }
        }
        any
    }
}

/// Lets the body be read decoded, and takes away the headers that are then no longer true.
#[cfg(feature = "gzip")]
fn decoded(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.headers_mut().remove(CONTENT_ENCODING);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.body_mut().set_gzip();
    response
}

fn coding(request: &Request<RequestBody>) -> Coding {
    request.extensions().get().copied().unwrap_or_default()
}

fn accepted(request: &Request<RequestBody>) -> (Option<HeaderValue>, Vec<HeaderValue>) {
    let mut values = request.headers().get_all(ACCEPT_ENCODING).iter().cloned();
    (values.next(), values.collect())
}

/// The known codings of a response, the outermost last.
fn codings(headers: &HeaderMap) -> Vec<&'static str> {
    let values = headers.get_all(CONTENT_ENCODING);
    items(values.iter()).filter_map(canonical).collect()
}

fn canonical(name: &str) -> Option<&'static str> {
    let known = |(known, _): &&(&str, &str)| known.eq_ignore_ascii_case(name);
    KNOWN.iter().find(known).map(|(_, canonical)| *canonical)
}

/// The items of a list that may stand in several fields.
fn items<'v>(values: impl Iterator<Item = &'v HeaderValue>) -> impl Iterator<Item = &'v str> {
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_say_what_is_accepted() {
        for (accepted, gzip, br) in [
            ("gzip", true, false),
            ("x-gzip", true, false),
            ("GZIP;q=0.5, br ; q=1", true, true),
            ("identity", false, false),
            ("", false, false),
            ("*", true, true),
            ("gzip;q=0, *", false, true),
            ("*;q=0.5, br;q=0.000", true, false),
            ("*;q=0", false, false),
        ] {
            let mut request = Request::new(RequestBody::empty());
            let value = HeaderValue::from_static(accepted);
            request.headers_mut().insert(ACCEPT_ENCODING, value);
            let negotiation = Negotiation::offer(&mut request, Lane::Call, true);
            let accepts = (negotiation.accepts("gzip"), negotiation.accepts("br"));
            assert_eq!(accepts, (gzip, br), "{accepted}");
        }
    }

    #[test]
    fn every_field_says_what_is_accepted() {
        let mut request = Request::new(RequestBody::empty());
        for accepted in ["br", "gzip"] {
            let value = HeaderValue::from_static(accepted);
            request.headers_mut().append(ACCEPT_ENCODING, value);
        }
        let negotiation = Negotiation::offer(&mut request, Lane::Call, true);
        assert!(negotiation.accepts("br") && negotiation.accepts("gzip"));
    }
}
