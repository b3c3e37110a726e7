//! The operations on documents of any kind.

use crate::json::{Json, object};
use crate::page::{Order, page};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::kind::{Kind, Verb};
use crate::settings::Dialect;
use crate::state::account::{Account, Document};

pub(crate) fn answer(kind: &Kind, verb: Verb, cx: &Context<'_>, account: &mut Account) -> Answer {
    let object = match verb {
        Verb::Create => {
            let object = kind.new_object(cx, account)?;
            kind.add(account, object.clone());
            object
        }
        Verb::List => return list(kind, cx, account),
        Verb::Retrieve => version(kind, cx, kind.find(cx, account)?)?,
        Verb::Update => update(kind, cx, account)?,
        Verb::Archive => {
            let object = &mut kind.find(cx, account)?.object;
            if object["archived_at"].is_null() {
                object.set("archived_at", cx.now());
                (kind.archive)(cx, object);
            }
            object.clone()
        }
        Verb::Delete => {
            let id = kind.find(cx, account)?.object["id"].text().to_owned();
            if let Some(why) = (kind.in_use)(account, &id) {
                return Err(why);
            }
            account.remove(kind.path, &id);
            return Ok(deleted(kind, &id).into());
        }
        Verb::Versions => return versions(kind, cx, account),
    };
    Ok((kind.show)(cx, verb, object)?.into())
}

/// Returns the reply to the deletion of one.
pub(crate) fn deleted(kind: &Kind, id: &str) -> Json {
    object! {"id": id, "type": format!("{}_deleted", kind.name)}
}

fn list(kind: &Kind, cx: &Context<'_>, account: &mut Account) -> Answer {
    let items = kind.listed(cx, account)?.into_iter();
    let shown: Result<Vec<Json>, Refusal> = items
        .map(|item| (kind.show)(cx, Verb::List, item))
        .collect();
    cx.page(&shown?, kind.order(), kind.limits)
}

fn update(kind: &Kind, cx: &Context<'_>, account: &mut Account) -> Result<Json, Refusal> {
    let before = kind.find(cx, account)?.object.clone();
    let version = kind.has_versions().then(|| &before["version"]);
    if let Some(version) = version {
        match &cx.body["version"] {
            // The first generation took updates of whatever there was.
            Json::Null if cx.dialect() == Dialect::Seed => {}
            Json::Null => return Err(Refusal::missing("version")),
            named if named == version => {}
            named if named.as_u64().is_none() => {
                return Err(Refusal::invalid(
                    "version",
                    "version must be a whole number.",
                ));
            }
            _ => return Err(Refusal::conflict("Version conflict")),
        }
    }
    let mut object = kind.changed(cx, account, before.clone())?;
    let document = kind.find(cx, account)?;
    if kind.has_versions() {
        let versions = document.before.len() + 1;
        object.set("version", versions + 1);
        document.before.push(before);
    }
    document.object = object.clone();
    Ok(object)
}

/// The version that is asked for, or else the latest.
fn version(kind: &Kind, cx: &Context<'_>, document: &Document) -> Result<Json, Refusal> {
    let asked = kind.has_versions().then(|| cx.query.whole("version", 1));
    let Some(number) = asked.transpose()?.flatten() else {
        return Ok(document.object.clone());
    };
    numbered(document, number).ok_or_else(|| {
        let name = kind.name.replace('_', " ");
        Refusal::not_found(&format!("{name} version"))
    })
}

/// A version of a document, counted from 1.
pub(crate) fn numbered(document: &Document, number: u64) -> Option<Json> {
    let mut versions = document.before.iter().chain([&document.object]);
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    versions.nth(at).cloned()
}

/// Versions share an id: their list goes by their numbers.
fn versions(kind: &Kind, cx: &Context<'_>, account: &mut Account) -> Answer {
    let document = kind.find(cx, account)?;
    let versions = document.before.iter().chain([&document.object]);
    let mut items = Vec::new();
    for version in versions.rev() {
        let shown = (kind.show)(cx, Verb::Versions, version.clone())?;
        items.push(object! {"id": version["version"].to_string(), "version": shown});
    }
    let order = Order::NewestFirst;
    let mut page = page(&items, order, cx.query, kind.limits, cx.dialect())?;
    let shown: Vec<Json> = page["data"]
        .items()
        .iter()
        .map(|item| item["version"].clone())
        .collect();
    page.set("data", shown);
    Ok(page.into())
}
