//! Versions of skills: what they say of themselves, and their files as an archive.

use std::collections::HashMap;

use bytes::Bytes;

use crate::json::{Json, object};
use crate::page::{Limits, page};
use crate::refusal::Refusal;
use crate::reply::{Answer, Reply};
use crate::resources::context::Context;
use crate::resources::kind::Kind;
use crate::resources::resource::{Operation, Resource};
use crate::resources::skill_content::Content;
use crate::resources::skills;
use crate::state::account::Account;

const PATH: &str = "/skills/{skill_id}/versions/{version}";

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::post("/skills/{skill_id}/versions", create),
        Operation::get("/skills/{skill_id}/versions", list),
        Operation::get(PATH, retrieve),
        Operation::delete(PATH, delete),
        Operation::get("/skills/{skill_id}/versions/{version}/content", download),
    ],
    ..Resource::NONE
};

const VERSIONS: Kind = Kind {
    path: PATH,
    name: "skill_version",
    filters: &[],
    ..Kind::PLAIN
};

/// The archives, by the ids of their versions.
#[derive(Clone, Debug, Default)]
struct Archives(HashMap<String, Bytes>);

pub(crate) fn add(account: &mut Account, version: Json, archive: Bytes) {
    let id = version["id"].text().to_owned();
    account.part::<Archives>().0.insert(id, archive);
    VERSIONS.add(account, version);
}

/// Checks that a skill has this version.
pub(crate) fn check_known(
    account: &mut Account,
    skill: &str,
    version: &str,
) -> Result<(), Refusal> {
    let mut versions = account.documents(PATH).iter();
    let is = |object: &Json| object["skill_id"] == skill && object["version"] == version;
    let is_known = versions.any(|version| is(&version.object));
    is_known.then_some(()).ok_or_else(|| VERSIONS.not_found())
}

/// The latest version of a skill, if it has any.
pub(crate) fn latest(account: &mut Account, skill: &str) -> Option<Json> {
    let versions = account.documents(PATH).iter().rev();
    let mut versions = versions.map(|version| &version.object);
    versions
        .find(|version| version["skill_id"] == skill)
        .cloned()
}

/// Changes the latest version of a skill in place: its content, and what is said of it.
pub(crate) fn change(
    account: &mut Account,
    skill: &Json,
    content: Option<Content>,
    said: &Json,
) -> Result<(), Refusal> {
    let latest = latest(account, skill["id"].text());
    let id = latest.ok_or_else(|| VERSIONS.not_found())?["id"]
        .text()
        .to_owned();
    let mut archive = None;
    if let Some(version) = account.object(PATH, &id) {
        if let Some(content) = content {
            version.set("name", content.name);
            version.set("description", content.description);
            version.set("directory", content.directory);
            archive = Some(content.archive);
        }
        for (name, value) in said.members() {
            version.set(name, value);
        }
    }
    if let Some(archive) = archive {
        account.part::<Archives>().0.insert(id, archive);
    }
    Ok(())
}

/// Forgets the archives of a skill, which is deleted.
pub(crate) fn forget(account: &mut Account, skill: &str) {
    let versions = account.documents(PATH).iter();
    let versions = versions.filter(|version| version.object["skill_id"] == skill);
    let ids: Vec<String> = versions
        .map(|version| version.object["id"].text().to_owned())
        .collect();
    let archives = &mut account.part::<Archives>().0;
    for id in ids {
        archives.remove(&id);
    }
}

fn create(cx: &Context<'_>, account: &mut Account) -> Answer {
    VERSIONS.listed(cx, account)?;
    let content = Content::sent(cx)?;
    Ok(skills::add_version(cx, account, cx.id(), content)?.into())
}

/// These pages have the one cursor that goes with every list, and no ids.
fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let versions = VERSIONS.listed(cx, account)?;
    let (order, limits) = (VERSIONS.order(), Limits::up_to(1000));
    let mut page = page(&versions, order, cx.query, limits, cx.dialect())?;
    for member in ["first_id", "last_id"] {
        page.remove(member);
    }
    Ok(page.into())
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    Ok(find(cx, account)?.into())
}

fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let version = find(cx, account)?;
    let id = version["id"].text();
    account.part::<Archives>().0.remove(id);
    account.remove(PATH, id);
    skills::note_latest(account, version["skill_id"].text());
    Ok(object! {"id": cx.id(), "type": "skill_version_deleted"}.into())
}

fn download(cx: &Context<'_>, account: &mut Account) -> Answer {
    let version = find(cx, account)?;
    let archive = account.part::<Archives>().0.get(version["id"].text());
    Ok(Reply {
        status: 200,
        mime_type: "application/zip".to_owned(),
        body: archive.cloned().unwrap_or_default(),
    })
}

/// The version of the number that the path names.
fn find(cx: &Context<'_>, account: &mut Account) -> Result<Json, Refusal> {
    let versions = VERSIONS.listed(cx, account)?;
    let mut versions = versions.into_iter();
    let version = versions.find(|version| version["version"] == cx.id());
    version.ok_or_else(|| VERSIONS.not_found())
}
