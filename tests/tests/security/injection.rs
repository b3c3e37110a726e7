//! What a caller passes on is data: in the request it is in its place, and nowhere else.

use std::pin::Pin;

use proptest::prelude::*;
use qoder::types::{AgentCreate, Cursor, SessionCreate, UserMessage};
use qoder::{CallOptions, Client, Error, ErrorKind, Method, Sent, files::Upload};
use qoder_tests::wire::{Act, Seen, Wire};
use serde_json::{Value, json};

use super::{builder, client, run};

type Pending = Pin<Box<dyn Future<Output = Option<Error>>>>;

/// A place in a request where a text of the caller's goes.
struct Place {
    name: &'static str,
    /// Makes the request.
    call: fn(Client, String) -> Pending,
    /// Where the text is to be.
    expect: Expect,
}

/// Where a text is found again.
enum Expect {
    /// In the first line, with `{}` for the text, percent-encoded.
    Line(&'static str),
    /// In this header, as it is.
    Header(&'static str),
    /// In the JSON of the body.
    Body(fn(&str) -> Value),
}

fn answer() -> Act {
    let body = r#"{"id":"a","name":"a","data":[],"has_more":false}"#;
    let length = body.len();
    Act::answer(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

/// The request with this text, or why there is none.
fn request(place: &Place, text: &str) -> Result<Seen, Error> {
    let wire = Wire::new([], answer());
    let client = client(&wire);
    let error = run((place.call)(client, text.to_owned()));
    let mut requests = wire.requests();
    match requests.len() {
        0 => Err(error.expect("no request and no error")),
        1 => Ok(requests.remove(0)),
        many => panic!("{many} requests: {requests:?}"),
    }
}

/// The key is given, so that two requests are alike.
fn keyed(options: CallOptions) -> CallOptions {
    options.idempotency_key("k")
}

macro_rules! call {
    (|$client:ident, $text:ident| $call:expr) => {
        |$client, $text| Box::pin(async move { $call.await.err() })
    };
}

/// All places.
fn places() -> Vec<Place> {
    use Expect::{Body, Header, Line};

    let place = |name, call, expect| Place { name, call, expect };
    vec![
        place(
            "the id of a session",
            call!(|c, t| c.sessions().retrieve(t)),
            Line("GET /api/v1/cloud/sessions/{} HTTP/1.1"),
        ),
        place(
            "the id of an agent that is deleted",
            call!(|c, t| c.agents().delete(t).options(keyed)),
            Line("DELETE /api/v1/cloud/agents/{} HTTP/1.1"),
        ),
        place(
            "the id of an environment",
            call!(|c, t| c.environments().retrieve(t)),
            Line("GET /api/v1/cloud/environments/{} HTTP/1.1"),
        ),
        place(
            "the id of a session in a conversation",
            call!(|c, t| c.session(t).send([UserMessage::new("x")]).options(keyed)),
            Line("POST /api/v1/cloud/sessions/{}/events HTTP/1.1"),
        ),
        place(
            "the id of a session that is streamed",
            call!(|c, t| c.session(t).stream()),
            Line("GET /api/v1/cloud/sessions/{}/events/stream HTTP/1.1"),
        ),
        place(
            "the id of a thread",
            call!(|c, t| c.sessions().threads().retrieve("s", t)),
            Line("GET /api/v1/cloud/sessions/s/threads/{} HTTP/1.1"),
        ),
        place(
            "the session of a thread",
            call!(|c, t| c.sessions().threads().retrieve(t, "t")),
            Line("GET /api/v1/cloud/sessions/{}/threads/t HTTP/1.1"),
        ),
        place(
            "the id of a file",
            call!(|c, t| c.files().content(t)),
            Line("GET /api/v1/cloud/files/{}/content HTTP/1.1"),
        ),
        place(
            "the event that a list begins after",
            call!(|c, t| c.session("s").events().after(t)),
            Line("GET /api/v1/cloud/sessions/s/events?after_id={} HTTP/1.1"),
        ),
        place(
            "a type of events",
            call!(|c, t| c.session("s").events().event_type(t)),
            Line("GET /api/v1/cloud/sessions/s/events?types%5B%5D={} HTTP/1.1"),
        ),
        place(
            "a cursor",
            call!(|c, t| c.agents().list().from_cursor(&Cursor::Page(t))),
            Line("GET /api/v1/cloud/agents?page={} HTTP/1.1"),
        ),
        place(
            "the value of a query parameter",
            call!(|c, t| c.models().list().options(|o| o.query("q", t))),
            Line("GET /api/v1/cloud/models?q={} HTTP/1.1"),
        ),
        place(
            "the name of a query parameter",
            call!(|c, t| c.models().list().options(|o| o.query(t, "v"))),
            Line("GET /api/v1/cloud/models?{}=v HTTP/1.1"),
        ),
        place(
            "the event that a stream begins after",
            call!(|c, t| c.session("s").stream().after(t)),
            Header("last-event-id"),
        ),
        place(
            "the value of a header",
            call!(|c, t| c.models().list().options(|o| o.header("x-mine", &t))),
            Header("x-mine"),
        ),
        place(
            "a beta feature",
            call!(|c, t| c.models().list().options(|o| o.beta(&t))),
            Header("x-qoder-beta"),
        ),
        place(
            "a workspace",
            call!(|c, t| c.models().list().options(|o| o.workspace(&t))),
            Header("qoder-workspace-id"),
        ),
        place(
            "an idempotency key",
            call!(|c, t| c.agents().archive("a").options(|o| o.idempotency_key(t))),
            Header("idempotency-key"),
        ),
        place(
            "the name of an agent",
            call!(|c, t| c
                .agents()
                .create(AgentCreate::new(t, "ultimate"))
                .options(keyed)),
            Body(|t| json!({"name": t, "model": "ultimate"})),
        ),
        place(
            "the value of metadata",
            call!(|c, t| c
                .sessions()
                .create(SessionCreate::new("a", "e").metadata("k", t))
                .options(keyed)),
            Body(|t| json!({"agent": "a", "environment_id": "e", "metadata": {"k": t}})),
        ),
        place(
            "the name of metadata",
            call!(|c, t| c
                .sessions()
                .create(SessionCreate::new("a", "e").metadata(t, "v"))
                .options(keyed)),
            Body(|t| json!({"agent": "a", "environment_id": "e", "metadata": {t: "v"}})),
        ),
        place(
            "a message",
            call!(|c, t| c.session("s").send([UserMessage::new(t)]).options(keyed)),
            Body(|t| {
                let content = json!([{"type": "text", "text": t}]);
                json!({"events": [{"type": "user.message", "content": content}]})
            }),
        ),
        place(
            "a field of tomorrow",
            call!(|c, t| c.agents().archive("a").extra(&t, json!(1)).options(keyed)),
            Body(|t| json!({ t: 1 })),
        ),
    ]
}

/// Percent-encoded as RFC 3986 has it, byte by byte.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.extend(["%".to_owned(), format!("{byte:02X}")]),
        }
    }
    out
}

/// What fits no header.
fn is_control(c: char) -> bool {
    (c < ' ' && c != '\t') || c == '\u{7f}'
}

/// The headers but for one.
fn others(seen: &Seen, but: &str) -> Vec<(String, String)> {
    let mut headers = seen.headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case(but) && name != "content-length");
    headers
}

