use qoder_types::ops::files as ops;
use qoder_types::{Deleted, File, FileContent, FileId};

use super::resource;
use crate::call::Call;
use crate::files::{Download, Upload};
use crate::list::List;

resource! {
    /// The calls under `/files`, from [`Client::files`](crate::Client::files).
    Files
}

impl Files {
    /// Uploads a file. Its content is read as it is sent; see [`Upload`].
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Upload;
    ///
    /// let file = client.files().upload(Upload::path("notes.md")).await?;
    /// println!("{} has {} bytes", file.id, file.size_bytes);
    /// # Ok(()) }
    /// ```
    pub fn upload(&self, upload: Upload) -> Call<File> {
        self.call(ops::upload(upload.about())).with_upload(upload)
    }

    /// Lists files.
    pub fn list(&self) -> List<File> {
        self.pages(ops::list())
    }

    /// Retrieves what is known of a file, without its content.
    pub fn retrieve(&self, id: impl Into<FileId>) -> Call<File> {
        self.call(ops::retrieve_metadata(&id.into()))
    }

    /// Retrieves a link to the content of a file, which must be
    /// [downloadable](qoder_types::File::downloadable). [`download`](Self::download) fetches it
    /// too; whoever does so by hand must not send the token there.
    pub fn content(&self, id: impl Into<FileId>) -> Call<FileContent> {
        self.call(ops::download(&id.into()))
    }

    /// Downloads a file, which must be [downloadable](qoder_types::File::downloadable): as a rule
    /// what agents deliver is, and uploads are not.
    pub fn download(&self, id: impl Into<FileId>) -> Download {
        Download::new(self.shared.clone(), id.into())
    }

    /// Deletes a file.
    pub fn delete(&self, id: impl Into<FileId>) -> Call<Deleted> {
        self.call(ops::delete(&id.into()))
    }
}

/// Filters of [`Files::list`].
impl List<File> {
    /// Lists only files of this name.
    pub fn name(self, name: &str) -> Self {
        self.query("name", name)
    }

    /// Lists only files of this resource, such as a session.
    pub fn scope_id(self, id: &str) -> Self {
        self.query("scope_id", id)
    }

    /// Lists only this file; call it again for further ones.
    pub fn id(self, id: impl Into<FileId>) -> Self {
        self.also("ids[]", id.into())
    }
}
