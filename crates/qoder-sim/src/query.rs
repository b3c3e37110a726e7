//! The query of a request, decoded.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::json::Json;
use crate::refusal::Refusal;

#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let (_, value) = pairs.find(|(other, _)| other == name)?;
        Some(value)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |(other, _)| other == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// `true` or `false`; no if it isn't there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::invalid(
                name,
                format!("{name} must be true or false."),
            )),
        }
    }

    /// A whole number, if it is there, that is not below the least.
    pub(crate) fn whole(&self, name: &str, least: u64) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(Refusal::invalid(
                name,
                format!("{name} must be a whole number, {least} or more."),
            )),
        }
    }

    /// One of these words; the first if it isn't there.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Result<&'static str, Refusal> {
        let Some(word) = self.get(name) else {
            return Ok(words.first().copied().unwrap_or_default());
        };
        let mut known = words.iter().copied();
        known.find(|known| *known == word).ok_or_else(|| {
            let words = words.join(", ");
            Refusal::invalid(name, format!("{name} must be one of {words}."))
        })
    }

    /// Returns the items whose time lies between those that `NAME[gt]`, `[gte]`, `[lt]` and `[lte]`
    /// say.
    pub(crate) fn in_range(
        &self,
        name: &str,
        field: &str,
        mut items: Vec<Json>,
    ) -> Result<Vec<Json>, Refusal> {
        type Fits = fn(Ordering) -> bool;
        let bounds: [(&str, Fits); 4] = [
            ("gt", Ordering::is_gt),
            ("gte", Ordering::is_ge),
            ("lt", Ordering::is_lt),
            ("lte", Ordering::is_le),
        ];
        for (bound, fits) in bounds {
            let name = format!("{name}[{bound}]");
            let Some(bound) = self.get(&name) else {
                continue;
            };
            let wrong = |_| Refusal::invalid(&name, format!("{name} must be an RFC 3339 time."));
            let bound: Timestamp = bound.parse().map_err(wrong)?;
            items.retain(|item| {
                let time: Option<Timestamp> = item[field].text().parse().ok();
                time.is_some_and(|time| fits(time.cmp(&bound)))
            });
        }
        Ok(items)
    }
}

/// The segments of a path, decoded.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let segments = path.split('/').skip(1);
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    segments.map(|text| decoded(text).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_are_decoded() {
        let query = Query::parse(Some(
            "event_deltas%5B%5D=agent.message&event_deltas[]=x+y&z",
        ));
        let all: Vec<&str> = query.all("event_deltas[]").collect();
        assert_eq!(all, ["agent.message", "x y"]);
        assert_eq!(query.get("z"), Some(""));
        assert_eq!(
            segments("/a%2Fb/%E4%B8%96%zz%4/x+y"),
            ["a/b", "世%zz%4", "x+y"]
        );
    }

    #[test]
    fn values_are_checked() {
        let query = Query::parse(Some("yes=true&no=false&odd=1&word=b"));
        assert!(query.flag("yes").expect("a flag"));
        assert!(!query.flag("no").expect("a flag") && !query.flag("none").expect("a flag"));
        assert_eq!(query.flag("odd").expect_err("a number").status, 400);
        assert_eq!(query.whole("odd", 1).expect("a number"), Some(1));
        assert_eq!(query.whole("odd", 2).expect_err("too small").status, 400);
        assert_eq!(query.word("word", &["a", "b"]).expect("a word"), "b");
        assert_eq!(query.word("none", &["a", "b"]).expect("a word"), "a");
        assert_eq!(query.word("word", &["a"]).expect_err("a word").status, 400);
    }
}
