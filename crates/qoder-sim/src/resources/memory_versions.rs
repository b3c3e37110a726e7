//! Versions of memories: what they were after each change, and who made it.

use crate::ids::{digest, new_id};
use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&MEMORY_VERSIONS],
    operations: &[Operation::post(
        "/memory_stores/{memory_store_id}/memory_versions/{memory_version_id}/redact",
        redact,
    )],
    ..Resource::NONE
};

const MEMORY_VERSIONS: Kind = Kind {
    path: "/memory_stores/{memory_store_id}/memory_versions/{memory_version_id}",
    name: "memory_version",
    prefix: "memver",
    verbs: &[Verb::List, Verb::Retrieve],
    filters: &[
        Filter::CreatedAt,
        Filter::Equal("memory_id", "memory_id"),
        Filter::Word(
            "operation",
            "operation",
            &["created", "modified", "deleted"],
        ),
        Filter::Equal("session_id", "created_by.session_id"),
        Filter::Equal("api_key_id", "created_by.api_key_id"),
        Filter::Equal("service_account_id", "created_by.service_account_id"),
    ],
    show: shown,
    ..Kind::PLAIN
};

/// Adds what a memory is after a change, and gives the version's id.
pub(crate) fn add(
    cx: &Context<'_>,
    account: &mut Account,
    operation: &str,
    memory: &Json,
) -> String {
    let id = new_id(MEMORY_VERSIONS.prefix);
    let version = object! {
        "id": &id, "type": MEMORY_VERSIONS.name, "memory_store_id": &memory["memory_store_id"],
        "memory_id": &memory["id"], "operation": operation, "path": &memory["path"],
        "content": &memory["content"], "content_sha256": &memory["content_sha256"],
        "content_size_bytes": &memory["content_size_bytes"], "created_by": actor(account),
        "created_at": cx.now(), "redacted_at": Json::Null, "redacted_by": Json::Null,
    };
    MEMORY_VERSIONS.add(account, version);
    id
}

/// Removes the content of a version, but not the version, permanently.
fn redact(cx: &Context<'_>, account: &mut Account) -> Answer {
    let actor = actor(account);
    let version = &mut MEMORY_VERSIONS.find(cx, account)?.object;
    if version["redacted_at"].is_null() {
        for member in ["path", "content", "content_sha256", "content_size_bytes"] {
            version.set(member, Json::Null);
        }
        version.set("redacted_at", cx.now());
        version.set("redacted_by", actor);
    }
    Ok(version.clone().into())
}

/// Whose token it is. Tokens are secrets, and stay out of it.
fn actor(account: &Account) -> Json {
    let owner = digest(account.owner.as_bytes());
    if account.owner.starts_with("sak-") {
        let id = format!("sa_{owner}");
        object! {"type": "service_account_actor", "service_account_id": id}
    } else {
        object! {"type": "api_actor", "api_key_id": format!("key_{owner}")}
    }
}

/// Returns the view: everything if one is read, and else everything but the content, unless `view`
/// says otherwise.
pub(crate) fn view(cx: &Context<'_>, verb: Verb) -> Result<&'static str, Refusal> {
    let views = match verb {
        Verb::Retrieve => ["full", "basic"],
        _ => ["basic", "full"],
    };
    cx.query.word("view", &views)
}

/// A memory or a version, as the request views it.
pub(crate) fn shown(cx: &Context<'_>, verb: Verb, mut object: Json) -> Result<Json, Refusal> {
    if view(cx, verb)? == "basic" {
        object.remove("content");
    }
    Ok(object)
}
