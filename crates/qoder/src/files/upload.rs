//! Uploads: where a content comes from, read as it is sent.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::HeaderValue;
use http_body::{Body, Frame};
use qoder_http::RequestBody;
use qoder_types::FileUpload;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::Progress;
use crate::error::{Error, ErrorKind, Result};

/// How much of a file is read at once; one such piece is in memory.
const PIECE: usize = 64 << 10;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Pieces = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, BoxError>> + Send>>;

/// A file to be uploaded: its content, and what is said of it.
///
/// The content is read as it is sent, in pieces of 64 KiB, and never whole. An attempt that fails
/// is repeated with the same idempotency key and the same bytes, if the content can be read again:
/// files, bytes and [`stream_with`](Self::stream_with) can, [`stream`](Self::stream) can't once it
/// was begun.
///
/// ```no_run
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::Upload;
///
/// let file = client
///     .files()
///     .upload(
///         Upload::path("report.csv")
///             .metadata("origin", "ci")
///             .progress(|sent, total| println!("{sent} of {total:?} bytes")),
///     )
///     .await?;
/// println!("{}", file.id);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an upload does nothing until it is given to a call"]
pub struct Upload {
    about: FileUpload,
    source: Source,
    progress: Progress,
}

/// Where a content comes from.
#[derive(Clone)]
enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    /// Read once; what is left of it stays here.
    Once(Option<u64>, Arc<Once>),
    Again(Option<u64>, Arc<dyn Fn() -> Pieces + Send + Sync>),
}

struct Once {
    pieces: Mutex<Pieces>,
    begun: AtomicBool,
}

impl Upload {
    /// The file at this path, under its own name. Its length is taken when the call starts; if it
    /// has changed when it is read, the call fails with [`ErrorKind::File`].
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::new(name.into_owned(), Source::Path(path))
    }

    /// These bytes, as a file of this name.
    pub fn bytes(filename: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::new(filename.into(), Source::Bytes(content.into()))
    }

    /// What a stream gives, as a file of this name. If the length is known, it must be the right
    /// one; if not, the content is sent in chunks, which not every gateway takes.
    ///
    /// The stream is read once: a failed attempt is repeated only if it had not begun to read.
    pub fn stream<S, E>(
        filename: impl Into<String>,
        length: impl Into<Option<u64>>,
        content: S,
    ) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let once = Once {
            pieces: Mutex::new(boxed(content)),
            begun: AtomicBool::new(false),
        };
        let source = Source::Once(length.into(), Arc::new(once));
        Self::new(filename.into(), source)
    }

    /// As [`stream`](Self::stream), of a stream that can be made anew for each attempt. It must
    /// give the same bytes every time.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use qoder::Upload;
    /// # struct Twice(bool);
    /// # impl futures_core::Stream for Twice {
    /// #     type Item = Result<Bytes, std::io::Error>;
    /// #     fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
    /// #         let first = std::mem::replace(&mut self.0, false);
    /// #         std::task::Poll::Ready(first.then(|| Ok(Bytes::from_static(b"hello"))))
    /// #     }
    /// # }
    /// # fn open() -> Twice { Twice(true) }
    /// let upload = Upload::stream_with("hello.txt", 5, open).mime_type("text/plain");
    /// ```
    pub fn stream_with<S, E>(
        filename: impl Into<String>,
        length: impl Into<Option<u64>>,
        content: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let make = move || boxed(content());
        let source = Source::Again(length.into(), Arc::new(make));
        Self::new(filename.into(), source)
    }

    fn new(filename: String, source: Source) -> Self {
        let mime_type = guessed(&filename);
        Self {
            about: FileUpload::new(filename).mime_type(mime_type),
            source,
            progress: Progress::default(),
        }
    }

    /// Sets the name that the file gets. Default: the file name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.about = self.about.name(name);
        self
    }

    /// Sets the media type. Default: by the ending of the name for a few kinds of text, and
    /// `application/octet-stream` for all others.
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.about = self.about.mime_type(mime_type);
        self
    }

    /// Adds an entry to the metadata: 8 KB as JSON, at most.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.about = self.about.metadata(key, value);
        self
    }

    /// Sets after how many seconds the file is deleted: 3,600 to 7,776,000. Default: it stays.
    pub fn expires_in_seconds(mut self, seconds: u64) -> Self {
        self.about = self.about.expires_in_seconds(seconds);
        self
    }

    /// Sets what is told, as pieces of the content are sent: how many bytes so far, and of how
    /// many, if that is known. It never goes back: a repeated attempt is silent until it is past
    /// what was told before. What is sent may still be on its way when it is told.
    pub fn progress(mut self, tell: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Progress::new(tell);
        self
    }

    pub(crate) fn about(&self) -> &FileUpload {
        &self.about
    }
}

