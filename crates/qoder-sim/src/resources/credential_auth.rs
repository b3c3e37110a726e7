//! The authentication of a credential: what may be sent of it, and what is kept, which is all but
//! the secrets.

use jiff::Timestamp;

use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::{items, text};

const LONGEST: usize = 4096;
const LONGEST_SECRET: usize = 64 << 10;

/// Reads what a new credential is sent with.
pub(crate) fn created(_: &Context<'_>, _: &str, sent: &Json) -> Result<Json, Refusal> {
    let kind = sent["type"].text();
    let mut auth = object! {"type": kind};
    match kind {
        "static_bearer" => {
            auth.set("mcp_server_url", url(sent, "mcp_server_url")?);
            secret(sent, "auth.token", "token")?;
        }
        "mcp_oauth" => {
            auth.set("mcp_server_url", url(sent, "mcp_server_url")?);
            secret(sent, "auth.access_token", "access_token")?;
            auth.set("expires_at", time(&sent["expires_at"])?);
            auth.set("refresh", refresh(&sent["refresh"])?);
        }
        "environment_variable" => {
            auth.set("secret_name", variable(&sent["secret_name"])?);
            secret(sent, "auth.secret_value", "secret_value")?;
            auth.set("networking", networking(&sent["networking"])?);
            let nowhere = object! {"header": false, "body": false};
            let location = location(&nowhere, &sent["injection_location"])?;
            auth.set("injection_location", location);
        }
        _ => {
            let why = "auth.type must be static_bearer, mcp_oauth or environment_variable.";
            return Err(Refusal::invalid("auth.type", why));
        }
    }
    Ok(auth)
}

/// Returns what was kept, changed by what is sent: secrets, and what may change beside them.
pub(crate) fn changed(before: &Json, sent: &Json) -> Result<Json, Refusal> {
    let kind = before["type"].text();
    if sent["type"] != kind {
        let why = format!("auth.type must be {kind}: it can't be changed.");
        return Err(Refusal::invalid("auth.type", why));
    }
    let may_change: &[&str] = match kind {
        "static_bearer" => &["token"],
        "mcp_oauth" => &["access_token", "expires_at", "refresh"],
        _ => &["secret_value", "networking", "injection_location"],
    };
    let mut auth = before.clone();
    for (name, value) in sent.members() {
        let param = format!("auth.{name}");
        match name.as_str() {
            "type" => {}
            name if !may_change.contains(&name) => {
                // What was read may be sent back.
                if before.get(name).is_some_and(|before| before != value) {
                    let why = format!("{param} can't be changed.");
                    return Err(Refusal::invalid(&param, why));
                }
            }
            "expires_at" => auth.set(name, time(value)?),
            // What is null stays as it is.
            _ if value.is_null() => {}
            "refresh" => auth.set(name, refreshed(&before["refresh"], value)?),
            "networking" => auth.set(name, networking(value)?),
            "injection_location" => auth.set(name, location(&before[name], value)?),
            name => secret(sent, &param, name)?,
        }
    }
    Ok(auth)
}

fn secret(sent: &Json, param: &str, name: &str) -> Result<(), Refusal> {
    required(param, &sent[name], LONGEST_SECRET)
}

fn required(param: &str, value: &Json, max: usize) -> Result<(), Refusal> {
    if value.is_null() {
        return Err(Refusal::missing(param));
    }
    text(param, value, 1, max)
}

fn url<'a>(sent: &'a Json, name: &str) -> Result<&'a Json, Refusal> {
    let param = format!("auth.{name}");
    let url = &sent[name];
    required(&param, url, LONGEST)?;
    let mut schemes = ["https://", "http://"].iter();
    if schemes.any(|scheme| url.text().len() > scheme.len() && url.text().starts_with(scheme)) {
        Ok(url)
    } else {
        let why = format!("{param} must be a URL.");
        Err(Refusal::invalid(&param, why))
    }
}

fn time(value: &Json) -> Result<&Json, Refusal> {
    if value.is_null() || value.text().parse::<Timestamp>().is_ok() {
        return Ok(value);
    }
    let why = "auth.expires_at must be an RFC 3339 time.";
    Err(Refusal::invalid("auth.expires_at", why))
}

fn variable(name: &Json) -> Result<&Json, Refusal> {
    required("auth.secret_name", name, 256)?;
    let starts = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let goes_on = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.text().starts_with(starts) && name.text().chars().all(goes_on) {
        return Ok(name);
    }
    let why = "auth.secret_name must be the name of an environment variable.";
    Err(Refusal::invalid("auth.secret_name", why))
}

