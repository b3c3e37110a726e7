//! What holds of the documents: their links lead somewhere, their code is compiled, and they name
//! nobody's machine.

use std::collections::BTreeSet;
use std::path::Path;

use crate::shell::{read, root};

/// Relative links lead to a file, and their anchors to a heading.
pub(super) fn links(documents: &[String], broken: &mut Vec<String>) -> Result<(), String> {
    for path in documents {
        let file = root().join(path);
        let folder = file.parent().unwrap_or(Path::new("."));
        let text = read(&file)?;
        for link in links_of(&text) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let other = if target.is_empty() {
                file.clone()
            } else {
                folder.join(target)
            };
            if !other.exists() {
                broken.push(format!("{path}: the link to {target} leads nowhere"));
            } else if !anchor.is_empty()
                && other.extension().is_some_and(|ending| ending == "md")
                && !anchors(&read(&other)?).contains(anchor)
            {
                broken.push(format!(
                    "{path}: the link to {link} leads to no heading of that page"
                ));
            }
        }
    }
    Ok(())
}

/// The links of a document that lead to files: those in its text, and those that are defined in
/// lines of their own.
fn links_of(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split(')').next());
    let defined = text.lines().filter_map(|line| {
        let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
        (!name.contains(']')).then_some(target)
    });
    inline
        .chain(defined)
        .filter(|link| {
            let target = link.split('#').next().unwrap_or_default();
            let elsewhere =
                target.contains("://") || target.contains("::") || target.contains([' ', '`']);
            let is_file = target.contains(['/', '.']);
            !elsewhere && (is_file || link.starts_with('#'))
        })
        .collect()
}

/// The anchors of a document's headings, as the usual hosts name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if in_code || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(again);
        anchors.extend(names.find(|name| !anchors.contains(name)));
    }
    anchors
}

/// Each document with a block of Rust is compiled: some source includes it as documentation.
pub(super) fn code(
    documents: &[String],
    sources: &[String],
    broken: &mut Vec<String>,
) -> Result<(), String> {
    let mut included = BTreeSet::new();
    for path in sources {
        let text = read(&root().join(path))?;
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        for part in text.split("include_str!(").skip(1) {
            let within = part.split("))").next().unwrap_or_default();
            let names: String = within.split('"').skip(1).step_by(2).collect();
            // In a macro, a folder whose files are named by its rows.
            if within.starts_with("concat!") {
                let rows = text.split('"');
                let rows =
                    rows.filter(|row| Path::new(row).extension().is_some_and(|end| end == "md"));
                included.extend(rows.filter_map(|row| plain(&folder.join(&names).join(row))));
            }
            included.extend(plain(
                &folder.join(names.split(')').next().unwrap_or_default()),
            ));
        }
    }
    for path in documents {
        let has_code = read(&root().join(path))?
            .lines()
            .any(|line| line.starts_with("```rust"));
        if has_code && !included.contains(path) {
            broken.push(format!(
                "{path}: its Rust is compiled by nothing; include it as the others are (`include_str!`)"
            ));
        }
    }
    Ok(())
}

/// The path without `..`.
fn plain(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path {
        match part.to_str()? {
            ".." => drop(parts.pop()?),
            "." => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// No file has a path of somebody's machine.
pub(super) fn machines(files: &[String], broken: &mut Vec<String>) {
    // Put together here, so that this file doesn't find itself.
    let homes = ["home", "root", "Users"].map(|folder| format!("/{folder}/"));
    for path in files {
        // What is no text has none to be read.
        let text = read(&root().join(path)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let starts =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '}');
            let mut found = homes
                .iter()
                .flat_map(|home| line.match_indices(home.as_str()));
            if let Some((_, home)) = found.find(|(at, _)| starts(*at)) {
                broken.push(format!(
                    "{path}:{}: a path of somebody's machine, below {home}",
                    number + 1
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_anchors_of_the_usual_hosts() {
        let text =
            "# The `run` of it: what's there?\n## Twice\n## Twice\n```sh\n# no heading\n```\n#no\n";
        let found = anchors(text);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["the-run-of-it-whats-there", "twice", "twice-1"]);
    }

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let text = "[a](b.md#c) [d](#e) [f](https://g.h/i.md) [`j`](crate::k) x[0](1, 2)\n\
                    [l]: m/n.md\n[o]: crate::p\n";
        assert_eq!(links_of(text), ["b.md#c", "#e", "m/n.md"]);
    }

    #[test]
    fn a_path_is_made_plain() {
        let path = Path::new("crates/qoder/src/../docs/./guide");
        assert_eq!(plain(path).as_deref(), Some("crates/qoder/docs/guide"));
        assert_eq!(plain(Path::new("../x")), None);
    }
}
