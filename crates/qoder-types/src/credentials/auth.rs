//! The kinds of authorisation that a credential holds, with their secrets.

use crate::wire::{Wire, deserialize_by_wire};
use crate::{Networking, Secret, Timestamp};

tagged! {
    /// The server or host that a credential is for, and its secret.
    ///
    /// ```
    /// use qoder_types::{CredentialAuth, CredentialCreate, InjectionLocation, Networking};
    ///
    /// let tracker = CredentialAuth::bearer("https://mcp.tracker.example/mcp", "invented");
    /// let deploy = CredentialAuth::environment_variable("DEPLOY_TOKEN", "invented")
    ///     .networking(Networking::limited(["deploy.example.com"]))
    ///     .injection_location(InjectionLocation::new().header(true));
    /// let credential = CredentialCreate::new(deploy).display_name("deployments");
    /// assert!(!format!("{tracker:?} {credential:?}").contains("invented"));
    /// ```
    CredentialAuth {
        /// The use of an MCP server, by an access token that can be refreshed.
        McpOauth(Box<McpOauth>) = "mcp_oauth",
        /// The use of an MCP server, by a token that stays.
        StaticBearer(StaticBearer) = "static_bearer",
        /// Whatever a program does with an environment variable that has a secret for its value.
        EnvironmentVariable(EnvironmentVariableAuth) = "environment_variable",
    }
}

deserialize_by_wire!(CredentialAuth);

impl CredentialAuth {
    /// Authorises the use of the MCP server at `mcp_server_url` by a token that stays.
    pub fn bearer(mcp_server_url: impl Into<String>, token: impl Into<Secret>) -> StaticBearer {
        StaticBearer {
            mcp_server_url: mcp_server_url.into(),
            token: Some(token.into()),
            ..StaticBearer::empty()
        }
    }

    /// Authorises the use of the MCP server at `mcp_server_url` by an access token of OAuth. It is
    /// used for as long as it is valid, unless [`refresh`](McpOauth::refresh) says how it is
    /// renewed.
    pub fn oauth(mcp_server_url: impl Into<String>, access_token: impl Into<Secret>) -> McpOauth {
        McpOauth {
            mcp_server_url: mcp_server_url.into(),
            access_token: Some(access_token.into()),
            ..McpOauth::empty()
        }
    }

    /// Gives an environment variable of this name a secret for its value, with no limit on the
    /// hosts that it may be used with: [`networking`](EnvironmentVariableAuth::networking) sets
    /// one.
    pub fn environment_variable(
        name: impl Into<String>,
        value: impl Into<Secret>,
    ) -> EnvironmentVariableAuth {
        EnvironmentVariableAuth {
            secret_name: name.into(),
            secret_value: Some(value.into()),
            networking: Networking::unrestricted(),
            ..EnvironmentVariableAuth::empty()
        }
    }
}

impl From<McpOauth> for CredentialAuth {
    fn from(auth: McpOauth) -> Self {
        Self::McpOauth(Box::new(auth))
    }
}

object! {
    /// Authorises the use of an MCP server by a token that stays. It is made by
    /// [`CredentialAuth::bearer`].
    StaticBearer {
        /// The address of the MCP server, as the agent has it.
        mcp_server_url: String,
        /// The token. Only in what is sent.
        token?: Secret,
    }
}

object! {
    /// Authorises the use of an MCP server by OAuth. It is made by [`CredentialAuth::oauth`].
    McpOauth {
        /// The address of the MCP server, as the agent has it.
        mcp_server_url: String,
        /// The access token. Only in what is sent.
        access_token?: Secret,
        /// The time until which the access token is valid. `None` if it is not known.
        expires_at?: Timestamp,
        /// The settings for refreshing the access token. `None` if it isn't refreshed.
        refresh?: OauthRefresh,
    }
}

impl McpOauth {
    /// Says until when the access token is valid.
    pub fn expires_at(mut self, expires_at: impl Into<Timestamp>) -> Self {
        self.expires_at = Some(expires_at.into());
        self
    }

    /// Says how the access token is renewed.
    pub fn refresh(mut self, refresh: OauthRefresh) -> Self {
        self.refresh = Some(refresh);
        self
    }
}

