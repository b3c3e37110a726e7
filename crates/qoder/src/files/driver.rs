//! Downloads as they are done: whatever [`Machine`] says, step by step.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body;
use qoder_http::retry::{self, AttemptEnding, Class};
use qoder_http::{Coding, Lane, RequestBody, ResponseBody, Sent};
use qoder_types::{FileContent, Request, ops};
use tokio::time::{Sleep, sleep};
use tracing::debug;

use super::answer::Extent;
use super::link::Link;
use super::machine::{Action, Cause, Decision, Machine};
use super::origin::Origin;
use super::progress::Progress;
use crate::call::{Call, CallOptions, Pending, Prepared, is_web_page, open, words};
use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;

/// Offsets are those of the content, and not of a compressed form of it.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// A step of a download, as the caller sees it.
pub(super) enum Piece {
    /// The bytes before are void.
    Start,
    Data(Bytes),
}

/// Does what [`Machine`] says.
pub(super) struct Driver {
    shared: Shared,
    pub(super) origin: Origin,
    options: CallOptions,
    progress: Progress,
    lane: Lane,
    coding: Coding,
    pub(super) machine: Machine,
    link: Option<Link>,
    state: State,
    /// The status of the last response, whether it may be another one later, and what ended the
    /// last attempt without one.
    status: Option<StatusCode>,
    passes: bool,
    broke: Option<qoder_http::Error>,
    requests: u32,
}

enum State {
    Action(Action),
    Waiting(Pin<Box<Sleep>>),
    Linking(Pending<FileContent>),
    Requesting(Requesting),
    Refused(Pin<Box<dyn Future<Output = Bytes> + Send>>),
    Reading(ResponseBody),
    Over,
}

type Requesting = Pin<
    Box<dyn Future<Output = std::result::Result<http::Response<ResponseBody>, Failure>> + Send>,
>;

/// The reason why there is no answer, or no content in it.
enum Failure {
    /// The storage didn't answer.
    Storage(qoder_http::Error),
    /// The API's error, after as many attempts as are allowed.
    Api(Error),
}

impl Driver {
    pub(super) fn new(
        shared: Shared,
        origin: Origin,
        options: CallOptions,
        progress: Progress,
        machine: Machine,
        lane: Lane,
        coding: Coding,
    ) -> Self {
        Self {
            shared,
            origin,
            options,
            progress,
            lane,
            coding,
            state: State::Action(machine.start()),
            machine,
            link: None,
            status: None,
            passes: false,
            broke: None,
            requests: 0,
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Piece>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.request();
                }
                State::Linking(linking) => {
                    let content = match ready!(linking.as_mut().poll(cx)) {
                        Ok(content) => content,
                        Err(error) => return self.fail(error),
                    };
                    match Link::new(&content, self.shared.base().is_plain()) {
                        Ok(link) => self.link = Some(link),
                        Err(why) => {
                            let why = format!("the API gave a link {why}");
                            let error = self.error(ErrorKind::Decode, why);
                            return self.fail(error.with_sent(Sent::Yes));
                        }
                    }
                    self.request();
                }
                State::Requesting(requesting) => {
                    let response = ready!(requesting.as_mut().poll(cx));
                    let now = SystemTime::now();
                    let response = match response {
                        Ok(response) => response,
                        Err(Failure::Storage(error)) => {
                            let next = self.machine.failed(error.kind(), error.sent(), now);
                            self.broke = Some(error);
                            self.state = State::Action(next);
                            continue;
                        }
                        Err(Failure::Api(error)) => match self.out_of_range(&error, now) {
                            Some(next) => {
                                self.state = State::Action(next);
                                continue;
                            }
                            None => return self.fail(error),
                        },
                    };
                    let (parts, body) = response.into_parts();
                    self.status = Some(parts.status);
                    self.passes = passes(&AttemptEnding::Status {
                        status: parts.status.as_u16(),
                        headers: &parts.headers,
                    });
                    self.broke = None;
                    if let Some(error) = self.no_archive(&parts.headers) {
                        return self.fail(error);
                    }
                    let exact = body.size_hint().exact();
                    let extent = Extent::new(parts.version, &parts.headers, exact);
                    let head = self.machine.head(parts.status, &parts.headers, extent, now);
                    debug!(
                        operation = self.origin.operation(),
                        http.response.status_code = parts.status.as_u16(),
                        offset_bytes = self.machine.progress().0,
                        "{}",
                        self.origin.sender()
                    );
                    match head {
                        Decision::Read { restart } => {
                            self.state = State::Reading(body);
                            if restart {
                                return Poll::Ready(Some(Ok(Piece::Start)));
                            }
                        }
                        Decision::Words => {
                            let shared = self.shared.clone();
                            let read = async move { words(&shared, body).await };
                            self.state = State::Refused(Box::pin(read));
                        }
                        Decision::Then(next) => self.state = State::Action(next),
                    }
                }
                State::Refused(words) => {
                    let words = ready!(words.as_mut().poll(cx));
                    self.state = State::Action(self.machine.refused(&words));
                }
                State::Reading(body) => {
                    let read = ready!(body.poll_chunk(cx));
                    let now = SystemTime::now();
                    let next = match read {
                        Some(Ok(bytes)) => match self.machine.take(bytes) {
                            Ok(bytes) if bytes.is_empty() => continue,
                            Ok(bytes) => {
                                let (got, total) = self.machine.progress();
                                self.progress.tell(got, total);
                                return Poll::Ready(Some(Ok(Piece::Data(bytes))));
                            }
                            Err(why) => Action::GiveUp(why),
                        },
                        Some(Err(error)) => {
                            self.broke = Some(error);
                            self.machine.broke(now)
                        }
                        None => self.machine.end(now),
                    };
                    self.state = State::Action(next);
                }
                State::Action(next) => {
                    let next = std::mem::replace(next, Action::Done);
                    match next {
                        Action::Done => {
                            self.state = State::Over;
                            return Poll::Ready(None);
                        }
                        Action::GiveUp(why) => {
                            let error = self.given(&why);
                            return self.fail(error);
                        }
                        Action::Link => match &self.origin {
                            Origin::File(id) => {
                                let options = self.options.clone();
                                let call = Call::new(self.shared.clone(), ops::files::download(id));
                                let call = call.options(|_| options);
                                self.state = State::Linking(call.into_future());
                            }
                            Origin::Skill(..) => self.request(),
                        },
                        Action::Request(after) if after.is_zero() => self.request(),
                        Action::Request(after) => {
                            self.state = State::Waiting(Box::pin(sleep(after)));
                        }
                    }
                }
            }
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Piece>>> {
        self.state = State::Over;
        Poll::Ready(Some(Err(error)))
    }

