//! Files: uploads, what agents deliver, and the storage that links lead to.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::Dialect;
use crate::errors::{Answer, Refusal};
use crate::page::page;
use crate::resources::Request;
use crate::state::{Account, World, id, now};

/// Where links lead: below the origin, and not below the base URL.
pub(crate) const STORAGE: &str = "/storage/";

/// No larger upload is taken.
pub(crate) const LONGEST_UPLOAD: usize = 64 << 20;

/// Limits of a form.
const PARTS: usize = 16;
const PART_HEAD: usize = 8 << 10;
const METADATA: usize = 8 << 10;

/// A file and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) object: Value,
    pub(crate) content: Bytes,
    /// Counts changes of the content.
    pub(crate) revision: u32,
}

impl Stored {
    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{}\"", digest(&self.content), self.revision)
    }

    /// Gets another content of the same length.
    pub(crate) fn change(&mut self) {
        self.revision += 1;
        self.content = self
            .content
            .iter()
            .map(|byte| byte.wrapping_add(1))
            .collect();
    }
}

/// A few letters in place of many bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A link to a file.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) secret: String,
    pub(crate) account: String,
    pub(crate) file: String,
    pub(crate) ends: Instant,
}

/// A form with a file in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    filename: String,
    mime_type: String,
    content: Bytes,
    fields: Vec<(String, String)>,
}

impl Upload {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(other, _)| other == name)?;
        Some(value)
    }

    /// Reads `multipart/form-data` (RFC 7578).
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
        let mut fields = Vec::new();
        let mut file = None;
        for _ in 0..PARTS {
            if rest.starts_with(b"--") {
                let (filename, mime_type, content) =
                    file.ok_or_else(|| Refusal::invalid("file", "Field 'file' is required."))?;
                return Ok(Self {
                    filename,
                    mime_type,
                    content,
                    fields,
                });
            }
            if !rest.starts_with(b"\r\n") {
                return Err(wrong("something follows a boundary"));
            }
            let head = &rest[..rest.len().min(PART_HEAD)];
            let end = find(head, b"\r\n\r\n").ok_or_else(|| wrong("a part's head has no end"))?;
            let head = std::str::from_utf8(&head[2..end.max(2)])
                .map_err(|_| wrong("a part's head is not UTF-8"))?;
            let part = PartHead::parse(head).ok_or_else(|| wrong("a part has no name"))?;
            let content = rest.slice(end + 4..);
            let length = find(&content, delimiter.as_bytes())
                .ok_or_else(|| wrong("it ends within a part"))?;
            rest = content.slice(length + delimiter.len()..);
            let content = content.slice(..length);
            if part.name == "file" {
                let filename = part.filename.unwrap_or_default();
                file = Some((filename, part.content_type, content));
            } else {
                let text = String::from_utf8(content.to_vec())
                    .map_err(|_| wrong("a text field is not UTF-8"))?;
                fields.push((part.name, text));
            }
        }
        Err(wrong("it has too many parts"))
    }
}

struct PartHead {
    name: String,
    filename: Option<String>,
    content_type: String,
}

