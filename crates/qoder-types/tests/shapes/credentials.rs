//! Credentials: what is sent has the secret in it, what is shown never has, and what the server
//! says of it is read.

use qoder_types::{
    Credential, CredentialAuth, CredentialAuthUpdate, CredentialCreate, CredentialUpdate,
    CredentialValidation, CredentialValidationStatus, InjectionLocation, McpOauthUpdate,
    Networking, OauthRefresh, OauthRefreshUpdate, Patch, RefreshStatus, Retry, Timestamp,
    TokenEndpointAuth, TokenEndpointAuthKind, Vault, ops,
};
use serde_json::{Value, json};

const MCP: &str = "https://mcp.tracker.example/mcp";

#[test]
fn all_three_kinds_are_made() {
    let refresh = OauthRefresh::new("client-1", "hidden", "https://login.example/token");
    for (auth, sent) in [
        (
            CredentialAuth::from(CredentialAuth::bearer(MCP, "hidden")),
            json!({"type": "static_bearer", "mcp_server_url": MCP, "token": "hidden"}),
        ),
        (
            CredentialAuth::oauth(MCP, "hidden").into(),
            json!({"type": "mcp_oauth", "mcp_server_url": MCP, "access_token": "hidden"}),
        ),
        (
            CredentialAuth::oauth(MCP, "hidden")
                .expires_at("2026-10-01T00:00:00Z")
                .refresh(refresh.clone())
                .into(),
            json!({
                "type": "mcp_oauth", "mcp_server_url": MCP, "access_token": "hidden",
                "expires_at": "2026-10-01T00:00:00Z",
                "refresh": {
                    "client_id": "client-1", "refresh_token": "hidden",
                    "token_endpoint": "https://login.example/token",
                    "token_endpoint_auth": {"type": "none"},
                },
            }),
        ),
        (
            CredentialAuth::oauth(MCP, "hidden")
                .refresh(
                    refresh
                        .token_endpoint_auth(TokenEndpointAuth::post("hidden"))
                        .scope("read write")
                        .resource(MCP),
                )
                .into(),
            json!({
                "type": "mcp_oauth", "mcp_server_url": MCP, "access_token": "hidden",
                "refresh": {
                    "client_id": "client-1", "refresh_token": "hidden",
                    "token_endpoint": "https://login.example/token",
                    "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "hidden"},
                    "scope": "read write", "resource": MCP,
                },
            }),
        ),
        (
            CredentialAuth::environment_variable("API_KEY", "hidden").into(),
            json!({
                "type": "environment_variable", "secret_name": "API_KEY", "secret_value": "hidden",
                "networking": {"type": "unrestricted"},
            }),
        ),
        (
            CredentialAuth::environment_variable("API_KEY", "hidden")
                .networking(Networking::limited(["api.example.com"]))
                .injection_location(InjectionLocation::new().header(true).body(false))
                .into(),
            json!({
                "type": "environment_variable", "secret_name": "API_KEY", "secret_value": "hidden",
                "networking": {"type": "limited", "allowed_hosts": ["api.example.com"]},
                "injection_location": {"header": true, "body": false},
            }),
        ),
    ] {
        let create = CredentialCreate::new(auth);
        assert_eq!(json!(create), json!({"auth": sent}));
        assert!(!format!("{create:?}").contains("hidden"), "{create:?}");
    }
}

