//! The arrows between the files of a crate point one way: no file is in a circle of imports with
//! more than one other.
//!
//! Two files may know each other, as a value and its builder do. From three on, none can be read,
//! tested or changed without all.
//!
//! An import leads to the file that defines the item: re-exports are followed, and are no imports
//! themselves unless the file uses what it re-exports. Tests don't count, nor do declarations of
//! modules, nor macros that are in scope by their place in the text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::tokens::{Token, tokens};
use crate::shell::{read, root};

/// The crates whose circles are open.
const CRATES: &[&str] = &["qoder", "qoder-http", "qoder-sim"];

pub(super) fn check(tracked: &[String], broken: &mut Vec<String>) -> Result<(), String> {
    for name in CRATES {
        let folder = format!("crates/{name}/src/");
        let mut sources = Vec::new();
        for path in tracked {
            if let Some(within) = path.strip_prefix(&folder) {
                sources.push((within.to_owned(), read(&root().join(path))?));
            }
        }
        broken.extend(circles(&folder, &sources));
    }
    Ok(())
}

/// Returns a sentence about each circle in these files.
fn circles(folder: &str, sources: &[(String, String)]) -> Vec<String> {
    let modules = Modules::new(sources);
    let imports = modules.imports();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in &imports {
        arrows.entry(&import.from).or_default().insert(&import.to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> = arrows
        .keys()
        .map(|from| (*from, reachable(&arrows, from)))
        .collect();
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|reach| reach.contains(to));
    let mut seen = BTreeSet::new();
    let mut told = Vec::new();
    for file in arrows.keys().copied() {
        let circle: BTreeSet<&str> = arrows
            .keys()
            .copied()
            .filter(|other| reaches(file, other) && reaches(other, file))
            .collect();
        if circle.len() <= 2 || !seen.insert(circle.clone()) {
            continue;
        }
        told.push(tell(folder, &circle, &imports));
    }
    told
}

/// Says of a circle which imports keep it closed: each of those that open it alone, or else all.
fn tell(folder: &str, circle: &BTreeSet<&str>, imports: &[Import]) -> String {
    let within: Vec<&Import> = imports
        .iter()
        .filter(|import| {
            circle.contains(import.from.as_str()) && circle.contains(import.to.as_str())
        })
        .collect();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in &within {
        arrows.entry(&import.from).or_default().insert(&import.to);
    }
    let opens = |import: &&&Import| {
        let mut arrows = arrows.clone();
        if let Some(to) = arrows.get_mut(import.from.as_str()) {
            to.remove(import.to.as_str());
        }
        // What was a circle of all of them is none any more that is too large.
        circle.iter().all(|file| {
            let there = reachable(&arrows, file);
            let back = there
                .iter()
                .filter(|other| *other != file && reachable(&arrows, other).contains(file));
            back.count() <= 1
        })
    };
    let alone: Vec<&Import> = within.iter().filter(opens).copied().collect();
    let (what, shown) = if alone.is_empty() {
        ("it is made of these imports", within)
    } else {
        ("it opens if one of these imports goes", alone)
    };
    let files: Vec<&str> = circle.iter().copied().collect();
    let shortened = match files.as_slice() {
        [first @ .., last] if first.len() > 5 => {
            format!("{}, … {last}", first[..4].join(", "))
        }
        files => files.join(", "),
    };
    let mut text = format!(
        "{folder}: {} files import each other in a circle ({shortened}); {what}:",
        files.len(),
    );
    for Import {
        from,
        to,
        line,
        path,
    } in shown
    {
        let _ = write!(text, "\n    {from}:{line}: {path} ({to})");
    }
    text
}

/// The files that can be come to by arrows.
fn reachable<'a>(
    arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &'a str,
) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from];
    while let Some(at) = left.pop() {
        for to in arrows.get(at).into_iter().flatten() {
            if reached.insert(*to) {
                left.push(to);
            }
        }
    }
    reached
}

