//! The project's chores, as `cargo xtask COMMAND`. `cargo xtask help` lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod api;
mod bench;
mod catalogue;
mod ci;
mod commands;
mod compiler;
mod deps;
mod mutants;
mod package;
mod plots;
mod readme;
mod real;
mod scaffold;
mod semver;
mod shell;
mod size;
mod tidy;
mod vendor;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(status) = compiler::in_its_place() {
        return status;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match commands::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
