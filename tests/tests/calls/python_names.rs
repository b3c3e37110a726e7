//! The table of names in the guide's page for those who come from the Python SDK, written from the
//! catalogue of the API's operations. Each row links to the method, so rustdoc says if there is no
//! such method.

use std::error::Error;
use std::fmt::Write as _;

use qoder_tests::documents::{between_marks, check, read, root};
use serde_json::Value;

/// The types that have the calls of a resource, and the files that they are in.
const RESOURCES: &[(&str, &str, &str)] = &[
    ("agents", "Agents", "agents"),
    ("agents.versions", "AgentVersions", "agents"),
    ("deployment_runs", "DeploymentRuns", "deployments"),
    ("deployments", "Deployments", "deployments"),
    ("deployments.runs", "DeploymentScopedRuns", "deployments"),
    ("dreams", "Dreams", "dreams"),
    ("environments", "Environments", "environments"),
    ("environments.work", "EnvironmentWork", "environments"),
    ("files", "Files", "files"),
    ("memory_stores", "MemoryStores", "memory_stores"),
    ("memory_stores.memories", "Memories", "memory_stores"),
    (
        "memory_stores.memory_versions",
        "MemoryVersions",
        "memory_stores",
    ),
    ("models", "Models", "models"),
    ("sessions", "Sessions", "sessions"),
    ("sessions.events", "SessionEvents", "sessions"),
    ("sessions.resources", "SessionResources", "sessions"),
    ("sessions.threads", "SessionThreads", "sessions"),
    ("sessions.threads.events", "ThreadEvents", "sessions"),
    ("skills", "Skills", "skills"),
    ("skills.versions", "SkillVersions", "skills"),
    ("vaults", "Vaults", "vaults"),
    ("vaults.credentials", "VaultCredentials", "vaults"),
];

/// Methods that have another name here.
const RENAMED: &[(&str, &str)] = &[("files.retrieve_metadata", "retrieve")];

/// An operation, its call here, and where that is: in rustdoc, and in the sources.
struct Row {
    operation: String,
    call: String,
    item: String,
    file: String,
}

impl Row {
    fn new(resource: &str, name: &str) -> Result<Self, Box<dyn Error>> {
        let operation = format!("{resource}.{name}");
        if operation == "sessions.events.resumable_stream" {
            return Ok(Self {
                operation,
                call: "client.session(id).follow()".to_owned(),
                item: "crate::Conversation::follow".to_owned(),
                file: "conversation.rs".to_owned(),
            });
        }
        let (_, owner, file) = RESOURCES
            .iter()
            .find(|(known, ..)| *known == resource)
            .ok_or_else(|| format!("no type is known for {resource}"))?;
        let renamed = RENAMED.iter().find(|(of, _)| *of == operation);
        let method = renamed.map_or(name, |(_, method)| method);
        let path = resource.replace('.', "().");
        Ok(Self {
            call: format!("client.{path}().{method}(..)"),
            item: format!("crate::resources::{owner}::{method}"),
            file: format!("resources/{file}.rs"),
            operation,
        })
    }
}

fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let path = "crates/qoder-types/tests/data/operations.json";
    let list: Vec<Value> = serde_json::from_str(&read(path)?)?;
    let text = |operation: &Value, member: &str| {
        let text = operation[member].as_str().map(str::to_owned);
        text.ok_or_else(|| format!("an operation without {member}"))
    };
    let mut rows = Vec::new();
    for operation in list.iter().filter(|row| row["mode"] == "managed") {
        rows.push(Row::new(
            &text(operation, "resource")?,
            &text(operation, "name")?,
        )?);
    }
    rows.sort_by(|a, b| a.operation.cmp(&b.operation));
    Ok(rows)
}

#[test]
fn the_table_of_names_is_that_of_the_catalogue() -> Result<(), Box<dyn Error>> {
    let rows = rows()?;
    let mut table = "\n| official SDKs | here |\n|---|---|\n".to_owned();
    let mut to_files = String::new();
    let mut to_items = String::new();
    for row in &rows {
        let (operation, call) = (&row.operation, &row.call);
        writeln!(table, "| `{operation}` | [`{call}`][{operation}] |")?;
        writeln!(to_files, "[{operation}]: ../../src/{}", row.file)?;
        writeln!(to_items, "[{operation}]: {}", row.item)?;
    }
    let page = "crates/qoder/docs/guide/from-python.md";
    let written = between_marks(
        &read(page)?,
        "operations",
        &format!("{table}\n{to_files}\n"),
    )?;
    let again = "UPDATE_DOCS=1 cargo test -p qoder-tests --test calls python_names";
    check(page, &written, again);
    let links = "crates/qoder/docs/guide/from-python-links.md";
    check(links, &to_items, again);
    for row in &rows {
        let file = root().join("crates/qoder/src").join(&row.file);
        assert!(file.is_file(), "{}", file.display());
    }
    Ok(())
}
