//! A call, whatever it returns. Generic code is compiled in every crate that uses it, and anew for
//! each type: what all calls have in common is here, behind a future in a box, and compiled once.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use qoder_types::{Form, Method, Op, Request, ops};
use serde::de::DeserializeOwned;

use super::attempt::run;
use super::failure::is_web_page;
use super::options::CallOptions;
use super::prepared::Prepared;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Form as Content, Upload};
use crate::redact::Redact;
use crate::response::Meta;
use crate::shared::Shared;
use crate::text::{excerpt, head_of};

/// The place into which the value in the body of a success is read. A reader for each type is all
/// that is compiled for it.
pub(super) trait Place: Send {
    fn read(&mut self, op: &Op, body: &[u8]) -> serde_json::Result<()>;
}

impl<T: DeserializeOwned + Send> Place for Option<T> {
    fn read(&mut self, op: &Op, body: &[u8]) -> serde_json::Result<()> {
        *self = Some(op.read(body)?);
        Ok(())
    }
}

/// No place: the body is wanted as it is.
pub(super) struct AsItIs;

impl Place for AsItIs {
    fn read(&mut self, _: &Op, _: &[u8]) -> serde_json::Result<()> {
        Ok(())
    }
}

/// The error that a success would be whose value was not read.
pub(super) fn unread() -> Error {
    Error::new(ErrorKind::Decode, "the response was not read")
}

/// The future of an exchange: what came beside the body, and the body as it was.
type Exchanging<'r> = Pin<Box<dyn Future<Output = Result<(Meta, Bytes)>> + Send + 'r>>;

#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) shared: Shared,
    pub(super) request: Request<()>,
    pub(super) options: CallOptions,
    /// The contents of the files in the request's form, in their order.
    uploads: Vec<Upload>,
    /// The method and path of a raw call, as they are shown.
    raw: Option<String>,
}

impl Exchange {
    pub(super) fn new(shared: Shared, request: Request<()>) -> Self {
        Self {
            shared,
            request,
            options: CallOptions::default(),
            uploads: Vec::new(),
            raw: None,
        }
    }

    /// A call of an operation that this crate has no description of.
    pub(super) fn raw(shared: Shared, method: Method, path: &str) -> Self {
        Self {
            raw: Some(format!("{} {}", method.as_str(), route(path))),
            ..Self::new(shared, Request::undocumented(method, path))
        }
    }

    /// Fills a parameter in the path of a raw call.
    pub(super) fn path(mut self, name: &'static str, value: &str) -> Self {
        let raw = self.raw.as_deref().unwrap_or_default();
        if !raw.contains(&format!("{{{name}}}")) {
            self.refuse(format!("the path has no parameter {{{name}}}"));
        }
        self.request = self.request.path(name, value);
        self
    }

    pub(super) fn form(mut self, fields: Vec<(String, String)>) -> Self {
        let mut form = Form::default();
        form.fields = fields;
        self.uploads.clear();
        self.request = self.request.form_body(form);
        self
    }

    pub(super) fn file(mut self, field: &str, upload: Upload) -> Self {
        let mut form = self.request.form().cloned().unwrap_or_default();
        if let Some(own) = ops::files::upload(upload.about()).form() {
            form.fields.extend(own.fields.iter().cloned());
        }
        let about = upload.about();
        form.file(field, &about.filename, &about.mime_type);
        self.request = self.request.form_body(form);
        self.uploads.push(upload);
        self
    }

    pub(super) fn upload(&mut self, uploads: impl IntoIterator<Item = Upload>) {
        self.uploads.extend(uploads);
    }

    /// The name of the call in errors.
    pub(super) fn operation(&self) -> Cow<'static, str> {
        match &self.raw {
            Some(raw) => Cow::Owned(raw.clone()),
            None => Cow::Borrowed(self.request.op().name),
        }
    }

    /// The name of the call in its `Debug`.
    pub(super) fn shown(&self) -> String {
        let operation = self.operation().into_owned();
        self.shared.auth().redact(operation)
    }

    /// Makes the call fail with [`ErrorKind::Input`].
    pub(super) fn refuse(&mut self, why: String) {
        self.options.refused.get_or_insert(why);
    }

    /// Sends the request and has the response read into its place. It is asked for in another type
    /// than JSON if there is one to `accept`.
    pub(super) fn send<'r>(
        mut self: Box<Self>,
        accept: Option<&'static str>,
        place: &'r mut dyn Place,
    ) -> Exchanging<'r> {
        Box::pin(async move {
            let operation = self.operation();
            let op = self.request.op();
            let options = std::mem::take(&mut self.options);
            let shared = &self.shared;
            let sent = async {
                let mut prepared = Prepared::new(shared, &self.request, options)?;
                if let Some(accept) = accept {
                    prepared.accept(accept);
                }
                if let Some(form) = self.request.form() {
                    prepared.fill(Content::new(form, &self.uploads).await?);
                }
                let read = &mut |meta: &Meta, body: &Bytes| {
                    place
                        .read(op, body)
                        .map_err(|error| undecodable(&error, meta, body, shared))
                };
                run(shared, &prepared, read).await
            };
            sent.await
                .map_err(|error: Error| error.with_operation(operation).redacted(shared.auth()))
        })
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

/// The error that a success is whose body can't be read.
fn undecodable(error: &serde_json::Error, meta: &Meta, body: &Bytes, shared: &Shared) -> Error {
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
}
