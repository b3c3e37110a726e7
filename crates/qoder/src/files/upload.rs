//! Uploads: where a content comes from, read as it is sent.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_core::Stream;
use qoder_types::FileUpload;

use super::progress::Progress;
use super::source::Source;

/// A file to be uploaded: its content, and what is said of it.
///
/// The content is read as it is sent, in pieces of 64 KiB, and never whole. An attempt that fails
/// is repeated with the same idempotency key and the same bytes, if the content can be read again:
/// files, bytes and [`stream_with`](Self::stream_with) can, [`stream`](Self::stream) can't once it
/// was begun.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::files::Upload;
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
    pub(super) source: Source,
    pub(super) progress: Progress,
}

impl Upload {
    /// Uploads the file at this path, under its own name. It must be one that can be read and, from
    /// the start of the call to its end, stay as it is: of a content that changes while it is read,
    /// or between two attempts, the call fails with [`ErrorKind::File`](crate::ErrorKind::File),
    /// and no mixture of the two is uploaded. A change shows in the length or the time of the last
    /// change, as exactly as the file system keeps it. Another file may take its place at any time,
    /// as `rename` does it; an attempt that has opened the old one sends that.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::new(name.into_owned(), Source::Path(path))
    }

    /// Uploads these bytes, as a file of this name.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::Upload;
    ///
    /// let file = client.files().upload(Upload::bytes("notes.txt", "Ship on Friday.")).await?;
    /// client.session("sess_1").ask(("What are the plans?", qoder::types::ContentBlock::document(&file))).await?;
    /// # Ok(()) }
    /// ```
    pub fn bytes(filename: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::new(filename.into(), Source::Bytes(content.into()))
    }

    /// Uploads what a stream yields, as a file of this name. If the length is known, it must be the
    /// right one; if not, the content is sent in chunks, which not every gateway takes.
    ///
    /// The stream is read once: a failed attempt is repeated only if it had not begun to read, and
    /// of several calls that are given clones of the upload, the first has the stream. The others
    /// fail with [`ErrorKind::Input`](crate::ErrorKind::Input) before anything is sent.
    pub fn stream<S, E>(
        filename: impl Into<String>,
        length: impl Into<Option<u64>>,
        content: S,
    ) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::new(filename.into(), Source::once(length.into(), content))
    }

    /// Uploads a stream as [`stream`](Self::stream) does, but one that is created again for each
    /// attempt. It must yield the same bytes every time.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use qoder::files::Upload;
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
        Self::new(filename.into(), Source::again(length.into(), content))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_guessed() {
        for (name, want) in [
            ("a.txt", "text/plain"),
            ("A.CSV", "text/csv"),
            ("a.tar.gz", "application/octet-stream"),
            ("txt", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(guessed(name), want, "{name}");
        }
    }
}
