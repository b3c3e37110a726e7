//! Kinds of documents, as tables: what their members are, and what can be done with them.

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::page::{Limits, Order};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::Field;
use crate::resources::filter::Filter;
use crate::state::account::{Account, Document};
use crate::template::parameters;

/// A kind of documents.
pub(crate) struct Kind {
    /// The path of one of them, such as `/vaults/{vault_id}/credentials/{credential_id}`. The
    /// resource that the path names before is its parent, which must exist, and whose id is a
    /// member of this name.
    pub(crate) path: &'static str,
    /// Its `type`.
    pub(crate) name: &'static str,
    /// The prefix of its ids, without the underscore.
    pub(crate) prefix: &'static str,
    pub(crate) verbs: &'static [Verb],
    /// Its members between `type` and the parent's id, and the times, in the documented order.
    pub(crate) fields: &'static [Field],
    /// Its last members, which the server sets: times, of which those of the creation and the last
    /// change are set.
    pub(crate) times: &'static [&'static str],
    pub(crate) filters: &'static [Filter],
    pub(crate) limits: Limits,
    /// Whether its list begins with the newest.
    pub(crate) newest_first: bool,
    /// Checks what no field can alone, of an object that is new or has been changed, and
    /// completes it.
    pub(crate) check: fn(&Context<'_>, &mut Account, &mut Json) -> Result<(), Refusal>,
    /// The form in which it is shown.
    pub(crate) show: fn(&Context<'_>, Verb, Json) -> Result<Json, Refusal>,
    /// The effect of archiving, beside setting the time.
    pub(crate) archive: fn(&Context<'_>, &mut Json),
    /// The reason why one with this id can't be deleted now.
    pub(crate) in_use: fn(&mut Account, &str) -> Option<Refusal>,
}

/// The operations on documents of a kind that need no further code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    List,
    Retrieve,
    Update,
    Archive,
    Delete,
    /// Updates make versions and must name the version that they change, which keeps those that
    /// don't know of each other apart; all versions can be read.
    Versions,
}

impl Verb {
    /// All but versions.
    pub(crate) const USUAL: &'static [Self] = &[
        Self::Create,
        Self::List,
        Self::Retrieve,
        Self::Update,
        Self::Archive,
        Self::Delete,
    ];

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Create | Self::Update | Self::Archive => "POST",
            Self::List | Self::Retrieve | Self::Versions => "GET",
            Self::Delete => "DELETE",
        }
    }

    /// The path of the operation, for a kind at this path.
    pub(crate) fn path(self, of_one: &'static str) -> String {
        let (all, _) = of_one.rsplit_once('/').unwrap_or_default();
        match self {
            Self::Create | Self::List => all.to_owned(),
            Self::Retrieve | Self::Update | Self::Delete => of_one.to_owned(),
            Self::Archive => format!("{of_one}/archive"),
            Self::Versions => format!("{of_one}/versions"),
        }
    }
}

impl Kind {
    /// The defaults of a kind.
    pub(crate) const PLAIN: Self = Self {
        path: "",
        name: "",
        prefix: "",
        verbs: Verb::USUAL,
        fields: &[],
        times: &["archived_at", "created_at", "updated_at"],
        filters: &[Filter::Archived, Filter::CreatedAt],
        limits: Limits::USUAL,
        newest_first: true,
        check: |_, _, _| Ok(()),
        show: |_, _, object| Ok(object),
        archive: |_, _| (),
        in_use: |_, _| None,
    };

    pub(crate) fn has_versions(&self) -> bool {
        self.verbs.contains(&Verb::Versions)
    }

    /// The order of its list.
    pub(crate) fn order(&self) -> Order {
        if self.newest_first {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        }
    }

    pub(crate) fn not_found(&self) -> Refusal {
        Refusal::not_found(&self.name.replace('_', " "))
    }

    /// A new object as the body describes it. It is not in the account yet.
    pub(crate) fn new_object(
        &self,
        cx: &Context<'_>,
        account: &mut Account,
    ) -> Result<Json, Refusal> {
        self.check_parents(cx, account)?;
        let mut object = object! {"id": new_id(self.prefix), "type": self.name};
        for (parent, id) in self.parents(cx) {
            object.set(parent, id);
        }
        for field in self.fields {
            field.set(cx, &mut object)?;
        }
        let now = cx.now();
        for time in self.times {
            let is_set = matches!(*time, "created_at" | "updated_at");
            object.set(time, is_set.then_some(&now));
        }
        (self.check)(cx, account, &mut object)?;
        Ok(object)
    }

    /// The object, changed as the body says. It is not in the account yet.
    pub(crate) fn changed(
        &self,
        cx: &Context<'_>,
        account: &mut Account,
        mut object: Json,
    ) -> Result<Json, Refusal> {
        for field in self.fields {
            field.change(cx, &mut object)?;
        }
        self.touch(cx, &mut object);
        (self.check)(cx, account, &mut object)?;
        Ok(object)
    }

    /// Notes that it was changed just now.
    pub(crate) fn touch(&self, cx: &Context<'_>, object: &mut Json) {
        if self.times.contains(&"updated_at") {
            object.set("updated_at", cx.now());
        }
    }

    pub(crate) fn add(&self, account: &mut Account, object: Json) {
        account.documents(self.path).push(Document::new(object));
    }

    /// The document that the operation's path names.
    pub(crate) fn find<'a>(
        &self,
        cx: &Context<'_>,
        account: &'a mut Account,
    ) -> Result<&'a mut Document, Refusal> {
        self.check_parents(cx, account)?;
        let id = cx.ids.get(parameters(self.path).count() - 1);
        let mut documents = account.documents(self.path).iter_mut();
        let document = documents.find(|document| {
            let is = |(name, id): (&str, &str)| document.object[name] == id;
            id.is_some_and(|id| document.object["id"] == *id) && self.parents(cx).all(is)
        });
        document.ok_or_else(|| self.not_found())
    }

    /// Returns the items of the list, in its order.
    pub(crate) fn listed(
        &self,
        cx: &Context<'_>,
        account: &mut Account,
    ) -> Result<Vec<Json>, Refusal> {
        self.check_parents(cx, account)?;
        let documents = account.documents(self.path).iter();
        let objects = documents.map(|document| &document.object);
        let is_below = |object: &&Json| self.parents(cx).all(|(name, id)| object[name] == id);
        let mut items: Vec<Json> = objects.filter(is_below).cloned().collect();
        if self.newest_first {
            items.reverse();
        }
        let mut filters = self.filters.iter();
        filters.try_fold(items, |items, filter| filter.keep(cx, items))
    }

    /// The parameters of the path that name parents, and their values.
    fn parents<'a>(&self, cx: &'a Context<'_>) -> impl Iterator<Item = (&'static str, &'a str)> {
        let count = parameters(self.path).count().saturating_sub(1);
        let ids = cx.ids.iter().copied();
        parameters(self.path).zip(ids).take(count)
    }

    fn check_parents(&self, cx: &Context<'_>, account: &mut Account) -> Result<(), Refusal> {
        for (parameter, id) in self.parents(cx) {
            let at = self.path.find(parameter).unwrap_or_default();
            let parent = &self.path[..=at + parameter.len()];
            if account.object(parent, id).is_none() {
                let name = parameter.trim_end_matches("_id").replace('_', " ");
                return Err(Refusal::not_found(&name));
            }
        }
        Ok(())
    }
}
