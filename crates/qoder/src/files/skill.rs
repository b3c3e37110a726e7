//! The files of a skill, on their way up.

use std::path::{Path, PathBuf};

use qoder_types::{SkillCreate, SkillUpload};

use super::upload::Upload;
use crate::error::{Error, ErrorKind, Result};

/// The files of a skill, with their contents: several under their paths, or one zip archive.
///
/// One of them is `SKILL.md`, at the top or in the one directory there, and begins with YAML that
/// says `name` and `description`. Together they have at most 50 MiB. The contents are read as they
/// are sent, as those of an [`Upload`] are.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::files::{NewSkill, SkillFiles};
///
/// let files = SkillFiles::directory("skills/release-notes")?;
/// let skill = client.skills().create(NewSkill::new(files).display_title("Release notes")).await?;
/// println!("{} at version {:?}", skill.id, skill.latest_version);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "files do nothing until they are given to a call"]
pub struct SkillFiles {
    about: SkillUpload,
    uploads: Vec<Upload>,
}

impl SkillFiles {
    /// Uploads these files, each under its path within the skill, such as
    /// `release-notes/SKILL.md`: relative, with `/` between its parts.
    pub fn new<P: Into<String>>(files: impl IntoIterator<Item = (P, Upload)>) -> Self {
        let (paths, uploads): (Vec<String>, Vec<Upload>) = files
            .into_iter()
            .map(|(path, upload)| (path.into(), upload))
            .unzip();
        Self {
            about: SkillUpload::files(paths),
            uploads,
        }
    }

    /// Uploads every file below a directory, under its path from the directory's own name on. Their
    /// names are read now, and their contents as they are sent; this blocks for as long as the file
    /// system takes to list them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if the directory can't be listed, has a name that is not UTF-8, or has a
    /// link or anything else that is neither a file nor a directory.
    pub fn directory(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let full = path
            .canonicalize()
            .map_err(|error| unreadable(path, error))?;
        let name = full.file_name().unwrap_or_default();
        let name = name.to_str().ok_or_else(|| no_text(path))?.to_owned();
        let mut files = Vec::new();
        let mut open: Vec<(String, PathBuf)> = vec![(name, full)];
        while let Some((inside, folder)) = open.pop() {
            let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))?;
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&folder, error))?;
                let path = entry.path();
                let name = entry.file_name();
                let inside = format!("{inside}/{}", name.to_str().ok_or_else(|| no_text(&path))?);
                let kind = entry
                    .file_type()
                    .map_err(|error| unreadable(&path, error))?;
                if kind.is_dir() {
                    open.push((inside, path));
                } else if kind.is_file() {
                    files.push((inside, Upload::path(path)));
                } else {
                    let why = format!("{} is neither a file nor a directory", path.display());
                    return Err(Error::new(ErrorKind::File, why));
                }
            }
        }
        // In an order that doesn't depend on the file system.
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self::new(files))
    }

    /// Uploads a zip archive of the files. Official SDKs send several files instead.
    pub fn zip(archive: Upload) -> Self {
        Self {
            about: SkillUpload::zip(archive.about().filename.as_str()),
            uploads: vec![archive],
        }
    }

    /// Returns the paths of the files, in the order that they are sent.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.about.files.iter().map(|file| file.filename.as_str())
    }

    pub(crate) fn into_parts(self) -> (SkillUpload, Vec<Upload>) {
        (self.about, self.uploads)
    }
}

/// A skill to be created: its files, and what is said of it.
#[derive(Clone, Debug)]
#[must_use = "a skill is created by the call that it is given to"]
pub struct NewSkill {
    about: SkillCreate,
    uploads: Vec<Upload>,
}

impl NewSkill {
    /// Describes a skill of these files.
    pub fn new(files: SkillFiles) -> Self {
        let (about, uploads) = files.into_parts();
        Self {
            about: SkillCreate::new(about),
            uploads,
        }
    }

    /// Sets the name for people. Default: the server chooses it.
    pub fn display_title(mut self, title: impl Into<String>) -> Self {
        self.about = self.about.display_title(title);
        self
    }

    /// Adds an entry to the metadata: at most 16 entries, of keys with up to 64 and values with up
    /// to 512 characters.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.about = self.about.metadata(key, value);
        self
    }

    pub(crate) fn into_parts(self) -> (SkillCreate, Vec<Upload>) {
        (self.about, self.uploads)
    }
}

impl From<SkillFiles> for NewSkill {
    fn from(files: SkillFiles) -> Self {
        Self::new(files)
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let why = format!("{} can't be read: {error}", path.display());
    Error::new(ErrorKind::File, why).with_source(error)
}

fn no_text(path: &Path) -> Error {
    let why = format!("the name of {} is not UTF-8", path.display());
    Error::new(ErrorKind::File, why)
}
