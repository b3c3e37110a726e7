//! Deployments: agents that work on what was written down, on a schedule or when told to.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::runtime::Handle;

use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::deployment_runs::{self, Trigger};
use crate::resources::field::{Field, items, text};
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::resources::sent;
use crate::resources::{
    agents, environments, plain, schedules, session_resources, sessions, vaults,
};
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&DEPLOYMENTS],
    operations: &[
        Operation::get("/deployments", list),
        Operation::post(DEPLOYMENTS.path, update),
        Operation::post("/deployments/{deployment_id}/pause", pause),
        Operation::post("/deployments/{deployment_id}/unpause", unpause),
        Operation::post("/deployments/{deployment_id}/run", run),
    ],
    tick,
};

const DEPLOYMENTS: Kind = Kind {
    path: "/deployments/{deployment_id}",
    name: "deployment",
    prefix: "dep",
    verbs: &[Verb::Create, Verb::Retrieve, Verb::Archive],
    fields: &[
        Field::text("name", 256).required(),
        Field::text("description", 2048),
        Field::read("agent", agent).required(),
        Field::text("environment_id", 256).required(),
        Field::read("environment_variables", variables).or(Json::empty_text),
        Field::read("initial_events", initial_events).required(),
        Field::read("resources", resources).or(Json::empty_list),
        Field::read("vault_ids", sessions::vault_ids).or(Json::empty_list),
        Field::metadata(),
        Field::read("schedule", schedules::read),
        Field::server("status", || "active".into()),
        Field::server("paused_reason", || Json::Null),
        Field::read("budget", sessions::budget).if_sent(),
        // Beside what is shown: when it runs by its schedule.
        Field::server("next_run_at", || Json::Null),
    ],
    filters: &[
        Filter::Archived,
        Filter::CreatedAt,
        Filter::Equal("agent_id", "agent.id"),
        Filter::Word("status", "status", &["active", "paused"]),
    ],
    check,
    show: |cx, _, deployment| Ok(shown(cx.world.clock.now(), deployment)),
    archive: |cx, deployment| {
        let seconds = cx.world.clock.now().as_second();
        let name = format!("{}_archived_{seconds}", deployment["name"].text());
        deployment.set("name", name);
    },
    ..Kind::PLAIN
};

const EVENTS: usize = 50;
const RESOURCES: usize = 500;

/// The number of runs that are caught up on when the time has moved on. The others are forgotten.
const CAUGHT_UP: usize = 1000;

/// The agent is sent as an id, or as an object with a version.
fn agent(cx: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let (id, version) = match value {
        Json::Text(_) => (value, &Json::Null),
        Json::Object(_) if value["type"] == "agent" || cx.dialect() == Dialect::Seed => {
            (&value["id"], &value["version"])
        }
        Json::Object(_) => return Err(Refusal::invalid("agent.type", "agent.type must be agent.")),
        _ => return Err(Refusal::invalid(name, "agent must be an id or an object.")),
    };
    text(name, id, 1, 256)?;
    if !version.is_null() && version.as_u64().is_none() {
        let why = "agent.version must be a whole number.";
        return Err(Refusal::invalid("agent.version", why));
    }
    Ok(object! {"id": id, "type": "agent", "version": version})
}

/// Variables stay the text that they are sent as.
fn variables(cx: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    text(name, value, 0, usize::MAX)?;
    sessions::variables(cx, name, value)?;
    Ok(value.clone())
}

fn initial_events(cx: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let events = items(name, value, EVENTS)?;
    if events.is_empty() {
        return Err(Refusal::invalid(name, format!("{name} must not be empty.")));
    }
    for (n, event) in events.iter().enumerate() {
        let kinds = ["user.message", "user.define_outcome", "system.message"];
        if !kinds.contains(&event["type"].text()) {
            let why = format!("{name} takes {}.", kinds.join(", "));
            return Err(Refusal::invalid(name, why));
        }
        let before = n.checked_sub(1).map(|n| &events[n]);
        sent::check(event, before, n + 1 == events.len(), cx.dialect())?;
    }
    Ok(value.clone())
}

fn resources(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    items(name, value, RESOURCES)?;
    Ok(value.clone())
}

/// Checks that what a deployment names is there, and open. The agent's version stays as it is now
/// if none is named.
fn check(cx: &Context<'_>, account: &mut Account, deployment: &mut Json) -> Result<(), Refusal> {
    let is_sent = |name: &str| cx.body.get(name).is_some();
    if is_sent("agent") {
        let id = deployment.at("agent.id").text().to_owned();
        let latest = agents::at_version(account, &id, None)?;
        if !latest["archived_at"].is_null() {
            return Err(Refusal::invalid("agent", "The agent is archived."));
        }
        let version = deployment.at("agent.version").as_u64();
        let version = agents::at_version(account, &id, version)?["version"].clone();
        if let Some(agent) = deployment.get_mut("agent") {
            agent.set("version", version);
        }
    }
    if is_sent("environment_id") {
        environments::check_open(account, deployment["environment_id"].text())?;
    }
    if is_sent("resources") {
        let mut attached = Vec::new();
        for sent in deployment["resources"].items() {
            let resource = session_resources::attached(cx, account, &attached, sent)?;
            attached.push(resource);
        }
    }
    if is_sent("vault_ids") {
        for id in deployment["vault_ids"].items() {
            vaults::check_open(account, id.text())?;
        }
    }
    if is_sent("schedule") {
        plan(deployment, cx.world.clock.now());
    }
    Ok(())
}

