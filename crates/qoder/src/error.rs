//! One error type, whose methods answer what callers ask.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use qoder_http::Sent;
use qoder_types::ErrorBody;

use crate::auth::{Auth, Cause};
pub(crate) use crate::text::head_of;
use crate::text::{one_line, shortened};

/// A message is no longer than this, in characters.
const MESSAGE: usize = 2000;

/// An id of a request is no longer than this, in characters. Those of the service are UUIDs.
const REQUEST_ID: usize = 128;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and what is known about it.
///
/// The text is one line that says it all; [`source`](StdError::source) holds the cause below it,
/// where there is one. No token, no presigned link and no request body is ever part of it. What a
/// server said is shortened in it, and its control characters are replaced; [`api`](Self::api) has
/// it whole.
///
/// ```
/// # fn handle(result: qoder::Result<()>) {
/// match result {
///     Ok(()) => {}
///     Err(e) if e.is_conflict() => println!("somebody was faster, or the session is running: {e}"),
///     Err(e) if e.is_auth() => println!("check QODER_PAT: {e}"),
///     Err(e) if e.sent() == qoder::Sent::No => println!("nothing reached the server: {e}"),
///     Err(e) => println!("{e} (request {:?})", e.request_id()),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    status: Option<StatusCode>,
    api: Option<ErrorBody>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    attempts: u32,
    sent: Sent,
    idempotency_key: Option<String>,
    /// What failed may work soon.
    passing: bool,
    /// What the table of retries says of it, where it was asked.
    retryable: Option<bool>,
    checkpoint: Option<String>,
    body: Bytes,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client could not be built, or not be used as it was: a missing or malformed token, a
    /// base URL that won't do, no TLS, a certificate that is not trusted, no tokio runtime, a proxy
    /// that wants other credentials. Nothing was done; mend the configuration.
    Config,
    /// There is no token to send the call with: the exchange of a service account's key failed or
    /// was refused, or the program's own [`Credentials`](crate::Credentials) gave none. The
    /// request was not sent with it. [`Error::status`] and [`Error::request_id`] are those of the
    /// exchange. What may be over soon [is retryable](Error::is_retryable), after
    /// [`Error::retry_after`]; until then no call asks again.
    Credentials,
    /// The call could not be put into a request: an id that is empty, a body that is no JSON.
    /// Nothing was sent; mend the arguments.
    Input,
    /// The server could not be reached: name resolution, connecting, a proxy or TLS failed. Nothing
    /// was sent in this attempt; [`Error::sent`] tells of all of them.
    Connect,
    /// A deadline passed; [`Error::sent`] tells whether the request had left.
    Timeout,
    /// The connection broke after the request had, or might have, left.
    Network,
    /// The server answered with an error status; see [`Error::status`] and [`Error::api`].
    Api,
    /// The server answered with success, and with something that is not what it promised: HTML,
    /// nothing at all, half a document. [`Error::body`] has its beginning.
    Decode,
    /// The response is larger than the limit of the client.
    TooLarge,
    /// What is on this side failed: a file or stream could not be read, or was not as long as was
    /// said, or a file could not be written.
    File,
    /// A list that had to have an item has none.
    Empty,
    /// A list contradicts itself: it promises more and gives no cursor, or gives one twice.
    Pagination,
    /// An event stream could not be opened, or could not be kept without losing events. When it
    /// had delivered anything, [`Error::checkpoint`] says where to go on.
    Stream,
    /// A turn did not come to its end: the session was terminated or deleted, or the agent waits
    /// for an answer that nobody gives.
    Turn,
}

impl ErrorKind {
    /// The class as one word, for logs and the labels of metrics: `connect`, `too_large`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Input => "input",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Api => "api",
            Self::Decode => "decode",
            Self::TooLarge => "too_large",
            Self::File => "file",
            Self::Empty => "empty",
            Self::Pagination => "pagination",
            Self::Stream => "stream",
            Self::Turn => "turn",
        }
    }
}

