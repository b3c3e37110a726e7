//! Every row against the API's catalogue, in `tests/data`: what is sent, and what comes back.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::CASES;
use crate::wire::left_over;
use crate::{Accept, Op, PageStyle, Request, Retry};

/// The path parameters, by their names.
type Ids<'a> = &'a dyn Fn(&str) -> String;

/// A row, made of texts and JSON.
pub(super) struct Case {
    pub(super) op: &'static Op,
    /// The request with these path parameters and this body. `None` if the body is no JSON.
    pub(super) request: fn(Ids<'_>, Value) -> Option<Request<()>>,
    /// Reads an answer, and writes it again.
    pub(super) again: fn(&[u8]) -> serde_json::Result<Value>,
    /// The members that the body must have, if there is one.
    pub(super) body: Option<&'static [&'static str]>,
}

pub(super) const fn first(required: &[&'static [&'static str]]) -> Option<&'static [&'static str]> {
    match required {
        [required, ..] => Some(required),
        [] => None,
    }
}

/// Operations that the documents have, and the official SDKs and so the catalogue lack.
const ONLY_DOCUMENTED: &[&str] = &["agents.delete", "skills.update"];

/// Operations of the catalogue that have no row, and why.
const NO_ROW: &[(&str, &str)] = &[(
    "sessions.events.resumable_stream",
    "is sessions.events.stream, as the official SDKs follow it",
)];

/// The places where a row differs from the catalogue, with the reason.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "sessions.threads.events.stream",
        "head last-event-id",
        "the server takes it, and no SDK of the vendor's sends it",
    ),
    (
        "agents.create",
        "the variant null",
        "a coordinator's agents are named by objects, as documented; an id alone is kept whole",
    ),
    (
        "agents.update",
        "the variant null",
        "a coordinator's agents are named by objects, as documented; an id alone is kept whole",
    ),
    (
        "agents.update",
        "requires version",
        "an update without a version would undo what others did",
    ),
    (
        "vaults.credentials.update",
        "never again",
        "it rotates a secret, and the SDKs of the vendor never repeat it",
    ),
];

fn otherwise(op: &str, what: &str) -> bool {
    OTHERWISE
        .iter()
        .any(|(name, point, _)| (*name, *point) == (op, what))
}

/// The catalogue: operations by name, and schemas by name.
struct Catalogue {
    operations: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Catalogue {
    fn new() -> Self {
        let file = |name: &str| -> Value {
            let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_str(&std::fs::read_to_string(path).expect(name)).expect(name)
        };
        let managed = |list: &Value, name: fn(&Value) -> String| {
            let list = list.as_array().expect("a list").iter();
            let managed = list.filter(|item| item["mode"] == "managed");
            managed.map(|item| (name(item), item.clone())).collect()
        };
        Self {
            operations: managed(&file("operations.json"), |operation| {
                format!(
                    "{}.{}",
                    text(&operation["resource"]),
                    text(&operation["name"])
                )
            }),
            schemas: managed(&file("schemas.json")["schemas"], |schema| {
                text(&schema["name"]).to_owned()
            }),
        }
    }

    /// A valid value of a type in the catalogue's words; `choice` selects alternatives. `None` for
    /// what nests too deeply.
    fn sample(&self, kind: &str, choice: usize, depth: usize) -> Option<Value> {
        let inside = |prefix: &str| kind.strip_prefix(prefix)?.strip_suffix('>');
        let pick = |choices: Vec<&str>| choices[choice % choices.len()].to_owned();
        Some(match kind {
            "integer" => json!(3),
            "number" => json!(1.5),
            "boolean" => json!(choice % 2 == 0),
            "datetime" => json!("2026-09-21T08:01:00Z"),
            "any" => json!({"any": [1]}),
            _ if kind.starts_with("map<") => json!({"key": "value"}),
            _ => {
                if let Some(item) = inside("list<") {
                    let items = (choice..choice + 2).map(|choice| self.sample(item, choice, depth));
                    items.collect::<Option<Value>>()?
                } else if let Some(values) = inside("enum<") {
                    pick(values.split('|').collect()).into()
                } else if let Some(kinds) = inside("union<") {
                    self.sample(&pick(kinds.split('|').collect()), choice, depth)?
                } else if let Some(schema) = kind.strip_prefix("ref:") {
                    self.object(schema, choice, depth, &|_| true)?
                } else {
                    "text".into()
                }
            }
        })
    }

    /// An object of a schema, with those of its members that are wanted.
    fn object(
        &self,
        schema: &str,
        choice: usize,
        depth: usize,
        wanted: &dyn Fn(&Value) -> bool,
    ) -> Option<Value> {
        if depth == 8 {
            return None;
        }
        let schema = self.schemas.get(schema).expect(schema);
        if let Some(variants) = schema["variants"].as_array() {
            let variant = &variants[choice % variants.len()];
            let mut object = self.object(text(&variant["schema"]), choice, depth + 1, wanted)?;
            object[text(&schema["discriminator"])] = variant["tag"].clone();
            return Some(object);
        }
        Some(self.members(&schema["fields"], choice, depth + 1, wanted))
    }

    fn members(
        &self,
        fields: &Value,
        choice: usize,
        depth: usize,
        wanted: &dyn Fn(&Value) -> bool,
    ) -> Value {
        let fields = fields.as_array().expect("fields").iter();
        let members = fields.filter(|field| wanted(field)).filter_map(|field| {
            let known = field["known_values"].as_array();
            let value = match known {
                Some(known) => known[choice % known.len()].clone(),
                None => self.sample(text(&field["type"]), choice, depth)?,
            };
            Some((text(&field["name"]).to_owned(), value))
        });
        Value::Object(members.collect())
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn names(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|item| text(&item["name"]).to_lowercase())
        .collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    names.into_iter().map(|name| (*name).to_owned()).collect()
}

/// Whether nothing of a value is lost in another, where plain fields that were missing are empty.
fn holds(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| value.get(name).is_some_and(|value| holds(value, part))),
        (Value::Array(value), Value::Array(part)) => {
            value.len() == part.len()
                && value
                    .iter()
                    .zip(part)
                    .all(|(value, part)| holds(value, part))
        }
        _ => value == part,
    }
}

