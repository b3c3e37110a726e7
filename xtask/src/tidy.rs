//! Rules of the code base that a program can check: see "Invariants" in docs/architecture.md.

mod circles;
mod documents;
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::mutants;
use crate::plots;
use crate::shell::{cargo, output, read, root};

/// A package of the workspace, as far as the rules need to know it.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) published: bool,
    pub(crate) features: Vec<String>,
    /// Those that are always there.
    dependencies: BTreeSet<String>,
    /// Those that a feature adds.
    optional: BTreeSet<String>,
    pub(crate) folder: PathBuf,
}

/// The crates that each crate may depend on: the arrows of docs/architecture.md. Development
/// dependencies don't count.
const ARROWS: &[(&str, &[&str])] = &[
    ("qoder-types", &[]),
    ("qoder-sse", &[]),
    ("qoder-http", &[]),
    ("qoder-sim", &[]),
    ("qoder", &["qoder-types", "qoder-sse", "qoder-http"]),
];

/// The packages that a crate must never depend on, with the reason.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "qoder-sse",
        &[
            "std",
            "tokio",
            "hyper",
            "http",
            "serde",
            "serde_json",
            "rand",
            "getrandom",
        ],
        "I1: it knows no runtime, no HTTP, no JSON, no clock and no randomness",
    ),
    (
        "qoder-types",
        &["tokio", "hyper", "http", "futures-core"],
        "wire types know no I/O",
    ),
    (
        "qoder-http",
        &["serde", "serde_json"],
        "the transport carries bytes",
    ),
];

pub(crate) fn check() -> Result<(), String> {
    let packages = packages()?;
    let mut broken = Vec::new();
    arrows(&packages, &mut broken);
    folders(&packages, &mut broken);
    sources(&mut broken)?;
    let code = tracked(".rs")?;
    circles::check(&code, &mut broken)?;
    let pages = tracked(".md")?;
    documents::links(&pages, &mut broken)?;
    documents::code(&pages, &code, &mut broken)?;
    documents::machines(&tracked("")?, &mut broken);
    broken.extend(mutants::check().err());
    broken.extend(plots::check().err());
    if broken.is_empty() {
        Ok(())
    } else {
        Err(format!("\n  {}", broken.join("\n  ")))
    }
}

/// The packages of the workspace, by name.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let text = output(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
    ]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut packages: Vec<Package> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(package)
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn package(value: &Value) -> Option<Package> {
    let dependencies = value["dependencies"].as_array()?.iter();
    let (optional, dependencies): (Vec<_>, Vec<_>) = dependencies
        .filter(|dependency| dependency["kind"].is_null())
        .partition(|dependency| dependency["optional"] == true);
    let names = |list: Vec<&Value>| {
        let names = list.into_iter().filter_map(|one| one["name"].as_str());
        names.map(ToOwned::to_owned).collect()
    };
    Some(Package {
        name: value["name"].as_str()?.to_owned(),
        version: value["version"].as_str()?.to_owned(),
        published: value["publish"].is_null(),
        features: value["features"].as_object()?.keys().cloned().collect(),
        dependencies: names(dependencies),
        optional: names(optional),
        folder: Path::new(value["manifest_path"].as_str()?)
            .parent()?
            .to_owned(),
    })
}

fn arrows(packages: &[Package], broken: &mut Vec<String>) {
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for package in packages.iter().filter(|package| package.published) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            broken.push(format!(
                "{}: has no row in the arrows of xtask/src/tidy.rs",
                package.name
            ));
            continue;
        };
        for name in package
            .dependencies
            .union(&package.optional)
            .filter(|name| ours.contains(name.as_str()))
        {
            if !allowed.contains(&name.as_str()) {
                broken.push(format!(
                    "{} must not depend on {name} (docs/architecture.md)",
                    package.name
                ));
            }
        }
    }
    for (name, forbidden, why) in FORBIDDEN {
        let Some(package) = packages.iter().find(|package| package.name == *name) else {
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|name| forbidden.contains(&name.as_str()))
        {
            broken.push(format!("{name} must not depend on {dependency}: {why}"));
        }
    }
}

/// Each published crate stands alone: README, licences, and its README as its documentation.
fn folders(packages: &[Package], broken: &mut Vec<String>) {
    for package in packages.iter().filter(|package| package.published) {
        for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            if !package.folder.join(file).is_file() {
                broken.push(format!("{}: {file} is missing", package.name));
            }
        }
        let lib = read(&package.folder.join("src/lib.rs")).unwrap_or_default();
        if package.name != "qoder-sse" && !lib.contains("#![forbid(unsafe_code)]") {
            broken.push(format!(
                "{}: src/lib.rs must forbid unsafe code",
                package.name
            ));
        }
        if !lib.contains("include_str!(\"../README.md\")") {
            broken.push(format!(
                "{}: src/lib.rs must show the README as the crate's documentation",
                package.name
            ));
        }
    }
}

/// All code of a published package.
pub(crate) fn code(package: &str) -> Result<String, String> {
    let folder = format!("crates/{package}/src/");
    let files = tracked(".rs")?.into_iter();
    files
        .filter(|path| path.starts_with(&folder))
        .map(|path| read(&root().join(path)))
        .collect()
}

/// Nothing unfinished, unsafe code in its one file, and no clock or randomness in the machines that take them as inputs.
fn sources(broken: &mut Vec<String>) -> Result<(), String> {
    // Put together here, so that this file doesn't find itself.
    let unfinished = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["unimplemented", "!("],
    ]
    .map(|parts| parts.concat());
    let unsafe_word = ["allow(unsafe", "_code"].concat();
    for path in tracked(".rs")? {
        let text = read(&root().join(&path))?;
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = unfinished.iter().find(|word| line.contains(word.as_str())) {
                broken.push(format!("{path}:{}: {word}", number + 1));
            }
            let allowed = path == "crates/qoder-sse/src/parser/ends/sse2.rs";
            if line.contains(&unsafe_word) && !allowed {
                broken.push(format!("{path}:{}: unsafe code", number + 1));
            }
            let pure = path.starts_with("crates/qoder-sse/src/");
            if pure
                && ["std::time::Instant", "SystemTime", "thread_rng"]
                    .iter()
                    .any(|word| line.contains(word))
            {
                broken.push(format!(
                    "{path}:{}: I1: time and randomness are inputs",
                    number + 1
                ));
            }
        }
    }
    Ok(())
}

/// The files under version control that end so.
fn tracked(ending: &str) -> Result<Vec<String>, String> {
    let mut git = std::process::Command::new("git");
    let files = output(
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root()),
    )?;
    Ok(files
        .lines()
        .filter(|path| path.ends_with(ending) && root().join(path).is_file())
        .map(ToOwned::to_owned)
        .collect())
}
