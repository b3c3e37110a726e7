//! The benchmarks, in `bench/`: a package of its own, so that the peers they compare with are no
//! concern of the workspace.

use crate::plots;
use crate::shell::{cargo, output, root, sh, target};
use crate::size;

/// Each program, with what its part of the report is about.
const PROGRAMS: &[(&str, &str)] = &[
    ("sse", "The parser and its peers"),
    ("allocations", "Allocations"),
    ("typed", "From bytes to typed events"),
    ("cost", "Events and calls over loopback"),
    ("client", "What a client costs before its first call"),
    ("footprint", "The memory of events and calls"),
    ("recover", "Lost connections"),
    ("load", "Many followers"),
];

/// The report of the last run of all benchmarks.
pub(crate) const REPORT: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- printed by `cargo xtask bench` -->";

const BUILD: &[&str] = &[
    "--release",
    "--quiet",
    "--manifest-path",
    "bench/Cargo.toml",
    "--target-dir",
    "target/bench",
];

/// Programs that are built, and not run.
const SIZE: &str = "size";
const SIZE_TITLE: &str = "What a dependency costs";

/// `bench` runs all and prints the report into the docs; `bench NAME [ARGS]` runs one.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    match args {
        [] => report(),
        [SIZE] => {
            let (table, fits) = size::report()?;
            println!("{table}");
            fits
        }
        [name, rest @ ..] if PROGRAMS.iter().any(|(program, _)| program == name) => {
            sh(program(name).args(rest))
        }
        [name, ..] => Err(format!(
            "there is no benchmark {name}; there are: {}",
            PROGRAMS
                .iter()
                .map(|(program, _)| *program)
                .chain([SIZE])
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

/// That all programs are as good as the workspace's, with the versions that their lock files name.
pub(crate) fn check() -> Result<(), String> {
    sh(cargo(&["clippy", "--locked", "--all-targets"])
        .args(["--manifest-path", "bench/Cargo.toml"])
        // What the workspace depends on as well has been checked there.
        .env("CARGO_TARGET_DIR", target())
        .args(["--", "-D", "warnings"]))?;
    // The smallest program is among them. What it depends on is as it was locked.
    let minimal = format!("bench/{}/Cargo.toml", size::OURS);
    let tree = ["tree", "--quiet", "--locked", "--depth", "0"];
    sh(cargo(&tree).args(["--manifest-path", &minimal]))
}

fn report() -> Result<(), String> {
    let path = root().join(REPORT);
    let text = crate::shell::read(&path)?;
    let Some((head, _)) = text.split_once(BEGIN) else {
        return Err(format!("{REPORT}: the line {BEGIN} is missing"));
    };
    // All at once, since linking them is most of it.
    sh(cargo(&["build", "--bins"]).args(BUILD))?;
    let mut report = format!("{head}{BEGIN}\n\n{}\n", machine()?);
    for (name, title) in PROGRAMS {
        println!("== {name}");
        let tables = output(&mut program(name))?;
        println!("{tables}");
        report.extend(["\n## ", title, "\n\n", tables.trim(), "\n"]);
    }
    println!("== {SIZE}");
    let (table, fits) = size::report()?;
    println!("{table}");
    report.extend(["\n## ", SIZE_TITLE, "\n\n", table.trim(), "\n"]);
    std::fs::write(&path, report).map_err(|error| format!("{REPORT}: {error}"))?;
    plots::run(&[])?;
    fits
}

/// The compiler, the commit and the machine that the figures are of.
fn machine() -> Result<String, String> {
    let compiler = output(std::process::Command::new("rustc").arg("--version"))?;
    let mut git = std::process::Command::new("git");
    let commit = output(
        git.args(["rev-parse", "--short", "HEAD"])
            .current_dir(root()),
    );
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(format!(
        "Of commit {}, by {}, on {cores} cores of \"{}\", {}.",
        commit.as_deref().map_or("?", str::trim),
        compiler.trim(),
        model.map_or("?", |(_, model)| model),
        std::env::consts::OS
    ))
}

fn program(name: &str) -> std::process::Command {
    let mut run = cargo(&["run"]);
    run.args(BUILD).args(["--bin", name, "--"]);
    run
}
