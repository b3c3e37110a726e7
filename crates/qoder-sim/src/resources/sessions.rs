//! Sessions: an agent in an environment, and what was set for it.

use std::collections::HashSet;

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::page::Limits;
use crate::refusal::Refusal;
use crate::reply::{Answer, Reply};
use crate::resources::context::Context;
use crate::resources::field::{Field, items, text};
use crate::resources::filter::Filter;
use crate::resources::resource::{Operation, Resource};
use crate::resources::sent::check_initial;
use crate::resources::{environments, events, session_resources, skills, snapshot, vaults};
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::session::Session;

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::post("/sessions", create),
        Operation::get("/sessions", list),
        Operation::get("/sessions/{session_id}", retrieve),
        Operation::post("/sessions/{session_id}", update),
        Operation::delete("/sessions/{session_id}", delete),
        Operation::post("/sessions/{session_id}/archive", archive),
        Operation::post("/sessions/{session_id}/cancel", cancel),
    ],
    ..Resource::NONE
};

const TITLE: Field = Field::text("title", usize::MAX);
const METADATA: Field = Field::metadata();
const VARIABLES: Field = Field::read("environment_variables", variables).or(Json::empty_object);
const VAULTS: Field = Field::read("vault_ids", vault_ids).or(Json::empty_list);
const BUDGET: Field = Field::read("budget", budget);

const FILTERS: [Filter; 7] = [
    Filter::Archived,
    Filter::CreatedAt,
    Filter::Equal("agent_id", "agent.id"),
    Filter::By(of_agent_version),
    Filter::Equal("deployment_id", "deployment_id"),
    Filter::Has("memory_store_id", "resources", "memory_store_id"),
    Filter::Among("statuses[]", "status"),
];

pub(crate) fn create(cx: &Context<'_>, account: &mut Account) -> Answer {
    let agent = match &cx.body["agent"] {
        Json::Null => return Err(Refusal::missing("agent")),
        agent => agent,
    };
    text("environment_id", &cx.body["environment_id"], 1, 256)?;
    let environment = cx.body["environment_id"].text();
    let (snapshot, agent_metadata) = snapshot::take(cx, account, agent)?;
    environments::check_open(account, environment)?;
    let mut resources = Vec::new();
    if !cx.body["resources"].is_null() {
        for sent in items("resources", &cx.body["resources"], session_resources::MOST)? {
            let resource = session_resources::attached(cx, account, &resources, sent)?;
            resources.push(resource);
        }
    }
    let initial = match &cx.body["initial_events"] {
        Json::Null => &[],
        events => items("initial_events", events, 50)?,
    };
    check_initial(initial, cx.dialect())?;

    let now = cx.now();
    let mut object = object! {
        "id": new_id("sess"), "type": "session", "agent": snapshot, "environment_id": environment,
    };
    TITLE.set(cx, &mut object)?;
    object.set("status", "idle");
    for field in [METADATA, VARIABLES] {
        field.set(cx, &mut object)?;
    }
    object.set("resources", resources);
    if environments::is_self_hosted(account, environment) {
        check_self_hosted(&object)?;
    }
    VAULTS.set(cx, &mut object)?;
    check_vaults(account, &object)?;
    skills::check_known(account, &object["agent"]["skills"])?;
    object.set("deployment_id", Json::Null);
    object.set("outcome_evaluations", Json::empty_list());
    object.set(
        "stats",
        object! {"active_seconds": 0, "duration_seconds": 0},
    );
    BUDGET.set(cx, &mut object)?;
    object.set("usage", Session::usage(0));
    object.set("archived_at", Json::Null);
    object.set("created_at", &now);
    object.set("updated_at", &now);

    let mut session = Session::new(object, agent_metadata, account.clock.clone());
    events::accept(cx.world, &mut session, initial);
    let answer = shown(&session.object, cx.dialect());
    account.sessions.push(session);
    Ok(answer.into())
}

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let sessions = account.sessions.iter().filter(|session| !session.deleted);
    let mut sessions = sessions.map(|session| session.object.clone()).collect();
    for filter in FILTERS {
        sessions = filter.keep(cx, sessions)?;
    }
    let (sessions, order) = cx.ordered(sessions, "desc")?;
    let shown = |session| shown(session, cx.dialect());
    let sessions: Vec<Json> = sessions.iter().map(shown).collect();
    cx.page(&sessions, order, Limits::USUAL)
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    Ok(shown(&session.object, cx.dialect()).into())
}

fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let environment = cx.session(account)?.object["environment_id"].clone();
    let self_hosted = environments::is_self_hosted(account, environment.text());
    let mut object = cx.session(account)?.object.clone();
    for field in [TITLE, METADATA, VARIABLES, VAULTS, BUDGET] {
        field.change(cx, &mut object)?;
    }
    if self_hosted {
        check_self_hosted(&object)?;
    }
    match (&cx.body["agent"], object.get_mut("agent")) {
        (Json::Null, _) => {}
        (parts @ Json::Object(_), Some(agent)) => snapshot::change(cx, agent, parts)?,
        _ => return Err(Refusal::invalid("agent", "agent must be an object.")),
    }
    if !cx.body["vault_ids"].is_null() {
        check_vaults(account, &object)?;
    }
    if !cx.body.at("agent.skills").is_null() {
        skills::check_known(account, &object["agent"]["skills"])?;
    }
    let mut event = object! {"type": "session.updated"};
    for member in ["title", "metadata", "agent", "budget"] {
        if cx.body.get(member).is_some() {
            event.set(member, &object[member]);
        }
    }
    let session = cx.session(account)?;
    session.object = object;
    session.touch();
    session.publish(event);
    Ok(shown(&session.object, cx.dialect()).into())
}

fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    if session.status() == "running" {
        return Err(Refusal::conflict("session is running"));
    }
    session.cancel();
    session.publish(object! {"type": "session.deleted"});
    session.deleted = true;
    Ok(object! {"id": cx.id(), "type": "session_deleted"}.into())
}

fn archive(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    if session.object["archived_at"].is_null() {
        session.object.set("archived_at", cx.now());
    }
    Ok(shown(&session.object, cx.dialect()).into())
}

fn cancel(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let busy = session.status() == "running" || !session.pending.is_empty();
    // In the first generation this is for good.
    if busy && cx.dialect() == Dialect::Seed {
        session.set_status("cancelled");
    }
    session.cancel();
    let answer = object! {"id": cx.id(), "type": "session", "status": "canceling"};
    Ok(if busy {
        Reply::accepted(answer)
    } else {
        answer.into()
    })
}

/// A session as it is answered: the first generation names its agent, today's contains it.
fn shown(session: &Json, dialect: Dialect) -> Json {
    if dialect == Dialect::Current {
        return session.clone();
    }
    let mut shown = Json::empty_object();
    for (name, value) in session.members() {
        match name.as_str() {
            "agent" => {
                shown.set("agent_id", &value["id"]);
                shown.set("agent", &value["id"]);
            }
            "status" if value == "running" => shown.set(name, "processing"),
            "budget" | "stats" | "usage" => {}
            _ => shown.set(name, value),
        }
    }
    shown
}

fn of_agent_version(cx: &Context<'_>, session: &Json) -> Result<bool, Refusal> {
    let version = cx.query.whole("agent_version", 1)?;
    let is = |version| session.at("agent.version").as_u64() == Some(version);
    Ok(version.is_none_or(is))
}

/// There are vaults with these ids, which are not archived.
fn check_vaults(account: &mut Account, session: &Json) -> Result<(), Refusal> {
    let mut ids = session["vault_ids"].items().iter();
    ids.try_for_each(|id| vaults::check_open(account, id.text()))
}

/// The service can put nothing into a container that is not its own.
fn check_self_hosted(session: &Json) -> Result<(), Refusal> {
    let has = |member: &&&str| {
        let value = &session[**member];
        !value.items().is_empty() || !value.members().is_empty()
    };
    match ["resources", "environment_variables"].iter().find(has) {
        None => Ok(()),
        Some(member) => {
            let why = format!("A session in a self-hosted environment has no {member}.");
            Err(Refusal::invalid(member, why))
        }
    }
}

/// Variables are an object, or a text such as `A=1;B=2`.
pub(crate) fn variables(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let wrong = |why: String| Refusal::invalid(name, why);
    let mut variables = Json::empty_object();
    match value {
        Json::Object(_) => variables = value.clone(),
        Json::Text(text) => {
            let lines = text.split([';', '\n']).map(str::trim);
            for line in lines.filter(|line| !line.is_empty()) {
                let (name, value) = line
                    .split_once('=')
                    .ok_or_else(|| wrong(format!("'{line}' is no NAME=VALUE.")))?;
                variables.set(name.trim(), value);
            }
        }
        _ => return Err(wrong(format!("{name} must be an object or a string."))),
    }
    for (variable, value) in variables.members() {
        let starts = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let goes_on = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if !variable.starts_with(starts) || !variable.chars().all(goes_on) {
            return Err(wrong(format!("'{variable}' is no name of a variable.")));
        }
        let is_reserved = matches!(
            variable.as_str(),
            "SERVER_ENDPOINT" | "USER_ID" | "WORK_DIR"
        );
        if is_reserved || variable.starts_with("CAW_") || variable.starts_with("QODER_") {
            return Err(wrong(format!("'{variable}' is reserved.")));
        }
        if value.as_str().is_none() {
            return Err(wrong(format!(
                "The value of '{variable}' must be a string."
            )));
        }
    }
    Ok(variables)
}

pub(crate) fn vault_ids(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let mut seen = HashSet::new();
    for id in items(name, value, 50)? {
        text(name, id, 1, 256)?;
        if !seen.insert(id.text()) {
            return Err(Refusal::invalid(
                name,
                format!("'{}' is there twice.", id.text()),
            ));
        }
    }
    Ok(value.clone())
}

/// A limit of credits, as a decimal text.
pub(crate) fn budget(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let wrong = |param: &str, why: &str| Err(Refusal::invalid(param, why));
    if value["type"] != "limit" {
        return wrong(name, "budget must be an object of the type limit.");
    }
    let text = value["max_credit_cost"].text();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(whole) && is_number(part) {
        return Ok(value.clone());
    }
    wrong(
        "budget.max_credit_cost",
        "max_credit_cost must be a decimal number in a string.",
    )
}
