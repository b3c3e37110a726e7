//! A request as it will be sent, made once for all attempts.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use qoder_http::retry::{Class, RetryPolicy};
use qoder_http::time::deadline;
use qoder_http::{Coding, Departure, Lane, RequestBody, Timeouts};
use qoder_types::{Accept, Op, Request, Retry};
use tokio::runtime::Handle;
use tokio::time::Instant;
use uuid::Uuid;

use super::options::{CallOptions, Key, add_features};
use super::trace::Trace;
use crate::auth::Granted;
use crate::error::{Error, Result};
use crate::files::Form;
use crate::gateway::Dialect;
use crate::observe::Operation;
use crate::shared::Shared;

/// A request as it will be sent, the same bytes at every attempt but for the token.
pub(crate) struct Prepared {
    pub(super) op: &'static Op,
    accept: &'static str,
    uri: Uri,
    /// Those that are not the client's.
    headers: HeaderMap,
    body: Payload,
    pub(super) class: Class,
    pub(super) retry: RetryPolicy,
    pub(super) deadline: Option<Duration>,
    pub(super) timeouts: Timeouts,
    pub(super) max_response: usize,
    pub(super) lane: Lane,
    coding: Coding,
}

/// Room for the headers that each attempt, and then the transport, adds.
const ADDED: usize = 6;

/// The payload that is sent.
enum Payload {
    None,
    Json(Bytes),
    Form(Form),
}

