//! A file that is there as a whole or not at all.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

/// As many links are followed as by the kernel of Linux.
const LINKS: usize = 40;

/// A file that is written under a name beside its own, and gets its own when it is complete.
/// Dropped before, it is removed.
pub(super) struct Destination {
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

impl Destination {
    /// Creates the file beside `path`, or beside what `path` links to, in the same directory and so
    /// on the same file system. What stands in the way of a file there is an error already now.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let own = followed(path)?;
        let before = before(&own)?;
        let name = own.as_os_str().as_encoded_bytes();
        let ends_in_one = name
            .last()
            .is_some_and(|last| std::path::is_separator(char::from(*last)));
        if own.file_name().is_none() || ends_in_one {
            return Err(invalid("it names no file"));
        }
        let beside = own.with_file_name(format!(".qoder-{}.part", Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if before.is_some() {
            // Until it is known who else may read it.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        // Not on another thread: dropped in the middle, that would create it after all.
        let file = options.open(&beside)?;
        let beside = Beside(Some(beside));
        if let Some(before) = before {
            inherit(&file, &before)?;
        }
        Ok(Self {
            file: tokio::fs::File::from_std(file),
            own,
            beside,
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

/// Returns the path behind all links, whether something is there or not: a link stays, and its
/// target is written.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut own = path.to_owned();
    for _ in 0..LINKS {
        let is_link = std::fs::symlink_metadata(&own).is_ok_and(|it| it.is_symlink());
        if !is_link {
            return Ok(own);
        }
        // The system may forbid it, as it does for the links of others in `/tmp`.
        match std::fs::metadata(&own) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
        let to = std::fs::read_link(&own)?;
        own.pop();
        own.push(to);
    }
    Err(invalid("it is a link that leads nowhere but to links"))
}

/// Returns the metadata of the file at the path, which may be written; `None` if there is none.
fn before(own: &Path) -> io::Result<Option<Metadata>> {
    let before = match std::fs::metadata(own) {
        Ok(before) => before,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if before.is_dir() {
        return Err(invalid("it is a directory"));
    }
    if !before.is_file() {
        let why = "it is no regular file: take the content as a stream, and write that to it";
        return Err(invalid(why));
    }
    // To put another in its place takes no permission for the file itself. Other errors, as of a
    // program that is running, are no obstacle to that.
    match OpenOptions::new().write(true).open(own) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(Some(before)),
    }
}

/// Gives a file the mode of what it takes the place of, and the owner and group as far as that is
/// allowed.
#[cfg(unix)]
fn inherit(file: &File, before: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let mut mode = before.mode() & 0o777;
    let now = file.metadata()?;
    if now.gid() != before.gid() && fchown(file, None, Some(before.gid())).is_err() {
        // What the other group may do, this one may not.
        mode = (mode & !0o070) | ((mode & 0o007) << 3);
    }
    if now.mode() & 0o777 != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    // The last, since who gives it away may do nothing more with it.
    if now.uid() != before.uid() {
        let _ = fchown(file, Some(before.uid()), None);
    }
    Ok(())
}

#[cfg(not(unix))]
fn inherit(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
