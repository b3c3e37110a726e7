//! Every operation of the API's catalogue, called through the client, with all of its parameters,
//! against the simulator: whether it has a row, a call, a simulation, and whether all that the
//! catalogue says it takes was sent and understood. The table is printed into docs/coverage.md.

#[path = "../common/mod.rs"]
mod common;

mod agents;
mod deployments;
mod dreams;
mod environments;
mod files;
mod memory_stores;
mod pages;
mod sessions;
mod skills;
mod vaults;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;

use qoder::Client;
use qoder_sim::{Recorded, Sim};
use qoder_tests::documents::{between_marks, check, read};
use qoder_types::ops;
use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// What is not covered on purpose, and why.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "sessions.events.resumable_stream",
    "is `sessions.events.stream`, followed: `Conversation::follow`",
)];

/// Parameters that are not sent on purpose, and why.
const NOT_SENT: &[(&str, &str, &str)] = &[
    (
        "sessions.threads.events.stream",
        "event_deltas[]",
        "has no effect on threads, say the facts",
    ),
    ("sessions.update", "vault_ids", "servers refuse it"),
];

/// The managed operations of the catalogue, by name.
fn catalogue() -> Result<BTreeMap<String, Value>, Box<dyn Error>> {
    let path = "crates/qoder-types/tests/data/operations.json";
    let list: Vec<Value> = serde_json::from_str(&read(path)?)?;
    let managed = list
        .into_iter()
        .filter(|operation| operation["mode"] == "managed");
    Ok(managed
        .map(|operation| {
            let text = |member: &str| operation[member].as_str().unwrap_or_default().to_owned();
            (format!("{}.{}", text("resource"), text("name")), operation)
        })
        .collect())
}

/// What is known of an operation.
struct Known {
    name: String,
    row: bool,
    called: bool,
    simulated: bool,
    /// What the catalogue says it takes, and no request had.
    missing: BTreeSet<String>,
}

impl Known {
    fn new(name: &str, operation: &Value, rows: &BTreeSet<&str>, requests: &[Recorded]) -> Self {
        let template = format!(
            "{} {}",
            operation["http_method"].as_str().unwrap_or_default(),
            operation["path"].as_str().unwrap_or_default(),
        );
        let requests: Vec<&Recorded> = requests
            .iter()
            .filter(|request| request.operation.as_deref() == Some(&template))
            .collect();
        let mut missing: BTreeSet<String> = BTreeSet::new();
        for kind in ["query", "body"] {
            let names = operation[kind].as_array().into_iter().flatten();
            missing.extend(names.filter_map(|field| Some(field["name"].as_str()?.to_owned())));
        }
        for request in &requests {
            for (name, _) in request.query_pairs() {
                missing.remove(&name);
            }
            for name in request
                .json()
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
            {
                missing.remove(name);
            }
            if operation["request_content_type"] == "multipart" {
                let body = String::from_utf8_lossy(&request.body);
                missing.retain(|name| !body.contains(&format!("name=\"{name}\"")));
            }
        }
        missing.retain(|parameter| {
            !NOT_SENT
                .iter()
                .any(|(of, not_sent, _)| of == &name && not_sent == parameter)
        });
        Self {
            name: name.to_owned(),
            row: rows.contains(name),
            called: !requests.is_empty(),
            simulated: requests
                .iter()
                .any(|request| (200..300).contains(&request.status)),
            missing,
        }
    }

    fn is_exception(&self) -> bool {
        EXCEPTIONS.iter().any(|(name, _)| *name == self.name)
    }

    /// What is missing, and where it goes. `None` if it is covered, or need not be.
    fn open(&self) -> Option<String> {
        if self.is_covered() || self.is_exception() {
            return None;
        }
        let resource = self.name.split('.').next().unwrap_or_default();
        let what = match self {
            Self { row: false, .. } => {
                format!("no row in crates/qoder-types/src/ops/{resource}.rs")
            }
            Self { called: false, .. } => {
                format!("no call: a line in tests/tests/coverage/{resource}.rs")
            }
            Self {
                simulated: false, ..
            } => "called, and never with success".to_owned(),
            Self { missing, .. } => {
                let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
                format!(
                    "never sent: {}; tests/tests/coverage/{resource}.rs calls it, or NOT_SENT says why",
                    missing.join(", ")
                )
            }
        };
        Some(format!("{}: {what}", self.name))
    }

