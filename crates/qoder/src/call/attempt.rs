//! From a described call to a response: headers, attempts, and the waits between them.

use std::borrow::Cow;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use qoder_http::retry::{Action, AttemptEnd, Attempts, Class, Decision, RetryPolicy, decide};
use qoder_http::time::{deadline, timeout_at};
use qoder_http::{Departure, Lane, Phase, RequestBody, ResponseBody, Sent, Timeouts};
use qoder_types::{Accept, ErrorBody, Op, Request, Retry};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;
use uuid::Uuid;

use super::options::{CallOptions, Key};
use super::trace::{Seen, Trace};
use crate::auth::Granted;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::files::upload::Form;
use crate::gateway::Dialect;
use crate::observe::Target;
use crate::response::{Meta, Response, request_id};
use crate::text::excerpt;

/// Of a response with an error status, no more than this is read.
const ERROR_BODY: usize = 64 << 10;

/// Nor is it waited for longer: the status is the news.
const ERROR_TIME: Duration = Duration::from_secs(5);

/// Of the type and of the message of an error, so many characters are in ours.
const KIND: usize = 100;
const SUMMARY: usize = 1000;

/// A request as it will be sent, the same bytes at every attempt but for the token.
pub(crate) struct Prepared {
    op: &'static Op,
    uri: Uri,
    /// Those that are not the client's.
    headers: HeaderMap,
    body: Payload,
    class: Class,
    retry: RetryPolicy,
    deadline: Option<Duration>,
    timeouts: Timeouts,
    max_response: usize,
}

/// What is sent.
enum Payload {
    None,
    Json(Bytes),
    Form(Form),
}

impl Prepared {
    pub(crate) fn new<T>(
        client: &Client,
        request: &Request<T>,
        options: CallOptions,
    ) -> Result<Self> {
        if Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
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
        let uri = client.base().join(&target);
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
        let class = classify(op, options.key, &mut headers)?;
        headers.extend(options.headers);
        let settings = client.settings();
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
        Ok(Self {
            op,
            uri,
            headers,
            body,
            class,
            retry,
            deadline,
            timeouts: settings.timeouts,
            max_response: settings.max_response,
        })
    }

    /// The key that it is sent with.
    fn key(&self) -> Option<String> {
        let key = self.headers.get("idempotency-key")?;
        key.to_str().ok().map(ToOwned::to_owned)
    }

    /// Sends this form as the body.
    pub(crate) fn fill(&mut self, form: Form) {
        self.body = Payload::Form(form);
    }

    /// Whether the body can't be sent another time.
    fn is_spent(&self) -> bool {
        matches!(&self.body, Payload::Form(form) if form.is_spent())
    }

