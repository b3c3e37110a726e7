//! Downloads: of files, by a link to a storage that must not see the token; of skills, from the API.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use qoder_http::{Coding, Lane};
use qoder_types::{FileId, SkillId, SkillVersionNumber};
use tokio::time::timeout;
use uuid::Uuid;

use super::destination::Destination;
use super::driver::{Driver, Piece};
use super::machine::Machine;
use super::origin::Origin;
use super::progress::Progress;
use crate::call::CallOptions;
use crate::error::{ErrorKind, Result};
use crate::shared::Shared;

/// A download, to be taken as bytes, as a file, or as a stream; from
/// [`Files::download`](crate::resources::Files::download) and
/// [`SkillVersions::download`](crate::resources::SkillVersions::download).
///
/// That of a file has two steps: the API returns a link that holds for some minutes, and the link
/// leads to a storage, which gets neither the token nor any other header of the API. The link is a
/// secret: it is in no error, log or `Debug`. One that has ended is replaced by a new one. That of
/// a skill has one step: the API sends the archive itself.
///
/// A body that breaks off is continued where it broke, with `Range` and `If-Range`, if its sender
/// named the version of it (by an `ETag` or a date) and takes ranges; of one that doesn't, the
/// whole is asked for again. If the content has changed, the download starts over. The result is
/// complete or an error. Each new byte gives all tries back, within 256 requests.
///
/// ```
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
    shared: Shared,
    origin: Origin,
    options: CallOptions,
    length: Option<u64>,
    max_bytes: Option<u64>,
    as_stored: bool,
    deadline: Option<Duration>,
    progress: Progress,
}

impl Download {
    pub(crate) fn file(shared: Shared, id: FileId) -> Self {
        Self::new(shared, Origin::File(id))
    }

    pub(crate) fn skill(shared: Shared, id: SkillId, version: SkillVersionNumber) -> Self {
        Self::new(shared, Origin::Skill(id, version))
    }

    fn new(shared: Shared, origin: Origin) -> Self {
        Self {
            shared,
            origin,
            options: CallOptions::default(),
            length: None,
            max_bytes: None,
            as_stored: false,
            deadline: None,
            progress: Progress::default(),
        }
    }

    /// Changes the options of the calls of the API: of those that get links, or of those that get the
    /// archive of a skill, whose timeout is that of the head of the response. Their `retries` are
    /// those of the storage too: so many in a row without a new byte.
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Sets how long the file must be, such as its
    /// [`size_bytes`](qoder_types::File::size_bytes). Another length is an error. Default: what the
    /// storage says.
    pub fn length(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.length = bytes.into();
        self
    }

    /// Takes the stored bytes, even if the storage says that they are a coded form of the file, as
    /// of one that was uploaded to it with `Content-Encoding: gzip`: then it is the gzip that comes.
    /// Default: such a file is an [`ErrorKind::Decode`] that names the coding, before anything is
    /// written. A download is never decoded.
    pub fn as_stored(mut self) -> Self {
        self.as_stored = true;
        self
    }

    /// Sets how many bytes the file may have. A larger one is an [`ErrorKind::TooLarge`] as soon as
    /// its length is known, which [`length`](Self::length) may be before any request, and at the
    /// latest when more has come. Default: the client's
    /// [`max_response`](crate::ClientBuilder::max_response) for [`bytes`](Self::bytes), and no limit
    /// for [`to_path`](Self::to_path) and [`stream`](Self::stream).
    pub fn max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// Sets the limit of time for [`bytes`](Self::bytes) and [`to_path`](Self::to_path), links,
    /// repetitions and waits included. Default: none, since a large file may take its time; the
    /// limits for the head and for silence within a body hold for each request.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Sets a function that is called for each piece with the number of bytes that have come, and
    /// with the total, if it is known. It goes back to the start only if the download does.
    pub fn progress(mut self, tell: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Progress::new(tell);
        self
    }

    /// Returns the content in memory, up to [`max_bytes`](Self::max_bytes).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let report = client.files().download("file_1").max_bytes(1 << 20).bytes().await?;
    /// println!("{}", String::from_utf8_lossy(&report));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] beyond that limit. The storage's refusals are [`ErrorKind::Api`], a
    /// content that ends too early is [`ErrorKind::Network`], and one that is not as long as it
    /// should be is [`ErrorKind::Decode`].
    pub async fn bytes(mut self) -> Result<Bytes> {
        let limit = self.shared.settings().max_response as u64;
        self.max_bytes.get_or_insert(limit);
        let (mut driver, deadline) = self.driver(true);
        let reading = async {
            let mut whole = BytesMut::new();
            while let Some(piece) = driver.next().await {
                match piece? {
                    Piece::Start => whole.clear(),
                    Piece::Data(bytes) => whole.extend_from_slice(&bytes),
                }
            }
            Ok(whole.freeze())
        };
        let read = within(deadline, reading).await;
        read.unwrap_or_else(|limit| Err(driver.too_late(limit)))
    }