    fn is_covered(&self) -> bool {
        self.row && self.called && self.simulated && self.missing.is_empty()
    }
}

/// The table, and a line of sums above it.
fn table(rows: &[Known]) -> String {
    let covered = rows.iter().filter(|row| row.is_covered()).count();
    let mut out = format!(
        "# Coverage\n\nWritten by `cargo xtask coverage`: {covered} of {} managed operations have a row in\n\
         `qoder-types`, a call in `qoder`, a simulation in `qoder-sim`, and a test that calls them with every\n\
         parameter of the API's catalogue.\n\n\
         | operation | row | call | simulated | tested with all parameters |\n|---|---|---|---|---|\n",
        rows.len(),
    );
    let mark = |is: bool| if is { "yes" } else { "**no**" };
    for row in rows {
        let exception = EXCEPTIONS.iter().find(|(name, _)| *name == row.name);
        let tested = match (exception, row.missing.is_empty() && row.called) {
            (Some((_, why)), _) => (*why).to_owned(),
            (None, true) => "yes".to_owned(),
            (None, false) => {
                let missing: Vec<&str> = row.missing.iter().map(String::as_str).collect();
                format!("**no**: {}", missing.join(", "))
            }
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {tested} |",
            row.name,
            mark(row.row),
            mark(row.called),
            mark(row.simulated),
        );
    }
    let _ = writeln!(out, "\nParameters that are not sent on purpose:\n");
    for (operation, parameter, why) in NOT_SENT {
        let _ = writeln!(out, "- `{operation}`, `{parameter}`: {why}.");
    }
    out
}

/// Of each resource, with what is below it, how many operations are covered.
fn summary(rows: &[Known]) -> String {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows {
        let resource = row.name.split('.').next().unwrap_or_default();
        let (covered, all) = counts.entry(resource).or_default();
        *covered += usize::from(row.is_covered() || row.is_exception());
        *all += 1;
    }
    let mut out = "| resource | operations covered |\n|---|--:|\n".to_owned();
    for (resource, (covered, all)) in counts {
        let _ = writeln!(out, "| `{resource}` | {covered} of {all} |");
    }
    out
}

#[tokio::test]
async fn every_operation_is_covered() -> Outcome {
    let sim: Sim = common::start(common::current()).await;
    let client = common::client(&sim);
    if let Err(error) = walk(&sim, &client).await {
        return Err(explained(&sim, error));
    }

    let requests = sim.requests();
    let names: BTreeSet<&str> = ops::all().map(|op| op.name).collect();
    let rows: Vec<Known> = catalogue()?
        .iter()
        .map(|(name, operation)| Known::new(name, operation, &names, &requests))
        .collect();
    let open: Vec<String> = rows.iter().filter_map(Known::open).collect();
    // Nothing is printed before all is covered.
    assert!(open.is_empty(), "not covered:\n  {}", open.join("\n  "));
    assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
    let table = table(&rows);
    println!("{table}");
    check("docs/coverage.md", &table, AGAIN);
    let summary = format!("\n{}\n", summary(&rows));
    let readme = between_marks(&read("README.md")?, "coverage", &summary)?;
    check("README.md", &readme, AGAIN);
    Ok(())
}

/// Prints the documents anew.
const AGAIN: &str = "cargo xtask coverage";

/// Calls everything, with all that it takes.
async fn walk(sim: &Sim, client: &Client) -> Outcome {
    agents::walk(client).await?;
    environments::walk(client).await?;
    files::walk(client).await?;
    memory_stores::walk(client).await?;
    vaults::walk(client).await?;
    skills::walk(client).await?;
    deployments::walk(sim, client).await?;
    dreams::walk(sim, client).await?;
    work::walk(client).await?;
    sessions::walk(sim, client).await
}

/// What is to be done, if an operation failed since the simulator has no such thing.
fn explained(sim: &Sim, error: Box<dyn Error>) -> Box<dyn Error> {
    match sim.requests().last() {
        Some(Recorded {
            operation: None,
            method,
            path,
            ..
        }) => format!(
            "the simulator has no {method} {path}: crates/qoder-sim/src/resources/mod.rs says how to \
             add it ({error})"
        )
        .into(),
        _ => error,
    }
}
