//! The cost of a dependency on the SDK in bytes and in time to build, beside the parts that one
//! would take in its place: two small programs in `bench/` that do the same. What needs no clock
//! has a ceiling, in `bench/ceilings.txt`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::compiler;
use crate::shell::{cargo, cpu_of_programs, output, read, root};

pub(crate) const OURS: &str = "minimal-ours";
const THEIRS: &str = "minimal-theirs";

/// A way to build one of the programs.
struct Build {
    program: &'static str,
    /// The packages that it is made of.
    of: &'static str,
    features: &'static [&'static str],
}

impl Build {
    /// Whether it is one of the two with the same features.
    fn has_what_the_others_have(&self) -> bool {
        self.program == THEIRS || !self.features.is_empty()
    }
}

const BUILDS: &[Build] = &[
    Build {
        program: OURS,
        of: "qoder",
        features: &[],
    },
    Build {
        program: OURS,
        of: "qoder, without gzip, turns, workers and the platform's verifier",
        features: &["--no-default-features", "--features", "parts"],
    },
    Build {
        program: THEIRS,
        of: "reqwest, eventsource-stream, serde, serde_json",
        features: &[],
    },
];

/// The file with the ceilings.
const CEILINGS: &str = "bench/ceilings.txt";

/// The packages that the smallest program depends on are no more than they may be.
pub(crate) fn check() -> Result<(), String> {
    let lock = read(&root().join("bench/minimal-ours/Cargo.lock"))?;
    let all = lock.lines().filter(|line| *line == "[[package]]").count();
    // The program itself is one of them.
    within("packages", all.saturating_sub(1) as u64)
}

/// Whether this is no more than the ceiling of this name.
pub(crate) fn within(name: &str, is: u64) -> Result<(), String> {
    let table = read(&root().join(CEILINGS))?;
    let ceiling = ceiling(&table, name).ok_or_else(|| format!("{CEILINGS} has no line {name}"))?;
    if is <= ceiling {
        return Ok(());
    }
    Err(format!(
        "{name}: {is}, and {CEILINGS} allows {ceiling}: find what the rest came with (of packages, \
         `cargo tree --manifest-path bench/minimal-ours/Cargo.toml` tells), or raise the ceiling there"
    ))
}

/// The ceiling of this name in a table: a line of its name and its number.
fn ceiling(table: &str, name: &str) -> Option<u64> {
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(other, ceiling)| (other == name).then(|| ceiling.trim().parse().ok())?)
}

/// A table, and whether what it has is within its ceilings: what is over one is to be seen in its
/// table. Both programs are built from nothing, one after the other, so it takes its time.
pub(crate) fn report() -> Result<(String, Result<(), String>), String> {
    let (mut fits, mut crates, mut codes) = (Ok(()), Vec::new(), Vec::new());
    let mut table = "a program with one call and one stream, HTTP/2, TLS by ring, the system's roots; release, stripped\n\n\
                     | made of | packages | program | built from nothing | time of the processor |\n|---|--:|--:|--:|--:|\n"
        .to_owned();
    for build in BUILDS {
        let (name, what) = (build.program, build.of);
        let manifest = format!("bench/{name}/Cargo.toml");
        let target = format!("target/bench-size/{name}");
        let directory = root().join(&target);
        if directory.exists() {
            std::fs::remove_dir_all(&directory).map_err(|error| format!("{target}: {error}"))?;
        }
        let tree = ["tree", "--locked", "--edges", "normal", "--prefix", "none"];
        let packages = output(
            cargo(&tree)
                .args(["--manifest-path", &manifest])
                .args(build.features),
        )?;
        let packages: BTreeSet<&str> = packages
            .lines()
            .filter_map(|line| line.split(" (").next())
            .filter(|line| !line.is_empty() && !line.starts_with(name))
            .collect();
        // What has to be downloaded is no part of the time.
        output(&mut cargo(&[
            "fetch",
            "--locked",
            "--manifest-path",
            &manifest,
        ]))?;
        let before = cpu_of_programs();
        let start = Instant::now();
        let words = ["build", "--release", "--locked", "--quiet"];
        let mut built = cargo(&words);
        built
            .args(["--manifest-path", &manifest, "--target-dir", &target])
            .args(build.features);
        let file = root().join("target/bench-size/times.txt");
        compiler::timed(&mut built, &file)?;
        output(&mut built)?;
        let took = start.elapsed();
        let used = before.and_then(|before| Some(cpu_of_programs()? - before));
        let used = used.map_or_else(|| "?".to_owned(), |used| format!("{} s", used / 100));
        if build.has_what_the_others_have() {
            crates.push(compiler::times(&file)?);
            codes.push(code_by_crate(&manifest, &target, build)?);
        }
        let program = directory
            .join("release")
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let size = std::fs::metadata(&program)
            .map_err(|error| format!("{}: {error}", program.display()))?
            .len();
        if build.features.is_empty() && name == OURS {
            fits = within("kib", size >> 10);
        }
        let _ = writeln!(
            table,
            "| {what} | {} | {} KiB | {:.0} s | {used} |",
            packages.len(),
            size >> 10,
            took.as_secs_f64()
        );
    }
    table.push_str("\nthe same, with the same features, by crate: time of the processor\n\n");
    table.push_str(&by_crate(&crates, LONG, |time| {
        format!("{}.{} s", time / 100, time / 10 % 10)
    }));
    table.push_str(
        "\nthe same, with the same features, by the crate that the code is written in\n\n",
    );
    table.push_str(&by_crate(&codes, LARGE, |size| {
        format!("{} KiB", size >> 10)
    }));
    table.push_str(&changed_lines()?);
    Ok((table, fits))
}

