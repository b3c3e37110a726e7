//! A [`Call`] is a request that can be adjusted, and a future when it is awaited. Awaited, it
//! returns the value alone; [`Call::with_meta`] adds what else the response said.

mod attempt;
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
use std::pin::Pin;

use bytes::Bytes;
use qoder_types::{Form, Method, Op, Request, ops};
use serde::de::DeserializeOwned;
use serde_json::Value;

use attempt::run;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{Form as Content, Upload};
use crate::redact::Redact;
use crate::shared::Shared;
use crate::text::{excerpt, head_of};

/// The future of a [`Call`].
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A call of one operation: adjust it, then await it.
///
/// ```no_run
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
    shared: Shared,
    request: Request<T>,
    options: CallOptions,
    /// What the files in the form of the request are filled with, in their order.
    uploads: Vec<Upload>,
    /// The method and path of a raw call, as they are shown.
    raw: Option<String>,
}

impl<T> Call<T> {
    pub(crate) fn new(shared: Shared, request: Request<T>) -> Self {
        Self {
            shared,
            request,
            options: CallOptions::default(),
            uploads: Vec::new(),
            raw: None,
        }
    }

    /// A call of an operation that this crate has no description of.
    pub(crate) fn raw(shared: Shared, method: Method, path: &str) -> Self {
        Self {
            raw: Some(format!("{} {}", method.as_str(), route(path))),
            ..Self::new(shared, Request::undocumented(method, path))
        }
    }

    pub(crate) fn with_uploads(mut self, uploads: impl IntoIterator<Item = Upload>) -> Self {
        self.uploads.extend(uploads);
        self
    }

    /// Changes the options of this call.
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Adds a member to the JSON body, or a field to the form of an upload, for fields that this
    /// release doesn't know.
    pub fn extra(mut self, field: &str, value: Value) -> Self {
        self.request.extra(field, value);
        self
    }

    /// Sends this value as the JSON body, in place of what is there.
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Fills the parameter `{name}` in the path of a [raw call](crate::Client::request): one
    /// segment, percent-encoded whole. If it is empty, `.` or `..`, or if the path has no such
    /// parameter, the call fails with [`ErrorKind::Input`].
    pub fn path(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        let raw = self.raw.as_deref().unwrap_or_default();
        if !raw.contains(&format!("{{{name}}}")) {
            self.refuse(format!("the path has no parameter {{{name}}}"));
        }
        self.request = self.request.path(name, &value.to_string());
        self
    }

    /// Sets a query parameter, in place of one of the same name.
    pub fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.request.set_query(name, value);
        self
    }

    /// Sends these fields as a form (`multipart/form-data`), in place of what is there.
    pub fn form<N: Into<String>, V: Into<String>>(
        mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut form = Form::default();
        form.fields = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.uploads.clear();
        self.request = self.request.form_body(form);
        self
    }

    /// Adds a file to the form, as this field of it, with the form's fields that the upload has:
    /// its name and metadata. Further files follow it, under the same field or another.
    pub fn file(mut self, field: &str, upload: Upload) -> Self {
        let mut form = self.request.form().cloned().unwrap_or_default();
        if let Some(own) = ops::files::upload(upload.about()).form() {
            form.fields.extend(own.fields.iter().cloned());
        }
        let about = upload.about();
        form.file(field, &about.filename, &about.mime_type);
        self.request = self.request.form_body(form);
        self.with_uploads([upload])
    }

    /// Returns the status, the headers and the raw body along with the value.
    pub fn with_meta(self) -> WithMeta<T> {
        WithMeta(self)
    }

    /// Returns the body as it is, whatever it is, and not the value that JSON in it stands for. It
    /// is read into memory, up to the client's
    /// [`max_response`](crate::ClientBuilder::max_response).
    ///
    /// ```no_run
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

    /// What it is named by in errors.
    pub(crate) fn operation(&self) -> Cow<'static, str> {
        match &self.raw {
            Some(raw) => Cow::Owned(raw.clone()),
            None => Cow::Borrowed(self.request.op().name),
        }
    }

    /// Makes the call fail with [`ErrorKind::Input`].
    pub(crate) fn refuse(&mut self, why: String) {
        self.options.refused.get_or_insert(why);
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn request_mut(&mut self) -> &mut Request<T> {
        &mut self.request
    }
}

