//! A [`Call`] is a request that can be adjusted, and a future when it is awaited. Awaited, it
//! returns the value alone; [`Call::with_meta`] adds what else the response said.

mod attempt;
mod exchange;
mod failure;
mod options;
mod prepared;
mod trace;

pub(crate) use attempt::open;
pub(crate) use failure::{is_web_page, words};
pub use options::{CallOptions, EachCall, OneCall};
pub(crate) use prepared::Prepared;

pub use crate::response::{Meta, Response};

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

use bytes::Bytes;
use qoder_types::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use exchange::{AsItIs, Exchange, unread};

use crate::error::Result;
use crate::files::Upload;
use crate::shared::Shared;

/// The future of a [`Call`].
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A call of one operation: adjust it, then await it.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use std::time::Duration;
/// use qoder::types::{AgentCreate, serde_json::json};
///
/// let created = client
///     .agents()
///     .create(AgentCreate::new("my-assistant", "ultimate"))
///     .extra("field_of_tomorrow", json!(true))
///     .options(|o| o.timeout(Duration::from_secs(10)).retries(5).idempotency_key("create-my-assistant"))
///     .with_meta()
///     .await?;
/// println!("{} (request {:?})", created.value.id, created.meta.request_id());
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    /// In a box, since a call is moved from hand to hand until it is awaited.
    exchange: Box<Exchange>,
    output: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    pub(crate) fn new(shared: Shared, request: Request<T>) -> Self {
        Self::of(Exchange::new(shared, request.untyped()))
    }

    /// A call of an operation that this crate has no description of.
    pub(crate) fn raw(shared: Shared, method: Method, path: &str) -> Self {
        Self::of(Exchange::raw(shared, method, path))
    }

    fn of(exchange: Exchange) -> Self {
        Self {
            exchange: Box::new(exchange),
            output: PhantomData,
        }
    }

    pub(crate) fn with_uploads(mut self, uploads: impl IntoIterator<Item = Upload>) -> Self {
        self.exchange.upload(uploads);
        self
    }

    /// Changes the options of this call.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use std::time::Duration;
    ///
    /// let session = client
    ///     .sessions()
    ///     .retrieve("sess_1")
    ///     .options(|o| o.timeout(Duration::from_secs(5)).retries(1))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.exchange.options = change(self.exchange.options);
        self
    }

    /// Adds a member to the JSON body, or a field to the form of an upload, for fields that this
    /// release doesn't know.
    ///
    /// ```
    /// # async fn f(client: qoder::Client, agent: qoder::types::AgentCreate) -> qoder::Result<()> {
    /// use qoder::types::serde_json::json;
    ///
    /// let agent = client.agents().create(agent).extra("field_of_tomorrow", json!({"level": 3})).await?;
    /// # Ok(()) }
    /// ```
    pub fn extra(mut self, field: &str, value: Value) -> Self {
        self.exchange.request.extra(field, value);
        self
    }

    /// Sends this value as the JSON body, replacing the one there was.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Method;
    /// use qoder::types::serde_json::{Value, json};
    ///
    /// let team: Value = client.request(Method::Post, "/teams").json(&json!({"name": "build"})).await?;
    /// # Ok(()) }
    /// ```
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        self.exchange.request = self.exchange.request.json(body);
        self
    }

    /// Fills the parameter `{name}` in the path of a [raw call](crate::Client::request): one
    /// segment, percent-encoded whole. If it is empty, `.` or `..`, or if the path has no such
    /// parameter, the call fails with [`ErrorKind::Input`](crate::ErrorKind::Input).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Method;
    /// use qoder::types::serde_json::Value;
    ///
    /// let team: Value = client.request(Method::Get, "/teams/{id}").path("id", "build/nightly").await?;
    /// # Ok(()) }
    /// ```
    pub fn path(self, name: &'static str, value: impl fmt::Display) -> Self {
        Self::of(self.exchange.path(name, &value.to_string()))
    }

    /// Sets a query parameter, in place of one of the same name.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::WorkHeartbeat;
    ///
    /// let beat = client
    ///     .environments()
    ///     .work()
    ///     .heartbeat("env_1", "work_1")
    ///     .query("expected_last_heartbeat", WorkHeartbeat::NONE)
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.exchange.request.set_query(name, value);
        self
    }

    /// Sends these fields as a form (`multipart/form-data`), replacing the body there was.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Method;
    /// use qoder::types::serde_json::Value;
    ///
    /// let team: Value = client.request(Method::Post, "/teams").form([("name", "build")]).await?;
    /// # Ok(()) }
    /// ```
    pub fn form<N: Into<String>, V: Into<String>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self::of(self.exchange.form(fields.collect()))
    }

    /// Adds a file to the form, as this field of it, with the form's fields that the upload has:
    /// its name and metadata. Further files follow it, under the same field or another.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::Upload;
    /// use qoder::Method;
    /// use qoder::types::serde_json::Value;
    ///
    /// let photo = Upload::path("team.png").mime_type("image/png");
    /// let team: Value = client.request(Method::Post, "/teams/photo").file("file", photo).await?;
    /// # Ok(()) }
    /// ```
    pub fn file(self, field: &str, upload: Upload) -> Self {
        Self::of(self.exchange.file(field, upload))
    }

    /// Returns the status, the headers and the raw body along with the value.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let agent = client.agents().retrieve("agent_1").with_meta().await?;
    /// println!("{} after {} attempts", agent.meta.status, agent.meta.attempts);
    /// println!("{} bytes of {}", agent.body.len(), agent.value.name);
    /// # Ok(()) }
    /// ```
    pub fn with_meta(self) -> WithMeta<T> {
        WithMeta(self)
    }

    /// Returns the body as it is, whatever it is, and not the value that JSON in it stands for. It
    /// is read into memory, up to the client's
    /// [`max_response`](crate::ClientBuilder::max_response).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Method;
    ///
    /// let archive = client.request::<()>(Method::Get, "/exports/{id}").path("id", "exp_1").bytes().await?;
    /// println!("{} bytes", archive.len());
    /// # Ok(()) }
    /// ```
    pub fn bytes(self) -> AsBytes<T> {
        AsBytes(self)
    }

    /// Returns the name of the call in errors.
    pub(crate) fn operation(&self) -> Cow<'static, str> {
        self.exchange.operation()
    }

    /// Makes the call fail with [`ErrorKind::Input`].
    pub(crate) fn refuse(&mut self, why: String) {
        self.exchange.refuse(why);
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.exchange.shared
    }

    pub(crate) fn request_mut(&mut self) -> &mut Request<()> {
        &mut self.exchange.request
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self::of(Exchange::clone(&self.exchange))
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = Pending<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut value = None;
            self.exchange.send(None, &mut value).await?;
            value.ok_or_else(unread)
        })
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.exchange.shown())
            .finish_non_exhaustive()
    }
}