/// What took longer than this, in hundredths of a second, has a line of its own.
const LONG: u64 = 400;
/// So has code of more bytes than this.
const LARGE: u64 = 64 << 10;

/// A table of what each crate costs in those two programs that have the same features.
fn by_crate(programs: &[BTreeMap<String, u64>], much: u64, say: fn(u64) -> String) -> String {
    let names: BTreeSet<&String> = programs.iter().flat_map(BTreeMap::keys).collect();
    let costs = |name: &str| -> Vec<u64> {
        let costs = programs.iter().map(|costs| costs.get(name).copied());
        costs.map(Option::unwrap_or_default).collect()
    };
    let mut rows: Vec<(&str, Vec<u64>)> = names
        .into_iter()
        .map(|name| (name.as_str(), costs(name)))
        .collect();
    rows.sort_by_key(|(_, costs)| Reverse(costs.iter().copied().max()));
    let (high, low): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|(_, costs)| costs.iter().any(|cost| *cost >= much));
    let others = (0..programs.len())
        .map(|at| low.iter().map(|(_, costs)| costs[at]).sum())
        .collect();
    let mut table = "| crate | the SDK | the stack |\n|---|--:|--:|\n".to_owned();
    for (name, costs) in high.into_iter().chain([("all others", others)]) {
        let costs: Vec<String> = costs.into_iter().map(say).collect();
        let _ = writeln!(table, "| {name} | {} |", costs.join(" | "));
    }
    table
}

/// The bytes of a program's functions by the crate that they are written in, from its symbols: linked
/// once more, with them.
fn code_by_crate(
    manifest: &str,
    target: &str,
    build: &Build,
) -> Result<BTreeMap<String, u64>, String> {
    let program = root().join(target).join("with-symbols");
    let words = ["rustc", "--release", "--locked", "--quiet"];
    output(
        cargo(&words)
            .args(["--manifest-path", manifest, "--target-dir", target])
            .args(build.features)
            .args(["--", "-Cstrip=none"])
            .arg(format!("--emit=link={}", program.display())),
    )?;
    let mut symbols = Command::new("nm");
    symbols
        .args(["--print-size", "--demangle", "--radix=d"])
        .arg(&program);
    let mut code = BTreeMap::new();
    for line in output(&mut symbols)?.lines() {
        if let Some((name, size)) = function(line) {
            *code.entry(name).or_default() += size;
        }
    }
    Ok(code)
}

/// The crate that a function is written in, and its size, from a line of `nm`. What Rust has no name for
/// is C's or an assembler's.
fn function(line: &str) -> Option<(String, u64)> {
    let mut parts = line.splitn(4, ' ');
    let (_, size, kind, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !matches!(kind, "t" | "T" | "w" | "W") {
        return None;
    }
    let of = match name.split_once("::") {
        // Before it may stand what a method is of: `<&mut`, or `<T as`.
        Some((of, _)) => of
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()?,
        None => "C and assembler",
    };
    Some((of.to_owned(), size.parse().ok()?))
}

/// The number of times that a line is changed. The median counts.
const CHANGES: usize = 5;

/// A table of what a changed line costs in development: the program is built again, and linked.
fn changed_lines() -> Result<String, String> {
    let mut copies = Vec::new();
    for build in BUILDS {
        copies.push(Changing::copy_of(build)?);
    }
    for number in 0..=CHANGES {
        for copy in &mut copies {
            copy.change(number)?;
        }
    }
    let mut table = "\na line of the program changed, and built again; dev\n\n\
                     | made of | time of the processor | on the wall |\n|---|--:|--:|\n"
        .to_owned();
    for (Build { of: what, .. }, copy) in BUILDS.iter().zip(copies) {
        let processor = middle(copy.processor).map_or_else(|| "?".into(), |it| format!("{it}0 ms"));
        let wall = middle(copy.wall).unwrap_or_default();
        let _ = writeln!(table, "| {what} | {processor} | {wall} ms |");
    }
    Ok(table)
}

fn middle<T: Ord + Copy>(mut all: Vec<T>) -> Option<T> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

/// What is depended on by its path is compiled as if it changed at any time: in 256 units, each with the
/// debug information of all types that it uses. What comes from elsewhere is compiled in 16.
const AS_OF_A_REGISTRY: &str = "
[profile.dev.package]
qoder.codegen-units = 16
qoder-http.codegen-units = 16
qoder-sse.codegen-units = 16
qoder-types.codegen-units = 16
";

/// A copy of a program whose source may be changed.
struct Changing {
    folder: PathBuf,
    features: &'static [&'static str],
    source: String,
    /// In hundredths of a second.
    processor: Vec<u64>,
    /// In thousandths of a second.
    wall: Vec<u128>,
}

