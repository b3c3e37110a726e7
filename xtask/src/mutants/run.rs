//! The copy of the workspace that is broken, and what is run on it.

use std::cell::Cell;
use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{By, Mutant};
use crate::shell::{cargo, output, read, root, target};

/// The number of schedules that a mutant has to survive. Each is caught by one of the first
/// thousand or so.
const SEEDS: &str = "4000";

/// The time in seconds that one of them may take, at the least and as long as it is not known how
/// busy the machine is. A sound one takes milliseconds, and the longest of them half a second.
const ONE: RangeInclusive<u64> = 5..=60;

/// The time that all of them may take before the result is left open. A sound copy needs some 15 s
/// of both cores.
const SCHEDULES: Duration = Duration::from_secs(240);

/// The time that tests may take before they count as endless. Sound ones take seconds.
const TESTS: Duration = Duration::from_secs(30);

/// The package of the copy that has the tests within the client, and its one program.
const WITHIN: &str = "within";

/// A copy of the workspace, beside its build.
pub(super) struct Copy {
    folder: PathBuf,
    target: PathBuf,
    /// The time that one schedule may take, in seconds: a third of what all of them took last, in a
    /// copy that passed.
    patience: Cell<u64>,
}

impl Copy {
    /// The code as it is.
    pub(super) fn new() -> Result<Self, String> {
        let folder = root().join("target/mutants");
        for part in ["Cargo.lock", "crates", "examples", "tests", "xtask"] {
            replace(&root().join(part), &folder.join(part))?;
        }
        // Under a version of its own, since builds are told apart by it: what is left of a broken copy
        // must never be taken for the workspace's.
        let manifest = read(&root().join("Cargo.toml"))?;
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        let copied = manifest.replace(&version, &version.replacen('"', "\"9", 1));
        if copied == manifest {
            return Err(format!("{version} is not in Cargo.toml"));
        }
        write(&folder.join("Cargo.toml"), &copied)?;
        // The tests within the client are a package of their own: by `--lib` all libraries of the workspace
        // would be asked for, and as a program of the client's they would come with another build of it.
        let manifest = read(&root().join("crates/qoder/Cargo.toml"))?;
        let manifest = manifest.replacen("name = \"qoder\"", &format!("name = \"{WITHIN}\""), 1);
        let tests = format!("\n[[test]]\nname = \"{WITHIN}\"\npath = \"../qoder/src/lib.rs\"\n");
        let package = folder.join("crates").join(WITHIN);
        fs::create_dir_all(&package).map_err(|error| format!("{}: {error}", package.display()))?;
        write(&package.join("Cargo.toml"), &(manifest + &tests))?;
        // What both depend on is compiled once.
        Ok(Self {
            folder,
            target: target(),
            patience: Cell::new(*ONE.end()),
        })
    }

    /// Does something while the copy is broken.
    pub(super) fn broken<T>(&self, mutant: &Mutant, act: impl FnOnce() -> T) -> Result<T, String> {
        let file = self.folder.join(mutant.file);
        let sound = read(&file)?;
        write(&file, &sound.replace(mutant.find, mutant.put))?;
        let came = act();
        write(&file, &sound)?;
        Ok(came)
    }

    /// Returns the failure that the copy is caught by, if it is.
    pub(super) fn catch(&self, by: By) -> Result<Option<String>, String> {
        match by {
            By::Simulation => self.simulate(),
            By::Tests {
                package,
                file,
                words,
            } => self.test(package, file, words),
        }
    }

    fn simulate(&self) -> Result<Option<String>, String> {
        // With a test beside it, the program is built as all tests are.
        let mut faults = Command::new(self.build_test("faults", "bin")?);
        let patience = self.patience.get().to_string();
        faults.args(["--seeds", SEEDS, "--patience", &patience]);
        let started = Instant::now();
        let Some((passed, said)) = self.finish(&mut faults, SCHEDULES)? else {
            return Err(format!(
                "{SEEDS} schedules took more than {SCHEDULES:?}, so that it is left open"
            ));
        };
        if passed {
            let third = started.elapsed().as_secs() / 3;
            self.patience.set(third.clamp(*ONE.start(), *ONE.end()));
        }
        let how = said.lines().next().unwrap_or("it crashed").to_owned();
        Ok((!passed).then_some(how))
    }