/// The request with this text differs from the one with a harmless text in its place alone.
fn check(place: &Place, text: &str) -> Result<(), TestCaseError> {
    let harmless = request(place, "harmless").expect("a request");
    let seen = match request(place, text) {
        Ok(seen) => seen,
        Err(error) => {
            prop_assert_eq!(error.kind(), ErrorKind::Input, "{}", error);
            prop_assert_eq!(error.sent(), Sent::No);
            let fits = match place.expect {
                Expect::Line(_) => !matches!(text, "" | "." | ".."),
                Expect::Header(_) => !text.is_empty() && !text.contains(is_control),
                Expect::Body(_) => true,
            };
            prop_assert!(!fits, "{:?} was refused: {}", text, error);
            let told = error.to_string();
            prop_assert!(!told.contains(['\r', '\n', '\0', '\u{1b}']), "{:?}", told);
            return Ok(());
        }
    };
    let but = match place.expect {
        Expect::Header(name) => name,
        _ => "",
    };
    prop_assert_eq!(others(&seen, but), others(&harmless, but));
    match place.expect {
        Expect::Line(line) => prop_assert_eq!(&seen.line, &line.replace("{}", &encoded(text))),
        _ => prop_assert_eq!(&seen.line, &harmless.line),
    }
    if let Expect::Header(name) = place.expect {
        let trimmed = |text: &str| text.trim_matches([' ', '\t']).to_owned();
        prop_assert_eq!(seen.header(name).map(trimmed), Some(trimmed(text)));
    }
    if let Expect::Body(body) = place.expect {
        let sent: Value = serde_json::from_slice(&seen.body).expect("JSON");
        prop_assert_eq!(sent, body(text));
    } else {
        prop_assert_eq!(&seen.body, &harmless.body);
    }
    Ok(())
}

