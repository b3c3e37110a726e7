//! The parser against a slow and obvious one, on random input under random cuts.

mod common;

use common::{Event, Outcome, Random, cut, parse};
use proptest::prelude::*;
use qoder_sse::{Item, Parser};

/// "Interpreting an event stream", read aloud: decode all of it, split it into lines, go through
/// them.
fn reference(input: &[u8]) -> Outcome {
    let input = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    let text = String::from_utf8_lossy(input);
    let mut outcome = Outcome::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), None);
    let mut had_data = false;
    for line in lines(&text) {
        if line.is_empty() {
            if let Some(id) = id.take() {
                outcome.last_event_id = id;
            }
            if had_data {
                data.pop();
                let event = if event.is_empty() {
                    "message".to_owned()
                } else {
                    event.clone()
                };
                outcome.events.push(Event {
                    event,
                    data: data.clone(),
                    id: outcome.last_event_id.clone(),
                });
            }
            (data, event, had_data) = (String::new(), String::new(), false);
            continue;
        }
        if line.starts_with(':') {
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event),
            "data" => {
                had_data = true;
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => id = Some(value.to_owned()),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                outcome.retry = value.parse::<u64>().ok().map(u128::from).or(outcome.retry);
            }
            _ => {}
        }
    }
    outcome
}

/// The lines that have an end.
fn lines(mut text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    while let Some(at) = text.find(['\n', '\r']) {
        let length = if text[at..].starts_with("\r\n") { 2 } else { 1 };
        lines.push(&text[..at]);
        text = &text[at + length..];
    }
    lines
}

/// Pieces that streams are made of, and that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"event:",
    b"event: x",
    b"id",
    b"id: ",
    b"id: 7",
    b"retry: ",
    b"retry: 12",
    b":",
    b": c",
    b"\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\r",
    b"\n\r",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xBF",
    b"\0",
    b"+5",
    b" ",
    b"  ",
    b"datax: ",
    b"dat",
    b"x",
    b"\xE4\xB8\x96",
    b"\xE4\xB8",
    b"\x96",
    b"\xF0\x9F\x92\xA9",
    b"\xF0\x9F",
    b"\xFF",
    b"\xC2\x85",
    b"\xE2\x80\xA8",
    b"0123456789012345678901234567890123456789",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..PIECES.len(), 0..40).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|n| PIECES[n].iter().copied())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn adversarial(input in stream(), seed in any::<u64>(), most in 1usize..12) {
        let want = reference(&input);
        prop_assert_eq!(&parse(&mut Parser::new(), [input.as_slice()]), &want, "whole");
        let mut random = Random(seed);
        prop_assert_eq!(&parse(&mut Parser::new(), cut(&input, most, &mut random)), &want, "cut");
    }

    #[test]
    fn arbitrary(input in proptest::collection::vec(any::<u8>(), 0..200), seed in any::<u64>()) {
        let mut random = Random(seed);
        prop_assert_eq!(parse(&mut Parser::new(), cut(&input, 9, &mut random)), reference(&input));
    }
}

#[test]
fn every_cut_in_two_and_every_byte_alone() {
    let corpus = "\u{feff}: hi\r\nid: 1\revent: e\ndata: 世界\r\ndata:\u{2028} x\n\nid\n\ndata: \u{1f4a9}\r\rretry: 7\n\ndata\ndata\n\n";
    let mut corpus = corpus.as_bytes().to_vec();
    corpus.extend_from_slice(b"data: \xF0\x9F\x92 and \xFF\xC3\n\nid: a\0b\ndata: x\n\ndata: cut");
    let want = reference(&corpus);
    assert_eq!(want.events.len(), 5);
    for at in 0..=corpus.len() {
        let (first, second) = corpus.split_at(at);
        assert_eq!(
            parse(&mut Parser::new(), [first, second]),
            want,
            "cut at {at}"
        );
        assert_eq!(
            parse(&mut Parser::new(), [first, b"", second]),
            want,
            "with an empty chunk at {at}"
        );
    }
    assert_eq!(parse(&mut Parser::new(), corpus.chunks(1)), want);
}

#[test]
fn a_frame_within_a_chunk_is_borrowed_from_it() {
    let chunk = b"id: 1\nevent: e\ndata: hello\n\ndata: there\n\n";
    let range = chunk.as_ptr_range();
    let mut parser = Parser::new();
    let mut frames = 0;
    let mut items = parser.feed(chunk);
    while let Some(item) = items.next() {
        if let Item::Frame(frame) = item {
            frames += 1;
            assert!(range.contains(&frame.data().as_ptr()), "{frame:?}");
        }
    }
    assert_eq!(frames, 2);
}
