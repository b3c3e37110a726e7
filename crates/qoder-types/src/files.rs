//! Files: what is uploaded for agents, and what they deliver.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Extra, FileId, Form, Timestamp};

/// An uploaded or delivered file, without its content.
///
/// The generations name some of it differently: [`file_name`](Self::file_name) and
/// [`byte_len`](Self::byte_len) read either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Its name, in an early generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Its size in bytes, in an early generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether its content can be had: as a rule that of what agents deliver, and not of uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloadable: Option<bool>,
    /// What it belongs to; not set if it belongs to the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<FileScope>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// What it is for, in early generations, such as `user_upload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was last changed, in early generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When it will be deleted; not set if it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl File {
    /// Its name, whichever generation wrote it.
    pub fn file_name(&self) -> Option<&str> {
        self.filename.as_deref().or(self.name.as_deref())
    }

    /// Its size in bytes, whichever generation wrote it.
    pub fn byte_len(&self) -> Option<u64> {
        self.size_bytes.or(self.size)
    }
}

impl From<&File> for FileId {
    fn from(file: &File) -> Self {
        file.id.clone()
    }
}

/// What a file belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct FileScope {
    /// The kind of resource, such as `session`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A link to the content of a file. Whoever has it can download the file, so it is not shown.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct FileContent {
    /// The link, to be fetched without the API's credentials.
    pub url: String,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileContent")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What is said of a file when it is uploaded; its content goes beside it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FileUpload {
    /// The name that the content has where it comes from.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// The name that the file gets, if not that one.
    pub name: Option<String>,
    /// Its metadata: 8 KB as JSON, at most.
    pub metadata: Option<Extra>,
    /// After how many seconds it is deleted: 3,600 to 7,776,000. It stays if this is not set.
    pub expires_in_seconds: Option<u64>,
    /// Fields that this type doesn't have.
    pub extra: Extra,
}

impl FileUpload {
    /// A file of this name, as `application/octet-stream`.
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

    setters! {
        /// Sets the name that the file gets.
        name: String,
        /// Sets after how many seconds it is deleted.
        expires_in_seconds: u64,
    }

    /// Adds an entry to the metadata.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata
            .get_or_insert_default()
            .insert(key.into(), value.into().into());
        self
    }

    /// The form of the upload.
    pub(crate) fn form(&self) -> Form {
        let mut form = Form::default();
        if let Some(name) = &self.name {
            form.field("name", &name.as_str().into());
        }
        if let Some(metadata) = &self.metadata {
            form.field("metadata", &metadata.clone().into());
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

lossless!(File, FileScope, FileContent);
