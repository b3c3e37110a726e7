//! What a server says, in what is printed: one line of a bounded length, and nothing that a
//! terminal or a log would take for something else.

use std::error::Error as _;
use std::fmt::Write as _;

use qoder::types::AgentCreate;
use qoder::{Error, Start};
use qoder_tests::wire::{Act, Wire};

use super::{TOKEN, client, run};

/// Texts that are more than text: lines, sequences for terminals, and characters that turn the
/// direction of writing around.
const NASTY: &[&str] = &[
    "one\ntwo\r\nthree\u{b}four\u{c}five",
    "\u{1b}[2J\u{1b}]0;title\u{7}red \u{1b}[31m",
    "\u{0}\u{8}\u{7f}\u{85}\u{9b}31m",
    "\u{2028}WARN forged\u{2029}",
    "\u{202e}desrever\u{2066}",
];

fn answer(status: &str, kind: &str, id: &str, body: &str) -> Act {
    Act::answer(format!(
        "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nX-Request-Id: {id}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// What several calls end with, if the server gives this answer.
fn errors(act: Act) -> Vec<Error> {
    let wire = Wire::new([], act);
    let client = client(&wire);
    let errors = run(async {
        let mut follow = client
            .session("s")
            .follow()
            .from(Start::After("e".into()))
            .give_up(1, std::time::Duration::from_secs(1))
            .events();
        let create = AgentCreate::new("a", "b");
        [
            client.agents().retrieve("a").await.err(),
            client.agents().list().await.err(),
            client.agents().create(create).await.err(),
            client.session("s").stream().await.err(),
            follow.next().await.and_then(Result::err),
        ]
    });
    errors.into_iter().flatten().collect()
}

fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn check(error: &Error) {
    let mut text = format!("{error} {error:?} {:?}", error.request_id());
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, " {error} {error:?}");
        cause = error.source();
    }
    assert!(text.chars().all(is_plain), "{text:?}");
    let shown = error.to_string();
    assert!(shown.len() <= 4_000, "{}: {shown}", shown.len());
    assert!(text.len() <= 20_000, "{}", text.len());
    assert!(
        error
            .request_id()
            .is_none_or(|id| id.chars().count() <= 129)
    );
}

#[test]
fn what_a_server_says_is_one_line() {
    let long = "é".repeat(30_000);
    let lines = "x\n".repeat(15_000);
    for text in NASTY.iter().copied().chain([long.as_str(), &lines]) {
        let said = serde_json::to_string(text).expect("JSON");
        let bodies = [
            format!(r#"{{"error":{{"type":"some_error","message":{said}}}}}"#),
            format!(r#"{{"error":{{"type":{said},"message":"no"}}}}"#),
            format!(r#"{{"error":{{"code":{said},"message":"no","param":{said}}}}}"#),
            format!(r#"{{"error":{said},"request_id":{said}}}"#),
            format!(r#"{{"code":{said},"message":{said},"request_id":{said}}}"#),
            format!(r#"{{"id":{{"a":{said}}},"name":1}}"#),
            format!(r#"{{"id":{said},"data":{said},"version":{said}}}"#),
            text.to_owned(),
        ];
        for body in bodies {
            for (status, kind) in [
                ("200", "application/json"),
                ("200", "text/html"),
                ("400", "application/json"),
                ("503", "text/html"),
            ] {
                let all = errors(answer(status, kind, "req_1", &body));
                // An agent may have any text for a version.
                assert!(all.len() >= 3, "{status} {body:.80}: {all:?}");
                for error in all {
                    check(&error);
                }
            }
        }
    }
}

#[test]
fn headers_are_of_a_bounded_length_too() {
    let long = "x".repeat(100_000);
    for act in [
        answer("400", "application/json", &long, r#"{"message":"no"}"#),
        answer("200", &long, "req_1", "{}x"),
        answer("200", "text/html", &long, "<p>"),
    ] {
        let all = errors(act);
        assert!(all.len() >= 4, "{all:?}");
        for error in all {
            check(&error);
        }
    }
}

/// What was cut off says so, and the whole is still there for who asks.
#[test]
fn what_is_cut_off_is_marked() {
    let long = "x".repeat(30_000);
    let body = format!(r#"{{"error":{{"type":"some_error","message":"{long}"}}}}"#);
    for error in errors(answer("400", "application/json", &long, &body)) {
        let shown = error.to_string();
        assert!(shown.contains("some_error: xxxxx"), "{shown}");
        assert!(shown.contains("x… (request xxx"), "{shown}");
        if let Some(api) = error.api() {
            assert_eq!(api.message.as_ref(), Some(&long));
        }
    }
}

/// A token that comes back in another spelling is the token all the same.
#[test]
fn a_token_in_another_spelling_is_cut_out() {
    let spelled = |each: fn(u8) -> String| TOKEN.bytes().map(each).collect::<Vec<_>>().concat();
    let escaped = spelled(|b| format!("\\u{b:04x}"));
    let upper = spelled(|b| format!("\\u{b:04X}"));
    let percent = spelled(|b| format!("%{b:02X}"));
    let first = format!("\\u0070{}", &TOKEN[1..]);
    let twice = first.replace('\\', "\\\\");
    for spelling in [&escaped, &upper, &percent, &first, &twice] {
        let bodies = [
            format!(
                r#"{{"error":{{"type":"e","message":"for {spelling}","param":"{spelling}"}}}}"#
            ),
            format!(r#"{{"code":"{spelling}","message":"no","request_id":"{spelling}"}}"#),
            format!(r#"{{"id":{{"a":"{spelling}"}},"b":"{spelling}"}}"#),
            format!("<p>{spelling}"),
        ];
        for body in bodies {
            for status in ["200", "400"] {
                for error in errors(answer(status, "application/json", "req_1", &body)) {
                    let body = String::from_utf8_lossy(error.body());
                    let text = format!("{error} {error:?} {:?} {body}", error.api());
                    let tail = &TOKEN[TOKEN.len() - 8..];
                    for hidden in [TOKEN, tail, spelling.as_str()] {
                        assert!(!text.contains(hidden), "{spelling}: {text}");
                    }
                }
            }
        }
    }
}