    fn trace<'c>(&self, client: &'c Client) -> Trace<'c> {
        let target = Target {
            operation: self.op.name,
            method: self.op.method,
            route: self.op.path,
        };
        let bytes = match &self.body {
            Payload::None => Some(0),
            Payload::Json(bytes) => u64::try_from(bytes.len()).ok(),
            Payload::Form(form) => form.len(),
        };
        Trace::new(client, target, &self.uri, bytes)
    }

    fn request(
        &self,
        client: &Client,
        attempt: u32,
        granted: &Granted,
    ) -> http::Request<RequestBody> {
        let json = HeaderValue::from_static("application/json");
        let mut boundary = None;
        let (content_type, body) = match &self.body {
            // The first generation asked for it on every request, today's infers it.
            Payload::None => (
                (client.dialect() == Dialect::Seed).then_some(json),
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
        *request.headers_mut() = client.headers().clone();
        let headers = request.headers_mut();
        let accept = match self.op.accept {
            Accept::EventStream => "text/event-stream",
            _ => "application/json",
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
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

/// What may be repeated. A write gets its key here, before the first attempt.
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

/// Makes attempts until one succeeds or the policy gives up, and reads the value out of the body.
pub(crate) async fn run<T>(
    client: &Client,
    prepared: Prepared,
    read: impl FnOnce(&Meta, &Bytes) -> Result<T>,
) -> Result<Response<T>> {
    let mut trace = prepared.trace(client);
    let span = trace.span();
    async {
        let received = attempts::<http::Response<Bytes>>(client, &prepared, &mut trace).await;
        let (response, attempts) = match received {
            Ok(received) => received,
            Err(error) => return trace.finish(Err(error), None),
        };
        let (parts, body) = response.into_parts();
        let meta = Meta {
            status: parts.status,
            headers: parts.headers,
            attempts,
            elapsed: trace.started().elapsed(),
        };
        let value = read(&meta, &body);
        let value = trace.finish(value, Some(Seen::new(meta.status, Some(body.len()))))?;
        Ok(Response { value, meta, body })
    }
    .instrument(span)
    .await
}

/// Opens a stream: attempts as for a read, until a head arrives; the body is the caller's. Gives
/// the number of attempts too.
pub(crate) async fn open(
    client: &Client,
    prepared: Prepared,
) -> Result<(http::Response<ResponseBody>, u32)> {
    let mut trace = prepared.trace(client);
    let span = trace.span();
    async {
        match attempts::<http::Response<ResponseBody>>(client, &prepared, &mut trace).await {
            Ok(opened) => {
                let seen = Seen::new(opened.0.status(), None);
                trace.finish(Ok(opened), Some(seen))
            }
            Err(error) => trace.finish(Err(error), None),
        }
    }
    .instrument(span)
    .await
}

/// What a success is to the caller: how much of it belongs to the attempt.
trait Receive: Sized {
    /// What is told of it.
    fn seen(&self) -> Seen;

    /// The server's id of the request.
    fn id(&self) -> Option<&str>;

    fn receive(
        prepared: &Prepared,
        response: http::Response<ResponseBody>,
    ) -> impl Future<Output = std::result::Result<Self, Failure>> + Send;
}

/// Why an attempt is not the last word, for the policy, and what to tell the caller if it is.
struct Failure {
    error: Error,
    end: End,
    /// The token was refused, and another can be had.
    renewable: bool,
}

/// What the retry policy wants to know of a failed attempt.
enum End {
    /// There was no token to send it with, so that nothing was sent. There may soon be one.
    NoToken {
        passing: bool,
    },
    Status(u16, HeaderMap),
    Failed(qoder_http::ErrorKind, Sent),
    BodyBroke,
}

async fn attempts<T: Receive>(
    client: &Client,
    prepared: &Prepared,
    trace: &mut Trace<'_>,
) -> Result<(T, u32)> {
    // Luck for the waits need not be the system's, which is a call of it for each call of ours.
    let seed = RandomState::new().build_hasher().finish();
    let mut policy =
        Attempts::new(prepared.retry, prepared.class, seed).with_budget(client.budget().clone());
    let ends = prepared
        .deadline
        .and_then(|limit| deadline(trace.started(), limit));
    let mut sent = Sent::No;
    loop {
        let attempt = trace.attempt();
        let mut leaving = false;
        let departure = Departure::default();
        let one = async {
            let granted = client.auth().authorize().await.map_err(Failure::no_token)?;
            leaving = true;
            let lane = if prepared.op.accept == Accept::EventStream {
                Lane::Stream
            } else {
                Lane::Call
            };
            let mut request = prepared.request(client, attempt, &granted);
            request.extensions_mut().insert(departure.clone());
            let sent = client
                .transport()
                .send(request, lane, prepared.timeouts)
                .await;
            let response = sent.map_err(Failure::transport)?;
            let renewable = client.auth().answered(&granted, response.status());
            if response.status().is_success() {
                T::receive(prepared, response).await
            } else {
                Err(refusal(client, response, renewable).await)
            }
        };
        let Ok(outcome) = timeout_at(ends, one).await else {
            let made = if leaving { attempt } else { attempt - 1 };
            let sent = match departure.sent() {
                Sent::No => sent,
                left => left,
            };
            let error = too_late(prepared, made, sent).with_idempotency_key(prepared.key());
            trace.failed(&error, None);
            return Err(error);
        };
        let failure = match outcome {
            Ok(received) => {
                policy.succeeded();
                trace.received(received.seen(), received.id());
                return Ok((received, attempt));
            }
            Err(failure) => failure,
        };
        // A request that may have left isn't taken back by another that didn't.
        if failure.error.sent() != Sent::No {
            sent = failure.error.sent();
        }
        let made = if leaving { attempt } else { attempt - 1 };
        let error = failure
            .error
            .with_attempts(made)
            .with_sent(sent)
            .with_retryable(failure.end.is_retryable(prepared.class))
            .with_idempotency_key(prepared.key());
        let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        let next = if prepared.is_spent() {
            Action::GiveUp
        } else {
            policy.next(&failure.end.view(), left, SystemTime::now())
        };
        match next {
            Action::Retry { after } => {
                trace.failed(&error, Some(after));
                sleep(after).await;
                policy.begins();
            }
            Action::Renew if failure.renewable => {
                trace.failed(&error, Some(Duration::ZERO));
            }
            _ => {
                trace.failed(&error, None);
                return Err(error);
            }
        }
    }
}

fn too_late(prepared: &Prepared, attempts: u32, sent: Sent) -> Error {
    let deadline = prepared.deadline.unwrap_or_default();
    let end = End::Failed(qoder_http::ErrorKind::Timeout(Phase::Head), sent);
    Error::new(
        ErrorKind::Timeout,
        format!("the call's deadline of {deadline:?} passed"),
    )
    .with_attempts(attempts)
    .with_sent(sent)
    .with_retryable(end.is_retryable(prepared.class))
}

impl Failure {
    fn transport(error: qoder_http::Error) -> Self {
        let end = End::Failed(error.kind(), error.sent());
        Self {
            error: Error::transport(error),
            end,
            renewable: false,
        }
    }

    fn no_token(error: Error) -> Self {
        Self {
            end: End::NoToken {
                passing: error.is_passing(),
            },
            error,
            renewable: false,
        }
    }
}

impl End {
    /// Whether a call of this class can be made again after it, by the caller.
    fn is_retryable(&self, class: Class) -> bool {
        match self {
            Self::NoToken { passing } => *passing && class != Class::Never,
            _ => decide(class, &self.view()) == Decision::Retry,
        }
    }

    fn view(&self) -> AttemptEnd<'_> {
        match self {
            Self::Status(status, headers) => AttemptEnd::Status {
                status: *status,
                headers,
            },
            Self::Failed(kind, sent) => AttemptEnd::Failed {
                kind: *kind,
                sent: *sent,
            },
            // Asking for it has its own rules about when to ask again.
            Self::NoToken { .. } => AttemptEnd::Failed {
                kind: qoder_http::ErrorKind::Config,
                sent: Sent::No,
            },
            Self::BodyBroke => AttemptEnd::BodyBroke,
        }
    }
}

/// A success with its body in memory: if it breaks, the attempt has failed.
impl Receive for http::Response<Bytes> {
    fn seen(&self) -> Seen {
        Seen::new(self.status(), Some(self.body().len()))
    }

    fn id(&self) -> Option<&str> {
        request_id(self.headers())
    }

    async fn receive(
        prepared: &Prepared,
        response: http::Response<ResponseBody>,
    ) -> std::result::Result<Self, Failure> {
        let (parts, body) = response.into_parts();
        match body.collect(prepared.max_response).await {
            Ok(body) => Ok(http::Response::from_parts(parts, body)),
            Err(error) => {
                let end = match error.kind() {
                    // The same answer would be as large again.
                    qoder_http::ErrorKind::TooLarge => {
                        End::Status(parts.status.as_u16(), HeaderMap::new())
                    }
                    _ => End::BodyBroke,
                };
                let id = request_id(&parts.headers).map(ToOwned::to_owned);
                Err(Failure {
                    error: Error::transport(error)
                        .with_status(parts.status)
                        .with_request_id(id),
                    end,
                    renewable: false,
                })
            }
        }
    }
}

/// A head; the body is the caller's to read.
impl Receive for http::Response<ResponseBody> {
    fn seen(&self) -> Seen {
        Seen::new(self.status(), None)
    }

    fn id(&self) -> Option<&str> {
        request_id(self.headers())
    }

    async fn receive(_: &Prepared, response: Self) -> std::result::Result<Self, Failure> {
        Ok(response)
    }
}

/// What a response says that is no success. A body that breaks, takes too long or is too large says
/// nothing: the status stands without it.
pub(crate) async fn words(client: &Client, body: ResponseBody) -> Bytes {
    let reading = timeout(ERROR_TIME, body.collect(ERROR_BODY));
    let read = reading.await.ok().and_then(std::result::Result::ok);
    client.auth().redact_bytes(read.unwrap_or_default())
}

/// The error in a response that is no success.
async fn refusal(
    client: &Client,
    response: http::Response<ResponseBody>,
    renewable: bool,
) -> Failure {
    let (parts, body) = response.into_parts();
    let said = words(client, body).await;
    let api = client.auth().redact_api(ErrorBody::parse(&said));
    let id = request_id(&parts.headers)
        .or(api.request_id.as_deref())
        .map(ToOwned::to_owned);
    let status = parts.status;
    let kind = api.kind().map(|kind| excerpt(kind, KIND));
    let kind = kind.as_deref().or(status.canonical_reason());
    let mut message = format!("{} {}", status.as_u16(), kind.unwrap_or("error"));
    if let Some(text) = api.summary() {
        message.push_str(": ");
        message.push_str(&excerpt(&text, SUMMARY));
    }
    if status.is_redirection() {
        message.push_str("; redirects are not followed, so that the token stays with its host: mend the base URL");
    }
    if is_not_the_api(status, &parts.headers, &said, &api) {
        message.push_str(client.elsewhere());
    }
    let error = Error::new(ErrorKind::Api, message)
        .with_status(status)
        .with_request_id(id)
        .with_retry_after(qoder_http::retry::retry_after(
            &parts.headers,
            SystemTime::now(),
        ))
        .with_api(api);
    Failure {
        error,
        end: End::Status(status.as_u16(), parts.headers),
        renewable,
    }
}

/// Whether this may be the answer of a host without the API, or with another generation of it.
fn is_not_the_api(status: StatusCode, headers: &HeaderMap, said: &[u8], api: &ErrorBody) -> bool {
    let content = |text: &Option<String>| text.as_ref().is_some_and(|t| t.contains("content"));
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => true,
        StatusCode::BAD_REQUEST if content(&api.param) || content(&api.message) => true,
        _ => is_web_page(headers, said),
    }
}

/// Whether a body is a web page, by what its head says or by how it begins.
pub(crate) fn is_web_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("html"))
        || body.trim_ascii_start().starts_with(b"<")
}
