//! The operations on agents, environments, models and sessions; those on files are in `files`.

use std::cmp::Ordering;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Dialect;
use crate::errors::{Answer, Refusal};
use crate::events;
use crate::files::{self, Upload};
use crate::page::{Query, page};
use crate::scripts;
use crate::state::{Account, Entry, Session, World, id, now, patch_metadata};

/// A call that has been let in.
pub(crate) struct Request<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) token: &'a str,
    pub(crate) method: &'a Method,
    /// The segments of the path, decoded.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a Query,
    pub(crate) body: &'a Value,
    /// The form, if the body is one.
    pub(crate) upload: Option<&'a Upload>,
}

/// Does what is asked; `None` if there is no such operation.
pub(crate) fn answer(request: &Request<'_>) -> Option<Answer> {
    let Request {
        world,
        token,
        query,
        body,
        ..
    } = *request;
    let dialect = world.settings.dialect;
    let account = |work: &mut dyn FnMut(&mut Account) -> Answer| world.account(token, work);
    let list = |items| page(&in_range(items, "created_at", query)?, query, dialect);
    Some(match (request.method.as_str(), request.path) {
        ("POST", ["agents"]) => account(&mut |account| create_agent(account, body)),
        ("GET", ["agents"]) => account(&mut |account| {
            let agents = account
                .agent_order
                .iter()
                .rev()
                .filter_map(|id| account.agent(id));
            list(
                agents
                    .filter(|agent| shown(agent, query))
                    .cloned()
                    .collect(),
            )
        }),
        ("GET", ["agents", id]) => {
            account(&mut |account| agent_at(account, id, query.get("version")))
        }
        ("POST", ["agents", id]) => {
            account(&mut |account| update_agent(account, id, body, dialect))
        }
        ("PUT", ["agents", id]) if dialect == Dialect::Seed => {
            account(&mut |account| update_agent(account, id, body, dialect))
        }
        ("DELETE", ["agents", id]) => account(&mut |account| {
            account
                .agents
                .remove(*id)
                .ok_or_else(|| Refusal::not_found("agent"))?;
            account.agent_order.retain(|other| other != id);
            Ok(json!({"id": id, "type": "agent_deleted"}))
        }),
        ("POST", ["agents", id, "archive"]) => account(&mut |account| {
            let versions = account
                .agents
                .get_mut(*id)
                .ok_or_else(|| Refusal::not_found("agent"))?;
            let latest = versions
                .last_mut()
                .ok_or_else(|| Refusal::not_found("agent"))?;
            archive(latest);
            Ok(latest.clone())
        }),
        ("GET", ["agents", id, "versions"]) => account(&mut |account| {
            let versions = account
                .agents
                .get(*id)
                .ok_or_else(|| Refusal::not_found("agent"))?;
            versions_page(versions, query, dialect)
        }),
        ("GET", ["models"]) => Ok(models()),
        ("POST", ["environments"]) => account(&mut |account| create_environment(account, body)),
        ("GET", ["environments"]) => account(&mut |account| {
            list(
                account
                    .environments
                    .iter()
                    .filter(|environment| shown(environment, query))
                    .cloned()
                    .collect(),
            )
        }),
        (method, ["environments", rest @ ..]) => {
            return environment(request, method, rest);
        }
        (method, ["files", rest @ ..]) => return files::answer(request, method, rest),
        ("POST", ["sessions"]) => account(&mut |account| create_session(account, body, dialect)),
        ("GET", ["sessions"]) => account(&mut |account| list(sessions(account, query, dialect))),
        (method, ["sessions", id, rest @ ..]) => return session(request, method, id, rest),
        _ => return None,
    })
}