/// Returns what is read, and the members of the value that have no field in its type; all objects
/// have a `type`.
fn without_a_field<T>(read: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
    left_over();
    let value = read();
    let mut left = left_over();
    left.remove("type");
    (value, left)
}

/// Fails with the members that a type lacks, by operation.
fn all_have_a_field(missing: &BTreeSet<String>) {
    let list: Vec<&str> = missing.iter().map(String::as_str).collect();
    assert!(
        missing.is_empty(),
        "the catalogue has these members, and the type that the row names has no field for them: a line in \
         its object! or body!\n  {}",
        list.join("\n  ")
    );
}

#[test]
fn rows_are_those_of_the_catalogue() {
    let Catalogue { operations, .. } = Catalogue::new();
    let rows: BTreeSet<&str> = super::all().map(|op| op.name).collect();
    assert_eq!(rows.len(), super::all().count(), "a row stands twice");
    for name in operations.keys() {
        let left_out = NO_ROW.iter().any(|(without, _)| without == name);
        let resource = name.rsplit_once('.').map_or("", |(resource, _)| resource);
        let has_row = rows.contains(name.as_str());
        assert!(
            has_row || left_out,
            "{name} is in the catalogue and has no row: `cargo xtask scaffold {resource}` drafts it \
             (CONTRIBUTING.md, \"Add an operation\"), or NO_ROW says why there is none"
        );
        assert!(
            !(has_row && left_out),
            "{name} has a row: take it out of NO_ROW"
        );
    }
    for name in rows {
        let documented = ONLY_DOCUMENTED.contains(&name);
        let known = operations.contains_key(name);
        assert!(
            known || documented,
            "{name} has a row and is not in the catalogue: correct its name or take the row away, or \
             name it in ONLY_DOCUMENTED"
        );
        assert!(
            !(known && documented),
            "{name} is in the catalogue now: take it out of ONLY_DOCUMENTED"
        );
    }
}

#[test]
fn a_row_says_what_the_catalogue_says() {
    let catalogue = Catalogue::new();
    for Case { op, body, .. } in CASES.iter().copied().flatten() {
        let Some(known) = catalogue.operations.get(op.name) else {
            continue;
        };
        let name = op.name;
        let beside = "what the row says (left), and what the catalogue says (right)";
        assert_eq!(op.method.as_str(), known["http_method"], "{name}: {beside}");
        assert_eq!(op.path, known["path"], "{name}: {beside}");

        let mut query = set(op.query);
        query.extend(match op.pages {
            PageStyle::None => set(&[]),
            PageStyle::Pages => set(&["limit", "page"]),
            PageStyle::Ids => set(&["limit", "after_id"]),
        });
        assert_eq!(query, names(&known["query"]), "{name}: query: {beside}");

        let mut headers = names(&known["headers"]);
        headers.retain(|header| !matches!(header.as_str(), "qoder-workspace-id" | "x-qoder-beta"));
        let own = op.headers.iter().copied();
        let own = own.filter(|header| !otherwise(name, &format!("head {header}")));
        assert_eq!(
            own.map(ToOwned::to_owned).collect::<BTreeSet<_>>(),
            headers,
            "{name}: headers: {beside}"
        );

        let empty = known["sends_empty_json_object"] == true;
        assert_eq!(
            op.sends_empty_object, empty,
            "{name}: an empty object as the body: {beside}"
        );
        let style = match op.pages {
            PageStyle::None => "none",
            PageStyle::Pages => "page",
            PageStyle::Ids => "after_id",
        };
        assert_eq!(style, known["page_style"], "{name}: pages: {beside}");
        let retry = match op.retry {
            Retry::Read => known["retry"] == "safe",
            Retry::Write => text(&known["retry"]).contains("Idempotency-Key"),
            Retry::Never => otherwise(name, "never again"),
        };
        assert!(
            retry,
            "{name}: the row is repeated as {:?}, and the catalogue says {}",
            op.retry, known["retry"]
        );
        let accept = match op.accept {
            Accept::EventStream => text(&known["response"]).starts_with("sse:"),
            Accept::Bytes => known["binary_steps"] == 1,
            Accept::Json => known["response"] != "binary" || known["binary_steps"] == 2,
        };
        assert!(
            accept,
            "{name}: the row takes {:?}, and the catalogue answers with {}",
            op.accept, known["response"]
        );

        let members = known["body"].as_array();
        assert_eq!(
            body.is_some(),
            members.is_some(),
            "{name}: whether there is a body: {beside}"
        );
        // The `type` of a variant is written by its union.
        let required = members.into_iter().flatten();
        let required = required.filter(|member| member["name"] != "type");
        let required = required.filter(|member| {
            let required = format!("requires {}", text(&member["name"]));
            member["required"] == true || otherwise(name, &required)
        });
        let required: BTreeSet<String> = required
            .map(|member| text(&member["name"]).to_owned())
            .collect();
        assert_eq!(
            set(body.unwrap_or_default()),
            required,
            "{name}: what the body must have: {beside}"
        );
    }
}

