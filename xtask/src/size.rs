//! What a dependency on the SDK costs in bytes and in time to build, beside the parts that one
//! would take in its place: two small programs in `bench/` that do the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;

use crate::shell::{cargo, output, root};

pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("minimal-ours", "qoder"),
    (
        "minimal-theirs",
        "reqwest, eventsource-stream, serde, serde_json",
    ),
];

/// A table. Both are built from nothing, one after the other, so it takes its time.
pub(crate) fn report() -> Result<String, String> {
    let mut table = "a program with one call and one stream, HTTP/2, TLS by ring, the system's roots; release, stripped\n\n\
                     | made of | packages | program | built from nothing |\n|---|--:|--:|--:|\n"
        .to_owned();
    for (name, what) in PROGRAMS {
        let manifest = format!("bench/{name}/Cargo.toml");
        let target = format!("target/bench-size/{name}");
        let directory = root().join(&target);
        if directory.exists() {
            std::fs::remove_dir_all(&directory).map_err(|error| format!("{target}: {error}"))?;
        }
        let packages = output(&mut cargo(&[
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--manifest-path",
            &manifest,
        ]))?;
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
        let start = Instant::now();
        output(&mut cargo(&[
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
            &manifest,
            "--target-dir",
            &target,
        ]))?;
        let took = start.elapsed();
        let program = directory
            .join("release")
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let size = std::fs::metadata(&program)
            .map_err(|error| format!("{}: {error}", program.display()))?
            .len();
        let _ = writeln!(
            table,
            "| {what} | {} | {} KiB | {:.0} s |",
            packages.len(),
            size >> 10,
            took.as_secs_f64()
        );
    }
    Ok(table)
}