#[test]
fn a_change_says_what_changes() {
    for (update, sent) in [
        (CredentialUpdate::new(), json!({})),
        (
            CredentialUpdate::new().auth(CredentialAuthUpdate::bearer("hidden")),
            json!({"auth": {"type": "static_bearer", "token": "hidden"}}),
        ),
        (
            CredentialUpdate::new().auth(
                CredentialAuthUpdate::oauth("hidden")
                    .expires_at(Patch::Clear)
                    .refresh(
                        OauthRefreshUpdate::new()
                            .refresh_token("hidden")
                            .token_endpoint_auth(TokenEndpointAuth::basic("hidden")),
                    ),
            ),
            json!({"auth": {
                "type": "mcp_oauth", "access_token": "hidden", "expires_at": null,
                "refresh": {
                    "refresh_token": "hidden",
                    "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "hidden"},
                },
            }}),
        ),
        (
            CredentialUpdate::new()
                .auth(McpOauthUpdate::new().expires_at(Timestamp::from("2026-10-01T00:00:00Z"))),
            json!({"auth": {"type": "mcp_oauth", "expires_at": "2026-10-01T00:00:00Z"}}),
        ),
        (
            CredentialUpdate::new().auth(
                CredentialAuthUpdate::environment_variable("hidden")
                    .networking(Networking::unrestricted()),
            ),
            json!({"auth": {
                "type": "environment_variable", "secret_value": "hidden",
                "networking": {"type": "unrestricted"},
            }}),
        ),
        (
            CredentialUpdate::new()
                .metadata("team", "build")
                .metadata("old", Patch::Clear),
            json!({"metadata": {"team": "build", "old": null}}),
        ),
        (
            CredentialUpdate::new().metadata("a", "b").clear_metadata(),
            json!({"metadata": null}),
        ),
        (
            CredentialUpdate::new().clear_metadata().metadata("a", "b"),
            json!({"metadata": {"a": "b"}}),
        ),
    ] {
        assert_eq!(json!(update), sent);
        assert!(!format!("{update:?}").contains("hidden"), "{update:?}");
        let request = ops::vaults::credentials::update(&"v".into(), &"c".into(), &update);
        assert_eq!(request.op().retry, Retry::Never);
    }
}

fn read<T: serde::Serialize + serde::de::DeserializeOwned>(json: &Value) -> T {
    let read: T = serde_json::from_value(json.clone()).expect("it can be read");
    assert_eq!(&json!(read), json);
    read
}

#[test]
fn what_the_server_says_is_read() {
    let vault: Vault = read(&json!({
        "id": "vault_1", "type": "vault", "display_name": "trackers", "metadata": {}, "credentials": [],
        "archived_at": null, "created_at": "2026-09-01T00:00:00Z", "updated_at": "2026-09-01T00:00:00Z",
    }));
    assert_eq!(vault.credentials, Some(Vec::new()));

    let credential: Credential = read(&json!({
        "id": "vcred_1", "type": "vault_credential", "vault_id": "vault_1",
        "auth": {
            "type": "mcp_oauth", "mcp_server_url": MCP, "expires_at": null,
            "refresh": {
                "client_id": "client-1", "token_endpoint": "https://login.example/token",
                "token_endpoint_auth": {"type": "client_secret_post"}, "scope": null, "resource": null,
            },
        },
        "display_name": null, "metadata": {}, "archived_at": null,
        "created_at": "2026-09-01T00:00:00Z", "updated_at": "2026-09-01T00:00:00Z",
    }));
    let CredentialAuth::McpOauth(auth) = &credential.auth else {
        panic!("{:?}", credential.auth)
    };
    let refresh = auth.refresh.as_ref().expect("a refresh");
    assert_eq!(
        refresh.token_endpoint_auth.kind,
        TokenEndpointAuthKind::Post
    );
    assert_eq!((&auth.access_token, &refresh.refresh_token), (&None, &None));

    let tomorrow: CredentialAuth = read(&json!({"type": "mtls", "private_key": "hidden"}));
    assert_eq!(tomorrow.type_name(), "mtls");
    assert!(!format!("{tomorrow:?}").contains("hidden"), "{tomorrow:?}");

    let validation: CredentialValidation = read(&json!({
        "type": "vault_credential_validation", "credential_id": "vcred_1", "vault_id": "vault_1",
        "status": "invalid", "validated_at": "2026-09-01T00:00:00Z", "has_refresh_token": false,
        "refresh": {"status": "no_refresh_token", "http_response": null},
        "mcp_probe": {"method": "initialize", "http_response": {
            "status_code": 401, "content_type": "application/json",
            "body": "hidden", "body_truncated": false,
        }},
    }));
    assert_eq!(validation.status, CredentialValidationStatus::Invalid);
    assert_eq!(validation.refresh.status, RefreshStatus::NoRefreshToken);
    let answer = validation.mcp_probe.http_response.as_ref();
    assert_eq!(answer.expect("an answer").status_code, 401);
    assert!(
        !format!("{validation:?}").contains("hidden"),
        "{validation:?}"
    );
}