fn environment(request: &Request<'_>, method: &str, rest: &[&str]) -> Option<Answer> {
    let (id, what) = rest.split_first()?;
    if !matches!(
        (method, what),
        ("GET" | "POST" | "PUT" | "DELETE", []) | ("POST", ["archive"])
    ) {
        return None;
    }
    Some(request.world.account(request.token, |account| {
        let at = account
            .environments
            .iter()
            .position(|environment| environment["id"] == **id);
        let at = at.ok_or_else(|| Refusal::not_found("environment"))?;
        let environment = &mut account.environments[at];
        match (method, what) {
            ("GET", []) => {}
            ("DELETE", []) => {
                if account.referenced.iter().any(|other| other == id) {
                    return Err(Refusal::conflict(
                        "environment is in use by a session; archive it instead",
                    ));
                }
                account.environments.remove(at);
                return Ok(json!({"id": id, "type": "environment_deleted"}));
            }
            (_, ["archive"]) => archive(environment),
            _ => {
                check_config(request.body)?;
                update(
                    environment,
                    request.body,
                    &["name", "description", "config"],
                );
            }
        }
        Ok(environment.clone())
    }))
}

fn session(request: &Request<'_>, method: &str, id: &str, rest: &[&str]) -> Option<Answer> {
    let Request {
        world,
        token,
        query,
        body,
        ..
    } = *request;
    let dialect = world.settings.dialect;
    let on = |work: &mut dyn FnMut(&mut Session) -> Answer| {
        world.account(token, |account| {
            work(
                account
                    .session(id)
                    .ok_or_else(|| Refusal::not_found("session"))?,
            )
        })
    };
    Some(match (method, rest) {
        ("GET", []) => on(&mut |session| Ok(session_shown(session, dialect))),
        ("POST" | "PUT", []) => on(&mut |session| {
            update(
                &mut session.object,
                body,
                &["title", "vault_ids", "environment_variables"],
            );
            session.publish(json!({"type": "session.updated"}));
            Ok(session_shown(session, dialect))
        }),
        ("DELETE", []) => on(&mut |session| {
            if session.status() == "running" {
                return Err(Refusal::conflict("session is running"));
            }
            session.cancel();
            session.publish(json!({"type": "session.deleted"}));
            session.deleted = true;
            Ok(json!({"id": id, "type": "session_deleted"}))
        }),
        ("POST", ["archive"]) => on(&mut |session| {
            archive(&mut session.object);
            Ok(session_shown(session, dialect))
        }),
        ("POST", ["cancel"]) => on(&mut |session| {
            let busy = session.status() == "running" || !session.pending.is_empty();
            // In the first generation this is for good.
            if busy && dialect == Dialect::Seed {
                session.set_status("cancelled");
            }
            session.cancel();
            Ok(json!({"id": id, "type": "session", "status": "canceling"}))
        }),
        ("POST", ["events"]) => events::send(world, token, id, body),
        ("GET", ["events"]) => on(&mut |session| {
            let types: Vec<&str> = query.all("types[]").collect();
            let fits = |name: &str| types.is_empty() || types.contains(&name);
            let log = session
                .log()
                .filter(|entry| fits(&entry.name))
                .map(|entry| entry.data.clone());
            let log = in_range(log.collect(), "processed_at", query)?;
            page(&ordered(log, query, "asc")?, query, dialect)
        }),
        ("GET", ["threads"]) => on(&mut |session| {
            let threads: Vec<Value> = session
                .threads()
                .iter()
                .map(|thread| thread_shown(session, thread))
                .collect();
            page(&threads, query, dialect)
        }),
        (method, ["threads", thread, rest @ ..]) => {
            if !matches!(
                (method, rest),
                ("GET", [] | ["events"]) | ("POST", ["archive"])
            ) {
                return None;
            }
            on(&mut |session| {
                let found = session.threads().into_iter().find(|(id, _)| id == thread);
                let found = found.ok_or_else(|| Refusal::not_found("thread"))?;
                match (method, rest) {
                    ("GET", ["events"]) => {
                        let log: Vec<Value> = session
                            .log()
                            .filter(|entry| session.is_of_thread(entry, thread))
                            .map(|entry| entry.data.clone())
                            .collect();
                        page(&log, query, dialect)
                    }
                    ("POST", _) => {
                        session.archived_threads.insert((*thread).to_owned(), now());
                        Ok(thread_shown(session, &found))
                    }
                    _ => Ok(thread_shown(session, &found)),
                }
            })
        }
        _ => return None,
    })
}

