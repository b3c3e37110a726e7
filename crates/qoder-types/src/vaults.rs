//! Vaults: what authorises agents elsewhere.

use serde_json::Value;

use crate::{Extra, Timestamp, VaultId};

object! {
    /// A credential in a vault. The server never sends its secret back.
    Credential {
        /// The credential's id.
        id!: String,
        /// The vault.
        vault_id: VaultId,
        /// What the credential authorises, without its secret.
        auth: Value,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// The name for people. `None` if it was given none.
        display_name?: String,
        /// When the credential was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the credential was created.
        created_at: Timestamp,
        /// When the credential was last changed.
        updated_at: Timestamp,
    }
}
