use qoder_types::ops::vaults::{self, credentials};
use qoder_types::{
    Credential, CredentialCreate, CredentialId, CredentialUpdate, CredentialValidation, Deleted,
    Vault, VaultCreate, VaultId,
};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/vaults`, from [`Client::vaults`](crate::Client::vaults).
    ///
    /// A vault has the credentials of somebody that agents work for. A session that is given a
    /// vault uses them, and its agent never sees them.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{CredentialAuth, CredentialCreate, SessionCreate, VaultCreate};
    ///
    /// let vault = client.vaults().create(VaultCreate::new("Ada's")).await?;
    /// let auth = CredentialAuth::bearer("https://mcp.example.com/mcp", "token-of-ada");
    /// client.vaults().credentials().create(&vault.id, CredentialCreate::new(auth)).await?;
    /// let session = SessionCreate::new("agent_1", "env_1").vault_ids([vault.id]);
    /// client.sessions().create(session).await?;
    /// # Ok(()) }
    /// ```
    Vaults: vaults {
        /// Creates a vault.
        create(; vault: VaultCreate) -> Call<Vault>,
        /// Lists vaults.
        list() -> VaultList,
        /// Retrieves a vault.
        retrieve(id: VaultId) -> Call<Vault>,
        /// Archives a vault: no session can be given it any more.
        archive(id: VaultId) -> Call<Vault>,
        /// Deletes a vault, and the credentials in it.
        delete(id: VaultId) -> Call<Deleted>,
    }
}

impl Vaults {
    /// Returns the calls for the credentials of vaults.
    pub fn credentials(&self) -> VaultCredentials {
        VaultCredentials::new(self.shared.clone())
    }
}

list! {
    /// Vaults; from [`Vaults::list`].
    VaultList of Vault by VaultId {
        /// Lists only vaults of this name.
        name: String,
        /// Sets whether archived vaults are listed too. Default: they are not.
        include_archived: bool,
    }
}

calls! {
    /// The calls under `/vaults/{id}/credentials`, from [`Vaults::credentials`].
    ///
    /// Secrets go to the server and never come back.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{CredentialAuth, CredentialCreate, VaultCreate};
    ///
    /// let vault = client.vaults().create(VaultCreate::new("tools")).await?;
    /// let auth = CredentialAuth::bearer("https://mcp.example.com/mcp", "the token of the tool");
    /// let credential = CredentialCreate::new(auth).display_name("tracker");
    /// client.vaults().credentials().create(&vault.id, credential).await?;
    /// # Ok(()) }
    /// ```
    VaultCredentials: credentials {
        /// Adds a credential to a vault.
        create(vault: VaultId; credential: CredentialCreate) -> Call<Credential>,
        /// Lists the credentials of a vault.
        list(vault: VaultId) -> VaultCredentialList,
        /// Retrieves a credential, without its secrets.
        retrieve(vault: VaultId, credential: CredentialId) -> Call<Credential>,
        /// Changes a credential. The call is never repeated, since its secret may have been
        /// changed by then: retrieve the credential before you try again.
        update(vault: VaultId, credential: CredentialId; update: CredentialUpdate) -> Call<Credential>,
        /// Tries a credential at its MCP server, and refreshes its token if it can be.
        mcp_oauth_validate(vault: VaultId, credential: CredentialId) -> Call<CredentialValidation>,
        /// Archives a credential: it is not used any more.
        archive(vault: VaultId, credential: CredentialId) -> Call<Credential>,
        /// Deletes a credential.
        delete(vault: VaultId, credential: CredentialId) -> Call<Deleted>,
    }
}

list! {
    /// The credentials of a vault; from [`VaultCredentials::list`].
    VaultCredentialList of Credential by CredentialId {
        /// Lists only credentials of this name.
        name: String,
        /// Sets whether archived credentials are listed too. Default: they are not.
        include_archived: bool,
    }
}
