//! A file that is there as a whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

/// A file that is written under a name beside its own, and gets its own when it is complete.
/// Dropped before, it is removed.
pub(super) struct Target {
    file: tokio::fs::File,
    own: PathBuf,
    beside: Beside,
}

/// The name beside it, for as long as something is there under it.
struct Beside(Option<PathBuf>);

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Target {
    /// Creates the file beside `path`, in its directory, so that the two are on one file system.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        if path.file_name().is_none() {
            let why = "it names no file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let beside = path.with_file_name(format!(".qoder-{}.part", Uuid::new_v4().simple()));
        // Not on another thread: dropped in the middle, that would create it after all.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        Ok(Self {
            file: tokio::fs::File::from_std(file),
            own: path.to_owned(),
            beside: Beside(Some(beside)),
        })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }

    /// Forgets what was written.
    pub(super) async fn restart(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.rewind().await?;
        self.file.set_len(0).await
    }

    /// Gives it its name, in place of what had it, once all of it is on the disk.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        if let Some(beside) = &self.beside.0 {
            tokio::fs::rename(beside, &self.own).await?;
        }
        self.beside.0 = None;
        // The name is on the disk when its directory is. Not every system has a way to say that.
        #[cfg(unix)]
        if let Some(directory) = self.own.parent() {
            let directory = if directory.as_os_str().is_empty() {
                Path::new(".")
            } else {
                directory
            };
            if let Ok(directory) = tokio::fs::File::open(directory).await {
                let _ = directory.sync_all().await;
            }
        }
        Ok(())
    }
}