/// A [`Call`] that returns the whole [`Response`] when awaited.
#[must_use = "a call does nothing until it is awaited"]
pub struct WithMeta<T>(Call<T>);

impl<T: DeserializeOwned + Send + 'static> IntoFuture for WithMeta<T> {
    type Output = Result<Response<T>>;
    type IntoFuture = Pending<Response<T>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut value = None;
            let (meta, body) = self.0.exchange.send(None, &mut value).await?;
            let value = value.ok_or_else(unread)?;
            Ok(Response { value, meta, body })
        })
    }
}

impl<T> fmt::Debug for WithMeta<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A [`Call`] that returns the body as it is when awaited.
#[must_use = "a call does nothing until it is awaited"]
pub struct AsBytes<T>(Call<T>);

impl<T: Send + 'static> AsBytes<T> {
    /// Returns the status and the headers along with the body, which is both the value and the
    /// body of the response.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn with_meta(self) -> Result<Response<Bytes>> {
        let (meta, body) = self.0.exchange.send(Some("*/*"), &mut AsItIs).await?;
        Ok(Response {
            value: body.clone(),
            meta,
            body,
        })
    }
}

impl<T: Send + 'static> IntoFuture for AsBytes<T> {
    type Output = Result<Bytes>;
    type IntoFuture = Pending<Bytes>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(self.with_meta().await?.value) })
    }
}

impl<T> fmt::Debug for AsBytes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
