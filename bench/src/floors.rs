//! The cost of parts of the work alone: no parser can be faster than these.

use std::hint::black_box;

use crate::contenders::Contender;
use crate::{Corpus, Digest};

pub const FLOORS: &[Contender] = &[
    Contender {
        name: "memcpy of each chunk",
        run: copy,
    },
    Contender {
        name: "memchr for each line end",
        run: line_ends,
    },
    Contender {
        name: "split lines and fields, nothing cut or checked",
        run: split,
    },
];

fn copy(corpus: &Corpus, digest: Digest) -> Digest {
    let mut buffer = Vec::new();
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            buffer.clear();
            buffer.extend_from_slice(black_box(chunk));
            black_box(&buffer);
        }
    }
    digest
}

fn line_ends(corpus: &Corpus, digest: Digest) -> Digest {
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            for end in memchr::memchr2_iter(b'\n', b'\r', chunk) {
                black_box(end);
            }
        }
    }
    digest
}

fn split(corpus: &Corpus, mut digest: Digest) -> Digest {
    for _ in 0..corpus.times {
        let mut frames = 0;
        let mut at = 0;
        let bytes = &corpus.bytes[..];
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = &bytes[at..end];
            at = end + 1;
            match line.first() {
                Some(b'd') => {
                    black_box(line.get(6..));
                }
                Some(b'e') => {
                    black_box(line.get(7..));
                }
                Some(b'i') => {
                    black_box(line.get(4..));
                }
                None => frames += 1,
                Some(_) => {}
            }
        }
        digest.frames += frames;
    }
    digest
}

/// Appends each chunk to one buffer that is not told how much will come.
pub fn copy_once(corpus: &Corpus, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    for chunk in corpus.chunks() {
        buffer.extend_from_slice(chunk);
    }
    buffer.len()
}
