//! Downloads: a link from the API, and then the storage it leads to, which must not see the token.

use std::fmt;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use qoder_http::{Lane, RequestBody, ResponseBody};
use qoder_types::{FileContent, FileId, ops};
use tokio::time::{Sleep, sleep, timeout};
use tracing::debug;
use uuid::Uuid;

use super::Progress;
use super::fetch::{Fetch, Head, Next, Why};
use super::rfc3339::instant;
use super::target::Target;
use crate::call::{Call, CallOptions, Pending};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};

const OPERATION: &str = "files.download";

/// A download, to be taken as bytes, as a file, or as a stream.
///
/// It has two steps: the API gives a link that holds for some minutes, and the link leads to a
/// storage, which gets neither the token nor any other header of the API. A body that breaks off
/// is continued where it broke, with `Range` and `If-Range`; a link that has ended is replaced by
/// a new one; a file that turns out to be another one is begun anew. What is given is complete or
/// an error. Each new byte gives all tries back, within 256 requests to the storage.
///
/// The link is a secret: it is in no error, log or `Debug`.
///
/// ```no_run
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// let length = client
///     .files()
///     .download("file_0198c4d2ffee7000aa11bb22cc33dd44")
///     .progress(|got, total| println!("{got} of {total:?} bytes"))
///     .to_path("report.csv")
///     .await?;
/// println!("{length} bytes");
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a download does nothing until it is taken as something"]
pub struct Download {
    client: Client,
    file: FileId,
    options: CallOptions,
    length: Option<u64>,
    deadline: Option<Duration>,
    progress: Progress,
}

impl Download {
    pub(crate) fn new(client: Client, file: FileId) -> Self {
        Self {
            client,
            file,
            options: CallOptions::default(),
            length: None,
            deadline: None,
            progress: Progress::default(),
        }
    }

    /// Changes the options of the calls that get links. Their `retries` are those of the storage
    /// too: so many in a row without a new byte.
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Sets how long the file must be, such as its
    /// [`byte_len`](qoder_types::File::byte_len). Another length is an error. Default: what the
    /// storage says.
    pub fn length(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.length = bytes.into();
        self
    }

    /// Sets the limit of time for [`bytes`](Self::bytes) and [`to_path`](Self::to_path), links,
    /// repetitions and waits included. Default: none, since a large file may take its time; the
    /// limits for the head and for silence within a body hold for each request.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Sets what is told, piece by piece: how many bytes have come, and of how many, if that is
    /// known. It goes back to the start only if the download does.
    pub fn progress(mut self, tell: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Progress::new(tell);
        self
    }

    /// The content in memory, up to the client's
    /// [`max_response`](crate::ClientBuilder::max_response).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`]; see also [`bytes_limit`](Self::bytes_limit).
    pub async fn bytes(self) -> Result<Bytes> {
        let limit = self.client.settings().max_response;
        self.bytes_limit(limit).await
    }

    /// The content in memory, up to so many bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`], before anything is read if the length is known. The storage's
    /// refusals are [`ErrorKind::Api`], a content that ends too early is [`ErrorKind::Network`],
    /// and one that is not as long as it should be is [`ErrorKind::Decode`].
    pub async fn bytes_limit(self, limit: usize) -> Result<Bytes> {
        let (mut engine, deadline) = self.engine(true);
        let reading = async {
            let mut whole = BytesMut::new();
            while let Some(piece) = engine.next().await {
                let total = engine.fetch.progress().1;
                let bytes = match piece? {
                    Piece::Start => {
                        whole.clear();
                        Bytes::new()
                    }
                    Piece::Data(bytes) => bytes,
                };
                let length = whole.len().saturating_add(bytes.len());
                if length > limit || total.is_some_and(|total| total > limit as u64) {
                    let why = format!("the file is larger than the limit of {limit} bytes");
                    return Err(engine.error(ErrorKind::TooLarge, why));
                }
                whole.extend_from_slice(&bytes);
            }
            Ok(whole.freeze())
        };
        within(deadline, reading).await
    }

