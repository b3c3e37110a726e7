//! Vaults and credentials.

use std::time::Duration;

use crate::common::{Api, quick, text};
use serde_json::{Value, json};

const SECRET: &str = "hush-hush";

async fn vault(api: &Api<'_>, name: &str) -> String {
    let vault = api.post("/vaults", json!({"display_name": name})).await;
    assert_eq!(vault.status, 200, "{vault:?}");
    format!("/vaults/{}", text(&vault.json()["id"]))
}

async fn credential(api: &Api<'_>, vault: &str, auth: Value) -> String {
    let path = format!("{vault}/credentials");
    let credential = api.post(&path, json!({"auth": auth})).await;
    assert_eq!(credential.status, 200, "{credential:?}");
    format!("{path}/{}", text(&credential.json()["id"]))
}

fn bearer(url: &str) -> Value {
    json!({"type": "static_bearer", "mcp_server_url": url, "token": SECRET})
}

fn oauth() -> Value {
    json!({
        "type": "mcp_oauth", "mcp_server_url": "https://mcp.example/oauth", "access_token": SECRET,
        "refresh": {
            "client_id": "me", "refresh_token": SECRET, "token_endpoint": "https://id.example/t",
            "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": SECRET},
        },
    })
}

fn variable(name: &str) -> Value {
    json!({"type": "environment_variable", "secret_name": name, "secret_value": SECRET})
}

fn names(list: &Value) -> Vec<String> {
    let items = list["data"].as_array().expect("a list").iter();
    items.map(|item| text(&item["display_name"])).collect()
}

#[tokio::test]
async fn vaults_come_and_go() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let body = json!({"display_name": "team", "metadata": {"a": "b"}});
    let created = api.post("/vaults", body).await.json();
    assert_eq!(created["credentials"], json!([]));
    assert!(text(&created["id"]).starts_with("vault_"));
    let path = format!("/vaults/{}", text(&created["id"]));
    let answer = api.get(&path).await;
    let members = [
        "id",
        "type",
        "display_name",
        "metadata",
        "archived_at",
        "created_at",
        "updated_at",
    ];
    assert_eq!(answer.members(), members);
    assert_eq!(
        (&answer.json()["type"], &answer.json()["metadata"]),
        (&json!("vault"), &json!({"a": "b"}))
    );
    vault(&api, "other").await;
    vault(&api, "third").await;
    let all = api.get("/vaults").await.json();
    assert_eq!(names(&all), ["third", "other", "team"]);
    let before = api
        .get(&format!(
            "/vaults?before_id={}&limit=1",
            text(&created["id"])
        ))
        .await;
    assert_eq!(names(&before.json()), ["other"]);
    let named = api.get("/vaults?name=team").await.json();
    assert_eq!(names(&named), ["team"]);

    let held = credential(&api, &path, variable("KEY")).await;
    let archived = api.post(&format!("{path}/archive"), json!({})).await.json();
    assert!(archived["archived_at"].is_string());
    let again = api.post(&format!("{path}/archive"), json!({})).await.json();
    assert_eq!(again["archived_at"], archived["archived_at"]);
    assert_eq!(names(&api.get("/vaults").await.json()), ["third", "other"]);
    let whole = api.get("/vaults?include_archived=true").await.json();
    assert_eq!(names(&whole).len(), 3);
    // What is in it can be read, and nothing more comes into it or changes.
    assert_eq!(api.get(&held).await.status, 200);
    let more = json!({"auth": variable("MORE")});
    let refused = api.post(&format!("{path}/credentials"), more).await;
    let change = api.post(&held, json!({"metadata": {"k": "v"}})).await;
    assert_eq!((refused.status, change.status), (409, 409));

    let gone = api.delete(&path).await.json();
    assert_eq!(gone, json!({"id": created["id"], "type": "vault_deleted"}));
    for path in [&path, &held, &format!("{path}/credentials")] {
        assert_eq!(api.get(path).await.status, 404, "{path}");
    }
    assert_eq!(api.delete(&path).await.status, 404);
    assert_eq!(sim.unexpected(), [""; 0]);
}

