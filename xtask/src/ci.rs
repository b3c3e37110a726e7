//! Every check of the project, one after another.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::api;
use crate::bench;
use crate::compiler;
use crate::deps;
use crate::mutants;
use crate::package;
use crate::readme;
use crate::semver;
use crate::shell::{Spent, cargo, output, sh, target};
use crate::tidy::{self, Package};

/// A step of `ci`.
struct Step {
    name: &'static str,
    part: Part,
    /// The subject of the step, in one line.
    about: &'static str,
    run: fn() -> Result<(), String>,
}

/// Steps of `checks` and of `tests` can run at the same time, if each part has a target directory of
/// its own: they have hardly a build in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Steps that take seconds.
    Quick,
    /// Steps that compile, and run next to nothing.
    Checks,
    /// Steps that run the code.
    Tests,
}

const PARTS: [(&str, Part); 3] = [
    ("quick", Part::Quick),
    ("checks", Part::Checks),
    ("tests", Part::Tests),
];

impl Part {
    const fn step(
        self,
        name: &'static str,
        about: &'static str,
        run: fn() -> Result<(), String>,
    ) -> Step {
        Step {
            name,
            part: self,
            about,
            run,
        }
    }
}

use Part::{Checks, Quick, Tests};

/// Cheap ones and those that fail most often come first; of the checks that one which compiles a crate at a
/// time, for as long as the tests leave it no more than a core.
const STEPS: &[Step] = &[
    Quick.step("fmt", "the code is formatted", fmt),
    Quick.step(
        "tidy",
        "the invariants of docs/architecture.md that a program can check, and all links",
        tidy::check,
    ),
    Quick.step(
        "deps",
        "dependencies: licences, sources, versions, that each is used, and how many there are",
        deps::check,
    ),
    Quick.step(
        "package",
        "each published crate can be packed, and its package has what it needs and no more",
        package::check,
    ),
    Tests.step("test", "cargo test --workspace", test),
    Checks.step(
        "features",
        "each published crate with no features and with each alone that its code names; what works without TLS does",
        features,
    ),
    Checks.step(
        "clippy",
        "all code, with all features, without a warning",
        clippy,
    ),
    Checks.step(
        "doc",
        "the documentation, with all features and with those of the default, without a warning",
        doc,
    ),
    Checks.step("api", "the public items are those in docs/api/", api::check),
    Checks.step(
        "semver",
        "nothing that the last tag promised is gone, where cargo-semver-checks is installed",
        semver::check,
    ),
    Checks.step(
        "no-std",
        "qoder-sse links without std; qoder-sse and qoder-types are for wasm32 too",
        no_std,
    ),
    Checks.step(
        "benchmarks",
        "the benchmarks, which are no part of the workspace, without a warning",
        bench::check,
    ),
    Tests.step(
        "mutants",
        "a share of the mutants is noticed",
        mutants::run_some,
    ),
    Tests.step(
        "readme",
        "the commands of README.md, run as they stand there",
        readme::check,
    ),
    Tests.step(
        "lines",
        "the code of each crate, as the optimiser gets it, and the first command's program are no larger than they may be",
        compiler::check,
    ),
];

/// The names of the steps, in their order.
pub(crate) fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Returns the subject of a step.
pub(crate) fn about(name: &str) -> Option<&'static str> {
    let step = STEPS.iter().find(|step| step.name == name)?;
    Some(step.about)
}

/// `ci` with `--part PART`, and `--skip STEP` any number of times.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let mut part = None;
    let mut skipped = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (*arg, args.next()) {
            ("--part", Some(name)) => match PARTS.iter().find(|(other, _)| other == name) {
                Some((_, found)) => part = Some(*found),
                None => {
                    return Err(format!(
                        "ci: there is no part {name}; there are {}",
                        parts()
                    ));
                }
            },
            ("--part", None) => return Err(format!("ci: --part wants one of {}", parts())),
            ("--skip", Some(step)) if about(step).is_some() => skipped.push(*step),
            ("--skip", Some(step)) => {
                let names = names().join(", ");
                return Err(format!("ci: there is no step {step}; there are {names}"));
            }
            ("--skip", None) => {
                return Err(format!("ci: --skip wants a step: {}", names().join(", ")));
            }
            _ => {
                return Err(format!(
                    "ci: unknown argument {arg}; there are --part PART and --skip STEP"
                ));
            }
        }
    }
    run_all(part, &skipped)
}

fn parts() -> String {
    PARTS.map(|(name, _)| name).join(", ")
}