impl<T: DeserializeOwned + Send + 'static> Call<T> {
    fn send(self) -> Pending<Response<T>> {
        let op = self.request.op();
        let shared = self.shared.clone();
        let read = move |meta: &Meta, body: &Bytes| decode(op, meta, body, &shared);
        Box::pin(self.send_for(None, read))
    }
}

impl<T> Call<T> {
    /// Sends the request and reads the response, which is asked for in another type than JSON if
    /// there is one to `accept`.
    async fn send_for<V>(
        self,
        accept: Option<&'static str>,
        read: impl FnOnce(&Meta, &Bytes) -> Result<V>,
    ) -> Result<Response<V>> {
        let operation = self.operation();
        let shared = self.shared;
        let sent = async {
            let mut prepared = Prepared::new(&shared, &self.request, self.options)?;
            if let Some(accept) = accept {
                prepared.accept(accept);
            }
            if let Some(form) = self.request.form() {
                prepared.fill(Content::new(form, &self.uploads).await?);
            }
            run(&shared, prepared, read).await
        };
        sent.await
            .map_err(|error: Error| error.with_operation(operation).redacted(shared.auth()))
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            request: self.request.clone(),
            options: self.options.clone(),
            uploads: self.uploads.clone(),
            raw: self.raw.clone(),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = Pending<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(self.send().await?.value) })
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field(
                "operation",
                &self.shared.auth().redact(self.operation().into_owned()),
            )
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
        self.0.send()
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
        Box::pin(self.0.send_for(Some("*/*"), |_, body| Ok(body.clone()))).await
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

/// A path that somebody wrote, as it is shown: without a query, and with a mark for each segment
/// that looks like an id, or may be a secret.
fn route(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let shown = |segment: &str| {
        let digits = segment.contains(|c: char| c.is_ascii_digit());
        segment.contains('{') || segment.len() <= 3 || !digits && segment.len() <= 40
    };
    let segments = path
        .split('/')
        .map(|segment| if shown(segment) { segment } else { "…" });
    segments.collect::<Vec<_>>().join("/")
}

/// The value in the body of a success.
fn decode<T: DeserializeOwned>(op: &Op, meta: &Meta, body: &Bytes, shared: &Shared) -> Result<T> {
    op.read(body).map_err(|error| {
        // Before it is shortened: half a secret isn't found any more.
        let body = &shared.auth().redact_bytes(body.clone());
        let what = if body.is_empty() {
            "an empty body".to_owned()
        } else if std::str::from_utf8(body).is_err() {
            format!("{} bytes that are not UTF-8", body.len())
        } else if is_web_page(&meta.headers, body) {
            format!(
                "a web page: {:?}; is the base URL the API's, or does a proxy answer in its place?{}",
                head_of(body),
                shared.elsewhere()
            )
        } else if error.is_eof() {
            format!("a document that ends too early, after {} bytes", body.len())
        } else {
            // It may quote what it found.
            let error = shared.auth().redact(error.to_string());
            format!(
                "{:?}, which is not what the API documents: {}",
                head_of(body),
                excerpt(&error, 300)
            )
        };
        Error::new(
            ErrorKind::Decode,
            format!("{} with {what}", meta.status.as_u16()),
        )
        .with_status(meta.status)
        .with_request_id(meta.request_id().map(ToOwned::to_owned))
        .with_attempts(meta.attempts)
        .with_body(body.slice(..body.len().min(64 << 10)))
    })
}
