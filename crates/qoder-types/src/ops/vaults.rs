//! Operations under `/vaults`.

use super::row::operations;
use crate::{Deleted, Page, Vault, VaultCreate, VaultId};

operations! { "vaults" {
    /// Creates a vault.
    create() takes VaultCreate -> Vault = post "/vaults";
    /// Lists vaults.
    list() -> Page<Vault> = list "/vaults" ? "name" "include_archived" "after_id" "before_id";
    /// Gets a vault.
    retrieve(vault_id: VaultId) -> Vault = get "/vaults/{vault_id}";
    /// Archives a vault.
    archive(vault_id: VaultId) -> Vault = act "/vaults/{vault_id}/archive";
    /// Deletes a vault.
    delete(vault_id: VaultId) -> Deleted = delete "/vaults/{vault_id}";
} }

/// Operations under `/vaults/{vault_id}/credentials`.
pub mod credentials {
    use super::{Deleted, Page, VaultId, operations};
    use crate::{
        Credential, CredentialCreate, CredentialId, CredentialUpdate, CredentialValidation,
    };

    operations! { "vaults.credentials" {
        /// Adds a credential to a vault.
        create(vault_id: VaultId) takes CredentialCreate -> Credential
            = post "/vaults/{vault_id}/credentials";
        /// Lists the credentials of a vault.
        list(vault_id: VaultId) -> Page<Credential> = list "/vaults/{vault_id}/credentials"
            ? "name" "include_archived" "after_id" "before_id";
        /// Gets a credential, without its secrets.
        retrieve(vault_id: VaultId, credential_id: CredentialId) -> Credential
            = get "/vaults/{vault_id}/credentials/{credential_id}";
        /// Changes a credential. The call is never repeated, whatever comes of it: whether the
        /// secret was changed, the next one tells.
        update(vault_id: VaultId, credential_id: CredentialId) takes CredentialUpdate -> Credential
            = once "/vaults/{vault_id}/credentials/{credential_id}";
        /// Tries a credential for an MCP server, by asking that server.
        mcp_oauth_validate(vault_id: VaultId, credential_id: CredentialId) -> CredentialValidation
            = act "/vaults/{vault_id}/credentials/{credential_id}/mcp_oauth_validate";
        /// Archives a credential.
        archive(vault_id: VaultId, credential_id: CredentialId) -> Credential
            = act "/vaults/{vault_id}/credentials/{credential_id}/archive";
        /// Deletes a credential.
        delete(vault_id: VaultId, credential_id: CredentialId) -> Deleted
            = delete "/vaults/{vault_id}/credentials/{credential_id}";
    } }
}