/// Returns the settings for refreshing a token, without the secrets for it; null if it isn't
/// refreshed.
fn refresh(sent: &Json) -> Result<Json, Refusal> {
    if sent.is_null() {
        return Ok(Json::Null);
    }
    let param = |name: &str| format!("auth.refresh.{name}");
    required(&param("client_id"), &sent["client_id"], LONGEST)?;
    required(
        &param("refresh_token"),
        &sent["refresh_token"],
        LONGEST_SECRET,
    )?;
    required(&param("token_endpoint"), &sent["token_endpoint"], LONGEST)?;
    let auth = &sent["token_endpoint_auth"];
    if auth.is_null() {
        return Err(Refusal::missing(&param("token_endpoint_auth")));
    }
    let mut refresh = object! {
        "client_id": &sent["client_id"], "token_endpoint": &sent["token_endpoint"],
        "token_endpoint_auth": client_auth(auth, true)?,
    };
    for name in ["resource", "scope"] {
        if !sent[name].is_null() {
            text(&param(name), &sent[name], 0, LONGEST)?;
        }
        refresh.set(name, &sent[name]);
    }
    Ok(refresh)
}

fn refreshed(before: &Json, sent: &Json) -> Result<Json, Refusal> {
    if before.is_null() {
        return refresh(sent);
    }
    let mut refresh = before.clone();
    if !sent["refresh_token"].is_null() {
        text(
            "auth.refresh.refresh_token",
            &sent["refresh_token"],
            1,
            LONGEST_SECRET,
        )?;
    }
    if let Some(scope) = sent.get("scope") {
        if !scope.is_null() {
            text("auth.refresh.scope", scope, 0, LONGEST)?;
        }
        refresh.set("scope", scope);
    }
    let auth = &sent["token_endpoint_auth"];
    if !auth.is_null() {
        refresh.set("token_endpoint_auth", client_auth(auth, false)?);
    }
    Ok(refresh)
}

/// Returns the client's authentication where tokens are refreshed, without its secret, which must
/// be there if it is new.
fn client_auth(sent: &Json, new: bool) -> Result<Json, Refusal> {
    let kind = sent["type"].text();
    match kind {
        "none" => {}
        "client_secret_basic" | "client_secret_post" => {
            if new || !sent["client_secret"].is_null() {
                let param = "auth.refresh.token_endpoint_auth.client_secret";
                secret(sent, param, "client_secret")?;
            }
        }
        _ => {
            let param = "auth.refresh.token_endpoint_auth.type";
            let why = format!("{param} must be none, client_secret_basic or client_secret_post.");
            return Err(Refusal::invalid(param, why));
        }
    }
    Ok(object! {"type": kind})
}

/// The hosts that the secret may go to: any, unless it is said otherwise.
fn networking(sent: &Json) -> Result<Json, Refusal> {
    let param = "auth.networking.allowed_hosts";
    match sent["type"].text() {
        _ if sent.is_null() => Ok(object! {"type": "unrestricted"}),
        "unrestricted" => Ok(object! {"type": "unrestricted"}),
        "limited" => {
            let hosts = items(param, &sent["allowed_hosts"], 1000)?;
            if hosts.is_empty() {
                let why = "allowed_hosts must not be empty.";
                return Err(Refusal::invalid(param, why));
            }
            for host in hosts {
                text(param, host, 1, 256)?;
            }
            Ok(object! {"type": "limited", "allowed_hosts": hosts.to_vec()})
        }
        _ => {
            let why = "auth.networking.type must be unrestricted or limited.";
            Err(Refusal::invalid("auth.networking.type", why))
        }
    }
}

/// Returns the parts of a request that the secret may go into: headers, unless it is said
/// otherwise.
fn location(before: &Json, sent: &Json) -> Result<Json, Refusal> {
    if sent.is_null() {
        return Ok(object! {"header": true, "body": false});
    }
    let mut location = before.clone();
    for name in ["header", "body"] {
        match &sent[name] {
            Json::Null => {}
            place @ Json::Bool(_) => location.set(name, place),
            _ => {
                let param = format!("auth.injection_location.{name}");
                let why = format!("{param} must be a boolean.");
                return Err(Refusal::invalid(&param, why));
            }
        }
    }
    if !sent.is_object() || location == object! {"header": false, "body": false} {
        let why = "auth.injection_location must name header or body.";
        return Err(Refusal::invalid("auth.injection_location", why));
    }
    Ok(location)
}
