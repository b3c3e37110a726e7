//! Vaults: collections of what authorises agents elsewhere.

use crate::{Credential, Extra, Timestamp, VaultId};

object! {
    /// A vault of credentials, which sessions and deployments are given by its id.
    Vault {
        /// The vault's id.
        id!: VaultId,
        /// The name for people.
        display_name: String,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// The credentials. Only in the answer to a creation, where there are none yet; they have
        /// a list of their own.
        credentials?: Vec<Credential>,
        /// When the vault was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the vault was created.
        created_at: Timestamp,
        /// When the vault was last changed.
        updated_at: Timestamp,
    }
}

body! {
    /// Creates a vault.
    ///
    /// ```
    /// use qoder_types::VaultCreate;
    ///
    /// let vault = VaultCreate::new("trackers").metadata("team", "build");
    /// assert_eq!(
    ///     serde_json::to_value(&vault).unwrap(),
    ///     serde_json::json!({"display_name": "trackers", "metadata": {"team": "build"}}),
    /// );
    /// ```
    VaultCreate {
        /// The name for people: 1 to 255 characters.
        display_name: String,
        ;
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

impl From<&Vault> for VaultId {
    fn from(vault: &Vault) -> Self {
        vault.id.clone()
    }
}
