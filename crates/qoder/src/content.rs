//! Images and documents for messages, from files on this machine.
//!
//! Other sources become a [`ContentBlock`] directly: bytes with [`Source::bytes`], an address with
//! [`Source::url`], and an uploaded file by its id. A message takes texts and blocks in any order:
//!
//! ```
//! # async fn f(client: qoder::Client) -> qoder::Result<()> {
//! use qoder::content;
//! use qoder::types::{ContentBlock, Source};
//!
//! let session = client.session("sess_1");
//! let chart = content::image("chart.png").await?;
//! let report = content::document("report.pdf").await?;
//! let reply = session.ask(("Does the chart fit the report?", chart, report)).await?;
//!
//! let png = vec![0x89, b'P', b'N', b'G'];
//! session.ask(("And this?", ContentBlock::image(Source::bytes("image/png", png)))).await?;
//! # Ok(()) }
//! ```

use std::path::Path;

use qoder_types::{ContentBlock, DocumentBlock, Source};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{Error, ErrorKind, Result};

/// The number of bytes of a request's 4 MB that a file may take, in its form on the wire.
const LARGEST: usize = 3_900_000;

/// File name extensions, and the kinds that they stand for.
const ENDINGS: &[(&str, Kind)] = &[
    ("png", Kind::Image("image/png")),
    ("jpg", Kind::Image("image/jpeg")),
    ("jpeg", Kind::Image("image/jpeg")),
    ("gif", Kind::Image("image/gif")),
    ("webp", Kind::Image("image/webp")),
    ("pdf", Kind::Document("application/pdf")),
    ("txt", Kind::Text),
    ("text", Kind::Text),
    ("md", Kind::Text),
    ("markdown", Kind::Text),
    ("csv", Kind::Text),
    ("tsv", Kind::Text),
    ("log", Kind::Text),
    ("json", Kind::Text),
    ("jsonl", Kind::Text),
    ("yaml", Kind::Text),
    ("yml", Kind::Text),
    ("toml", Kind::Text),
    ("xml", Kind::Text),
    ("html", Kind::Text),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Image(&'static str),
    Document(&'static str),
    Text,
}

/// Makes an image of a file, whose ending says of what type it is: `png`, `jpg`, `jpeg`, `gif` or
/// `webp`, in any case. The file goes into the message itself, which takes about 2.9 MB.
///
/// # Errors
///
/// - [`ErrorKind::Input`] if the ending doesn't say that it is an image, or if the file is too large.
/// - [`ErrorKind::File`] if it can't be read.
pub async fn image(path: impl AsRef<Path>) -> Result<ContentBlock> {
    let path = path.as_ref();
    match kind(path) {
        Some(Kind::Image(media_type)) => {
            let source = Source::bytes(media_type, read(path, LARGEST / 4 * 3).await?);
            Ok(ContentBlock::image(source))
        }
        Some(Kind::Document(_) | Kind::Text) => Err(Error::input(format!(
            "{}: by its ending this is no image, but a document: `content::document` reads it",
            path.display()
        ))),
        None => Err(unknown(path, "image")),
    }
}

/// Makes a document of a file, with the file's name as its title. The ending says of what type it
/// is: `pdf`, or that of a kind of text, such as `txt`, `md`, `csv` or `json`, in any case; text
/// must be UTF-8. The file goes into the message itself, which takes about 2.9 MB of PDF, or 3.9 MB
/// of text.
///
/// # Errors
///
/// - [`ErrorKind::Input`] if the ending doesn't say that it is a document, if the file is too large,
///   or if a text is not UTF-8.
/// - [`ErrorKind::File`] if it can't be read.
pub async fn document(path: impl AsRef<Path>) -> Result<ContentBlock> {
    let path = path.as_ref();
    let source = match kind(path) {
        Some(Kind::Document(media_type)) => {
            Source::bytes(media_type, read(path, LARGEST / 4 * 3).await?)
        }
        Some(Kind::Text) => {
            let text = String::from_utf8(read(path, LARGEST).await?).map_err(|_| {
                Error::input(format!(
                    "{}: by its ending this is text, but it is not UTF-8",
                    path.display()
                ))
            })?;
            Source::text(text)
        }
        Some(Kind::Image(_)) => {
            return Err(Error::input(format!(
                "{}: by its ending this is no document, but an image: `content::image` reads it",
                path.display()
            )));
        }
        None => return Err(unknown(path, "document")),
    };
    let document = DocumentBlock::new(source);
    let title = path.file_name().map(|name| name.to_string_lossy());
    Ok(match title {
        Some(title) => document.title(title),
        None => document,
    }
    .into())
}

fn kind(path: &Path) -> Option<Kind> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let found = ENDINGS.iter().find(|(known, _)| *known == ending);
    found.map(|(_, kind)| *kind)
}

fn unknown(path: &Path, what: &str) -> Error {
    Error::input(format!(
        "{}: the ending doesn't say of what type this {what} is: read it, and say so with \
         `ContentBlock::{what}(Source::bytes(media_type, bytes))`",
        path.display()
    ))
}

/// The content of a file that has at most so many bytes.
async fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let why = format!("{} can't be read: {error}", path.display());
        Error::new(ErrorKind::File, why).with_source(error)
    };
    let file = File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    let mut file = file.take(most as u64 + 1);
    file.read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() > most {
        return Err(Error::input(format!(
            "{} has more than {most} bytes, which is what a message can carry of it: upload it with \
             `client.files().upload(..)`, and name it by its id",
            path.display()
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::Folder;
    use qoder_types::{Content, FileId};

    fn json(block: &ContentBlock) -> serde_json::Value {
        serde_json::to_value(block).expect("JSON")
    }

    #[tokio::test]
    async fn endings_say_what_a_file_is() {
        let folder = Folder::new();
        let png = image(folder.file("a.PNG", b"\x89PNG"))
            .await
            .expect("an image");
        let source = serde_json::json!(
            {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
        );
        assert_eq!(json(&png)["source"], source);
        let pdf = document(folder.file("a.pdf", b"%PDF"))
            .await
            .expect("a document");
        assert_eq!(json(&pdf)["source"]["media_type"], "application/pdf");
        assert_eq!(json(&pdf)["title"], "a.pdf");
        let text = document(folder.file("notes.md", "# Hé".as_bytes()))
            .await
            .expect("a document");
        let source = serde_json::json!(
            {"type": "text", "media_type": "text/plain", "data": "# Hé"}
        );
        assert_eq!(json(&text)["source"], source);
        let mixed = Content::from(("Look:", png, ContentBlock::image(FileId::new("f"))));
        assert_eq!(mixed.into_blocks().len(), 3);
    }

    #[tokio::test]
    async fn what_can_t_be_taken_says_what_to_do() {
        let folder = Folder::new();
        let large = vec![b'x'; LARGEST / 4 * 3 + 1];
        for (result, kind, word) in [
            (
                image(folder.file("a.pdf", b"")).await,
                ErrorKind::Input,
                "content::document",
            ),
            (
                document(folder.file("a.png", b"")).await,
                ErrorKind::Input,
                "content::image",
            ),
            (
                image(folder.file("a.xyz", b"")).await,
                ErrorKind::Input,
                "Source::bytes",
            ),
            (
                document(folder.file("a", b"")).await,
                ErrorKind::Input,
                "Source::bytes",
            ),
            (
                document(folder.file("a.txt", b"\xff")).await,
                ErrorKind::Input,
                "UTF-8",
            ),
            (
                image(folder.file("a.png", &large)).await,
                ErrorKind::Input,
                "files().upload",
            ),
            (
                image("nowhere/a.png").await,
                ErrorKind::File,
                "can't be read",
            ),
        ] {
            let error = result.expect_err(word);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
        let text = document(folder.file("a.txt", &large)).await;
        text.expect("a text needs no base64");
    }
}
