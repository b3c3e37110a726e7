//! Skills: instructions and files that agents are given, under versions.

use std::collections::BTreeMap;

use crate::{Extra, Form, FormFile, SkillId, SkillVersionId, SkillVersionNumber, Timestamp};

object! {
    /// A skill, which agents are given by its id. Its content is in its versions.
    Skill {
        /// The skill's id.
        id!: SkillId,
        /// The name for people.
        display_title: String,
        /// The skill's maker.
        source: SkillSource = "source" | "skill_type",
        /// The latest version. `None` if there is none.
        latest_version?: SkillVersionNumber = "latest_version" | "version",
        /// The caller's own data: texts by key. `None` if the server doesn't say.
        metadata?: Extra,
        /// The name that agents know the skill by. Only in early generations; today it is in
        /// [`SkillVersion::name`].
        name?: String,
        /// A description of the skill's purpose. Only in early generations; today it is in
        /// [`SkillVersion::description`].
        description?: String,
        /// The status of the skill's processing. Only in early generations.
        status?: String,
        /// The content. Only in early generations.
        content?: String,
        /// The size of the content in bytes. Only in early generations.
        content_size?: u64,
        /// The SHA-256 of the content. Only in early generations.
        content_sha256?: String,
        /// When the skill was created.
        created_at: Timestamp,
        /// When the skill was last changed.
        updated_at: Timestamp,
    }
}

open_enum! {
    /// The maker of a skill.
    SkillSource {
        /// The account.
        Custom = "custom",
        /// The platform.
        Qoder = "qoder",
        /// The platform, as an example.
        QoderExample = "qoder_example",
        /// A plugin.
        Plugin = "plugin",
    }
}

object! {
    /// A version of a skill.
    SkillVersion {
        /// The id of the version, which no operation takes: they take its
        /// [`version`](Self::version).
        id!: SkillVersionId,
        /// The skill.
        skill_id: SkillId,
        /// The number of the version.
        version: SkillVersionNumber,
        /// The name that agents know the skill by, from the head of its `SKILL.md`.
        name: String,
        /// A description of the skill's purpose, from the head of its `SKILL.md`.
        description: String,
        /// The top directory of the files. `None` if the server doesn't say.
        directory?: String,
        /// When the version was made.
        created_at: Timestamp,
    }
}

/// The files of a skill, by their names; the contents go beside them.
///
/// They are several files with their paths, or one zip archive of them: at most 50 MiB. One of
/// them is `SKILL.md`, at the top or in the one directory there, and begins with YAML that says
/// `name` and `description`.
///
/// ```
/// use qoder_types::{SkillUpload, ops};
///
/// let upload = SkillUpload::files(["release-notes/SKILL.md", "release-notes/bin/list.sh"]);
/// let request = ops::skills::versions::create(&"skill_1".into(), &upload);
/// assert_eq!(request.form().unwrap().files[1].filename, "release-notes/bin/list.sh");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SkillUpload {
    /// The files of the form. Their contents follow in the same order.
    pub files: Vec<FormFile>,
    /// Further fields of the form.
    pub extra: Extra,
}

impl SkillUpload {
    /// The fields that there must be.
    #[cfg(test)]
    pub(crate) const REQUIRED: &'static [&'static str] = &["files"];

    /// Describes files by their paths, which are relative, with `/` between their parts.
    pub fn files<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        let files = paths
            .into_iter()
            .map(|path| form_file("files", path.into(), "application/octet-stream"));
        Self {
            files: files.collect(),
            extra: Extra::new(),
        }
    }

    /// Describes a zip archive by its name, such as `release-notes.zip`. The
    /// documentation has this form; the official SDKs send several files.
    pub fn zip(filename: impl Into<String>) -> Self {
        Self {
            files: vec![form_file("file", filename.into(), "application/zip")],
            extra: Extra::new(),
        }
    }

    /// The form of the upload.
    pub(crate) fn form(&self) -> Form {
        let mut form = Form::default();
        for (name, value) in &self.extra {
            form.field(name, value);
        }
        form.files.clone_from(&self.files);
        form
    }
}

fn form_file(field: &str, filename: String, mime_type: &str) -> FormFile {
    FormFile {
        field: field.to_owned(),
        filename,
        mime_type: mime_type.to_owned(),
    }
}

/// Creates a skill.
///
/// ```
/// use qoder_types::{SkillCreate, SkillUpload, ops};
///
/// let skill = SkillCreate::new(SkillUpload::zip("release-notes.zip")).display_title("Release notes");
/// let request = ops::skills::create(&skill);
/// let form = request.form().unwrap();
/// assert_eq!(form.fields, [("display_title".to_owned(), "Release notes".to_owned())]);
/// assert_eq!(form.files[0].mime_type, "application/zip");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SkillCreate {
    /// The files.
    pub upload: SkillUpload,
    /// The name for people. `None` to let the server choose.
    pub display_title: Option<String>,
    /// The caller's own data.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl SkillCreate {
    /// The fields that there must be.
    #[cfg(test)]
    pub(crate) const REQUIRED: &'static [&'static str] = SkillUpload::REQUIRED;

    /// Returns a `SkillCreate` of these files. The rest has setters.
    pub fn new(upload: SkillUpload) -> Self {
        Self {
            upload,
            display_title: None,
            metadata: None,
        }
    }

    /// Sets the name for people. Left out, the server chooses it.
    pub fn display_title(mut self, title: impl Into<String>) -> Self {
        self.display_title = Some(title.into());
        self
    }

    /// Adds an entry to the metadata: at most 16 entries, of keys with up to 64 and values with up
    /// to 512 characters.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata
            .get_or_insert_default()
            .insert(key.into(), value.into());
        self
    }

    /// The form of the creation.
    pub(crate) fn form(&self) -> Form {
        let mut form = Form::default();
        if let Some(title) = &self.display_title {
            form.field("display_title", &title.as_str().into());
        }
        if let Some(metadata) = &self.metadata {
            form.field("metadata", &serde_json::json!(metadata));
        }
        let upload = self.upload.form();
        form.fields.extend(upload.fields);
        form.files = upload.files;
        form
    }
}

body! {
    /// Changes a skill in place. What is left out stays as it is.
    ///
    /// The vendor calls this deprecated: new content belongs in a new version.
    SkillUpdate {
        ;
        /// The new name.
        name: String,
        /// A description of the skill's purpose.
        description: String,
        /// The new content, in the encoding that `content_encoding` names.
        content: String,
        /// The encoding of `content`: `base64`.
        content_encoding: String,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

impl From<&Skill> for SkillId {
    fn from(skill: &Skill) -> Self {
        skill.id.clone()
    }
}

impl From<&SkillVersion> for SkillVersionNumber {
    fn from(version: &SkillVersion) -> Self {
        version.version.clone()
    }
}
