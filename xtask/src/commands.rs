//! The commands and their help: one table.

use std::fmt::Write as _;

use crate::{api, bench, ci, mutants, plots, real, scaffold, vendor};

type Run = fn(&[&str]) -> Result<(), String>;

/// A command of `cargo xtask`.
struct Command {
    name: &'static str,
    /// The arguments that may follow the name.
    args: &'static str,
    /// One line.
    about: &'static str,
    /// The rest of the help.
    help: &'static str,
    run: Run,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        args: "[--part PART] [--skip STEP]...",
        about: "every check of the project, one step after another",
        help: "--part takes the steps of quick, checks or tests alone: the last two can run at the same time, each with a \
               CARGO_TARGET_DIR of its own, as in .ci/run.\n--skip leaves a step out, and can be given more than once. Each step says how long it took.\n\
               `cargo xtask STEP` runs one of them; `cargo xtask STEP --help` says what it checks.",
        run: ci::run,
    },
    Command {
        name: "api",
        args: "[--write]",
        about: "what changed of the public items since docs/api/ was written",
        help: "Reads what `cargo doc` prints of each published crate: every public item with its signature and the \
               traits it has.\n--write writes docs/api/ anew. A change of a signature there is one that users see: it \
               belongs into CHANGELOG.md.\nAlso prints how many public functions have an example.",
        run: api::run,
    },
    Command {
        name: "bench",
        args: "[NAME [ARGS]]",
        about: "all benchmarks, and their report in docs/benchmarks.md; or one of them",
        help: "NAME is sse, allocations, typed, cost, client, footprint, recover, load or size; what follows it is for the \
               program.\nAll of them take some twenty minutes, and want a machine that does nothing else.",
        run: bench::run,
    },
    Command {
        name: "coverage",
        args: "",
        about: "calls every operation of the API, and writes docs/coverage.md and README.md's table",
        help: "The server is the simulator. `cargo test -p qoder-tests --test coverage` checks that both are current.",
        run: |args| none("coverage", args).and_then(|()| ci::coverage()),
    },
    Command {
        name: "diagram",
        args: "",
        about: "prints the states of the resume machine into crates/qoder-sse/docs/resume-states.md",
        help: "A test of qoder-sse checks that it is current.",
        run: |args| none("diagram", args).and_then(|()| ci::diagram()),
    },
    Command {
        name: "faults",
        args: "[--seeds N] [--first N] [--seed N] [--patience SECONDS]",
        about: "following under faults, in simulated time",
        help: "--seeds says how many schedules are run (20000), --first the first of them (0), --patience how long one \
               may take.\n--seed shows one run with all that happens.",
        run: ci::faults,
    },
    Command {
        name: "mutants",
        args: "[--write | WORDS]",
        about: "breaks a copy of the code in many ways, to see that something notices each",
        help: "WORDS choose those whose description, subject or file has them. --write lists all in docs/mutants.md.\nAll of \
               them take some twenty minutes; each is printed as it is caught.",
        run: mutants::run_with,
    },
    Command {
        name: "plots",
        args: "",
        about: "draws docs/plots/ from the figures in docs/benchmarks.md",
        help: "`cargo xtask bench` does so when it has printed them; `cargo xtask tidy` checks that both agree.",
        run: plots::run,
    },
    Command {
        name: "real",
        args: "[--available] [--write] [WORDS]",
        about: "the example programs through nginx, haproxy, tinyproxy and microsocks, and a page in Chromium",
        help: "None of these is installed by it. --available skips those that are missing, --write prints the table \
               into docs/faults.md, WORDS choose routes by their names.",
        run: real::run,
    },
    Command {
        name: "scaffold",
        args: "RESOURCE",
        about: "prints a first draft of a resource's types and rows from the API's catalogue",
        help: "CONTRIBUTING.md says what to do with it. Without RESOURCE it says which there are.",
        run: |args| match args {
            [resource] => scaffold::run(resource),
            [] => Err(format!(
                "scaffold: for which resource? There are {}",
                scaffold::resources()?
            )),
            [_, second, ..] => Err(format!(
                "scaffold: unknown argument {second}; it takes one resource"
            )),
        },
    },
    Command {
        name: "vendor",
        args: "",
        about: "walks every managed resource of the simulator with the vendor's Python SDK",
        help: "It needs python3 with venv, and pip has to reach a registry that has the SDK.",
        run: |args| none("vendor", args).and_then(|()| vendor::run()),
    },
];

/// Runs what the words say.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let asks = |args: &[&str]| args.iter().any(|arg| ["--help", "-h"].contains(arg));
    match args {
        [] | ["help" | "--help" | "-h"] => {
            print!("{}", overview());
            Ok(())
        }
        ["help", name] => help(name),
        // What follows the name of a benchmark is for its program.
        ["bench", benchmark, rest @ ..] if !asks(&[benchmark]) && asks(rest) => {
            bench::run(&args[1..])
        }
        [name, rest @ ..] if asks(rest) => help(name),
        [name, rest @ ..] => {
            if let Some(command) = COMMANDS.iter().find(|command| command.name == *name) {
                return (command.run)(rest);
            }
            known_step(name)?;
            none(name, rest)?;
            ci::step(name)
        }
    }
}

/// That a command which takes no words was given none.
pub(crate) fn none(name: &str, args: &[&str]) -> Result<(), String> {
    match args {
        [] => Ok(()),
        [first, ..] => Err(format!("{name}: unknown argument {first}; it takes none")),
    }
}

fn known_step(name: &str) -> Result<(), String> {
    if ci::about(name).is_some() {
        return Ok(());
    }
    let commands: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    Err(format!(
        "there is no command {name}; there are {}, and the steps of ci: {}",
        commands.join(", "),
        ci::names().join(", ")
    ))
}

fn help(name: &str) -> Result<(), String> {
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        let Command {
            args, about, help, ..
        } = command;
        println!(
            "cargo xtask {}\n\n{about}\n{help}",
            format!("{name} {args}").trim_end()
        );
    } else {
        known_step(name)?;
        println!(
            "cargo xtask {name}\n\na step of `cargo xtask ci`: {}",
            ci::about(name).unwrap_or_default()
        );
    }
    Ok(())
}

fn overview() -> String {
    let mut text = String::new();
    for Command {
        name, args, about, ..
    } in COMMANDS
    {
        let call = format!("{name} {args}");
        // A text takes all that is written into it.
        let _ = writeln!(text, "cargo xtask {}\n    {about}", call.trim_end());
    }
    text.push_str("cargo xtask STEP\n    one step of ci:\n");
    for name in ci::names() {
        let _ = writeln!(
            text,
            "    {name:<12} {}",
            ci::about(name).unwrap_or_default()
        );
    }
    text.push_str("cargo xtask COMMAND --help\n    what else there is to know of one\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_the_benchmarks_names_each() {
        let told = bench::run(&["?"]).expect_err("there is no such benchmark");
        let (_, names) = told.split_once(": ").expect("their names");
        let command = COMMANDS.iter().find(|command| command.name == "bench");
        let words = command.map_or("", |command| command.help);
        let words: Vec<&str> = words.split([',', ';', ' ']).collect();
        for name in names.split(", ") {
            assert!(words.contains(&name), "{name}");
        }
    }

    #[test]
    fn words_of_the_faults_are_checked_before_they_are_built() {
        for words in [&["--bogus"][..], &["5"], &["--seed"], &["--seed", "x"]] {
            let told = run(&[&["faults"], words].concat()).expect_err("unknown words");
            assert!(told.contains("--patience SECONDS"), "{told}");
        }
    }
}
