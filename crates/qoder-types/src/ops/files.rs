//! Operations under `/files`.

use super::row::operations;
use crate::{Deleted, File, FileContent, FileId, FileUpload, Page};

operations! { "files" {
    /// Uploads a file. The request has a [form](crate::Request::form) for a body, and the content
    /// of its one file is for the sender to add.
    upload() takes FileUpload -> File = post "/files";
    /// Lists files, newest first.
    list() -> Page<File> = list "/files" ? "name" "scope_id" "ids[]" "after_id" "before_id";
    /// Gets what is known of a file.
    retrieve_metadata(file_id: FileId) -> File = get "/files/{file_id}";
    /// Gets a link to the content of a file. The link is fetched without credentials.
    download(file_id: FileId) -> FileContent = get "/files/{file_id}/content";
    /// Deletes a file.
    delete(file_id: FileId) -> Deleted = delete "/files/{file_id}";
} }
