//! A session's snapshot of its agent: as it was when the session was made, with what the session
//! overrides.

use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::agents;
use crate::resources::context::Context;
use crate::resources::field::text;
use crate::settings::Dialect;
use crate::state::account::Account;

/// The default size of a context window, in tokens.
const WINDOW: u64 = 200_000;

/// The snapshot of the agent that a new session names, and the agent's metadata.
pub(crate) fn take(
    cx: &Context<'_>,
    account: &mut Account,
    named: &Json,
) -> Result<(Json, Json), Refusal> {
    let (id, version) = match named {
        Json::Text(_) => (named, None),
        Json::Object(_) => match (named["type"].text(), cx.dialect()) {
            ("agent" | "agent_with_overrides", _) | (_, Dialect::Seed) => {
                (&named["id"], version(&named["version"])?)
            }
            _ => return Err(Refusal::invalid("agent.type", "agent.type must be agent.")),
        },
        _ => {
            return Err(Refusal::invalid(
                "agent",
                "agent must be an id or an object.",
            ));
        }
    };
    text("agent", id, 1, 256)?;
    if !agents::at_version(account, id.text(), None)?["archived_at"].is_null() {
        return Err(Refusal::invalid("agent", "The agent is archived."));
    }
    let mut agent = agents::at_version(account, id.text(), version)?;
    let metadata = agent.remove("metadata");
    let mut snapshot = Json::empty_object();
    for member in [
        "id",
        "type",
        "name",
        "description",
        "system",
        "tools",
        "skills",
        "mcp_servers",
        "version",
        "model",
        "multiagent",
    ] {
        snapshot.set(member, agent.remove(member));
    }
    if snapshot["multiagent"].is_null() {
        snapshot.remove("multiagent");
    }
    let overrides = named["type"] == "agent_with_overrides";
    change(
        cx,
        &mut snapshot,
        if overrides { named } else { &Json::Null },
    )?;
    Ok((snapshot, metadata))
}

/// Replaces parts of a snapshot.
pub(crate) fn change(cx: &Context<'_>, snapshot: &mut Json, parts: &Json) -> Result<(), Refusal> {
    agents::override_parts(&cx.with_body(parts), snapshot)?;
    let model = match &snapshot["model"] {
        Json::Text(id) => object! {"id": id, "effective_context_window": WINDOW},
        model => {
            let mut model = model.clone();
            let window = model.remove("context_window").as_u64();
            if window.is_some() || model["effective_context_window"].is_null() {
                model.set("effective_context_window", window.unwrap_or(WINDOW));
            }
            model
        }
    };
    snapshot.set("model", model);
    Ok(())
}

fn version(value: &Json) -> Result<Option<u64>, Refusal> {
    let wrong = || Refusal::invalid("agent.version", "agent.version must be a whole number.");
    match value {
        Json::Null => Ok(None),
        value => value.as_u64().ok_or_else(wrong).map(Some),
    }
}
