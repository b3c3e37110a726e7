//! A file that is read as it is sent, and must stay as it was.

use std::fmt;
use std::fs::Metadata;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{Error, ErrorKind, Result};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The number of bytes of a file that are read at once; one such piece is in memory.
pub(super) const PIECE: usize = 64 << 10;

/// A file as it was when the call began. Each attempt opens it anew, and compares what the system
/// says of it before its first byte and after its last.
#[derive(Debug)]
pub(super) struct Version {
    path: PathBuf,
    state: State,
}

/// The system's metadata of a file, as far as it tells one content from another.
#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    /// Its device and its number there, where files have numbers.
    number: Option<(u64, u64)>,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let number = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let number = None;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            number,
        }
    }
}

impl Version {
    /// Looks at the file at this path, which must be one that can be read.
    pub(super) async fn of(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::File, format!("{}: {error}", path.display())).with_source(error)
        };
        // Before it is opened: that of a pipe waits for a writer.
        let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input(format!(
                "{} is no regular file: give what is read from it as a stream",
                path.display()
            )));
        }
        let file = File::open(path).await.map_err(failed)?;
        let metadata = file.metadata().await.map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            state: State::of(&metadata),
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.state.length
    }

    /// Opens it once more.
    async fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path).await?;
        if self.is(&file).await? {
            Ok(file)
        } else {
            Err(io::Error::other(
                "the file was changed after the upload had begun",
            ))
        }
    }

    /// Whether an open file is still this version of it.
    async fn is(&self, file: &File) -> io::Result<bool> {
        Ok(State::of(&file.metadata().await?) == self.state)
    }

    fn error(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!("{}: {why}", self.path.display()))
    }
}

/// The next piece, and how to go on after it; `None` at the end.
type Step = Pin<Box<dyn Future<Output = io::Result<Option<(Cursor, Bytes)>>> + Send>>;

/// A file that is read.
pub(super) struct Reading {
    /// The read that is under way; `None` at the end.
    step: Option<Step>,
}

/// An open file, and how much of it is still to come.
struct Cursor {
    version: Arc<Version>,
    file: File,
    left: u64,
}

impl Reading {
    pub(super) fn open(version: Arc<Version>) -> Self {
        let first = async move {
            let file = version.open().await;
            let cursor = Cursor {
                file: file.map_err(|error| version.error(error))?,
                left: version.length(),
                version,
            };
            cursor.next().await
        };
        Self {
            step: Some(Box::pin(first)),
        }
    }
}

impl Cursor {
    async fn next(mut self) -> io::Result<Option<(Self, Bytes)>> {
        match self.read().await {
            Ok(piece) if piece.is_empty() => Ok(None),
            Ok(piece) => Ok(Some((self, piece))),
            Err(error) => Err(self.version.error(error)),
        }
    }

    /// The next piece, which is empty at the end of a file that stayed as it was.
    async fn read(&mut self) -> io::Result<Bytes> {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = self.file.read_buf(&mut piece).await?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(io::Error::other(
                "the file has become longer while it was read",
            ));
        };
        self.left = left;
        if read == 0 && left > 0 {
            return Err(io::Error::other(
                "the file has become shorter while it was read",
            ));
        }
        if read == 0 && !self.version.is(&self.file).await? {
            return Err(io::Error::other("the file was changed while it was read"));
        }
        Ok(piece.freeze())
    }
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
            Ok(Some((cursor, piece))) => {
                self.step = Some(Box::pin(cursor.next()));
                Some(Ok(piece))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error.into())),
        })
    }
}
