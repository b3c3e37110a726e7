//! The conformance vectors, each under every chunking.

mod common;

use common::{Event, Outcome, Random, cut, feed, parse};
use qoder_sse::resume::{Action, Ending, Policy, Resume, Start};
use qoder_sse::{Class, Classify, Frame, Parser};
use serde_json::Value;
use std::time::Duration;

fn vectors(topic: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(format!("{topic}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect(topic)).expect(topic)
}

fn chunks(value: &Value) -> Vec<Vec<u8>> {
    let chunk = |value: &Value| match value {
        Value::String(text) => text.clone().into_bytes(),
        other => {
            let hex = other["hex"].as_str().expect("hex");
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                .collect()
        }
    };
    value["chunks"]
        .as_array()
        .expect("chunks")
        .iter()
        .map(chunk)
        .collect()
}

fn events(value: &Value) -> Vec<(Event, usize)> {
    let text = |event: &Value, name: &str| event[name].as_str().expect(name).to_owned();
    let events = value["events"].as_array().expect("events").iter();
    events
        .map(|event| {
            let at = usize::try_from(event["at"].as_u64().expect("at")).expect("a position");
            (
                Event {
                    event: text(event, "event"),
                    data: text(event, "data"),
                    id: text(event, "id"),
                },
                at,
            )
        })
        .collect()
}

/// Feeds the chunks and checks that each event comes with the chunk that completes it.
fn check(name: &str, parser: &mut Parser, chunks: &[&[u8]], want: &[(Event, usize)]) {
    let mut want = want.iter();
    let mut fed = 0;
    for chunk in chunks {
        let before = fed;
        fed += chunk.len();
        feed(parser, chunk, |event| {
            let (wanted, at) = want
                .next()
                .unwrap_or_else(|| panic!("{name}: one more: {event:?}"));
            assert_eq!(&event, wanted, "{name}");
            assert!(
                before < *at && *at <= fed,
                "{name}: due at {at}, came within {before}..{fed}"
            );
        });
    }
    assert_eq!(want.next(), None, "{name}: missing");
}

/// All ways to cut an input that the vectors ask for.
fn chunkings<'a>(given: &'a [Vec<u8>], whole: &'a [u8]) -> Vec<Vec<&'a [u8]>> {
    let mut ways: Vec<Vec<&[u8]>> = vec![given.iter().map(Vec::as_slice).collect(), vec![whole]];
    for size in [2, 3, 7, 1400, 16 << 10] {
        ways.push(whole.chunks(size).collect());
    }
    if whole.len() <= 4096 {
        ways.push(whole.chunks(1).collect());
    }
    let stride = (whole.len() / 300).max(1);
    for at in (0..=whole.len()).step_by(stride) {
        ways.push(vec![&whole[..at], &whole[at..]]);
    }
    let mut random = Random(7);
    for most in [3, 7, 16, 64, 1024] {
        for _ in 0..if whole.len() > 4096 { 3 } else { 20 } {
            ways.push(cut(whole, most, &mut random));
        }
    }
    ways
}

#[test]
fn every_vector_under_every_chunking() {
    let mut count = 0;
    for topic in [
        "lines", "bom", "fields", "ids", "retry", "end", "utf8", "long", "qoder", "fuzz",
    ] {
        for vector in vectors(topic) {
            count += 1;
            let name = format!("{topic}: {}", vector["name"]);
            let given = chunks(&vector);
            let whole = given.concat();
            let want = events(&vector);
            for way in chunkings(&given, &whole) {
                let mut parser = Parser::new();
                check(&name, &mut parser, &way, &want);
                parser.finish();
                assert_eq!(
                    parser.last_event_id(),
                    vector["final_last_event_id"],
                    "{name}"
                );
                let retry = parser
                    .retry()
                    .map(|time| u64::try_from(time.as_millis()).expect("64 bits"));
                assert_eq!(retry, vector["retry_ms"].as_u64(), "{name}");
            }
        }
    }
    assert!(count > 100, "{count} vectors");
}

#[test]
fn a_parser_that_was_in_the_middle_of_something_starts_anew() {
    for middle in [
        &b"data: x"[..],
        b"\xEF\xBB",
        b"id: 7\nevent: y\ndata: z\n",
        b"data: a\r",
        b"data: \xE4\xB8",
        b": com",
    ] {
        for topic in ["lines", "bom", "fields", "end", "utf8"] {
            for vector in vectors(topic) {
                let mut parser = Parser::new();
                feed(&mut parser, middle, |event| panic!("{event:?}"));
                parser.restart();
                let given = chunks(&vector);
                let way: Vec<&[u8]> = given.iter().map(Vec::as_slice).collect();
                check(
                    &format!("{}", vector["name"]),
                    &mut parser,
                    &way,
                    &events(&vector),
                );
            }
        }
    }
}

#[test]
fn comments_are_given_where_they_are_asked_for() {
    let mut checked = 0;
    for topic in ["lines", "fields", "qoder", "bom", "end"] {
        for vector in vectors(topic) {
            let Some(want) = vector["comments"].as_array() else {
                continue;
            };
            checked += 1;
            let whole = chunks(&vector).concat();
            for size in [1, 2, 3, 7, whole.len().max(1)] {
                let mut parser = Parser::new();
                let mut comments = Vec::new();
                for mut rest in whole.chunks(size) {
                    while !rest.is_empty() {
                        let step = parser.step(rest);
                        if let Some(qoder_sse::Item::Comment(text)) = step.item {
                            comments.push(Value::from(text));
                        }
                        rest = &rest[step.consumed..];
                    }
                }
                assert_eq!(&comments, want, "{} by {size}", vector["name"]);
            }
        }
    }
    assert!(checked > 0);
}

#[test]
fn connections_that_follow_one_another() {
    for vector in vectors("resume") {
        let name = vector["name"].to_string();
        for size in [1, 2, 3, 7, 1 << 20] {
            let mut parser = Parser::new();
            for connection in vector["connections"].as_array().expect("connections") {
                assert_eq!(
                    parser.last_event_id(),
                    connection["request_last_event_id"],
                    "{name}"
                );
                let whole = chunks(connection).concat();
                check(
                    &name,
                    &mut parser,
                    &whole.chunks(size).collect::<Vec<_>>(),
                    &events(connection),
                );
                parser.finish();
            }
            assert_eq!(
                parser.last_event_id(),
                vector["final_last_event_id"],
                "{name}"
            );
            let retry = parser
                .retry()
                .map(|time| u64::try_from(time.as_millis()).expect("64 bits"));
            assert_eq!(retry, vector["retry_ms"].as_u64(), "{name}");
        }
    }
}

/// As a browser has it: the last event id is the cursor, and nothing is a repetition.
struct Browser;

impl Classify for Browser {
    fn classify(&mut self, _: &Frame<'_>) -> Class {
        Class::Preview
    }
}

#[test]
fn the_machine_gives_the_same_events_as_the_parser() {
    for vector in vectors("resume") {
        let mut resume = Resume::new(Start::Attach, Policy::default(), 1, Browser);
        let mut now = Duration::ZERO;
        for connection in vector["connections"].as_array().expect("connections") {
            loop {
                match resume.poll(now) {
                    Action::Connect { .. } => break,
                    Action::Wait(Some(due)) => {
                        now = due;
                        resume.tick(now);
                    }
                    Action::Done(outcome) => panic!("{outcome:?}"),
                    _ => {}
                }
            }
            resume.opened(now);
            let whole = chunks(connection).concat();
            let mut got = Vec::new();
            for mut rest in whole.chunks(3) {
                while !rest.is_empty() {
                    let fed = resume.bytes(now, rest);
                    rest = &rest[fed.consumed..];
                    got.extend(fed.delivery.map(|delivery| delivery.frame.to_owned()));
                }
            }
            let got: Vec<Event> = got
                .into_iter()
                .map(|frame| Event::from(frame.as_frame()))
                .collect();
            let want: Vec<Event> = events(connection)
                .into_iter()
                .map(|(event, _)| event)
                .collect();
            assert_eq!(got, want, "{}", vector["name"]);
            resume.ended(now, Ending::Broken);
        }
    }
}

#[test]
fn parse_gives_what_the_vectors_say() {
    let outcome = parse(&mut Parser::new(), [&b"id: 1\ndata: a\n\nretry: 5\n"[..]]);
    let event = Event {
        event: "message".to_owned(),
        data: "a".to_owned(),
        id: "1".to_owned(),
    };
    assert_eq!(
        outcome,
        Outcome {
            events: vec![event],
            last_event_id: "1".to_owned(),
            retry: Some(5)
        }
    );
}
