use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use qoder_types::Request;

use crate::headers::checked_header;

static BETA: HeaderName = HeaderName::from_static("x-qoder-beta");

/// The options of one call, as by [`Call::options`](crate::Call::options), or for each call of
/// a client, by [`Client::with`](crate::Client::with).
///
/// The parameter says which of the two they are of. It is seldom written: `CallOptions` are those
/// of [`OneCall`], and only they have idempotency keys.
///
/// ```
/// use std::time::Duration;
/// use qoder::CallOptions;
///
/// /// For calls that somebody waits for.
/// fn urgent<Of>(options: CallOptions<Of>) -> CallOptions<Of> {
///     options.timeout(Duration::from_secs(5)).retries(1)
/// }
///
/// # fn main() -> qoder::Result<()> {
/// # let client = qoder::Client::builder().token("pt-your-token-here").build()?;
/// let call = client.agents().retrieve("agent_1").options(urgent);
/// let urgently = client.with(urgent);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are returned"]
pub struct CallOptions<Of = OneCall> {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    /// The fault of an invalid argument; the call fails with it.
    pub(crate) refused: Option<String>,
    pub(crate) of: Of,
}

/// Of one call: the default of [`CallOptions`].
#[derive(Clone, Debug, Default)]
pub struct OneCall {
    pub(crate) key: Key,
}

/// Of each call of a client; see [`CallOptions`].
#[derive(Clone, Debug, Default)]
pub struct EachCall(());

/// The source of a call's idempotency key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Key {
    /// A random one, where the API honours it.
    #[default]
    Generated,
    Given(String),
    Off,
}

impl<Of> CallOptions<Of> {
    /// Sets the limit of a whole call, attempts and waits included; [`Duration::MAX`] is none.
    /// Default: the client's [`deadline`](crate::ClientBuilder::deadline).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use std::time::Duration;
    ///
    /// let models = client.models().list().options(|o| o.timeout(Duration::from_secs(5))).await?;
    /// # Ok(()) }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often a failed attempt is repeated, at most. Default: the client's policy.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let session = client.sessions().retrieve("sess_1").options(|o| o.retries(5)).await?;
    /// # Ok(()) }
    /// ```
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets a header. `Authorization` and what is the transport's, such as `Host` and
    /// `Content-Length`, is refused: the call then fails.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let agents = client.agents().list().options(|o| o.header("x-request-id", "nightly-7")).await?;
    /// # Ok(()) }
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match checked_header(name, value) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(why) => self.refuse(why),
        }
        self
    }

    /// Adds a query parameter.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let session = client.sessions().retrieve("sess_1").options(|o| o.query("expand", "agent")).await?;
    /// # Ok(()) }
    /// ```
    pub fn query(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Asks for a beta feature, in the header `x-qoder-beta`; call it again for further ones.
    ///
    /// ```
    /// # async fn f(client: qoder::Client, agent: qoder::types::AgentCreate) -> qoder::Result<()> {
    /// let agent = client.agents().create(agent).options(|o| o.beta("browser-use-2026-07-14")).await?;
    /// # Ok(()) }
    /// ```
    pub fn beta(self, feature: &str) -> Self {
        let listed = match self.headers.get(&BETA).map(HeaderValue::to_str) {
            Some(Ok(before)) => joined(before, feature),
            _ => feature.to_owned(),
        };
        self.header(BETA.as_str(), &listed)
    }

    /// Sets the workspace that a call acts in: the header `qoder-workspace-id`.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let files = client.files().list().options(|o| o.workspace("ws_1")).await?;
    /// # Ok(()) }
    /// ```
    pub fn workspace(self, id: &str) -> Self {
        self.header("qoder-workspace-id", id)
    }

    /// These options on top of others: they win, name by name, and features add up.
    pub(crate) fn over(mut self, below: CallOptions<EachCall>) -> Self {
        add_features(&mut self.headers, &below.headers);
        let mut headers = below.headers;
        headers.extend(std::mem::take(&mut self.headers));
        let kept = |(name, _): &(String, String)| self.query.iter().all(|(own, _)| own != name);
        let mut query: Vec<_> = below.query.into_iter().filter(kept).collect();
        query.append(&mut self.query);
        Self {
            timeout: self.timeout.or(below.timeout),
            retries: self.retries.or(below.retries),
            headers,
            query,
            refused: below.refused.or(self.refused),
            of: self.of,
        }
    }

    fn refuse(&mut self, why: impl Into<String>) {
        self.refused.get_or_insert_with(|| why.into());
    }
}

impl CallOptions {
    /// Sets the key under which the server does a write once, however often it arrives, for 24 hours.
    /// The same key with another body is a [conflict](crate::Error::is_conflict). Default: a
    /// random one for each write that honours it.
    ///
    /// ```
    /// # async fn f(client: qoder::Client, agent: qoder::types::AgentCreate) -> qoder::Result<()> {
    /// let agent = client.agents().create(agent).options(|o| o.idempotency_key("create-my-assistant")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Each write needs a key of its own, so that options for all of them have none:
    ///
    /// ```compile_fail,E0599
    /// # fn f(client: qoder::Client) {
    /// let client = client.with(|o| o.idempotency_key("create-my-assistant"));
    /// # }
    /// ```
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        if key.is_empty() {
            self.refused = Some("the idempotency key is empty".to_owned());
        }
        self.of.key = Key::Given(key);
        self
    }

    /// Sends no idempotency key. A write that may have arrived is then not repeated.
    ///
    /// ```
    /// # async fn f(client: qoder::Client, agent: qoder::types::AgentCreate) -> qoder::Result<()> {
    /// let agent = client.agents().create(agent).options(|o| o.no_idempotency_key()).await?;
    /// # Ok(()) }
    /// ```
    pub fn no_idempotency_key(mut self) -> Self {
        self.of.key = Key::Off;
        self
    }
}

impl CallOptions<EachCall> {
    /// Returns the options without those that the request sets itself, such as a cursor.
    pub(crate) fn around<T>(&self, request: &Request<T>) -> Self {
        let mut around = self.clone();
        for (name, _) in request.headers() {
            around.headers.remove(*name);
        }
        around.query.retain(|(name, _)| !request.has_query(name));
        around
    }

    /// Refuses what can be of one call only, and comes as a header.
    pub(crate) fn checked(mut self) -> Self {
        if self.headers.contains_key("idempotency-key") {
            let why = "an idempotency key is for one write, and not for each: set it with `Call::options`";
            self.refuse(why);
        }
        self
    }
}

/// Adds the features that are asked for below to those that are asked for in these headers.
pub(super) fn add_features(headers: &mut HeaderMap, below: &HeaderMap) {
    if let (Some(before), Some(after)) = (listed(below), listed(headers)) {
        if let Ok(features) = HeaderValue::try_from(joined(&before, &after)) {
            headers.insert(&BETA, features);
        }
    }
}

/// The features that are asked for.
fn listed(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(&BETA)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Two lists of features as one, with each once.
fn joined(before: &str, after: &str) -> String {
    let mut features: Vec<&str> = Vec::new();
    for feature in before.split(',').chain(after.split(',')).map(str::trim) {
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    features.join(",")
}

impl<Of: fmt::Debug> fmt::Debug for CallOptions<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("of", &self.of)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}
