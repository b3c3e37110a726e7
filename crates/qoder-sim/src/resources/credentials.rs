//! Credentials of vaults. Their secrets are checked and thrown away: nothing here needs them, and
//! no answer can have them.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::later;
use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::credential_auth::{changed, created};
use crate::resources::field::Field;
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::resources::vaults;
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&CREDENTIALS],
    operations: &[
        Operation::post(CREDENTIALS.path, update),
        Operation::post(
            "/vaults/{vault_id}/credentials/{credential_id}/mcp_oauth_validate",
            validate,
        ),
    ],
    ..Resource::NONE
};

const CREDENTIALS: Kind = Kind {
    path: "/vaults/{vault_id}/credentials/{credential_id}",
    name: "vault_credential",
    prefix: "vcred",
    verbs: &[
        Verb::Create,
        Verb::List,
        Verb::Retrieve,
        Verb::Archive,
        Verb::Delete,
    ],
    fields: &[
        Field::read("auth", created).required(),
        Field::text("display_name", 255).or(|| Json::Null),
        Field::metadata(),
    ],
    filters: &[Filter::Archived, Filter::Equal("name", "display_name")],
    check: |_, account, credential| check(account, credential),
    ..Kind::PLAIN
};

/// The lifetime of a refreshed token.
const REFRESHED: Duration = Duration::from_secs(3600);

/// The vault takes changes, and no other live credential in it is for the same.
fn check(account: &mut Account, credential: &Json) -> Result<(), Refusal> {
    let vault = credential["vault_id"].text();
    if !vaults::find(account, vault)?["archived_at"].is_null() {
        return Err(Refusal::conflict("vault is archived"));
    }
    let of = |credential: &Json| {
        let auth = &credential["auth"];
        [auth["mcp_server_url"].clone(), auth["secret_name"].clone()]
    };
    let mut others = account.documents(CREDENTIALS.path).iter();
    let is_taken = others.any(|other| {
        let other = &other.object;
        let is_other = other["id"] != credential["id"] && other["vault_id"] == vault;
        is_other && other["archived_at"].is_null() && of(other) == of(credential)
    });
    if is_taken {
        let why = "the vault has a credential for the same server or variable already";
        return Err(Refusal::conflict(why));
    }
    Ok(())
}

/// The credential that the path names, if it takes changes.
fn live<'a>(cx: &Context<'_>, account: &'a mut Account) -> Result<&'a mut Json, Refusal> {
    let credential = &mut CREDENTIALS.find(cx, account)?.object;
    if credential["archived_at"].is_null() {
        Ok(credential)
    } else {
        Err(Refusal::conflict("vault credential is archived"))
    }
}

fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let mut credential = live(cx, account)?.clone();
    let (auth, metadata) = (cx.body.get("auth"), cx.body.get("metadata"));
    if auth.is_none() && metadata.is_none() {
        let why = "At least one of 'auth' and 'metadata' is required.";
        return Err(Refusal::invalid("", why));
    }
    let name = cx.body.get("display_name");
    if name.is_some_and(|name| *name != credential["display_name"]) {
        let why = "display_name can't be changed.";
        return Err(Refusal::invalid("display_name", why));
    }
    if let Some(auth) = auth {
        let auth = changed(&credential["auth"], auth)?;
        credential.set("auth", auth);
    }
    if metadata.is_some_and(Json::is_null) {
        credential.set("metadata", Json::empty_object());
    }
    Field::metadata().change(cx, &mut credential)?;
    CREDENTIALS.touch(cx, &mut credential);
    check(account, &credential)?;
    *live(cx, account)? = credential.clone();
    Ok(credential.into())
}

/// Says whether a server would take the tokens: no server is asked, so the time decides.
fn validate(cx: &Context<'_>, account: &mut Account) -> Answer {
    let now = account.clock.now();
    let credential = live(cx, account)?;
    if credential["auth"]["type"] != "mcp_oauth" {
        let why = "Only a credential of the type mcp_oauth can be validated.";
        return Err(Refusal::invalid("auth.type", why));
    }
    let ends = credential.at("auth.expires_at").text().parse();
    let is_over = ends.is_ok_and(|ends: Timestamp| ends <= now);
    let can_refresh = !credential.at("auth.refresh").is_null();
    let refresh = if can_refresh {
        if is_over {
            if let Some(auth) = credential.get_mut("auth") {
                auth.set("expires_at", later(now, REFRESHED).to_string());
            }
        }
        object! {"status": "succeeded", "http_response": response(200, "{}")}
    } else {
        object! {"status": "no_refresh_token", "http_response": Json::Null}
    };
    let (status, probed) = if is_over && !can_refresh {
        ("invalid", response(401, r#"{"error":"invalid_token"}"#))
    } else {
        ("valid", response(200, "{}"))
    };
    Ok(object! {
        "credential_id": &credential["id"], "vault_id": &credential["vault_id"],
        "type": "vault_credential_validation", "status": status, "validated_at": cx.now(),
        "has_refresh_token": can_refresh, "refresh": refresh,
        "mcp_probe": object! {"method": "initialize", "http_response": probed},
    }
    .into())
}

fn response(status: u32, body: &str) -> Json {
    object! {
        "status_code": status, "content_type": "application/json", "body": body,
        "body_truncated": false,
    }
}
