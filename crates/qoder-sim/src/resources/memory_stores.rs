//! Memory stores.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::Field;
use crate::resources::filter::Filter;
use crate::resources::kind::Kind;
use crate::resources::resource::Resource;
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&MEMORY_STORES],
    ..Resource::NONE
};

const MEMORY_STORES: Kind = Kind {
    path: "/memory_stores/{memory_store_id}",
    name: "memory_store",
    prefix: "memstore",
    fields: &[
        Field::text("name", 255).required(),
        Field::text("description", 1024),
        Field::server("status", || "active".into()),
        Field::server("entry_count", || 0.into()),
        Field::server("total_size", || 0.into()),
        Field::metadata(),
    ],
    filters: &[
        Filter::Archived,
        Filter::CreatedAt,
        Filter::Equal("name", "name"),
    ],
    archive: |_, store| store.set("status", "archived"),
    ..Kind::PLAIN
};

/// The store with this id, which takes changes.
pub(crate) fn open<'a>(account: &'a mut Account, id: &str) -> Result<&'a mut Json, Refusal> {
    let store = account.object(MEMORY_STORES.path, id);
    let store = store.ok_or_else(|| MEMORY_STORES.not_found())?;
    if store["archived_at"].is_null() {
        Ok(store)
    } else {
        Err(Refusal::conflict("memory store is archived"))
    }
}

/// Whether there is a store with this id, archived or not.
pub(crate) fn exists(account: &mut Account, id: &str) -> bool {
    account.object(MEMORY_STORES.path, id).is_some()
}

/// Makes a store as the body describes it, and gives its id.
pub(crate) fn make(cx: &Context<'_>, account: &mut Account) -> Result<String, Refusal> {
    let store = MEMORY_STORES.new_object(cx, account)?;
    let id = store["id"].text().to_owned();
    MEMORY_STORES.add(account, store);
    Ok(id)
}