    fn test(
        &self,
        package: &str,
        file: Option<&str>,
        words: &str,
    ) -> Result<Option<String>, String> {
        let program = match (file, package) {
            (None, "qoder") => self.build_test(WITHIN, "test"),
            (None, package) => self.build(
                &["--package", package, "--lib"],
                &package.replace('-', "_"),
                "lib",
            ),
            (Some(file), _) => self.build_test(file, "test"),
        }?;
        let Some((passed, said)) = self.finish(Command::new(program).arg(words), TESTS)? else {
            return Ok(Some("it has no end".to_owned()));
        };
        if passed {
            let none = said.contains("running 0 tests");
            return if none {
                Err(format!("no test of {package} has the words {words:?}"))
            } else {
                Ok(None)
            };
        }
        let mut failed = said.lines().filter_map(|line| {
            let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
            Some(name)
        });
        Ok(Some(failed.next().unwrap_or("it crashed").to_owned()))
    }

    /// Builds a program of integration tests, or one of this kind with the same name beside it.
    ///
    /// Features are those that the whole workspace asks for, as in its own tests, so that all that is
    /// no part of it has been built already.
    fn build_test(&self, test: &str, kind: &str) -> Result<PathBuf, String> {
        // Some tests are of what a feature adds.
        let features = format!("{WITHIN}/webhooks");
        let chosen = ["--workspace", "--features", &features, "--test", test];
        self.build(&chosen, test, kind)
    }

    /// Builds the tests that cargo chooses by these arguments, and gives the program of this name and
    /// kind that comes of it.
    fn build(&self, chosen: &[&str], name: &str, kind: &str) -> Result<PathBuf, String> {
        let mut build = cargo(&["test", "--no-run"]);
        build.args(chosen);
        build.args(["--quiet", "--message-format", "json"]);
        build.current_dir(&self.folder);
        build.env("CARGO_TARGET_DIR", &self.target);
        // Nobody looks into it with a debugger, and it is linked once for each mutant.
        build.env("CARGO_PROFILE_DEV_DEBUG", "0");
        // Checks are built without what is known of the last build; here a line changes at a time.
        build.env("CARGO_INCREMENTAL", "1");
        let told = output(&mut build).map_err(|error| {
            let errors = error.lines().filter(|line| line.starts_with("error"));
            format!(
                "it can't be built: {}",
                errors.collect::<Vec<_>>().join("; ")
            )
        })?;
        told.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|told| told["target"]["kind"][0] == kind && told["target"]["name"] == name)
            .find_map(|told| Some(told["executable"].as_str()?.into()))
            .ok_or_else(|| "no program was built".to_owned())
    }

    /// Runs a program: whether it succeeded, and what it said; `None` if it took too long.
    fn finish(
        &self,
        program: &mut Command,
        within: Duration,
    ) -> Result<Option<(bool, String)>, String> {
        let wrong = |error: std::io::Error| error.to_string();
        let said = self.folder.join("said.txt");
        program
            .current_dir(&self.folder)
            .stdout(File::create(&said).map_err(wrong)?)
            .stderr(Stdio::null());
        let mut child = program.spawn().map_err(wrong)?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(wrong)? {
                return Ok(Some((status.success(), read(&said)?)));
            }
            if started.elapsed() > within {
                child.kill().map_err(wrong)?;
                child.wait().map_err(wrong)?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Makes `to` the same as `from`; files that are the same already keep their time, so that they
/// are not compiled again.
fn replace(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    if from.is_file() {
        let text = fs::read(from).map_err(wrong)?;
        if fs::read(to).ok().as_deref() == Some(&text) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(wrong)?;
        }
        return fs::write(to, text).map_err(wrong);
    }
    for entry in fs::read_dir(to).into_iter().flatten().flatten() {
        let (old, name) = (entry.path(), entry.file_name());
        if old.is_file() && !from.join(name).exists() {
            fs::remove_file(old).map_err(wrong)?;
        }
    }
    for entry in fs::read_dir(from).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        if name != "target" {
            replace(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
