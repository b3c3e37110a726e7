//! The published crates as they would be uploaded: that each can be packed, offline and in the
//! order of the arrows, and that a package has what its users need and nothing else.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::catalogue::{list, text};
use crate::shell::{cargo, output, read, root, sh};
use crate::tidy::{self, Package};

/// Each crate behind those that it depends on, for its tests and examples too.
const ORDER: &[&str] = &[
    "qoder-types",
    "qoder-sse",
    "qoder-http",
    "qoder-sim",
    "qoder",
];

/// The files that a package must have.
const NEEDED: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "src/lib.rs",
];

/// The files that a package may have beside them, by the beginnings of their paths.
const ALLOWED: &[&str] = &[
    "src/",
    "docs/",
    "examples/",
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
];

/// The largest file of a package, in bytes. Text that somebody wrote is smaller.
const FILE: u64 = 128 << 10;

/// The largest package, in bytes, compressed.
const PACKAGE: u64 = 384 << 10;

/// Nothing is compiled: what a package lacks of the code that `clippy` and `test` have compiled is a
/// file, and the files are compared here. Compiling five crates from their packages costs minutes.
pub(crate) fn check() -> Result<(), String> {
    let packages = tidy::packages()?;
    let published: BTreeSet<&str> = packages
        .iter()
        .filter(|package| package.published)
        .map(|package| package.name.as_str())
        .collect();
    if published != ORDER.iter().copied().collect() {
        return Err(format!(
            "the published crates are {published:?}, and xtask/src/package.rs has the order of {ORDER:?}"
        ));
    }
    let mut words = vec![
        "package",
        "--quiet",
        "--offline",
        "--allow-dirty",
        "--no-verify",
    ];
    for name in ORDER {
        words.extend(["--package", name]);
    }
    words.extend(["--target-dir", "target/packages"]);
    sh(&mut cargo(&words))?;

    let mut broken = Vec::new();
    manifests(&mut broken)?;
    for name in ORDER {
        let package = packages.iter().find(|package| package.name == *name);
        let package = package.ok_or_else(|| format!("there is no package {name}"))?;
        let size = contents(package, &mut broken)?;
        println!("{name}: {} KiB", size >> 10);
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(format!("\n  {}", broken.join("\n  ")))
    }
}

/// Checks what a registry and docs.rs are told of a package.
fn manifests(broken: &mut Vec<String>) -> Result<(), String> {
    let words = ["metadata", "--format-version", "1", "--no-deps"];
    let metadata: Value =
        serde_json::from_str(&output(&mut cargo(&words))?).map_err(|error| error.to_string())?;
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        if !ORDER.contains(&name) {
            continue;
        }
        for field in [
            "description",
            "license",
            "rust_version",
            "readme",
            "homepage",
        ] {
            if text(&package[field]).is_empty() {
                broken.push(format!("{name}: its Cargo.toml has no {field}"));
            }
        }
        for field in ["keywords", "categories"] {
            if !(1..=5).contains(&list(&package[field]).len()) {
                broken.push(format!(
                    "{name}: its Cargo.toml must have one to five {field}"
                ));
            }
        }
        let has_features = package["features"]
            .as_object()
            .is_some_and(|of| !of.is_empty());
        let docs = &package["metadata"]["docs"]["rs"];
        if has_features && (docs["all-features"] != true || docs["rustdoc-args"].is_null()) {
            broken.push(format!(
                "{name}: docs.rs is not told to label features: [package.metadata.docs.rs]"
            ));
        }
    }
    Ok(())
}

/// Compares what is packed with what may and must be; returns the size of the package.
fn contents(package: &Package, broken: &mut Vec<String>) -> Result<u64, String> {
    let name = &package.name;
    let words = [
        "package",
        "--list",
        "--offline",
        "--allow-dirty",
        "--package",
        name,
    ];
    let listed = output(&mut cargo(&words))?;
    let files: BTreeSet<String> = listed.lines().map(|line| line.replace('\\', "/")).collect();

    for file in NEEDED.iter().filter(|file| !files.contains(**file)) {
        broken.push(format!("{name}: its package lacks {file}"));
    }
    for file in &files {
        let allowed =
            NEEDED.contains(&file.as_str()) || ALLOWED.iter().any(|start| file.starts_with(start));
        if !allowed {
            broken.push(format!(
                "{name}: its package has {file}: leave it out by `exclude` in Cargo.toml"
            ));
        }
        // What cargo writes itself is in no folder.
        let size = package
            .folder
            .join(file)
            .metadata()
            .map_or(0, |data| data.len());
        if size > FILE {
            broken.push(format!(
                "{name}: {file} has {size} bytes; {FILE} are the most"
            ));
        }
    }
    for (source, path) in included(&package.folder, &files)? {
        if !files.contains(&path) {
            broken.push(format!(
                "{name}: {source} includes {path}, which its package lacks"
            ));
        }
    }
    let version = &package.version;
    let archive = root().join(format!("target/packages/package/{name}-{version}.crate"));
    let size = archive
        .metadata()
        .map_err(|error| format!("{}: {error}", archive.display()))?
        .len();
    if size > PACKAGE {
        broken.push(format!(
            "{name}: its package has {size} bytes; {PACKAGE} are the most"
        ));
    }
    Ok(size)
}

/// Returns the files that the sources include at compile time, but for their tests, as paths within
/// the package.
fn included(folder: &Path, files: &BTreeSet<String>) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for source in files.iter().filter(|file| is(file, "rs")) {
        let text = read(&folder.join(source))?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let tests = source.ends_with("/tests.rs") || source.ends_with("/contract.rs");
        for call in ["include_str!(\"", "include_bytes!(\"", "include!(\""] {
            for rest in code.split(call).skip(1).filter(|_| !tests) {
                let target = rest.split('"').next().unwrap_or_default();
                let beside = Path::new(source).parent().unwrap_or(Path::new(""));
                found.push((source.clone(), normal(&beside.join(target))));
            }
        }
        // A macro that puts a folder before the names that it is given.
        for rest in code.split("include_str!(concat!(\"").skip(1) {
            let folder = rest.split('"').next().unwrap_or_default();
            let beside = Path::new(source).parent().unwrap_or(Path::new(""));
            let pages = code
                .split('"')
                .filter(|word| is(word, "md") && !word.contains('/'));
            found.extend(pages.map(|page| {
                let page = beside.join(folder).join(page);
                (source.clone(), normal(&page))
            }));
        }
    }
    Ok(found)
}

/// Whether the file's name ends so.
fn is(file: &str, extension: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|of| of == extension)
}

/// The path without `..`, with slashes. What leads out of the package keeps its `..`.
fn normal(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if parts.file_name().is_some() => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.to_string_lossy().replace('\\', "/")
}