    /// Writes the content to this file, and gives its length.
    ///
    /// It is written under another name in the same directory (`.qoder-….part`), and gets its own
    /// once it is complete and on the disk, in place of what had it. If the download fails or is
    /// dropped, nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it can't be written; those of [`bytes_limit`](Self::bytes_limit).
    pub async fn to_path(self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref().to_owned();
        let (mut engine, deadline) = self.engine(true);
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::File, format!("{}: {error}", path.display()))
                .with_source(error)
                .with_operation(OPERATION)
        };
        let writing = async {
            let mut target: Option<Target> = None;
            while let Some(piece) = engine.next().await {
                let piece = piece?;
                // Not before there is something: a refusal leaves the directory alone.
                let target = match &mut target {
                    Some(target) => target,
                    None => target.insert(Target::create(&path).map_err(failed)?),
                };
                let written = match piece {
                    Piece::Start => target.restart().await,
                    Piece::Data(bytes) => target.write(&bytes).await,
                };
                written.map_err(failed)?;
            }
            let target = match target {
                Some(target) => target,
                None => Target::create(&path).map_err(failed)?,
            };
            target.finish().await.map_err(failed)?;
            Ok(engine.fetch.progress().0)
        };
        within(deadline, writing).await
    }

    /// The content as a stream of pieces. Nothing is sent before it is polled.
    ///
    /// What was given can't be taken back: a file that has changed is an error here, and so is a
    /// body that breaks off at a storage that names no version.
    pub fn stream(self) -> FileStream {
        FileStream {
            engine: self.engine(false).0,
        }
    }

    fn engine(self, rewinds: bool) -> (Engine, Option<Duration>) {
        let settings = self.client.settings();
        let mut policy = settings.retry;
        if let Some(retries) = self.options.retries {
            policy.max_retries = retries;
        }
        let seed = Uuid::new_v4().as_u64_pair().0;
        let budget = self.client.budget().clone();
        let fetch = Fetch::new(policy, budget, seed, rewinds).expect(self.length);
        let engine = Engine {
            // A stream may lie unread, and then must not hold up others.
            lane: if rewinds { Lane::Call } else { Lane::Stream },
            client: self.client,
            file: self.file,
            options: self.options,
            progress: self.progress,
            fetch,
            link: None,
            state: State::Next(Next::Link),
            status: None,
            broke: None,
            requests: 0,
        };
        (engine, self.deadline)
    }
}

