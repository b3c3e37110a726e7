use qoder_types::ops::files;
use qoder_types::{Deleted, File, FileContent, FileId};

use super::macros::{calls, list};
use crate::call::Call;
use crate::files::{Download, Upload};

calls! {
    /// The calls under `/files`, from [`Client::files`](crate::Client::files).
    ///
    /// Files are uploaded for agents, which find them in their sessions, and come from agents, which
    /// deliver them. As a rule only the latter can be downloaded.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::Upload;
    ///
    /// let file = client.files().upload(Upload::path("notes.md")).await?;
    /// println!("{} has {} bytes", file.id, file.size_bytes);
    /// # Ok(()) }
    /// ```
    Files: files {
        /// Lists files.
        list() -> FileList,
        /// Deletes a file.
        delete(id: FileId) -> Call<Deleted>,
    }
}

impl Files {
    /// Uploads a file. Its content is read as it is sent; see [`Upload`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::Upload;
    ///
    /// let file = client.files().upload(Upload::bytes("notes.md", "# Notes\n")).await?;
    /// # Ok(()) }
    /// ```
    pub fn upload(&self, upload: Upload) -> Call<File> {
        Call::new(self.shared.clone(), files::upload(upload.about())).with_uploads([upload])
    }

    /// Retrieves what is known of a file, without its content.
    #[doc(alias = "retrieve_metadata")]
    pub fn retrieve(&self, id: impl Into<FileId>) -> Call<File> {
        Call::new(self.shared.clone(), files::retrieve_metadata(&id.into()))
    }

    /// Retrieves a link to the content of a file, which must be
    /// [downloadable](qoder_types::File::downloadable). [`download`](Self::download) follows it
    /// too; if you do, don't send the token there.
    pub fn content(&self, id: impl Into<FileId>) -> Call<FileContent> {
        Call::new(self.shared.clone(), files::download(&id.into()))
    }

    /// Downloads a file, which must be [downloadable](qoder_types::File::downloadable).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let content = client.files().download("file_1").bytes().await?;
    /// println!("{} bytes", content.len());
    /// client.files().download("file_1").to_path("report.md").await?;
    /// # Ok(()) }
    /// ```
    pub fn download(&self, id: impl Into<FileId>) -> Download {
        Download::file(self.shared.clone(), id.into())
    }
}

list! {
    /// Files; from [`Files::list`].
    ///
    /// A filter that the API doesn't have for a list does not compile:
    ///
    /// ```compile_fail,E0599
    /// # fn f(client: qoder::Client) {
    /// client.files().list().include_archived(true);
    /// # }
    /// ```
    FileList of File by FileId, 1000 a page {
        /// Lists only files of this name.
        name: String,
        /// Lists only files that belong to this resource, such as a session, by its id.
        scope_id: String,
        /// Lists only this file; call it again for further ones.
        id+: FileId as "ids[]",
    }
}