impl PartHead {
    fn parse(head: &str) -> Option<Self> {
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
            content_type: header("content-type").unwrap_or("text/plain").to_owned(),
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

/// The operations under `/files`; `None` if there is no such one.
pub(crate) fn answer(request: &Request<'_>, method: &str, rest: &[&str]) -> Option<Answer> {
    let Request {
        world,
        token,
        query,
        ..
    } = *request;
    let dialect = world.settings.dialect;
    let on = |id: &str, work: &mut dyn FnMut(&mut Account, usize) -> Answer| {
        world.account(token, |account| {
            let mut files = account.files.iter();
            let at = files.position(|file| file.object["id"] == *id);
            work(account, at.ok_or_else(|| Refusal::not_found("file"))?)
        })
    };
    Some(match (method, rest) {
        ("POST", []) => match request.upload {
            Some(upload) => create(upload, dialect).map(|file| {
                let object = file.object.clone();
                world.account(token, |account| account.files.push(file));
                object
            }),
            None => Err(Refusal::invalid(
                "file",
                "The body must be multipart/form-data.",
            )),
        },
        ("GET", []) => world.account(token, |account| {
            let ids: Vec<&str> = query.all("ids[]").collect();
            let fits = |object: &&Value| {
                let named = |field: &str, name: &str| object[field] == *name;
                query
                    .get("name")
                    .is_none_or(|name| named("filename", name) || named("name", name))
                    && query
                        .get("scope_id")
                        .is_none_or(|id| object["scope"]["id"] == *id)
                    && (ids.is_empty() || ids.iter().any(|id| named("id", id)))
            };
            let files = account.files.iter().rev().map(|file| &file.object);
            let files: Vec<Value> = files.filter(fits).cloned().collect();
            page(&files, query, dialect)
        }),
        ("GET", [id]) => on(id, &mut |account, at| Ok(account.files[at].object.clone())),
        ("DELETE", [id]) => on(id, &mut |account, at| {
            account.files.remove(at);
            Ok(json!({"id": id, "type": "file_deleted"}))
        }),
        ("GET", [id, "content"]) => {
            let file = on(id, &mut |account, at| Ok(account.files[at].object.clone()));
            file.and_then(|file| {
                if file["downloadable"] == true {
                    Ok(link(world, token, id))
                } else {
                    Err(Refusal::invalid("file_id", "The file is not downloadable."))
                }
            })
        }
        _ => return None,
    })
}

/// A link to the content of a file.
fn link(world: &World, account: &str, file: &str) -> Value {
    let ttl = world.settings.link_ttl;
    let name = uuid::Uuid::new_v4().simple().to_string();
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let url = format!("{}{STORAGE}{name}?sig={secret}", world.settings.origin);
    let link = Link {
        secret,
        account: account.to_owned(),
        file: file.to_owned(),
        ends: Instant::now() + ttl,
    };
    world.lock().links.insert(name, link);
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::ZERO);
    let ends = Timestamp::now()
        .saturating_add(ttl)
        .unwrap_or(Timestamp::MAX);
    json!({"url": url, "expires_at": ends.to_string()})
}

fn create(upload: &Upload, dialect: Dialect) -> Result<Stored, Refusal> {
    let metadata = match upload.field("metadata") {
        None => Map::new(),
        Some(text) if text.len() > METADATA => {
            return Err(Refusal::invalid(
                "metadata",
                "metadata is longer than 8 KB.",
            ));
        }
        Some(text) => serde_json::from_str::<Map<String, Value>>(text)
            .ok()
            .filter(|metadata| metadata.values().all(Value::is_string))
            .ok_or_else(|| {
                Refusal::invalid("metadata", "metadata must be a JSON object of strings.")
            })?,
    };
    let seconds = match upload.field("expires_in_seconds") {
        None => None,
        Some(text) => match text.parse() {
            Ok(seconds @ 3600..=7_776_000) => Some(Duration::from_secs(seconds)),
            _ => {
                let why = "expires_in_seconds must be between 3600 and 7776000.";
                return Err(Refusal::invalid("expires_in_seconds", why));
            }
        },
    };
    let name = upload.field("name").unwrap_or(&upload.filename);
    if name.is_empty() {
        return Err(Refusal::invalid("name", "The file has no name."));
    }
    let downloadable = metadata.get("simulate_downloadable") == Some(&json!("true"));
    let mut object = object(name, &upload.mime_type, upload.content.len(), dialect);
    object["downloadable"] = json!(downloadable);
    object["metadata"] = Value::Object(metadata);
    if dialect == Dialect::Seed {
        object["purpose"] = json!(upload.field("purpose").unwrap_or("user_upload"));
    }
    if let Some(after) = seconds {
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::ZERO);
        let ends = Timestamp::now().saturating_add(after);
        object["expires_at"] = json!(ends.unwrap_or(Timestamp::MAX).to_string());
    }
    Ok(Stored {
        object,
        content: upload.content.clone(),
        revision: 0,
    })
}

/// Delivers a file of a session's agent, and publishes the event that says so. Gives the file's id;
/// `None` if there is no such session.
pub(crate) fn deliver(
    world: &World,
    session: &str,
    filename: &str,
    mime_type: &str,
    content: Bytes,
) -> Option<String> {
    let mut object = object(filename, mime_type, content.len(), world.settings.dialect);
    object["downloadable"] = json!(true);
    object["scope"] = json!({"type": "session", "id": session});
    let id = object["id"].as_str()?.to_owned();
    let event = json!({
        "type": "agent.artifact_delivered", "file_id": id, "original_filename": filename,
        "content_type": mime_type, "size": content.len(),
    });
    let file = Stored {
        object,
        content,
        revision: 0,
    };
    world.account_of(session, |account| {
        account.files.push(file);
        account.session(session)?.publish(event);
        Some(id)
    })?
}

