//! The meaning of the errors of hyper, h2 and rustls.

use std::error::Error as StdError;

use http::Uri;

use super::chain::{chain, find, innermost};
use super::{BoxError, ConnectTimeout, Error, ErrorKind, Phase, Sent};
use crate::url::host_and_port;

impl Error {
    /// From an error of the pooled client, before a response head.
    pub(crate) fn from_client(error: hyper_util::client::legacy::Error, to: &Uri) -> Self {
        if error.is_connect() {
            Self::not_connected(error.into(), to)
        } else {
            Self::no_response(error, to)
        }
    }

    /// From an error of connecting.
    pub(crate) fn not_connected(error: BoxError, to: &Uri) -> Self {
        let place = host_and_port(to);
        if let Some(limit) = find::<ConnectTimeout>(&*error) {
            let message = format!("timeout: no connection to {place} for {:?}", limit.0);
            return Self::new(ErrorKind::Timeout(Phase::Connect), Sent::No, message)
                .with_source(error);
        }
        if let Some(own) = find::<Error>(&*error) {
            return Self::new(own.kind, Sent::No, own.message.clone()).with_source(error);
        }
        let cause = innermost(&*error);
        #[cfg(feature = "__tls")]
        if let Some(tls) = find::<rustls::Error>(&*error) {
            let hint = if tls == &unknown_issuer() {
                " (if a proxy or a private authority signs here, trust it with `Tls::builder().add_root_pem(..)`)"
            } else {
                ""
            };
            let message = format!("TLS with {place} failed: {cause}{hint}");
            return Self::new(tls_kind(tls), Sent::No, message).with_source(error);
        }
        let message = format!("no connection to {place}: {cause}");
        Self::new(ErrorKind::Connect, Sent::No, message).with_source(error)
    }

    /// From an error after connecting, before there is the head of a response.
    pub(crate) fn no_response(error: impl StdError + Send + Sync + 'static, to: &Uri) -> Self {
        // In TLS 1.3 a server looks at the client's certificate when the client thinks all is done.
        let alert = chain(&error)
            .map(ToString::to_string)
            .find(|cause| cause.starts_with("received fatal alert"));
        if let Some(alert) = alert {
            let message = format!(
                "TLS with {} failed: {alert} (it may want a client certificate, or another one)",
                host_and_port(to)
            );
            let kind = if of_a_certificate(&alert) {
                ErrorKind::Certificate
            } else {
                ErrorKind::Tls
            };
            return Self::new(kind, Sent::Maybe, message).with_source(error);
        }
        let (kind, sent) = match find::<hyper::Error>(&error) {
            Some(below) if below.is_canceled() => (ErrorKind::Canceled, Sent::No),
            #[cfg(feature = "http2")]
            Some(below) if find::<h2::Error>(below).is_some_and(unprocessed) => {
                (ErrorKind::Reset, Sent::No)
            }
            #[cfg(feature = "http2")]
            Some(below) if find::<h2::Error>(below).is_some_and(h2::Error::is_library) => {
                (ErrorKind::Protocol, Sent::Maybe)
            }
            Some(below) if below.is_parse() || below.is_parse_status() => {
                (ErrorKind::Protocol, Sent::Maybe)
            }
            _ => (ErrorKind::Reset, Sent::Maybe),
        };
        let what = match kind {
            ErrorKind::Protocol => "the peer doesn't speak HTTP",
            ErrorKind::Canceled => "the connection closed before the request was sent",
            _ => "the connection broke before there was a response",
        };
        let hint = limit_of_heads(&error);
        let message = format!("{what}: {}{hint}", innermost(&error));
        Self::new(kind, sent, message).with_source(error)
    }

    /// From an error within the body of a response.
    pub(crate) fn from_body(error: impl StdError + Send + Sync + 'static) -> Self {
        let of_hyper = |is: fn(&hyper::Error) -> bool| find(&error).is_some_and(is);
        let cut = of_hyper(hyper::Error::is_incomplete_message)
            || find::<std::io::Error>(&error)
                .is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof);
        let (kind, what) = if cut {
            (ErrorKind::Cut, "the body of the response ended too early")
        } else if of_hyper(hyper::Error::is_parse) || breaks_rules(&error) || is_misframed(&error) {
            (ErrorKind::Protocol, "the body of the response is not HTTP")
        } else {
            (
                ErrorKind::Reset,
                "the connection broke in the body of the response",
            )
        };
        let message = format!("{what}: {}", innermost(&error));
        Self::new(kind, Sent::Yes, message).with_source(error)
    }
}

/// Whether the peer says that it did nothing for the request (RFC 9113, section 8.7).
#[cfg(feature = "http2")]
fn unprocessed(error: &h2::Error) -> bool {
    error.is_remote()
        && (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
}

/// Whether the chunks of a body are none, which is said by kinds of error that sockets don't have.
/// TLS does.
fn is_misframed(error: &(dyn StdError + 'static)) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput};
    #[cfg(feature = "__tls")]
    if find::<rustls::Error>(error).is_some() {
        return false;
    }
    find::<std::io::Error>(error)
        .is_some_and(|error| matches!(error.kind(), InvalidData | InvalidInput))
}

/// Names the settings, if a head was larger than they allow.
fn limit_of_heads(error: &(dyn StdError + 'static)) -> &'static str {
    // hyper tells it by its text alone, and h2 not from other errors.
    if chain(error).any(|cause| cause.to_string() == "message head is too large") {
        return " (`max_headers` and `max_head_bytes` of the transport's builder allow more)";
    }
    #[cfg(feature = "http2")]
    if find(error).is_some_and(|error: &h2::Error| error.is_library() && error.is_reset()) {
        return " (if its head is too large, `max_head_bytes` of the transport's builder allows more)";
    }
    ""
}

/// Whether the peer broke the rules of HTTP/2, which its parser found.
fn breaks_rules(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(feature = "http2")]
    return find::<h2::Error>(error).is_some_and(h2::Error::is_library);
    #[cfg(not(feature = "http2"))]
    {
        let _ = error;
        false
    }
}

/// Returns the kind of a TLS error. Certificates have a kind of their own: one that was refused
/// will be refused again.
#[cfg(feature = "__tls")]
pub(crate) fn tls_kind(error: &rustls::Error) -> ErrorKind {
    let certificate = match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => true,
        rustls::Error::AlertReceived(alert) => of_a_certificate(&format!("{alert:?}")),
        _ => false,
    };
    if certificate {
        ErrorKind::Certificate
    } else {
        ErrorKind::Tls
    }
}

/// Whether a peer's alert says that it doesn't accept our certificate, or wants one.
fn of_a_certificate(alert: &str) -> bool {
    ["Certificate", "UnknownCA", "AccessDenied"]
        .iter()
        .any(|name| alert.contains(name))
}

#[cfg(feature = "__tls")]
fn unknown_issuer() -> rustls::Error {
    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)
}
