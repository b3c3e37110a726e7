//! Agents, whose updates make versions.

use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::{Field, items, text};
use crate::resources::kind::{Kind, Verb};
use crate::resources::plain::numbered;
use crate::resources::resource::Resource;
use crate::resources::tools;
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&AGENTS],
    ..Resource::NONE
};

const AGENTS: Kind = Kind {
    path: "/agents/{agent_id}",
    name: "agent",
    prefix: "agent",
    verbs: &[
        Verb::Create,
        Verb::List,
        Verb::Retrieve,
        Verb::Update,
        Verb::Archive,
        Verb::Delete,
        Verb::Versions,
    ],
    fields: &[
        Field::text("name", 256).required(),
        Field::text("description", 2048),
        MODEL.required(),
        SYSTEM,
        TOOLS,
        MCP_SERVERS,
        SKILLS,
        Field::metadata(),
        Field::read("multiagent", multiagent),
        Field::server("version", || 1.into()),
    ],
    check,
    ..Kind::PLAIN
};

/// The fields that a session may override in its snapshot of an agent.
const MODEL: Field = Field::read("model", model);
const SYSTEM: Field = Field::text("system", 100_000);
const TOOLS: Field = Field::read("tools", tools::read).or(Json::empty_list);
const MCP_SERVERS: Field = Field::read("mcp_servers", mcp_servers).or(Json::empty_list);
const SKILLS: Field = Field::read("skills", skills).or(Json::empty_list);

fn check(_: &Context<'_>, account: &mut Account, agent: &mut Json) -> Result<(), Refusal> {
    tools::check_servers(agent)?;
    freeze_versions(account, agent)
}

/// An id, or an object that says more.
fn model(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
    let wrong = |why: &str| Refusal::invalid(name, format!("{name} {why}."));
    match value {
        Json::Text(_) => text(name, value, 1, 256)?,
        Json::Object(_) => {
            text("model.id", &value["id"], 1, 256)?;
            let effort = match &value["effort"] {
                effort @ Json::Object(_) => &effort["type"],
                effort => effort,
            };
            if !effort.is_null() && !EFFORTS.contains(&effort.text()) {
                return Err(wrong("has an unknown effort"));
            }
            let window = &value["context_window"];
            if !window.is_null() && window.as_u64().is_none() {
                return Err(wrong("has a context_window that is no whole number"));
            }
        }
        _ => return Err(wrong("must be a string or an object")),
    }
    Ok(value.clone())
}

fn mcp_servers(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let servers = items(name, value, 20)?;
    for (n, server) in servers.iter().enumerate() {
        for member in ["name", "url"] {
            text(&format!("{name}.{member}"), &server[member], 1, 2048)?;
        }
        // The second form is of the first generations.
        if !matches!(server["type"].text(), "url" | "http") {
            let why = "The type of an MCP server must be url.";
            return Err(Refusal::invalid(&format!("{name}.type"), why));
        }
        if servers[..n]
            .iter()
            .any(|other| other["name"] == server["name"])
        {
            let why = format!("There are two MCP servers '{}'.", server["name"].text());
            return Err(Refusal::invalid(name, why));
        }
    }
    Ok(value.clone())
}

fn skills(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    for skill in items(name, value, 20)? {
        if !matches!(skill["type"].text(), "custom" | "qoder") {
            let why = "The type of a skill must be custom or qoder.";
            return Err(Refusal::invalid(&format!("{name}.type"), why));
        }
        text(&format!("{name}.skill_id"), &skill["skill_id"], 1, 256)?;
    }
    Ok(value.clone())
}

fn multiagent(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let wrong = |why: &str| Refusal::invalid(name, format!("{name} {why}."));
    if value["type"] != "coordinator" {
        return Err(wrong("must have the type coordinator"));
    }
    let roster = items("multiagent.agents", &value["agents"], 21)?;
    let mut advisors = 0;
    for member in roster {
        match member {
            Json::Text(id) if !id.is_empty() => {}
            Json::Object(_) => match member["type"].text() {
                "agent" => text("multiagent.agents.id", &member["id"], 1, 256)?,
                "self" => {}
                "advisor" => advisors += 1,
                _ => return Err(wrong("has a member of an unknown type")),
            },
            _ => return Err(wrong("has a member that is neither an id nor an object")),
        }
    }
    match roster.len() - advisors {
        _ if roster.is_empty() => Err(wrong("must not have an empty roster")),
        0..=20 if advisors <= 1 => Ok(value.clone()),
        _ => Err(wrong("may have 20 members and an advisor")),
    }
}

/// Members of the roster exist, and their versions stay as they are now if none is named.
fn freeze_versions(account: &mut Account, agent: &mut Json) -> Result<(), Refusal> {
    let own = agent["id"].clone();
    let mut roster = agent["multiagent"]["agents"].items().to_vec();
    for member in &mut roster {
        if let Json::Text(id) = member {
            *member = object! {"type": "agent", "id": &*id};
        }
        if member["type"] != "agent" || member["id"] == own {
            continue;
        }
        let id = member["id"].text().to_owned();
        let latest = account.object(AGENTS.path, &id);
        let latest = latest.ok_or_else(|| AGENTS.not_found())?["version"].clone();
        if member["version"].is_null() {
            member.set("version", latest);
        }
    }
    if let Some(multiagent) = agent.get_mut("multiagent") {
        if multiagent.is_object() {
            multiagent.set("agents", roster);
        }
    }
    Ok(())
}

/// An agent as it is or was in a version.
pub(crate) fn at_version(
    account: &mut Account,
    id: &str,
    version: Option<u64>,
) -> Result<Json, Refusal> {
    let mut agents = account.documents(AGENTS.path).iter();
    let agent = agents
        .find(|agent| agent.object["id"] == id)
        .ok_or_else(|| AGENTS.not_found())?;
    match version {
        None => Ok(agent.object.clone()),
        Some(version) => {
            numbered(agent, version).ok_or_else(|| Refusal::not_found("agent version"))
        }
    }
}

/// Overrides parts of a session's snapshot of an agent with what is in the body.
pub(crate) fn override_parts(cx: &Context<'_>, snapshot: &mut Json) -> Result<(), Refusal> {
    for field in [MODEL.not_null(), SYSTEM, TOOLS, MCP_SERVERS, SKILLS] {
        field.change(cx, snapshot)?;
    }
    tools::check_servers(snapshot)
}
