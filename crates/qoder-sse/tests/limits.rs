//! Bounds hold whatever the stream does, and what was dropped is said.

mod common;

use common::{Event, feed, parse};
use qoder_sse::{Item, Limit, Limits, Overflow, Parser, Tail};

/// The data of each frame, and each overflow, in order.
fn items(parser: &mut Parser, input: &[u8], size: usize) -> Vec<Result<String, Overflow>> {
    let mut items = Vec::new();
    for mut rest in input.chunks(size) {
        while !rest.is_empty() {
            let step = parser.step(rest);
            match step.item {
                Some(Item::Frame(frame)) => items.push(Ok(frame.data().to_owned())),
                Some(Item::Overflow(overflow)) => items.push(Err(overflow)),
                _ => {}
            }
            rest = &rest[step.consumed..];
        }
    }
    items
}

#[test]
fn what_is_too_large_is_skipped_and_the_rest_goes_on() {
    let line = Err(Overflow {
        limit: Limit::Line,
        bytes: 16,
    });
    let frame = Err(Overflow {
        limit: Limit::Frame,
        bytes: 12,
    });
    let ok = |text: &str| Ok(text.to_owned());
    for (input, want) in [
        (&b"data: 0123456789\n\n"[..], vec![ok("0123456789")]),
        (
            b"data: 01234567890\n\ndata: b\n\n",
            vec![line.clone(), ok("b")],
        ),
        (
            b"event: 0123456789\ndata: a\n\ndata: b\n\n",
            vec![line.clone(), ok("b")],
        ),
        (
            b"data: a\nid: 01234567890123\ndata: a\n\ndata: b\n\n",
            vec![line, ok("b")],
        ),
        (
            b"data: 01234\ndata: 012345\n\ndata: b\n\n",
            vec![ok("01234\n012345"), ok("b")],
        ),
        (
            b"data: 012345\ndata: 012345\n\ndata: b\n\n",
            vec![frame.clone(), ok("b")],
        ),
        // The line feeds between empty lines count: 13 of them are 12 bytes, 14 are 13.
        (
            &[&b"data\n".repeat(13)[..], b"\ndata: b\n\n"].concat(),
            vec![ok(&"\n".repeat(12)), ok("b")],
        ),
        (
            &[&b"data\n".repeat(14)[..], b"\ndata: b\n\n"].concat(),
            vec![frame, ok("b")],
        ),
        // What is not kept may be longer.
        (
            b": a comment beyond the limit\nunknown: also beyond the limit\ndata: b\n\n",
            vec![ok("b")],
        ),
    ] {
        for size in [1, 2, 3, 7, input.len()] {
            let mut parser = Parser::with_limits(Limits::default().line(16).frame(12));
            assert_eq!(
                items(&mut parser, input, size),
                want,
                "{:?} by {size}",
                String::from_utf8_lossy(input)
            );
        }
    }
}

#[test]
fn a_mark_behind_a_first_line_that_is_too_long_is_a_line() {
    let input = b"data: 012\n\xEF\xBB\xBF\ndata: skipped\n\ndata: b\n\n";
    let overflow = Overflow {
        limit: Limit::Line,
        bytes: 8,
    };
    for size in 1..=input.len() {
        let mut parser = Parser::with_limits(Limits::default().line(8));
        assert_eq!(
            items(&mut parser, input, size),
            [Err(overflow), Ok("b".to_owned())],
            "by {size}"
        );
    }
}

