//! The client: configuration that is shared by every call, and the way to the resources.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
#[cfg(feature = "proxy")]
use qoder_http::Proxy;
use qoder_http::retry::{RetryBudget, RetryPolicy};
use qoder_http::{Timeouts, Tls, Transport};
use qoder_types::{Method, Request, SessionId};

use crate::auth::{Auth, Credentials, Renewed, Secret, ServiceAccount, Source, Token};
use crate::call::Call;
use crate::conversation::Conversation;
use crate::env;
use crate::error::{Error, Result};
use crate::gateway::{BaseUrl, Dialect, ELSEWHERE, Gateway};
use crate::observe::Observe;
use crate::resources::{Agents, Environments, Files, Models, Sessions};

/// A client of the Qoder Cloud Agents API.
///
/// Cheap to clone: clones share connections, limits and the retry budget, and dropping one harms
/// none of the others. It spawns no task of its own; dropping the future of a call cancels it.
///
/// ```no_run
/// # async fn f() -> qoder::Result<()> {
/// let client = qoder::Client::from_env()?;
/// for model in client.models().list().await?.data {
///     println!("{}", model.id);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What all clones of a client have in common.
struct Shared {
    transport: Transport,
    base: BaseUrl,
    /// Nobody chose the gateway.
    by_default: bool,
    auth: Auth,
    dialect: Dialect,
    settings: Settings,
    budget: RetryBudget,
    headers: HeaderMap,
    observer: Option<Arc<dyn Observe>>,
    names_messages: AtomicBool,
}

/// The bounds of every call, unless its options say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_response: usize,
}

impl Client {
    /// A client configured by the environment.
    ///
    /// | variable | meaning | default |
    /// |---|---|---|
    /// | `QODER_ACCESS_TOKEN`, else `QODER_PAT` | the access token | none: an error |
    /// | `QODER_BASE_URL`, else `QODER_MANAGED_BASE_URL` | the base URL | [`Gateway::Openapi`] |
    /// | `QODER_DIALECT` | `seed` or `current` | the gateway's |
    ///
    /// The default gateway may not serve the API any more; see [`Gateway::Openapi`]. A token or
    /// dialect that is empty counts as not set. A base URL that is empty is refused, and
    /// so is whatever is not UTF-8: the token is not to go elsewhere than was meant.
    ///
    /// The key of a service account is read only when that is asked for, by
    /// [`ServiceAccount::from_env`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no token, or if a value won't
    /// do; the text says which and what to do.
    pub fn from_env() -> Result<Self> {
        Self::builder().env().build()
    }

    /// Starts the configuration of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Agents: a model, a system prompt and tools, under a version.
    pub fn agents(&self) -> Agents {
        Agents::new(self.clone())
    }

    /// Environments: the containers that sessions run in.
    pub fn environments(&self) -> Environments {
        Environments::new(self.clone())
    }

    /// Files: what is uploaded for agents, and what they deliver.
    pub fn files(&self) -> Files {
        Files::new(self.clone())
    }

    /// The models that agents can use.
    pub fn models(&self) -> Models {
        Models::new(self.clone())
    }

    /// Sessions: an agent at work in an environment.
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.clone())
    }

    /// The conversation in a session: messages, turns, and streams of events.
    pub fn session(&self, id: impl Into<SessionId>) -> Conversation {
        Conversation::new(self.clone(), id.into())
    }

    /// A call of an endpoint that this crate doesn't know yet, with the same authentication,
    /// retries and errors. `path` starts with `/` and is relative to the base URL; segments from
    /// outside must be percent-encoded.
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::{Method, types::serde_json::Value};
    ///
    /// let answer: Value = client.request(Method::Get, "/quotas").await?;
    /// # Ok(()) }
    /// ```
    pub fn request<T>(&self, method: Method, path: &str) -> Call<T> {
        Call::new(self.clone(), Request::undocumented(method, path))
    }

    /// The dialect that requests are written in.
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.shared.base
    }

    /// What to say of an answer that the API would not give: nothing, if the gateway was chosen.
    pub(crate) fn elsewhere(&self) -> &'static str {
        if self.shared.by_default {
            ELSEWHERE
        } else {
            ""
        }
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.shared.auth
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.shared.budget
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observe> {
        self.shared.observer.as_deref()
    }

    /// Whether the server said, when it last accepted a message, which event that became.
    pub(crate) fn names_messages(&self) -> bool {
        self.shared.names_messages.load(Ordering::Relaxed)
    }

    pub(crate) fn set_names_messages(&self, names: bool) {
        self.shared.names_messages.store(names, Ordering::Relaxed);
    }

    /// The headers that every request carries, without the token.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.shared.headers
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.shared.base)
            .field("dialect", &self.shared.dialect)
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

