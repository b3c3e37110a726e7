//! The tests that catch a mutant.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::shell::{read, root};

/// The tests that catch a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The first schedules of the simulation.
    Simulation,
    /// The tests of a package's library, or of one of its programs of tests, whose names have the
    /// words.
    Tests {
        package: &'static str,
        file: Option<&'static str>,
        words: &'static str,
    },
}

impl By {
    /// That there are such tests, as far as the sources tell without being compiled: a check runs
    /// a share of the mutants only, and a program of tests that was renamed is noticed at once.
    pub(super) fn exists(self) -> Result<(), String> {
        let Self::Tests {
            package,
            file,
            words,
        } = self
        else {
            return Ok(());
        };
        let package = match package {
            "qoder-tests" => root().join("tests"),
            package => root().join("crates").join(package),
        };
        let sources = match file {
            None => package.join("src"),
            Some(file) => {
                let tests = package.join("tests");
                let (alone, folder) = (tests.join(format!("{file}.rs")), tests.join(file));
                if alone.is_file() { alone } else { folder }
            }
        };
        if !sources.exists() {
            return Err(format!("{self}: there is no {}", sources.display()));
        }
        let mut names = Vec::new();
        collect(&sources, &mut names)?;
        // Words are a piece of a test's path, so each part of them stands in one name.
        let missing = words
            .split("::")
            .find(|part| !names.iter().any(|name| name.contains(part)));
        match missing {
            Some(part) => Err(format!("{self}: nothing there has the name {part:?}")),
            None => Ok(()),
        }
    }
}

/// The names of modules and functions in a file, or in all files of a folder.
fn collect(path: &Path, names: &mut Vec<String>) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    names.extend(path.file_stem().map(|name| name.to_string_lossy().into()));
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(wrong)?;
        let mut entries: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(wrong)?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, names));
    }
    if path.extension().is_some_and(|end| end == "rs") {
        let text = read(path)?;
        let declared = text.lines().filter_map(|line| {
            let (_, name) = line.split_once("fn ").or_else(|| line.split_once("mod "))?;
            Some(name.split(['(', '<', ';', ' ']).next()?.to_owned())
        });
        names.extend(declared);
    }
    Ok(())
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulation => f.write_str("the simulation"),
            Self::Tests {
                package,
                file,
                words,
            } => {
                write!(f, "`{package}`")?;
                if let Some(file) = file {
                    write!(f, ", `{file}`")?;
                }
                if !words.is_empty() {
                    write!(f, ": `{words}`")?;
                }
                Ok(())
            }
        }
    }
}
