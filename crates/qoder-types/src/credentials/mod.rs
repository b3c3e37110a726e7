//! Credentials: what authorises agents elsewhere. The server never sends a secret back.

mod auth;
mod update;
mod validation;

pub use auth::*;
pub use update::*;
pub use validation::*;

use crate::{CredentialId, Extra, Timestamp, VaultId};

object! {
    /// A credential in a vault.
    Credential {
        /// The credential's id.
        id!: CredentialId,
        /// The vault.
        vault_id: VaultId,
        /// The credential's authorisation, without its secrets.
        auth: CredentialAuth,
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

body! {
    /// Adds a credential to a vault.
    ///
    /// ```
    /// use qoder_types::{CredentialAuth, CredentialCreate, Networking};
    ///
    /// let tracker = CredentialAuth::bearer("https://mcp.tracker.example/mcp", "invented");
    /// let tracker = CredentialCreate::new(tracker).display_name("tracker");
    /// assert!(!format!("{tracker:?}").contains("invented"));
    ///
    /// let key = CredentialAuth::environment_variable("API_KEY", "invented")
    ///     .networking(Networking::limited(["api.example.com"]));
    /// # let key =
    /// CredentialCreate::new(key);
    /// # assert_eq!(serde_json::to_value(&key).unwrap(), serde_json::json!({"auth": {
    /// #     "type": "environment_variable", "secret_name": "API_KEY", "secret_value": "invented",
    /// #     "networking": {"type": "limited", "allowed_hosts": ["api.example.com"]},
    /// # }}));
    /// ```
    CredentialCreate {
        /// The credential's authorisation: [`CredentialAuth::bearer`], [`CredentialAuth::oauth`] or
        /// [`CredentialAuth::environment_variable`].
        auth: CredentialAuth,
        ;
        /// The name for people, which can't be changed later.
        display_name: String,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

impl From<&Credential> for CredentialId {
    fn from(credential: &Credential) -> Self {
        credential.id.clone()
    }
}
