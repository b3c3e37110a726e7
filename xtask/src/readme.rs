//! The commands of the README's first screen, run as they stand there.

use crate::shell::{cargo, output, read, root, sh};

/// The command that `cargo xtask ci` runs as its step `test`.
const TESTS: &str = "cargo test --workspace";

pub(crate) fn check() -> Result<(), String> {
    let readme = read(&root().join("README.md"))?;
    let commands = commands(&readme);
    let quickstart = commands
        .iter()
        .find(|command| command.contains("-p quickstart"))
        .ok_or("README.md shows no command that runs the quickstart")?;
    if !commands.iter().any(|command| command == TESTS) {
        return Err(format!("README.md doesn't show the test command, {TESTS}"));
    }
    if !read(&root().join(".ci/run"))?.contains(TESTS) {
        return Err(format!(
            ".ci/run doesn't call the README's test command, {TESTS}"
        ));
    }
    let words: Vec<&str> = quickstart.split_whitespace().skip(1).collect();
    let printed = output(
        cargo(&words)
            .env_remove("QODER_PAT")
            .env_remove("QODER_ACCESS_TOKEN"),
    )?;
    for line in [
        "Agent: ",
        "Environment: ",
        "Session: ",
        "event: agent.message",
        "event: session.status_idle",
    ] {
        if !printed.contains(line) {
            return Err(format!("the quickstart printed no {line:?}:\n{printed}"));
        }
    }
    // Every other program that the README shows runs without an account, or explains itself.
    for command in commands
        .iter()
        .filter(|command| command.starts_with("cargo run") && *command != quickstart)
    {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        sh(cargo(&words)
            .env_remove("QODER_PAT")
            .env_remove("QODER_ACCESS_TOKEN"))?;
    }
    Ok(())
}

/// The `cargo` commands in the README's shell blocks.
fn commands(readme: &str) -> Vec<String> {
    readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .flat_map(str::lines)
        .map(|line| {
            line.split(" #")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .filter(|line| line.starts_with("cargo "))
        .collect()
}
