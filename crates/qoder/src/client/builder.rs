//! The configuration of a client: given by hand, or by the environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "proxy")]
use qoder_http::Proxy;
use qoder_http::retry::{RetryBudget, RetryPolicy};
use qoder_http::{Timeouts, Tls, Transport};

use super::Client;
use crate::auth::{Auth, Credentials, Renewed, Secret, ServiceAccount, Source, Token};
use crate::env;
use crate::error::{Error, Result};
use crate::gateway::{BaseUrl, Dialect, Gateway};
use crate::headers::{checked_header, platform_headers};
use crate::observe::Observe;
use crate::shared::{Parts, Settings, Shared};

/// The configuration of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use qoder::{Client, Gateway};
///
/// # fn main() -> qoder::Result<()> {
/// let client = Client::builder()
///     .token("pt-your-token-here")
///     .gateway(Gateway::Global)
///     .deadline(Duration::from_secs(120))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    access: Option<Result<Access>>,
    gateway: Option<Result<Chosen>>,
    dialect: Option<Result<Dialect>>,
    allow_plain_http: bool,
    timeouts: Timeouts,
    deadline: Option<Duration>,
    retry: RetryPolicy,
    budget: RetryBudget,
    max_response: Option<usize>,
    tls: Option<Tls>,
    #[cfg(feature = "proxy")]
    proxy: Option<Proxy>,
    transport: Option<Transport>,
    headers: Vec<(String, String)>,
    observer: Option<Arc<dyn Observe>>,
}

/// The authentication that the builder was given.
enum Access {
    /// A token, and where it came from.
    Token(Secret, &'static str),
    Account(ServiceAccount),
    Custom(Box<dyn Credentials>),
}

/// A gateway that was asked for.
struct Chosen {
    gateway: Gateway,
    /// The variable of the environment that names it.
    variable: Option<&'static str>,
}

impl ClientBuilder {
    /// Sets the access token, without `Bearer`: personal (`pt-…`) or of a service account.
    /// Of this, [`credentials`](Self::credentials) and
    /// [`service_account`](Self::service_account), the last one holds.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.access = Some(Ok(Access::Token(token.into(), "the builder")));
        self
    }

