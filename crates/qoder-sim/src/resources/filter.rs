//! The filters of lists.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::context::Context;

/// A filter of a list. Members of members are written with a dot, such as `scope.id`.
#[derive(Clone, Copy)]
pub(crate) enum Filter {
    /// Archived ones are left out, unless `include_archived` is `true`.
    Archived,
    /// `created_at[gt]`, `[gte]`, `[lt]` and `[lte]`.
    CreatedAt,
    /// The parameter of this name is what the member says.
    Equal(&'static str, &'static str),
    /// As `Equal`, and one of these words.
    Word(&'static str, &'static str, &'static [&'static str]),
    /// The parameter of this name is what the member of an item of the list says, which is the
    /// second name.
    Has(&'static str, &'static str, &'static str),
    /// One of the parameters of this name is what the member says.
    Among(&'static str, &'static str),
    /// This function accepts the item.
    By(fn(&Context<'_>, &Json) -> Result<bool, Refusal>),
}

impl Filter {
    /// Returns those of the items that the filter keeps.
    pub(crate) fn keep(&self, cx: &Context<'_>, items: Vec<Json>) -> Result<Vec<Json>, Refusal> {
        let query = cx.query;
        let kept = |fits: &dyn Fn(&Json) -> bool| {
            items.iter().filter(|item| fits(item)).cloned().collect()
        };
        Ok(match *self {
            Self::Archived => {
                if query.flag("include_archived")? {
                    return Ok(items);
                }
                kept(&|item| item["archived_at"].is_null())
            }
            Self::CreatedAt => return query.in_range("created_at", "created_at", items),
            Self::Equal(name, member) | Self::Word(name, member, _) => {
                if let Self::Word(_, _, words) = *self {
                    if query.get(name).is_some() {
                        query.word(name, words)?;
                    }
                }
                match query.get(name) {
                    None => return Ok(items),
                    Some(value) => kept(&|item| item.at(member) == value),
                }
            }
            Self::Has(name, list, member) => match query.get(name) {
                None => return Ok(items),
                Some(value) => kept(&|item| {
                    let mut inner = item[list].items().iter();
                    inner.any(|inner| inner[member] == value)
                }),
            },
            Self::Among(name, member) => {
                let values: Vec<&str> = query.all(name).collect();
                if values.is_empty() {
                    return Ok(items);
                }
                kept(&|item| values.contains(&item.at(member).text()))
            }
            Self::By(fits) => {
                let mut kept = Vec::new();
                for item in items {
                    if fits(cx, &item)? {
                        kept.push(item);
                    }
                }
                kept
            }
        })
    }
}
