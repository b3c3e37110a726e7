//! A call: a request that can be adjusted, and a future when it is awaited.

mod attempt;
mod failure;
mod options;
mod prepared;
mod trace;

pub(crate) use attempt::open;
pub(crate) use failure::words;
pub use options::CallOptions;
pub(crate) use prepared::Prepared;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use qoder_types::{Op, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use attempt::run;
use failure::is_web_page;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{Form, Upload};
use crate::redact::Redact;
use crate::response::{Meta, Response};
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
    /// What the form of the request is filled with.
    upload: Option<Upload>,
}

impl<T> Call<T> {
    pub(crate) fn new(shared: Shared, request: Request<T>) -> Self {
        Self {
            shared,
            request,
            options: CallOptions::default(),
            upload: None,
        }
    }

    pub(crate) fn with_upload(mut self, upload: Upload) -> Self {
        self.upload = Some(upload);
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

    /// Gives status, headers and the raw body beside the value.
    pub fn with_meta(self) -> WithMeta<T> {
        WithMeta(self)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn request(&self) -> &Request<T> {
        &self.request
    }

    pub(crate) fn request_mut(&mut self) -> &mut Request<T> {
        &mut self.request
    }
}

impl<T: DeserializeOwned + Send + 'static> Call<T> {
    async fn send(self) -> Result<Response<T>> {
        let operation = self.request.op().name;
        let shared = self.shared.clone();
        async {
            let mut prepared = Prepared::new(&self.shared, &self.request, self.options)?;
            if let (Some(form), Some(upload)) = (self.request.form(), &self.upload) {
                prepared.fill(Form::new(form, upload).await?);
            }
            let op = self.request.op();
            run(&self.shared, prepared, |meta, body| {
                decode(op, meta, body, &shared)
            })
            .await
        }
        .await
        .map_err(|error: Error| error.with_operation(operation).redacted(shared.auth()))
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            request: self.request.clone(),
            options: self.options.clone(),
            upload: self.upload.clone(),
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
            .field("operation", &self.request.op().name)
            .finish_non_exhaustive()
    }
}

/// A [`Call`] that gives the whole [`Response`] when awaited.
#[must_use = "a call does nothing until it is awaited"]
pub struct WithMeta<T>(Call<T>);

impl<T: DeserializeOwned + Send + 'static> IntoFuture for WithMeta<T> {
    type Output = Result<Response<T>>;
    type IntoFuture = Pending<Response<T>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.send())
    }
}

impl<T> fmt::Debug for WithMeta<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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