/// An import of one file from another.
struct Import {
    from: String,
    to: String,
    line: usize,
    /// As it is written, but with `use` trees taken apart.
    path: String,
}

/// The files of a crate by the paths of their modules.
struct Modules(BTreeMap<Vec<String>, Module>);

struct Module {
    file: String,
    /// The imports of the file.
    uses: Vec<Use>,
    /// Paths that are written in the code.
    paths: Vec<Written>,
    /// The names of the items that it defines.
    items: BTreeSet<String>,
}

struct Use {
    written: Written,
    /// The name in this file; `None` for `*` and `_`.
    name: Option<String>,
    glob: bool,
    /// Whether the file needs it itself.
    used: bool,
}

#[derive(Clone)]
struct Written {
    segments: Vec<String>,
    line: usize,
    /// The number of modules of this file, written in place, that it is in.
    depth: usize,
}

impl Modules {
    fn new(sources: &[(String, String)]) -> Self {
        let modules = sources.iter().filter_map(|(file, text)| {
            let module = module_of(file)?;
            Some((module, Module::new(file, &tokens(text))))
        });
        Self(modules.collect())
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (path, module) in &self.0 {
            let uses = module.uses.iter().filter(|import| import.used);
            let written = uses.map(|import| &import.written).chain(&module.paths);
            for written in written {
                let Some(to) = self.file_of(path, written, 0) else {
                    continue;
                };
                if to != module.file {
                    imports.push(Import {
                        from: module.file.clone(),
                        to: to.to_owned(),
                        line: written.line,
                        path: written.segments.join("::"),
                    });
                }
            }
        }
        imports
    }

    /// The file that defines what is written in a module; `None` if that is another crate's.
    fn file_of(&self, module: &[String], written: &Written, depth: usize) -> Option<&str> {
        let mut at = module.to_vec();
        let mut segments = written.segments.as_slice();
        match segments.first()?.as_str() {
            "crate" => {
                at.clear();
                segments = &segments[1..];
            }
            "self" | "super" => {
                // Out of modules that are written in place it only comes to this file.
                let mut within = written.depth;
                while let Some(first) = segments.first() {
                    match first.as_str() {
                        "self" => {}
                        "super" if within > 0 => within -= 1,
                        "super" => {
                            at.pop()?;
                        }
                        _ => break,
                    }
                    segments = &segments[1..];
                }
            }
            first => {
                let here = self.0.get(&at)?;
                let child = self.child(&at, first).is_some();
                if !child && !here.items.contains(first) {
                    return None;
                }
            }
        }
        while let Some((first, rest)) = segments.split_first() {
            if let Some(child) = self.child(&at, first) {
                at = child;
                segments = rest;
                continue;
            }
            let here = self.0.get(&at)?;
            if here.items.contains(first) || depth > 8 {
                break;
            }
            let named = |import: &&Use| import.name.as_ref() == Some(first);
            if let Some(import) = here.uses.iter().find(named) {
                let mut written = import.written.clone();
                written.segments.extend(rest.iter().cloned());
                return self.file_of(&at, &written, depth + 1);
            }
            for glob in here.uses.iter().filter(|import| import.glob) {
                let mut written = glob.written.clone();
                written.segments.extend(segments.iter().cloned());
                let found = self.file_of(&at, &written, depth + 1);
                if found.is_some_and(|file| self.defines(file, first)) {
                    return found;
                }
            }
            break;
        }
        Some(&self.0.get(&at)?.file)
    }

    fn child(&self, module: &[String], name: &str) -> Option<Vec<String>> {
        let mut child = module.to_vec();
        child.push(name.to_owned());
        self.0.contains_key(&child).then_some(child)
    }

    fn defines(&self, file: &str, name: &str) -> bool {
        let mut modules = self.0.values();
        modules.any(|module| module.file == file && module.items.contains(name))
    }
}

