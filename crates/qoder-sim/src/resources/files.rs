//! Files: uploads, what agents deliver, and links to what is in them.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::clock::later;
use crate::ids::{digest, new_id};
use crate::json::{Json, object};
use crate::page::{Limits, Order};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::filter::Filter;
use crate::resources::resource::{Operation, Resource};
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::post("/files", create),
        Operation::get("/files", list),
        Operation::get("/files/{file_id}", retrieve),
        Operation::get("/files/{file_id}/content", link),
        Operation::delete("/files/{file_id}", delete),
    ],
    tick: |_, account| {
        let now = account.clock.now();
        account
            .part::<Files>()
            .stored
            .retain(|file| !file.is_over(now));
    },
    ..Resource::NONE
};

/// The path that links lead to: below the origin, and not below the base URL.
pub(crate) const STORAGE: &str = "/storage/";

/// The longest text of metadata, in bytes.
const METADATA: usize = 8 << 10;

/// The files of an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// In the order of their creation.
    stored: Vec<Stored>,
    links: Vec<Link>,
}

/// A file and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) object: Json,
    pub(crate) content: Bytes,
    /// Counts changes of the content.
    revision: u32,
}

/// A link to a file.
#[derive(Clone, Debug)]
struct Link {
    name: String,
    secret: String,
    file: String,
    ends: Timestamp,
}

impl Files {
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Stored> {
        let mut files = self.stored.iter_mut();
        files.find(|file| file.object["id"] == id)
    }

    /// The file that a link leads to now.
    pub(crate) fn linked(&self, name: &str, secret: &str, now: Timestamp) -> Option<String> {
        let mut links = self.links.iter();
        let link = links.find(|link| link.name == name)?;
        (link.secret == secret && now < link.ends).then(|| link.file.clone())
    }

    pub(crate) fn expire_links(&mut self) {
        self.links.clear();
    }

    fn find(&mut self, id: &str) -> Result<&mut Stored, Refusal> {
        self.get_mut(id).ok_or_else(|| Refusal::not_found("file"))
    }
}

impl Stored {
    fn new(object: Json, content: Bytes) -> Self {
        Self {
            object,
            content,
            revision: 0,
        }
    }

    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{}\"", digest(&self.content), self.revision)
    }

    /// Gets another content of the same length.
    pub(crate) fn change(&mut self) {
        self.revision += 1;
        let bytes = self.content.iter().map(|byte| byte.wrapping_add(1));
        self.content = bytes.collect();
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let ends = self.object["expires_at"].text().parse();
        ends.is_ok_and(|ends: Timestamp| ends <= now)
    }
}

fn create(cx: &Context<'_>, account: &mut Account) -> Answer {
    let form = cx
        .form
        .ok_or_else(|| Refusal::invalid("file", "The body must be multipart/form-data."))?;
    let part = form.file("file")?;
    let metadata = match form.text("metadata") {
        None => Json::empty_object(),
        Some(text) if text.len() > METADATA => {
            let why = "metadata is longer than 8 KB.";
            return Err(Refusal::invalid("metadata", why));
        }
        Some(text) => {
            let metadata = Json::parse(text.as_bytes()).unwrap_or_default();
            let mut members = metadata.members().iter();
            if !metadata.is_object() || members.any(|(_, value)| value.as_str().is_none()) {
                let why = "metadata must be a JSON object of strings.";
                return Err(Refusal::invalid("metadata", why));
            }
            metadata
        }
    };
    let seconds = match form.text("expires_in_seconds") {
        None => None,
        Some(text) => match text.parse() {
            Ok(seconds @ 3600..=7_776_000) => Some(Duration::from_secs(seconds)),
            _ => {
                let why = "expires_in_seconds must be between 3600 and 7776000.";
                return Err(Refusal::invalid("expires_in_seconds", why));
            }
        },
    };
    let filename = part.filename.as_deref().unwrap_or_default();
    let name = form.text("name").unwrap_or(filename);
    if name.is_empty() {
        return Err(Refusal::invalid("name", "The file has no name."));
    }
    let mut object = described(
        name,
        &part.mime_type,
        part.content.len(),
        cx.dialect(),
        &cx.now(),
    );
    let downloadable = metadata["simulate_downloadable"] == "true";
    object.set("downloadable", downloadable);
    object.set("metadata", metadata);
    if cx.dialect() == Dialect::Seed {
        object.set("purpose", form.text("purpose").unwrap_or("user_upload"));
    }
    if let Some(after) = seconds {
        let ends = later(account.clock.now(), after);
        object.set("expires_at", ends.to_string());
    }
    let file = Stored::new(object.clone(), part.content.clone());
    account.part::<Files>().stored.push(file);
    Ok(object.into())
}

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let name = match cx.dialect() {
        Dialect::Seed => "name",
        Dialect::Current => "filename",
    };
    let files = account.part::<Files>().stored.iter().rev();
    let mut files = files.map(|file| file.object.clone()).collect();
    for filter in [
        Filter::Equal("name", name),
        Filter::Equal("scope_id", "scope.id"),
        Filter::Among("ids[]", "id"),
    ] {
        files = filter.keep(cx, files)?;
    }
    cx.page(&files, Order::NewestFirst, Limits::up_to(1000))
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    let file = account.part::<Files>().find(cx.id())?;
    Ok(file.object.clone().into())
}

fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let files = account.part::<Files>();
    files.find(cx.id())?;
    files.stored.retain(|file| file.object["id"] != cx.id());
    Ok(object! {"id": cx.id(), "type": "file_deleted"}.into())
}

/// Gives a link to the content of a file.
fn link(cx: &Context<'_>, account: &mut Account) -> Answer {
    let ends = later(account.clock.now(), cx.world.settings.link_ttl);
    let files = account.part::<Files>();
    if files.find(cx.id())?.object["downloadable"] != true {
        let why = "The file is not downloadable.";
        return Err(Refusal::invalid("file_id", why));
    }
    let name = uuid::Uuid::new_v4().simple().to_string();
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let url = format!("{}{STORAGE}{name}?sig={secret}", cx.world.settings.origin);
    files.links.push(Link {
        name,
        secret,
        file: cx.id().to_owned(),
        ends,
    });
    Ok(object! {"url": url, "expires_at": ends.to_string()}.into())
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
    let now = world.clock.text();
    let dialect = world.settings.dialect;
    let mut object = described(filename, mime_type, content.len(), dialect, &now);
    object.set("downloadable", true);
    object.set("scope", object! {"type": "session", "id": session});
    let id = object["id"].text().to_owned();
    let event = object! {
        "type": "agent.artifact_delivered", "file_id": &id, "original_filename": filename,
        "content_type": mime_type, "size": content.len(),
    };
    world.account_of(session, |account| {
        let file = Stored::new(object, content);
        account.part::<Files>().stored.push(file);
        account.session(session)?.publish(event);
        Some(id)
    })?
}

/// The files that are attached to a session.
pub(crate) fn attached(world: &World, session: &str) -> Vec<Stored> {
    let attached = world.account_of(session, |account| {
        let resources = account.session(session)?.object["resources"].clone();
        let files = &account.part::<Files>().stored;
        let file = |resource: &Json| {
            let id = &resource["file_id"];
            files.iter().find(|file| file.object["id"] == *id).cloned()
        };
        Some(resources.items().iter().filter_map(file).collect())
    });
    attached.flatten().unwrap_or_default()
}

/// Returns the document of a file; the generations name some of its members differently.
fn described(name: &str, mime_type: &str, size: usize, dialect: Dialect, now: &str) -> Json {
    match dialect {
        Dialect::Seed => object! {
            "id": new_id("file"), "type": "file", "name": name, "mime_type": mime_type,
            "size": size, "status": "ready", "created_at": now, "updated_at": now,
        },
        Dialect::Current => object! {
            "id": new_id("file"), "type": "file", "filename": name, "mime_type": mime_type,
            "size_bytes": size, "downloadable": false, "scope": Json::Null,
            "metadata": object! {}, "created_at": now,
        },
    }
}