/// Notes when a deployment runs next after this time.
fn plan(deployment: &mut Json, after: Timestamp) {
    let next = schedules::next(&deployment["schedule"], after);
    deployment.set("next_run_at", next.map(|next| next.to_string()));
}

fn shown(now: Timestamp, mut deployment: Json) -> Json {
    deployment.remove("next_run_at");
    let mut resources = deployment["resources"].items().to_vec();
    for resource in &mut resources {
        for secret in ["authorization_token", "password"] {
            resource.remove(secret);
        }
    }
    deployment.set("resources", resources);
    let schedule = deployment["schedule"].clone();
    if !schedule.is_null() {
        let ended = !deployment["archived_at"].is_null();
        deployment.set("schedule", schedules::shown(schedule, now, ended));
    }
    deployment
}

/// The deployment with this id.
pub(crate) fn find<'a>(account: &'a mut Account, id: &str) -> Result<&'a mut Json, Refusal> {
    let deployment = account.object(DEPLOYMENTS.path, id);
    deployment.ok_or_else(|| DEPLOYMENTS.not_found())
}

/// The deployment that the path names, if it takes changes.
fn live<'a>(cx: &Context<'_>, account: &'a mut Account) -> Result<&'a mut Json, Refusal> {
    let deployment = find(account, cx.id())?;
    if deployment["archived_at"].is_null() {
        Ok(deployment)
    } else {
        Err(Refusal::conflict("deployment is archived"))
    }
}

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    if cx.query.get("status").is_some() && cx.query.get("include_archived").is_some() {
        let why = "status and include_archived exclude each other.";
        return Err(Refusal::invalid("status", why));
    }
    plain::answer(&DEPLOYMENTS, Verb::List, cx, account)
}

fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let before = live(cx, account)?.clone();
    let after = DEPLOYMENTS.changed(cx, account, before)?;
    *live(cx, account)? = after.clone();
    Ok(shown(cx.world.clock.now(), after).into())
}

fn pause(cx: &Context<'_>, account: &mut Account) -> Answer {
    let deployment = live(cx, account)?;
    if deployment["status"] == "active" {
        set_paused(deployment, object! {"type": "manual"});
        DEPLOYMENTS.touch(cx, deployment);
    }
    Ok(shown(cx.world.clock.now(), deployment.clone()).into())
}

fn set_paused(deployment: &mut Json, reason: Json) {
    deployment.set("status", "paused");
    deployment.set("paused_reason", reason);
}

/// Lets it run again; the times that have passed are over.
fn unpause(cx: &Context<'_>, account: &mut Account) -> Answer {
    let now = cx.world.clock.now();
    let deployment = live(cx, account)?;
    if deployment["status"] == "paused" {
        deployment.set("status", "active");
        deployment.set("paused_reason", Json::Null);
        plan(deployment, now);
        DEPLOYMENTS.touch(cx, deployment);
    }
    Ok(shown(now, deployment.clone()).into())
}

fn run(cx: &Context<'_>, account: &mut Account) -> Answer {
    let deployment = live(cx, account)?.clone();
    Ok(deployment_runs::start(cx.world, account, &deployment, Trigger::Manual).into())
}

/// Runs what the time has come for, in the order of the times.
fn tick(world: &Arc<World>, account: &mut Account) {
    // Sessions need a runtime to work in. Where there is none, the next request has one.
    if Handle::try_current().is_err() {
        return;
    }
    let now = account.clock.now();
    let mut runs = 0;
    while let Some((time, id)) = due(account, now) {
        runs += 1;
        if runs > CAUGHT_UP {
            if let Ok(deployment) = find(account, &id) {
                plan(deployment, now);
            }
            continue;
        }
        run_scheduled(world, account, &id, time);
    }
}

/// The deployment that should have run first, and when.
fn due(account: &mut Account, now: Timestamp) -> Option<(Timestamp, String)> {
    let deployments = account.documents(DEPLOYMENTS.path).iter();
    let deployments = deployments.map(|deployment| &deployment.object);
    let times = deployments.filter_map(|deployment| {
        let is_live = deployment["archived_at"].is_null() && deployment["status"] == "active";
        let time = is_live.then(|| deployment["next_run_at"].as_str())??;
        let time = time.parse().ok().filter(|time| *time <= now)?;
        Some((time, deployment["id"].text()))
    });
    let (time, id) = times.min()?;
    Some((time, id.to_owned()))
}

fn run_scheduled(world: &Arc<World>, account: &mut Account, id: &str, time: Timestamp) {
    let Some(before) = account.object(DEPLOYMENTS.path, id).cloned() else {
        return;
    };
    let run = deployment_runs::start(world, account, &before, Trigger::Schedule(time));
    let Ok(deployment) = find(account, id) else {
        return;
    };
    if let Some(schedule) = deployment.get_mut("schedule") {
        schedule.set("last_run_at", time.to_string());
    }
    plan(deployment, time);
    // The next run would fail as this one did.
    let error = &run["error"]["type"];
    if !error.is_null() && *error != deployment_runs::REJECTED {
        set_paused(
            deployment,
            object! {"type": "error", "error": object! {"type": error}},
        );
        deployment.set("updated_at", time.to_string());
    }
}
