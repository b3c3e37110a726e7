//! What is mounted in a session.

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::text;
use crate::resources::files::Files;
use crate::resources::memory_stores;
use crate::state::account::Account;

/// What was sent to be attached, as it is kept and shown: without secrets.
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
