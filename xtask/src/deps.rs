//! Rules for dependencies, over what cargo knows of them: licences, sources, two versions of one
//! package, and those that nothing uses. deny.toml has the same rules for cargo-deny, for those
//! who have it; this needs neither a program nor a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::catalogue::{list, text};
use crate::shell::{cargo, output, read, root};
use crate::size;

/// Licences that ask for no more than their text, as deny.toml lists them.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that are there in more than one version, and why.
const SEVERAL: &[(&str, &str)] = &[
    ("base64", "pem, of the tests' certificates, is behind"),
    ("getrandom", "ring, proptest and uuid are at different ones"),
    ("r-efi", "of getrandom, on UEFI alone"),
    ("syn", "macros of jiff and of others, at build time alone"),
    ("windows-sys", "ring is behind tokio, on Windows alone"),
];

/// The sources that packages may come from: the registry, or this workspace.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Dependencies that no line of code names, and why they are there.
const UNNAMED: &[(&str, &str, &str)] = &[];

pub(crate) fn check() -> Result<(), String> {
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--all-features",
    ];
    let metadata: Value =
        serde_json::from_str(&output(&mut cargo(&words))?).map_err(|error| error.to_string())?;
    let packages = list(&metadata["packages"]);
    let mut broken = Vec::new();
    licences(packages, &mut broken);
    sources(packages, &mut broken);
    versions(packages, &mut broken);
    unused(packages, &mut broken)?;
    lists(&mut broken)?;
    broken.extend(size::check().err());
    if broken.is_empty() {
        println!(
            "{} packages: licences, sources, versions and uses",
            packages.len()
        );
        Ok(())
    } else {
        Err(format!("\n  {}", broken.join("\n  ")))
    }
}

fn named(package: &Value) -> String {
    format!("{} {}", text(&package["name"]), text(&package["version"]))
}

fn licences(packages: &[Value], broken: &mut Vec<String>) {
    for package in packages {
        let licence = text(&package["license"]);
        if !allowed(licence) {
            broken.push(format!(
                "{}: the licence {licence:?} is on no list of xtask/src/deps.rs",
                named(package)
            ));
        }
    }
}

/// Whether an SPDX expression can be met with the listed licences. `AND` of alternatives in
/// parentheses is the only nesting there is.
fn allowed(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(rest) = plain.strip_prefix('(') {
        let Some((first, rest)) = rest.split_once(')') else {
            return false;
        };
        return allowed(first)
            && match rest.trim() {
                "" => true,
                rest => rest.strip_prefix("AND ").is_some_and(allowed),
            };
    }
    plain.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|licence| LICENCES.contains(&licence.trim_matches(|c| c == '(' || c == ')')))
    })
}

fn sources(packages: &[Value], broken: &mut Vec<String>) {
    for package in packages {
        let source = &package["source"];
        if !source.is_null() && source != REGISTRY {
            broken.push(format!("{} comes from {source}", named(package)));
        }
    }
}

fn versions(packages: &[Value], broken: &mut Vec<String>) {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        found
            .entry(text(&package["name"]))
            .or_default()
            .insert(text(&package["version"]));
    }
    let listed = |name: &str| SEVERAL.iter().any(|(several, _)| *several == name);
    for (name, versions) in &found {
        if versions.len() > 1 && !listed(name) {
            let versions: Vec<&str> = versions.iter().copied().collect();
            broken.push(format!(
                "{name} is there {} times: {}",
                versions.len(),
                versions.join(", ")
            ));
        }
    }
    for (name, _) in SEVERAL {
        if found.get(name).is_none_or(|versions| versions.len() < 2) {
            broken.push(format!(
                "{name} is there once: xtask/src/deps.rs and deny.toml need not list it"
            ));
        }
    }
}

/// Every dependency of the workspace's own packages is named somewhere in their code.
fn unused(packages: &[Value], broken: &mut Vec<String>) -> Result<(), String> {
    for package in packages
        .iter()
        .filter(|package| package["source"].is_null())
    {
        let name = text(&package["name"]);
        let manifest = Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().unwrap_or(Path::new("."));
        let mut code = String::new();
        gather(folder, &mut code)?;
        for dependency in list(&package["dependencies"]) {
            let of = text(&dependency["rename"]);
            let of = if of.is_empty() {
                text(&dependency["name"])
            } else {
                of
            };
            let listed = UNNAMED
                .iter()
                .any(|(package, dependency, _)| (*package, *dependency) == (name, of));
            if !listed && !names(&code, &of.replace('-', "_")) {
                broken.push(format!(
                    "{name} depends on {of}, and no code of it names that: take it out of {}, or say in \
                     UNNAMED of xtask/src/deps.rs what it is for",
                    manifest.display()
                ));
            }
        }
    }
    Ok(())
}

/// All code and all pages below a folder: what a doctest names is used too.
fn gather(folder: &Path, code: &mut String) -> Result<(), String> {
    let entries = folder
        .read_dir()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let ends = |ending| {
            path.extension()
                .is_some_and(|extension| extension == ending)
        };
        if path.is_dir() {
            gather(&path, code)?;
        } else if ends("rs") || ends("md") {
            code.push_str(&read(&path)?);
        }
    }
    Ok(())
}

/// Whether the word stands in the code as one, and before `::`, `;` or ` as`.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        let begins = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        begins && ["::", ";", " as "].iter().any(|end| after.starts_with(end))
    })
}

/// deny.toml allows what this does.
fn lists(broken: &mut Vec<String>) -> Result<(), String> {
    let deny = read(&root().join("deny.toml"))?;
    let rows = LICENCES.iter().chain(SEVERAL.iter().map(|(name, _)| name));
    for row in rows {
        if !deny.contains(&format!("\"{row}\"")) {
            broken.push(format!(
                "deny.toml lacks {row:?}, which xtask/src/deps.rs has"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{allowed, names};

    #[test]
    fn expressions_are_met_by_one_of_their_choices() {
        for met in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "Apache-2.0 AND ISC",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(allowed(met), "{met}");
        }
        for unmet in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND GPL-3.0",
            "(GPL-3.0) AND MIT",
        ] {
            assert!(!allowed(unmet), "{unmet}");
        }
    }

    #[test]
    fn a_name_is_a_word_of_the_code() {
        assert!(names("use http::Uri;", "http"));
        assert!(names("extern crate cap as c;", "cap"));
        assert!(!names("use hyper_http::x; // http", "http"));
    }
}
