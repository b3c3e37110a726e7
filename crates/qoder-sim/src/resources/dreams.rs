//! Dreams: jobs that write down what is worth remembering. No model runs here: a dream begins a
//! second after it was made, ends five seconds later, and writes one memory about its inputs.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use crate::clock::later;
use crate::json::{Json, object};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::field::Field;
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::resource::{Operation, Resource};
use crate::resources::{memories, memory_stores};
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&DREAMS],
    operations: &[Operation::post("/dreams/{dream_id}/cancel", cancel)],
    tick,
};

const DREAMS: Kind = Kind {
    path: "/dreams/{dream_id}",
    name: "dream",
    prefix: "drm",
    verbs: &[Verb::Create, Verb::List, Verb::Retrieve, Verb::Archive],
    fields: &[
        Field::server("status", || "pending".into()),
        Field::read("inputs", inputs).required(),
        Field::server("outputs", Json::empty_list),
        Field::read("model", model).required(),
        Field::text("instructions", 4096),
        Field::read("output_behavior", output_behavior).or(|| object! {"type": "create_new"}),
        Field::server("session_id", || Json::Null),
        Field::server("usage", no_usage),
        Field::server("error", || Json::Null),
    ],
    times: &["created_at", "ended_at", "archived_at"],
    filters: &[
        Filter::Archived,
        Filter::CreatedAt,
        Filter::Among("statuses[]", "status"),
    ],
    check,
    ..Kind::PLAIN
};

/// The time that a dream is pending, and the time that it runs then.
const PENDING: Duration = Duration::from_secs(1);
const RUNNING: Duration = Duration::from_secs(5);

fn no_usage() -> Json {
    object! {
        "input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
}

fn inputs(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let wrong = |why: &str| Refusal::invalid(name, format!("{name} {why}."));
    let items = value.as_list().unwrap_or_default();
    if items.is_empty() {
        return Err(wrong("must be a non-empty array"));
    }
    for input in items {
        let is_text = |id: &Json| id.as_str().is_some_and(|id| !id.is_empty());
        let is_one = match input["type"].text() {
            "memory_store" => is_text(&input["memory_store_id"]),
            "sessions" => {
                let ids = input["session_ids"].items();
                !ids.is_empty() && ids.iter().all(is_text)
            }
            _ => false,
        };
        if !is_one {
            return Err(wrong("must be memory stores and sessions, by their ids"));
        }
    }
    Ok(value.clone())
}

/// By its id alone, or as an object; an object is what is kept.
fn model(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let wrong = || Refusal::invalid(name, "model must be an id, or an object with one.");
    let model = match value {
        Json::Text(id) => object! {"id": id},
        Json::Object(_) => value.clone(),
        _ => return Err(wrong()),
    };
    let knows_speed = matches!(model["speed"].text(), "" | "standard" | "fast");
    if model["id"].text().is_empty() || !knows_speed {
        return Err(wrong());
    }
    Ok(model)
}

fn output_behavior(_: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    let is_one = match value["type"].text() {
        "create_new" => true,
        "update_existing" => !value["memory_store_id"].text().is_empty(),
        _ => false,
    };
    if is_one {
        return Ok(value.clone());
    }
    let why = "output_behavior must be create_new, or update_existing with a memory_store_id.";
    Err(Refusal::invalid(name, why))
}

/// Checks that what the dream is about exists.
fn check(_: &Context<'_>, account: &mut Account, dream: &mut Json) -> Result<(), Refusal> {
    missing(account, dream).map_or(Ok(()), |what| Err(Refusal::not_found(what)))
}

/// Returns the kind of the first of a dream's inputs and outputs that isn't there.
fn missing(account: &mut Account, dream: &Json) -> Option<&'static str> {
    let target = &dream["output_behavior"];
    if target["type"] == "update_existing"
        && memory_stores::open(account, target["memory_store_id"].text()).is_err()
    {
        return Some("memory store");
    }
    for input in dream["inputs"].items() {
        if let Some(id) = input["memory_store_id"].as_str() {
            if !memory_stores::exists(account, id) {
                return Some("memory store");
            }
        }
        for id in input["session_ids"].items() {
            if account.session(id.text()).is_none() {
                return Some("session");
            }
        }
    }
    None
}

/// One that has ended stays as it is.
fn cancel(cx: &Context<'_>, account: &mut Account) -> Answer {
    let dream = &mut DREAMS.find(cx, account)?.object;
    if dream["ended_at"].is_null() {
        dream.set("status", "canceled");
        dream.set("ended_at", cx.now());
    }
    Ok(dream.clone().into())
}

/// Begins and ends what the time has come for.
fn tick(world: &Arc<World>, account: &mut Account) {
    let now = account.clock.now();
    let dreams = account.documents(DREAMS.path).iter_mut();
    let mut over = Vec::new();
    for dream in dreams.map(|dream| &mut dream.object) {
        let Ok(created) = dream["created_at"].text().parse::<Timestamp>() else {
            continue;
        };
        if dream["status"] == "pending" && later(created, PENDING) <= now {
            dream.set("status", "running");
        }
        if dream["status"] == "running" && later(created, PENDING + RUNNING) <= now {
            over.push(dream.clone());
        }
    }
    for mut dream in over {
        end(world, account, &mut dream);
        if let Some(kept) = account.object(DREAMS.path, dream["id"].text()) {
            *kept = dream;
        }
    }
}

fn end(world: &Arc<World>, account: &mut Account, dream: &mut Json) {
    let outcome = match missing(account, dream) {
        Some(what) => Err(format!("The {what} is not there any more.")),
        None => write(world, account, dream).map_err(|_| "Nothing could be written.".to_owned()),
    };
    match outcome {
        Ok(output) => {
            dream.set("status", "completed");
            dream.set("outputs", Json::List(vec![output]));
            dream.set(
                "usage",
                object! {
                    "input_tokens": 1200, "output_tokens": 80, "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 400,
                },
            );
        }
        Err(message) => {
            dream.set("status", "failed");
            dream.set(
                "error",
                object! {"type": "invalid_input_error", "message": message},
            );
        }
    }
    dream.set("ended_at", account.clock.text());
}

/// Writes the dream's memory into the store that it makes or changes.
fn write(world: &Arc<World>, account: &mut Account, dream: &Json) -> Result<Json, Refusal> {
    let (query, headers) = (Query::default(), HeaderMap::new());
    let body = object! {"name": format!("dream {}", dream["id"].text())};
    let cx = Context {
        world,
        ids: Vec::new(),
        query: &query,
        headers: &headers,
        body: &body,
        form: None,
    };
    let target = &dream["output_behavior"];
    let store = match target["type"].text() {
        "update_existing" => target["memory_store_id"].text().to_owned(),
        _ => memory_stores::make(&cx, account)?,
    };
    let path = format!("dreams/{}.md", dream["id"].text());
    let inputs = dream["inputs"].items().len();
    let content = format!(
        "Dreamt of {inputs} inputs. {}",
        dream["instructions"].text()
    );
    let memory = object! {"path": &path, "content": content.trim_end()};
    let inside = Context {
        ids: vec![&store],
        ..cx.with_body(&memory)
    };
    memories::create(&inside, account)?;
    Ok(object! {
        "type": "memory_store", "memory_store_id": &store,
        "files_touched": Json::List(vec![path.into()]),
    })
}
