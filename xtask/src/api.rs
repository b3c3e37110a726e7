//! The public items of each published crate, as rustdoc prints them: docs/api/ keeps them, so that a
//! change of a signature is seen in the change that makes it.
//!
//! They are read out of the pages that the step `doc` has written. rustdoc's JSON would be easier to
//! read, but a stable toolchain doesn't write it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::ci;
use crate::shell::{output, read, root, target};
use crate::tidy;

/// An item's path, and its lines: the declaration, methods, traits.
type Items = BTreeMap<String, Vec<String>>;

/// The folder that the items are kept in.
const FOLDER: &str = "docs/api";

/// `api [--write]`.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let (write, rest) = match args {
        ["--write", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if let [first, ..] = rest {
        return Err(format!("api: unknown argument {first}; there is --write"));
    }
    ci::step("doc")?;
    if write { store() } else { check() }
}

/// That the items are the stored ones. Another rustdoc prints some of them in other words, which is
/// no reason to fail.
pub(crate) fn check() -> Result<(), String> {
    let version = version()?;
    let mut changed = false;
    for package in tidy::packages()?.iter().filter(|package| package.published) {
        let crate_ = Crate::read(&package.name)?;
        let stored = read(&file(&package.name)).map_err(|why| format!("{why}: {ADVICE}"))?;
        let (head, items) = parse(&stored);
        let text = differences(&items, &crate_.items);
        println!("{}: {crate_}", package.name);
        if !text.is_empty() {
            println!("{text}");
            changed |= head.contains(&version);
            if !head.contains(&version) {
                println!("(stored by another version of rustdoc: {head})");
            }
        }
    }
    if changed {
        Err(format!("public items are not as they were. {ADVICE}"))
    } else {
        Ok(())
    }
}

const ADVICE: &str = "If that is meant, `cargo xtask api --write` stores them, and CHANGELOG.md says what users \
                      have to change";

fn store() -> Result<(), String> {
    let version = version()?;
    for package in tidy::packages()?.iter().filter(|package| package.published) {
        let name = &package.name;
        let crate_ = Crate::read(name)?;
        println!("{name}: {crate_}");
        let mut text =
            format!("# The public items of {name}: `cargo xtask api --write`, {version}\n");
        for (path, lines) in &crate_.items {
            // A text takes all that is written into it.
            let _ = writeln!(text, "\n{path}\n    {}", lines.join("\n    "));
        }
        let path = file(name);
        fs::create_dir_all(root().join(FOLDER)).map_err(|error| format!("{FOLDER}: {error}"))?;
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn file(name: &str) -> PathBuf {
    root().join(FOLDER).join(format!("{name}.txt"))
}

/// Such as `rustdoc 1.95`.
fn version() -> Result<String, String> {
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    let printed = output(Command::new(rustdoc).arg("--version").current_dir(root()))?;
    let number = printed.split_whitespace().nth(1).unwrap_or_default();
    let parts: Vec<&str> = number.split('.').take(2).collect();
    Ok(format!("rustdoc {}", parts.join(".")))
}

/// The stored items, and the line above them.
fn parse(text: &str) -> (&str, Items) {
    let mut parts = text.trim_end().split("\n\n");
    let head = parts.next().unwrap_or_default();
    let items = parts.map(|part| {
        let mut lines = part.lines();
        let path = lines.next().unwrap_or_default().to_owned();
        let line = |line: &str| line.strip_prefix("    ").unwrap_or(line).to_owned();
        (path, lines.map(line).collect())
    });
    (head, items.collect())
}

/// Returns the items that are in one of them and not in the other.
fn differences(before: &Items, after: &Items) -> String {
    let mut text = String::new();
    let none = Vec::new();
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let (old, new) = (
            before.get(path).unwrap_or(&none),
            after.get(path).unwrap_or(&none),
        );
        if old == new {
            continue;
        }
        let _ = writeln!(text, "  {path}");
        for line in old.iter().filter(|line| !new.contains(line)) {
            let _ = writeln!(text, "  - {line}");
        }
        for line in new.iter().filter(|line| !old.contains(line)) {
            let _ = writeln!(text, "  + {line}");
        }
    }
    text
}

/// The pages of a crate, as they are read.
struct Crate {
    items: Items,
    functions: usize,
    /// Those of them that have an example.
    shown: usize,
}

impl fmt::Display for Crate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            items,
            functions,
            shown,
        } = self;
        write!(
            f,
            "{} items; {shown} of {functions} functions have an example",
            items.len()
        )
    }
}

impl Crate {
    fn read(name: &str) -> Result<Self, String> {
        let module = name.replace('-', "_");
        let folder = target().join("doc").join(&module);
        let mut read = Self {
            items: Items::new(),
            functions: 0,
            shown: 0,
        };
        // A folder may have pages of items that are no more, but its list of all items is new.
        let all = folder.join("all.html");
        let all = self::read(&all).map_err(|why| format!("{why}: `cargo xtask doc` writes it"))?;
        for link in all.split("<a href=\"").skip(1) {
            let link = link.split('"').next().unwrap_or_default();
            let (modules, file) = link.rsplit_once('/').unwrap_or(("", link));
            let Some((kind, item)) = file
                .strip_suffix(".html")
                .and_then(|file| file.split_once('.'))
            else {
                continue;
            };
            let modules = [module.as_str(), modules, item].map(|part| part.replace('/', "::"));
            let path = modules
                .iter()
                .filter(|part| !part.is_empty())
                .cloned()
                .collect::<Vec<_>>();
            if !link.starts_with("..") {
                read.page(&self::read(&folder.join(link))?, kind, &path.join("::"));
            }
        }
        // What the root takes from other crates has no page.
        let root = self::read(&folder.join("index.html"))?;
        let uses = root.split("<code>pub use ").skip(1);
        let line = |part: &str| {
            format!(
                "pub use {}",
                plain(part.split("</code>").next().unwrap_or_default())
            )
        };
        let lines: Vec<String> = uses.map(line).collect();
        if !lines.is_empty() {
            read.items.insert(format!("root {module}"), lines);
        }
        Ok(read)
    }