/// The module that a file is; `None` for tests and programs.
fn module_of(file: &str) -> Option<Vec<String>> {
    let path = Path::new(file).with_extension("");
    let mut module: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.iter().any(|part| part == "tests") || module[0] == "main" || module[0] == "bin" {
        return None;
    }
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    Some(module)
}

impl Module {
    fn new(file: &str, tokens: &[Token]) -> Self {
        let mut module = Self {
            file: file.to_owned(),
            uses: Vec::new(),
            paths: Vec::new(),
            items: BTreeSet::new(),
        };
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        let mut rest = Vec::new();
        // For each brace that is open, whether it is a module's.
        let mut braces = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let depth = braces.iter().filter(|is_module| **is_module).count();
            match text(at) {
                "use" if text(at + 1) != "<" => {
                    let public = matches!(text(at.wrapping_sub(1)), "pub" | ")");
                    at = module.uses(tokens, at + 1, depth, public);
                    continue;
                }
                "mod" if text(at + 2) == "{" => {
                    braces.push(true);
                    at += 3;
                    continue;
                }
                "{" => braces.push(false),
                "}" => drop(braces.pop()),
                "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static"
                    if braces.is_empty() =>
                {
                    module.items.insert(text(at + 1).to_owned());
                }
                "macro_rules" => drop(module.items.insert(text(at + 2).to_owned())),
                _ => {}
            }
            let starts = text(at + 1) == "::" && !matches!(text(at.wrapping_sub(1)), "::" | "$");
            let starts = starts || text(at) == "crate" && text(at.wrapping_sub(1)) == "$";
            if starts && is_word(text(at)) {
                let line = tokens[at].line;
                let mut segments = vec![text(at).to_owned()];
                while text(at + 1) == "::" && is_word(text(at + 2)) {
                    segments.push(text(at + 2).to_owned());
                    at += 2;
                }
                rest.extend(segments.iter().cloned());
                module.paths.push(Written {
                    segments,
                    line,
                    depth,
                });
            } else {
                rest.push(text(at).to_owned());
            }
            at += 1;
        }
        for import in module.uses.iter_mut().filter(|import| !import.used) {
            import.used = import.name.as_ref().is_some_and(|name| rest.contains(name));
        }
        module
    }

    /// Reads a tree of `use`, up to behind its semicolon.
    fn uses(&mut self, tokens: &[Token], start: usize, depth: usize, public: bool) -> usize {
        let mut at = start;
        let mut prefixes: Vec<Vec<String>> = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let mut alias = None;
        let line = tokens.get(start).map_or(0, |token| token.line);
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.text.as_str() {
                "::" => {}
                "as" => {
                    alias = tokens.get(at).map(|token| token.text.clone());
                    at += 1;
                }
                "{" => prefixes.push(path.clone()),
                end @ ("," | "}" | ";") => {
                    let prefix = prefixes.last().map_or(0, Vec::len);
                    if path.len() > prefix {
                        self.used(path.clone(), alias.take(), line, depth, public);
                    }
                    if end == ";" {
                        return at;
                    }
                    if end == "}" {
                        // What was within the braces is told, and so is what was before them.
                        prefixes.pop();
                        path = prefixes.last().cloned().unwrap_or_default();
                    } else {
                        path = prefixes.last().cloned().unwrap_or_default();
                    }
                }
                word => path.push(word.to_owned()),
            }
        }
        at
    }

    fn used(
        &mut self,
        mut segments: Vec<String>,
        alias: Option<String>,
        line: usize,
        depth: usize,
        public: bool,
    ) {
        let glob = segments.last().is_some_and(|last| last == "*");
        if glob || segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let name = alias.or_else(|| segments.last().cloned());
        self.uses.push(Use {
            name: name.filter(|name| !glob && name != "_"),
            glob,
            used: !public,
            written: Written {
                segments,
                line,
                depth,
            },
        });
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests;