    /// Asks for the content.
    fn request(&mut self) {
        match &self.origin {
            Origin::File(_) => self.ask_storage(),
            Origin::Skill(id, version) => {
                let request = ops::skills::versions::download(id, version);
                self.ask_api(&request);
            }
        }
    }

    fn ask_api(&mut self, request: &Request<()>) {
        let shared = self.shared.clone();
        let prepared = Prepared::new(&shared, request, self.options.clone());
        let mut headers = self.machine.headers();
        headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        let prepared = prepared.map(|it| it.download(headers, self.lane, self.coding));
        let operation = self.origin.operation();
        self.state = State::Requesting(Box::pin(async move {
            let opened = async { open(&shared, &prepared?).await };
            let opened = opened.await.map(|(response, _)| response);
            opened.map_err(|error| {
                Failure::Api(error.with_operation(operation).redacted(shared.auth()))
            })
        }));
        self.requests += 1;
    }

    /// Returns the action for an API that has no bytes beyond those that have come, if the error
    /// says so.
    fn out_of_range(&mut self, error: &Error, now: SystemTime) -> Option<Action> {
        let status = error
            .status()
            .filter(|status| *status == StatusCode::RANGE_NOT_SATISFIABLE)?;
        self.status = Some(status);
        let head = self
            .machine
            .head(status, &HeaderMap::new(), Extent::Length(0), now);
        match head {
            Decision::Then(next) => Some(next),
            Decision::Read { .. } | Decision::Words => None,
        }
    }

    /// The error that a web page is in place of an archive.
    fn no_archive(&self, headers: &HeaderMap) -> Option<Error> {
        let is_page = matches!(self.origin, Origin::Skill(..)) && is_web_page(headers, b"");
        is_page.then(|| {
            let why = format!(
                "a web page in place of the archive; is the base URL the API's, or does a proxy answer in its place?{}",
                self.shared.elsewhere()
            );
            self.error(ErrorKind::Decode, why).with_sent(Sent::Yes)
        })
    }

    /// Asks the storage, or for a link if there is none that holds.
    fn ask_storage(&mut self) {
        let now = SystemTime::now();
        let Some(uri) = self.link.as_mut().and_then(|link| link.use_at(now)) else {
            self.state = State::Action(Action::Link);
            return;
        };
        self.requests += 1;
        let mut request = http::Request::new(RequestBody::empty());
        *request.uri_mut() = uri;
        request.extensions_mut().insert(self.coding);
        *request.headers_mut() = self.headers();
        let transport = self.shared.transport().clone();
        let (lane, timeouts) = (self.lane, self.shared.settings().timeouts);
        self.state = State::Requesting(Box::pin(async move {
            let sent = transport.send(request, lane, timeouts).await;
            sent.map_err(Failure::Storage)
        }));
    }