    /// A page of an item, unless it is one that leads to another.
    fn page(&mut self, page: &str, kind: &str, path: &str) {
        let Some(declaration) = between(
            page,
            "<pre class=\"rust item-decl\"><code>",
            "</code></pre>",
        ) else {
            return;
        };
        // What is behind it belongs to every type, or to other types.
        let own = [
            "<h2 id=\"blanket-implementations\"",
            "<h2 id=\"implementors\"",
            "<h2 id=\"foreign-impls\"",
        ];
        let own = own
            .iter()
            .fold(page, |page, end| page.split(end).next().unwrap_or(page));
        let mut lines: Vec<String> = plain(declaration).lines().map(str::to_owned).collect();
        let mut traits = Vec::new();
        for section in own.split("<section id=\"").skip(1) {
            let header = |end| between(section, "<h3 class=\"code-header\">", end).map(plain);
            let class = between(section, "class=\"", "\"").unwrap_or_default();
            if class == "method" {
                self.function(section);
                if kind != "trait" {
                    let line = between(section, "<h4 class=\"code-header\">", "</h4>").map(plain);
                    lines.extend(line.map(|line| one_line(&line)));
                }
            } else if class == "impl" {
                traits.extend(header("</h3>").map(|line| one_line(&line)));
            }
        }
        if kind == "fn" {
            self.function(page);
        }
        traits.retain(|line| line.contains(" for ") && !is_automatic(line));
        lines.extend(grouped(&traits));
        self.items.insert(format!("{kind} {path}"), lines);
    }

    fn function(&mut self, section: &str) {
        self.functions += 1;
        self.shown += usize::from(section.contains("rust-example-rendered"));
    }
}

/// One line for all traits that are there in the same way: `impl<T> Clone, Debug for Of<T>`.
fn grouped(headers: &[String]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for header in headers {
        let mut depth = 0;
        let end = header.find(|character| {
            depth += i32::from(character == '<') - i32::from(character == '>');
            character == ' ' && depth == 0
        });
        let (generics, rest) = header.split_at(end.unwrap_or(header.len()));
        if let Some((name, target)) = rest.trim_start().split_once(" for ") {
            groups.entry((generics, target)).or_default().insert(name);
        }
    }
    let line = |((generics, target), names): ((&str, &str), BTreeSet<&str>)| {
        let names: Vec<&str> = names.into_iter().collect();
        format!("{generics} {} for {target}", names.join(", "))
    };
    groups.into_iter().map(line).collect()
}

/// The traits that types have by themselves are news only where one is missing.
fn is_automatic(line: &str) -> bool {
    let names = [
        "StructuralPartialEq",
        "Freeze",
        "RefUnwindSafe",
        "Send",
        "Sync",
        "Unpin",
        "UnsafeUnpin",
        "UnwindSafe",
    ];
    !line.starts_with("impl !")
        && names
            .iter()
            .any(|name| line.contains(&format!(" {name} for ")))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a page's code.
fn plain(html: &str) -> String {
    let mut text = String::new();
    // The button that unfolds a long declaration.
    let html = html.replace("</div>", "\n</div>");
    let mut parts = html.split("<summary");
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(part.split_once("</summary>").map_or("", |(_, rest)| rest));
    }
    // Every part but the first begins within a tag.
    let mut parts = text.split('<');
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        bare = bare.replace(entity, character);
    }
    let lines = bare
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Items, differences, grouped, plain};

    #[test]
    fn the_text_of_code_is_without_its_links() {
        let html = "pub fn <a href=\"#m\">get</a>(&amp;self) -&gt; <a>Vec</a>&lt;u8&gt;";
        assert_eq!(plain(html), "pub fn get(&self) -> Vec<u8>");
        assert_eq!(plain("<a>A</a>&lt;'_&gt;"), "A<'_>");
        let folded =
            "enum E {<details><summary>Show 2 variants</summary>\n    A,\n\n    B,\n</details>}";
        assert_eq!(plain(folded), "enum E {\n    A,\n    B,\n}");
    }

    #[test]
    fn traits_that_are_alike_are_one_line() {
        let headers = [
            "impl Debug for A",
            "impl Clone for A",
            "impl<T: X<u8>> From<T> for A",
        ];
        let lines = ["impl Clone, Debug for A", "impl<T: X<u8>> From<T> for A"];
        assert_eq!(grouped(&headers.map(ToOwned::to_owned)), lines);
    }

    #[test]
    fn what_changed_is_named() {
        let items = |lines: &[&str]| {
            let lines = lines.iter().map(ToString::to_string).collect();
            Items::from([("struct a::B".to_owned(), lines)])
        };
        let (old, new) = (
            items(&["struct B", "fn a()"]),
            items(&["struct B", "fn a(u8)"]),
        );
        assert_eq!(differences(&old, &old), "");
        assert_eq!(
            differences(&old, &new),
            "  struct a::B\n  - fn a()\n  + fn a(u8)\n"
        );
        assert_eq!(
            differences(&old, &Items::new()),
            "  struct a::B\n  - struct B\n  - fn a()\n"
        );
    }
}
