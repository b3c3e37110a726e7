//! The parser against a slow and obvious one: on random input, with random limits and cuts, and on
//! chosen input, with every small limit and every cut.

mod common;

#[path = "../fuzz/reference.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's too")]
mod reference;

use common::{Random, cut};
use proptest::prelude::*;
use qoder_sse::{Item, Limits, Parser};
use reference::{WAYS, compare, reference};

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
    "\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}\u{1f4a9}"
        .as_bytes(),
];

/// A stream of such pieces, often with a byte order mark, or a part of one, before it.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop::sample::select(vec![
        &b""[..],
        b"\xEF\xBB\xBF",
        b"\xEF\xBB\xBF\xEF\xBB\xBF",
        b"\xEF\xBB",
        b"\xEF",
    ]);
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..40);
    (mark, pieces).prop_map(|(mark, pieces)| [mark, &pieces.concat()].concat())
}

/// Mostly small ones.
fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..=40, 1 => 41usize..500, 2 => Just(16 << 20)]
}

fn limits() -> impl Strategy<Value = Limits> {
    (limit(), limit()).prop_map(|(line, frame)| Limits::default().line(line).frame(frame))
}

/// The largest chunk.
fn most() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1usize..12, 1 => 12usize..300]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn adversarial(
        input in stream(),
        limits in limits(),
        id in "(7|x)?",
        seed in any::<u64>(),
        most in most(),
    ) {
        let want = reference(&input, limits, &id);
        let mut random = Random(seed);
        for way in WAYS {
            let parser = || Parser::with_limits(limits).with_last_event_id(&id);
            compare(&mut parser(), &[&input], way, &want);
            compare(&mut parser(), &cut(&input, most, &mut random), way, &want);
        }
    }

    #[test]
    fn arbitrary(
        input in prop::collection::vec(any::<u8>(), 0..200),
        limits in limits(),
        seed in any::<u64>(),
    ) {
        let want = reference(&input, limits, "");
        let mut random = Random(seed);
        for way in WAYS {
            compare(&mut Parser::with_limits(limits), &cut(&input, 9, &mut random), way, &want);
        }
    }

    /// Whatever a connection broke off in, the next one is read as if it were the first; only the
    /// last event id and the reconnection time stay.
    #[test]
    fn restarted(
        first in stream(),
        second in stream(),
        limits in limits(),
        seed in any::<u64>(),
        most in most(),
    ) {
        let before = reference(&first, limits, "");
        let mut want = reference(&second, limits, &before.last_event_id);
        want.retry = want.retry.or(before.retry);
        let mut random = Random(seed);
        for way in WAYS {
            let mut parser = Parser::with_limits(limits);
            for chunk in cut(&first, most, &mut random) {
                let mut items = parser.feed(chunk);
                while items.next().is_some() {}
            }
            parser.restart();
            compare(&mut parser, &cut(&second, most, &mut random), way, &want);
        }
    }

    /// Why the reference may decode a line, or a value, by itself.
    #[test]
    fn lines_decoded_alone_are_what_they_are_in_the_whole(input in stream()) {
        let by_line: String = input
            .split_inclusive(|byte| matches!(byte, b'\n' | b'\r'))
            .map(String::from_utf8_lossy)
            .collect();
        prop_assert_eq!(String::from_utf8_lossy(&input), by_line);
    }
}

/// A bit of everything.
const CHOSEN: [&[u8]; 3] = [
    b"\xEF\xBB\xBF: hi\r\nid: 1\revent: e\ndata: \xE4\xB8\x96\xE7\x95\x8C\r\ndata:\xE2\x80\xA8 x\n\nid\n\n\
      data: \xF0\x9F\x92\xA9\r\rretry: 7\n\ndata\ndata\n\ndata: \xF0\x9F\x92 and \xFF\xC3\n\n\
      id: a\0b\ndata: x\n\ndata: cut",
    b"id: 7\n\nid: 7\nid: 8\ndata: x\n\nid: 9\nid: 8\ndata: y\n\nid: 9\nid: a\0b\ndata: z\n\n",
    b"\r\n\r\ndata: a\r\n\r\n: c\r\nretry: 5\r\n\r\ndata: b\r\ndata: 0123456789\r\n: c\r\n\r\n\r\nx\r\n\r\n",
];

