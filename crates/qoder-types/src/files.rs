//! Files: what is uploaded for agents, and what they deliver.

use std::collections::BTreeMap;

use crate::{Extra, FileId, Form, Secret, Timestamp};

object! {
    /// An uploaded or delivered file, without its content.
    File {
        /// The file's id.
        id!: FileId,
        /// The name.
        filename: String = "filename" | "name",
        /// The media type, such as `text/plain`.
        mime_type: String,
        /// The size in bytes.
        size_bytes: u64 = "size_bytes" | "size",
        /// Whether the content can be downloaded: as a rule that of what agents deliver, and not
        /// that of uploads. `None` in early generations.
        downloadable?: bool,
        /// The owner of the file. `None` if it belongs to the account.
        scope?: FileScope,
        /// The caller's own data: texts by key. `None` if there is none.
        metadata?: Extra,
        /// The file's purpose, such as `user_upload`. Only in early generations.
        purpose?: String,
        /// The status of the file's processing. `None` if the server doesn't say.
        status?: String,
        /// When the file was created.
        created_at: Timestamp,
        /// When the file was last changed. Only in early generations.
        updated_at?: Timestamp,
        /// When the file will be deleted. `None` if it stays.
        expires_at?: Timestamp,
    }
}

impl From<&File> for FileId {
    fn from(file: &File) -> Self {
        file.id.clone()
    }
}

object! {
    /// The session that a file belongs to.
    FileScope {
        /// The kind of resource: `session`.
        kind?: String = "type",
        /// The resource's id.
        id: String,
    }
}

object! {
    /// A link to the content of a file.
    FileContent {
        /// The link. It is fetched without the API's credentials; whoever has it can download the
        /// file, so it is a secret.
        url: Secret,
        /// Until when the link can be used. `None` if the server doesn't say.
        expires_at?: Timestamp,
    }
}

/// The description of a file that is uploaded. Its content goes beside it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FileUpload {
    /// The name that the content has where it comes from.
    pub filename: String,
    /// The media type.
    pub mime_type: String,
    /// The name that the file gets. `None` for `filename`.
    pub name: Option<String>,
    /// The caller's own data: at most 8 KB as JSON.
    pub metadata: Option<BTreeMap<String, String>>,
    /// After how many seconds the file is deleted: 3,600 to 7,776,000. `None` if it stays.
    pub expires_in_seconds: Option<u64>,
    /// Further fields of the form.
    pub extra: Extra,
}

impl FileUpload {
    /// The fields that there must be.
    #[cfg(test)]
    pub(crate) const REQUIRED: &'static [&'static str] = &["file"];

    /// Describes a file of this name, as `application/octet-stream`.
    pub fn new(filename: impl Into<String>) -> Self {
        Self {
            filename: filename.into(),
            mime_type: "application/octet-stream".to_owned(),
            name: None,
            metadata: None,
            expires_in_seconds: None,
            extra: Extra::new(),
        }
    }

    /// Sets the media type.
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = mime_type.into();
        self
    }

    /// Sets the name that the file gets.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds an entry to the metadata, which has 8 KB as JSON at most.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata
            .get_or_insert_default()
            .insert(key.into(), value.into());
        self
    }

    /// Sets after how many seconds the file is deleted: 3,600 to 7,776,000.
    pub fn expires_in_seconds(mut self, seconds: u64) -> Self {
        self.expires_in_seconds = Some(seconds);
        self
    }

    /// The form of the upload.
    pub(crate) fn form(&self) -> Form {
        let mut form = Form::default();
        if let Some(name) = &self.name {
            form.field("name", &name.as_str().into());
        }
        if let Some(metadata) = &self.metadata {
            form.field("metadata", &serde_json::json!(metadata));
        }
        if let Some(seconds) = self.expires_in_seconds {
            form.field("expires_in_seconds", &seconds.into());
        }
        for (name, value) in &self.extra {
            form.field(name, value);
        }
        form.file("file", &self.filename, &self.mime_type);
        form
    }
}
