//! How much memory a parser holds between two chunks, measured by the allocator.

use std::alloc::System;

use cap::Cap;
use qoder_sse::{Limits, Parser};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const SIZE: usize = 1 << 16;

const LIMIT: usize = 8 << 10;

/// What the harness of the tests may allocate meanwhile, in its own thread.
const BESIDE: usize = 2 << 10;

/// Streams in which something never ends, one line or one block, and how many frames, lines and
/// comments of the largest size they make a parser hold.
fn endless() -> Vec<(&'static str, Vec<u8>, [usize; 3])> {
    let line = |head: &[u8], byte: u8| [head, &[byte].repeat(SIZE)].concat();
    let lines = |line: &[u8]| line.repeat(SIZE / line.len());
    let long = |name: &[u8]| [name, &[b'x'; 7000], b"\n"].concat();
    let all = [
        long(b"event:"),
        long(b"id:"),
        long(b":"),
        long(b"data:"),
        b"\n".to_vec(),
    ]
    .concat();
    let wrong: Vec<u8> = all
        .iter()
        .map(|byte| if *byte == b'x' { 0xFF } else { *byte })
        .collect();
    vec![
        ("data", line(b"data: ", b'x'), [1, 0, 0]),
        (
            "a second line of data",
            line(b"data: a\ndata:", b'x'),
            [1, 0, 0],
        ),
        ("data that is no UTF-8", line(b"data: ", 0xFF), [3, 0, 0]),
        ("lines of data", lines(b"data: 0123456789\n"), [1, 0, 0]),
        ("empty lines of data", lines(b"data\n"), [1, 0, 0]),
        ("a type", line(b"event: ", b'x'), [0, 1, 0]),
        ("an id", line(b"id: ", b'x'), [0, 1, 0]),
        ("a time", line(b"retry: ", b'0'), [0, 1, 0]),
        ("a comment", line(b": ", b'x'), [0, 0, 1]),
        ("an unknown field", line(b"x: ", b'x'), [0, 0, 0]),
        ("no field", line(b"", b'd'), [0, 0, 0]),
        ("types", lines(&long(b"event: ")), [0, 2, 0]),
        ("ids", lines(&long(b"id: ")), [0, 2, 0]),
        ("comments", lines(&long(b": ")), [0, 0, 1]),
        ("all at once", lines(&all), [1, 4, 1]),
        ("all at once, not UTF-8", lines(&wrong), [3, 9, 3]),
    ]
}

/// What the limits say, with the third by which buffers grow.
#[test]
fn no_more_is_held_than_the_limits_allow() {
    for (name, stream, [frames, lines, comments]) in endless() {
        for (line, frame) in [(0, 0), (LIMIT, LIMIT), (LIMIT, SIZE), (SIZE, LIMIT)] {
            let most = frames * frame + lines * line + comments * (4 << 10);
            let most = (most * 4).div_ceil(3) + BESIDE;
            for size in [1, 7, 1400, stream.len()] {
                let mut parser = Parser::with_limits(Limits::default().line(line).frame(frame));
                let before = MEMORY.allocated();
                for chunk in stream.chunks(size) {
                    let mut items = parser.feed(chunk);
                    while items.next().is_some() {}
                    let held = MEMORY.allocated().saturating_sub(before);
                    assert!(
                        held <= most,
                        "{name} by {size}: {held} bytes of {most}, with {line} and {frame}"
                    );
                }
            }
        }
    }
}