    /// Writes the content to this file and returns its length in bytes.
    ///
    /// It is written under another name in the same directory (`.qoder-….part`), and gets its own
    /// once it is complete and on the disk, replacing the file that had it. If the download fails
    /// or is dropped, nothing is left behind, and what was there stays. Only a process that is
    /// killed leaves the other file.
    ///
    /// A file that is replaced leaves its mode to the new one, and its owner and group as far as
    /// the system lets; access lists and other attributes are lost, and other names of it (hard
    /// links) keep the old content. Of a symbolic link, what it leads to is written, even if
    /// nothing is there yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it can't be written. A directory or device in its place, a directory
    /// that is missing or closed, and a file that may not be written are noticed before any request
    /// is made. Else those of [`bytes`](Self::bytes).
    pub async fn to_path(self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref().to_owned();
        let (mut driver, deadline) = self.driver(true);
        let writing = async {
            let failed = |driver: &Driver, error: io::Error| {
                let why = format!("{}: {error}", path.display());
                driver.error(ErrorKind::File, why).with_source(error)
            };
            let mut destination =
                Destination::create(&path).map_err(|error| failed(&driver, error))?;
            while let Some(piece) = driver.next().await {
                let written = match piece? {
                    Piece::Start => destination.restart().await,
                    Piece::Data(bytes) => destination.write(&bytes).await,
                };
                written.map_err(|error| failed(&driver, error))?;
            }
            let finished = destination.finish().await;
            finished.map_err(|error| failed(&driver, error))?;
            Ok(driver.machine.progress().0)
        };
        let written = within(deadline, writing).await;
        written.unwrap_or_else(|limit| Err(driver.too_late(limit)))
    }

    /// Returns the content as a stream of pieces. Nothing is sent before it is polled.
    ///
    /// Bytes that were handed out can't be taken back: a content that has changed is an error here,
    /// and so is a body that breaks off if its sender names no version of it.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut content = client.files().download("file_1").stream();
    /// let mut bytes = 0;
    /// while let Some(piece) = content.next().await {
    ///     bytes += piece?.len();
    ///     println!("{bytes} bytes of {:?}", content.total());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn stream(self) -> FileStream {
        FileStream {
            driver: self.driver(false).0,
        }
    }

    fn driver(self, rewinds: bool) -> (Driver, Option<Duration>) {
        let settings = self.shared.settings();
        let mut policy = settings.retry;
        let each = self.shared.options().retries;
        if let Some(retries) = self.options.retries.or(each) {
            policy.max_retries = retries;
        }
        let seed = Uuid::new_v4().as_u64_pair().0;
        let budget = self.shared.budget().clone();
        let machine = Machine::new(policy, budget, seed, rewinds)
            .expect(self.length)
            .limit(self.max_bytes);
        // A stream may lie unread, and then must not hold up others.
        let lane = if rewinds { Lane::Call } else { Lane::Stream };
        let coding = if self.as_stored {
            Coding::AsSent
        } else {
            Coding::default()
        };
        let driver = Driver::new(
            self.shared,
            self.origin,
            self.options,
            self.progress,
            machine,
            lane,
            coding,
        );
        (driver, self.deadline)
    }
}

/// Returns the result of some work before its deadline, or the limit that passed.
async fn within<T>(
    deadline: Option<Duration>,
    work: impl Future<Output = Result<T>>,
) -> std::result::Result<Result<T>, Duration> {
    match deadline {
        Some(limit) => timeout(limit, work).await.map_err(|_| limit),
        None => Ok(work.await),
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("origin", &self.origin)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The content of a download, piece by piece; from [`Download::stream`].
///
/// It ends after the last byte or after an error. Dropping the future of [`next`](Self::next)
/// loses nothing; dropping the stream ends the download.
#[must_use = "a stream does nothing until it is polled"]
pub struct FileStream {
    driver: Driver,
}

impl FileStream {
    /// Returns the next piece, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns the length of the content in bytes. `None` until the storage has said so.
    pub fn total(&self) -> Option<u64> {
        self.driver.machine.progress().1
    }
}

impl Stream for FileStream {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let driver = &mut self.get_mut().driver;
        loop {
            match ready!(driver.poll_next(cx)) {
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
        let (bytes, total) = self.driver.machine.progress();
        f.debug_struct("FileStream")
            .field("origin", &self.driver.origin)
            .field("bytes", &bytes)
            .field("total", &total)
            .finish_non_exhaustive()
    }
}
