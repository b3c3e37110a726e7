//! What can go wrong between two ends of a connection.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// An error of the transport.
///
/// Its text is one line and says what to do where that helps. It holds no header, and nothing that
/// a server says with a GOAWAY, so no credential can be in it, nor in what lies below it.
pub struct Error {
    kind: ErrorKind,
    sent: Sent,
    message: String,
    source: Option<BoxError>,
}

/// The classes of transport errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL won't do: it is not absolute, it holds credentials, or it is plain `http` to a host
    /// that is not loopback.
    Url,
    /// The transport can't be set up: no TLS was compiled in, or no trust anchors were found.
    Config,
    /// The host name could not be resolved.
    Dns,
    /// No connection could be made: refused, unreachable.
    Connect,
    /// TLS failed: no common version, a handshake that broke off.
    Tls,
    /// A certificate doesn't do: the server's is not trusted, has expired or is for another host,
    /// or the server doesn't accept ours. Trying again doesn't help.
    Certificate,
    /// The proxy failed: it can't be reached, or doesn't reach the host.
    Proxy,
    /// The proxy wants credentials, or doesn't accept those it was given: 407, a 401 to `CONNECT`,
    /// or SOCKS5's own refusal. Trying again doesn't help.
    ProxyAuth,
    /// A limit of time passed.
    Timeout(Phase),
    /// The peer, or something on the way, closed or reset the connection.
    Reset,
    /// The body ended before it was complete.
    Cut,
    /// The peer doesn't speak HTTP as it should.
    Protocol,
    /// The body is coded in a way that was not asked for ([`Coding`](crate::Coding)).
    Coding,
    /// The body is larger than the limit.
    TooLarge,
    /// The request was given up before it was written.
    Canceled,
    /// The body of the request could not be read from where it comes from, or is not as long as
    /// was said.
    Source,
}

/// The phases of a request that have a limit of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Name resolution, TCP, the proxy and TLS together.
    Connect,
    /// From the request to the head of its response.
    Head,
    /// Silence within the body of the response.
    Body,
}

/// Whether a request left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Nothing of it was sent: it can be repeated, whatever it does.
    No,
    /// It may have arrived and been done.
    Maybe,
    /// It arrived: there was a response.
    Yes,
}

impl Error {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the request had left.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    pub(crate) fn new(kind: ErrorKind, sent: Sent, message: impl Into<String>) -> Self {
        Self {
            kind,
            sent,
            message: message.into(),
            source: None,
        }
    }