impl Prepared {
    pub(crate) fn new<T>(
        shared: &Shared,
        request: &Request<T>,
        options: CallOptions,
    ) -> Result<Self> {
        if Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
        let options = options.over(shared.options().around(request));
        if let Some(why) = options.refused {
            return Err(Error::input(why));
        }
        let mut request = Cow::Borrowed(request);
        for (name, value) in options.query {
            request.to_mut().add_query(name, value);
        }
        let op = request.op();
        let input =
            |error: qoder_types::RequestError| Error::input(error.to_string()).with_source(error);
        let target = request.target().map_err(input)?;
        // `Uri` would cut it off without a word.
        if target.contains('#') {
            let why = format!("the path {target:?} has a fragment, which no server sees");
            return Err(Error::input(why));
        }
        if let Some((_, rest)) = target.split_once(['{', '}']) {
            let name = rest.split('}').next().unwrap_or_default();
            return Err(Error::input(format!(
                "the path {target:?} has a brace in it: fill a parameter with `path({name:?}, ..)`, and write any other \
                 brace as %7B or %7D"
            )));
        }
        let uri = shared.base().join(&target);
        let uri = Uri::try_from(uri).map_err(|error: http::uri::InvalidUri| {
            Error::input(format!("the path {target:?} fits no URL: {error}"))
        })?;
        let body = match request.body().map_err(input)? {
            Some(body) => Payload::Json(Bytes::copy_from_slice(body)),
            None => Payload::None,
        };

        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            let name = HeaderName::from_static(name);
            let value = HeaderValue::try_from(value.as_str()).map_err(|_| {
                Error::input(format!(
                    "the value for the header `{name}` has a control character"
                ))
            })?;
            headers.insert(name, value);
        }
        let class = classify(op, options.of.key, &mut headers)?;
        headers.extend(options.headers);
        add_features(&mut headers, shared.headers());
        let settings = shared.settings();
        let mut retry = settings.retry;
        if let Some(retries) = options.retries {
            retry.max_retries = retries;
        }
        let limit = options.timeout.or(settings.deadline);
        let deadline = limit.filter(|limit| deadline(Instant::now(), *limit).is_some());
        if let Some(seconds) = deadline
            .map(|deadline| deadline.as_secs())
            .filter(|seconds| *seconds > 0)
        {
            headers.insert(HeaderName::from_static("x-qoder-timeout"), seconds.into());
        }
        let accept = match op.accept {
            Accept::EventStream => "text/event-stream",
            Accept::Bytes => "*/*",
            _ => "application/json",
        };
        Ok(Self {
            op,
            accept,
            uri,
            headers,
            body,
            class,
            retry,
            deadline,
            timeouts: settings.timeouts,
            max_response: settings.max_response,
            lane: if op.accept == Accept::EventStream {
                Lane::Stream
            } else {
                Lane::Call
            },
            coding: Coding::default(),
        })
    }

    /// The key that it is sent with.
    pub(super) fn key(&self) -> Option<String> {
        let key = self.headers.get("idempotency-key")?;
        key.to_str().ok().map(ToOwned::to_owned)
    }

    /// Asks for a response of another type than the operation's.
    pub(super) fn accept(&mut self, accept: &'static str) {
        self.accept = accept;
    }

    /// Asks for stored bytes, or for a part of them by these headers.
    pub(crate) fn download(mut self, headers: HeaderMap, lane: Lane, coding: Coding) -> Self {
        self.headers.extend(headers);
        self.lane = lane;
        self.coding = coding;
        self
    }

    /// Sends this form as the body.
    pub(crate) fn fill(&mut self, form: Form) {
        self.body = Payload::Form(form);
    }

    /// Whether the body can't be sent another time.
    pub(super) fn is_spent(&self) -> bool {
        matches!(&self.body, Payload::Form(form) if form.is_spent())
    }

    pub(super) fn trace<'c>(&self, shared: &'c Shared) -> Trace<'c> {
        let operation = Operation {
            name: self.op.name,
            method: self.op.method,
            route: self.op.path,
        };
        let bytes = match &self.body {
            Payload::None => Some(0),
            Payload::Json(bytes) => u64::try_from(bytes.len()).ok(),
            Payload::Form(form) => form.len(),
        };
        Trace::new(shared, operation, &self.uri, bytes)
    }

    pub(super) fn request(
        &self,
        shared: &Shared,
        attempt: u32,
        granted: &Granted,
        departure: &Departure,
    ) -> http::Request<RequestBody> {
        let json = HeaderValue::from_static("application/json");
        let mut boundary = None;
        let (content_type, body) = match &self.body {
            // The first generation asked for it on every request, today's infers it.
            Payload::None => (
                (shared.dialect() == Dialect::Seed).then_some(json),
                RequestBody::empty(),
            ),
            Payload::Json(bytes) => (Some(json), bytes.clone().into()),
            Payload::Form(form) => {
                let (content_type, body) = form.body();
                boundary = Some(content_type);
                (None, body)
            }
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = method(self.op.method);
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        let always = shared.headers();
        headers.reserve(always.len() + self.headers.len() + ADDED);
        for (name, value) in always {
            headers.append(name, value.clone());
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static(self.accept));
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        // Of a name that is there already, these are the values.
        headers.extend(self.headers.clone());
        // Without its own boundary nobody can read a form.
        if let Some(content_type) = boundary {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.insert(header::AUTHORIZATION, granted.header());
        let retries = match attempt {
            0 | 1 => HeaderValue::from_static("0"),
            attempt => (attempt - 1).into(),
        };
        headers.insert(HeaderName::from_static("x-qoder-retry-count"), retries);
        request.extensions_mut().insert(departure.clone());
        if self.coding != Coding::default() {
            request.extensions_mut().insert(self.coding);
        }
        request
    }
}

fn method(method: qoder_types::Method) -> http::Method {
    match method {
        qoder_types::Method::Post => http::Method::POST,
        qoder_types::Method::Put => http::Method::PUT,
        qoder_types::Method::Delete => http::Method::DELETE,
        _ => http::Method::GET,
    }
}

/// Returns the retry class. A write gets its key here, before the first attempt.
fn classify(op: &Op, key: Key, headers: &mut HeaderMap) -> Result<Class> {
    let key = match (op.retry, key) {
        (Retry::Read, _) => return Ok(Class::Read),
        (Retry::Never, Key::Generated | Key::Off) => return Ok(Class::Never),
        (_, Key::Off) => return Ok(Class::Once),
        (_, Key::Given(key)) => key,
        (_, Key::Generated) => Uuid::new_v4().to_string(),
    };
    let value = HeaderValue::try_from(key)
        .map_err(|_| Error::input("the idempotency key has a control character in it"))?;
    headers.insert(HeaderName::from_static("idempotency-key"), value);
    Ok(if op.retry == Retry::Never {
        Class::Never
    } else {
        Class::Keyed
    })
}
