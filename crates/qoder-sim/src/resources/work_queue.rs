//! The queue of the work: what comes into it, and who was given what, for how long.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::later;
use crate::ids::new_id;
use crate::json::{Json, object};
use crate::resources::environments;
use crate::resources::work::WORK;
use crate::state::account::Account;
use crate::state::session::Session;
use crate::state::world::World;

/// For how long a worker counts after a poll.
const COUNTS: Duration = Duration::from_secs(30);

/// The state of a queue that its work doesn't show.
#[derive(Clone, Default)]
pub(crate) struct Queue {
    /// When work was given to a worker who hasn't acknowledged it, by the id of the work.
    pub(crate) given: HashMap<String, Timestamp>,
    /// When a worker loses it unless there is a heartbeat.
    pub(crate) leases: HashMap<String, Timestamp>,
    /// The number of a session's messages that work has been queued for.
    queued_for: HashMap<String, usize>,
    /// When a worker last polled, by the environment and the worker's name.
    polls: HashMap<(String, String), Timestamp>,
}

impl Queue {
    /// Nobody has this work any more.
    pub(crate) fn release(&mut self, work: &str) {
        self.given.remove(work);
        self.leases.remove(work);
    }

    pub(crate) fn polled(&mut self, environment: &str, worker: &str, now: Timestamp) {
        let worker = (environment.to_owned(), worker.to_owned());
        self.polls.insert(worker, now);
    }

    /// Returns the number of workers that have polled lately.
    pub(crate) fn workers(&self, environment: &str, now: Timestamp) -> usize {
        let polls = self.polls.iter().filter(|((of, _), last)| {
            let counts_until = later(**last, COUNTS);
            of == environment && counts_until > now
        });
        polls.count()
    }
}

/// The work that was queued first.
pub(crate) fn oldest<'a>(works: impl Iterator<Item = &'a Json>) -> Option<&'a Json> {
    works.min_by_key(|work| created_at(work))
}

fn created_at(work: &Json) -> Option<Timestamp> {
    work["created_at"].text().parse().ok()
}

/// The work is over.
pub(crate) fn end(work: &mut Json, now: &str) {
    work.set("state", "stopped");
    work.set("stopped_at", now);
}

pub(crate) fn tick(_: &Arc<World>, account: &mut Account) {
    let mut queue = std::mem::take(account.part::<Queue>());
    take_back(account, &mut queue);
    fill(account, &mut queue);
    *account.part() = queue;
}

/// Takes work back whose worker has not been heard of, and ends what nobody needs any more.
fn take_back(account: &mut Account, queue: &mut Queue) {
    let now = account.clock.now();
    let sessions = account.sessions.iter().filter(|session| is_open(session));
    let sessions: HashSet<String> = sessions.map(|session| session.id.clone()).collect();
    for document in account.documents(WORK.path) {
        let work = &mut document.object;
        let id = work["id"].text().to_owned();
        let is_held = queue.leases.get(&id).is_some_and(|ends| *ends > now);
        match work["state"].text() {
            "stopped" => continue,
            _ if !sessions.contains(work.at("data.id").text()) => end(work, &now.to_string()),
            "stopping" if !is_held => end(work, &now.to_string()),
            "starting" | "active" if !is_held => {
                work.set("state", "queued");
                for time in ["acknowledged_at", "started_at", "latest_heartbeat_at"] {
                    work.set(time, Json::Null);
                }
            }
            _ => continue,
        }
        queue.release(&id);
    }
}

fn is_open(session: &Session) -> bool {
    !session.deleted && !session.is_over()
}

/// Queues work for the sessions that have got messages and have no work under way, which would
/// take care of them.
fn fill(account: &mut Account, queue: &mut Queue) {
    let environments = environments::self_hosted(account);
    if environments.is_empty() {
        return;
    }
    let works = account.documents(WORK.path).iter();
    let works = works.map(|document| &document.object);
    let live = works.filter(|work| work["state"] != "stopped");
    let live = live.map(|work| (work.at("data.id").text(), work["state"].text()));
    let live: HashMap<String, String> = live
        .map(|(session, state)| (session.to_owned(), state.to_owned()))
        .collect();
    let mut new = Vec::new();
    for session in account.sessions.iter().filter(|session| is_open(session)) {
        let environment = session.object["environment_id"].text();
        if !environments.contains(environment) {
            continue;
        }
        let seen = queue.queued_for.entry(session.id.clone()).or_default();
        let messages = session.log().filter(|entry| entry.name == "user.message");
        let mut messages = messages.skip(*seen);
        let Some(first) = messages.next() else {
            continue;
        };
        match live.get(&session.id).map(String::as_str) {
            // Its worker is leaving, and need not see what comes now.
            Some("stopping") => continue,
            Some(_) => {}
            None => new.push(object! {
                "id": new_id(WORK.prefix), "type": WORK.name, "environment_id": environment,
                "data": object! {"type": "session", "id": &session.id}, "state": "queued",
                "created_at": &first.data["processed_at"], "acknowledged_at": Json::Null,
                "started_at": Json::Null, "latest_heartbeat_at": Json::Null,
                "stop_requested_at": Json::Null, "stopped_at": Json::Null,
                "metadata": Json::empty_object(),
            }),
        }
        *seen += 1 + messages.count();
    }
    new.sort_by_key(created_at);
    for work in new {
        WORK.add(account, work);
    }
}
