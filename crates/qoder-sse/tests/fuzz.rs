//! The corpus of the fuzzer, and a bounded random run of what it fuzzes.

mod common;

#[path = "../fuzz/entry.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's too")]
mod entry;

use std::fs;
use std::path::Path;

use common::Random;

/// Replays the corpus, and many changed copies of it: `FUZZ_ROUNDS` of them, if that is set.
fn run(target: &str, entry: fn(&[u8]), rounds: usize) {
    let rounds =
        std::env::var("FUZZ_ROUNDS").map_or(rounds, |more| more.parse().expect("a number"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut corpus = Vec::new();
    for file in fs::read_dir(folder).expect("a corpus") {
        corpus.push(fs::read(file.expect("a file").path()).expect("a text"));
    }
    assert!(corpus.len() > 5);
    for input in &corpus {
        entry(input);
    }
    let mut random = Random(0x0051_de4f);
    for _ in 0..rounds {
        let mut input = corpus[random.below(corpus.len())].clone();
        let other = &corpus[random.below(corpus.len())];
        for _ in 0..=random.below(4) {
            // The first bytes choose limits and cuts: they change more often than others.
            let among = if random.below(4) == 0 { 3 } else { input.len() };
            let at = random.below(among.min(input.len()));
            match random.below(4) {
                0 => input[at] = u8::try_from(random.below(256)).expect("a byte"),
                1 => input[at] = b"\r\n:\0 d\xef\xbb\xbf"[random.below(9)],
                2 => input.truncate(at.max(2)),
                _ => input.extend_from_slice(&other[random.below(other.len())..]),
            }
        }
        entry(&input);
    }
}

#[test]
fn the_parser_keeps_its_promises() {
    run("parser", entry::parser, 10_000);
}

#[test]
fn the_resume_machine_keeps_its_promises() {
    run("resume", entry::resume, 20_000);
}
