//! The server: connections, what every request meets first, and the faults.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::body::ResponseBody;
use crate::errors::Refusal;
use crate::exchange;
use crate::fault::{Fault, Plan, Target};
use crate::files::{self, Part, Upload};
use crate::page::{Query, decoded};
use crate::recorded::Recorded;
use crate::resources;
use crate::sse::{self, Stream};
use crate::state::{Settings, World};
use crate::{Dialect, Heartbeat};

const BASE: &str = "/api/v1/cloud";

/// A simulator that is running. Dropping it stops it.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    world: Arc<World>,
    accepting: JoinHandle<()>,
}

/// What a simulator is like, before it starts.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct Builder {
    listen: SocketAddr,
    settings: Settings,
    plan: Plan,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            settings: Settings {
                dialect: Dialect::default(),
                heartbeat: Heartbeat::default(),
                beat_every: Duration::from_secs(15),
                pace: Duration::from_millis(10),
                hold_turns: false,
                empty_environments: false,
                flat_401: false,
                anonymous_sends: false,
                token_ttl: None,
                link_ttl: Duration::from_secs(900),
                origin: String::new(),
            },
            plan: Plan::new(),
        }
    }
}

impl Builder {
    /// The address to listen at. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen = addr;
        self
    }

    /// The generation of the API. Default: today's.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.settings.dialect = dialect;
        self
    }

    /// What goes wrong. Default: nothing.
    pub fn faults(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// How, and after how much silence, streams show that they are alive. Default: a comment
    /// after 15 s.
    pub fn heartbeat(mut self, kind: Heartbeat, every: Duration) -> Self {
        self.settings.heartbeat = kind;
        self.settings.beat_every = every;
        self
    }

    /// The time between two events of a turn. Default: 10 ms.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.settings.pace = pace;
        self
    }

    /// Whether each turn waits for [`Sim::release_turn`]. Default: no.
    pub fn hold_turns(mut self, hold: bool) -> Self {
        self.settings.hold_turns = hold;
        self
    }

    /// Whether accounts start without the one environment. Default: no.
    pub fn empty_environments(mut self, empty: bool) -> Self {
        self.settings.empty_environments = empty;
        self
    }

    /// Whether a missing token is answered in the flat form of a gateway. Default: no, in the
    /// API's own.
    pub fn flat_401(mut self, flat: bool) -> Self {
        self.settings.flat_401 = flat;
        self
    }

    /// Whether accepted events are answered without their ids. Default: no.
    pub fn anonymous_sends(mut self, anonymous: bool) -> Self {
        self.settings.anonymous_sends = anonymous;
        self
    }

    /// What the tokens of service accounts live at most, in whole seconds. Default: what is asked
    /// for.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.settings.token_ttl = Some(ttl);
        self
    }

    /// How long links to the contents of files hold. Default: 15 minutes.
    pub fn link_ttl(mut self, ttl: Duration) -> Self {
        self.settings.link_ttl = ttl;
        self
    }

    /// The origin that links to files lead to, such as `https://localhost:8443`, for clients that
    /// reach the simulator through something else. Default: its own address.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.origin = origin.into();
        self
    }

    /// Starts the simulator on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub async fn start(mut self) -> io::Result<Sim> {
        let listener = TcpListener::bind(self.listen).await?;
        let addr = listener.local_addr()?;
        if self.settings.origin.is_empty() {
            let host = if addr.ip().is_unspecified() {
                SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()))
            } else {
                addr
            };
            self.settings.origin = format!("http://{host}");
        }
        let world = World::new(self.settings, self.plan);
        let stopped = world.closing.subscribe();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&world), stopped));
        Ok(Sim {
            addr,
            world,
            accepting,
        })
    }
}