fn thread_shown(session: &Session, (id, agent): &(String, String)) -> Value {
    let first = scripts::thread(&session.object).0;
    let is_first = *id == first;
    let of_thread = |entry: &&Entry| session.is_of_thread(entry, id);
    let status = if is_first {
        session.object["status"].clone()
    } else {
        let told = session
            .log()
            .filter(of_thread)
            .filter_map(|entry| entry.name.strip_prefix("session.thread_status_"));
        json!(told.last().unwrap_or("running"))
    };
    json!({
        "id": id, "type": "session_thread", "session_id": session.id,
        "parent_thread_id": if is_first { Value::Null } else { json!(first) },
        "agent": {"type": "agent", "name": agent}, "status": status, "stats": null, "usage": null,
        "archived_at": session.archived_threads.get(id),
        "created_at": session.object["created_at"], "updated_at": session.object["updated_at"],
    })
}

/// Versions share an id: their list goes by their numbers.
fn versions_page(versions: &[Value], query: &Query, dialect: Dialect) -> Answer {
    let numbered = |agent: &Value| json!({"id": agent["version"].to_string(), "agent": agent});
    let items: Vec<Value> = versions.iter().rev().map(numbered).collect();
    let mut page = page(&items, query, dialect)?;
    for item in page["data"].as_array_mut().into_iter().flatten() {
        *item = item["agent"].take();
    }
    Ok(page)
}

/// What lies between the times that the query names.
fn in_range(mut items: Vec<Value>, field: &str, query: &Query) -> Result<Vec<Value>, Refusal> {
    type Fits = fn(Ordering) -> bool;
    let bounds: [(&str, Fits); 4] = [
        ("created_at[gt]", Ordering::is_gt),
        ("created_at[gte]", Ordering::is_ge),
        ("created_at[lt]", Ordering::is_lt),
        ("created_at[lte]", Ordering::is_le),
    ];
    for (name, fits) in bounds {
        let Some(bound) = query.get(name) else {
            continue;
        };
        let wrong = |_| Refusal::invalid(name, format!("{name} must be an RFC 3339 time."));
        let bound: Timestamp = bound.parse().map_err(wrong)?;
        items.retain(|item| {
            let time: Option<Timestamp> = item[field].as_str().and_then(|time| time.parse().ok());
            time.is_some_and(|time| fits(time.cmp(&bound)))
        });
    }
    Ok(items)
}

/// The items in the order that is asked for; they come oldest first.
fn ordered(mut items: Vec<Value>, query: &Query, default: &str) -> Result<Vec<Value>, Refusal> {
    match query.get("order").unwrap_or(default) {
        "asc" => {}
        "desc" => items.reverse(),
        _ => return Err(Refusal::invalid("order", "order must be asc or desc.")),
    }
    Ok(items)
}

fn shown(object: &Value, query: &Query) -> bool {
    object["archived_at"].is_null() || query.is("include_archived")
}

fn archive(object: &mut Value) {
    if object["archived_at"].is_null() {
        object["archived_at"] = json!(now());
    }
}

fn required<'a>(body: &'a Value, field: &str) -> Result<&'a Value, Refusal> {
    let value = &body[field];
    let missing = value.is_null() || value == "";
    if missing {
        Err(Refusal::invalid(
            field,
            format!("Field '{field}' is required."),
        ))
    } else {
        Ok(value)
    }
}

/// Takes these fields over from an update: what is left out is kept.
fn update(object: &mut Value, body: &Value, fields: &[&str]) {
    for field in fields {
        match body.get(field) {
            None => {}
            Some(Value::Null) => object[*field] = default_of(field),
            Some(value) => object[*field] = value.clone(),
        }
    }
    if let Some(patch) = body["metadata"].as_object() {
        patch_metadata(object, patch);
    }
    object["updated_at"] = json!(now());
}

fn default_of(field: &str) -> Value {
    match field {
        "tools" | "mcp_servers" | "skills" | "vault_ids" => json!([]),
        "description" | "system" => json!(""),
        "environment_variables" => json!({}),
        _ => Value::Null,
    }
}

const AGENT_FIELDS: [&str; 8] = [
    "name",
    "model",
    "description",
    "system",
    "tools",
    "mcp_servers",
    "skills",
    "multiagent",
];

