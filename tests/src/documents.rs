//! Documents of the repository that tests print, and hold against what they would print.

use std::path::{Path, PathBuf};

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns a document's text, by its path from the root.
///
/// # Errors
/// The document can't be read.
pub fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))
}

/// Holds a document against what is printed, or prints it if the environment has `UPDATE_DOCS`.
///
/// # Panics
/// The two differ: it shows the first line that does, and `again`, the command that prints the
/// document anew.
#[track_caller]
pub fn check(file: &str, printed: &str, again: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let written = std::fs::write(root().join(file), printed);
        return written.unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let was = read(file).unwrap_or_else(|error| panic!("{error}"));
    if let Some((line, was, is)) = difference(&was, printed) {
        panic!(
            "{file}:{line} is stale; print it anew: {again}\n  it says   {was}\n  should be {is}"
        );
    }
}

/// The number of the first line that differs, counted from 1, and what either has there.
fn difference<'a>(was: &'a str, is: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let mut lines = (was.split('\n'), is.split('\n'));
    for number in 1.. {
        match (lines.0.next(), lines.1.next()) {
            (None, None) => break,
            (was, is) if was == is => {}
            (was, is) => {
                let end = "(nothing: the other goes on)";
                return Some((number, was.unwrap_or(end), is.unwrap_or(end)));
            }
        }
    }
    None
}

/// Returns the text with `new` between the comments `NAME: begin` and `NAME: end`, in place of what
/// is there.
///
/// # Errors
/// A comment is missing.
pub fn between_marks(text: &str, name: &str, new: &str) -> Result<String, String> {
    let mark = |which: &str| format!("<!-- {name}: {which} -->");
    let (begin, end) = (mark("begin") + "\n", mark("end"));
    let missing = |mark: &str| format!("the document lacks the line {}", mark.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}{new}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n"), Some((2, "b", "x")));
        let (line, was, is) = difference("a\n", "a\nb\n").expect("a difference");
        assert_eq!((line, was, is), (2, "", "b"));
        let (line, was, _) = difference("a", "a\nb").expect("a difference");
        assert_eq!((line, was.starts_with("(nothing")), (2, true));
    }

    #[test]
    fn what_stands_between_marks_is_replaced() {
        let text = "a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n";
        let new = between_marks(text, "t", "new\n");
        assert_eq!(
            new.as_deref(),
            Ok("a\n<!-- t: begin -->\nnew\n<!-- t: end -->\nb\n")
        );
        let missing = between_marks("a", "t", "").expect_err("no marks");
        assert!(missing.contains("<!-- t: begin -->"), "{missing}");
    }
}
