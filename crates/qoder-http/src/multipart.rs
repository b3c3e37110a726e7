//! Forms with files in them: `multipart/form-data` (RFC 7578).

use std::fmt;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};

use crate::error::Error;
use crate::request::RequestBody;

/// A form of text fields and files, to be the body of a request.
///
/// Its length is known if those of its files are. Names are escaped as the HTML standard says
/// ("multipart form data"): line breaks and quotes become `%0D`, `%0A` and `%22`, so that no name can
/// add a header field or end its own.
///
/// ```
/// use bytes::Bytes;
/// use http::HeaderValue;
/// use qoder_http::{Form, RequestBody};
///
/// let form = Form::new(7)
///     .text("name", "notes")
///     .file("file", "notes.txt", &HeaderValue::from_static("text/plain"), Bytes::from("Hello!"));
/// let content_type = form.content_type();
/// assert!(content_type.to_str().unwrap().starts_with("multipart/form-data; boundary="));
/// let body: RequestBody = form.into();
/// assert!(body.len().is_some());
/// ```
pub struct Form {
    boundary: String,
    parts: Vec<Part>,
}

struct Part {
    /// The boundary and the headers before the content.
    head: String,
    content: RequestBody,
}

impl Form {
    /// Returns a form without fields. The boundary between fields is made of `random` and must not
    /// occur in their contents: any 128 random bits will do. The same number makes the same bytes.
    pub fn new(random: u128) -> Self {
        Self {
            boundary: format!("form-{random:032x}"),
            parts: Vec::new(),
        }
    }

    /// Adds a text field.
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        let head = self.head(name, "");
        let content = value.into().into_bytes().into();
        self.parts.push(Part { head, content });
        self
    }

    /// Adds a file: the name of its field, its own name, and its media type.
    pub fn file(
        mut self,
        name: &str,
        filename: &str,
        content_type: &HeaderValue,
        content: impl Into<RequestBody>,
    ) -> Self {
        // A header's value has no line break. What is not UTF-8 in one is no media type.
        let content_type = String::from_utf8_lossy(content_type.as_bytes());
        let filename = Escaped(filename);
        let rest = format!("; filename=\"{filename}\"\r\nContent-Type: {content_type}");
        let head = self.head(name, &rest);
        let content = content.into();
        self.parts.push(Part { head, content });
        self
    }

    fn head(&self, name: &str, rest: &str) -> String {
        let (name, boundary) = (Escaped(name), &self.boundary);
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n")
    }

    /// Returns the value of `Content-Type` that the form must be sent with.
    pub fn content_type(&self) -> HeaderValue {
        let text = format!("multipart/form-data; boundary={}", self.boundary);
        // A boundary of letters, digits and a hyphen is always a value.
        HeaderValue::try_from(text)
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data"))
    }

    /// Returns the length of the encoded form in bytes, if those of all its files are known.
    pub fn len(&self) -> Option<u64> {
        let end = self.end().len() as u64;
        self.parts.iter().try_fold(end, |sum, part| {
            let head = part.head.len() + "\r\n".len();
            sum.checked_add(head as u64)?
                .checked_add(part.content.len()?)
        })
    }

    /// Returns whether the form has no field.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn end(&self) -> String {
        format!("--{}--\r\n", self.boundary)
    }
}

impl From<Form> for RequestBody {
    fn from(form: Form) -> Self {
        let length = form.len();
        let end = Bytes::from(form.end());
        let mut pieces = Vec::with_capacity(2 * form.parts.len() + 1);
        let mut before = "";
        for part in form.parts {
            pieces.push(Bytes::from(format!("{before}{}", part.head)).into());
            pieces.push(part.content);
            before = "\r\n";
        }
        let last = [before.as_bytes(), &end].concat();
        pieces.push(last.into());
        pieces.reverse();
        Self::stream(length, Encoded { pieces })
    }
}

/// The pieces of a form, the next one last.
struct Encoded {
    pieces: Vec<RequestBody>,
}

impl Body for Encoded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while let Some(piece) = self.pieces.last_mut() {
            if let Some(frame) = ready!(Pin::new(piece).poll_frame(cx)) {
                return Poll::Ready(Some(frame));
            }
            self.pieces.pop();
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A name in a `Content-Disposition`, escaped as the HTML standard says ("multipart form data").
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("%0A")?,
                '\r' => f.write_str("%0D")?,
                '"' => f.write_str("%22")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("parts", &self.parts.len())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");

    fn encoded(form: Form) -> String {
        let length = form.len();
        let body = RequestBody::from(form);
        assert_eq!(body.len(), length);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let bytes = runtime
            .block_on(body.collect())
            .expect("no error")
            .to_bytes();
        if let Some(length) = length {
            assert_eq!(bytes.len() as u64, length);
        }
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn a_form_is_what_browsers_send() {
        let form = Form::new(0x1f).text("name", "notes\r\n").file(
            "file",
            "a.txt",
            &PLAIN,
            Bytes::from("Hello!"),
        );
        let b = "form-0000000000000000000000000000001f";
        assert_eq!(
            form.content_type(),
            format!("multipart/form-data; boundary={b}")
        );
        let want = format!(
            "--{b}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nnotes\r\n\r\n\
             --{b}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nHello!\r\n--{b}--\r\n"
        );
        assert_eq!(encoded(form), want);
        assert_eq!(encoded(Form::new(0x1f)), format!("--{b}--\r\n"));
    }

    #[test]
    fn a_name_stays_in_its_quotes() {
        for (name, want) in [
            ("a\"b", "a%22b"),
            ("a\r\nX-Evil: 1", "a%0D%0AX-Evil: 1"),
            ("a\n\n--form", "a%0A%0A--form"),
            ("../\\é%22世", "../\\é%22世"),
            ("", ""),
        ] {
            let text = encoded(Form::new(1).file(name, name, &PLAIN, Bytes::new()));
            let line = text.lines().nth(1).expect("a header");
            let want =
                format!("Content-Disposition: form-data; name=\"{want}\"; filename=\"{want}\"");
            assert_eq!(line, want);
        }
    }

    #[test]
    fn a_length_is_known_if_those_of_all_parts_are() {
        let stream = |length| RequestBody::stream(length, http_body_util::Full::new("abc".into()));
        let form = |length| Form::new(1).file("f", "f", &PLAIN, stream(length));
        assert_eq!(form(None).len(), None);
        assert_eq!(encoded(form(None)), encoded(form(Some(3))));
        assert_eq!(form(Some(u64::MAX)).len(), None, "no sum, no length");
    }

    proptest! {
        #[test]
        fn headers_are_as_many_as_they_should_be(name in "\\PC{0,20}|[\\r\\n\"%;=]{0,9}", filename in "\\PC{0,20}|[\\r\\n\"%;=]{0,9}") {
            let text = encoded(Form::new(1).file(&name, &filename, &PLAIN, Bytes::from("x")));
            let (head, rest) = text.split_once("\r\n\r\n").expect("an empty line");
            prop_assert_eq!(head.split("\r\n").count(), 3);
            prop_assert_eq!(head.matches('"').count(), 4);
            prop_assert!(!head.split("\r\n").any(|line| line.contains(['\r', '\n'])));
            prop_assert!(rest.starts_with("x\r\n--form-"));
        }
    }
}
