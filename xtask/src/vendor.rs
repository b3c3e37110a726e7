//! The vendor's own Python SDK against the simulator: a client that nobody here wrote.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::real::process::{Running, command, create, find};
use crate::shell::{cargo, root, sh};

/// The package and the version that the walk is written for.
const SDK: &str = "qca-sdk";
const VERSION: &str = "0.11.0";

/// The first stream breaks off, so that the SDK has one to resume. The walk begins with it.
const FAULTS: &str = "stream:cut-frames=2";

/// Between two events of a turn, in milliseconds.
const PACE: &str = "2";

/// Gets the SDK, starts a simulator, and walks every resource of the API with both.
pub(crate) fn run() -> Result<(), String> {
    sh(&mut cargo(&["build", "--package", "qoder-sim"]))?;
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let programs = this.parent().ok_or("this program has no folder")?;
    let folder = programs.join("vendor");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let python = sdk(&folder.join("python"))?;

    let program = format!("qoder-sim{}", std::env::consts::EXE_SUFFIX);
    let mut simulator = command(&programs.join(program), &folder);
    simulator
        .args(["--pace", PACE, "--faults", FAULTS])
        .stdout(Stdio::piped())
        .stderr(create(&folder.join("qoder-sim.log"))?);
    let mut running = Running::start("qoder-sim", &mut simulator)?;
    let mut line = String::new();
    BufReader::new(running.stdout()?)
        .read_line(&mut line)
        .map_err(|error| format!("qoder-sim: {error}"))?;
    let url = line.trim_end().strip_prefix("listening on ");
    let url = url.ok_or_else(|| format!("qoder-sim says {line:?} in place of its address"))?;

    // -B: nothing is left beside the sources.
    let walk = root().join("tests/vendor/walk.py");
    sh(Command::new(python).arg("-B").arg(walk).arg(url))
        .map_err(|_| "vendor: the SDK and the simulator disagree; see above".to_owned())
}

/// The Python of an environment in this folder that has the SDK in this version.
fn sdk(folder: &Path) -> Result<PathBuf, String> {
    let python = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    if has_sdk(&python) {
        return Ok(python);
    }
    let system = ["python3", "python"].into_iter().find_map(find);
    let system = system.ok_or("vendor: there is no python3; the SDK needs Python 3.10 or later")?;
    sh(Command::new(system)
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    let package = format!("{SDK}=={VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--retries", "1"];
    sh(Command::new(&python)
        .args(pip)
        .args(["--disable-pip-version-check", &package]))
    .map_err(|error| {
        format!(
            "vendor: pip can't install {package}, which needs a package registry that has it and \
             can be reached; pip's own settings, such as PIP_INDEX_URL, say which is asked: {error}"
        )
    })?;
    Ok(python)
}

fn has_sdk(python: &Path) -> bool {
    let version = format!("from importlib.metadata import version; print(version('{SDK}'))");
    let asked = Command::new(python).args(["-c", &version]).output();
    asked.is_ok_and(|asked| String::from_utf8_lossy(&asked.stdout).trim() == VERSION)
}
