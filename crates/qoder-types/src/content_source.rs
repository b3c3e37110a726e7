//! The sources of images and documents.

use crate::wire::deserialize_by_wire;
use crate::{File, FileId};

tagged! {
    /// The source of an image or a document.
    ///
    /// ```
    /// use qoder_types::{ContentBlock, DocumentBlock, FileId, Source};
    ///
    /// let chart = ContentBlock::image(Source::url("https://example.com/chart.png"));
    /// let logo = ContentBlock::image(Source::bytes("image/png", b"\x89PNG"));
    /// let report = ContentBlock::document(FileId::new("file_1"));
    /// let notes = DocumentBlock::new(Source::text("Ship on Friday.")).title("Notes");
    /// assert_eq!(serde_json::to_value(&logo).unwrap()["source"]["data"], "iVBORw==");
    /// ```
    Source {
        /// In the message itself.
        Base64(Base64Source) = "base64",
        /// On the web.
        Url(UrlSource) = "url",
        /// Among the uploaded files.
        File(FileSource) = "file",
        /// In the message itself, as plain text. Only of documents.
        Text(TextSource) = "text",
    }
}

deserialize_by_wire!(Source);

body! {
    /// Data in the message itself.
    Base64Source {
        /// The media type, such as `image/png`.
        media_type: String,
        /// The data in standard base64.
        data: String,
    }
}

body! {
    /// An address on the web.
    UrlSource {
        /// The address.
        url: String,
    }
}

body! {
    /// An uploaded file.
    FileSource {
        /// The file.
        file_id: FileId,
    }
}

body! {
    /// Plain text as a document.
    TextSource {
        /// The media type: `text/plain`.
        media_type: String,
        /// The text.
        data: String,
    }
}

impl Source {
    /// Carries these bytes in the message itself, such as those of an image of the media type
    /// `image/png`.
    ///
    /// A request has at most 4 MB, and base64 makes four bytes of three: what has more than some
    /// 2.9 MB is to be uploaded, and named by the id of the [`File`].
    pub fn bytes(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::base64(media_type, base64(bytes.as_ref()))
    }

    /// Carries data that is in standard base64 already.
    pub fn base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        Base64Source::new(media_type, data).into()
    }

    /// Carries plain text, as a document.
    pub fn text(text: impl Into<String>) -> Self {
        TextSource::new("text/plain", text).into()
    }

    /// Names an address on the web.
    pub fn url(url: impl Into<String>) -> Self {
        UrlSource::new(url).into()
    }
}

impl From<FileId> for Source {
    fn from(file_id: FileId) -> Self {
        FileSource::new(file_id).into()
    }
}

impl From<&FileId> for Source {
    fn from(file_id: &FileId) -> Self {
        FileSource::new(file_id.clone()).into()
    }
}

impl From<&File> for Source {
    fn from(file: &File) -> Self {
        FileSource::new(file.id.clone()).into()
    }
}

/// Standard base64 of RFC 4648, padded.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            if n > chunk.len() {
                text.push('=');
            } else {
                let at = bits >> (18 - 6 * n) & 63;
                text.push(char::from(LETTERS[at as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
