//! A transcript as text and as Markdown.

use std::fmt::{self, Write};

use qoder_types::{Content, ContentBlock, Source};

use super::{Entry, Speaker, Tool, Transcript, What};

impl Transcript {
    /// Returns the transcript as Markdown: a heading for each thing, and what was said or given in
    /// a fence that is longer than any in it.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        for entry in self.printed() {
            markdown(&mut out, entry);
        }
        out
    }

    /// A session that waits for several answers says so again after each: that is one pause.
    fn printed(&self) -> impl Iterator<Item = &Entry> {
        let repeats = |at: usize, entry: &Entry| {
            let before = at
                .checked_sub(1)
                .and_then(|before| self.entries.get(before));
            matches!(&entry.what, What::Stop { reason } if reason == "requires_action")
                && before.is_some_and(|before| {
                    before.what == entry.what && before.thread == entry.thread
                })
        };
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(at, entry)| (!repeats(at, entry)).then_some(entry))
    }
}

/// Prints the transcript. Quoted text is indented, so that no line of it looks like a line of the
/// transcript. Control characters are replaced.
impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.printed().try_for_each(|entry| text(f, entry))
    }
}

/// An entry as it is printed, either way.
struct Printed {
    /// The kind of entry: a word or two of ours.
    head: String,
    /// The name that somebody else gave it. Empty if there is none.
    name: String,
    /// Texts below it, each with what it is. Those that are empty are left out.
    texts: Vec<(&'static str, String)>,
}

impl Printed {
    fn new(head: impl Into<String>) -> Self {
        Self {
            head: head.into(),
            name: String::new(),
            texts: Vec::new(),
        }
    }

    fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    fn text(mut self, what: &'static str, text: String) -> Self {
        if !text.is_empty() {
            self.texts.push((what, text));
        }
        self
    }

    fn of(entry: &Entry) -> Self {
        match &entry.what {
            What::Message { by, content } => Self::new(match by {
                Speaker::User => "User",
                Speaker::Agent => "Agent",
                Speaker::System => "System",
            })
            .text("", said(content)),
            What::Thinking { text } => Self::new("Thinking").text("", text.clone()),
            What::Tool(tool) => Self::of_tool(tool),
            What::File {
                file_id,
                filename,
                media_type,
                size_bytes,
            } => {
                let mut facts = vec![file_id.to_string()];
                if !media_type.is_empty() {
                    facts.push(media_type.clone());
                }
                facts.extend(size_bytes.map(|size| format!("{size} bytes")));
                Self::new("File").name(filename).text("", facts.join(", "))
            }
            What::Error {
                kind,
                message,
                retrying,
            } => Self::new(if *retrying {
                "Error, tried again"
            } else {
                "Error"
            })
            .name(kind)
            .text("", message.clone()),
            What::Stop { reason } => Self::new("Stop").name(reason),
            What::Other { event_type } => Self::new("Event").name(event_type),
        }
    }

    fn of_tool(tool: &Tool) -> Self {
        let head = match (tool.allowed, tool.is_error) {
            (Some(false), _) => "Tool, denied",
            (_, true) => "Tool, failed",
            _ => "Tool",
        };
        let name = match &tool.server {
            Some(server) => format!("{server}: {}", tool.name),
            None => tool.name.clone(),
        };
        let input = match &tool.input {
            serde_json::Value::Null => String::new(),
            input => input.to_string(),
        };
        Self::new(head)
            .name(&name)
            .text("input", input)
            .text("reason", tool.deny_message.clone().unwrap_or_default())
            .text("result", tool.result.as_ref().map(said).unwrap_or_default())
    }
}

/// The text of a content, and in its place what is no text.
fn said(content: &Content) -> String {
    let blocks = match content {
        Content::Text(text) => return text.clone(),
        Content::Blocks(blocks) => blocks,
    };
    let mut out = String::new();
    for block in blocks {
        let other = match block {
            ContentBlock::Text(text) => {
                out.push_str(&text.text);
                continue;
            }
            ContentBlock::Image(image) => format!("[image: {}]", place(&image.source)),
            ContentBlock::Document(document) => match &document.title {
                Some(title) => format!("[document {title}: {}]", place(&document.source)),
                None => format!("[document: {}]", place(&document.source)),
            },
            ContentBlock::SearchResult(found) => {
                let texts = found.content.iter().filter_map(ContentBlock::as_text);
                let text: String = texts.collect();
                format!("[search result {} ({}): {text}]", found.title, found.source)
            }
            other => format!("[{}]", other.type_name()),
        };
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&other);
        out.push('\n');
    }
    out
}

fn place(source: &Source) -> String {
    match source {
        Source::Base64(data) => data.media_type.clone(),
        Source::Url(web) => web.url.clone(),
        Source::File(file) => file.file_id.to_string(),
        Source::Text(text) => text.data.clone(),
        other => other.type_name().to_owned(),
    }
}

fn text(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    let printed = Printed::of(entry);
    f.write_str(&printed.head)?;
    if let Some(thread) = &entry.thread {
        write!(f, " (thread {})", line(thread.as_str()))?;
    }
    if !printed.name.is_empty() {
        write!(f, " {}", line(&printed.name))?;
    }
    f.write_char('\n')?;
    for (what, text) in &printed.texts {
        let indent = if what.is_empty() {
            "  "
        } else {
            writeln!(f, "  {what}")?;
            "    "
        };
        for line in lines(text) {
            writeln!(f, "{indent}{line}")?;
        }
    }
    Ok(())
}

fn markdown(out: &mut String, entry: &Entry) {
    let printed = Printed::of(entry);
    out.push_str("### ");
    out.push_str(&printed.head);
    if let Some(thread) = &entry.thread {
        out.push_str(", thread ");
        out.push_str(&code(&line(thread.as_str())));
    }
    if !printed.name.is_empty() {
        out.push_str(": ");
        out.push_str(&code(&line(&printed.name)));
    }
    out.push_str("\n\n");
    for (what, text) in &printed.texts {
        if !what.is_empty() {
            out.push_str(what);
            out.push_str(":\n\n");
        }
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        out.push_str(&fence);
        out.push('\n');
        for line in lines(text) {
            out.push_str(&line);
            out.push('\n');
        }
        out.push_str(&fence);
        out.push_str("\n\n");
    }
}

/// A code span that no text can end.
fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    if text.starts_with('`') || text.ends_with('`') {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

/// The lines of a text, without what moves a terminal's cursor.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(clean)
}

/// A text as one line.
fn line(text: &str) -> String {
    clean(&text.replace(['\n', '\r'], " "))
}

fn clean(line: &str) -> String {
    let clean = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    line.chars().map(clean).collect()
}