/// What the builder was given to authenticate with.
enum Access {
    /// A token, and where it came from.
    Token(Secret, &'static str),
    Account(ServiceAccount),
    Custom(Box<dyn Credentials>),
}

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

/// A gateway that was asked for.
struct Chosen {
    gateway: Gateway,
    /// The variable of the environment that names it.
    variable: Option<&'static str>,
}

impl ClientBuilder {
    /// The access token, without `Bearer`: personal (`pt-…`) or of a service account.
    /// Of this, [`credentials`](Self::credentials) and
    /// [`service_account`](Self::service_account), the last one holds.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.access = Some(Ok(Access::Token(token.into(), "the builder")));
        self
    }

    /// A source of access tokens, which is asked whenever one is needed.
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.access = Some(Ok(Access::Custom(Box::new(credentials))));
        self
    }

    /// The service account whose key is exchanged for access tokens.
    pub fn service_account(mut self, account: ServiceAccount) -> Self {
        self.access = Some(Ok(Access::Account(account)));
        self
    }

    /// The host of the API. Default: [`Gateway::Openapi`].
    pub fn gateway(mut self, gateway: Gateway) -> Self {
        self.gateway = Some(Ok(Chosen {
            gateway,
            variable: None,
        }));
        self
    }

    /// A base URL of one's own; the same as `gateway(Gateway::custom(base_url))`.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        self.gateway(Gateway::custom(base_url))
    }

    /// The dialect that requests are written in. Default: the gateway's.
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
    /// readable: only for networks of one's own. Default: refused.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// The limits of the phases of a request: connect (10 s), head of the response (60 s),
    /// silence within a body (60 s), a body as a whole (5 minutes; streams are not limited).
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The limit of a whole call, attempts and waits included; streams are not calls and have
    /// none. What the clock can't count, such as [`Duration::MAX`], is no limit. Default: none, the
    /// other limits bound it.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How often, and after what waits, a failed call is repeated. Default: twice, after 0.5 s
    /// doubling to 8 s, with jitter.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The budget that all calls of the client draw their retries from, so that an outage is not
    /// answered by a multiple of the load.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// The largest response that is read into memory, in bytes. Default: 64 MiB.
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = Some(bytes);
        self
    }

    /// The TLS configuration. Default: the platform's trust anchors with the provider compiled in.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The proxy that requests go through. Default: those of the environment (`HTTPS_PROXY`,
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

    /// A transport made by hand, in place of the one that [`build`](Self::build) makes. Its own
    /// settings for TLS and plain http hold. `Transport::from_service` makes one of any `tower`
    /// service: middleware around a transport, another HTTP client, or a double in a test; the
    /// example program `middleware` shows the first.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// A header for every request. A name or value that is no header is refused by
    /// [`build`](Self::build); so is `Authorization`, which the credentials set, and what is the
    /// transport's, such as `Host` and `Content-Length`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The workspace that all calls act in: the header `qoder-workspace-id`.
    pub fn workspace(self, id: impl Into<String>) -> Self {
        self.header("qoder-workspace-id", id)
    }

    /// Who is told of every attempt, call, and reconnection, for metrics. Logs and spans need none:
    /// they are given to the `tracing` subscriber of the program.
    pub fn observe(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): there is no token, or the token, the
    /// service account, the base URL, a header or the TLS configuration won't do.
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
            let (name, value) = checked_header(name, value)?;
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
        Ok(Client {
            shared: Arc::new(Shared {
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
                names_messages: AtomicBool::new(false),
            }),
        })
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

/// The headers that hold for a connection, or say where a request goes and where it ends.
static FRAMING: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A header given by the user. The token has a place of its own and can't be set here.
pub(crate) fn checked_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name)
        .map_err(|_| Error::input(format!("{name:?} is no name for a header")))?;
    if name == header::AUTHORIZATION {
        return Err(Error::input(
            "the Authorization header is the client's: give the token to the builder",
        ));
    }
    // Where a request goes and where it ends is not for a header of the caller's to say.
    if FRAMING.contains(&name) {
        return Err(Error::input(format!(
            "the header `{name}` is the transport's: it can't be set by hand"
        )));
    }
    let value = HeaderValue::try_from(value).map_err(|_| {
        Error::input(format!(
            "the value for the header `{name}` has a line break or control character"
        ))
    })?;
    Ok((name, value))
}