#[test]
fn a_request_has_what_it_was_given() {
    let catalogue = Catalogue::new();
    let mut missing = BTreeSet::new();
    for case in CASES.iter().copied().flatten() {
        let name = case.op.name;
        let members = catalogue
            .operations
            .get(name)
            .map_or(json!([]), |known| known["body"].clone());
        let wanted: [&dyn Fn(&Value) -> bool; 2] = [&|_| true, &|member| {
            member["required"] == true
                || otherwise(name, &format!("requires {}", text(&member["name"])))
        }];
        for (choice, wanted) in
            (0..12).flat_map(|choice| wanted.iter().map(move |wanted| (choice, wanted)))
        {
            let body = case
                .body
                .map(|_| catalogue.members(&members, choice, 0, wanted));
            let request = || {
                (case.request)(
                    &|name| format!("{name}/1"),
                    body.clone().unwrap_or_default(),
                )
            };
            let (request, left) = without_a_field(request);
            // A form has a test of its own.
            let Some(request) = request else { continue };
            let left = left.iter().filter(|member| !otherwise(name, member));
            missing.extend(left.map(|member| format!("{name}: {member}")));
            let path = case.op.path.replace('{', "").replace('}', "%2F1");
            assert_eq!(request.target(), Ok(path));
            let sent = request
                .body()
                .expect(name)
                .map(|sent| serde_json::from_slice(sent).expect(name));
            let body = body.or_else(|| case.op.sends_empty_object.then(|| json!({})));
            assert_eq!(sent, body, "{name}");
        }
    }
    all_have_a_field(&missing);
}

#[test]
fn an_answer_is_read_whole_and_written_again() {
    let catalogue = Catalogue::new();
    let mut missing = BTreeSet::new();
    let mut schemas = BTreeSet::new();
    for case in CASES.iter().copied().flatten() {
        let name = case.op.name;
        let Some(known) = catalogue.operations.get(name) else {
            continue;
        };
        let schema = text(&known["response"]);
        // Most are the answer of several operations.
        let is_new = schemas.insert(schema);
        if case.op.accept != Accept::Json || !catalogue.schemas.contains_key(schema) {
            continue;
        }
        let page = |item: &Value| match case.op.pages {
            PageStyle::None => item.clone(),
            _ => json!({"data": [item], "has_more": false}),
        };
        let again = |answer: &Value| {
            let answer = page(answer);
            let again = (case.again)(answer.to_string().as_bytes());
            (
                again.unwrap_or_else(|error| panic!("{name}: {error}: {answer}")),
                answer,
            )
        };
        for choice in 0..12 {
            let whole = catalogue
                .object(schema, choice, 0, &|_| true)
                .expect(schema);
            let ((back, answer), left) = without_a_field(|| again(&whole));
            missing.extend(left.iter().map(|member| format!("{name}: {member}")));
            assert!(holds(&back, &answer), "{name}: {back} of {answer}");

            let least = catalogue
                .object(schema, choice, 0, &|field| {
                    field["name"] == "id" || field["name"] == "type"
                })
                .expect(schema);
            let (back, answer) = again(&least);
            let (back_again, _) = (
                (case.again)(back.to_string().as_bytes()).expect(name),
                answer,
            );
            assert_eq!(back_again, back, "{name}: the least that there may be");

            for member in whole
                .as_object()
                .into_iter()
                .flatten()
                .map(|(member, _)| member)
            {
                if !is_new || member == "id" || member == "type" {
                    continue;
                }
                for strange in [json!(null), json!({"strange": [true]}), json!([[7]])] {
                    let mut whole = whole.clone();
                    whole[member] = strange;
                    whole["of_tomorrow"] = json!({"kept": [null]});
                    let (back, answer) = again(&whole);
                    assert!(
                        holds(&back, &answer),
                        "{name}: a strange {member}: {back} of {answer}"
                    );
                }
            }
        }
    }
    all_have_a_field(&missing);
}
