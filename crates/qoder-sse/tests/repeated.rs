//! Blocks that repeat but for their data, as previews do, and those that do so almost: the parser
//! compares them with the one before, and must tell what the slow and obvious one does.

mod common;

#[path = "../fuzz/reference.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's too")]
mod reference;

use common::{Random, cut};
use proptest::prelude::*;
use qoder_sse::{Limits, Parser};
use reference::{WAYS, compare, reference};

/// What may be before the data of a block.
const HEADS: &[&str] = &[
    "",
    "event: event_delta|",
    "event: event_deltas|",
    "event: |",
    "id: evt_1|",
    "id: evt_1|event: event_delta|",
    "event: a|event: event_delta|",
    "event: a type of more than 32 bytes, or so|",
    ": comment|",
    "|",
];

/// What may be behind it.
const TAILS: &[&str] = &[
    "",
    "id: evt_1|",
    "id: evt_2|",
    "id: a\0b|",
    "id: |",
    "id|",
    "id: evt_1|id: evt_2|",
    "id: evt_2|id: evt_1|",
    "id: evt_of_32_bytes_or_so_000000001|",
    "id: 世界|",
    "event: event_delta|",
    "retry: 1|",
    "data: more|",
];

const DATA: &[&[u8]] = &[
    b"",
    b"{\"text\":\"a\"}",
    b"{\"text\":\"not the same, and longer\"}",
    b"\xE4\xB8\x96\xE7\x95\x8C \xE4\xB8\x96\xE7\x95\x8C \xE4\xB8\x96\xE7\x95\x8C \xE4\xB8\x96\xE7\x95\x8C",
    b"\xE4\xB8 \xFF",
    b"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

/// A head, a tail, and data for each of the blocks that have them.
fn run() -> impl Strategy<Value = (&'static str, &'static str, Vec<&'static [u8]>)> {
    (
        prop::sample::select(HEADS),
        prop::sample::select(TAILS),
        prop::collection::vec(prop::sample::select(DATA), 1..6),
    )
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]);
    let runs = prop::collection::vec((run(), end), 1..6);
    // And one byte, somewhere, that is another one.
    let wrong = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (runs, wrong).prop_map(|(runs, wrong)| {
        let mut stream = Vec::new();
        for ((head, tail, data), end) in runs {
            for data in data {
                stream.extend_from_slice(head.replace('|', end).as_bytes());
                stream.extend_from_slice(b"data: ");
                stream.extend_from_slice(data);
                stream.extend_from_slice(end.as_bytes());
                stream.extend_from_slice(tail.replace('|', end).as_bytes());
                stream.extend_from_slice(end.as_bytes());
            }
        }
        if let Some((at, byte)) = wrong {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        stream
    })
}

fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 0usize..100, 3 => Just(16 << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_repeats_is_what_it_was(
        input in stream(),
        line in limit(),
        frame in limit(),
        id in "(evt_1|evt_2)?",
        seed in any::<u64>(),
        most in prop_oneof![1usize..12, 12usize..300, 300usize..2000],
    ) {
        let limits = Limits::default().line(line).frame(frame);
        let want = reference(&input, limits, &id);
        let mut random = Random(seed);
        for way in WAYS {
            let parser = || Parser::with_limits(limits).with_last_event_id(&id);
            compare(&mut parser(), &[&input], way, &want);
            compare(&mut parser(), &cut(&input, most, &mut random), way, &want);
        }
    }

    /// What the first stream taught holds for the second one.
    #[test]
    fn what_repeats_on_another_connection(
        first in stream(),
        second in stream(),
        seed in any::<u64>(),
        most in 12usize..600,
    ) {
        let before = reference(&first, Limits::default(), "");
        let mut want = reference(&second, Limits::default(), &before.last_event_id);
        want.retry = want.retry.or(before.retry);
        let mut random = Random(seed);
        for way in WAYS {
            let mut parser = Parser::new();
            for chunk in cut(&first, most, &mut random) {
                let mut items = parser.feed(chunk);
                while items.next().is_some() {}
            }
            parser.restart();
            compare(&mut parser, &cut(&second, most, &mut random), way, &want);
        }
    }
}

/// A block whose end is as before, behind any beginning, cut at each place.
#[test]
fn a_cut_block_that_ends_as_the_one_before() {
    let data = r#"{"text":"more than thirty-two bytes of data"}"#;
    for (end, blank) in [("\n", "\n"), ("\r\n", "\r\n"), ("\r", "\r"), ("\n", "\r\n")] {
        let block =
            |head: &str, tail: &str| format!("{head}data: {data}|{tail}").replace('|', end) + blank;
        for tail in TAILS {
            for before in HEADS {
                for head in HEADS {
                    let stream = [
                        block(before, tail).repeat(2),
                        block(head, tail),
                        block(before, ""),
                    ]
                    .concat();
                    let last = stream.len() - block(before, "").len();
                    let first = last - block(head, tail).len();
                    let want = reference(stream.as_bytes(), Limits::default(), "");
                    for at in first..last {
                        let (a, b) = stream.as_bytes().split_at(at);
                        compare(&mut Parser::new(), &[a, b], WAYS[0], &want);
                    }
                }
            }
        }
    }
}

/// Whoever sets another id has said what a block without one repeats.
#[test]
fn an_id_that_is_set_is_no_repetition() {
    let block = b"event: event_delta\ndata: {\"text\":\"a\"}\nid: evt_1\n\n";
    let mut parser = Parser::new();
    for _ in 0..4 {
        assert!(parser.step(block).item.is_some());
        assert_eq!(parser.last_event_id(), "evt_1");
    }
    let mut parser = parser.with_last_event_id("evt_0");
    assert_eq!(parser.step(block).consumed, block.len());
    assert_eq!(parser.last_event_id(), "evt_1");
}