    /// With what lies below, unless a server's own words are part of it: they may be anything.
    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        self.source = Some(source).filter(|source| words_of_goaway(&**source).is_none());
        self
    }

    /// The limit for the head has passed. `sent` tells whether there was a connection.
    pub(crate) fn no_head(limit: Duration, sent: Sent) -> Self {
        let message = match sent {
            Sent::No => {
                format!("timeout: no connection within the limit for the response, {limit:?}")
            }
            _ => format!("timeout: no response for {limit:?}"),
        };
        Self::new(ErrorKind::Timeout(Phase::Head), sent, message)
    }

    /// The peer was silent for too long within a body.
    pub(crate) fn silence(limit: Duration) -> Self {
        let message = format!("timeout: silence in the body of the response for {limit:?}");
        Self::new(ErrorKind::Timeout(Phase::Body), Sent::Yes, message)
    }

    /// From an error of the pooled client, before a response head.
    pub(crate) fn from_client(error: hyper_util::client::legacy::Error, to: &Uri) -> Self {
        let place = place(to);
        if let Some(limit) = find::<ConnectTimeout>(&error) {
            let message = format!("timeout: no connection to {place} for {:?}", limit.0);
            return Self::new(ErrorKind::Timeout(Phase::Connect), Sent::No, message)
                .with_source(error);
        }
        if error.is_connect() {
            if let Some(own) = find::<Error>(&error) {
                return Self::new(own.kind, Sent::No, own.message.clone()).with_source(error);
            }
            let cause = innermost(&error);
            #[cfg(feature = "__tls")]
            if let Some(tls) = find::<rustls::Error>(&error) {
                let hint = if tls == &unknown_issuer() {
                    " (if a proxy or a private authority signs here, trust it with `Tls::builder().add_root_pem(..)`)"
                } else {
                    ""
                };
                let message = format!("TLS with {place} failed: {cause}{hint}");
                return Self::new(tls_kind(tls), Sent::No, message).with_source(error);
            }
            let message = format!("no connection to {place}: {cause}");
            return Self::new(ErrorKind::Connect, Sent::No, message).with_source(error);
        }
        // In TLS 1.3 a server looks at the client's certificate when the client thinks all is done.
        let alert = chain(&error)
            .map(ToString::to_string)
            .find(|cause| cause.starts_with("received fatal alert"));
        if let Some(alert) = alert {
            let message = format!(
                "TLS with {place} failed: {alert} (it may want a client certificate, or another one)"
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

    /// From the stream that the body of a request comes from.
    pub(crate) fn from_source(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) if own.kind == ErrorKind::Source => *own,
            Ok(own) => Self::source_of_body(&own.message).with_source(own),
            Err(error) => Self::source_of_body(&innermost(&*error)).with_source(error),
        }
    }

    pub(crate) fn source_of_body(why: &str) -> Self {
        let message = format!("the body of the request could not be sent: {why}");
        Self::new(ErrorKind::Source, Sent::Maybe, message)
    }

    /// From a service that stands in hyper's place. An error of this type is taken as it is; of
    /// any other nothing is known, not even whether the request was sent.
    pub(crate) fn from_service(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(error) => {
                let message = format!("no response: {}", innermost(&*error));
                Self::new(ErrorKind::Reset, Sent::Maybe, message).with_source(error)
            }
        }
    }

    /// From a body of such a service.
    pub(crate) fn from_other_body(error: BoxError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return *own,
            Err(error) => error,
        };
        match error.downcast::<hyper::Error>() {
            Ok(error) => Self::from_body(*error),
            Err(error) => {
                let message = format!("the body of the response broke off: {}", innermost(&*error));
                Self::new(ErrorKind::Cut, Sent::Yes, message).with_source(error)
            }
        }
    }

    /// From an error within the body of a response.
    pub(crate) fn from_body(error: hyper::Error) -> Self {
        let cut = error.is_incomplete_message()
            || find::<std::io::Error>(&error)
                .is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof);
        let (kind, what) = if cut {
            (ErrorKind::Cut, "the body of the response ended too early")
        } else if error.is_parse() || breaks_rules(&error) || is_misframed(&error) {
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

/// Whether the chunks of a body are none, which hyper says by kinds of error that sockets don't have.
/// TLS does.
fn is_misframed(error: &hyper::Error) -> bool {
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
fn breaks_rules(error: &hyper::Error) -> bool {
    #[cfg(feature = "http2")]
    return find::<h2::Error>(error).is_some_and(h2::Error::is_library);
    #[cfg(not(feature = "http2"))]
    {
        let _ = error;
        false
    }
}

/// The host and port of a URL.
pub(crate) fn place(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}

/// The port of a URL, or else of its scheme.
pub(crate) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or_else(|| {
        if uri.scheme() == Some(&Scheme::HTTP) {
            80
        } else {
            443
        }
    })
}

/// What failed of TLS: a certificate is as bad the next time.
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

/// The connector's own limit has passed.
#[derive(Debug)]
pub(crate) struct ConnectTimeout(pub(crate) Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection for {:?}", self.0)
    }
}

impl StdError for ConnectTimeout {}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    // An I/O error hides what it carries from `source`.
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

pub(crate) fn find<'e, E: StdError + 'static>(
    error: &'e (dyn StdError + 'static),
) -> Option<&'e E> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// The text of the cause of all.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    if let Some(reason) = words_of_goaway(error) {
        return format!("the server ended the connection (GOAWAY): {reason}");
    }
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The reason of a GOAWAY, if the server sent one and may have said more with it.
fn words_of_goaway(error: &(dyn StdError + 'static)) -> Option<String> {
    #[cfg(feature = "http2")]
    {
        let error: &h2::Error = find(error)?;
        let said = error.is_go_away() && error.is_remote();
        error
            .reason()
            .filter(|_| said)
            .map(|reason| reason.to_string())
    }
    #[cfg(not(feature = "http2"))]
    {
        let _ = error;
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("sent", &self.sent)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
