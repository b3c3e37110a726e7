//! Runs of deployments: each has a session, or says why it has none.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::page::Limits;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::files::Files;
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::resources::{
    agents, deployments, environments, events, memory_stores, plain, sessions, vaults,
};
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&RUNS],
    operations: &[
        Operation::get("/deployment_runs", list),
        Operation::get("/deployments/{deployment_id}/runs", list_of_one),
        Operation::get("/deployments/{deployment_id}/runs/{run_id}", retrieve),
    ],
    ..Resource::NONE
};

const RUNS: Kind = Kind {
    path: "/deployment_runs/{deployment_run_id}",
    name: "deployment_run",
    prefix: "drun",
    verbs: &[Verb::Retrieve],
    filters: &[
        Filter::CreatedAt,
        Filter::Equal("deployment_id", "deployment_id"),
        Filter::Word(
            "trigger_type",
            "trigger_context.type",
            &["schedule", "manual"],
        ),
        Filter::By(has_error),
    ],
    limits: Limits::up_to(1000),
    ..Kind::PLAIN
};

/// The error of a run whose session was refused, for whatever reason no other error is for.
pub(crate) const REJECTED: &str = "session_creation_rejected_error";

/// The trigger of a deployment's run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trigger {
    Manual,
    Schedule(Timestamp),
}

/// The reason why a run has no session: a type and a message.
type Obstacle = (&'static str, String);

/// Runs a deployment. Runs on schedule are of the time that they were meant for, even if the clock
/// has jumped over it.
pub(crate) fn start(
    world: &Arc<World>,
    account: &mut Account,
    deployment: &Json,
    trigger: Trigger,
) -> Json {
    let (context, time) = match trigger {
        Trigger::Manual => (object! {"type": "manual"}, world.clock.text()),
        Trigger::Schedule(time) => {
            let time = time.to_string();
            (object! {"type": "schedule", "scheduled_at": &time}, time)
        }
    };
    let (session, error) = match begin(world, account, deployment, &time) {
        Ok(session) => (session.into(), Json::Null),
        Err((kind, why)) => (Json::Null, object! {"type": kind, "message": why}),
    };
    let run = object! {
        "id": new_id(RUNS.prefix), "type": RUNS.name, "deployment_id": &deployment["id"],
        "agent": &deployment["agent"], "session_id": session, "error": error,
        "trigger_context": context, "created_at": time,
    };
    RUNS.add(account, run.clone());
    run
}

/// Makes the session of a run, and gives its id.
fn begin(
    world: &Arc<World>,
    account: &mut Account,
    deployment: &Json,
    time: &str,
) -> Result<String, Obstacle> {
    check(account, deployment)?;
    let events = deployment["initial_events"].items().iter().cloned();
    // A message of the system's goes to a session that there is.
    let (later, first): (Vec<Json>, Vec<Json>) =
        events.partition(|event| event["type"] == "system.message");
    let mut body = object! {"initial_events": first};
    for member in [
        "agent",
        "environment_id",
        "environment_variables",
        "resources",
        "vault_ids",
        "budget",
    ] {
        body.set(member, &deployment[member]);
    }
    let cx = Context {
        world,
        ids: Vec::new(),
        query: &Query::default(),
        headers: &HeaderMap::new(),
        body: &body,
        form: None,
    };
    let rejected = |refusal: Refusal| (REJECTED, words(&refusal));
    sessions::create(&cx, account).map_err(rejected)?;
    let session = account.sessions.last_mut();
    let session = session.ok_or_else(|| (REJECTED, "There is no session.".to_owned()))?;
    session.object.set("deployment_id", &deployment["id"]);
    session.object.set("created_at", time);
    events::accept(world, session, &later);
    Ok(session.id.clone())
}

/// Checks that what a deployment names is still there.
fn check(account: &mut Account, deployment: &Json) -> Result<(), Obstacle> {
    let obstacle = |refusal: Refusal, missing: &'static str, closed: &'static str| {
        let kind = if refusal.status == 404 {
            missing
        } else {
            closed
        };
        (kind, words(&refusal))
    };
    let agent = agents::at_version(account, deployment.at("agent.id").text(), None);
    let agent = agent.map_err(|refusal| (REJECTED, words(&refusal)))?;
    if !agent["archived_at"].is_null() {
        return Err(("agent_archived_error", "agent is archived".to_owned()));
    }
    environments::check_open(account, deployment["environment_id"].text()).map_err(|refusal| {
        let closed = "environment_archived_error";
        obstacle(refusal, "environment_not_found_error", closed)
    })?;
    for id in deployment["vault_ids"].items() {
        vaults::check_open(account, id.text())
            .map_err(|why| obstacle(why, "vault_not_found_error", "vault_archived_error"))?;
    }
    for resource in deployment["resources"].items() {
        let (file, store) = (&resource["file_id"], &resource["memory_store_id"]);
        if !file.is_null() && account.part::<Files>().get_mut(file.text()).is_none() {
            return Err(("file_not_found_error", "file not found".to_owned()));
        }
        if !store.is_null() {
            memory_stores::open(account, store.text()).map_err(|refusal| {
                let missing = "session_resource_not_found_error";
                obstacle(refusal, missing, "memory_store_archived_error")
            })?;
        }
    }
    Ok(())
}

/// Returns the message of a refusal.
fn words(refusal: &Refusal) -> String {
    refusal.body(None).at("error.message").text().to_owned()
}

fn has_error(cx: &Context<'_>, run: &Json) -> Result<bool, Refusal> {
    let wanted = cx.query.get("has_error").is_some();
    let has_error = !run["error"].is_null();
    Ok(!wanted || cx.query.flag("has_error")? == has_error)
}

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    cx.query.flag("has_error")?;
    plain::answer(&RUNS, Verb::List, cx, account)
}

/// The runs of a deployment, between two times if it is said.
fn list_of_one(cx: &Context<'_>, account: &mut Account) -> Answer {
    deployments::find(account, cx.id())?;
    let bound = |name: &str| -> Result<Option<Timestamp>, Refusal> {
        let wrong = |_| Refusal::invalid(name, format!("{name} must be an RFC 3339 time."));
        let bound = cx.query.get(name).map(str::parse);
        bound.transpose().map_err(wrong)
    };
    let (after, before) = (bound("triggered_after")?, bound("triggered_before")?);
    let runs = account.documents(RUNS.path).iter().rev();
    let runs = runs.map(|run| &run.object);
    let runs = runs.filter(|run| {
        let time: Option<Timestamp> = run["created_at"].text().parse().ok();
        run["deployment_id"] == cx.id()
            && after.is_none_or(|after| time > Some(after))
            && before.is_none_or(|before| time < Some(before))
    });
    let runs: Vec<Json> = runs.cloned().collect();
    cx.page(&runs, RUNS.order(), RUNS.limits)
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    let deployment = cx.ids.first().copied().unwrap_or_default();
    deployments::find(account, deployment)?;
    let run = account.object(RUNS.path, cx.id());
    let run = run.filter(|run| run["deployment_id"] == deployment);
    Ok(run.ok_or_else(|| RUNS.not_found())?.clone().into())
}
