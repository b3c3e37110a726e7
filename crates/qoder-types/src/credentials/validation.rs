//! Trials of credentials.

use crate::{CredentialId, Secret, Timestamp, VaultId};

object! {
    /// The result of the trial of a credential for an MCP server: its access token was refreshed
    /// where it can be, and the server was asked with it.
    CredentialValidation {
        /// The credential.
        credential_id: CredentialId,
        /// The vault.
        vault_id: VaultId,
        /// Whether the credential is good.
        status: CredentialValidationStatus,
        /// When it was tried.
        validated_at: Timestamp,
        /// Whether the credential has a refresh token.
        has_refresh_token: bool,
        /// The result of the refresh.
        refresh: RefreshAttempt,
        /// The MCP server's answer.
        mcp_probe: McpProbe,
    }
}

open_enum! {
    /// Whether a credential is good.
    CredentialValidationStatus {
        /// It is: the MCP server takes it.
        Valid = "valid",
        /// It isn't.
        Invalid = "invalid",
        /// Nobody can tell.
        Undecided = "unknown",
    }
}

object! {
    /// The result of the refresh of an access token.
    RefreshAttempt {
        /// The result of the refresh.
        status: RefreshStatus,
        /// The authorisation server's response. `None` if it was not asked, or didn't answer.
        http_response?: ProbeResponse,
    }
}

open_enum! {
    /// The result of refreshing an access token.
    RefreshStatus {
        /// There is a new one.
        Succeeded = "succeeded",
        /// The authorisation server refused it.
        Failed = "failed",
        /// The authorisation server could not be reached.
        ConnectError = "connect_error",
        /// There is no refresh token.
        NoRefreshToken = "no_refresh_token",
    }
}

object! {
    /// A call of an MCP server that was made to try a credential.
    McpProbe {
        /// The method of MCP that was called.
        method: String,
        /// The MCP server's answer. `None` if it didn't.
        http_response?: ProbeResponse,
    }
}

object! {
    /// A server's answer when a credential was tried.
    ProbeResponse {
        /// The status of HTTP.
        status_code: u64,
        /// The media type of the body.
        content_type: String,
        /// The body, which may have secrets in it. `None` if the server doesn't say.
        body?: Secret,
        /// Whether the body went on.
        body_truncated: bool,
    }
}