/// Texts as nobody means well with them.
const HOSTILE: &[&str] = &[
    "",
    ".",
    "..",
    "../..",
    "a/../../b",
    "%2e%2e",
    "%2e%2e%2f",
    "a?b=c&d=e#f",
    "a b",
    "a\r\nx-injected: 1",
    "a HTTP/1.1\r\nHost: elsewhere.example\r\n\r\nGET /",
    "a\nb",
    "a\rb",
    "a\0b",
    "a%0d%0ab",
    "//elsewhere.example",
    "http://elsewhere.example/",
    "@elsewhere.example",
    ":8081",
    "\\..\\",
    "\u{e9}\u{4e2d}\u{1f600}",
    "\u{2028}\u{85}\u{feff}",
    "\u{10a}\u{d0a}",
    "\t x \t",
    "\"}],\"model\":\"other",
    "{agent_id}",
    "{session_id}",
    "\u{7f}",
    "\u{1b}[31m",
];

#[test]
fn a_text_is_in_its_place_and_nowhere_else() {
    for place in &places() {
        for text in HOSTILE {
            if let Err(error) = check(place, text) {
                panic!("{} {text:?}: {error}", place.name);
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(HOSTILE.to_vec()).prop_map(ToOwned::to_owned),
        any::<char>().prop_map(String::from),
        prop::char::range('\0', '\u{7f}').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_in_its_place_and_nowhere_else(text in text()) {
        for place in &places() {
            check(place, &text)?;
        }
    }

    #[test]
    fn a_header_has_the_name_that_was_given(name in text()) {
        let wire = Wire::new([], answer());
        let client = client(&wire);
        let given = name.clone();
        let error = run(async move {
            let call = client.models().list().options(|o| o.header(&given, "v"));
            call.await.err()
        });
        let requests = wire.requests();
        prop_assert!(requests.len() < 2);
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match requests.first() {
            None => prop_assert_eq!(error.expect("an error").kind(), ErrorKind::Input),
            Some(seen) => {
                prop_assert!(!name.is_empty() && name.bytes().all(token), "{:?}", name);
                prop_assert_eq!(seen.header(&name), Some("v"));
            }
        }
    }

    #[test]
    fn a_path_is_sent_as_it_is_or_not_at_all(path in text()) {
        let path = format!("/{path}");
        let wire = Wire::new([], answer());
        let client = client(&wire);
        let given = path.clone();
        let error = run(async move { client.request::<Value>(Method::Get, &given).await.err() });
        let requests = wire.requests();
        prop_assert!(requests.len() < 2);
        match requests.first() {
            None => prop_assert_eq!(error.expect("an error").kind(), ErrorKind::Input),
            Some(seen) => {
                prop_assert_eq!(&seen.line, &format!("GET /api/v1/cloud{path} HTTP/1.1"));
                prop_assert_eq!(seen.header("host"), Some("localhost"));
            }
        }
    }

    #[test]
    fn a_base_url_is_the_beginning_or_is_refused(path in text()) {
        let wire = Wire::new([], answer());
        let built = builder(&wire).base_url(format!("http://localhost/{path}")).build();
        let client = match built {
            Ok(client) => client,
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Config);
                return Ok(());
            }
        };
        let _ = run(async move { client.models().list().await.err() });
        let requests = wire.requests();
        prop_assert_eq!(requests.len(), 1);
        let path = format!("/{path}");
        let base = path.trim_end_matches('/');
        prop_assert_eq!(&requests[0].line, &format!("GET {base}/models HTTP/1.1"));
        prop_assert_eq!(requests[0].header("host"), Some("localhost"));
    }
}

/// The heads of the parts of a form, and their contents.
fn parts(seen: &Seen) -> Vec<(Vec<String>, String)> {
    let kind = seen.header("content-type").expect("a type");
    let boundary = kind.split_once("boundary=").expect("a boundary").1;
    let boundary = boundary.trim_matches('"');
    let body = String::from_utf8(seen.body.clone()).expect("text");
    let body = format!("\r\n{body}");
    let line = format!("\r\n--{boundary}");
    let mut pieces = body.split(&line);
    assert_eq!(pieces.next(), Some(""), "nothing is before the first part");
    let mut parts = Vec::new();
    for piece in pieces {
        if piece.starts_with("--") {
            assert_eq!(piece.trim_end(), "--", "nothing is after the last part");
            return parts;
        }
        let (head, content) = piece.split_once("\r\n\r\n").expect("a head");
        let lines = head.trim_start_matches("\r\n").split("\r\n");
        parts.push((lines.map(ToOwned::to_owned).collect(), content.to_owned()));
    }
    panic!("the form has no end")
}

#[test]
fn the_name_of_a_file_is_a_name() {
    let upload = |text: &str| {
        let wire = Wire::new([], answer());
        let client = client(&wire);
        let name = text.to_owned();
        let error = run(async move {
            let upload = Upload::bytes(name.clone(), "one, two").name(name.clone());
            let upload = upload.metadata("k", name);
            client.files().upload(upload).options(keyed).await.err()
        });
        let mut requests = wire.requests();
        assert!(requests.len() < 2, "{text:?}");
        requests.pop().ok_or(error)
    };
    let names = |head: &[String]| -> Vec<String> {
        let name = |line: &String| line.split(':').next().unwrap_or_default().to_owned();
        head.iter().map(name).collect()
    };
    let harmless = parts(&upload("harmless").expect("a request"));
    for text in HOSTILE {
        let seen = match upload(text) {
            Ok(seen) => seen,
            Err(error) => {
                let error = error.expect("an error");
                assert_eq!(error.kind(), ErrorKind::Input, "{error}");
                continue;
            }
        };
        let sent = parts(&seen);
        assert_eq!(sent.len(), harmless.len(), "{text:?}");
        for ((head, content), (plain, was)) in sent.iter().zip(&harmless) {
            assert_eq!(names(head), names(plain), "{text:?}");
            assert!(
                !head.iter().any(|line| line.contains(['\r', '\n'])),
                "{head:?}"
            );
            if was == "one, two" {
                assert_eq!(content, was, "{text:?}");
            }
            // One name, in quotes that it can't close.
            assert_eq!(
                head[0].matches("name=\"").count(),
                plain[0].matches("name=\"").count()
            );
        }
    }
}

#[test]
fn what_frames_a_request_is_not_for_the_caller() {
    for name in [
        "Authorization",
        "Connection",
        "Content-Length",
        "Host",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ] {
        let wire = Wire::new([], answer());
        let error = run({
            let client = client(&wire);
            async move {
                let create = client.agents().create(AgentCreate::new("a", "b"));
                create.options(|o| o.header(name, "1")).await.err()
            }
        });
        let error = error.expect("refused");
        assert_eq!((error.kind(), error.sent()), (ErrorKind::Input, Sent::No));
        assert!(wire.requests().is_empty());
        let built = builder(&wire).header(name, "1").build();
        assert!(built.is_err(), "{name}");
    }
}