/// The files that are attached to a session.
pub(crate) fn attached(world: &World, session: &str) -> Vec<Stored> {
    let attached = world.account_of(session, |account| {
        let resources = account.session(session)?.object["resources"].clone();
        let ids = resources.as_array()?.iter().map(|file| &file["file_id"]);
        let file = |id: &Value| account.files.iter().find(|file| file.object["id"] == *id);
        Some(ids.filter_map(file).cloned().collect())
    });
    attached.flatten().unwrap_or_default()
}

/// What is said of a file; the generations name some of it differently.
fn object(name: &str, mime_type: &str, size: usize, dialect: Dialect) -> Value {
    let now = now();
    match dialect {
        Dialect::Seed => json!({
            "id": id("file"), "type": "file", "name": name, "mime_type": mime_type, "size": size,
            "status": "ready", "created_at": now, "updated_at": now,
        }),
        Dialect::Current => json!({
            "id": id("file"), "type": "file", "filename": name, "mime_type": mime_type,
            "size_bytes": size, "scope": null, "metadata": {}, "created_at": now,
        }),
    }
}

/// What a request asks of a content, and what it gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// From this byte on, up to this one and without it.
    Range(usize, usize),
    Unsatisfiable,
}

impl Part {
    /// `Range: bytes=N-` and `bytes=N-M`, if `If-Range` names this version or none.
    pub(crate) fn asked(headers: &HeaderMap, etag: &str, length: usize) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if text("if-range").is_some_and(|wanted| wanted != etag) {
            return Self::Whole;
        }
        let range = text("range").and_then(|range| range.strip_prefix("bytes="));
        let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let Ok(start) = start.parse::<usize>() else {
            return Self::Whole;
        };
        let last = end.parse::<usize>().map_or(length, |end| end + 1);
        if start >= length {
            return Self::Unsatisfiable;
        }
        Self::Range(start, last.clamp(start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Upload, u16> {
        let body = Bytes::from(body.replace('\n', "\r\n"));
        Upload::parse("multipart/form-data; boundary=B", &body).map_err(|why| why.status)
    }

    #[test]
    fn forms_are_read() {
        let file = "--B\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22%0D%0A.txt\"\n\
                    Content-Type: text/csv\n\na\n--\n--b\n--B";
        let name = "--B\nContent-Disposition: form-data; name=\"name\"\n\nn\n";
        let upload = parse(&format!("{name}{file}--\n")).expect("a form");
        assert_eq!(upload.filename, "a\"\r\n.txt");
        assert_eq!(
            (upload.mime_type.as_str(), &upload.content[..]),
            ("text/csv", &b"a\r\n--\r\n--b"[..])
        );
        assert_eq!(upload.field("name"), Some("n"));
        for wrong in [
            "",
            "x",
            "--B--",
            "--B\n\nx\n--B--",
            "--BX\n",
            &format!("{name}--B--"),
            &file[..30],
            &file[..file.len() - 4],
            file,
            &format!("{}{file}--", name.repeat(20)),
        ] {
            assert_eq!(parse(wrong), Err(400), "{wrong}");
        }
        assert!(Upload::parse("multipart/form-data", &Bytes::new()).is_err());
    }

    #[test]
    fn ranges_are_read() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, http::HeaderValue::from_static(value));
            }
            Part::asked(&headers, "\"e\"", 10)
        };
        assert_eq!(asked(&[]), Part::Whole);
        assert_eq!(asked(&[("range", "bytes=3-")]), Part::Range(3, 10));
        assert_eq!(asked(&[("range", "bytes=3-5")]), Part::Range(3, 6));
        assert_eq!(asked(&[("range", "bytes=10-")]), Part::Unsatisfiable);
        assert_eq!(
            asked(&[("range", "bytes=3-"), ("if-range", "\"e\"")]),
            Part::Range(3, 10)
        );
        assert_eq!(
            asked(&[("range", "bytes=3-"), ("if-range", "\"f\"")]),
            Part::Whole
        );
        assert_eq!(asked(&[("range", "lines=3-")]), Part::Whole);
    }
}
