//! A resource: kinds of documents, and operations with code of their own.

use std::sync::Arc;

use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::kind::Kind;
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) struct Resource {
    pub(crate) kinds: &'static [&'static Kind],
    pub(crate) operations: &'static [Operation],
    /// The events that time brings about. Called before each operation on the account, and when the
    /// clock is moved ahead.
    pub(crate) tick: fn(&Arc<World>, &mut Account),
}

impl Resource {
    /// The defaults of a resource.
    pub(crate) const NONE: Self = Self {
        kinds: &[],
        operations: &[],
        tick: |_, _| (),
    };
}

/// An operation that no verb of a kind is.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// Its path, such as `/agents/{agent_id}`.
    pub(crate) path: &'static str,
    pub(crate) run: Run,
}

pub(crate) type Run = fn(&Context<'_>, &mut Account) -> Answer;

impl Operation {
    pub(crate) const fn get(path: &'static str, run: Run) -> Self {
        Self::new("GET", path, run)
    }

    pub(crate) const fn post(path: &'static str, run: Run) -> Self {
        Self::new("POST", path, run)
    }

    pub(crate) const fn put(path: &'static str, run: Run) -> Self {
        Self::new("PUT", path, run)
    }

    pub(crate) const fn delete(path: &'static str, run: Run) -> Self {
        Self::new("DELETE", path, run)
    }

    const fn new(method: &'static str, path: &'static str, run: Run) -> Self {
        Self { method, path, run }
    }
}
