//! Memories: texts at paths in a store. Every change of one makes a version.

use std::collections::BTreeMap;
use std::fmt::Write;

use hmac_sha256::Hash;

use crate::json::{Json, object};
use crate::page::{Limits, Order};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::field::Field;
use crate::resources::kind::{Kind, Verb};
use crate::resources::memory_stores;
use crate::resources::memory_versions::{self, shown, view};
use crate::resources::plain::deleted;
use crate::resources::resource::{Operation, Resource};
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&MEMORIES],
    operations: &[
        Operation::post("/memory_stores/{memory_store_id}/memories", create),
        Operation::get("/memory_stores/{memory_store_id}/memories", list),
        Operation::post(MEMORIES.path, update),
        Operation::delete(MEMORIES.path, delete),
    ],
    ..Resource::NONE
};

const MEMORIES: Kind = Kind {
    path: "/memory_stores/{memory_store_id}/memories/{memory_id}",
    name: "memory",
    prefix: "mem",
    verbs: &[Verb::Retrieve],
    fields: &[
        Field::server("memory_version_id", || Json::Null),
        Field::read("path", path).required(),
        Field::read("content", content).required(),
        Field::server("content_sha256", || Json::Null),
        Field::server("content_size_bytes", || Json::Null),
        Field::metadata(),
    ],
    times: &["created_at", "updated_at"],
    filters: &[],
    show: shown,
    ..Kind::PLAIN
};

const LONGEST_CONTENT: usize = 100 << 10;
const LONGEST_PATH: usize = 1024;

/// Relative, and of segments that could be files and folders.
fn path(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let path = value.text();
    let is_name = |segment: &str| !matches!(segment, "" | "." | "..");
    if path.len() <= LONGEST_PATH && path.split('/').all(is_name) {
        return Ok(value.clone());
    }
    let why = "path must be a relative path of at most 1024 bytes.";
    Err(Refusal::invalid(name, why))
}

fn content(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let fits = |content: &str| content.len() <= LONGEST_CONTENT;
    if value.as_str().is_some_and(fits) {
        return Ok(value.clone());
    }
    let why = "content must be a string of at most 100 kB.";
    Err(Refusal::invalid(name, why))
}

pub(crate) fn create(cx: &Context<'_>, account: &mut Account) -> Answer {
    view(cx, Verb::Create)?;
    let mut memory = MEMORIES.new_object(cx, account)?;
    let store = memory["memory_store_id"].text().to_owned();
    memory_stores::open(account, &store)?;
    check_free(account, &memory)?;
    measure(&mut memory);
    let version = memory_versions::add(cx, account, "created", &memory);
    memory.set("memory_version_id", version);
    MEMORIES.add(account, memory.clone());
    count(account, &store);
    Ok(shown(cx, Verb::Create, memory)?.into())
}

fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    view(cx, Verb::Update)?;
    let before = MEMORIES.find(cx, account)?.object.clone();
    let store = before["memory_store_id"].text().to_owned();
    memory_stores::open(account, &store)?;
    let mut after = MEMORIES.changed(cx, account, before.clone())?;
    let moved = ["path", "content"]
        .iter()
        .any(|member| after[member] != before[member]);
    if !moved && after["metadata"] == before["metadata"] {
        // The stored state already is what was asked for, whatever it was expected to be.
        return Ok(shown(cx, Verb::Update, before)?.into());
    }
    let expected = match &cx.body["content_sha256"] {
        Json::Null => &cx.body["precondition"]["content_sha256"],
        hash => hash,
    };
    check_hash(&before, expected.as_str())?;
    check_free(account, &after)?;
    measure(&mut after);
    if moved {
        let version = memory_versions::add(cx, account, "modified", &after);
        after.set("memory_version_id", version);
    }
    MEMORIES.find(cx, account)?.object = after.clone();
    count(account, &store);
    Ok(shown(cx, Verb::Update, after)?.into())
}

fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let memory = MEMORIES.find(cx, account)?.object.clone();
    let store = memory["memory_store_id"].text().to_owned();
    memory_stores::open(account, &store)?;
    check_hash(&memory, cx.query.get("expected_content_sha256"))?;
    memory_versions::add(cx, account, "deleted", &memory);
    account.remove(MEMORIES.path, cx.id());
    count(account, &store);
    Ok(deleted(&MEMORIES, cx.id()).into())
}

/// The memories below a prefix, by their paths; what is deeper than asked for as folders.
fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let prefix = cx.query.get("path_prefix").unwrap_or_default();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        let why = "path_prefix must end with '/'.";
        return Err(Refusal::invalid("path_prefix", why));
    }
    let depth = match cx.query.whole("depth", 0)?.unwrap_or_default() {
        0 => usize::MAX,
        depth => usize::try_from(depth).unwrap_or(usize::MAX),
    };
    let full = view(cx, Verb::List)? == "full";
    let mut items = BTreeMap::new();
    for memory in MEMORIES.listed(cx, account)? {
        let path = memory["path"].text().to_owned();
        let Some(rest) = path.strip_prefix(prefix) else {
            continue;
        };
        let mut ends = rest.match_indices('/').map(|(at, _)| prefix.len() + at + 1);
        match ends.nth(depth - 1) {
            Some(end) => {
                let folder = &path[..end];
                let item = object! {"type": "memory_prefix", "path": folder};
                items.insert(folder.to_owned(), item);
            }
            None => {
                items.insert(path, shown(cx, Verb::List, memory)?);
            }
        }
    }
    let items: Vec<Json> = items.into_values().collect();
    let limits = Limits::up_to(if full { 20 } else { 100 });
    cx.page(&items, Order::ByPath, limits)
}

fn measure(memory: &mut Json) {
    let content = memory["content"].text();
    let mut hash = String::new();
    for byte in Hash::hash(content.as_bytes()) {
        let _ = write!(hash, "{byte:02x}");
    }
    let size = content.len();
    memory.set("content_sha256", hash);
    memory.set("content_size_bytes", size);
}

/// No other memory of the store is at the path.
fn check_free(account: &mut Account, memory: &Json) -> Result<(), Refusal> {
    let same = |other: &Json, member| other[member] == memory[member];
    let mut others = account.documents(MEMORIES.path).iter();
    let is_taken = others.any(|other| {
        let other = &other.object;
        same(other, "memory_store_id") && same(other, "path") && !same(other, "id")
    });
    if is_taken {
        return Err(Refusal::conflict("there is a memory at this path already"));
    }
    Ok(())
}

fn check_hash(memory: &Json, expected: Option<&str>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if memory["content_sha256"] != expected => {
            let why = "The memory's content has another hash.";
            Err(Refusal::new(409, "memory_precondition_failed_error", why))
        }
        _ => Ok(()),
    }
}

/// Notes in the store how much is in it.
fn count(account: &mut Account, store: &str) {
    let memories = account.documents(MEMORIES.path).iter();
    let sizes = memories.filter(|memory| memory.object["memory_store_id"] == store);
    let sizes: Vec<u64> = sizes
        .filter_map(|memory| memory.object["content_size_bytes"].as_u64())
        .collect();
    if let Ok(store) = memory_stores::open(account, store) {
        store.set("entry_count", sizes.len());
        store.set("total_size", sizes.iter().sum::<u64>());
    }
}