#[test]
fn every_cut_in_two_and_every_byte_alone() {
    for stream in CHOSEN {
        let want = reference(stream, Limits::default(), "");
        assert!(want.items.len() >= 4);
        for way in WAYS {
            for at in 0..=stream.len() {
                let (first, second) = stream.split_at(at);
                compare(&mut Parser::new(), &[first, second], way, &want);
                compare(&mut Parser::new(), &[first, b"", second], way, &want);
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            compare(&mut Parser::new(), &bytes, way, &want);
        }
    }
}

/// Streams that end after each of their bytes, one after another for the same parser.
#[test]
fn every_end() {
    for (stream, limit) in CHOSEN
        .into_iter()
        .flat_map(|stream| [(stream, 8), (stream, 1 << 10)])
    {
        for (way, size) in WAYS
            .into_iter()
            .flat_map(|way| [(way, 1), (way, 7), (way, 1 << 10)])
        {
            let limits = Limits::default().line(limit).frame(limit);
            let mut parser = Parser::with_limits(limits);
            for end in 0..=stream.len() {
                let stream = &stream[..end];
                let mut want = reference(stream, limits, parser.last_event_id());
                want.retry = want.retry.or(parser.retry());
                let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                compare(&mut parser, &chunks, way, &want);
            }
        }
    }
}

#[test]
fn every_small_limit_and_every_cut_in_two() {
    let streams: [&[u8]; 10] = [
        b"data: 0123456789012345678901234567890123456789\n\ndata: b\n\n",
        b"data: 0123456\ndata\ndata:\ndata: \ndata:01\r\n\r\nid: 1\n\n",
        b"\xEF\xBB\xBFdata: 012\n\xEF\xBB\xBF\ndata: c\n\ndata: d\n\n",
        b"data: 012\n\xEF\xBB\xBF\ndata: c\n\ndata: d\n\n",
        b"retryretry:\n\nretry: 123456789\nretry\n\ndata: b\n\n",
        b"id: 0123456789012\nevent: 0123456789\ndata: 01234567\n\n",
        b"idx: 0\ndatadata: x\nevents: 0\r: comment\rdata:  0\n\n",
        b"event\nid\ndata\nretry\n\ndata\ndata\ndata\n\nid: 12",
        b"data: \xE4\xB8\x96\xE4\xB8\xF0\x9F\x92\ndata: \xFF\xFF\n\ndata: \xF0\x9F",
        b"data: 0\n: 01234567890123456789012345678901234567890123456789\n\n",
    ];
    for stream in streams {
        for (line, frame) in (0..=40).flat_map(|line| (0..=40).map(move |frame| (line, frame))) {
            let limits = Limits::default().line(line).frame(frame);
            let want = reference(stream, limits, "");
            // One cut for each pair of limits, so that all of them see all cuts.
            let (first, second) = stream.split_at((line * 41 + frame) % stream.len());
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            for way in WAYS {
                compare(&mut Parser::with_limits(limits), &[stream], way, &want);
                compare(&mut Parser::with_limits(limits), &bytes, way, &want);
                compare(
                    &mut Parser::with_limits(limits),
                    &[first, second],
                    way,
                    &want,
                );
            }
        }
    }
}

/// Characters, and what is none, at every place where the decoder may have to wait for the rest.
#[test]
fn a_character_may_be_cut_anywhere() {
    let characters: [&[u8]; 12] = [
        b"\xC3\xA9",
        b"\xE4\xB8\x96",
        b"\xF0\x9F\x92\xA9",
        b"\xF4\x8F\xBF\xBF",
        b"\xF0\x9F\x92x",
        b"\xF0\x9Fx",
        b"\xF0\x80\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xED\xA0\x80",
        b"\xE0\x80\x80",
        b"\xC0\x80",
        b"\xFF\xBF\xBF\xBF",
    ];
    let lengths = [0, 1, 2, 3].into_iter().chain(58..70).chain(248..262);
    for length in lengths {
        for character in characters {
            let ascii = "x".repeat(length);
            let stream = [b"data: ", ascii.as_bytes(), character, b"\n\n"].concat();
            let want = reference(&stream, Limits::default(), "");
            for at in 1..=character.len() {
                let (first, second) = stream.split_at(6 + length + at);
                let (name, first) = first.split_at(6);
                for way in WAYS {
                    compare(&mut Parser::new(), &[name, b"", first, second], way, &want);
                    let (head, tail) = first.split_at(length / 2);
                    compare(&mut Parser::new(), &[name, head, tail, second], way, &want);
                }
            }
        }
    }
}

/// Only a longer one than 4 KiB is cut, and only then is half a character at its end left out.
#[test]
fn a_comment_may_end_anywhere() {
    let ends: [&[u8]; 4] = [b"", b"\xE4\xB8\x96", b"\xE4\xB8", b"\xFF"];
    for (length, end) in (4085..4100).flat_map(|length| ends.map(|end| (length, end))) {
        let stream = [b": ", &[b'x'].repeat(length)[..], end, b"\n"].concat();
        let want = reference(&stream, Limits::default(), "");
        for size in [1000, 4095, 4096, 4097, stream.len()] {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            for way in WAYS {
                compare(&mut Parser::new(), &chunks, way, &want);
            }
        }
    }
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
