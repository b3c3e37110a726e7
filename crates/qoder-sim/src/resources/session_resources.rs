//! The resources that are mounted in a session.

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::page::{Limits, Order};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::field::text;
use crate::resources::files::Files;
use crate::resources::resource::{Operation, Resource};
use crate::resources::{environments, memory_stores};
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::post("/sessions/{session_id}/resources", add),
        Operation::get("/sessions/{session_id}/resources", list),
        Operation::get(ONE, retrieve),
        Operation::post(ONE, update),
        Operation::delete(ONE, delete),
    ],
    ..Resource::NONE
};

const ONE: &str = "/sessions/{session_id}/resources/{resource_id}";

/// A session has no more resources than these.
pub(crate) const MOST: usize = 500;

fn add(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let environment = session.object["environment_id"].text().to_owned();
    let others = session.object["resources"].clone();
    if session.is_over() {
        return Err(Refusal::conflict("session takes no resources any more"));
    }
    match cx.body["type"].as_str() {
        None => return Err(Refusal::missing("type")),
        Some("file") => {}
        Some(_) => {
            let why = "Only files can be added to a session that is there already.";
            return Err(Refusal::invalid("type", why));
        }
    }
    if environments::is_self_hosted(account, &environment) {
        let why = "A session in a self-hosted environment has no resources.";
        return Err(Refusal::invalid("resources", why));
    }
    if others.items().len() >= MOST {
        let why = format!("A session has at most {MOST} resources.");
        return Err(Refusal::invalid("", why));
    }
    let resource = attached(cx, account, others.items(), cx.body)?;
    let mut resources = others.items().to_vec();
    resources.push(resource.clone());
    keep(cx, account, resources)?;
    Ok(resource.into())
}

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let resources = cx.session(account)?.object["resources"].clone();
    let limits = Limits {
        default: 1000,
        max: 1000,
    };
    cx.page(resources.items(), Order::OldestFirst, limits)
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    let (resources, at) = named(cx, account)?;
    Ok(resources[at].clone().into())
}

/// Takes another secret, which like the first is never shown.
fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let (mut resources, at) = named(cx, account)?;
    let resource = &mut resources[at];
    match resource["type"].text() {
        "github_repository" => {
            let token = &cx.body["authorization_token"];
            text("authorization_token", token, 1, 4096)?;
        }
        "git_repository" => match cx.body.get("password") {
            None => return Err(Refusal::missing("password")),
            // The repository needs none any more.
            Some(Json::Null) => {}
            Some(password) => text("password", password, 1, 4096)?,
        },
        kind => {
            let why = format!("A {kind} has no secret that could be changed.");
            return Err(Refusal::invalid("", why));
        }
    }
    resource.set("updated_at", cx.now());
    let resource = resource.clone();
    keep(cx, account, resources)?;
    Ok(resource.into())
}

fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let (mut resources, at) = named(cx, account)?;
    resources.remove(at);
    keep(cx, account, resources)?;
    Ok(object! {"id": cx.id(), "type": "session_resource_deleted"}.into())
}

/// The resources of the session that the path names, and where the one that it names is.
fn named(cx: &Context<'_>, account: &mut Account) -> Result<(Vec<Json>, usize), Refusal> {
    let session = cx.session(account)?;
    let resources = session.object["resources"].items().to_vec();
    let at = resources
        .iter()
        .position(|resource| resource["id"] == *cx.id());
    let at = at.ok_or_else(|| Refusal::not_found("session resource"))?;
    Ok((resources, at))
}

fn keep(cx: &Context<'_>, account: &mut Account, resources: Vec<Json>) -> Result<(), Refusal> {
    let session = cx.session(account)?;
    session.object.set("resources", resources);
    session.touch();
    Ok(())
}

/// Returns a resource that was sent to be attached, as it is kept and shown: without secrets.
pub(crate) fn attached(
    cx: &Context<'_>,
    account: &mut Account,
    others: &[Json],
    sent: &Json,
) -> Result<Json, Refusal> {
    let kind = sent["type"].text();
    let mut resource = object! {"id": new_id("sesr"), "type": kind};
    let mount_path = match kind {
        "file" => {
            text("file_id", &sent["file_id"], 1, 256)?;
            let id = sent["file_id"].text();
            if account.part::<Files>().get_mut(id).is_none() {
                return Err(Refusal::not_found("file"));
            }
            if others.iter().any(|other| other["file_id"] == id) {
                return Err(Refusal::conflict("file is attached already"));
            }
            resource.set("file_id", id);
            format!("/mnt/session/uploads/{id}")
        }
        "github_repository" | "git_repository" => {
            text("url", &sent["url"], 1, 2048)?;
            if kind == "github_repository" {
                text("authorization_token", &sent["authorization_token"], 1, 4096)?;
            }
            resource.set("url", &sent["url"]);
            let name = sent["url"].text().trim_end_matches('/').rsplit('/').next();
            let name = name.unwrap_or_default().trim_end_matches(".git");
            format!("/mnt/session/repositories/{name}")
        }
        "memory_store" => {
            text("memory_store_id", &sent["memory_store_id"], 1, 256)?;
            let store = memory_stores::open(account, sent["memory_store_id"].text())?;
            resource.set("memory_store_id", &store["id"]);
            resource.set("name", &store["name"]);
            resource.set("description", &store["description"]);
            let access = match &sent["access"] {
                Json::Null => "read_write",
                access if matches!(access.text(), "read_write" | "read_only") => access.text(),
                _ => {
                    let why = "access must be read_write or read_only.";
                    return Err(Refusal::invalid("access", why));
                }
            };
            resource.set("access", access);
            if !sent["instructions"].is_null() {
                text("instructions", &sent["instructions"], 0, usize::MAX)?;
                resource.set("instructions", &sent["instructions"]);
            }
            format!("/mnt/session/memory/{}", store["id"].text())
        }
        other => {
            let why = format!("Unknown type '{other}' of a resource.");
            return Err(Refusal::invalid("resources.type", why));
        }
    };
    match &sent["mount_path"] {
        Json::Null => resource.set("mount_path", mount_path),
        path => {
            text("mount_path", path, 1, 4096)?;
            resource.set("mount_path", path);
        }
    }
    if kind.ends_with("_repository") && !sent["checkout"].is_null() {
        checkout(&sent["checkout"])?;
        resource.set("checkout", &sent["checkout"]);
    }
    let now = cx.now();
    resource.set("created_at", &now);
    resource.set("updated_at", &now);
    Ok(resource)
}

fn checkout(value: &Json) -> Result<(), Refusal> {
    match value["type"].text() {
        "branch" => text("checkout.name", &value["name"], 1, 256),
        "commit" => text("checkout.sha", &value["sha"], 1, 64),
        _ => {
            let why = "checkout must be a branch or a commit.";
            Err(Refusal::invalid("checkout.type", why))
        }
    }
}