impl Sim {
    /// Starts to configure a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one of today's API, in which nothing goes wrong.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The base URL for clients.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.addr)
    }

    /// The origin at which keys of service accounts are exchanged for tokens.
    pub fn exchange_origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Makes all tokens of service accounts that were issued so far invalid. Open streams stay
    /// open.
    pub fn revoke_tokens(&self) {
        self.world.lock().tokens.revoke();
    }

    /// How many tokens were issued to service accounts.
    pub fn tokens_issued(&self) -> usize {
        self.world.lock().tokens.issued()
    }

    /// The address it listens at.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The requests received so far, in the order of their answers.
    pub fn requests(&self) -> Vec<Recorded> {
        self.world.lock().requests.clone()
    }

    /// Forgets the requests received so far.
    pub fn clear_requests(&self) {
        self.world.lock().requests.clear();
    }

    /// Requests for operations that don't exist, as method and path.
    pub fn unexpected(&self) -> Vec<String> {
        self.world.lock().unexpected.clone()
    }

    /// Replaces what is left of the plan of faults.
    pub fn inject(&self, plan: Plan) {
        self.world.lock().plan = plan;
    }

    /// The events of a session, oldest first, deleted ones included; none if there was no such
    /// session.
    pub fn log(&self, session: &str) -> Vec<Value> {
        let log = self.world.any_session(session, |session| {
            session.log().map(|entry| entry.data.clone()).collect()
        });
        log.unwrap_or_default()
    }

    /// Adds an event to a session, completed with an id and a time, and gives it back; `None` if
    /// there is no such session.
    pub fn publish(&self, session: &str, event: Value) -> Option<Value> {
        self.world
            .session(session, |session| session.publish(event))
    }

    /// Delivers a file of a session's agent, which can be downloaded, and publishes the event that
    /// says so. Gives the file's id; `None` if there is no such session.
    pub fn deliver(
        &self,
        session: &str,
        filename: &str,
        mime_type: &str,
        content: impl Into<Bytes>,
    ) -> Option<String> {
        files::deliver(&self.world, session, filename, mime_type, content.into())
    }

    /// Makes all links to files that were given so far invalid.
    pub fn expire_links(&self) {
        let now = Instant::now();
        for link in self.world.lock().links.values_mut() {
            link.ends = now;
        }
    }

    /// Ends a session for good, as the service may do. Whether there is such a session.
    pub fn terminate(&self, session: &str) -> bool {
        let terminated = self.world.session(session, |session| {
            session.set_status("terminated");
            session.cancel();
            session.publish(json!({"type": "session.status_terminated"}));
        });
        terminated.is_some()
    }

    /// Lets one more turn go on, if turns are held.
    pub fn release_turn(&self) {
        self.world
            .released
            .send_modify(|released| *released = released.saturating_add(1));
    }

    /// Stops accepting, and closes what is open.
    pub async fn shutdown(mut self) {
        self.stop();
        let _ = (&mut self.accepting).await;
    }

    fn stop(&self) {
        self.world.closing.send_replace(true);
        self.world.released.send_replace(usize::MAX);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, world: Arc<World>, mut stopped: watch::Receiver<bool>) {
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => connection,
                // Out of descriptors, or the peer is gone already: neither is for ever.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            () = gone(&mut stopped) => return,
        };
        let _ = connection.set_nodelay(true);
        let number = {
            let mut inner = world.lock();
            inner.connections += 1;
            inner.connections
        };
        tokio::spawn(serve(
            connection,
            number,
            Arc::clone(&world),
            stopped.clone(),
        ));
    }
}

async fn serve(
    connection: TcpStream,
    number: u64,
    world: Arc<World>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| respond(Arc::clone(&world), number, request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(connection), service);
    tokio::select! {
        // A connection that breaks is its client's to notice.
        _ = serving => {}
        () = gone(&mut stopped) => {}
    }
}

/// Waits until the simulator is stopped.
async fn gone(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// No answer: the connection is closed.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer, on purpose")
    }
}

impl std::error::Error for NoAnswer {}

type Answered = Result<Response<ResponseBody>, NoAnswer>;

/// A request that has been read.
struct Call {
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    /// `None` if it was too large.
    body: Option<Bytes>,
    request_id: String,
}

