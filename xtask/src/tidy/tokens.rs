//! Rust source as words: without comments and texts, and without what only tests have.

/// A word, or one character that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The words of the code that is compiled without `cfg(test)`. `::` is one word.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    without_tests(&all(source))
}

fn all(source: &str) -> Vec<Token> {
    let bytes = source.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if source[at..].starts_with("//") => at + line_length(&source[at..]),
            b'/' if source[at..].starts_with("/*") => at + block_comment(&source[at..]),
            b'"' => at + text(&source[at..]),
            b'\'' => at + character(&source[at..]),
            b if b.is_ascii_alphanumeric() || b == b'_' => {
                let end = at + word(&source[at..]);
                let raw = source[at..].starts_with('r') || source[at..].starts_with("br");
                if let Some(length) = raw_text(&source[end..]).filter(|_| raw && end - at <= 2) {
                    end + length
                } else {
                    tokens.push(Token {
                        text: source[at..end].to_owned(),
                        line,
                    });
                    end
                }
            }
            _ if source[at..].starts_with("::") => {
                tokens.push(Token {
                    text: "::".to_owned(),
                    line,
                });
                at + 2
            }
            b => {
                if b.is_ascii_punctuation() {
                    tokens.push(Token {
                        text: char::from(b).to_string(),
                        line,
                    });
                }
                at + source[at..].chars().next().map_or(1, char::len_utf8)
            }
        };
        line += source[at..end].matches('\n').count();
        at = end;
    }
    tokens
}

fn line_length(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn text(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of what follows the `r` of a raw text, if it is one.
fn raw_text(rest: &str) -> Option<usize> {
    let hashes = rest.bytes().take_while(|b| *b == b'#').count();
    let content = rest.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content.find(&end).unwrap_or(content.len());
    Some((hashes + 1 + length + end.len()).min(rest.len()))
}

/// A character, or the mark of a lifetime.
fn character(rest: &str) -> usize {
    if rest.starts_with("'\\") {
        let closing = rest.get(3..).and_then(|rest| rest.find('\''));
        return closing.map_or(rest.len(), |at| at + 4);
    }
    let mut chars = rest.chars();
    let content = chars.nth(1);
    match (content, chars.next()) {
        (Some(content), Some('\'')) => content.len_utf8() + 2,
        _ => 1,
    }
}

fn word(rest: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    rest.find(|c| !is_part(c)).unwrap_or(rest.len())
}

/// Leaves out each item behind an attribute `cfg` that names `test`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !(is(at, "#") && is(at + 1, "[") && is(at + 2, "cfg")) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = closing(tokens, at + 1);
        let names = |text: &str| tokens[at..end].iter().any(|token| token.text == text);
        at = if names("test") && !names("not") {
            item_end(tokens, end)
        } else {
            end
        };
    }
    kept
}

/// Behind the bracket that closes the one here.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Behind the item that begins here: its semicolon, or its block.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let source = r##"
            //! crate::a
            /* crate::b /* nested */ crate::c */
            let x: &'a str = "crate::d \" crate::e";
            let y = (r#"crate::f " crate::g"#, b'"', '\'', '"', br"crate::h");
            #[cfg(test)]
            mod tests { use crate::i; fn f() { { } } }
            #[cfg(all(test, unix))]
            use crate::j;
            #[cfg(not(test))]
            use crate::k;
        "##;
        let texts: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
        let text = texts.join(" ");
        assert_eq!(
            text,
            "let x : & a str = ; let y = ( , b , , , ) ; use crate :: k ;"
        );
    }
}
