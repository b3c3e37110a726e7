//! Pages of lists, with every kind of cursor.

use crate::ids::made_before;
use crate::json::{Json, object};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::settings::Dialect;

/// The number of items on a page: by default and at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// If the request says nothing.
    pub(crate) default: usize,
    pub(crate) max: usize,
}

impl Limits {
    pub(crate) const USUAL: Self = Self::up_to(100);

    pub(crate) const fn up_to(max: usize) -> Self {
        Self { default: 20, max }
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
    ByPath,
}

impl Order {
    /// Returns the key by which the cursor of a page names its last item.
    fn key(self, item: &Json) -> &str {
        match self {
            Self::OldestFirst | Self::NewestFirst => item["id"].text(),
            Self::ByPath => item["path"].text(),
        }
    }

    /// Returns the number of items up to the one of this key, which may be gone meanwhile; `None`
    /// if there never was such a key.
    fn up_to(self, items: &[Json], key: &str) -> Option<usize> {
        if let Some(at) = items.iter().position(|item| self.key(item) == key) {
            return Some(at + 1);
        }
        let number = |item: &Json| made_before(self.key(item));
        let next = match self {
            Self::OldestFirst => {
                let gone = made_before(key)?;
                items.iter().position(|item| number(item) > Some(gone))
            }
            Self::NewestFirst => {
                let gone = made_before(key)?;
                items.iter().position(|item| number(item) < Some(gone))
            }
            Self::ByPath => items.iter().position(|item| self.key(item) > key),
        };
        Some(next.unwrap_or(items.len()))
    }
}

/// One page of these items, which are in this order. Those that have an id can be a cursor; the
/// page's own cursor says which item came last, and leads to what follows that place, whatever was
/// added and deleted since.
pub(crate) fn page(
    items: &[Json],
    order: Order,
    query: &Query,
    limits: Limits,
    dialect: Dialect,
) -> Result<Json, Refusal> {
    let max = limits.max;
    let limit = match query.get("limit") {
        None => limits.default,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if (1..=max).contains(&limit) => limit,
            _ => {
                let why = format!("limit must be between 1 and {max}.");
                return Err(Refusal::invalid("limit", why));
            }
        },
    };
    let cursors: Vec<(&str, &str)> = ["page", "after_id", "before_id", "after", "before"]
        .into_iter()
        .filter_map(|name| Some((name, query.get(name)?)))
        .collect();
    let [start, end] = match cursors[..] {
        [] => [0, limit.min(items.len())],
        [("page", cursor)] => {
            let key = cursor.strip_prefix("p_");
            let start = key.and_then(|key| order.up_to(items, key));
            let start = start.ok_or_else(|| Refusal::invalid("page", "Invalid page cursor."))?;
            [start, (start + limit).min(items.len())]
        }
        [(name, id)] => {
            let at = items.iter().position(|item| item["id"] == id);
            let at = at.ok_or_else(|| Refusal::invalid(name, format!("Unknown cursor '{id}'.")))?;
            match name {
                "after_id" | "after" => [at + 1, (at + 1 + limit).min(items.len())],
                _ => [at.saturating_sub(limit), at],
            }
        }
        _ => {
            return Err(Refusal::invalid(
                "page",
                "page, after_id and before_id exclude each other.",
            ));
        }
    };
    let backwards = cursors
        .first()
        .is_some_and(|(name, _)| name.starts_with("before"));
    let has_more = if backwards {
        start > 0
    } else {
        end < items.len()
    };
    let data = &items[start..end];
    let id = |item: Option<&Json>| item.map_or(Json::Null, |item| item["id"].clone());
    let mut page = object! {
        "data": data.to_vec(),
        "first_id": id(data.first()),
        "last_id": id(data.last()),
        "has_more": has_more,
    };
    if dialect == Dialect::Current {
        let last = data.last().filter(|_| has_more && !backwards);
        let next = last.map(|last| format!("p_{}", order.key(last)));
        page.set("next_page", next);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(query: &str) -> Result<(Vec<String>, Json), u16> {
        let items: Vec<Json> = (1..=5).map(|n| object! {"id": format!("i{n}")}).collect();
        let query = Query::parse(Some(query));
        let order = Order::OldestFirst;
        let page = page(&items, order, &query, Limits::USUAL, Dialect::Current)
            .map_err(|refusal| refusal.status)?;
        let ids = page["data"].items().iter();
        Ok((ids.map(|item| item["id"].text().to_owned()).collect(), page))
    }

    #[test]
    fn cursors_of_every_kind() {
        let (first, page) = ids("limit=2").expect("a page");
        assert_eq!(first, ["i1", "i2"]);
        assert_eq!(page["has_more"], true);
        let next = format!("limit=2&page={}", page["next_page"].text());
        assert_eq!(ids(&next).expect("a page").0, ["i3", "i4"]);
        assert_eq!(ids("after_id=i4").expect("a page").0, ["i5"]);
        assert_eq!(ids("before_id=i3&limit=1").expect("a page").0, ["i2"]);
        let (none, page) = ids("after_id=i5").expect("a page");
        assert!(none.is_empty() && page["last_id"].is_null() && page["has_more"] == false);
        for wrong in [
            "limit=0",
            "limit=101",
            "limit=x",
            "page=p_1&after_id=i1",
            "after_id=i9",
            "page=zzz",
            "page=p_zzz",
        ] {
            assert_eq!(ids(wrong).expect_err(wrong), 400);
        }
    }

    #[test]
    fn a_cursor_outlives_its_item() {
        let items: Vec<Json> = (1..=5)
            .map(|_| object! {"id": crate::ids::new_id("x")})
            .collect();
        let key = |item: &Json| item["id"].text().to_owned();
        for gone in 0..5 {
            let mut left = items.clone();
            left.remove(gone);
            let order = Order::OldestFirst;
            assert_eq!(order.up_to(&left, &key(&items[gone])), Some(gone));
            left.reverse();
            let order = Order::NewestFirst;
            assert_eq!(order.up_to(&left, &key(&items[gone])), Some(4 - gone));
        }
        let paths: Vec<Json> = ["a", "c/", "d"].map(|path| object! {"path": path}).to_vec();
        assert_eq!(Order::ByPath.up_to(&paths, "b"), Some(1));
        assert_eq!(Order::ByPath.up_to(&paths, "c/"), Some(2));
        assert_eq!(Order::ByPath.up_to(&paths, "e"), Some(3));
    }
}