async fn respond(world: Arc<World>, connection: u64, request: Request<Incoming>) -> Answered {
    let (parts, body) = request.into_parts();
    let is_upload = parts.uri.path().strip_prefix(BASE) == Some("/files");
    let limit = match world.settings.dialect {
        _ if is_upload => files::LONGEST_UPLOAD,
        Dialect::Seed => 32 << 20,
        Dialect::Current => 4 << 20,
    };
    let body = Limited::new(body, limit)
        .collect()
        .await
        .ok()
        .map(http_body_util::Collected::to_bytes);
    let mut headers = parts.headers;
    if let Some(token) = headers.get_mut(header::AUTHORIZATION) {
        token.set_sensitive(true);
    }
    let given = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let path = parts.uri.path();
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let asks_for_stream = path.ends_with("/events") && accepts.contains("text/event-stream");
    let is_stream = parts.method == Method::GET
        && (path.ends_with("/events/stream")
            || path.contains("/threads/") && path.ends_with("/stream")
            || asks_for_stream);
    let kind = if path == exchange::PATH {
        Target::Exchange
    } else if path.starts_with(files::STORAGE) {
        Target::Storage
    } else if is_stream {
        Target::Stream
    } else {
        Target::Call
    };
    let call = Call {
        path: path.strip_prefix(BASE).unwrap_or(path).to_owned(),
        method: parts.method,
        query: parts.uri.query().map(ToOwned::to_owned),
        request_id: given.map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned),
        headers,
        body,
    };
    let fault = world.lock().plan.take(kind);
    if matches!(fault, Fault::Stall) {
        record(&world, connection, &call, 0);
        return std::future::pending().await;
    }
    let answered = match kind {
        Target::Stream => stream(&world, &call, fault),
        Target::Exchange => exchanged(&world, &call, &fault),
        Target::Storage => stored(&world, &call, &fault),
        _ => whole(&world, &call, &fault),
    };
    record(
        &world,
        connection,
        &call,
        answered
            .as_ref()
            .map_or(0, |response| response.status().as_u16()),
    );
    answered.map(|mut response| {
        if let Ok(id) = HeaderValue::try_from(call.request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    })
}

fn record(world: &World, connection: u64, call: &Call, status: u16) {
    world.lock().requests.push(Recorded {
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        headers: call.headers.clone(),
        body: call.body.clone().unwrap_or_default(),
        status,
        connection,
    });
}

/// The faults that strike before anything is done.
fn refused_by(fault: &Fault, world: &World, call: &Call) -> Option<Answered> {
    Some(match fault {
        Fault::Reset => Err(NoAnswer),
        Fault::Flat401 => Ok(flat_401()),
        Fault::Status {
            status,
            retry_after,
        } => {
            let mut response = refusal(world, call, &Refusal::of_status(*status));
            if let Some(Ok(after)) = retry_after.as_deref().map(HeaderValue::try_from) {
                response.headers_mut().insert(header::RETRY_AFTER, after);
            }
            Ok(response)
        }
        _ => return None,
    })
}

fn json_response(status: u16, body: &Value) -> Response<ResponseBody> {
    respond_with(status, "application/json", body.to_string())
}

