//! The form that files are uploaded in.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame};
use qoder_http::RequestBody;
use uuid::Uuid;

use super::progress::Progress;
use super::reading::BoxError;
use super::source::{Opened, Pieces};
use super::upload::Upload;
use crate::error::{Error, Result};

/// A form that is ready to be sent, as often as its content can be read.
pub(crate) struct Form {
    fields: qoder_types::Form,
    /// The boundary is the same at every attempt, since the bytes must be.
    boundary: u128,
    /// In the order of the form's files.
    files: Vec<File>,
}

/// The file in a form.
struct File {
    mime_type: HeaderValue,
    source: Opened,
    progress: Progress,
    /// The farthest that was told.
    told: Arc<AtomicU64>,
}

impl Form {
    /// Looks at the sources, without reading them.
    pub(crate) async fn new(form: &qoder_types::Form, uploads: &[Upload]) -> Result<Self> {
        let mut files = Vec::with_capacity(uploads.len());
        for upload in uploads {
            files.push(File::new(upload).await?);
        }
        Ok(Self {
            fields: form.clone(),
            boundary: Uuid::new_v4().as_u128(),
            files,
        })
    }

    /// Whether a source can't be read another time.
    pub(crate) fn is_spent(&self) -> bool {
        self.files.iter().any(|file| file.source.is_spent())
    }

    /// The body for one attempt, and its type.
    pub(crate) fn body(&self) -> (HeaderValue, RequestBody) {
        let form = self.with(File::body);
        (form.content_type(), form.into())
    }

    /// Returns the length of the body, if it is known.
    pub(crate) fn len(&self) -> Option<u64> {
        let around = self.with(|_| RequestBody::empty()).len()?;
        let mut within = self.files.iter().map(|file| file.source.len());
        within.try_fold(around, |sum, length| sum.checked_add(length?))
    }

    fn with(&self, content: impl Fn(&File) -> RequestBody) -> qoder_http::Form {
        let mut form = qoder_http::Form::new(self.boundary);
        for (name, value) in &self.fields.fields {
            form = form.text(name, value.as_str());
        }
        for (about, file) in self.fields.files.iter().zip(&self.files) {
            form = form.file(
                &about.field,
                &about.filename,
                &file.mime_type,
                content(file),
            );
        }
        form
    }
}

impl File {
    async fn new(upload: &Upload) -> Result<Self> {
        Ok(Self {
            mime_type: checked_mime_type(&upload.about().mime_type)?,
            source: upload.source.open().await?,
            progress: upload.progress.clone(),
            told: Arc::default(),
        })
    }

    fn body(&self) -> RequestBody {
        let content = Content {
            pieces: self.source.pieces(),
            sent: 0,
            length: self.source.len(),
            progress: self.progress.clone(),
            told: Arc::clone(&self.told),
        };
        RequestBody::stream(self.source.len(), content)
    }
}

fn checked_mime_type(text: &str) -> Result<HeaderValue> {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let well = essence
        .split_once('/')
        .is_some_and(|(kind, rest)| token(kind) && token(rest));
    match HeaderValue::try_from(text) {
        Ok(value) if well && text.is_ascii() => Ok(value),
        _ => Err(Error::input(format!("{text:?} is no media type"))),
    }
}

/// A content on its way, of which it is told how far it is.
struct Content {
    pieces: Pieces,
    sent: u64,
    length: Option<u64>,
    progress: Progress,
    told: Arc<AtomicU64>,
}

impl Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        let piece = ready!(self.pieces.as_mut().poll_next(cx));
        if let Some(Ok(piece)) = &piece {
            self.sent += piece.len() as u64;
            let sent = self.sent;
            if self.told.fetch_max(sent, Ordering::Relaxed) < sent {
                self.progress.tell(sent, self.length);
            }
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_checked() {
        for good in [
            "text/plain",
            "text/plain; charset=utf-8",
            "application/vnd.x+json",
        ] {
            assert!(checked_mime_type(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "text",
            "/",
            "text/",
            "te xt/plain",
            "text/plain\r\nX-Evil: 1",
            "text/plain; x=\n",
            "text/plaín",
        ] {
            assert!(checked_mime_type(bad).is_err(), "{bad:?}");
        }
    }
}
