//! The resources of the API: a file each, and a line each in [`RESOURCES`].
//!
//! # How to add a resource
//!
//! 1. A file of its own here, `mod` for it below, and its line in [`RESOURCES`].
//! 2. In it, a [`Kind`] for each sort of documents: path, `type`, prefix of ids, the members in the
//!    documented order with what may be sent for each, filters of the list, and what can be done
//!    with them without further code ([`Verb`]). Parents come from the path: a credential at
//!    `/vaults/{vault_id}/credentials/{credential_id}` has a `vault_id`, is a 404 without its
//!    vault, and goes with it.
//! 3. What a field can't say alone is a function of the kind (`check`, `show`, `archive`,
//!    `in_use`); what no verb does is a [`resource::Operation`] with a function of its own, which
//!    gets the request and the account and answers with JSON or a refusal. [`Kind::new_object`],
//!    [`Kind::changed`], [`Kind::find`] and [`Kind::listed`] do the usual part of it. Sessions are
//!    no documents: what is below one begins with [`Context::session`].
//! 4. State that is no document is a type of the file, kept by `Account::part`. What happens as
//!    time goes by is the resource's `tick`; the time is that of `Context::now`.
//! 5. Tests in `tests/`, over a socket: each operation, each limit, each error. The README says
//!    what is simulated, and what was chosen where the facts leave a choice.
//!
//! Operations with more parameters in their paths come after those with fewer, so that
//! `/work/stats` needs no care beside `/work/{work_id}`.

pub(crate) mod agents;
pub(crate) mod context;
pub(crate) mod credential_auth;
pub(crate) mod credentials;
pub(crate) mod deployment_runs;
pub(crate) mod deployments;
pub(crate) mod dreams;
pub(crate) mod environments;
pub(crate) mod events;
pub(crate) mod field;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod kind;
pub(crate) mod memories;
pub(crate) mod memory_stores;
pub(crate) mod memory_versions;
pub(crate) mod models;
pub(crate) mod plain;
pub(crate) mod resource;
pub(crate) mod schedules;
pub(crate) mod sent;
pub(crate) mod session_resources;
pub(crate) mod sessions;
pub(crate) mod skill_content;
pub(crate) mod skill_versions;
pub(crate) mod skills;
pub(crate) mod snapshot;
pub(crate) mod threads;
pub(crate) mod tools;
pub(crate) mod vaults;
pub(crate) mod work;
pub(crate) mod work_queue;

use std::sync::Arc;

use context::Context;
use kind::{Kind, Verb};
use resource::{Resource, Run};

use crate::reply::Answer;
use crate::settings::{Dialect, Settings};
use crate::state::account::Account;
use crate::state::world::World;
use crate::template::matches;

const RESOURCES: &[Resource] = &[
    agents::RESOURCE,
    credentials::RESOURCE,
    deployment_runs::RESOURCE,
    deployments::RESOURCE,
    dreams::RESOURCE,
    environments::RESOURCE,
    events::RESOURCE,
    files::RESOURCE,
    memories::RESOURCE,
    memory_stores::RESOURCE,
    memory_versions::RESOURCE,
    models::RESOURCE,
    session_resources::RESOURCE,
    sessions::RESOURCE,
    skill_versions::RESOURCE,
    skills::RESOURCE,
    threads::RESOURCE,
    vaults::RESOURCE,
    work::RESOURCE,
];

/// The handler of an operation's requests.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    Plain(&'static Kind, Verb),
    Special(Run),
}

impl Handler {
    pub(crate) fn answer(self, cx: &Context<'_>, account: &mut Account) -> Answer {
        tick(cx.world, account);
        match self {
            Self::Plain(kind, verb) => plain::answer(kind, verb, cx, account),
            Self::Special(run) => run(cx, account),
        }
    }
}

/// All operations, with their methods and the templates of their paths.
pub(crate) fn operations() -> impl Iterator<Item = (&'static str, String, Handler)> {
    RESOURCES.iter().flat_map(|resource| {
        let special = resource.operations.iter();
        let special = special.map(|special| {
            let handler = Handler::Special(special.run);
            (special.method, special.path.to_owned(), handler)
        });
        let verbs = |kind: &&'static Kind| {
            let kind = *kind;
            let verbs = kind.verbs.iter();
            verbs.map(move |verb| {
                let handler = Handler::Plain(kind, *verb);
                (verb.method(), verb.path(kind.path), handler)
            })
        };
        special.chain(resource.kinds.iter().flat_map(verbs))
    })
}

/// An operation that a request is for.
pub(crate) struct Found<'a> {
    pub(crate) handler: Handler,
    /// The method of the operation, and the template of its path.
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// The values of the template's parameters.
    pub(crate) ids: Vec<&'a str>,
}

/// The operation at a path.
pub(crate) fn find<'a>(
    method: &str,
    segments: &'a [String],
    dialect: Dialect,
) -> Option<Found<'a>> {
    let of_method = |wanted: &str| {
        let found = operations().filter_map(|(method, path, handler)| {
            let ids = (method == wanted).then(|| matches(&path, segments))??;
            Some(Found {
                handler,
                method,
                path,
                ids,
            })
        });
        found.min_by_key(|found| found.ids.len())
    };
    // The first generation updated by PUT.
    let seed_update =
        || (method == "PUT" && dialect == Dialect::Seed).then(|| of_method("POST"))?;
    of_method(method).or_else(seed_update)
}

/// Gives an account what it has from its start.
pub(crate) fn furnish(settings: &Settings, account: &mut Account) {
    if !settings.empty_environments {
        environments::furnish(settings.dialect, account);
    }
}

/// Lets happen what the time has come for.
pub(crate) fn tick(world: &Arc<World>, account: &mut Account) {
    for resource in RESOURCES {
        (resource.tick)(world, account);
    }
}