fn respond_with(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::try_from(content_type) {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    response
}

fn html() -> Response<ResponseBody> {
    respond_with(
        200,
        "text/html",
        "<!doctype html>\n<html><body>Sign in to continue</body></html>\n",
    )
}

fn no_content() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn refusal(world: &World, call: &Call, refusal: &Refusal) -> Response<ResponseBody> {
    let id = (world.settings.dialect == Dialect::Current).then_some(call.request_id.as_str());
    json_response(refusal.status, &refusal.body(id))
}

fn flat_401() -> Response<ResponseBody> {
    json_response(
        401,
        &json!({"code": "TOKEN_INVALID", "message": "missing authorization token"}),
    )
}

fn bearer(call: &Call) -> Option<&str> {
    let header = call.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = header.strip_prefix("Bearer ")?.trim();
    Some(token).filter(|token| !token.is_empty())
}

/// The account that the bearer token opens, or the answer for who has none.
#[allow(clippy::result_large_err, reason = "the error is the response")]
fn account(world: &World, call: &Call) -> Result<String, Response<ResponseBody>> {
    let opened = bearer(call)
        .ok_or_else(Refusal::unauthorized)
        .and_then(|token| world.lock().tokens.account(token).map(ToOwned::to_owned));
    opened.map_err(|why| {
        if world.settings.flat_401 && why.status == 401 {
            flat_401()
        } else {
            refusal(world, call, &why)
        }
    })
}

/// Answers with a token for a service account.
fn exchanged(world: &World, call: &Call, fault: &Fault) -> Answered {
    if let Some(answered) = refused_by(fault, world, call) {
        return answered;
    }
    if call.method != Method::POST {
        return Ok(unknown(world, call));
    }
    let body = call.body.as_deref().unwrap_or_default();
    let longest = world.settings.token_ttl;
    let answer = world.lock().tokens.exchange(bearer(call), body, longest);
    Ok(match answer {
        Ok(answer) => damaged(&answer, fault),
        Err(why) => refusal(world, call, &why),
    })
}

/// Answers with what a link leads to.
fn stored(world: &World, call: &Call, fault: &Fault) -> Answered {
    if let Some(answered) = refused_by(fault, world, call) {
        return answered;
    }
    let refuse = |status, code: &str| {
        let text = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code></Error>\n");
        Ok(respond_with(status, "application/xml", text))
    };
    // Storage knows nobody: whoever says who they are has told a stranger.
    if call.headers.contains_key(header::AUTHORIZATION) {
        return refuse(400, "InvalidArgument");
    }
    if call.method != Method::GET {
        return refuse(405, "MethodNotAllowed");
    }
    let name = call.path.strip_prefix(files::STORAGE).unwrap_or_default();
    let query = Query::parse(call.query.as_deref());
    let link = world.lock().links.get(name).cloned();
    let link = link.filter(|link| {
        query.get("sig") == Some(link.secret.as_str()) && Instant::now() < link.ends
    });
    let Some(link) = link else {
        return refuse(403, "AccessDenied");
    };
    let file = world.account(&link.account, |account| {
        let mut files = account.files.iter_mut();
        let file = files.find(|file| file.object["id"] == link.file)?;
        if *fault == Fault::EtagChanges {
            file.change();
        }
        Some(file.clone())
    });
    let Some(file) = file else {
        return refuse(404, "NoSuchKey");
    };
    let (etag, length) = (file.etag(), file.content.len());
    let part = match fault {
        Fault::IgnoreRange => Part::Whole,
        _ => Part::asked(&call.headers, &etag, length),
    };
    let (status, range, content) = match part {
        Part::Unsatisfiable => (416, Some(format!("bytes */{length}")), Bytes::new()),
        Part::Whole => (200, None, file.content),
        Part::Range(start, end) => {
            let said = start + usize::from(*fault == Fault::WrongRange);
            let range = format!("bytes {said}-{}/{length}", end - 1);
            (206, Some(range), file.content.slice(start..end))
        }
    };
    let mime_type = file.object["mime_type"].as_str().unwrap_or_default();
    let mut response = damaged_bytes(content, mime_type, fault);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(header::ETAG, Some(etag)), (header::CONTENT_RANGE, range)] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Answers with an event stream.
fn stream(world: &Arc<World>, call: &Call, fault: Fault) -> Answered {
    if let Some(answered) = refused_by(&fault, world, call) {
        return answered;
    }
    let account = match account(world, call) {
        Ok(account) => account,
        Err(response) => return Ok(response),
    };
    let query = Query::parse(call.query.as_deref());
    let last = call
        .headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok());
    let segments: Vec<String> = call.path.split('/').map(decoded).collect();
    let (session, thread) = match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["", "sessions", id, "events"] | ["", "sessions", id, "events", "stream"] => {
            (id.to_owned(), None)
        }
        ["", "sessions", id, "threads", thread, "stream"] => {
            (id.to_owned(), Some(thread.to_owned()))
        }
        _ => return Ok(unknown(world, call)),
    };
    match &fault {
        Fault::Html => return Ok(html()),
        Fault::Json => return Ok(json_response(200, &json!({"data": []}))),
        Fault::NoContent => return Ok(no_content()),
        Fault::Empty => return Ok(respond_with(200, "text/event-stream", Bytes::new())),
        Fault::NotUtf8 => {
            let frame = &b"event: agent.message\ndata: {\"x\":\"\xff\xfe\"}\n\n"[..];
            return Ok(respond_with(200, "text/event-stream", frame));
        }
        Fault::Oversize(size) => return Ok(oversize("text/event-stream", "data: ", *size)),
        Fault::RejectCursor if last.is_some() || query.get("after_id").is_some() => {
            return Ok(refusal(
                world,
                call,
                &Refusal::invalid("Last-Event-ID", "Unknown Last-Event-ID."),
            ));
        }
        _ => {}
    }
    let content_type = match &fault {
        Fault::ContentType(other) => other.clone(),
        _ => "text/event-stream".to_owned(),
    };
    match Stream::open(world, &account, (&session, thread), &query, last, fault) {
        Err(why) => Ok(refusal(world, call, &why)),
        Ok(stream) => {
            let (pieces, body) = ResponseBody::pieces();
            tokio::spawn(stream.write(pieces));
            let mut response = respond_with(200, &content_type, Bytes::new()).map(|_| body);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
    }
}

