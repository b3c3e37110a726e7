//! The cost of a dependency on the SDK in bytes and in time to build, beside the parts that one
//! would take in its place: two small programs in `bench/` that do the same. What needs no clock
//! has a ceiling, in `bench/ceilings.txt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::shell::{cargo, output, read, root};

pub(crate) const OURS: &str = "minimal-ours";
const THEIRS: &str = "minimal-theirs";

/// A way to build one of the programs.
struct Build {
    program: &'static str,
    /// The packages that it is made of.
    of: &'static str,
    features: &'static [&'static str],
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
fn within(name: &str, is: u64) -> Result<(), String> {
    let table = read(&root().join(CEILINGS))?;
    let ceiling = ceiling(&table, name).ok_or_else(|| format!("{CEILINGS} has no line {name}"))?;
    if is <= ceiling {
        return Ok(());
    }
    Err(format!(
        "the smallest program costs {is} {name}, and {CEILINGS} allows {ceiling}: find what it came with \
         (`cargo tree --manifest-path bench/minimal-ours/Cargo.toml`), or raise the ceiling there"
    ))
}

/// The ceiling of this name in a table: a line of its name and its number.
fn ceiling(table: &str, name: &str) -> Option<u64> {
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(other, ceiling)| (other == name).then(|| ceiling.trim().parse().ok())?)
}

/// Returns the processor time, in hundredths of a second, of the programs that this one has run so
/// far, with all that they ran. `None` where the system doesn't say so in a file.
fn processor() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name before may have anything in it. See proc(5): `cutime` and `cstime`.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(13);
    let mut time = || times.next()?.parse::<u64>().ok();
    Some(time()? + time()?)
}

/// A table, and whether what it has is within its ceilings: what is over one is to be seen in its
/// table. Both programs are built from nothing, one after the other, so it takes its time.
pub(crate) fn report() -> Result<(String, Result<(), String>), String> {
    let mut fits = Ok(());
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
        let before = processor();
        let start = Instant::now();
        let words = ["build", "--release", "--locked", "--quiet"];
        output(
            cargo(&words)
                .args(["--manifest-path", &manifest, "--target-dir", &target])
                .args(build.features),
        )?;
        let took = start.elapsed();
        let used = before.and_then(|before| Some(processor()? - before));
        let used = used.map_or_else(|| "?".to_owned(), |used| format!("{} s", used / 100));
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
    table.push_str(&changed_lines()?);
    Ok((table, fits))
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
        let (before, start) = (processor(), Instant::now());
        output(build.current_dir(&self.folder))?;
        let (wall, after) = (start.elapsed(), processor());
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
        assert!(refused.contains("1000000 packages"), "{refused}");
        assert!(refused.contains(CEILINGS), "{refused}");
    }

    #[test]
    fn the_time_of_programs_that_ran_is_told() {
        let Some(before) = processor() else { return };
        output(&mut cargo(&["--version"])).expect("cargo");
        assert!(processor() >= Some(before));
    }
}
