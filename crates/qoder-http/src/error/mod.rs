//! The errors of an HTTP exchange.

mod chain;
mod classify;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

#[cfg(all(feature = "proxy", feature = "__tls"))]
pub(crate) use chain::find;
pub(crate) use chain::innermost;
#[cfg(all(feature = "proxy", feature = "__tls"))]
pub(crate) use classify::tls_kind;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// An error of the transport.
///
/// Its text is one line and says what to do where that helps. It holds no header field, and nothing
/// that a server says with a GOAWAY, so no credential can be in it, nor in what lies below it
/// ([`source`](StdError::source)).
///
/// ```
/// use qoder_http::{ErrorKind, Lane, RequestBody, Sent, Timeouts, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = Transport::builder().build()?;
/// let request = http::Request::get("http://example.com/").body(RequestBody::empty())?;
/// let error = transport.send(request, Lane::Call, Timeouts::default()).await.unwrap_err();
/// assert_eq!((error.kind(), error.sent()), (ErrorKind::Url, Sent::No));
/// assert!(error.to_string().ends_with("use https"));
/// # Ok(()) }
/// ```
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
    /// The URL can't be used: it is not absolute, it holds credentials, or it is plain `http` to a
    /// host that is not loopback.
    Url,
    /// The transport can't be set up or used: no TLS was compiled in, no trust anchors were found, a
    /// proxy's URL is invalid, or there is no tokio runtime.
    Config,
    /// The host name could not be resolved.
    Dns,
    /// No connection could be made: it was refused, or the host can't be reached.
    Connect,
    /// TLS failed: no common version, a handshake that broke off.
    Tls,
    /// A certificate is not accepted: the server's is not trusted, has expired or is for another
    /// host, or the server doesn't accept the client's. Trying again doesn't help.
    Certificate,
    /// The proxy failed: it can't be reached, or it can't reach the host.
    Proxy,
    /// The proxy wants credentials, or doesn't accept those it was given: 407, a 401 to `CONNECT`,
    /// or SOCKS5's own refusal. Trying again doesn't help.
    ProxyAuth,
    /// A limit of time passed ([`Timeouts`](crate::Timeouts)).
    Timeout(Phase),
    /// The peer, or something on the way, closed or reset the connection.
    Reset,
    /// The body ended before it was complete.
    Cut,
    /// The peer breaks the rules of HTTP, or its head is larger than the limit.
    Protocol,
    /// The body is coded in a way that was not asked for ([`Coding`](crate::Coding)).
    Coding,
    /// The body is larger than the limit that the caller set.
    TooLarge,
    /// The body is not the JSON that the caller expects, or a value has no JSON (feature `json`).
    Json,
    /// The request was given up before it was written.
    Canceled,
    /// The body of the request could not be read from its source, or is not as long as was
    /// announced.
    Source,
}

/// The phases of a request that have a limit of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Making the connection: name resolution, TCP, the proxy and TLS together.
    Connect,
    /// Waiting for the head of the response.
    Head,
    /// Reading the body of the response.
    Body,
}

/// Whether a request had left when it failed. The variants are ordered: `No < Maybe < Yes`.
///
/// ```
/// use qoder_http::Sent;
///
/// // Of several attempts, what is known of the call is the most that is known of any of them.
/// let attempts = [Sent::No, Sent::Maybe, Sent::No];
/// assert_eq!(attempts.into_iter().max(), Some(Sent::Maybe));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Nothing of it was sent: it can be repeated, whatever it does.
    No,
    /// It may have arrived and been carried out.
    Maybe,
    /// It arrived: there was a response.
    Yes,
}

impl Error {
    /// Returns the class of the error.
    ///
    /// ```
    /// use qoder_http::{Error, ErrorKind, Phase};
    ///
    /// fn advice(error: &Error) -> &'static str {
    ///     match error.kind() {
    ///         ErrorKind::Certificate => "trust the authority that signs here",
    ///         ErrorKind::Timeout(Phase::Connect) | ErrorKind::Dns => "is there a network?",
    ///         _ => "see the text",
    ///     }
    /// }
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns whether the request had left.
    ///
    /// ```
    /// use qoder_http::{Error, Sent};
    ///
    /// /// Whether a payment may be tried again.
    /// fn certainly_not_done(error: &Error) -> bool {
    ///     error.sent() == Sent::No
    /// }
    /// ```
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
        self.source = Some(source).filter(|source| chain::words_of_goaway(&**source).is_none());
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

/// The connector's own limit has passed.
#[derive(Debug)]
pub(crate) struct ConnectTimeout(pub(crate) Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection for {:?}", self.0)
    }
}

impl StdError for ConnectTimeout {}
