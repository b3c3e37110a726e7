//! Every check of the project, one after another.

use std::time::Instant;

use crate::bench;
use crate::mutants;
use crate::readme;
use crate::shell::{cargo, sh};
use crate::tidy::{self, Package};

type Step = (&'static str, fn() -> Result<(), String>);

/// Cheap ones and those that fail most often come first.
const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", tidy::check),
    ("clippy", clippy),
    ("test", test),
    ("features", features),
    ("doc", doc),
    ("no-std", no_std),
    ("benchmarks", bench::check),
    ("mutants", mutants::run_some),
    ("readme", readme::check),
];

pub(crate) fn run_all(skipped: &[&str]) -> Result<(), String> {
    if let Some(unknown) = skipped
        .iter()
        .find(|name| !STEPS.iter().any(|(step, _)| step == *name))
    {
        return Err(format!("there is no step {unknown}"));
    }
    let start = Instant::now();
    for (name, _) in STEPS {
        if skipped.contains(name) {
            println!("== {name}: skipped, as asked");
            continue;
        }
        step(name)?;
    }
    println!("== all checks passed in {} s", start.elapsed().as_secs());
    Ok(())
}

/// `ci` with `--skip STEP` any number of times.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let mut skipped = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (*arg, args.next()) {
            ("--skip", Some(step)) => skipped.push(*step),
            _ => return Err(format!("ci: unknown argument {arg}")),
        }
    }
    run_all(&skipped)
}

/// What covers each operation, printed and written into the docs. That they are not stale, and that
/// nothing is missing, is checked by the same test within `test`.
pub(crate) fn coverage() -> Result<(), String> {
    let test = [
        "test",
        "-p",
        "qoder-tests",
        "--test",
        "coverage",
        "--",
        "--nocapture",
    ];
    sh(cargo(&test).env("UPDATE_DOCS", "1"))
}

pub(crate) fn step(name: &str) -> Result<(), String> {
    let Some((_, check)) = STEPS.iter().find(|(step, _)| *step == name) else {
        return Err(format!("there is no step {name}; see `cargo xtask help`"));
    };
    println!("== {name}");
    let start = Instant::now();
    check().map_err(|error| format!("{name}: {error}"))?;
    println!("== {name}: passed in {} s", start.elapsed().as_secs());
    Ok(())
}

fn fmt() -> Result<(), String> {
    sh(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), String> {
    sh(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn test() -> Result<(), String> {
    sh(&mut cargo(&["test", "--workspace"]))
}

/// Each published crate with no features, and with each of its features alone.
fn features() -> Result<(), String> {
    for Package { name, features, .. } in
        tidy::packages()?.iter().filter(|package| package.published)
    {
        sh(&mut cargo(&[
            "clippy",
            "--package",
            name,
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ]))?;
        for feature in features
            .iter()
            .filter(|feature| *feature != "default" && !feature.starts_with("__"))
        {
            sh(&mut cargo(&[
                "clippy",
                "--package",
                name,
                "--no-default-features",
                "--features",
                feature,
                "--",
                "-D",
                "warnings",
            ]))?;
        }
    }
    Ok(())
}

fn doc() -> Result<(), String> {
    sh(
        cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Runs the simulation of faults with these words.
pub(crate) fn faults(args: &[&str]) -> Result<(), String> {
    let words = ["run", "--release", "--quiet", "--package", "qoder-tests"];
    sh(cargo(&words).args(["--bin", "faults", "--"]).args(args))
}

/// Prints the states of the resume machine into its docs. The test that does it checks, in every
/// other run, that they are printed from the table as it is.
pub(crate) fn diagram() -> Result<(), String> {
    sh(cargo(&[
        "test",
        "--package",
        "qoder-sse",
        "--test",
        "resume",
        "the_documented_table_is_the_machines",
    ])
    .env("UPDATE_DOCS", "1"))
}

/// A static library with a panic handler of its own links only if nothing pulls in `std`.
fn no_std() -> Result<(), String> {
    let manifest = "crates/qoder-sse/no-std-check/Cargo.toml";
    sh(&mut cargo(&[
        "build",
        "--manifest-path",
        manifest,
        "--release",
        "--target-dir",
        "target/no-std-check",
    ]))
}
