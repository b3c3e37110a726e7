//! Pages of lists, with every kind of cursor.

use serde_json::{Value, json};

use crate::Dialect;
use crate::errors::{Answer, Refusal};

/// The query of a request, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

/// Percent-encoding undone; what is not UTF-8 then is replaced.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One page of these items, which have ids and are in the order of the list.
pub(crate) fn page(items: &[Value], query: &Query, dialect: Dialect) -> Answer {
    let limit = match query.get("limit") {
        None => 20,
        Some(text) => match text.parse::<usize>() {
            Ok(limit @ 1..=100) => limit,
            _ => {
                return Err(Refusal::invalid(
                    "limit",
                    "limit must be between 1 and 100.",
                ));
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
            let start = cursor
                .strip_prefix("p_")
                .and_then(|start| start.parse::<usize>().ok());
            let start = start.filter(|start| *start <= items.len());
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
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let mut page = json!({
        "data": data,
        "first_id": id(data.first()),
        "last_id": id(data.last()),
        "has_more": has_more,
    });
    if dialect == Dialect::Current {
        page["next_page"] = if has_more && !backwards {
            json!(format!("p_{end}"))
        } else {
            Value::Null
        };
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(query: &str) -> Result<(Vec<String>, Value), u16> {
        let items: Vec<Value> = (1..=5).map(|n| json!({"id": format!("i{n}")})).collect();
        let page = page(&items, &Query::parse(Some(query)), Dialect::Current)
            .map_err(|refusal| refusal.status)?;
        let ids = page["data"].as_array().expect("data").iter();
        Ok((
            ids.map(|item| item["id"].as_str().expect("an id").to_owned())
                .collect(),
            page,
        ))
    }

    #[test]
    fn cursors_of_every_kind() {
        let (first, page) = ids("limit=2").expect("a page");
        assert_eq!(
            (first, &page["has_more"]),
            (vec!["i1".to_owned(), "i2".to_owned()], &json!(true))
        );
        let next = format!(
            "limit=2&page={}",
            page["next_page"].as_str().expect("a cursor")
        );
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
        ] {
            assert_eq!(ids(wrong).expect_err(wrong), 400);
        }
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse(Some(
            "event_deltas%5B%5D=agent.message&event_deltas[]=x+y&z",
        ));
        assert_eq!(
            query.all("event_deltas[]").collect::<Vec<_>>(),
            ["agent.message", "x y"]
        );
        assert_eq!(query.get("z"), Some(""));
        assert_eq!(decoded("%E4%B8%96%zz%4"), "世%zz%4");
    }
}
