//! Changes of a credential: as a rule a new secret in place of an old one.

use std::collections::BTreeMap;

use crate::wire::{Wire, deserialize_by_wire};
use crate::{InjectionLocation, Networking, Patch, Secret, Timestamp, TokenEndpointAuth};

object! {
    /// Changes a credential, such as its secret. What is left out stays as it is; the name can't be
    /// changed.
    ///
    /// ```
    /// use qoder_types::{CredentialAuthUpdate, CredentialUpdate};
    ///
    /// let update = CredentialUpdate::new().auth(CredentialAuthUpdate::bearer("invented"));
    /// assert_eq!(
    ///     serde_json::to_value(&update).unwrap(),
    ///     serde_json::json!({"auth": {"type": "static_bearer", "token": "invented"}}),
    /// );
    /// ```
    CredentialUpdate {
        /// The new secret, and what goes with it: of the kind that the credential has.
        auth?: CredentialAuthUpdate,
        /// Changes to single entries of the metadata, whose others stay; or no metadata any more.
        metadata: Patch<BTreeMap<String, Patch<String>>>,
    }
}

impl CredentialUpdate {
    /// The members that there must be.
    #[cfg(test)]
    pub(crate) const REQUIRED: &'static [&'static str] = &[];

    /// Returns a `CredentialUpdate` that changes nothing yet.
    pub fn new() -> Self {
        Self::empty()
    }

    /// Sets what is changed of the secret: of the kind that the credential has.
    pub fn auth(mut self, auth: impl Into<CredentialAuthUpdate>) -> Self {
        self.auth = Some(auth.into());
        self
    }

    /// Sets an entry of the metadata, or deletes it with [`Patch::Clear`]; the others stay. It
    /// takes back [`clear_metadata`](Self::clear_metadata).
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Patch<String>>) -> Self {
        let mut changes = match self.metadata {
            Patch::Set(changes) => changes,
            Patch::Keep | Patch::Clear => BTreeMap::new(),
        };
        changes.insert(key.into(), value.into());
        self.metadata = Patch::Set(changes);
        self
    }

    /// Deletes all metadata.
    pub fn clear_metadata(mut self) -> Self {
        self.metadata = Patch::Clear;
        self
    }
}

impl Default for CredentialUpdate {
    fn default() -> Self {
        Self::new()
    }
}

tagged! {
    /// A change of a credential's secret. It is of the kind that the credential has.
    CredentialAuthUpdate {
        /// Of an access token of OAuth.
        McpOauth(Box<McpOauthUpdate>) = "mcp_oauth",
        /// Of a token that stays.
        StaticBearer(StaticBearerUpdate) = "static_bearer",
        /// Of an environment variable.
        EnvironmentVariable(EnvironmentVariableUpdate) = "environment_variable",
    }
}

deserialize_by_wire!(CredentialAuthUpdate);

impl CredentialAuthUpdate {
    /// Sets the new token of a [`StaticBearer`](crate::StaticBearer).
    pub fn bearer(token: impl Into<Secret>) -> StaticBearerUpdate {
        StaticBearerUpdate::new().token(token)
    }

    /// Sets the new access token of a [`McpOauth`](crate::McpOauth).
    pub fn oauth(access_token: impl Into<Secret>) -> McpOauthUpdate {
        McpOauthUpdate::new().access_token(access_token)
    }

    /// Sets the new value of an [`EnvironmentVariableAuth`](crate::EnvironmentVariableAuth).
    pub fn environment_variable(value: impl Into<Secret>) -> EnvironmentVariableUpdate {
        EnvironmentVariableUpdate::new().secret_value(value)
    }
}

impl From<McpOauthUpdate> for CredentialAuthUpdate {
    fn from(update: McpOauthUpdate) -> Self {
        Self::McpOauth(Box::new(update))
    }
}

body! {
    /// A change of a [`StaticBearer`](crate::StaticBearer).
    StaticBearerUpdate {
        ;
        /// The new token.
        token: Secret,
    }
}

body! {
    /// A change of a [`McpOauth`](crate::McpOauth).
    McpOauthUpdate {
        ;
        /// The new access token.
        access_token: Secret,
        /// Until when the access token is valid, or that nobody knows.
        expires_at: Timestamp | null,
        /// A change of how the access token is renewed.
        refresh: OauthRefreshUpdate,
    }
}

body! {
    /// A change of an [`OauthRefresh`](crate::OauthRefresh).
    OauthRefreshUpdate {
        ;
        /// The new refresh token.
        refresh_token: Secret,
        /// The scopes to ask for, with spaces between them.
        scope: String | null,
        /// The client's authentication, which is by a secret.
        token_endpoint_auth: TokenEndpointAuth,
    }
}

body! {
    /// A change of an [`EnvironmentVariableAuth`](crate::EnvironmentVariableAuth).
    EnvironmentVariableUpdate {
        ;
        /// The new secret.
        secret_value: Secret,
        /// The hosts that the secret may be used with. Replaces the setting there was.
        networking: Networking,
        /// The parts of a request that may carry the secret.
        injection_location: InjectionLocation,
    }
}