#[tokio::test]
async fn vaults_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    for (body, param) in [
        (json!({}), "display_name"),
        (json!({"display_name": null}), "display_name"),
        (json!({"display_name": ""}), "display_name"),
        (json!({"display_name": 7}), "display_name"),
        (json!({"display_name": "n".repeat(256)}), "display_name"),
        (
            json!({"display_name": "n", "metadata": {"k": 1}}),
            "metadata",
        ),
    ] {
        let answer = api.post("/vaults", body.clone()).await;
        let (status, error) = (answer.status, answer.json()["error"].clone());
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{body}");
    }
    let longest = json!({"display_name": "ä".repeat(255)});
    assert_eq!(api.post("/vaults", longest).await.status, 200);
    assert_eq!(api.get("/vaults?limit=101").await.status, 400);
    assert_eq!(
        api.post("/vaults/none/archive", json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn credentials_of_each_kind_keep_their_secrets() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let vault = vault(&api, "team").await;
    let body = json!({"auth": bearer("https://mcp.example/a"), "metadata": {"k": "v"}});
    let answer = api.post(&format!("{vault}/credentials"), body).await;
    let members = [
        "id",
        "type",
        "vault_id",
        "auth",
        "display_name",
        "metadata",
        "archived_at",
        "created_at",
        "updated_at",
    ];
    assert_eq!(answer.members(), members);
    let first = answer.json();
    assert!(text(&first["id"]).starts_with("vcred_"));
    assert_eq!(
        (&first["type"], &first["display_name"], &first["auth"]),
        (
            &json!("vault_credential"),
            &Value::Null,
            &json!({"type": "static_bearer", "mcp_server_url": "https://mcp.example/a"})
        )
    );
    let shown = |path: String| {
        let api = &api;
        async move {
            let answer = api.get(&path).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!text.contains(SECRET), "{text}");
            answer.json()["auth"].clone()
        }
    };
    let path = credential(&api, &vault, oauth()).await;
    let refresh = json!({
        "client_id": "me", "token_endpoint": "https://id.example/t",
        "token_endpoint_auth": {"type": "client_secret_basic"}, "resource": null, "scope": null,
    });
    assert_eq!(
        shown(path).await,
        json!({
            "type": "mcp_oauth", "mcp_server_url": "https://mcp.example/oauth",
            "expires_at": null, "refresh": refresh,
        })
    );
    let path = credential(&api, &vault, variable("A_KEY")).await;
    assert_eq!(
        shown(path).await,
        json!({
            "type": "environment_variable", "secret_name": "A_KEY",
            "networking": {"type": "unrestricted"},
            "injection_location": {"header": true, "body": false},
        })
    );
    let mut limited = variable("B_KEY");
    limited["networking"] = json!({"type": "limited", "allowed_hosts": ["api.example"]});
    limited["injection_location"] = json!({"body": true});
    let path = credential(&api, &vault, limited.clone()).await;
    let auth = shown(path).await;
    assert_eq!(auth["networking"], limited["networking"]);
    assert_eq!(
        auth["injection_location"],
        json!({"header": false, "body": true})
    );

    let named = json!({"auth": variable("C_KEY"), "display_name": "see"});
    api.post(&format!("{vault}/credentials"), named).await;
    let found = api.get(&format!("{vault}/credentials?name=see")).await;
    assert_eq!(names(&found.json()), ["see"]);
    let list = api.get(&format!("{vault}/credentials")).await;
    assert!(!String::from_utf8_lossy(&list.body).contains(SECRET));
    assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(5));
    let elsewhere = self::vault(&api, "other").await;
    let path = format!("{elsewhere}/credentials/{}", text(&first["id"]));
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn credentials_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let vault = vault(&api, "team").await;
    let path = format!("{vault}/credentials");
    let with = |mut auth: Value, pointer: &str, value: Value| {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        auth.pointer_mut(parent).expect("a parent")[name] = value;
        auth
    };
    let url = "https://mcp.example/a";
    for (auth, param) in [
        (Value::Null, "auth"),
        (json!({}), "auth.type"),
        (json!("token"), "auth.type"),
        (json!({"type": "password"}), "auth.type"),
        (with(bearer(url), "/token", Value::Null), "auth.token"),
        (with(bearer(url), "/token", json!("")), "auth.token"),
        (with(bearer(url), "/token", json!(7)), "auth.token"),
        (bearer("mcp.example"), "auth.mcp_server_url"),
        (bearer("https://"), "auth.mcp_server_url"),
        (
            with(oauth(), "/access_token", Value::Null),
            "auth.access_token",
        ),
        (
            with(oauth(), "/expires_at", json!("soon")),
            "auth.expires_at",
        ),
        (
            with(oauth(), "/refresh/client_id", Value::Null),
            "auth.refresh.client_id",
        ),
        (
            with(oauth(), "/refresh/refresh_token", Value::Null),
            "auth.refresh.refresh_token",
        ),
        (
            with(oauth(), "/refresh/token_endpoint", Value::Null),
            "auth.refresh.token_endpoint",
        ),
        (
            with(oauth(), "/refresh/token_endpoint_auth", Value::Null),
            "auth.refresh.token_endpoint_auth",
        ),
        (
            with(oauth(), "/refresh/token_endpoint_auth/type", json!("x")),
            "auth.refresh.token_endpoint_auth.type",
        ),
        (
            with(
                oauth(),
                "/refresh/token_endpoint_auth/client_secret",
                Value::Null,
            ),
            "auth.refresh.token_endpoint_auth.client_secret",
        ),
        (
            with(oauth(), "/refresh/scope", json!(7)),
            "auth.refresh.scope",
        ),
        (variable("9KEY"), "auth.secret_name"),
        (variable("A-KEY"), "auth.secret_name"),
        (
            with(variable("KEY"), "/secret_value", Value::Null),
            "auth.secret_value",
        ),
        (
            with(variable("KEY"), "/networking", json!({"type": "none"})),
            "auth.networking.type",
        ),
        (
            with(variable("KEY"), "/networking", json!({"type": "limited"})),
            "auth.networking.allowed_hosts",
        ),
        (
            with(
                variable("KEY"),
                "/networking",
                json!({"type": "limited", "allowed_hosts": []}),
            ),
            "auth.networking.allowed_hosts",
        ),
        (
            with(variable("KEY"), "/injection_location", json!({"body": 1})),
            "auth.injection_location.body",
        ),
        (
            with(variable("KEY"), "/injection_location", json!({})),
            "auth.injection_location",
        ),
    ] {
        let answer = api.post(&path, json!({"auth": &auth})).await;
        let (status, error) = (answer.status, answer.json()["error"].clone());
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{auth}");
        assert!(!error.to_string().contains(SECRET));
    }
    let long = json!({"auth": variable("KEY"), "display_name": "n".repeat(256)});
    assert_eq!(api.post(&path, long).await.status, 400);
    let nowhere = json!({"auth": variable("KEY")});
    let nowhere = api.post("/vaults/none/credentials", nowhere).await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn credentials_are_rotated_and_archived() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let vault = vault(&api, "team").await;
    let url = "https://mcp.example/a";
    let path = credential(&api, &vault, bearer(url)).await;
    let change = json!({
        "auth": {"type": "static_bearer", "token": "other"}, "metadata": {"a": "b", "c": "d"},
    });
    let changed = api.post(&path, change).await.json();
    assert_eq!(changed["auth"]["mcp_server_url"], url);
    let change = json!({"metadata": {"a": null}});
    let changed = api.post(&path, change).await.json();
    assert_eq!(changed["metadata"], json!({"c": "d"}));
    let cleared = api.post(&path, json!({"metadata": null})).await.json();
    assert_eq!(cleared["metadata"], json!({}));
    for (body, param) in [
        (json!({}), Value::Null),
        (json!({"auth": {"token": "t"}}), json!("auth.type")),
        (json!({"auth": variable("KEY")}), json!("auth.type")),
        (
            json!({"auth": {"type": "static_bearer", "token": ""}}),
            json!("auth.token"),
        ),
        (
            json!({"auth": bearer("https://mcp.example/b")}),
            json!("auth.mcp_server_url"),
        ),
        (
            json!({"metadata": {}, "display_name": "new"}),
            json!("display_name"),
        ),
        (json!({"metadata": {"k": 1}}), json!("metadata")),
    ] {
        let answer = api.post(&path, body.clone()).await;
        let param_of = &answer.json()["error"]["param"];
        assert_eq!((answer.status, param_of), (400, &param), "{body}");
    }

    let token = credential(&api, &vault, oauth()).await;
    let auth = json!({
        "type": "mcp_oauth", "access_token": "new", "expires_at": "2030-01-01T00:00:00Z",
        "refresh": {"scope": "all", "token_endpoint_auth": {"type": "client_secret_post"}},
    });
    let auth = api.post(&token, json!({"auth": auth})).await.json()["auth"].clone();
    assert_eq!(auth["expires_at"], "2030-01-01T00:00:00Z");
    assert_eq!(
        (
            &auth["refresh"]["client_id"],
            &auth["refresh"]["scope"],
            &auth["refresh"]["token_endpoint_auth"]
        ),
        (
            &json!("me"),
            &json!("all"),
            &json!({"type": "client_secret_post"})
        )
    );
    let auth = json!({"type": "mcp_oauth", "expires_at": null});
    let changed = api.post(&token, json!({"auth": auth})).await.json();
    assert_eq!(changed["auth"]["expires_at"], Value::Null);
    let key = credential(&api, &vault, variable("KEY")).await;
    let auth = json!({
        "type": "environment_variable", "secret_value": "new",
        "networking": {"type": "limited", "allowed_hosts": ["h"]},
        "injection_location": {"body": true},
    });
    let auth = api.post(&key, json!({"auth": auth})).await.json()["auth"].clone();
    assert_eq!(
        (&auth["networking"]["type"], &auth["injection_location"]),
        (&json!("limited"), &json!({"header": true, "body": true}))
    );

    // One for each server and each variable; an archived one is in nobody's way.
    let credentials = format!("{vault}/credentials");
    let same = json!({"auth": bearer(url)});
    let conflict = api.post(&credentials, same.clone()).await;
    assert_eq!(
        (conflict.status, &conflict.json()["error"]["type"]),
        (409, &json!("conflict_error"))
    );
    let same_key = json!({"auth": variable("KEY")});
    assert_eq!(api.post(&credentials, same_key).await.status, 409);
    let archived = api.post(&format!("{path}/archive"), json!({})).await.json();
    assert!(archived["archived_at"].is_string());
    assert_eq!(api.post(&credentials, same).await.status, 200);
    let late = json!({"auth": {"type": "static_bearer", "token": "t"}});
    assert_eq!(api.post(&path, late).await.status, 409);
    let count = |query: &'static str| {
        let path = format!("{credentials}{query}");
        let api = &api;
        async move { api.get(&path).await.json()["data"].as_array().map(Vec::len) }
    };
    assert_eq!(count("").await, Some(3));
    assert_eq!(count("?include_archived=true").await, Some(4));
    let gone = api.delete(&path).await.json();
    assert_eq!(
        gone,
        json!({"id": archived["id"], "type": "vault_credential_deleted"})
    );
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn oauth_credentials_are_validated() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let vault = vault(&api, "team").await;
    let soon = "2000-01-01T00:00:00Z";
    let mut lasting = oauth();
    lasting["expires_at"] = json!(soon);
    let lasting = credential(&api, &vault, lasting).await;
    let mut over = oauth();
    over["mcp_server_url"] = json!("https://mcp.example/over");
    over["refresh"] = Value::Null;
    let over = credential(&api, &vault, over).await;

    let validate = |path: &str| format!("{path}/mcp_oauth_validate");
    let answer = api.post(&validate(&lasting), json!({})).await;
    let members = [
        "credential_id",
        "vault_id",
        "type",
        "status",
        "validated_at",
        "has_refresh_token",
        "refresh",
        "mcp_probe",
    ];
    assert_eq!(answer.members(), members);
    let valid = answer.json();
    assert_eq!(
        (
            &valid["type"],
            &valid["status"],
            &valid["has_refresh_token"],
            &valid["refresh"]["status"],
            &valid["mcp_probe"]["http_response"]["status_code"]
        ),
        (
            &json!("vault_credential_validation"),
            &json!("valid"),
            &json!(true),
            &json!("succeeded"),
            &json!(200)
        )
    );
    // It was over, and has been refreshed.
    let refreshed = api.get(&lasting).await.json();
    assert_ne!(refreshed["auth"]["expires_at"], soon);

    let valid = api.post(&validate(&over), json!({})).await.json();
    assert_eq!(
        (&valid["status"], &valid["refresh"]["status"]),
        (&json!("valid"), &json!("no_refresh_token"))
    );
    let auth = json!({"type": "mcp_oauth", "expires_at": "2100-01-01T00:00:00Z"});
    api.post(&over, json!({"auth": auth})).await;
    let century = Duration::from_secs(100 * 366 * 86_400);
    sim.advance(century);
    let invalid = api.post(&validate(&over), json!({})).await.json();
    assert_eq!(
        (
            &invalid["status"],
            &invalid["mcp_probe"]["http_response"]["status_code"]
        ),
        (&json!("invalid"), &json!(401))
    );

    let key = credential(&api, &vault, variable("KEY")).await;
    assert_eq!(api.post(&validate(&key), json!({})).await.status, 400);
    let none = format!("{vault}/credentials/none");
    assert_eq!(api.post(&validate(&none), json!({})).await.status, 404);
    api.post(&format!("{over}/archive"), json!({})).await;
    assert_eq!(api.post(&validate(&over), json!({})).await.status, 409);
}
