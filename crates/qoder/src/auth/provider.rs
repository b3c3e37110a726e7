//! Sources of tokens that the program provides.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::secret::Secret;

/// A source of access tokens: a file that something else keeps up to date, a vault, another
/// process. A closure that returns a future is one too.
///
/// The client asks when it needs a token: for the first request, shortly before a token expires
/// (at 90 % of its time, or 60 s before its end if that is later), and once more after the server
/// refused one with 401, but not more than once in 30 s for that. It keeps what it gets until then,
/// asks only once at a time, however many calls wait for the answer, and waits at least 5 s after a
/// failure before it asks again. The answer has to come within 60 s. (A program with several
/// runtimes may ask once at a time in each.)
///
/// ```
/// use std::path::PathBuf;
/// use std::time::Duration;
/// use qoder::{Client, auth::{AccessToken, Credentials, CredentialsError, CredentialsFuture}};
///
/// /// A token in a file, which something else writes anew each hour.
/// struct TokenFile(PathBuf);
///
/// impl Credentials for TokenFile {
///     fn token(&self) -> CredentialsFuture<'_> {
///         Box::pin(async {
///             let text = std::fs::read_to_string(&self.0)?;
///             let token = AccessToken::new(text.trim());
///             Ok(token.expires_in(Duration::from_secs(60)))
///         })
///     }
/// }
///
/// # fn main() -> qoder::Result<()> {
/// let client = Client::builder()
///     .credentials(TokenFile("/run/secrets/qoder".into()))
///     .build()?;
///
/// // The same with a closure.
/// let client = Client::builder()
///     .credentials(|| async {
///         let token = std::env::var("MY_TOKEN").map_err(CredentialsError::denied)?;
///         Ok(AccessToken::new(token))
///     })
///     .build()?;
/// # Ok(()) }
/// ```
pub trait Credentials: Send + Sync + 'static {
    /// A token that is good now. It is asked for when there is none, so what is given must not be
    /// an old one that was kept.
    ///
    /// The future belongs to the client, and not to the call that made it begin: it is polled by
    /// whichever calls wait for it, and goes on with them if that call is dropped or paused. If
    /// nobody polled it for some time, a failure counts for nothing, and another one is begun.
    fn token(&self) -> CredentialsFuture<'_>;
}

/// The future that [`Credentials::token`] returns.
pub type CredentialsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, CredentialsError>> + Send + 'a>>;

impl<F, Answer> Credentials for F
where
    F: Fn() -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<AccessToken, CredentialsError>> + Send + 'static,
{
    fn token(&self) -> CredentialsFuture<'_> {
        Box::pin(self())
    }
}

impl Credentials for Arc<dyn Credentials> {
    fn token(&self) -> CredentialsFuture<'_> {
        (**self).token()
    }
}

impl Credentials for Box<dyn Credentials> {
    fn token(&self) -> CredentialsFuture<'_> {
        (**self).token()
    }
}

/// An access token, and how long it is good.
///
/// ```
/// use std::time::Duration;
/// use qoder::auth::AccessToken;
///
/// let token = AccessToken::new("at-your-token-here").expires_in(Duration::from_secs(3600));
/// assert!(!format!("{token:?}").contains("your-token"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccessToken {
    /// The token, without `Bearer`.
    pub secret: Secret,
    /// The token's lifetime, from the time it was asked for; `None` if it is not known. The token
    /// is then kept until the server refuses it.
    pub expires_in: Option<Duration>,
}

impl AccessToken {
    /// Makes a token that is kept until the server refuses it.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self {
            secret: secret.into(),
            expires_in: None,
        }
    }

    /// Sets how long the token is valid. With no time at all, the next request asks for another.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }
}

/// The reason why there is no token.
///
/// Any error becomes one by `?`, and then counts as transient: while the client waits to ask again,
/// it goes on with the token it has, if that is still good. What is [`denied`](Self::denied) ends
/// the use of the token at hand.
///
/// ```
/// use qoder::auth::{AccessToken, CredentialsError};
///
/// async fn token(vault: &str) -> Result<AccessToken, CredentialsError> {
///     let secret = std::fs::read_to_string(vault)?; // transient: it is tried again
///     if secret.is_empty() {
///         return Err(CredentialsError::denied("the vault has no token for this program"));
///     }
///     Ok(AccessToken::new(secret.trim_end()))
/// }
/// ```
pub struct CredentialsError {
    pub(super) denied: bool,
    pub(super) why: Arc<dyn StdError + Send + Sync>,
}

impl CredentialsError {
    /// Says that the source can't be reached for now, which is transient.
    pub fn unavailable(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            denied: false,
            why: why.into().into(),
        }
    }

    /// Says that there is no token for this program, which asking again doesn't change.
    pub fn denied(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            denied: true,
            why: why.into().into(),
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for CredentialsError {
    fn from(why: E) -> Self {
        Self::unavailable(why)
    }
}

impl fmt::Debug for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsError")
            .field("denied", &self.denied)
            .field("why", &self.why)
            .finish()
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}