fn run_all(part: Option<Part>, skipped: &[&str]) -> Result<(), String> {
    let start = Instant::now();
    let steps = STEPS.iter().enumerate();
    for (number, Step { name, .. }) in
        steps.filter(|(_, step)| part.is_none_or(|part| part == step.part))
    {
        if skipped.contains(name) {
            println!("== {name}: skipped, as asked");
            continue;
        }
        println!(
            "== {} of {}, {} s so far",
            number + 1,
            STEPS.len(),
            start.elapsed().as_secs()
        );
        step(name)?;
    }
    println!("== all checks passed in {} s", start.elapsed().as_secs());
    Ok(())
}

/// Prints what covers each operation, and writes it into the docs. That they are not stale, and
/// that nothing is missing, is checked by the same test within `test`.
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
    let Some(Step { run, .. }) = STEPS.iter().find(|step| step.name == name) else {
        return Err(format!("there is no step {name}; see `cargo xtask help`"));
    };
    println!("== {name}");
    let spent = Spent::now();
    run().map_err(|error| format!("{name}: {error}"))?;
    println!("== {name}: passed in {spent}");
    Ok(())
}

fn fmt() -> Result<(), String> {
    sh(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), String> {
    clippy_of(&["--workspace", "--all-targets", "--all-features"])
}

fn clippy_of(what: &[&str]) -> Result<(), String> {
    let mut command = cargo(&["clippy"]);
    command.args(what).args(["--", "-D", "warnings"]);
    sh(compiler::without_c(&mut command)?)
}

fn test() -> Result<(), String> {
    sh(&mut cargo(&["test", "--workspace"]))
}

/// Each published crate with no features, and with each of its features alone. What a transport and
/// a client do where TLS is not whole is run: a feature that is missing is an error where it is
/// wanted, and nowhere else.
fn features() -> Result<(), String> {
    for package in tidy::packages()?.iter().filter(|package| package.published) {
        let Package { name, features, .. } = package;
        let code = tidy::code(name)?;
        let alone = ["--package", name, "--no-default-features"];
        clippy_of(&alone)?;
        for feature in features
            .iter()
            .filter(|feature| *feature != "default" && !feature.starts_with("__"))
            .filter(|feature| code.contains(&format!("feature = \"{feature}\"")))
        {
            clippy_of(&[&alone[..], &["--features", feature]].concat())?;
        }
    }
    // In a package of its own, or what the other tests need would be built for each set.
    let manifest = "crates/qoder-http/features-check/Cargo.toml";
    for features in ["", "roots-bundled", "tls-ring"] {
        sh(cargo(&["test", "--locked", "--manifest-path", manifest])
            .args(["--features", features, "--test", "features"])
            .arg("--target-dir")
            .arg(target()))?;
    }
    Ok(())
}

/// Of the workspace with all features, and of each published crate as it is by default: a link to what
/// another feature adds leads nowhere there.
fn doc() -> Result<(), String> {
    let doc = |words: &[&str]| {
        let mut command = cargo(&["doc", "--no-deps"]);
        command.args(words).env("RUSTDOCFLAGS", "-D warnings");
        sh(compiler::without_c(&mut command)?)
    };
    let packages = tidy::packages()?;
    let published = packages.iter().filter(|package| package.published);
    let words: Vec<&str> = published
        .flat_map(|package| ["--package", &package.name])
        .collect();
    doc(&words)?;
    doc(&["--workspace", "--all-features"])
}

/// Runs the simulation of faults with these words.
pub(crate) fn faults(args: &[&str]) -> Result<(), String> {
    // The program says so too, and first it has to be built for minutes.
    for pair in args.chunks(2) {
        let known = ["--seeds", "--first", "--seed", "--patience"].contains(&pair[0]);
        let number = pair.get(1).copied().unwrap_or_default();
        if !known || number.parse::<u64>().is_err() {
            return Err(format!(
                "faults: {} {number:?}: there are --seeds N, --first N, --seed N and --patience SECONDS, each \
                 with a whole number",
                pair[0]
            ));
        }
    }
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

/// The target that has no I/O of its own.
const WASM: &str = "wasm32-unknown-unknown";

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
    ]))?;
    let folder =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    if !Path::new(folder.trim()).is_dir() {
        println!("{WASM} is not installed here: `rustup target add {WASM}`; skipped");
        return Ok(());
    }
    let crates = [
        "check",
        "--package",
        "qoder-sse",
        "--package",
        "qoder-types",
    ];
    sh(cargo(&crates).args(["--all-features", "--target", WASM]))
}