fn boxed<S, E>(content: S) -> Pieces
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError>,
{
    Box::pin(Boxed(Box::pin(content)))
}

/// A stream whose errors are boxed.
struct Boxed<S>(Pin<Box<S>>);

impl<S, E> Stream for Boxed<S>
where
    S: Stream<Item = std::result::Result<Bytes, E>>,
    E: Into<BoxError>,
{
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(piece.map(|piece| piece.map_err(Into::into)))
    }
}

/// The media types of texts that agents are given.
fn guessed(filename: &str) -> &'static str {
    let ending = Path::new(filename)
        .extension()
        .and_then(|ending| ending.to_str())
        .map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("txt" | "log") => "text/plain",
        Some("md" | "markdown") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("yaml" | "yml") => "application/yaml",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// A form that is ready to be sent, as often as its content can be read.
pub(crate) struct Form {
    fields: qoder_types::Form,
    /// The boundary is the same at every attempt, since the bytes must be.
    boundary: u128,
    mime_type: HeaderValue,
    source: Opened,
    progress: Progress,
    /// The farthest that was told.
    told: Arc<AtomicU64>,
}

/// A source of which all is known that can be.
enum Opened {
    Path(Arc<Version>),
    Bytes(Bytes),
    Once(Option<u64>, Arc<Once>),
    Again(Option<u64>, Arc<dyn Fn() -> Pieces + Send + Sync>),
}

/// A file as it was when the call began.
#[derive(Debug)]
struct Version {
    path: PathBuf,
    length: u64,
    changed: Option<SystemTime>,
}

impl Form {
    /// Looks at the source, without reading it.
    pub(crate) async fn new(form: &qoder_types::Form, upload: &Upload) -> Result<Self> {
        let mime_type = checked_mime_type(&upload.about.mime_type)?;
        let source = match &upload.source {
            Source::Path(path) => Opened::Path(Arc::new(Version::of(path).await?)),
            Source::Bytes(bytes) => Opened::Bytes(bytes.clone()),
            Source::Once(length, once) => Opened::Once(*length, Arc::clone(once)),
            Source::Again(length, make) => Opened::Again(*length, Arc::clone(make)),
        };
        Ok(Self {
            fields: form.clone(),
            boundary: Uuid::new_v4().as_u128(),
            mime_type,
            source,
            progress: upload.progress.clone(),
            told: Arc::default(),
        })
    }

    /// Whether the source can't be read another time.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(&self.source, Opened::Once(_, once) if once.begun.load(Ordering::Relaxed))
    }

    /// The body for one attempt, and its type.
    pub(crate) fn body(&self) -> (HeaderValue, RequestBody) {
        let mut form = qoder_http::Form::new(self.boundary);
        for (name, value) in &self.fields.fields {
            form = form.text(name, value.as_str());
        }
        for file in &self.fields.files {
            form = form.file(&file.field, &file.filename, &self.mime_type, self.content());
        }
        (form.content_type(), form.into())
    }

    /// How long the body is, if that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        self.body().1.len()
    }

    fn content(&self) -> RequestBody {
        let (length, pieces): (_, Pieces) = match &self.source {
            Opened::Path(version) => {
                let reading = Reading::open(Arc::clone(version));
                (Some(version.length), Box::pin(reading))
            }
            Opened::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (Some(length), Box::pin(Cut(bytes.clone())))
            }
            Opened::Once(length, once) => (*length, Box::pin(Taken(Arc::clone(once)))),
            Opened::Again(length, make) => (*length, make()),
        };
        let content = Content {
            pieces,
            sent: 0,
            length,
            progress: self.progress.clone(),
            told: Arc::clone(&self.told),
        };
        RequestBody::stream(length, content)
    }
}

fn checked_mime_type(text: &str) -> Result<HeaderValue> {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let well = essence
        .split_once('/')
        .is_some_and(|(kind, rest)| token(kind) && token(rest));
    match HeaderValue::try_from(text) {
        Ok(value) if well && text.is_ascii() => Ok(value),
        _ => Err(Error::input(format!("{text:?} is no media type"))),
    }
}

