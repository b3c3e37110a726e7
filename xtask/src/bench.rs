//! The benchmarks, in `bench/`: a package of its own, so that the peers they compare with are no
//! concern of the workspace.

use crate::shell::{cargo, output, root, sh};

/// Each program, with what its part of the report is about.
const PROGRAMS: &[(&str, &str)] = &[
    ("sse", "The parser and its peers"),
    ("allocations", "Allocations"),
    ("typed", "From bytes to typed events"),
    ("cost", "Events and calls over loopback"),
];

const REPORT: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- printed by `cargo xtask bench` -->";

/// `bench` runs all and prints the report into the docs; `bench NAME [ARGS]` runs one.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    match args {
        [] => report(),
        [name, rest @ ..] if PROGRAMS.iter().any(|(program, _)| program == name) => {
            sh(program(name).args(rest))
        }
        [name, ..] => Err(format!(
            "there is no benchmark {name}; there are: {}",
            PROGRAMS
                .iter()
                .map(|(program, _)| *program)
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

fn report() -> Result<(), String> {
    let path = root().join(REPORT);
    let text = crate::shell::read(&path)?;
    let Some((head, _)) = text.split_once(BEGIN) else {
        return Err(format!("{REPORT}: the line {BEGIN} is missing"));
    };
    let mut report = format!("{head}{BEGIN}\n");
    for (name, title) in PROGRAMS {
        println!("== {name}");
        let tables = output(&mut program(name))?;
        println!("{tables}");
        report.extend(["\n## ", title, "\n\n", tables.trim(), "\n"]);
    }
    std::fs::write(&path, report).map_err(|error| format!("{REPORT}: {error}"))
}

fn program(name: &str) -> std::process::Command {
    cargo(&[
        "run",
        "--release",
        "--quiet",
        "--manifest-path",
        "bench/Cargo.toml",
        "--target-dir",
        "target/bench",
        "--bin",
        name,
        "--",
    ])
}
