//! Running other programs from the root of the checkout.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// The directory that builds go to.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| root().join("target"), PathBuf::from)
}

/// `cargo` with these words, at the root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // What cargo told this program of its own package: a build script that looks at it would run
    // anew, and all that depends on it be built anew, at each turn from `cargo` to `cargo xtask`.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs the command, showing it, its output, and what it took if that was long.
pub(crate) fn sh(command: &mut Command) -> Result<(), String> {
    let shown = show(command);
    println!("$ {shown}");
    let spent = Spent::now();
    let status = command
        .status()
        .map_err(|error| format!("{shown}: {error}"))?;
    if !status.success() {
        return Err(format!("{shown}: {status}"));
    }
    if spent.seconds() > 0 {
        println!("  ({spent})");
    }
    Ok(())
}

/// The time since a moment, and what the programs that were run since then took of the processor.
pub(crate) struct Spent {
    since: Instant,
    cpu: Option<u64>,
}

impl Spent {
    pub(crate) fn now() -> Self {
        Self {
            since: Instant::now(),
            cpu: cpu_of_programs(),
        }
    }

    fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.seconds())?;
        if let (Some(before), Some(now)) = (self.cpu, cpu_of_programs()) {
            write!(f, ", {} s of the processor", (now - before) / 100)?;
        }
        Ok(())
    }
}

/// Returns the time of the processor, in hundredths of a second, that the programs have had which this
/// one has run and waited for: `cutime` and `cstime` of proc(5). `None` where the system doesn't say
/// so in a file.
pub(crate) fn cpu_of_programs() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name before may have anything in it.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<u64> = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    Some(fields.iter().sum())
}

/// Runs the command and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = show(command);
    let output = command
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{shown}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{shown}: {error}"))
}

/// The file's text.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn show(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    std::iter::once(name)
        .chain(
            command
                .get_args()
                .map(|arg| arg.to_string_lossy().into_owned()),
        )
        .collect::<Vec<_>>()
        .join(" ")
}
