//! The example programs against the simulator, through the parts that stand between clients and
//! servers in the field: what came is compared with what the server says.

mod browser;
mod compare;
mod host;
mod page;
mod parts;
pub(crate) mod process;
mod programs;
mod route;
mod server;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::shell::{cargo, read, root, sh};
use parts::{Certificate, package};
use programs::{Program, Ran};
use route::{ROUTES, Route, Target};

const REPORT: &str = "docs/faults.md";
const BEGIN: &str = "<!-- printed by `cargo xtask real --write` -->\n";
const END: &str = "<!-- the end of what it prints -->";

/// `real [--available] [--write] [WORDS]`: WORDS choose routes by their names.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let (mut available, mut write, mut words) = (false, false, "");
    for arg in args {
        match *arg {
            "--available" => available = true,
            "--write" => write = true,
            arg if !arg.starts_with('-') && words.is_empty() => words = arg,
            arg => {
                return Err(format!(
                    "real: unknown argument {arg}; there are --available, --write, and words"
                ));
            }
        }
    }
    let chosen = ROUTES.iter().filter(|route| route.name.contains(words));
    let (routes, skipped): (Vec<_>, Vec<_>) = chosen.partition(|route| route.missing().is_empty());
    if routes.is_empty() && skipped.is_empty() {
        let names: Vec<&str> = ROUTES.iter().map(|route| route.name).collect();
        return Err(format!(
            "real: no route has the words {words:?}; there are: {}",
            names.join("; ")
        ));
    }
    let missing = (!skipped.is_empty()).then(|| missing(&skipped));
    if write && routes.len() < ROUTES.len() {
        let why = missing.unwrap_or_default();
        return Err(format!("real: the table is written as a whole only. {why}"));
    }

    let rows = rows(&routes)?;
    let table = table(&rows);
    println!("\n{table}");
    if write {
        write_report(&format!("{}\n\n{table}\n", versions()))?;
    }
    let failed = rows.iter().filter(|row| row.ran.came.is_err()).count();
    if failed > 0 {
        return Err(format!("real: {failed} of {} failed", rows.len()));
    }
    match missing {
        None => Ok(()),
        Some(missing) if available => {
            println!("{missing}");
            Ok(())
        }
        Some(missing) => Err(format!("real: {missing} Or say --available.")),
    }
}

/// The result of a program on a route.
struct Row {
    route: &'static str,
    program: Program,
    ran: Ran,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = match &self.ran.came {
            Ok(came) => format!("**ok**; {came}"),
            Err(why) => format!("failed: {}", why.replace(['\n', '|'], " ")),
        };
        let (route, program) = (self.route, self.program.shown());
        let seconds = self.ran.took.as_secs_f64();
        write!(f, "| {route} | `{program}` | {result} | {seconds:.1} |")
    }
}

/// Builds the programs, and runs each on each route.
fn rows(routes: &[&Route]) -> Result<Vec<Row>, String> {
    // As users have them: with the features that they have by default.
    let packages = ["build", "--package", "examples", "--package", "qoder-sim"];
    let of_their_own = ["service", "quickstart"].map(|name| ["--package", name]);
    sh(cargo(&packages)
        .args(of_their_own.as_flattened())
        .args(["--features", "quickstart/https"])
        .args(["--bins", "--examples"]))?;
    // They are where this program is.
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let programs = this.parent().ok_or("this program has no folder")?;
    let folder = programs.join("real");
    make(&folder)?;
    let certificate = routes
        .iter()
        .any(|route| !route.is_direct())
        .then(|| Certificate::make(&folder))
        .transpose()?;
    let target = Target {
        programs: programs.to_owned(),
        certificate,
    };
    let mut rows = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        for &program in route.programs {
            let folder = folder.join(format!("{number}-{}", program.name()));
            make(&folder)?;
            // A part that doesn't start is no reason to leave out the others.
            let ran = route
                .run(program, &target, &folder)
                .unwrap_or_else(|why| Ran {
                    took: Duration::ZERO,
                    came: Err(why),
                });
            let row = Row {
                route: route.name,
                program,
                ran,
            };
            println!("{row}");
            if row.ran.came.is_err() {
                println!("  its files are in {}", folder.display());
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// An empty folder.
fn make(folder: &Path) -> Result<(), String> {
    let wrong = |error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(wrong)?;
    }
    fs::create_dir_all(folder).map_err(wrong)
}

fn table(rows: &[Row]) -> String {
    let rows: String = rows.iter().map(|row| row.to_string() + "\n").collect();
    format!("| route | program | result | seconds |\n|---|---|---|--:|\n{rows}")
}

/// Returns the routes that are skipped, and what to install for them.
fn missing(skipped: &[&Route]) -> String {
    let names: Vec<&str> = skipped.iter().map(|route| route.name).collect();
    let programs = skipped.iter().flat_map(|route| route.missing());
    let packages: BTreeSet<&str> = programs.map(package).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    format!(
        "Skipped: {}. On Debian, `apt-get install {}` has what they take.",
        names.join("; "),
        packages.join(" ")
    )
}

/// The versions of the parts, where they tell.
fn versions() -> String {
    let version = |program: &str| {
        let output = Command::new(process::find(program)?).arg("-v").output();
        let output = output.ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let digits = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        let version = said.split([' ', '/', '-', '\n']).find(digits)?.to_owned();
        Some(format!("{program} {version}"))
    };
    let programs = ["nginx", "tinyproxy", "haproxy"];
    let versions: Vec<String> = programs.into_iter().filter_map(version).collect();
    format!("With {}.", versions.join(", "))
}

fn write_report(table: &str) -> Result<(), String> {
    let path = root().join(REPORT);
    let text = written(&read(&path)?, table)
        .ok_or_else(|| format!("{REPORT}: there is nothing between {BEGIN:?} and {END:?}"))?;
    fs::write(&path, text).map_err(|error| format!("{REPORT}: {error}"))
}

/// The text with another table between its marks.
fn written(text: &str, table: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}{table}{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_goes_between_its_marks() {
        let text = format!("a\n{BEGIN}old\n{END}\nb\n");
        let new = written(&text, "new\n").expect("marks");
        assert_eq!(new, format!("a\n{BEGIN}new\n{END}\nb\n"));
        assert_eq!(written(&format!("{END}{BEGIN}"), "new"), None);
        let documented = read(&root().join(REPORT)).expect("docs");
        assert!(written(&documented, "new").is_some());
    }
}
