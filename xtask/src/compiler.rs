//! What the compiler does for each package of a build. Cargo then runs this program in the compiler's
//! place, and the compiler is its child. And the C of a dependency, which is left out where nothing
//! is linked.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use crate::shell::{cargo, cpu_of_programs, output, read, target};
use crate::size::within;

/// Tells the file to which each compiler's package and time are added.
const TIMES: &str = "XTASK_TIMES";
/// Tells the folder into which the code is written as it is before the optimiser.
const CODE: &str = "XTASK_CODE";
/// Tells that this program is in the place of a compiler of C.
const C: &str = "XTASK_C";

/// Runs the compiler, if that is what this program was asked for.
pub(crate) fn in_its_place() -> Option<ExitCode> {
    let (times, code, c) = (env::var_os(TIMES), env::var_os(CODE), env::var_os(C));
    if times.is_none() && code.is_none() && c.is_none() {
        return None;
    }
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let compiled = if c.is_some() {
        run_c(&args)
    } else {
        run(&args, times.as_deref(), code.as_deref())
    };
    Some(compiled.unwrap_or_else(|error| {
        eprintln!("xtask, in the compiler's place: {error}");
        ExitCode::FAILURE
    }))
}

fn run(args: &[OsString], times: Option<&OsStr>, code: Option<&OsStr>) -> io::Result<ExitCode> {
    let (program, args) = args.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut compiler = Command::new(program);
    compiler.args(args);
    // Cargo asks for the compiler's version too, and that is of no package.
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    if let Some(code) = code.filter(|_| !package.is_empty()) {
        let file = Path::new(code).join(format!("{package}.ll"));
        compiler.arg(format!("--emit=llvm-ir={}", file.display()));
        // Or there would be a file for each unit.
        compiler.arg("-Ccodegen-units=1");
    }
    let status = compiler.status()?;
    if let (Some(times), Some(took), false) = (times, cpu_of_programs(), package.is_empty()) {
        let mut file = OpenOptions::new().create(true).append(true).open(times)?;
        // In one piece, since others write beside this one.
        file.write_all(format!("{package} {took}\n").as_bytes())?;
    }
    Ok(exit_code(status))
}

/// Makes an empty file of each object. What is no object tells something of the compiler, and is asked of
/// it.
fn run_c(args: &[OsString]) -> io::Result<ExitCode> {
    let object = args.iter().skip_while(|arg| *arg != "-o").nth(1);
    match object {
        Some(object) if args.iter().any(|arg| arg == "-c") => {
            fs::write(object, "")?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(exit_code(Command::new("cc").args(args).status()?)),
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let status = status.code().and_then(|code| u8::try_from(code).ok());
    status.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Has aws-lc's C, some 40 s of the processor, left out of a build that links nothing. The variable is
/// of that package alone, which is built anew when it changes.
pub(crate) fn without_c(command: &mut Command) -> Result<&mut Command, String> {
    if cfg!(unix) {
        command.env("AWS_LC_SYS_CC", itself()?).env(C, "1");
    }
    Ok(command)
}

/// Has the time of each package that this command compiles written into a file.
pub(crate) fn timed(command: &mut Command, file: &Path) -> Result<(), String> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let _ = fs::remove_file(file);
    command.env("RUSTC_WRAPPER", itself()?).env(TIMES, file);
    Ok(())
}

/// The time of the processor that each package took, in hundredths of a second.
pub(crate) fn times(file: &Path) -> Result<BTreeMap<String, u64>, String> {
    let mut times = BTreeMap::new();
    for line in read(file)?.lines() {
        let (package, took) = line.split_once(' ').unwrap_or_default();
        if let Ok(took) = took.parse::<u64>() {
            *times.entry(package.to_owned()).or_default() += took;
        }
    }
    Ok(times)
}

fn itself() -> Result<PathBuf, String> {
    env::current_exe().map_err(|error| error.to_string())
}

/// The packages whose code has a ceiling: what the first command compiles of the workspace.
const MEASURED: [&str; 6] = [
    "qoder",
    "qoder-http",
    "qoder-sim",
    "qoder-sse",
    "qoder-types",
    "quickstart",
];

/// The lines of code that the compiler hands to its optimiser, package by package, and the size of the
/// program that comes of them, are no more than they may be: what follows from them is the time of
/// every build, and needs no clock.
pub(crate) fn check() -> Result<(), String> {
    let folder = target().join("code");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let build = ["build", "--quiet", "--package", "quickstart"];
    output(
        cargo(&build)
            // Of the workspace's packages alone: what they depend on is built already.
            .env("RUSTC_WORKSPACE_WRAPPER", itself()?)
            .env(CODE, &folder)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0"),
    )?;
    let mut all_fit = Ok(());
    for package in MEASURED {
        let code = read(&folder.join(format!("{package}.ll"))).map_err(|error| {
            format!("{error}: was it removed? `cargo clean --package {package}`, and again")
        })?;
        let lines = lines(&code);
        println!("{package}: {lines} lines");
        let fits = within(&format!("lines-{package}"), lines);
        all_fit = all_fit.and(fits);
    }
    let program = target()
        .join("debug")
        .join(format!("quickstart{}", env::consts::EXE_SUFFIX));
    let size = fs::metadata(&program)
        .map_err(|error| format!("{}: {error}", program.display()))?
        .len();
    println!("the program: {} KiB", size >> 10);
    all_fit.and(within("kib-first", size >> 10))
}

/// The lines within functions, without what is said of them to debuggers.
fn lines(code: &str) -> u64 {
    let lines = code.lines();
    let instructions = lines.filter(|line| line.starts_with("  ") && !line.contains("#dbg_"));
    instructions.count() as u64
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::{lines, run_c};

    #[test]
    fn an_object_of_c_is_an_empty_file() {
        let object = std::env::temp_dir().join(format!("xtask-{}.o", std::process::id()));
        let args = ["-c", "no-such-file.c", "-o"].map(OsString::from);
        let args = [&args[..], &[object.clone().into()]].concat();
        run_c(&args).expect("no compiler is asked");
        assert_eq!(fs::metadata(&object).expect("an object").len(), 0);
        fs::remove_file(object).expect("it can go");
    }

    #[test]
    fn lines_are_those_within_functions() {
        let code = "; a\ndefine void @f() {\nstart:\n  %a = add i32 1, 2\n    #dbg_value(i32 %a)\n  ret void\n}\n\ndeclare void @g()\n";
        assert_eq!(lines(code), 2);
    }
}
