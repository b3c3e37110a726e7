//! The content of a skill: its files, one of which describes it.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::form::Part;
use crate::front_matter;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::text;
use crate::zip::{self, Entry};

/// The files of a skill together, and an archive of them.
const LARGEST: usize = 50 << 20;

/// The file that says what a skill is.
const HEAD: &str = "SKILL.md";

/// The files of a skill as an archive, and what they say of it.
pub(crate) struct Content {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) directory: String,
    pub(crate) archive: Bytes,
}

impl Content {
    /// Reads the content of a form: files with their paths, or one archive.
    pub(crate) fn sent(cx: &Context<'_>) -> Result<Self, Refusal> {
        let wrong = |why: &str| Refusal::invalid("files", why);
        let form = cx
            .form
            .ok_or_else(|| wrong("The body must be multipart/form-data."))?;
        let files: Vec<&Part> = form.all("files").collect();
        let archives: Vec<&Part> = form.all("file").collect();
        match (&files[..], &archives[..]) {
            ([], []) => Err(Refusal::missing("files")),
            ([], [archive]) => Self::of_archive(&archive.content, "file"),
            ([file], []) if is_archive(file) => Self::of_archive(&file.content, "files"),
            (files, []) => {
                let entry = |part: &&Part| {
                    let path = part.filename.clone().unwrap_or_default();
                    (path, part.content.clone())
                };
                let files: Vec<Entry> = files.iter().map(entry).collect();
                let size: usize = files.iter().map(|(_, content)| content.len()).sum();
                if size > LARGEST {
                    return Err(wrong("The files have more than 50 MiB."));
                }
                let (name, description, directory) = described(&files, "files")?;
                let too_many = || wrong("The files don't fit into an archive.");
                let archive = zip::write(&files).ok_or_else(too_many)?;
                Ok(Self {
                    name,
                    description,
                    directory,
                    archive,
                })
            }
            _ => Err(wrong(
                "It takes several 'files', or one 'file' that is an archive.",
            )),
        }
    }

    /// Reads the content of a document: an archive in base64, or the file that describes the skill,
    /// in base64 or as it is. `None` if it has none.
    pub(crate) fn encoded(content: &Json, encoding: &Json) -> Result<Option<Self>, Refusal> {
        if content.is_null() {
            return Ok(None);
        }
        text("content", content, 1, usize::MAX)?;
        let bytes = match encoding {
            Json::Null => content.text().as_bytes().to_vec(),
            encoding if *encoding == "base64" => {
                let bytes = STANDARD.decode(content.text());
                bytes.map_err(|_| Refusal::invalid("content", "content must be base64."))?
            }
            _ => {
                let why = "content_encoding must be base64.";
                return Err(Refusal::invalid("content_encoding", why));
            }
        };
        let bytes = Bytes::from(bytes);
        if bytes.starts_with(b"PK") {
            return Self::of_archive(&bytes, "content").map(Some);
        }
        let files = [(HEAD.to_owned(), bytes)];
        let (name, description, directory) = described(&files, "content")?;
        Ok(Some(Self {
            name,
            description,
            directory,
            archive: zip::write(&files).unwrap_or_default(),
        }))
    }

    fn of_archive(archive: &Bytes, param: &str) -> Result<Self, Refusal> {
        let wrong = |why: &str| Refusal::invalid(param, format!("The archive is refused: {why}."));
        if archive.len() > LARGEST {
            return Err(wrong("it has more than 50 MiB"));
        }
        let files = zip::read(archive, LARGEST).map_err(wrong)?;
        let (name, description, directory) = described(&files, param)?;
        Ok(Self {
            name,
            description,
            directory,
            archive: archive.clone(),
        })
    }
}

/// Checks a title for people.
pub(crate) fn display_title(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    text(name, value, 1, 255)?;
    Ok(value.clone())
}

fn is_archive(part: &Part) -> bool {
    let name = part.filename.as_deref().unwrap_or_default();
    part.mime_type == "application/zip" || name.to_ascii_lowercase().ends_with(".zip")
}

/// The name and the description of a skill, and the folder that all of it is in.
fn described(files: &[Entry], param: &str) -> Result<(String, String, String), Refusal> {
    let wrong = |why: String| Refusal::invalid(param, why);
    let mut paths = HashSet::new();
    for (path, _) in files {
        let mut names = path.split('/');
        if names.any(|name| matches!(name, "" | "." | "..") || name.contains(['\\', '\0'])) {
            return Err(wrong(format!("'{path}' is no relative path.")));
        }
        if !paths.insert(path.as_str()) {
            return Err(wrong(format!("'{path}' is there twice.")));
        }
    }
    let (folder, head) = head(files).ok_or_else(|| {
        wrong(format!(
            "{HEAD} must be at the top, or in the one folder that is there."
        ))
    })?;
    let head = std::str::from_utf8(head).map_err(|_| wrong(format!("{HEAD} is not UTF-8.")))?;
    let texts = front_matter::texts(head).ok_or_else(|| {
        wrong(format!(
            "{HEAD} must begin with YAML between two lines of ---."
        ))
    })?;
    let text = |name: &str| {
        let mut texts = texts.iter();
        let found = texts.find(|(other, text)| other == name && !text.is_empty());
        let found = found.map(|(_, text)| text.clone());
        found.ok_or_else(|| wrong(format!("The head of {HEAD} must have '{name}'.")))
    };
    let name = text("name")?;
    let folder = if folder.is_empty() {
        name.clone()
    } else {
        folder
    };
    Ok((name, text("description")?, folder))
}

/// The folder that all files are in, empty if there is none, and what says what the skill is.
fn head(files: &[Entry]) -> Option<(String, &Bytes)> {
    if let Some((_, content)) = files.iter().find(|(path, _)| path == HEAD) {
        return Some((String::new(), content));
    }
    let (folder, _) = files.first()?.0.split_once('/')?;
    let below = format!("{folder}/");
    let head = format!("{below}{HEAD}");
    let (_, content) = files.iter().find(|(path, _)| *path == head)?;
    let is_below = |(path, _): &Entry| path.starts_with(&below);
    files
        .iter()
        .all(is_below)
        .then(|| (folder.to_owned(), content))
}