impl Error {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, such as `sessions.events.send`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The status of the last response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The server's own words, if it answered with an error.
    pub fn api(&self) -> Option<&ErrorBody> {
        self.0.api.as_ref()
    }

    /// The server's id of the request, for the vendor's support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the server asked to wait, if it did. It is here too when the wait was longer than
    /// the client's limit, which is why the call was not repeated.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many requests were made for the call: 0 if none was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the request left, in any of its attempts: a write that was [`Sent::Maybe`] may have
    /// been done.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// Where a stream stood: the checkpoint to continue from, if any event had been delivered.
    pub fn checkpoint(&self) -> Option<&str> {
        self.0.checkpoint.as_deref()
    }

    /// The beginning of the body of the response that was not understood, 64 KiB at most.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// A deadline passed: connect, response head, silence in a body, or the whole call.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// The token is missing, invalid or expired (401), or may not do this (403), or there is none
    /// and won't be.
    pub fn is_auth(&self) -> bool {
        matches!(self.code(), Some(401 | 403))
            || self.kind() == ErrorKind::Credentials && !self.0.passing
    }

    /// The gateway asks for fewer requests (429). The client has already retried; slow down.
    pub fn is_rate_limited(&self) -> bool {
        self.code() == Some(429)
    }

    /// The state on the server forbids it (409): a stale agent version, a message while the
    /// session runs, an idempotency key used for another body. Read the state, then decide.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409) && self.is_answer()
    }

    /// There is no such resource (404), or none that this token can see.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404) && self.is_answer()
    }

    /// Whether the same call may succeed later and can be repeated without doing something
    /// twice. The client has used up its own retries by then, or had no time left for them.
    ///
    /// It is what the [table of retries](crate::transport::retry) says of the operation. A read
    /// can be repeated whenever the failure may pass: no connection, a connection that broke, 408,
    /// 429, 5xx. So can a write with an idempotency key, under the same key, which is in
    /// [`idempotency_key`](Self::idempotency_key): under another one it would be done twice. A write
    /// without a key can be repeated if nothing of it was sent, or after a 429. What a server asks
    /// to wait is in [`retry_after`](Self::retry_after).
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client, agent: qoder::types::AgentCreate) -> qoder::Result<()> {
    /// let mut created = client.agents().create(agent.clone()).await;
    /// while let Err(error) = &created {
    ///     if !error.is_retryable() {
    ///         break;
    ///     }
    ///     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    ///     let again = client.agents().create(agent.clone());
    ///     created = match error.idempotency_key() {
    ///         Some(key) => again.options(|o| o.idempotency_key(key)).await,
    ///         None => again.await,
    ///     };
    /// }
    /// # Ok(()) }
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.0.retryable.unwrap_or_else(|| {
            let never_arrived = self.sent() == Sent::No;
            let passes = matches!(
                self.kind(),
                ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Network
            );
            never_arrived && passes
        })
    }

    /// The key that a write was sent with, given or made by the client: whoever repeats the call
    /// with it does nothing twice. `None` for reads, and for writes without a key.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// Whether the status is that of the call, and not of what came before it.
    pub(crate) fn is_answer(&self) -> bool {
        self.kind() != ErrorKind::Credentials
    }

    fn code(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }
}

