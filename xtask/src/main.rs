//! The project's chores, as `cargo xtask COMMAND`. `cargo xtask help` lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod bench;
mod catalogue;
mod ci;
mod mutants;
mod readme;
mod real;
mod scaffold;
mod shell;
mod size;
mod tidy;
mod vendor;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask ci [--skip STEP]...  every check; the steps are listed as they run
cargo xtask STEP                 one step of it: fmt, clippy, tidy, test, features, doc, no-std, benchmarks,
                                 readme
cargo xtask bench                all benchmarks, and their report: docs/benchmarks.md
cargo xtask bench NAME [ARGS]    one of them: sse, allocations, typed, cost …
cargo xtask faults [--seeds N]   following under faults, in simulated time; --seed N shows one run
cargo xtask mutants [WORDS]      breaks the code in many ways, to see that something notices each; WORDS choose
                                 some, --write lists them in docs/mutants.md
cargo xtask real [WORDS]         the example programs through nginx, haproxy, tinyproxy and microsocks, none of which
                                 it installs; --available skips those that are missing, --write prints the table
                                 into docs/faults.md, WORDS choose some
cargo xtask coverage             calls every operation of the API against the simulator, prints what covers each, and
                                 writes docs/coverage.md and the table of README.md
cargo xtask vendor               walks every managed resource of the simulator with the vendor's Python SDK, which pip
                                 gets, and says what disagrees
cargo xtask scaffold RESOURCE    prints a first draft of a resource's types and rows from the API's catalogue
cargo xtask diagram              prints the states of the resume machine into its docs
cargo xtask help                 this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["help" | "--help" | "-h"] | [] => {
            print!("{HELP}");
            Ok(())
        }
        ["bench", args @ ..] => bench::run(args),
        ["diagram"] => ci::diagram(),
        ["mutants", args @ ..] => mutants::run_with(args),
        ["real", args @ ..] => real::run(args),
        ["faults", args @ ..] => ci::faults(args),
        ["coverage"] => ci::coverage(),
        ["vendor"] => vendor::run(),
        ["scaffold", resource] => scaffold::run(resource),
        ["ci", skipped @ ..] => ci::run(skipped),
        [step] => ci::step(step),
        _ => Err(format!("unknown command: {}\n{HELP}", args.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
