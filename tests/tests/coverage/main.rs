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
use std::path::{Path, PathBuf};

use qoder_sim::{Recorded, Sim};
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The managed operations of the catalogue, by name.
fn catalogue() -> Result<BTreeMap<String, Value>, Box<dyn Error>> {
    let path = root().join("crates/qoder-types/tests/data/operations.json");
    let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
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

/// The text, with this between the two marks in place of what is there.
fn between_marks(text: &str, new: &str) -> Result<String, Box<dyn Error>> {
    const BEGIN: &str = "<!-- coverage: begin -->\n";
    const END: &str = "<!-- coverage: end -->";
    let begin = text.find(BEGIN).ok_or("no mark")? + BEGIN.len();
    let end = text.find(END).ok_or("no mark")?;
    Ok(format!("{}\n{new}\n{}", &text[..begin], &text[end..]))
}

#[tokio::test]
async fn every_operation_is_covered() -> Outcome {
    let sim: Sim = common::start(common::current()).await;
    let client = common::client(&sim);
    agents::walk(&client).await?;
    environments::walk(&client).await?;
    files::walk(&client).await?;
    memory_stores::walk(&client).await?;
    vaults::walk(&client).await?;
    skills::walk(&client).await?;
    deployments::walk(&sim, &client).await?;
    dreams::walk(&sim, &client).await?;
    work::walk(&client).await?;
    sessions::walk(&sim, &client).await?;

    let requests = sim.requests();
    let names: BTreeSet<&str> = ops::all().map(|op| op.name).collect();
    let rows: Vec<Known> = catalogue()?
        .iter()
        .map(|(name, operation)| Known::new(name, operation, &names, &requests))
        .collect();
    let table = table(&rows);
    println!("{table}");
    let file = root().join("docs/coverage.md");
    let readme = root().join("README.md");
    let first_page = std::fs::read_to_string(&readme)?;
    let with_summary = between_marks(&first_page, &summary(&rows))?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &table)?;
        std::fs::write(&readme, &with_summary)?;
    }
    let open: Vec<&str> = rows
        .iter()
        .filter(|row| !row.is_covered() && !row.is_exception())
        .map(|row| row.name.as_str())
        .collect();
    assert!(open.is_empty(), "not covered: {}", open.join(", "));
    assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
    let written = std::fs::read_to_string(&file)?;
    assert_eq!(
        written, table,
        "stale: UPDATE_DOCS=1 cargo test -p qoder-tests --test coverage"
    );
    Ok(())
}