/// Stands in both programs once, in the line that prints a title.
const CHANGED: &str = "\"{:?}\"";

impl Changing {
    fn copy_of(build: &Build) -> Result<Self, String> {
        let name = build.program;
        let program = root().join("bench").join(name);
        let kind = if build.features.is_empty() {
            "default"
        } else {
            "parts"
        };
        let folder = root().join("target/bench-size/changed").join(kind);
        let folder = folder.join(name);
        std::fs::create_dir_all(folder.join("src"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        // A path may be absolute wherever it may be relative.
        let crates = root().join("crates").display().to_string();
        let mut manifest = read(&program.join("Cargo.toml"))?.replace("../../crates", &crates);
        if name == OURS {
            manifest.push_str(AS_OF_A_REGISTRY);
        }
        write(&folder.join("Cargo.toml"), &manifest)?;
        write(
            &folder.join("Cargo.lock"),
            &read(&program.join("Cargo.lock"))?,
        )?;
        let source = read(&program.join("src/main.rs"))?;
        if source.matches(CHANGED).count() != 1 {
            return Err(format!("bench/{name}: {CHANGED} stands there once"));
        }
        Ok(Self {
            folder,
            features: build.features,
            source,
            processor: Vec::new(),
            wall: Vec::new(),
        })
    }

    /// Changes the line and builds. The first build is of everything, and isn't counted.
    fn change(&mut self, number: usize) -> Result<(), String> {
        let line = format!("\"{number} {{:?}}\"");
        let source = self.source.replace(CHANGED, &line);
        write(&self.folder.join("src/main.rs"), &source)?;
        let mut build = cargo(&["build", "--locked", "--quiet"]);
        build.args(self.features);
        // As it is at a desk, whatever a check has set.
        build.env_remove("CARGO_INCREMENTAL");
        build.env_remove("CARGO_PROFILE_DEV_DEBUG");
        build.env_remove("CARGO_TARGET_DIR");
        let (before, start) = (cpu_of_programs(), Instant::now());
        output(build.current_dir(&self.folder))?;
        let (wall, after) = (start.elapsed(), cpu_of_programs());
        if number > 0 {
            self.wall.push(wall.as_millis());
            self.processor
                .extend(before.zip(after).map(|(before, after)| after - before));
        }
        Ok(())
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_crate_that_its_path_begins_with() {
        for (line, of) in [
            (
                "0001 0016 t <&mut serde_json::de::Deserializer<R> as serde::X>::f",
                Some("serde_json"),
            ),
            (
                "0001 0016 T core::ptr::drop_in_place<qoder::Client>",
                Some("core"),
            ),
            ("0001 0016 t <dyn hyper::rt::Io>::f", Some("hyper")),
            (
                "0001 0016 t ring_core_0_17_14__x25519",
                Some("C and assembler"),
            ),
            ("0001 0016 r qoder::TABLE", None),
            ("0001 t without_a_size", None),
        ] {
            let found = function(line);
            assert_eq!(found, of.map(|of| (of.to_owned(), 16)), "{line}");
        }
    }

    #[test]
    fn a_table_has_ceilings_and_words() {
        let table = "# packages 1: what they are\npackages   12\nkib 5\nbroken x\n";
        assert_eq!(ceiling(table, "packages"), Some(12));
        assert_eq!(ceiling(table, "kib"), Some(5));
        assert_eq!(ceiling(table, "broken"), None);
        assert_eq!(ceiling(table, "ki"), None);
    }

    #[test]
    fn what_is_over_its_ceiling_is_refused_with_what_to_do() {
        assert_eq!(within("packages", 1), Ok(()));
        let refused = within("packages", 1_000_000).expect_err("too many");
        assert!(refused.contains("packages: 1000000"), "{refused}");
        assert!(refused.contains(CEILINGS), "{refused}");
    }

    #[test]
    fn the_time_of_programs_that_ran_is_told() {
        let Some(before) = cpu_of_programs() else {
            return;
        };
        output(&mut cargo(&["--version"])).expect("cargo");
        assert!(cpu_of_programs() >= Some(before));
    }
}