    /// Sets a source of access tokens, which is asked whenever one is needed.
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.access = Some(Ok(Access::Custom(Box::new(credentials))));
        self
    }

    /// Sets the service account whose key is exchanged for access tokens.
    pub fn service_account(mut self, account: ServiceAccount) -> Self {
        self.access = Some(Ok(Access::Account(account)));
        self
    }

    /// Sets the host of the API. Default: [`Gateway::Openapi`].
    pub fn gateway(mut self, gateway: Gateway) -> Self {
        self.gateway = Some(Ok(Chosen {
            gateway,
            variable: None,
        }));
        self
    }

    /// Sets a custom base URL; the same as `gateway(Gateway::custom(base_url))`.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        self.gateway(Gateway::custom(base_url))
    }

    /// Sets the dialect that requests are written in. Default: the gateway's.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(Ok(dialect));
        self
    }

    /// Takes what is not set yet from the environment; see [`Client::from_env`].
    pub fn env(self) -> Self {
        self.env_from(&|name| std::env::var_os(name))
    }

    fn env_from(mut self, var: env::Lookup<'_>) -> Self {
        if self.access.is_none() {
            let access = |(name, token): (_, String)| Access::Token(token.into(), name);
            let found = env::token(var).map(|found| found.map(access));
            self.access = found.transpose();
        }
        if self.gateway.is_none() {
            let chosen = |(name, url): (_, String)| Chosen {
                gateway: Gateway::custom(url),
                variable: Some(name),
            };
            let found = env::base_url(var).map(|found| found.map(chosen));
            self.gateway = found.transpose();
        }
        if self.dialect.is_none() {
            self.dialect = env::dialect(var).transpose();
        }
        self
    }

    /// Allows `http://` to hosts other than loopback. The token then crosses the network
    /// readable: only for private networks. Default: refused.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Sets the limits of the phases of a request: connect (10 s), head of the response (60 s),
    /// silence within a body (60 s), a body as a whole (5 minutes; streams are not limited).
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder::{Client, Timeouts};
    ///
    /// # fn main() -> qoder::Result<()> {
    /// let client = Client::builder()
    ///     .token("pt-your-token-here")
    ///     .timeouts(Timeouts::default().connect(Duration::from_secs(3)))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the limit of a whole call, attempts and waits included; streams are not calls and have
    /// none. What the clock can't count, such as [`Duration::MAX`], is no limit. Default: none, the
    /// other limits bound it.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets how often, and after what waits, a failed call is repeated. Default: twice, after 0.5 s
    /// doubling to 8 s, with jitter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder::{Client, RetryPolicy};
    ///
    /// # fn main() -> qoder::Result<()> {
    /// let policy = RetryPolicy::default().max_retries(5).waits(Duration::from_secs(1), Duration::from_secs(30));
    /// let client = Client::builder().token("pt-your-token-here").retry(policy).build()?;
    /// # Ok(()) }
    /// ```
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the budget that all calls of the client draw their retries from, so that an outage is not
    /// answered by a multiple of the load.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the largest response that is read into memory, in bytes. Default: 64 MiB.
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = Some(bytes);
        self
    }

    /// Sets the TLS configuration. Default: the platform's trust anchors with the provider compiled
    /// in.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the proxy that requests go through. Default: those of the environment (`HTTPS_PROXY`,
    /// `ALL_PROXY`, `NO_PROXY`, in upper or lower case); loopback is always reached directly.
    ///
    /// ```
    /// # fn main() -> qoder::Result<()> {
    /// use qoder::{Client, Proxy};
    ///
    /// let proxy = Proxy::http("http://user:password@proxy.example:3128")?;
    /// let client = Client::builder().token("pt-your-token-here").proxy(proxy).build()?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "proxy")]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets a transport made by hand, in place of the one that [`build`](Self::build) makes. Its own
    /// settings for TLS and plain http hold. `Transport::from_service` makes one of any `tower`
    /// service: middleware around a transport, another HTTP client, or a double in a test; the
    /// example program `middleware` shows the first.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Adds a header to every request. A name or value that is no header is refused by
    /// [`build`](Self::build); so is `Authorization`, which the credentials set, and what is the
    /// transport's, such as `Host` and `Content-Length`.
    ///
    /// ```
    /// use qoder::Client;
    ///
    /// # fn main() -> qoder::Result<()> {
    /// let client = Client::builder().token("pt-your-token-here").header("x-team", "reports").build()?;
    /// let refused = Client::builder().token("pt-your-token-here").header("Authorization", "mine").build();
    /// assert_eq!(refused.unwrap_err().kind(), qoder::ErrorKind::Config);
    /// # Ok(()) }
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the workspace that all calls act in: the header `qoder-workspace-id`.
    pub fn workspace(self, id: impl Into<String>) -> Self {
        self.header("qoder-workspace-id", id)
    }

    /// Sets the observer of every attempt, call, and reconnection, for metrics. Logs and spans need
    /// none: they are given to the `tracing` subscriber of the program.
    pub fn observe(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): there is no token; the token, the service
    /// account, the base URL, a header or the TLS configuration is invalid; or the base URL is one
    /// that the transport can't reach: `https` without a TLS provider or trust anchors.
    pub fn build(self) -> Result<Client> {
        let Some(access) = self.access.transpose()? else {
            return Err(Error::config(
                "no token: set QODER_PAT (create one in the Qoder console under Personal Settings, Access Tokens), \
                 or call `Client::builder().token(..)`",
            ));
        };
        let chosen = self.gateway.transpose()?;
        let by_default = chosen.is_none();
        let variable = chosen.as_ref().and_then(|chosen| chosen.variable);
        let gateway = chosen.map(|chosen| chosen.gateway).unwrap_or_default();
        let dialect = self.dialect.transpose()?;
        let base = BaseUrl::parse(gateway.base_url(), self.allow_plain_http).map_err(|error| {
            match variable {
                Some(name) => Error::config(format!("{name}: {error}")),
                None => error,
            }
        })?;
        let mut headers = platform_headers();
        for (name, value) in &self.headers {
            let (name, value) = checked_header(name, value).map_err(Error::config)?;
            headers.insert(name, value);
        }
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                let mut builder = Transport::builder()
                    .timeouts(self.timeouts)
                    .allow_plain_http(self.allow_plain_http);
                if let Some(tls) = self.tls {
                    builder = builder.tls(tls);
                }
                #[cfg(feature = "proxy")]
                if let Some(proxy) = self.proxy {
                    builder = builder.proxy(proxy);
                }
                builder.build().map_err(Error::transport)?
            }
        };
        // A client that can't work is told so here, and not by its first call.
        if let Ok(url) = base.join("/").parse() {
            let usable = transport.check(&url);
            usable.map_err(|why| Error::config(why.to_string()))?;
        }
        let auth = match access {
            Access::Token(token, origin) => Auth::Static(Token::new(&token).map_err(|why| {
                Error::config(format!(
                    "the token from {origin} {why}: create one in the Qoder console under Personal Settings, Access \
                     Tokens, and set QODER_PAT or call `Client::builder().token(..)`"
                ))
            })?),
            Access::Account(account) => {
                let exchange = account.exchange(
                    &base,
                    transport.clone(),
                    platform_headers(),
                    self.timeouts,
                )?;
                Auth::Renewed(Box::new(Renewed::new(Source::Account(Box::new(exchange)))))
            }
            Access::Custom(credentials) => {
                Auth::Renewed(Box::new(Renewed::new(Source::Custom(credentials))))
            }
        };
        Ok(Client::new(Shared::new(Parts {
            transport,
            base,
            by_default,
            auth,
            dialect: dialect.unwrap_or_else(|| gateway.dialect()),
            settings: Settings {
                timeouts: self.timeouts,
                deadline: self.deadline,
                retry: self.retry,
                max_response: self.max_response.unwrap_or(64 << 20),
            },
            budget: self.budget,
            headers,
            observer: self.observer,
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("access", &self.access)
            .field("gateway", &self.gateway)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gateway.fmt(f)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_, origin) => write!(f, "a token from {origin}"),
            Self::Account(account) => account.fmt(f),
            Self::Custom(_) => f.write_str("credentials"),
        }
    }
}

#[cfg(test)]
mod tests;
