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

#[test]
fn a_comment_without_end_needs_no_memory() {
    let mut parser = Parser::new();
    feed(&mut parser, b": ", |_| {});
    for _ in 0..1000 {
        feed(&mut parser, &[b'x'; 1 << 14], |_| {});
    }
    let step = parser.step(b"\n");
    let Some(Item::Comment(text)) = step.item else {
        panic!("{step:?}")
    };
    assert!(text.len() <= 4 << 10);
    assert_eq!(items(&mut parser, b"data: b\n\n", 3), [Ok("b".to_owned())]);
}