fn unknown(world: &World, call: &Call) -> Response<ResponseBody> {
    world
        .lock()
        .unexpected
        .push(format!("{} {}", call.method, call.path));
    refusal(world, call, &Refusal::not_found("route"))
}

/// Answers with a document.
fn whole(world: &Arc<World>, call: &Call, fault: &Fault) -> Answered {
    if let Some(answered) = refused_by(fault, world, call) {
        return answered;
    }
    let account = match account(world, call) {
        Ok(account) => account,
        Err(response) => return Ok(response),
    };
    Ok(match operation(world, call, &account) {
        Ok(answer) => {
            let mut response = damaged(&answer, fault);
            if response.status() == StatusCode::OK {
                *response.status_mut() = success(world, call);
            }
            response
        }
        Err(response) => response,
    })
}

/// The first generation told apart what was created and what was taken in.
fn success(world: &World, call: &Call) -> StatusCode {
    match (
        world.settings.dialect,
        call.method == Method::POST,
        call.path.matches('/').count(),
    ) {
        (Dialect::Seed, true, 1) => StatusCode::CREATED,
        (Dialect::Seed, true, _) if call.path.ends_with("/events") => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    }
}

/// Does what is asked, once per idempotency key.
#[allow(clippy::result_large_err, reason = "the error is the response")]
fn operation(
    world: &Arc<World>,
    call: &Call,
    token: &str,
) -> Result<Value, Response<ResponseBody>> {
    let invalid_json = || {
        refusal(
            world,
            call,
            &Refusal::invalid("", "Request body must be valid JSON."),
        )
    };
    let text = call.body.as_ref().ok_or_else(invalid_json)?;
    let content_type = call
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .filter(|value| call.path == "/files" && value.starts_with("multipart/form-data"));
    let upload = content_type.map(|content_type| Upload::parse(content_type, text));
    let upload = upload
        .transpose()
        .map_err(|why| refusal(world, call, &why))?;
    let body: Value = if text.is_empty() || upload.is_some() {
        resources::empty()
    } else {
        serde_json::from_slice(text).map_err(|_| invalid_json())?
    };
    let key = idempotency_key(world, call);
    // One write at a time, so that a repeated key can't slip past.
    let _writing = key.is_some().then(|| world.writing.lock());
    let asked = format!(
        "{} {} {}",
        call.method,
        call.path,
        match &upload {
            Some(_) => files::digest(text),
            None => String::from_utf8_lossy(text).into_owned(),
        }
    );
    if let Some(key) = &key {
        match world.account(token, |account| account.answered.get(key).cloned()) {
            Some((before, _, answer)) if before == asked => return Ok(answer),
            Some(_) => {
                let why = "Idempotency key was used before, with a different body.";
                return Err(refusal(world, call, &Refusal::conflict(why)));
            }
            None => {}
        }
    }
    let segments: Vec<String> = call.path.split('/').skip(1).map(decoded).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = Query::parse(call.query.as_deref());
    let request = resources::Request {
        world,
        token,
        method: &call.method,
        path: &path,
        query: &query,
        body: &body,
        upload: upload.as_ref(),
    };
    let answer = resources::answer(&request)
        .ok_or_else(|| unknown(world, call))?
        .map_err(|why| refusal(world, call, &why))?;
    if let Some(key) = key {
        world.account(token, |account| {
            account.answered.insert(key, (asked, 200, answer.clone()))
        });
    }
    Ok(answer)
}

