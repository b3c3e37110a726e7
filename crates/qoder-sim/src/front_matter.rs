//! The head of a Markdown document: texts in YAML between two lines of dashes.
//!
//! Only the texts on the top level are of interest, and YAML has few ways to write those: plain,
//! quoted, or as an indented block. What else is there is skipped.

use crate::json::Json;

/// The texts in the head of a document, by their names; `None` if it has no head.
pub(crate) fn texts(document: &str) -> Option<Vec<(String, String)>> {
    let document = document.strip_prefix('\u{feff}').unwrap_or(document);
    let mut lines = document.lines().map(str::trim_end);
    if lines.next()? != "---" {
        return None;
    }
    let lines: Vec<&str> = lines.collect();
    let end = lines.iter().position(|line| *line == "---")?;
    let mut lines = lines[..end].iter().peekable();
    let mut texts = Vec::new();
    while let Some(line) = lines.next() {
        let mut block = Vec::new();
        while let Some(more) = lines.next_if(|line| line.is_empty() || line.starts_with(' ')) {
            block.push(*more);
        }
        let Some((name, first)) = line.split_once(':') else {
            continue;
        };
        if let Some(value) = value(first.trim(), &block) {
            texts.push((name.trim().to_owned(), value));
        }
    }
    Some(texts)
}

/// A text that begins behind its name, and goes on in the lines below.
fn value(first: &str, block: &[&str]) -> Option<String> {
    let trimmed = block.iter().map(|line| line.trim());
    let folded = || {
        let lines = std::iter::once(first).chain(trimmed.clone());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    };
    match first.chars().next() {
        Some('|') => {
            let indented = block.iter().filter(|line| !line.is_empty());
            let indent = indented.map(|line| line.len() - line.trim_start().len());
            let indent = indent.min().unwrap_or_default();
            let lines = block.iter().map(|line| line.get(indent..).unwrap_or(""));
            let lines: Vec<&str> = lines.collect();
            Some(lines.join("\n").trim_end().to_owned())
        }
        Some('>') => {
            let lines: Vec<&str> = trimmed.filter(|line| !line.is_empty()).collect();
            Some(lines.join(" "))
        }
        Some('"') => {
            let text = folded();
            let end = text.rfind('"').filter(|end| *end > 0)?;
            let text = Json::parse(&text.as_bytes()[..=end])?;
            text.as_str().map(ToOwned::to_owned)
        }
        Some('\'') => {
            let text = folded();
            let end = text.rfind('\'').filter(|end| *end > 0)?;
            Some(text[1..end].replace("''", "'"))
        }
        // A list, an object, a reference.
        Some('[' | '{' | '&' | '*' | '!' | '#') => None,
        _ => {
            let text = folded();
            let (text, _) = text.split_once(" #").unwrap_or((&text, ""));
            let is_nested = first.is_empty() && text.starts_with("- ");
            (!is_nested).then(|| text.trim_end().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_in_every_way() {
        let document = "---\nname: notes # a comment\nquoted: \"a: \\\"b\\\"\"\nsingle: 'it''s'\n\
                        folded: >-\n  one\n  two\nkept: |\n  one\n    two\n\nplain: one\n  two\n\
                        list:\n  - a\ntags: [a]\nempty:\n---\n# Notes\n";
        let texts = texts(document).expect("a head");
        let text = |name: &str| {
            let mut texts = texts.iter();
            texts
                .find(|(other, _)| other == name)
                .map(|(_, text)| text.as_str())
        };
        assert_eq!(text("name"), Some("notes"));
        assert_eq!(text("quoted"), Some("a: \"b\""));
        assert_eq!(text("single"), Some("it's"));
        assert_eq!(text("folded"), Some("one two"));
        assert_eq!(text("kept"), Some("one\n  two"));
        assert_eq!(text("plain"), Some("one two"));
        assert_eq!((text("list"), text("tags")), (None, None));
        assert_eq!(text("empty"), Some(""));
    }

    #[test]
    fn there_may_be_no_head() {
        for document in ["", "# Notes", "---\nname: a\n", "--\n---"] {
            assert_eq!(texts(document), None, "{document}");
        }
        assert_eq!(texts("---\r\na: b\r\n---\r\n").expect("a head").len(), 1);
    }
}
