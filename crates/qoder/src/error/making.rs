//! Constructors of errors, for the crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::mem::take;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use qoder_http::Sent;
use qoder_http::retry::{AttemptEnding, Class, Decision, decide};
use qoder_types::ErrorBody;

use super::{Error, ErrorKind, Inner, MESSAGE, OPERATION, REQUEST_ID};
use crate::checkpoint::Checkpoint;
use crate::redact::Redact;
use crate::text::{one_line, shortened};
#[cfg(feature = "turns")]
use crate::turn::Reply;

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
            transient: false,
            retryable: None,
            checkpoint: None,
            #[cfg(feature = "turns")]
            reply: None,
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

    pub(crate) fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0
            .inner_mut()
            .operation
            .get_or_insert_with(|| match operation.into() {
                Cow::Owned(path) => Cow::Owned(one_line(&path).into_owned()),
                named @ Cow::Borrowed(_) => named,
            });
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.inner_mut().status = Some(status);
        self.0.inner_mut().sent = Sent::Yes;
        self
    }

    pub(crate) fn with_api(mut self, api: ErrorBody) -> Self {
        self.0.inner_mut().api = Some(api);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.inner_mut().request_id = id.map(|id| one_line(&id).into_owned());
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.inner_mut().retry_after = after;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.inner_mut().attempts = attempts;
        self
    }

    pub(crate) fn with_sent(mut self, sent: Sent) -> Self {
        self.0.inner_mut().sent = sent;
        self
    }

    pub(crate) fn with_idempotency_key(mut self, key: Option<String>) -> Self {
        self.0.inner_mut().idempotency_key = key;
        self
    }

    /// Sets whether the call can be made again; see [`is_retryable`](Self::is_retryable). Without
    /// it only what did not arrive can.
    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.inner_mut().retryable = Some(retryable);
        self
    }

    /// Sets whether what failed may work soon: of no token, that asking again may give one.
    pub(crate) fn with_transient(mut self, transient: bool) -> Self {
        self.0.inner_mut().transient = transient;
        self
    }

    pub(crate) fn is_transient(&self) -> bool {
        self.0.inner().transient
    }

    /// Whether the server refused, so that the same again would be refused too; by the table of
    /// [`retry`](qoder_http::retry), whatever the class of the call.
    pub(crate) fn is_refusal(&self) -> bool {
        let refused = |status: http::StatusCode| {
            let (status, headers) = (status.as_u16(), &http::HeaderMap::new());
            let end = AttemptEnding::Status { status, headers };
            decide(Class::Read, &end) != Decision::Retry
        };
        self.kind() == ErrorKind::Api && self.status().is_some_and(refused)
    }

    pub(crate) fn with_checkpoint(mut self, checkpoint: Option<Checkpoint>) -> Self {
        self.0.inner_mut().checkpoint = checkpoint;
        self
    }

    #[cfg(feature = "turns")]
    pub(crate) fn with_reply(mut self, reply: Reply) -> Self {
        self.0.inner_mut().reply = Some(reply);
        self
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.0.inner_mut().body = body;
        self
    }

    /// Without the secrets, should the server have repeated one, and then not too long.
    pub(crate) fn redacted(mut self, secrets: &impl Redact) -> Self {
        let short = |text: &mut String, most| {
            *text = shortened(&secrets.redact(take(text)), most).into_owned();
        };
        let inner = self.0.inner_mut();
        short(&mut inner.message, MESSAGE);
        // That of a raw call is a path that somebody wrote.
        if let Some(Cow::Owned(path)) = &mut inner.operation {
            short(path, OPERATION);
        }
        if let Some(id) = &mut inner.request_id {
            short(id, REQUEST_ID);
        }
        inner.api = inner.api.take().map(|api| secrets.redact_api(api));
        inner.body = secrets.redact_bytes(take(&mut inner.body));
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.inner_mut().source = Some(Box::new(source));
        self
    }
}
