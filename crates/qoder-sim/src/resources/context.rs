//! The context that an operation is given.

use std::sync::Arc;

use http::HeaderMap;

use crate::form::Form;
use crate::json::Json;
use crate::page::{Limits, Order, page};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::session::Session;
use crate::state::world::World;

/// A request that has been let in. The world is locked while its operation runs, which gets the
/// account beside this: it must not lock it again.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a Arc<World>,
    /// The values of the parameters in the operation's path.
    pub(crate) ids: Vec<&'a str>,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    /// The body; an empty object if there was none.
    pub(crate) body: &'a Json,
    /// The form, if the body is one.
    pub(crate) form: Option<&'a Form>,
}

impl Context<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        self.world.settings.dialect
    }

    /// The time, as the API writes it.
    pub(crate) fn now(&self) -> String {
        self.world.clock.text()
    }

    /// The value of the last parameter in the operation's path; empty if there is none.
    pub(crate) fn id(&self) -> &str {
        self.ids.last().copied().unwrap_or_default()
    }

    /// The session that the operation's path names first.
    pub(crate) fn session<'a>(&self, account: &'a mut Account) -> Result<&'a mut Session, Refusal> {
        let id = self.ids.first().copied().unwrap_or_default();
        let session = account.session(id);
        session.ok_or_else(|| Refusal::not_found("session"))
    }

    /// Whether the request opts into this beta feature.
    pub(crate) fn has_beta(&self, name: &str) -> bool {
        let values = self.headers.get_all("x-qoder-beta").iter();
        let mut names = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        names.any(|other| other.trim() == name)
    }

    /// The same request with another body, such as a part of its own.
    pub(crate) fn with_body<'a>(&'a self, body: &'a Json) -> Context<'a> {
        Context {
            ids: self.ids.clone(),
            body,
            ..*self
        }
    }

    /// The page that is asked for of these items, which are in this order.
    pub(crate) fn page(&self, items: &[Json], order: Order, limits: Limits) -> Answer {
        Ok(page(items, order, self.query, limits, self.dialect())?.into())
    }

    /// The items in the order that is asked for; they come oldest first.
    pub(crate) fn ordered(
        &self,
        mut items: Vec<Json>,
        default: &'static str,
    ) -> Result<(Vec<Json>, Order), Refusal> {
        let orders = match default {
            "asc" => ["asc", "desc"],
            _ => ["desc", "asc"],
        };
        if self.query.word("order", &orders)? == "desc" {
            items.reverse();
            return Ok((items, Order::NewestFirst));
        }
        Ok((items, Order::OldestFirst))
    }
}
