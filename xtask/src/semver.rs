//! That the public items keep what the last release promised, by cargo-semver-checks.

use std::process::Command;

use crate::shell::{cargo, output, root, sh};
use crate::tidy;

/// Compares each published crate with the last tag. Without the tool, or without a tag, it says so
/// and goes on: `api` shows every change in any case.
pub(crate) fn check() -> Result<(), String> {
    if output(&mut cargo(&["semver-checks", "--version"])).is_err() {
        println!(
            "cargo-semver-checks is not here: `cargo install cargo-semver-checks --locked`; skipped"
        );
        return Ok(());
    }
    let mut describe = Command::new("git");
    describe.args(["describe", "--tags", "--abbrev=0"]);
    let Ok(tag) = output(describe.current_dir(root())) else {
        println!("there is no tag to compare with; skipped");
        return Ok(());
    };
    let mut words = vec!["semver-checks", "--baseline-rev", tag.trim()];
    let packages = tidy::packages()?;
    for package in packages.iter().filter(|package| package.published) {
        words.extend(["--package", &package.name]);
    }
    sh(&mut cargo(&words)).map_err(|error| {
        format!(
            "{error}. What is listed breaks programs that were written for {}: undo it, or raise the version in \
             Cargo.toml and say in CHANGELOG.md what users have to change",
            tag.trim()
        )
    })
}
