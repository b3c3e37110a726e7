//! The work of self-hosted environments: what waits for their workers, and what they say of it.

use std::time::Duration;

use crate::clock::later;
use crate::json::{Json, object};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::field::Field;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::resources::work_queue::{self, Queue};
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&WORK],
    operations: &[
        Operation::get(POLL, poll),
        Operation::get("/environments/{environment_id}/work/stats", stats),
        Operation::post(WORK.path, update),
        Operation::post("/environments/{environment_id}/work/{work_id}/ack", ack),
        Operation::post(
            "/environments/{environment_id}/work/{work_id}/heartbeat",
            heartbeat,
        ),
        Operation::post("/environments/{environment_id}/work/{work_id}/stop", stop),
    ],
    tick: work_queue::tick,
};

pub(crate) const WORK: Kind = Kind {
    path: "/environments/{environment_id}/work/{work_id}",
    name: "work",
    prefix: "work",
    verbs: &[Verb::List, Verb::Retrieve],
    fields: &[Field::metadata()],
    times: &[],
    filters: &[],
    ..Kind::PLAIN
};

pub(crate) const POLL: &str = "/environments/{environment_id}/work/poll";

/// The value that a heartbeat expects as the last one if there was none.
const NO_HEARTBEAT: &str = "NO_HEARTBEAT";

/// The duration of a lease, by default and at most, in seconds.
const TTL: u64 = 60;
const LONGEST_TTL: u64 = 300;

const RECLAIM_MILLIS: u64 = 5000;
const LONGEST_BLOCK_MILLIS: u64 = 999;

/// Returns the time that a poll waits for work.
pub(crate) fn patience(query: &Query) -> Result<Duration, Refusal> {
    let millis = query.whole("block_ms", 1)?.unwrap_or_default();
    if millis > LONGEST_BLOCK_MILLIS {
        let why = format!("block_ms must be from 1 to {LONGEST_BLOCK_MILLIS}.");
        return Err(Refusal::invalid("block_ms", why));
    }
    Ok(Duration::from_millis(millis))
}

/// The work that has waited longest, which is the worker's for a while; null if there is none.
fn poll(cx: &Context<'_>, account: &mut Account) -> Answer {
    patience(cx.query)?;
    let reclaim = cx.query.whole("reclaim_older_than_ms", 0)?;
    let reclaim = Duration::from_millis(reclaim.unwrap_or(RECLAIM_MILLIS));
    let now = cx.world.clock.now();
    let works = WORK.listed(cx, account)?;
    let worker = cx.headers.get("worker-id");
    let queue = account.part::<Queue>();
    if let Some(worker) = worker.and_then(|worker| worker.to_str().ok()) {
        queue.polled(cx.id(), worker, now);
    }
    let is_free = |work: &&Json| {
        let given = queue.given.get(work["id"].text());
        work["state"] == "queued" && given.is_none_or(|given| later(*given, reclaim) <= now)
    };
    let work = work_queue::oldest(works.iter().filter(is_free));
    if let Some(work) = work {
        queue.given.insert(work["id"].text().to_owned(), now);
    }
    Ok(work.map_or(Json::Null, Clone::clone).into())
}

fn stats(cx: &Context<'_>, account: &mut Account) -> Answer {
    let now = cx.world.clock.now();
    let mut works = WORK.listed(cx, account)?;
    works.retain(|work| work["state"] == "queued");
    let queue = account.part::<Queue>();
    let given = works.iter().map(|work| work["id"].text());
    let given = given.filter(|id| queue.given.contains_key(*id)).count();
    let oldest = work_queue::oldest(works.iter());
    let stats = object! {
        "type": "work_queue_stats", "depth": works.len() - given, "pending": given,
        "oldest_queued_at": oldest.map(|work| &work["created_at"]),
        "workers_polling": queue.workers(cx.id(), now),
    };
    Ok(stats.into())
}

fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let before = WORK.find(cx, account)?.object.clone();
    if cx.body["metadata"].is_null() {
        return Err(Refusal::missing("metadata"));
    }
    let after = WORK.changed(cx, account, before)?;
    WORK.find(cx, account)?.object = after.clone();
    Ok(after.into())
}

/// The work is the worker's who acknowledges it, and who now has time for a first heartbeat.
fn ack(cx: &Context<'_>, account: &mut Account) -> Answer {
    let work = &mut WORK.find(cx, account)?.object;
    match work["state"].text() {
        "queued" => {}
        "starting" => return Ok(work.clone().into()),
        state => return Err(Refusal::conflict(format!("work is {state}"))),
    }
    work.set("state", "starting");
    work.set("acknowledged_at", cx.now());
    let work = work.clone();
    hold(cx, account, TTL);
    Ok(work.into())
}

fn heartbeat(cx: &Context<'_>, account: &mut Account) -> Answer {
    let ttl = cx.query.whole("desired_ttl_seconds", 0)?;
    let ttl = ttl.unwrap_or(TTL).clamp(1, LONGEST_TTL);
    let work = &mut WORK.find(cx, account)?.object;
    let last = work["latest_heartbeat_at"].as_str().unwrap_or(NO_HEARTBEAT);
    let expected = cx.query.get("expected_last_heartbeat");
    if expected.is_some_and(|expected| expected != last) {
        let why = format!("The last heartbeat was {last}.");
        return Err(Refusal::new(412, "precondition_failed_error", why));
    }
    let told = |last: &str, extended: bool, state: &str, ttl: u64| {
        object! {
            "type": "work_heartbeat", "last_heartbeat": last, "lease_extended": extended,
            "state": state, "ttl_seconds": ttl,
        }
    };
    match work["state"].text() {
        "queued" => return Err(Refusal::conflict("work is not acknowledged")),
        "stopped" => return Ok(told(last, false, "stopped", 0).into()),
        "starting" => {
            work.set("state", "active");
            work.set("started_at", cx.now());
        }
        _ => {}
    }
    let now = cx.now();
    work.set("latest_heartbeat_at", &now);
    let answer = told(&now, true, work["state"].text(), ttl);
    hold(cx, account, ttl);
    Ok(answer.into())
}

/// The work that the path names stays with its worker for so long.
fn hold(cx: &Context<'_>, account: &mut Account, seconds: u64) {
    let ends = later(cx.world.clock.now(), Duration::from_secs(seconds));
    let queue = account.part::<Queue>();
    queue.given.remove(cx.id());
    queue.leases.insert(cx.id().to_owned(), ends);
}

fn stop(cx: &Context<'_>, account: &mut Account) -> Answer {
    let force = match &cx.body["force"] {
        Json::Null => false,
        Json::Bool(force) => *force,
        _ => return Err(Refusal::invalid("force", "force must be true or false.")),
    };
    let work = &mut WORK.find(cx, account)?.object;
    if work["state"] != "stopped" {
        if work["stop_requested_at"].is_null() {
            work.set("stop_requested_at", cx.now());
        }
        work.set("state", "stopping");
        if force {
            work_queue::end(work, &cx.now());
        }
    }
    let work = work.clone();
    if force {
        account.part::<Queue>().release(cx.id());
    }
    Ok(work.into())
}