object! {
    /// The settings for refreshing an OAuth access token.
    ///
    /// ```
    /// use qoder_types::{CredentialAuth, CredentialCreate, OauthRefresh, TokenEndpointAuth};
    ///
    /// let refresh = OauthRefresh::new("client-1", "invented", "https://login.example/token")
    ///     .token_endpoint_auth(TokenEndpointAuth::basic("invented"))
    ///     .scope("read");
    /// let auth = CredentialAuth::oauth("https://mcp.tracker.example/mcp", "invented")
    ///     .expires_at("2026-10-01T00:00:00Z")
    ///     .refresh(refresh);
    /// let credential = CredentialCreate::new(auth);
    /// assert!(!format!("{credential:?}").contains("invented"));
    /// ```
    OauthRefresh {
        /// The id that the client has at the authorisation server.
        client_id: String,
        /// The refresh token. Only in what is sent.
        refresh_token?: Secret,
        /// The address where the authorisation server gives out tokens.
        token_endpoint: String,
        /// The client's authentication at the token endpoint.
        token_endpoint_auth: TokenEndpointAuth,
        /// The scopes that are asked for, with spaces between them. `None` for those that the
        /// access token has.
        scope?: String,
        /// The resource that the token is asked for (RFC 8707). `None` if it is not named.
        resource?: String,
    }
}

impl OauthRefresh {
    /// Renews the access token by a refresh token, for a client that has no secret.
    pub fn new(
        client_id: impl Into<String>,
        refresh_token: impl Into<Secret>,
        token_endpoint: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            refresh_token: Some(refresh_token.into()),
            token_endpoint: token_endpoint.into(),
            token_endpoint_auth: TokenEndpointAuth::none(),
            ..Self::empty()
        }
    }

    /// Says how the client proves who it is.
    pub fn token_endpoint_auth(mut self, auth: TokenEndpointAuth) -> Self {
        self.token_endpoint_auth = auth;
        self
    }

    /// Names the scopes to ask for, with spaces between them.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Names the resource that the token is asked for (RFC 8707).
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}

object! {
    /// The authentication of an OAuth client at the token endpoint.
    TokenEndpointAuth {
        /// By what.
        kind: TokenEndpointAuthKind = "type",
        /// The client's secret. Only in what is sent; in a change, `None` keeps it.
        client_secret?: Secret,
    }
}

open_enum! {
    /// By what a client of OAuth proves who it is.
    TokenEndpointAuthKind {
        /// By nothing: it has no secret.
        None = "none",
        /// By its secret in the header of HTTP's basic authentication.
        Basic = "client_secret_basic",
        /// By its secret in the body of the request.
        Post = "client_secret_post",
    }
}

impl TokenEndpointAuth {
    /// The client has no secret.
    pub fn none() -> Self {
        Self {
            kind: TokenEndpointAuthKind::None,
            ..Self::empty()
        }
    }

    /// The client sends its secret in the header of HTTP's basic authentication.
    pub fn basic(client_secret: impl Into<Secret>) -> Self {
        Self {
            kind: TokenEndpointAuthKind::Basic,
            client_secret: Some(client_secret.into()),
            ..Self::empty()
        }
    }

    /// The client sends its secret in the body of the request.
    pub fn post(client_secret: impl Into<Secret>) -> Self {
        Self {
            kind: TokenEndpointAuthKind::Post,
            client_secret: Some(client_secret.into()),
            ..Self::empty()
        }
    }
}

object! {
    /// An environment variable that has a secret for its value. It is made by
    /// [`CredentialAuth::environment_variable`].
    EnvironmentVariableAuth {
        /// The name of the environment variable.
        secret_name: String,
        /// The secret. Only in what is sent.
        secret_value?: Secret,
        /// The hosts that the secret may be used with: all, or only those that are named. The other
        /// members of [`Networking`] are for environments.
        networking: Networking,
        /// The parts of a request that may carry the secret. The server chooses if left out.
        injection_location?: InjectionLocation,
    }
}

impl EnvironmentVariableAuth {
    /// Limits the hosts that the secret may be used with.
    pub fn networking(mut self, networking: Networking) -> Self {
        self.networking = networking;
        self
    }

    /// Says where in requests the secret may be.
    pub fn injection_location(mut self, location: InjectionLocation) -> Self {
        self.injection_location = Some(location);
        self
    }
}

body! {
    /// The parts of a request that may carry a secret.
    InjectionLocation {
        ;
        /// Whether in the headers. Left out, the server decides, and in a change it stays as it is.
        header as bool,
        /// Whether in the body. Left out, the server decides, and in a change it stays as it is.
        body as bool,
    }
}