#[test]
fn a_limit_is_told_with_the_byte_that_exceeds_it() {
    for (limits, input, limit) in [
        // Of both limits the one that is exceeded first, or else the frame's.
        (
            Limits::default().frame(4),
            &b"data: 01234"[..],
            Limit::Frame,
        ),
        (
            Limits::default().frame(4).line(9),
            b"data: 0123",
            Limit::Line,
        ),
        (
            Limits::default().frame(4).line(10),
            b"data: 01234",
            Limit::Frame,
        ),
        (
            Limits::default().frame(4).line(11),
            b"data: 01234",
            Limit::Frame,
        ),
        (Limits::default().frame(4), b"data:01234", Limit::Frame),
        // A line feed between two lines is one as soon as the second is known to be data.
        (
            Limits::default().frame(4),
            b"data: 0123\ndata:",
            Limit::Frame,
        ),
        (
            Limits::default().frame(4),
            b"data: 0123\ndata\n",
            Limit::Frame,
        ),
        // What a line is must be known for it to be too long.
        (Limits::default().line(3), b"retry:", Limit::Line),
        (Limits::default().line(3), b"retry\n", Limit::Line),
        (Limits::default().line(0), b"id:", Limit::Line),
        (
            Limits::default().line(40),
            b"event: 0123456789012345678901234567890123",
            Limit::Line,
        ),
    ] {
        for size in [1, 2, 3, 5, 7, 9, 30, input.len()] {
            let mut parser = Parser::with_limits(limits);
            let before = &input[..input.len() - 1];
            let shown = String::from_utf8_lossy(input);
            assert_eq!(items(&mut parser, before, size), [], "{shown:?} by {size}");
            let told = items(&mut parser, &input[before.len()..], 1);
            assert!(
                matches!(told[..], [Err(overflow)] if overflow.limit == limit),
                "{shown:?} by {size}: {told:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_told_apart_is_told_apart_by_every_limit() {
    for line in 0..=40 {
        let mut want = None;
        for size in 1..=12 {
            let mut parser = Parser::with_limits(Limits::default().line(line));
            let told = items(&mut parser, b"retryretry:\n\n", size);
            assert_eq!(want.get_or_insert(told.clone()), &told, "{line} by {size}");
        }
    }
}

#[test]
fn a_skipped_block_leaves_the_last_id_alone() {
    let mut parser = Parser::with_limits(Limits::default().frame(4));
    items(&mut parser, b"id: 1\ndata: a\n\nid: 2\ndata: 12345\n\n", 5);
    assert_eq!(parser.last_event_id(), "1");
}

#[test]
fn the_end_tells_whether_a_frame_was_cut() {
    for (input, want) in [
        (&b""[..], Tail::Clean),
        (b"data: a\n\n", Tail::Clean),
        (b"data: a\r\n\r\n", Tail::Clean),
        (b": a comment\n", Tail::Clean),
        (b"retry: 5\n", Tail::Clean),
        (b"data: a\n\ndata: b", Tail::Cut { bytes: 7 }),
        (b"data: a\n\ndata: b\n", Tail::Cut { bytes: 8 }),
        (b"data: a\n\nid: 7\n", Tail::Cut { bytes: 6 }),
        (b"unknown", Tail::Cut { bytes: 7 }),
        // A byte order mark is no part of a block; half of one is half a line.
        (b"\xEF\xBB\xBF", Tail::Clean),
        (b"\xEF\xBB", Tail::Cut { bytes: 2 }),
        (b"\xEF", Tail::Cut { bytes: 1 }),
        (b"\xEF\xBB\xBFdata: b", Tail::Cut { bytes: 7 }),
        (b"\n\xEF\xBB\xBF", Tail::Cut { bytes: 3 }),
    ] {
        for size in [1, 3, input.len().max(1)] {
            let mut parser = Parser::new();
            items(&mut parser, input, size);
            assert_eq!(
                parser.finish(),
                want,
                "{:?} by {size}",
                String::from_utf8_lossy(input)
            );
            assert_eq!(parser.finish(), Tail::Clean, "once told, it is over");
        }
    }
}

#[test]
fn a_large_frame_in_small_chunks_is_whole() {
    let data = "0123456789abcdef".repeat(1 << 14);
    let stream = format!("id: 1\ndata: {data}\ndata: {data}\n\n");
    let mut parser = Parser::new();
    let mut got = Vec::new();
    for chunk in stream.as_bytes().chunks(1400) {
        feed(&mut parser, chunk, |event| got.push(event));
    }
    assert_eq!(
        got,
        [Event {
            event: "message".into(),
            data: format!("{data}\n{data}"),
            id: "1".into()
        }]
    );
    assert_eq!(
        parse(&mut parser, [&b"data: next\n\n"[..]]).events[0].data,
        "next"
    );
}

/// Of a comment the first 4 KiB are told, its colon and the space among them, but for a character
/// that they would cut.
#[test]
fn a_long_comment_is_told_by_its_head_however_it_is_cut() {
    for length in 4080..4110 {
        for text in [
            "x".repeat(length),
            "世".repeat(length / 3),
            "\u{1f4a9}".repeat(length / 4),
        ] {
            let stream = format!(": {text}\ndata: b\n\n");
            let told: usize = text
                .chars()
                .scan(2, |length, character| {
                    *length += character.len_utf8();
                    (*length <= 4 << 10).then(|| character.len_utf8())
                })
                .sum();
            for size in [1, 7, 100, 4095, 4096, 4097, stream.len()] {
                let mut parser = Parser::new();
                let mut comments = Vec::new();
                for chunk in stream.as_bytes().chunks(size) {
                    let mut items = parser.feed(chunk);
                    while let Some(item) = items.next() {
                        if let Item::Comment(comment) = item {
                            comments.push(comment.to_owned());
                        }
                    }
                }
                assert_eq!(comments, [&text[..told]], "{length} by {size}");
            }
        }
    }
}
