//! Allocations for each event, after the first: `cargo xtask bench allocations`.

use std::alloc::System;

use bench::Digest;
use bench::contenders::{Contender, OURS, PEERS};
use bench::corpus::{self, Corpus, Cut};
use bench::typed::{READERS, samples};
use bytes::Bytes;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let deltas = corpus::deltas(1 << 20);
    let results = corpus::results(4 << 20);
    let mixed = corpus::mixed(1 << 20);
    let inputs: [(&str, &Bytes, Cut); 8] = [
        ("(a) 16 KiB", &deltas, Cut::Every(16 << 10)),
        ("(a) 1,400 B", &deltas, Cut::Every(1400)),
        ("(a) 1 to 7 B", &deltas, Cut::Tiny),
        ("(b) 16 KiB", &results, Cut::Every(16 << 10)),
        ("(b) 1,400 B", &results, Cut::Every(1400)),
        ("(c) 16 KiB", &mixed, Cut::Every(16 << 10)),
        ("(c) 1,400 B", &mixed, Cut::Every(1400)),
        ("(c) 1 to 7 B", &mixed, Cut::Tiny),
    ];
    print!("| allocations per event |");
    for (name, ..) in inputs {
        print!(" {name} |");
    }
    println!("\n|---|{}", "--:|".repeat(inputs.len()));
    for contender in OURS.iter().chain(PEERS) {
        print!("| {} |", contender.name);
        for (name, bytes, cut) in inputs {
            print!(
                " {:.3} |",
                per_event(contender, &Corpus::new(name, bytes, cut))
            );
        }
        println!();
    }
    typed();
}

/// Those of reading an event from the data of a frame.
fn typed() {
    println!(
        "\n| allocations per event | {} |",
        samples().map(|sample| sample.name).join(" | ")
    );
    println!("|---|--:|--:|--:|");
    for reader in READERS {
        print!("| {} |", reader.name);
        for sample in samples() {
            let region = Region::new(MEMORY);
            (reader.read)(&sample);
            let change = region.change();
            print!(" {} |", change.allocations + change.reallocations);
        }
        println!();
    }
}

/// Reads the input once and three times: the difference is what is needed after warming up.
fn per_event(contender: &Contender, corpus: &Corpus) -> f64 {
    let count = |times| {
        let corpus = corpus.clone().times(times);
        let region = Region::new(MEMORY);
        let digest = (contender.run)(&corpus, Digest::quick());
        let change = region.change();
        (change.allocations + change.reallocations, digest.frames)
    };
    let (first, frames) = count(1);
    let (all, all_frames) = count(3);
    all.saturating_sub(first) as f64 / (all_frames - frames) as f64
}
