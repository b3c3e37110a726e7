//! The origins of downloads: what is downloaded, and who sends it.

use qoder_types::{FileId, SkillId, SkillVersionNumber};

/// The content that is downloaded.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A file. The API gives a link to it, and a storage sends it.
    File(FileId),
    /// The files of a version of a skill, as an archive. The API sends it itself.
    Skill(SkillId, SkillVersionNumber),
}

impl Origin {
    /// The operation that it begins with.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::File(_) => "files.download",
            Self::Skill(..) => "skills.versions.download",
        }
    }

    /// Returns the name of the content in errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Skill(..) => "archive",
        }
    }

    /// Returns the name of the sender in errors.
    pub(super) fn sender(&self) -> &'static str {
        match self {
            Self::File(_) => "storage",
            Self::Skill(..) => "server",
        }
    }
}
