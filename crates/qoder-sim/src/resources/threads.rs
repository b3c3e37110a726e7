//! Threads of a session: the main one, and those of the agents that it works with.

use crate::json::{Json, object};
use crate::page::{Limits, Order};
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::resource::{Operation, Resource};
use crate::state::account::Account;
use crate::state::session::{Entry, Session};

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[
        Operation::get("/sessions/{session_id}/threads", list),
        Operation::get("/sessions/{session_id}/threads/{thread_id}", retrieve),
        Operation::post(
            "/sessions/{session_id}/threads/{thread_id}/archive",
            archive,
        ),
        Operation::get("/sessions/{session_id}/threads/{thread_id}/events", events),
    ],
    ..Resource::NONE
};

fn list(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let threads = session.threads();
    let threads = threads.iter().map(|thread| shown(session, thread));
    let limits = Limits {
        default: 1000,
        max: 1000,
    };
    cx.page(&threads.collect::<Vec<_>>(), Order::OldestFirst, limits)
}

fn retrieve(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let thread = named(cx, session)?;
    Ok(shown(session, &thread).into())
}

fn archive(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let thread = named(cx, session)?;
    if thread == session.main_thread() {
        let why = "The main thread can't be archived.";
        return Err(Refusal::invalid("thread_id", why));
    }
    let archived = session.archived_threads.entry(thread.0.clone());
    archived.or_insert_with(|| cx.now());
    Ok(shown(session, &thread).into())
}

fn events(cx: &Context<'_>, account: &mut Account) -> Answer {
    let session = cx.session(account)?;
    let (thread, _) = named(cx, session)?;
    let log = session
        .log()
        .filter(|entry| session.is_of_thread(entry, &thread));
    let log: Vec<Json> = log.map(|entry| entry.data.clone()).collect();
    cx.page(&log, Order::OldestFirst, Limits::USUAL)
}

/// The id of the thread that the path names, and its agent's name.
fn named(cx: &Context<'_>, session: &Session) -> Result<(String, String), Refusal> {
    let mut threads = session.threads().into_iter();
    let thread = threads.find(|(id, _)| id == cx.id());
    thread.ok_or_else(|| Refusal::not_found("thread"))
}

fn shown(session: &Session, (id, agent): &(String, String)) -> Json {
    let (main, _) = session.main_thread();
    let is_main = *id == main;
    let of_thread = |entry: &&Entry| session.is_of_thread(entry, id);
    let status = if is_main {
        session.status()
    } else {
        let told = session
            .log()
            .filter(of_thread)
            .filter_map(|entry| entry.name.strip_prefix("session.thread_status_"));
        told.last().unwrap_or("running")
    };
    // Of the agents of other threads only the names are known.
    let agent = if is_main {
        let snapshot = &session.object["agent"];
        object! {
            "id": &snapshot["id"], "type": "agent", "name": agent, "version": &snapshot["version"],
        }
    } else {
        object! {"type": "agent", "name": agent}
    };
    object! {
        "id": id, "type": "session_thread", "session_id": &session.id,
        "parent_thread_id": (!is_main).then_some(&main),
        "agent": agent, "status": status,
        "stats": Json::Null, "usage": Json::Null, "archived_at": session.archived_threads.get(id),
        "created_at": &session.object["created_at"], "updated_at": &session.object["updated_at"],
    }
}
