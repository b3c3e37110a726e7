//! How much memory a frame needs, measured by the allocator.

use std::alloc::System;

use cap::Cap;
use qoder_sse::{Item, Parser};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// The most that is in use while a frame of `size`, larger than all before, is parsed from chunks
/// of `chunk`.
fn peak(parser: &mut Parser, size: usize, chunk: &[u8]) -> usize {
    let before = MEMORY.allocated();
    feed(parser, b"data: ");
    for _ in 0..size / chunk.len() {
        feed(parser, chunk);
    }
    let mut seen = 0;
    let mut rest = &b"\n\n"[..];
    while !rest.is_empty() {
        let step = parser.step(rest);
        if let Some(Item::Frame(frame)) = step.item {
            seen = frame.data().len();
        }
        rest = &rest[step.consumed..];
    }
    assert_eq!(seen, size / chunk.len() * chunk.len());
    MEMORY.max_allocated() - before
}

fn feed(parser: &mut Parser, chunk: &[u8]) {
    assert_eq!(parser.step(chunk).consumed, chunk.len());
}

#[test]
fn a_frame_needs_little_more_than_its_size() {
    let chunk = [b'x'; 1400];
    for size in [100_000, 1_000_000, 12_000_000] {
        let needed = peak(&mut Parser::new(), size, &chunk);
        assert!(
            needed * 10 <= size * 14,
            "{needed} bytes for a frame of {size}"
        );
    }
    // A second frame of the size needs nothing more.
    let mut parser = Parser::new();
    peak(&mut parser, 14_000_000, &chunk);
    let before = MEMORY.total_allocated();
    peak(&mut parser, 14_000_000, &chunk);
    assert!(MEMORY.total_allocated() - before < 4096);
}