impl Version {
    async fn of(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::File, format!("{}: {error}", path.display())).with_source(error)
        };
        let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input(format!(
                "{} is no regular file: give what is read from it as a stream",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            length: metadata.len(),
            changed: metadata.modified().ok(),
        })
    }

    fn error(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!("{}: {why}", self.path.display()))
    }
}

/// A content on its way, of which it is told how far it is.
struct Content {
    pieces: Pieces,
    sent: u64,
    length: Option<u64>,
    progress: Progress,
    told: Arc<AtomicU64>,
}

impl Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        let piece = ready!(self.pieces.as_mut().poll_next(cx));
        if let Some(Ok(piece)) = &piece {
            self.sent += piece.len() as u64;
            let sent = self.sent;
            if self.told.fetch_max(sent, Ordering::Relaxed) < sent {
                self.progress.tell(sent, self.length);
            }
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Bytes in memory, a piece at a time.
struct Cut(Bytes);

impl Stream for Cut {
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let length = self.0.len().min(PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// What is left of a stream that is read once.
struct Taken(Arc<Once>);

impl Stream for Taken {
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.begun.store(true, Ordering::Relaxed);
        let mut pieces = self.0.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.as_mut().poll_next(cx)
    }
}

type Step = Pin<Box<dyn Future<Output = io::Result<Option<(tokio::fs::File, Bytes)>>> + Send>>;

/// A file that is read.
struct Reading {
    version: Arc<Version>,
    /// The read that is under way; `None` at the end.
    step: Option<Step>,
    left: u64,
}

impl Reading {
    fn open(version: Arc<Version>) -> Self {
        Self {
            left: version.length,
            step: Some(Box::pin(first(Arc::clone(&version)))),
            version,
        }
    }
}

async fn first(version: Arc<Version>) -> io::Result<Option<(tokio::fs::File, Bytes)>> {
    let failed = |error| version.error(error);
    let file = tokio::fs::File::open(&version.path).await.map_err(failed)?;
    let metadata = file.metadata().await.map_err(failed)?;
    if metadata.len() != version.length || metadata.modified().ok() != version.changed {
        return Err(version.error("the file was changed after the upload had begun"));
    }
    more(file, &version).await
}

async fn more(
    mut file: tokio::fs::File,
    version: &Version,
) -> io::Result<Option<(tokio::fs::File, Bytes)>> {
    let mut piece = BytesMut::with_capacity(PIECE);
    let read = file.read_buf(&mut piece).await;
    let read = read.map_err(|error| version.error(error))?;
    Ok((read > 0).then(|| (file, piece.freeze())))
}

impl Stream for Reading {
    type Item = std::result::Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(step) = &mut self.step else {
            return Poll::Ready(None);
        };
        let read = ready!(step.as_mut().poll(cx));
        self.step = None;
        Poll::Ready(match read {
            Err(error) => Some(Err(error.into())),
            Ok(None) if self.left > 0 => {
                let why = "the file has become shorter while it was read";
                Some(Err(self.version.error(why).into()))
            }
            Ok(None) => None,
            Ok(Some((file, piece))) => {
                let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                    let why = "the file has become longer while it was read";
                    return Poll::Ready(Some(Err(self.version.error(why).into())));
                };
                self.left = left;
                let version = Arc::clone(&self.version);
                self.step = Some(Box::pin(async move { more(file, &version).await }));
                Some(Ok(piece))
            }
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Once(length, _) => f.debug_tuple("Once").field(length).finish(),
            Self::Again(length, _) => f.debug_tuple("Again").field(length).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_guessed_and_checked() {
        for (name, want) in [
            ("a.txt", "text/plain"),
            ("A.CSV", "text/csv"),
            ("a.tar.gz", "application/octet-stream"),
            ("txt", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(guessed(name), want, "{name}");
        }
        for good in [
            "text/plain",
            "text/plain; charset=utf-8",
            "application/vnd.x+json",
        ] {
            assert!(checked_mime_type(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "text",
            "/",
            "text/",
            "te xt/plain",
            "text/plain\r\nX-Evil: 1",
            "text/plain; x=\n",
            "text/plaín",
        ] {
            assert!(checked_mime_type(bad).is_err(), "{bad:?}");
        }
    }
}