/// How the crate makes errors.
impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: one_line(&message.into()).into_owned(),
            operation: None,
            status: None,
            api: None,
            request_id: None,
            retry_after: None,
            attempts: 0,
            sent: Sent::No,
            idempotency_key: None,
            passing: false,
            retryable: None,
            checkpoint: None,
            body: Bytes::new(),
            source: None,
        }))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// Timers and sockets are tokio's.
    pub(crate) fn no_runtime() -> Self {
        Self::config("no tokio runtime here: a client is to be used in one, see `#[tokio::main]`")
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// An error of the transport, in this crate's classes.
    pub(crate) fn transport(error: qoder_http::Error) -> Self {
        Self::new(Self::transport_kind(&error), error.to_string())
            .with_sent(error.sent())
            .with_source(error)
    }

    /// The class of an error of the transport.
    pub(crate) fn transport_kind(error: &qoder_http::Error) -> ErrorKind {
        use qoder_http::ErrorKind as Below;
        match error.kind() {
            Below::Url => ErrorKind::Input,
            Below::Config | Below::ProxyAuth | Below::Certificate => ErrorKind::Config,
            Below::Dns | Below::Connect | Below::Tls | Below::Proxy => ErrorKind::Connect,
            Below::Timeout(_) => ErrorKind::Timeout,
            Below::TooLarge => ErrorKind::TooLarge,
            Below::Coding => ErrorKind::Decode,
            Below::Source => ErrorKind::File,
            _ => ErrorKind::Network,
        }
    }

    pub(crate) fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self.0.sent = Sent::Yes;
        self
    }

    pub(crate) fn with_api(mut self, api: ErrorBody) -> Self {
        self.0.api = Some(api);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id.map(|id| one_line(&id).into_owned());
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_sent(mut self, sent: Sent) -> Self {
        self.0.sent = sent;
        self
    }

    pub(crate) fn with_idempotency_key(mut self, key: Option<String>) -> Self {
        self.0.idempotency_key = key;
        self
    }

    /// Sets whether the call can be made again; see [`is_retryable`](Self::is_retryable). Without
    /// it only what did not arrive can.
    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = Some(retryable);
        self
    }

    /// Sets whether what failed may work soon: of no token, that asking again may give one.
    pub(crate) fn with_passing(mut self, passing: bool) -> Self {
        self.0.passing = passing;
        self
    }

    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing
    }

    pub(crate) fn with_checkpoint(mut self, checkpoint: Option<String>) -> Self {
        self.0.checkpoint = checkpoint;
        self
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = body;
        self
    }

    /// Without the secrets, should the server have repeated one, and then not too long.
    pub(crate) fn redacted(mut self, auth: &Auth) -> Self {
        let short = |text, most| shortened(&auth.redact(text), most).into_owned();
        self.0.message = short(self.0.message, MESSAGE);
        self.0.request_id = self.0.request_id.map(|id| short(id, REQUEST_ID));
        self.0.api = self.0.api.map(|api| auth.redact_api(api));
        self.0.body = auth.redact_bytes(self.0.body);
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }
}

/// For what is made with `Tls`, `Proxy` and `Transport`, so that `?` works on it.
impl From<qoder_http::Error> for Error {
    fn from(error: qoder_http::Error) -> Self {
        Self::transport(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.0.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&shortened(&self.0.message, MESSAGE))?;
        if let Some(id) = &self.0.request_id {
            write!(f, " (request {})", shortened(id, REQUEST_ID))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind)
            .field("message", &self.to_string());
        if let Some(status) = self.0.status {
            out.field("status", &status.as_u16());
        }
        out.field("attempts", &self.0.attempts)
            .field("sent", &self.0.sent);
        if let Some(checkpoint) = &self.0.checkpoint {
            out.field("checkpoint", checkpoint);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text of the transport, or of who had no token, is in this error's text: what lies
        // below it is the news.
        let source = self.0.source.as_deref()?;
        if source.is::<qoder_http::Error>() || source.is::<Cause>() {
            source.source()
        } else {
            Some(source)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_it_all() {
        let error = Error::new(ErrorKind::Api, "409 conflict_error: session is running")
            .with_operation("sessions.events.send")
            .with_status(StatusCode::CONFLICT)
            .with_request_id(Some("3f0c".to_owned()));
        assert_eq!(
            error.to_string(),
            "sessions.events.send: 409 conflict_error: session is running (request 3f0c)"
        );
        assert!(error.is_conflict() && !error.is_retryable());
        assert_eq!(error.sent(), Sent::Yes);
    }
}