/// Who is calling, in the headers that the official SDKs use.
fn platform_headers() -> HeaderMap {
    let os = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "MacOS",
        "windows" => "Windows",
        "freebsd" => "FreeBSD",
        "openbsd" => "OpenBSD",
        "ios" => "iOS",
        "android" => "Android",
        _ => "Other",
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "x86" => "x32",
        "aarch64" => "arm64",
        "arm" => "arm",
        _ => "other",
    };
    let version = env!("CARGO_PKG_VERSION");
    let mut headers = HeaderMap::new();
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("qca-rust/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in [
        ("x-qoder-lang", "rust"),
        ("x-qoder-package-version", version),
        ("x-qoder-os", os),
        ("x-qoder-arch", arch),
        ("x-qoder-runtime", "tokio"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn authorization(client: &Client) -> String {
        let Auth::Static(token) = client.auth() else {
            return "renewed".to_owned();
        };
        token.header().to_str().expect("text").to_owned()
    }

    fn env(vars: &[(&str, &str)]) -> Result<Client> {
        Client::builder()
            .env_from(&|name| {
                vars.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.into())
            })
            .build()
    }

    #[test]
    fn the_environment_of_both_generations_is_read() {
        let client = env(&[("QODER_PAT", "pt-a")]).expect("a client");
        assert_eq!(client.dialect(), Dialect::Seed);
        assert_eq!(
            client.base().join("/agents"),
            "https://openapi.qoder.sh/api/v1/cloud/agents"
        );

        let client = env(&[
            ("QODER_PAT", "pt-a"),
            ("QODER_ACCESS_TOKEN", "sat-b"),
            ("QODER_BASE_URL", "http://127.0.0.1:1/x"),
            ("QODER_DIALECT", "seed"),
        ])
        .expect("a client");
        assert_eq!(authorization(&client), "Bearer sat-b");
        assert_eq!(
            (client.dialect(), client.base().join("/y")),
            (Dialect::Seed, "http://127.0.0.1:1/x/y".to_owned())
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (vars, words) in [
            (&[][..], "set QODER_PAT"),
            (&[("QODER_PAT", "")], "set QODER_PAT"),
            (&[("QODER_PAT", "a\nb")], "line break"),
            (
                &[("QODER_PAT", "a"), ("QODER_BASE_URL", "agents")],
                "QODER_BASE_URL: base URL \"agents\": it is relative",
            ),
            (
                &[("QODER_PAT", "a"), ("QODER_BASE_URL", "")],
                "QODER_BASE_URL is empty",
            ),
            (
                &[("QODER_PAT", "a"), ("QODER_MANAGED_BASE_URL", " ")],
                "QODER_MANAGED_BASE_URL is empty",
            ),
            (
                &[("QODER_PAT", "a"), ("QODER_DIALECT", "old")],
                "QODER_DIALECT: unknown dialect \"old\": use `seed` or `current`",
            ),
        ] {
            let error = env(vars).expect_err(words);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf_8_is_set_all_the_same() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let names = [
            "QODER_ACCESS_TOKEN",
            "QODER_PAT",
            "QODER_BASE_URL",
            "QODER_MANAGED_BASE_URL",
            "QODER_DIALECT",
        ];
        for bad in names {
            let builder = Client::builder().env_from(&|name| match name {
                _ if name == bad => Some(OsString::from_vec(b"https://api\xff".to_vec())),
                "QODER_PAT" => Some("pt-a".into()),
                _ => None,
            });
            let error = builder.build().expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Config);
            let want = format!("{bad} is not UTF-8: set it again, or unset it");
            assert_eq!(error.to_string(), want);
        }
        // What the builder was given, before or after, is not looked up.
        let given = Client::builder()
            .env_from(&|_| Some(OsString::from_vec(vec![0xFF])))
            .token("pt-mine")
            .gateway(Gateway::China)
            .dialect(Dialect::Seed)
            .build();
        assert_eq!(authorization(&given.expect("a client")), "Bearer pt-mine");
    }

    #[test]
    fn the_builder_beats_the_environment() {
        let client = Client::builder()
            .token("pt-mine")
            .gateway(Gateway::China)
            .dialect(Dialect::Seed)
            .env_from(&|_| Some("theirs".into()))
            .build()
            .expect("a client");
        assert_eq!(authorization(&client), "Bearer pt-mine");
        assert_eq!(client.base().join(""), Gateway::China.base_url());
        assert_eq!(client.dialect(), Dialect::Seed);
    }

    #[test]
    fn headers_are_checked() {
        for (name, value) in [
            ("a b", "x"),
            ("x", "a\r\nb: c"),
            ("authorization", "Bearer other"),
            ("Host", "elsewhere.example"),
            ("content-length", "3"),
            ("Transfer-Encoding", "chunked"),
        ] {
            assert!(
                Client::builder()
                    .token("pt-a")
                    .header(name, value)
                    .build()
                    .is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_shows_the_token() {
        let builder = Client::builder().token("pt-secret");
        assert!(!format!("{builder:?}").contains("secret"));
        // URLs with credentials are refused, but only when the client is built.
        for url in [
            "https://user:secret@api.example/",
            "https://user:p@ss-secret@api.example/",
            "https://api.example/?key=secret",
        ] {
            let account = ServiceAccount::new("sak-secret").exchange_origin(url);
            let shown = format!(
                "{account:?} {:?} {:?}",
                Client::builder().base_url(url),
                Client::builder().service_account(account.clone()),
            );
            assert!(shown.contains("api.example"), "{shown}");
            assert!(!shown.contains("secret"), "{shown}");
        }
        let client = builder.build().expect("a client");
        assert!(!format!("{client:?}").contains("secret"));
    }
}
