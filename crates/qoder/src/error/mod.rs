//! One error type, whose methods answer what callers ask.

mod kind;
mod making;

pub use kind::ErrorKind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use qoder_http::Sent;
use qoder_types::ErrorBody;

use crate::checkpoint::Checkpoint;
use crate::text::shortened;
#[cfg(feature = "turns")]
use crate::turn::{Reply, Stop};

/// A message is no longer than this, in characters.
const MESSAGE: usize = 2000;

/// An id of a request is no longer than this, in characters. Those of the service are UUIDs.
const REQUEST_ID: usize = 128;

/// The method and path of a raw call are no longer than this, in characters.
const OPERATION: usize = 200;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, and all that is known about it.
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
pub struct Error(Box<dyn Held>);

/// What an error holds, behind a `dyn`: nearly every function can drop an error, and what that takes,
/// down to the events of a reply, would be compiled again in each codegen unit that has one.
trait Held: Send + Sync {
    fn inner(&self) -> &Inner;
    fn inner_mut(&mut self) -> &mut Inner;
}

impl Held for Inner {
    fn inner(&self) -> &Inner {
        self
    }

    fn inner_mut(&mut self) -> &mut Inner {
        self
    }
}

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<Cow<'static, str>>,
    status: Option<StatusCode>,
    api: Option<ErrorBody>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    attempts: u32,
    sent: Sent,
    idempotency_key: Option<String>,
    /// Whether the same may succeed soon.
    transient: bool,
    /// The answer of the table of retries, where it was asked.
    retryable: Option<bool>,
    checkpoint: Option<Checkpoint>,
    #[cfg(feature = "turns")]
    reply: Option<Reply>,
    body: Bytes,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Returns the class of the error.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::ErrorKind;
    ///
    /// match client.session("sess_1").ask("Hello!").await {
    ///     Ok(reply) => println!("{}", reply.text()),
    ///     Err(error) => match error.kind() {
    ///         ErrorKind::Config | ErrorKind::Credentials => eprintln!("set up the client anew: {error}"),
    ///         ErrorKind::TurnEnded => eprintln!("the agent stopped: {:?}", error.stop_reason()),
    ///         _ if error.is_retryable() => eprintln!("later: {error}"),
    ///         _ => return Err(error),
    ///     },
    /// }
    /// # Ok(()) }
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.inner().kind
    }

    /// Returns the operation that failed, such as `sessions.events.send`; or the method and path of a
    /// [raw call](crate::Client::request), such as `GET /quotas`.
    pub fn operation(&self) -> Option<&str> {
        self.0.inner().operation.as_deref()
    }

    /// Returns the status of the last response. `None` if there was none.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.inner().status
    }

    /// Returns the body of the server's error. `None` if it didn't answer with one.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::SessionCreate;
    ///
    /// if let Err(error) = client.sessions().create(SessionCreate::new("agent_1", "env_1")).await {
    ///     if let Some(api) = error.api() {
    ///         eprintln!("{:?}: {:?} (request {:?})", api.kind(), api.summary(), error.request_id());
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn api(&self) -> Option<&ErrorBody> {
        self.0.inner().api.as_ref()
    }

    /// Returns the server's id of the request, for the vendor's support. `None` if it gave none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.inner().request_id.as_deref()
    }

    /// Returns the time that the server asked to wait. `None` if it didn't. It is here too when the
    /// wait was longer than the client's limit, which is why the call was not repeated.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.inner().retry_after
    }

    /// Returns the number of requests that were made for the call: 0 if none was.
    pub fn attempts(&self) -> u32 {
        self.0.inner().attempts
    }

    /// Returns whether the request left, in any of its attempts: a write that was [`Sent::Maybe`]
    /// may have been done.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::{Sent, types::AgentCreate};
    ///
    /// let agent = AgentCreate::new("my-assistant", "ultimate");
    /// match client.agents().create(agent).await {
    ///     Ok(agent) => println!("{}", agent.id),
    ///     Err(error) if error.sent() == Sent::No => println!("it was not created: {error}"),
    ///     Err(error) => println!("it may have been created: {error}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn sent(&self) -> Sent {
        self.0.inner().sent
    }

    /// Returns the checkpoint to go on from, with following or with the turn that failed. `None` if
    /// no event had been delivered, and for errors of anything else.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut turn = client.session("sess_1").turn("Write a long story.").await?;
    /// while let Some(event) = turn.next().await {
    ///     if let Err(error) = event {
    ///         // Store it: `resume_turn` goes on from it.
    ///         println!("{error}: {:?}", error.checkpoint().map(ToString::to_string));
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.0.inner().checkpoint.as_ref()
    }

    /// Returns the reply up to where the turn failed, or ended without success: its messages first
    /// of all. `None` for errors of anything but a [reply](crate::Turn::reply).
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// use qoder::Stop;
    ///
    /// match session.ask("Write a long story.").await {
    ///     Ok(reply) => println!("{}", reply.text()),
    ///     Err(error) => match (error.reply(), error.stop_reason()) {
    ///         (Some(half), Some(Stop::BudgetReached)) => println!("so far: {}", half.text()),
    ///         _ => return Err(error),
    ///     },
    /// }
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "turns")]
    pub fn reply(&self) -> Option<&Reply> {
        self.0.inner().reply.as_ref()
    }

    /// Returns the state of the turn when it failed, or the way it ended without success. `None`
    /// for errors of anything but a [reply](crate::Turn::reply).
    #[cfg(feature = "turns")]
    pub fn stop_reason(&self) -> Option<&Stop> {
        self.reply().map(Reply::stop_reason)
    }

    /// Returns the beginning of the body that was not understood, at most 64 KiB. Empty if there was
    /// none.
    pub fn body(&self) -> &[u8] {
        &self.0.inner().body
    }

    /// Returns whether a deadline passed: connect, response head, silence in a body, or the whole
    /// call.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns whether the token is missing, invalid or expired (401), or may not do this (403), or
    /// there is none and won't be.
    pub fn is_auth(&self) -> bool {
        matches!(self.code(), Some(401 | 403))
            || self.kind() == ErrorKind::Credentials && !self.0.inner().transient
    }

    /// Returns whether the gateway asks for fewer requests (429). The client has already retried;
    /// slow down.
    pub fn is_rate_limited(&self) -> bool {
        self.code() == Some(429)
    }

    /// Returns whether the state on the server forbids it (409): a stale agent version, a message
    /// while the session runs, an idempotency key used for another body. Read the state, then
    /// decide.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409) && self.is_answer()
    }

    /// Returns whether there is no such resource (404), or none that this token can see.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// match client.agents().retrieve("agent_1").await {
    ///     Err(error) if error.is_not_found() => println!("there is none"),
    ///     other => println!("{}", other?.name),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404) && self.is_answer()
    }

    /// Returns whether the same call may succeed later and can be repeated without doing something
    /// twice. The client has used up its own retries by then, or had no time left for them.
    ///
    /// It is what the [table of retries](crate::transport::retry) says of the operation. A read
    /// can be repeated whenever the failure may pass: no connection, a connection that broke, 408,
    /// 429, 5xx. So can a write with an idempotency key, under the same key, which is in
    /// [`idempotency_key`](Self::idempotency_key): under another one it would be done twice. A write
    /// without a key can be repeated if nothing of it was sent, or after a 429. What a server asks
    /// to wait is in [`retry_after`](Self::retry_after).
    ///
    /// ```
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
        self.0.inner().retryable.unwrap_or_else(|| {
            let never_arrived = self.sent() == Sent::No;
            let passes = matches!(
                self.kind(),
                ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Network
            );
            never_arrived && passes
        })
    }

    /// Returns the key that a write was sent with, given or made by the client: repeating the call
    /// with it does nothing twice. `None` for reads, and for writes without a key.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.inner().idempotency_key.as_deref()
    }

    /// Whether the status is that of the call, and not of what came before it.
    pub(crate) fn is_answer(&self) -> bool {
        self.kind() != ErrorKind::Credentials
    }

    fn code(&self) -> Option<u16> {
        self.0.inner().status.map(|status| status.as_u16())
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
        if let Some(operation) = &self.0.inner().operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&shortened(&self.0.inner().message, MESSAGE))?;
        if let Some(id) = &self.0.inner().request_id {
            write!(f, " (request {})", shortened(id, REQUEST_ID))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.inner().kind)
            .field("message", &self.to_string());
        if let Some(status) = self.0.inner().status {
            out.field("status", &status.as_u16());
        }
        out.field("attempts", &self.0.inner().attempts)
            .field("sent", &self.0.inner().sent);
        if let Some(checkpoint) = &self.0.inner().checkpoint {
            out.field("checkpoint", &checkpoint.to_string());
        }
        if let Some(source) = &self.0.inner().source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text of the transport, or of who had no token, is in this error's text: what lies
        // below it is the news.
        let source = self.0.inner().source.as_deref()?;
        if source.is::<qoder_http::Error>() || source.is::<Cause>() {
            source.source()
        } else {
            Some(source)
        }
    }
}

/// An error that several calls end with. Its text is part of theirs, so what lies below it is
/// their source.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) Arc<dyn StdError + Send + Sync>);

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
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