fn idempotency_key(world: &World, call: &Call) -> Option<String> {
    if call.method == Method::GET {
        return None;
    }
    let alias = (world.settings.dialect == Dialect::Seed).then_some("x-idempotency-key");
    let mut names = ["idempotency-key"].into_iter().chain(alias);
    names.find_map(|name| Some(call.headers.get(name)?.to_str().ok()?.to_owned()))
}

/// The answer, with the fault in it.
fn damaged(answer: &Value, fault: &Fault) -> Response<ResponseBody> {
    damaged_bytes(Bytes::from(answer.to_string()), "application/json", fault)
}

fn damaged_bytes(text: Bytes, content_type: &str, fault: &Fault) -> Response<ResponseBody> {
    match fault {
        Fault::Html => html(),
        Fault::NoContent => no_content(),
        Fault::Empty => respond_with(200, content_type, Bytes::new()),
        Fault::ContentType(other) => respond_with(200, other, text),
        Fault::Truncate => respond_with(200, content_type, text.slice(..text.len() / 2)),
        Fault::NotUtf8 => respond_with(200, content_type, &b"{\"data\":[\"\xff\xfe\"]}"[..]),
        Fault::Oversize(size) => oversize(content_type, "{\"data\":\"", *size),
        Fault::Cut(at) | Fault::StallAfter(at) => {
            cut(text, content_type, *at, matches!(fault, Fault::Cut(_)))
        }
        Fault::Split | Fault::Drip(_) => {
            let (pieces, body) = ResponseBody::pieces();
            let fault = fault.clone();
            tokio::spawn(async move { sse::send(&pieces, text, &fault).await });
            respond_with(200, content_type, Bytes::new()).map(|_| body)
        }
        _ => respond_with(200, content_type, text),
    }
}

/// So many bytes that begin well and never come to an end.
fn oversize(content_type: &str, start: &'static str, size: usize) -> Response<ResponseBody> {
    let (pieces, body) = ResponseBody::pieces();
    tokio::spawn(async move {
        let start = &start.as_bytes()[..start.len().min(size)];
        let mut left = size - start.len();
        let mut next = Bytes::from_static(start);
        let filling = Bytes::from(vec![b'a'; 64 << 10]);
        while !next.is_empty() && pieces.send(Ok(next)).await.is_ok() {
            next = filling.slice(..left.min(filling.len()));
            left -= next.len();
        }
    });
    respond_with(200, content_type, Bytes::new()).map(|_| body)
}

/// The first bytes of a body, and then the end of the connection or nothing more.
fn cut(text: Bytes, content_type: &str, at: usize, breaks: bool) -> Response<ResponseBody> {
    let (pieces, body) = ResponseBody::pieces();
    let length = text.len();
    tokio::spawn(async move {
        let _ = pieces.send(Ok(text.slice(..at.min(text.len())))).await;
        if breaks {
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "fault");
            let _ = pieces.send(Err(error)).await;
        } else {
            pieces.closed().await;
        }
    });
    let mut response = respond_with(200, content_type, Bytes::new()).map(|_| body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    response
}
