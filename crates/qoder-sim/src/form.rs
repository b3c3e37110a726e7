//! Forms: `multipart/form-data` (RFC 7578).

use bytes::Bytes;

use crate::refusal::Refusal;

/// No larger form is taken.
pub(crate) const LONGEST: usize = 64 << 20;

const PARTS: usize = 1000;
const PART_HEAD: usize = 8 << 10;

/// A form that has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form(Vec<Part>);

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    name: String,
    /// The path that a file was sent under; a part without one is a text.
    pub(crate) filename: Option<String>,
    pub(crate) mime_type: String,
    pub(crate) content: Bytes,
}

impl Form {
    /// Whether a body of this type is a form.
    pub(crate) fn is(content_type: &str) -> bool {
        content_type.starts_with("multipart/form-data")
    }

    /// All parts of this name.
    pub(crate) fn all<'a>(
        &'a self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Part> + use<'a> {
        let parts: Vec<&Part> = self.0.iter().filter(|part| part.name == name).collect();
        parts.into_iter()
    }

    /// The last file of this name.
    pub(crate) fn file(&self, name: &str) -> Result<&Part, Refusal> {
        let missing = || Refusal::missing(name);
        self.all(name).next_back().ok_or_else(missing)
    }

    /// The first text of this name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut texts = self.all(name).filter(|part| part.filename.is_none());
        std::str::from_utf8(&texts.next()?.content).ok()
    }

    pub(crate) fn parse(content_type: &str, body: &Bytes) -> Result<Self, Refusal> {
        let wrong = |why: &str| Refusal::invalid("", format!("The form can't be read: {why}."));
        let boundary = content_type
            .split(';')
            .find_map(|word| word.trim().strip_prefix("boundary="))
            .map(|word| word.trim_matches('"'))
            .filter(|boundary| (1..=70).contains(&boundary.len()))
            .ok_or_else(|| wrong("it has no boundary"))?;
        let delimiter = format!("\r\n--{boundary}");
        let first = &delimiter.as_bytes()[2..];
        if !body.starts_with(first) {
            return Err(wrong("it doesn't begin with its boundary"));
        }
        let mut rest = body.slice(first.len()..);
        let mut parts = Vec::new();
        while parts.len() < PARTS {
            if rest.starts_with(b"--") {
                return Ok(Self(parts));
            }
            if !rest.starts_with(b"\r\n") {
                return Err(wrong("something follows a boundary"));
            }
            let head = rest.slice(..rest.len().min(PART_HEAD));
            let end = find(&head, b"\r\n\r\n").ok_or_else(|| wrong("a part's head has no end"))?;
            let head = std::str::from_utf8(&head[2..end.max(2)])
                .map_err(|_| wrong("a part's head is not UTF-8"))?;
            let content = rest.slice(end + 4..);
            let length = find(&content, delimiter.as_bytes())
                .ok_or_else(|| wrong("it ends within a part"))?;
            rest = content.slice(length + delimiter.len()..);
            let part = Part::new(head, content.slice(..length))
                .ok_or_else(|| wrong("a part has no name"))?;
            if part.filename.is_none() && std::str::from_utf8(&part.content).is_err() {
                return Err(wrong("a text field is not UTF-8"));
            }
            parts.push(part);
        }
        Err(wrong("it has too many parts"))
    }
}

impl Part {
    fn new(head: &str, content: Bytes) -> Option<Self> {
        let header = |wanted: &str| {
            let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
            let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            Some(value.trim())
        };
        let disposition = header("content-disposition")?.strip_prefix("form-data")?;
        let parameter = |name: &str| {
            let (_, rest) = disposition.split_once(&format!("; {name}=\""))?;
            let (value, _) = rest.split_once('"')?;
            let value = value.replace("%22", "\"").replace("%0D", "\r");
            Some(value.replace("%0A", "\n"))
        };
        Some(Self {
            name: parameter("name")?,
            filename: parameter("filename"),
            mime_type: header("content-type").unwrap_or("text/plain").to_owned(),
            content,
        })
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Form, u16> {
        let body = Bytes::from(body.replace('\n', "\r\n"));
        Form::parse("multipart/form-data; boundary=B", &body).map_err(|why| why.status)
    }

    #[test]
    fn forms_are_read() {
        let file = "--B\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22%0D%0A.txt\"\n\
                    Content-Type: text/csv\n\na\n--\n--b\n--B";
        let name = "--B\nContent-Disposition: form-data; name=\"name\"\n\nn\n";
        let form = parse(&format!("{name}{file}--\n")).expect("a form");
        let part = form.file("file").expect("a file");
        assert_eq!(part.filename.as_deref(), Some("a\"\r\n.txt"));
        assert_eq!(
            (part.mime_type.as_str(), &part.content[..]),
            ("text/csv", &b"a\r\n--\r\n--b"[..])
        );
        assert_eq!((form.text("name"), form.text("other")), (Some("n"), None));
        assert_eq!(form.file("other").expect_err("no file").status, 400);
        for wrong in [
            "",
            "x",
            "--B\n\nx\n--B--",
            "--BX\n",
            &file[..30],
            &file[..file.len() - 4],
            file,
            &format!("{}{file}--", name.repeat(PARTS)),
        ] {
            assert_eq!(parse(wrong), Err(400), "{wrong}");
        }
        assert!(Form::parse("multipart/form-data", &Bytes::new()).is_err());
    }
}
