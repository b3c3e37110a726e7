//! Operations under `/files`.

use crate::{Deleted, File, FileContent, FileId, FileUpload, Op, Page, Request};

pub(super) static UPLOAD: Op = Op::post("files.upload", "/files");
pub(super) static LIST: Op = Op::list("files.list", "/files");
pub(super) static RETRIEVE: Op = Op::get("files.retrieve_metadata", "/files/{file_id}");
pub(super) static CONTENT: Op = Op::get("files.download", "/files/{file_id}/content");
pub(super) static DELETE: Op = Op::delete("files.delete", "/files/{file_id}");

/// Uploads a file. The request has a [form](Request::form) for a body, and the content of its one
/// file is for the sender to add.
pub fn upload(upload: &FileUpload) -> Request<File> {
    Request::new(&UPLOAD).form_body(upload.form())
}

/// Lists files. Filters: `limit`, `name`, `scope_id`, `ids[]`.
pub fn list() -> Request<Page<File>> {
    Request::new(&LIST)
}

/// Gets what is known of a file.
pub fn retrieve(file: &FileId) -> Request<File> {
    Request::new(&RETRIEVE).path("file_id", file.as_str())
}

/// Gets a link to the content of a file. The link is fetched without credentials.
pub fn content(file: &FileId) -> Request<FileContent> {
    Request::new(&CONTENT).path("file_id", file.as_str())
}

/// Deletes a file.
pub fn delete(file: &FileId) -> Request<Deleted> {
    Request::new(&DELETE).path("file_id", file.as_str())
}
