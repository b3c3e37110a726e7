//! A server that sends without end is cut off: what it could send is counted, and what is kept is
//! less.

use std::time::Duration;

use bytes::Bytes;
use qoder::types::Event;
use qoder::{Error, ErrorKind, Sent};
use qoder_tests::gzip;
use qoder_tests::wire::{Act, BUFFER, Step, Wire};

use super::{builder, client, run};

/// The largest response that is read here.
const LIMIT: usize = 256 << 10;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// This, then that without end.
fn endless(first: impl AsRef<[u8]>, rest: impl AsRef<[u8]>) -> Act {
    let [first, rest] = [first.as_ref(), rest.as_ref()].map(Bytes::copy_from_slice);
    Act::new([Step::Read, Step::Send(first), Step::Endless(rest)])
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn answer(body: &str) -> Act {
    Act::answer(format!(
        "{HEAD}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The error of a call, and how much the server could send.
fn call(act: Act) -> (Error, usize) {
    let wire = Wire::new([], act);
    let client = builder(&wire).max_response(LIMIT).build();
    let client = client.expect("a client");
    let error = run(async move { client.sessions().retrieve("sess_1").await.err() });
    (error.expect("an error"), wire.wrote())
}

/// The error of a stream, and how much the server could send.
fn stream(act: Act) -> (Error, usize) {
    let wire = Wire::new([], act);
    let client = client(&wire);
    let error = run(async move {
        let mut stream = match client.session("sess_1").stream().await {
            Ok(stream) => stream,
            Err(error) => return Some(error),
        };
        while let Some(event) = stream.next().await {
            if let Err(error) = event {
                return Some(error);
            }
        }
        None
    });
    (error.expect("an error"), wire.wrote())
}

#[test]
fn a_response_without_end_is_cut_off() {
    let kib = 1 << 10;
    let x = "x".repeat(4096);
    // Half a megabyte is what is read ahead of the end of a head.
    let head = 512 * kib;
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let cases = [
        (
            "a status line",
            endless("HTTP/1.1 200 ", &x),
            ErrorKind::Network,
            head,
        ),
        (
            "a header",
            endless(format!("{HEAD}a: "), &x),
            ErrorKind::Network,
            head,
        ),
        (
            "headers",
            endless(HEAD, "a: b\r\n".repeat(100)),
            ErrorKind::Network,
            head,
        ),
        (
            "a name of a header",
            endless(HEAD, &x),
            ErrorKind::Network,
            head,
        ),
        (
            "an extension of a chunk",
            endless(format!("{chunked}1;"), &x),
            ErrorKind::Network,
            head,
        ),
        (
            "extensions of chunks",
            endless(&chunked, format!("1;{x}\r\nx\r\n")),
            ErrorKind::Network,
            head,
        ),
        (
            "trailers",
            endless(
                format!("{chunked}2\r\n{{}}\r\n0\r\n"),
                "a: b\r\n".repeat(100),
            ),
            ErrorKind::Network,
            head,
        ),
        (
            "chunks",
            endless(&chunked, chunk(&x)),
            ErrorKind::TooLarge,
            LIMIT,
        ),
        (
            "small chunks",
            endless(&chunked, chunk("x").repeat(1000)),
            ErrorKind::TooLarge,
            // Six bytes for each that counts.
            6 * LIMIT,
        ),
        (
            "a body up to the end of the connection",
            endless(format!("{HEAD}\r\n"), &x),
            ErrorKind::TooLarge,
            LIMIT,
        ),
        (
            "a body of a length that is no number",
            endless(format!("{HEAD}Content-Length: -1\r\n\r\n"), &x),
            ErrorKind::Network,
            0,
        ),
        (
            "a body of a length beyond all numbers",
            endless(
                format!("{HEAD}Content-Length: 99999999999999999999\r\n\r\n"),
                &x,
            ),
            ErrorKind::Network,
            0,
        ),
        (
            "a body of the largest length",
            endless(
                format!("{HEAD}Content-Length: 18446744073709551613\r\n\r\n"),
                &x,
            ),
            ErrorKind::TooLarge,
            0,
        ),
        (
            "an error",
            endless("HTTP/1.1 500 Oops\r\n\r\n", &x),
            ErrorKind::Api,
            64 * kib,
        ),
    ];
    for (what, act, kind, bound) in cases {
        let (error, wrote) = call(act);
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert_ne!(error.sent(), Sent::No, "{what}");
        // Beside what was read, the pipe and one read of hyper's may be full.
        let bound = bound + BUFFER + head;
        assert!(wrote <= bound, "{what}: {wrote} bytes of {bound}");
        assert!(error.to_string().len() < 1000, "{what}: {error}");
    }
}

#[test]
fn interim_responses_are_no_response() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let flood = Step::Every(Duration::from_millis(10), interim.into());
    let (error, wrote) = call(Act::new([Step::Read, flood]));
    assert!(error.is_timeout(), "{error}");
    assert!(wrote <= (6000 + 1) * interim.len(), "for more than 60 s");
}

/// What it is decoded to counts, and so a little of it is enough.
#[test]
fn a_bomb_is_cut_off_by_what_comes_out_of_it() {
    let (first, rest) = gzip::bomb();
    let head = format!("{HEAD}Content-Encoding: gzip\r\n\r\n");
    let first = [head.as_bytes(), &first].concat();
    let (error, wrote) = call(endless(first, rest.repeat(10)));
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    // A 158th of the limit, and what is read ahead.
    assert!(wrote <= LIMIT / 158 + BUFFER + (512 << 10), "{wrote} bytes");
}

/// Zeros before the size of a chunk are skipped, however many there are: they take no memory, and
/// what they take of time has a limit.
#[test]
fn a_size_without_end_ends_with_the_limit_for_the_body() {
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let zeros = Step::Every(Duration::from_millis(100), "0".repeat(4096).into());
    let (error, wrote) = call(Act::new([Step::Read, Step::Send(chunked.into()), zeros]));
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.sent(), Sent::Yes);
    assert!(wrote <= 3001 * 4096, "for more than 5 minutes");
}

#[test]
fn an_event_without_end_is_cut_off() {
    let x = "x".repeat(64 << 10);
    let frame = 16 << 20;
    let cases = [
        ("a line", format!("{STREAM}{}", chunk("data: ")), chunk(&x)),
        ("lines", STREAM.to_owned(), chunk(&format!("data: {x}\n"))),
        ("an id", format!("{STREAM}{}", chunk("id: ")), chunk(&x)),
        ("a type", format!("{STREAM}{}", chunk("event: ")), chunk(&x)),
    ];
    for (what, first, rest) in cases {
        let (error, wrote) = stream(endless(first, rest));
        assert_eq!(error.kind(), ErrorKind::Stream, "{what}: {error}");
        assert!(error.to_string().contains("too large"), "{what}: {error}");
        let bound = frame + (1 << 20);
        assert!(wrote <= bound, "{what}: {wrote} bytes");
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    let (error, wrote) = stream(endless(page, &x));
    assert_eq!(error.kind(), ErrorKind::Stream, "{error}");
    assert!(wrote <= 1 << 20, "{wrote} bytes of a web page");
}

#[test]
fn a_list_that_goes_in_circles_or_nowhere_ends() {
    let page = |data: &str, next: &str| {
        answer(&format!(
            r#"{{"data":[{data}],"next_page":"{next}","has_more":true}}"#
        ))
    };
    let agent = r#"{"id":"agent_1","name":"a"}"#;
    let circle = Wire::new([page(agent, "a"), page(agent, "b")], page(agent, "a"));
    let pages = (0..2000).map(|n| page("", &n.to_string()));
    let nowhere = Wire::new(pages, answer(r#"{"data":[]}"#));
    for (wire, items, requests) in [(circle, 3, 3), (nowhere, 0, 1000)] {
        let client = client(&wire);
        run(async {
            let mut list = client.agents().list().items();
            let mut seen = 0;
            let error = loop {
                match list.next().await {
                    Some(Ok(_)) => seen += 1,
                    Some(Err(error)) => break error,
                    None => panic!("the list ends without a word"),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Pagination, "{error}");
            assert_eq!(seen, items);
        });
        assert_eq!(wire.requests().len(), requests);
    }
}

#[test]
fn a_document_may_be_as_deep_as_it_likes() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"{"data":["#, "]}")] {
        let deep = open.repeat(20_000) + "1" + &close.repeat(20_000);
        for body in [
            deep.clone(),
            format!(r#"{{"id":"sess_1","metadata":{deep}}}"#),
        ] {
            let (error, _) = call(answer(&body));
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        }
        let head = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n",
            deep.len()
        );
        let (error, _) = call(Act::answer(head + &deep));
        assert_eq!(error.status().map(|s| s.as_u16()), Some(400), "{error}");

        let frame = format!("event: agent.message\ndata: {{\"id\":\"e\",\"x\":{deep}}}\n\n");
        let whole = format!("{STREAM}{}0\r\n\r\n", chunk(&frame));
        let wire = Wire::new([], Act::answer(whole));
        let client = client(&wire);
        run(async {
            let mut stream = client.session("s").stream().await.expect("a stream");
            let event = stream.next().await.expect("an event").expect("no error");
            assert!(
                matches!(event, Event::Malformed(_)),
                "{}",
                event.type_name()
            );
            assert!(stream.next().await.is_none());
        });
    }
}

/// What a server sends beyond the end of its answer is not the answer to the next call.
#[test]
fn nobody_gets_the_answer_to_another_call() {
    let good = |id: &str| format!(r#"{{"id":"{id}"}}"#);
    let whole = |body: &str| format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
    let smuggled = whole(&good("sess_1")) + &whole(&good("sess_evil"));
    for pause in [Duration::ZERO, Duration::from_millis(1)] {
        let first = Act::answer(smuggled.clone());
        let wire = Wire::new([first], answer(&good("sess_2")));
        let client = client(&wire);
        run(async {
            let one = client.sessions().retrieve("sess_1").await.expect("one");
            assert_eq!(one.id.as_str(), "sess_1");
            tokio::time::sleep(pause).await;
            let two = client.sessions().retrieve("sess_2").await.expect("two");
            assert_eq!(two.id.as_str(), "sess_2");
        });
        assert_eq!(wire.connections(), 2, "a connection like that isn't kept");
    }
}