fn check_tools(body: &Value) -> Result<(), Refusal> {
    const KNOWN: [&str; 4] = [
        "agent_toolset_20260401",
        "mcp_toolset",
        "custom",
        "browser_toolset_20260714",
    ];
    match &body["tools"] {
        Value::Null => Ok(()),
        Value::Array(tools) => {
            for tool in tools {
                let kind = tool["type"].as_str().unwrap_or_default();
                if !KNOWN.contains(&kind) {
                    return Err(Refusal::invalid(
                        "tools",
                        format!("Unknown tool type '{kind}'."),
                    ));
                }
            }
            Ok(())
        }
        _ => Err(Refusal::invalid("tools", "tools must be an array.")),
    }
}

fn create_agent(account: &mut Account, body: &Value) -> Answer {
    required(body, "name")?;
    required(body, "model")?;
    check_tools(body)?;
    let now = now();
    let id = id("agent");
    let mut agent = json!({
        "type": "agent", "id": id, "metadata": {}, "version": 1, "archived_at": null, "created_at": now,
    });
    for field in AGENT_FIELDS {
        agent[field] = default_of(field);
    }
    update(&mut agent, body, &AGENT_FIELDS);
    agent["updated_at"] = json!(now);
    account.agents.insert(id.clone(), vec![agent.clone()]);
    account.agent_order.push(id);
    Ok(agent)
}

fn agent_at(account: &Account, id: &str, version: Option<&str>) -> Answer {
    let versions = account
        .agents
        .get(id)
        .ok_or_else(|| Refusal::not_found("agent"))?;
    let agent = match version {
        None => versions.last(),
        Some(text) => {
            let version = text.parse::<usize>().ok().filter(|version| *version > 0);
            let version =
                version.ok_or_else(|| Refusal::invalid("version", "version must be 1 or more."))?;
            versions.get(version - 1)
        }
    };
    agent
        .cloned()
        .ok_or_else(|| Refusal::not_found("agent version"))
}

fn update_agent(account: &mut Account, id: &str, body: &Value, dialect: Dialect) -> Answer {
    let versions = account
        .agents
        .get_mut(id)
        .ok_or_else(|| Refusal::not_found("agent"))?;
    let mut agent = versions
        .last()
        .cloned()
        .ok_or_else(|| Refusal::not_found("agent"))?;
    let version = match (dialect, &body["version"]) {
        (Dialect::Seed, Value::Null) => &agent["version"],
        _ => required(body, "version")?,
    };
    if *version != agent["version"] {
        return Err(Refusal::conflict(
            "Version conflict: the agent was changed meanwhile.",
        ));
    }
    for field in ["name", "model"] {
        if body.get(field).is_some() {
            required(body, field)?;
        }
    }
    check_tools(body)?;
    update(&mut agent, body, &AGENT_FIELDS);
    agent["version"] = json!(versions.len() + 1);
    versions.push(agent.clone());
    Ok(agent)
}

fn models() -> Value {
    let windows = json!([200_000, 400_000, 1_000_000]);
    json!({
        "data": [
            {
                "id": "auto", "type": "model", "display_name": "Auto", "is_enabled": true, "is_new": false,
                "price_factor": 0.5, "max_input_tokens": 180_000,
            },
            {
                "id": "ultimate", "type": "model", "display_name": "Ultimate", "source": "system",
                "is_enabled": true, "is_new": false, "price_factor": 1.6,
                "efforts": ["low", "medium", "high", "xhigh", "max"], "default_effort": "high",
                "max_input_tokens": 1_000_000, "default_context_window": 200_000,
                "available_context_windows": windows,
            },
        ],
        "has_more": false,
    })
}

fn check_config(body: &Value) -> Result<(), Refusal> {
    match body.get("config") {
        None => Ok(()),
        Some(config) if config["type"] == "cloud" || config["type"] == "self_hosted" => Ok(()),
        Some(_) => Err(Refusal::invalid(
            "config.type",
            "config.type must be cloud or self_hosted.",
        )),
    }
}