    /// All that the storage is told.
    fn headers(&self) -> HeaderMap {
        let mut headers = self.machine.headers();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        if let Some(agent) = self.shared.headers().get(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, agent.clone());
        }
        headers
    }

    pub(super) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        let error = Error::new(kind, message)
            .with_operation(self.origin.operation())
            .with_attempts(self.requests);
        match self.status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }

    /// The error of a download that was not complete by its deadline.
    pub(super) fn too_late(&self, limit: Duration) -> Error {
        let (got, total) = self.machine.progress();
        let of = total.map_or(String::new(), |total| format!(" of {total}"));
        let why = format!(
            "the deadline of {limit:?} passed after {got}{of} bytes of the {}",
            self.origin.name()
        );
        let error = self.error(ErrorKind::Timeout, why).with_retryable(true);
        match self.status {
            Some(_) => error,
            None => error.with_sent(Sent::Maybe),
        }
    }

    /// The error of a download that was given up.
    fn given(&mut self, why: &Cause) -> Error {
        let (got, total) = self.machine.progress();
        let of = total.map_or(String::new(), |total| format!(" of {total}"));
        let (file, storage) = (self.origin.name(), self.origin.sender());
        let message = match why {
            Cause::Status => {
                let status = self.status.unwrap_or_default();
                let reason = status.canonical_reason().unwrap_or("status");
                let hint = if status.is_redirection() {
                    "; redirects are not followed"
                } else {
                    ""
                };
                // What the storage says more may repeat the link.
                let text = format!("the {storage} answered {} {reason}{hint}", status.as_u16());
                let error = self.error(ErrorKind::Api, text);
                return error.with_retryable(self.passes);
            }
            Cause::Broke => match self.broke.take() {
                Some(error) => {
                    let (kind, text) = match error.kind() {
                        qoder_http::ErrorKind::Coding => {
                            let text = format!("{error}; `Download::as_stored` takes it as it is");
                            (ErrorKind::Decode, text)
                        }
                        qoder_http::ErrorKind::Url => {
                            let text = format!("the API gave a link that can't be used: {error}");
                            (ErrorKind::Decode, text)
                        }
                        _ => {
                            let text = format!("after {got}{of} bytes of the {file}: {error}");
                            (Error::transport_kind(&error), text)
                        }
                    };
                    let end = AttemptEnding::Failed {
                        kind: error.kind(),
                        sent: error.sent(),
                    };
                    return self
                        .error(kind, text)
                        .with_sent(error.sent())
                        .with_retryable(passes(&end))
                        .with_source(error);
                }
                None => format!("the {file} broke off after {got}{of} bytes"),
            },
            Cause::Short => {
                let text = format!("the {file} ended after {got}{of} bytes");
                return self.error(ErrorKind::Network, text).with_retryable(true);
            }
            Cause::Length(length) => {
                let wanted = total.unwrap_or_default();
                format!("the {file} has {length} bytes, and should have {wanted}")
            }
            Cause::TooLarge(limit) => {
                let text = format!(
                    "the {file} is larger than the limit of {limit} bytes, which `Download::max_bytes` sets"
                );
                return self.error(ErrorKind::TooLarge, text);
            }
            Cause::Long => format!(
                "the {file} goes on after its {} bytes",
                total.unwrap_or(got)
            ),
            Cause::Changed => format!("the {file} changed while it was downloaded"),
            Cause::Endless => format!(
                "the {storage} doesn't say where the {file} ends, so that nobody could tell \
                 if it broke off: say how long it is with `Download::length`"
            ),
            Cause::NoVersion => format!(
                "the {file} broke off after {got}{of} bytes, and the {storage} names no version of it to go on with"
            ),
            Cause::Range => format!("the {storage} sent another range than was asked for"),
            Cause::TooMany => format!("the {file} broke off too often: {got}{of} bytes have come"),
        };
        let passes = matches!(
            why,
            Cause::Broke | Cause::Changed | Cause::NoVersion | Cause::TooMany
        );
        self.error(ErrorKind::Decode, message)
            .with_retryable(passes)
    }
}

/// Whether the same request may do better later.
fn passes(end: &AttemptEnding<'_>) -> bool {
    retry::decide(Class::Read, end) == retry::Decision::Retry
}
