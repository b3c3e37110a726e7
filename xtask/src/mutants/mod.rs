//! Ways to break the code, to see that something notices each of them.

mod by;
mod following;
mod interfaces;
mod parser;
mod reading;
mod resume;
mod run;
mod tools;
mod turns;

use std::fmt::Write;
use std::process::Command;
use std::time::Instant;

use crate::shell::{output, read, root};

use by::By;

/// A change of one place in the code.
struct Mutant {
    /// The promise of docs/following.md that doesn't hold then, or the purpose of the code.
    breaks: &'static str,
    /// The fault, in words.
    wrong: &'static str,
    file: &'static str,
    /// This stands there once …
    find: &'static str,
    /// … and becomes this.
    put: &'static str,
    by: By,
}

/// Tests of the parser and of the resume machine.
const fn sse(file: &'static str, words: &'static str) -> By {
    By::Tests {
        package: "qoder-sse",
        file: Some(file),
        words,
    }
}

/// Tests within the client.
const fn client(words: &'static str) -> By {
    By::Tests {
        package: "qoder",
        file: None,
        words,
    }
}

/// Tests of the client as a whole.
const fn whole(file: &'static str, words: &'static str) -> By {
    By::Tests {
        package: "qoder-tests",
        file: Some(file),
        words,
    }
}

fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        resume::MUTANTS,
        following::MUTANTS,
        turns::MUTANTS,
        tools::MUTANTS,
        interfaces::MUTANTS,
        reading::MUTANTS,
        parser::MUTANTS,
    ]
    .into_iter()
    .flatten()
}

/// The page that lists them.
const DOCS: &str = "docs/mutants.md";

/// That each mutant still fits the code, that there is what catches it, and that the docs list
/// them.
pub(crate) fn check() -> Result<(), String> {
    for mutant in all() {
        let found = read(&root().join(mutant.file))?
            .matches(mutant.find)
            .count();
        if found != 1 {
            return Err(format!(
                "{}: {found} places fit the mutant {:?}",
                mutant.file, mutant.wrong
            ));
        }
        mutant.by.exists()?;
    }
    if read(&root().join(DOCS))?.ends_with(&table()) {
        Ok(())
    } else {
        Err(format!(
            "{DOCS} doesn't list the mutants: `cargo xtask mutants --write`"
        ))
    }
}

fn table() -> String {
    let mut table = "| what is broken | of | caught by |\n|---|---|---|\n".to_owned();
    for mutant in all() {
        // A text takes all that is written into it.
        let _ = writeln!(
            table,
            "| {} | {} | {} |",
            mutant.wrong, mutant.breaks, mutant.by
        );
    }
    table
}

/// Writes the table anew.
fn write() -> Result<(), String> {
    let file = root().join(DOCS);
    let text = read(&file)?;
    let Some(at) = text.find("| what is broken |") else {
        return Err(format!("{DOCS} has no table"));
    };
    run::write(&file, &format!("{}{}", &text[..at], table()))
}

/// The number of shares, of which one is tried in each check, whose steps have to be short.
const SHARES: usize = 16;

/// A share of them: another one after each commit, so that each is tried once in [`SHARES`] commits.
/// Neighbours are caught by the same programs of tests, which are then built once.
pub(crate) fn run_some() -> Result<(), String> {
    let all: Vec<_> = all().collect();
    let share = commits() % SHARES;
    let first = |share: usize| share * all.len() / SHARES;
    let chosen = &all[first(share)..first(share + 1)];
    println!("share {} of {SHARES}, by the number of commits", share + 1);
    run(chosen)
}

/// Returns the number of commits up to here; 0 where it can't be told, such as in an archive.
fn commits() -> usize {
    let mut count = Command::new("git");
    count.args(["rev-list", "--count", "HEAD"]);
    let told = output(count.current_dir(root())).unwrap_or_default();
    told.trim().parse().unwrap_or(0)
}

/// All of them, or those that have these words, or none and the table of them.
pub(crate) fn run_with(args: &[&str]) -> Result<(), String> {
    if args == ["--write"] {
        return write();
    }
    if let Some(flag) = args.iter().find(|arg| arg.starts_with('-')) {
        return Err(format!(
            "mutants: unknown argument {flag}; there are --write, alone, and words"
        ));
    }
    let words = args.join(" ");
    let chosen: Vec<_> = all()
        .filter(|mutant| {
            let texts = [mutant.breaks, mutant.wrong, mutant.file];
            texts.iter().any(|text| text.contains(&words))
        })
        .collect();
    if chosen.is_empty() {
        return Err(format!(
            "mutants: none has the words {words:?}; {DOCS} lists them"
        ));
    }
    run(&chosen)
}

/// Breaks a copy of the workspace in each way, and runs what should catch it.
fn run(mutants: &[&Mutant]) -> Result<(), String> {
    check()?;
    let started = Instant::now();
    let copy = run::Copy::new()?;
    let mut sound = Vec::new();
    for mutant in mutants {
        if !sound.contains(&mutant.by) {
            sound.push(mutant.by);
            if let Some(how) = copy.catch(mutant.by)? {
                return Err(format!("the copy as it is: {how}"));
            }
        }
    }
    let (mut survivors, mut undecided) = (Vec::new(), Vec::new());
    for mutant in mutants {
        let started = Instant::now();
        match copy.broken(mutant, || copy.catch(mutant.by))? {
            Ok(Some(how)) => println!(
                "caught in {:.1} s: {}: {how}",
                started.elapsed().as_secs_f64(),
                mutant.wrong
            ),
            Ok(None) => {
                println!("NOT CAUGHT: {}", mutant.wrong);
                survivors.push(mutant.wrong);
            }
            Err(why) => {
                println!("UNDECIDED: {}: {why}", mutant.wrong);
                undecided.push(mutant.wrong);
            }
        }
    }
    if !survivors.is_empty() || !undecided.is_empty() {
        return Err(format!(
            "not noticed: {}; undecided: {}",
            survivors.join("; "),
            undecided.join("; ")
        ));
    }
    println!(
        "all {} mutants were caught, in {} s",
        mutants.len(),
        started.elapsed().as_secs()
    );
    Ok(())
}
