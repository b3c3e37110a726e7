//! Vaults: where credentials are kept.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::field::Field;
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::Resource;
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&VAULTS],
    ..Resource::NONE
};

const VAULTS: Kind = Kind {
    path: "/vaults/{vault_id}",
    name: "vault",
    prefix: "vault",
    verbs: &[
        Verb::Create,
        Verb::List,
        Verb::Retrieve,
        Verb::Archive,
        Verb::Delete,
    ],
    fields: &[
        Field::text("display_name", 255).required(),
        Field::metadata(),
    ],
    filters: &[Filter::Archived, Filter::Equal("name", "display_name")],
    show: |_, verb, mut vault| {
        if verb == Verb::Create {
            vault.set("credentials", Json::empty_list());
        }
        Ok(vault)
    },
    ..Kind::PLAIN
};

/// The vault with this id.
pub(crate) fn find<'a>(account: &'a mut Account, id: &str) -> Result<&'a Json, Refusal> {
    let vault = account.object(VAULTS.path, id);
    vault.map(|vault| &*vault).ok_or_else(|| VAULTS.not_found())
}

/// Checks that there is a vault with this id whose credentials may be used.
pub(crate) fn check_open(account: &mut Account, id: &str) -> Result<(), Refusal> {
    if find(account, id)?["archived_at"].is_null() {
        return Ok(());
    }
    Err(Refusal::invalid("vault_ids", "The vault is archived."))
}
