//! A file that is read as it is sent, and must stay as it was.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::AsyncReadExt;

use super::source::BoxError;
use crate::error::{Error, ErrorKind, Result};

/// How much of a file is read at once; one such piece is in memory.
pub(super) const PIECE: usize = 64 << 10;

/// A file as it was when the call began.
#[derive(Debug)]
pub(super) struct Version {
    path: PathBuf,
    length: u64,
    changed: Option<SystemTime>,
}

impl Version {
    pub(super) async fn of(path: &Path) -> Result<Self> {
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

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn error(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!("{}: {why}", self.path.display()))
    }
}

type Step = Pin<Box<dyn Future<Output = io::Result<Option<(tokio::fs::File, Bytes)>>> + Send>>;

/// A file that is read.
pub(super) struct Reading {
    version: Arc<Version>,
    /// The read that is under way; `None` at the end.
    step: Option<Step>,
    left: u64,
}

impl Reading {
    pub(super) fn open(version: Arc<Version>) -> Self {
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