async fn within<T>(deadline: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(limit) = deadline else {
        return work.await;
    };
    timeout(limit, work).await.unwrap_or_else(|_| {
        let why = format!("the download's deadline of {limit:?} passed");
        Err(Error::new(ErrorKind::Timeout, why).with_operation(OPERATION))
    })
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("file", &self.file)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The content of a file, piece by piece; from [`Download::stream`].
///
/// It ends after the last byte or after an error. Dropping the future of [`next`](Self::next)
/// loses nothing; dropping the stream ends the download.
#[must_use = "a stream does nothing until it is polled"]
pub struct FileStream {
    engine: Engine,
}

impl FileStream {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many bytes the whole has, once the storage has said so.
    pub fn total(&self) -> Option<u64> {
        self.engine.fetch.progress().1
    }
}

impl Stream for FileStream {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let engine = &mut self.get_mut().engine;
        loop {
            match ready!(engine.poll_next(cx)) {
                Some(Ok(Piece::Data(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                // It never does, since it can't be taken back.
                Some(Ok(Piece::Start)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for FileStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, total) = self.engine.fetch.progress();
        f.debug_struct("FileStream")
            .field("file", &self.engine.file)
            .field("bytes", &bytes)
            .field("total", &total)
            .finish_non_exhaustive()
    }
}

/// What comes of a download.
enum Piece {
    /// What came before is void.
    Start,
    Data(Bytes),
}

/// Does what [`Fetch`] says.
struct Engine {
    client: Client,
    file: FileId,
    options: CallOptions,
    progress: Progress,
    lane: Lane,
    fetch: Fetch,
    link: Option<Link>,
    state: State,
    /// The status of the last response, and what ended the last attempt without one.
    status: Option<StatusCode>,
    broke: Option<qoder_http::Error>,
    requests: u32,
}

enum State {
    Next(Next),
    Waiting(Pin<Box<Sleep>>),
    Linking(Pending<FileContent>),
    Requesting(Requesting),
    Reading(ResponseBody),
    Over,
}

type Requesting = Pin<
    Box<
        dyn Future<Output = std::result::Result<http::Response<ResponseBody>, qoder_http::Error>>
            + Send,
    >,
>;

/// A link that the API gave. It is a secret.
struct Link {
    uri: Uri,
    ends: Option<SystemTime>,
    /// A link is used once at least, should the clocks disagree.
    used: bool,
}

impl Link {
    fn new(content: &FileContent) -> Option<Self> {
        let uri: Uri = content.url.parse().ok()?;
        let authority = uri.authority()?.as_str();
        let well = uri.scheme().is_some() && !authority.contains('@');
        let ends = content.expires_at.as_ref();
        well.then(|| Self {
            ends: ends.and_then(|ends| instant(ends.as_str())),
            uri,
            used: false,
        })
    }

    fn has_ended(&self, now: SystemTime) -> bool {
        self.used && self.ends.is_some_and(|ends| ends <= now)
    }
}

impl Engine {
    async fn next(&mut self) -> Option<Result<Piece>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
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
                    self.link = Link::new(&content);
                    if self.link.is_none() {
                        let why = "the API gave a link that is no absolute URL";
                        let error = self.error(ErrorKind::Decode, why);
                        return self.fail(error);
                    }
                    self.request();
                }
                State::Requesting(requesting) => {
                    let response = ready!(requesting.as_mut().poll(cx));
                    let now = SystemTime::now();
                    let response = match response {
                        Ok(response) => response,
                        Err(error) => {
                            let next = self.fetch.failed(error.kind(), error.sent(), now);
                            self.broke = Some(error);
                            self.state = State::Next(next);
                            continue;
                        }
                    };
                    let (parts, body) = response.into_parts();
                    self.status = Some(parts.status);
                    self.broke = None;
                    let head = self.fetch.head(parts.status, &parts.headers, now);
                    debug!(
                        operation = OPERATION,
                        http.response.status_code = parts.status.as_u16(),
                        offset_bytes = self.fetch.progress().0,
                        "storage"
                    );
                    match head {
                        Head::Read { restart } => {
                            self.state = State::Reading(body);
                            if restart {
                                return Poll::Ready(Some(Ok(Piece::Start)));
                            }
                        }
                        Head::Then(next) => self.state = State::Next(next),
                    }
                }
                State::Reading(body) => {
                    let read = ready!(body.poll_chunk(cx));
                    let now = SystemTime::now();
                    let next = match read {
                        Some(Ok(bytes)) => match self.fetch.take(bytes) {
                            Ok(bytes) if bytes.is_empty() => continue,
                            Ok(bytes) => {
                                let (got, total) = self.fetch.progress();
                                self.progress.tell(got, total);
                                return Poll::Ready(Some(Ok(Piece::Data(bytes))));
                            }
                            Err(why) => Next::Give(why),
                        },
                        Some(Err(error)) => {
                            self.broke = Some(error);
                            self.fetch.broke(now)
                        }
                        None => self.fetch.end(now),
                    };
                    self.state = State::Next(next);
                }
                State::Next(next) => {
                    let next = std::mem::replace(next, Next::Done);
                    match next {
                        Next::Done => {
                            self.state = State::Over;
                            return Poll::Ready(None);
                        }
                        Next::Give(why) => {
                            let error = self.given(&why);
                            return self.fail(error);
                        }
                        Next::Link => {
                            let options = self.options.clone();
                            let request = ops::files::content(&self.file);
                            let call = Call::new(self.client.clone(), request).options(|_| options);
                            self.state = State::Linking(call.into_future());
                        }
                        Next::Request(after) if after.is_zero() => self.request(),
                        Next::Request(after) => {
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

    /// Asks the storage, or for a link if there is none that holds.
    fn request(&mut self) {
        let Some(link) = &mut self.link else {
            self.state = State::Next(Next::Link);
            return;
        };
        if link.has_ended(SystemTime::now()) {
            self.state = State::Next(Next::Link);
            return;
        }
        link.used = true;
        self.requests += 1;
        let mut request = http::Request::new(RequestBody::empty());
        *request.uri_mut() = link.uri.clone();
        *request.headers_mut() = self.headers();
        let transport = self.client.transport().clone();
        let (lane, timeouts) = (self.lane, self.client.settings().timeouts);
        self.state = State::Requesting(Box::pin(async move {
            transport.send(request, lane, timeouts).await
        }));
    }

    /// All that the storage is told.
    fn headers(&self) -> HeaderMap {
        let mut headers = self.fetch.headers();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        // Offsets are those of the file, and not of a compressed form of it.
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        if let Some(agent) = self.client.headers().get(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, agent.clone());
        }
        headers
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        let error = Error::new(kind, message)
            .with_operation(OPERATION)
            .with_attempts(self.requests);
        match self.status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }

    /// The error of a download that was given up.
    fn given(&mut self, why: &Why) -> Error {
        let (got, total) = self.fetch.progress();
        let of = total.map_or(String::new(), |total| format!(" of {total}"));
        let message = match why {
            Why::Status => {
                let status = self.status.unwrap_or_default();
                let reason = status.canonical_reason().unwrap_or("status");
                let hint = if status.is_redirection() {
                    "; redirects are not followed"
                } else {
                    ""
                };
                // What the storage says more may repeat the link.
                let text = format!("the storage answered {} {reason}{hint}", status.as_u16());
                return self.error(ErrorKind::Api, text);
            }
            Why::Broke => match self.broke.take() {
                Some(error) => {
                    let kind = Error::transport_kind(&error);
                    let text = format!("after {got}{of} bytes of the file: {error}");
                    let told = self.error(kind, text).with_sent(error.sent());
                    return told.with_source(error);
                }
                None => format!("the file broke off after {got}{of} bytes"),
            },
            Why::Short => {
                let text = format!("the file ended after {got}{of} bytes");
                return self.error(ErrorKind::Network, text);
            }
            Why::Length(length) => {
                let wanted = total.unwrap_or_default();
                format!("the file has {length} bytes, and should have {wanted}")
            }
            Why::Long => format!("the file goes on after its {} bytes", total.unwrap_or(got)),
            Why::Changed => "the file changed while it was downloaded".to_owned(),
            Why::NoVersion => format!(
                "the file broke off after {got}{of} bytes, and the storage names no version of it to go on with"
            ),
            Why::Range => "the storage sent another range than was asked for".to_owned(),
            Why::TooMany => format!("the file broke off too often: {got}{of} bytes have come"),
        };
        self.error(ErrorKind::Decode, message)
    }
}
