//! Runs the simulation of faults: `cargo xtask faults --seeds 100000`, or one run of it with all
//! that happens: `cargo xtask faults --seed 17`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use qoder_sse::resume::moves_taken;
use qoder_tests::faults::{PATIENCE, Schedule, run, run_all};

/// The usage, for whoever said something else.
fn usage(word: &str, number: &str) -> String {
    format!(
        "{word} {number:?}: there are --seeds N, --first N, --seed N and --patience SECONDS, each with a whole number"
    )
}

fn main() -> ExitCode {
    start().unwrap_or_else(|why| {
        eprintln!("faults: {why}");
        ExitCode::FAILURE
    })
}

fn start() -> Result<ExitCode, String> {
    let (mut seeds, mut first, mut one, mut patience) = (20_000, 0, None, PATIENCE);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().unwrap_or_default();
        let number = number.parse().map_err(|_| usage(&word, &number))?;
        match word.as_str() {
            "--seeds" => seeds = number,
            "--first" => first = number,
            "--seed" => one = Some(number),
            "--patience" => patience = Duration::from_secs(number),
            _ => return Err(usage(&word, "")),
        }
    }
    if let Some(seed) = one {
        let schedule = Schedule::new(seed);
        eprintln!("{schedule:#?}");
        return Ok(match run(schedule, true) {
            Ok(report) => {
                println!("{report:?}");
                ExitCode::SUCCESS
            }
            Err(why) => {
                println!("seed {seed}: {why}");
                ExitCode::FAILURE
            }
        });
    }
    let started = Instant::now();
    let total = match run_all(first, seeds, patience) {
        Ok(total) => total,
        Err((seed, why)) => {
            println!("seed {seed}: {why}\nreplay it: cargo xtask faults --seed {seed}");
            return Ok(ExitCode::FAILURE);
        }
    };
    println!(
        "{seeds} schedules: {} events and {} previews checked, {} turns brought to their end, {} answers given, \
         {} followers replaced, \
         {} hours of simulated time, at most {} steps without an event, in {:.1} s",
        total.events,
        total.previews,
        total.turns,
        total.answers,
        total.restarts,
        total.took.as_secs() / 3600,
        total.steps,
        started
            .elapsed()
            .max(Duration::from_millis(1))
            .as_secs_f64(),
    );
    for schedule in Schedule::rare() {
        if let Err(why) = run(schedule, false) {
            println!("a rare schedule: {why}");
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("\n| taken | state | input | next |\n|--:|---|---|---|");
    for (taken, count) in moves_taken() {
        let (from, on, to) = (taken.from, taken.on.words(), taken.to);
        println!("| {count} | {from:?} | {on} | {to:?} |");
    }
    Ok(ExitCode::SUCCESS)
}