fn create_environment(account: &mut Account, body: &Value) -> Answer {
    required(body, "name")?;
    check_config(body)?;
    let now = now();
    let mut environment = json!({
        "id": id("env"), "type": "environment", "description": "",
        "config": {"type": "cloud", "networking": {"type": "limited"}},
        "metadata": {}, "archived_at": null, "created_at": now,
    });
    update(&mut environment, body, &["name", "description", "config"]);
    environment["updated_at"] = json!(now);
    account.environments.push(environment.clone());
    Ok(environment)
}

fn create_session(account: &mut Account, body: &Value, dialect: Dialect) -> Answer {
    let (agent, version) = match required(body, "agent")? {
        Value::String(id) => (id.as_str(), None),
        agent if dialect == Dialect::Current && agent["type"] != "agent" => {
            return Err(Refusal::invalid("agent.type", "agent.type must be agent."));
        }
        agent => {
            let id = agent["id"]
                .as_str()
                .ok_or_else(|| Refusal::invalid("agent", "agent needs an id."))?;
            (
                id,
                agent["version"].as_u64().map(|version| version.to_string()),
            )
        }
    };
    let environment = required(body, "environment_id")?.clone();
    let mut snapshot = agent_at(account, agent, version.as_deref())?;
    if account
        .agent(agent)
        .is_some_and(|agent| !agent["archived_at"].is_null())
    {
        return Err(Refusal::invalid("agent", "The agent is archived."));
    }
    let place = account
        .environments
        .iter()
        .find(|other| other["id"] == environment);
    let place = place.ok_or_else(|| Refusal::not_found("environment"))?;
    if !place["archived_at"].is_null() {
        return Err(Refusal::invalid(
            "environment_id",
            "The environment is archived.",
        ));
    }
    if let Value::String(model) = &snapshot["model"] {
        snapshot["model"] = json!({"id": model, "effective_context_window": 200_000});
    }
    let now = now();
    let id = id("sess");
    let mut object = json!({
        "id": id, "type": "session", "agent": snapshot, "environment_id": environment, "title": "",
        "status": "idle", "metadata": {}, "environment_variables": {}, "resources": [], "vault_ids": [],
        "deployment_id": null, "outcome_evaluations": [], "archived_at": null, "created_at": now,
    });
    update(
        &mut object,
        body,
        &["title", "environment_variables", "resources", "vault_ids"],
    );
    object["updated_at"] = json!(now);
    let metadata = object["agent"]["metadata"].clone();
    let session = Session::new(id, object, metadata);
    let shown = session_shown(&session, dialect);
    account
        .referenced
        .extend(environment.as_str().map(ToOwned::to_owned));
    account.sessions.push(session);
    Ok(shown)
}

/// A session as it is answered: the first generation names its agent, today's contains it.
fn session_shown(session: &Session, dialect: Dialect) -> Value {
    let mut object = session.object.clone();
    match dialect {
        Dialect::Seed => {
            object["agent"] = object["agent"]["id"].take();
            object["agent_id"] = object["agent"].clone();
            if object["status"] == "running" {
                object["status"] = json!("processing");
            }
        }
        Dialect::Current => {
            let of_the_agent_alone = [
                "metadata",
                "archived_at",
                "created_at",
                "updated_at",
                "multiagent",
            ];
            if let Some(agent) = object["agent"].as_object_mut() {
                for field in of_the_agent_alone {
                    agent.remove(field);
                }
            }
        }
    }
    object
}

fn sessions(account: &Account, query: &Query, dialect: Dialect) -> Vec<Value> {
    let statuses: Vec<&str> = query.all("statuses[]").collect();
    let agent = query.get("agent_id");
    let fits = |session: &&Session| {
        !session.deleted
            && shown(&session.object, query)
            && agent.is_none_or(|agent| session.object["agent"]["id"] == agent)
            && (statuses.is_empty() || statuses.contains(&session.status()))
    };
    let mut items: Vec<Value> = account
        .sessions
        .iter()
        .filter(fits)
        .map(|session| session_shown(session, dialect))
        .collect();
    if query.get("order") != Some("asc") {
        items.reverse();
    }
    items
}

/// An object for a body that is none, so that every field of it is missing.
pub(crate) fn empty() -> Value {
    Value::Object(Map::new())
}
