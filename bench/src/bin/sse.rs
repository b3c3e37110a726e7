//! The parser against its peers: `cargo xtask bench sse`. Arguments: part of a scenario's name,
//! and `--ours` to leave the peers out.

use std::hint::black_box;
use std::time::Duration;

use bench::contenders::{Contender, OURS, PEERS};
use bench::corpus::{self, Corpus, Cut};
use bench::floors::{FLOORS, copy_once};
use bench::{Digest, measure};
use bytes::Bytes;
use qoder_sse::{Item, Limits, Parser};

const MIB: usize = 1 << 20;

fn main() {
    let mut only = String::new();
    let mut peers = PEERS;
    for arg in std::env::args().skip(1) {
        match &*arg {
            "--ours" => peers = &[],
            part => part.clone_into(&mut only),
        }
    }
    println!("build: {}", build());
    for corpus in scenarios()
        .iter()
        .filter(|corpus| corpus.name.contains(&only))
    {
        scenario(corpus, peers);
    }
    if "one event of 64 MiB".contains(&only) {
        single();
    }
}

fn build() -> &'static str {
    if cfg!(target_feature = "avx2") {
        "AVX2 for all code"
    } else {
        "baseline target, feature std: memchr and simdutf8 detect the processor"
    }
}

fn scenarios() -> Vec<Corpus> {
    let deltas = corpus::deltas(64 * MIB);
    let hot = corpus::deltas(MIB / 2);
    let results = corpus::results(64 * MIB);
    let mixed = corpus::mixed(64 * MIB);
    let short = |bytes: &Bytes| bytes.slice(..4 * MIB);
    vec![
        Corpus::new("(a) deltas, 16 KiB", &deltas, Cut::Every(16 << 10)),
        Corpus::new("(a) deltas, hot, 16 KiB", &hot, Cut::Every(16 << 10)).times(128),
        Corpus::new("(a) deltas, 1,400 B", &deltas, Cut::Every(1400)),
        Corpus::new("(a) deltas, 256 KiB", &deltas, Cut::Every(256 << 10)),
        Corpus::new("(a) deltas, 1 to 7 B", &short(&deltas), Cut::Tiny),
        Corpus::new("(b) results, 16 KiB", &results, Cut::Every(16 << 10)),
        Corpus::new("(b) results, 1,400 B", &results, Cut::Every(1400)),
        Corpus::new("(c) mixed, 16 KiB", &mixed, Cut::Every(16 << 10)),
        Corpus::new("(c) mixed, 1,400 B", &mixed, Cut::Every(1400)),
        Corpus::new("(c) mixed, 1 to 7 B", &short(&mixed), Cut::Tiny),
    ]
}

/// Checks that the contenders see the same, then times them. One that sees something else, or
/// fails, is shown but is no measure.
fn scenario(corpus: &Corpus, peers: &[Contender]) {
    let mut once = corpus.clone();
    once.times = 1;
    let expected = (OURS[0].run)(&once, Digest::whole());
    let frames = expected.frames * corpus.times;
    let all: Vec<&Contender> = FLOORS.iter().chain(OURS).chain(peers).collect();
    let correct: Vec<bool> = all
        .iter()
        .map(|contender| (contender.run)(&once, Digest::whole()) == expected)
        .collect();
    let mut runs: Vec<Box<dyn FnMut()>> = all
        .iter()
        .map(|contender| {
            Box::new(|| {
                black_box((contender.run)(black_box(corpus), Digest::quick()));
            }) as Box<dyn FnMut()>
        })
        .collect();
    let times = measure::interleaved(9, &mut runs);
    let peers_from = FLOORS.len() + OURS.len();
    let best = (peers_from..all.len())
        .filter(|index| correct[*index])
        .map(|index| times[index])
        .min();
    println!("\n{}: {frames} events\n", corpus.name);
    println!("| | GB/s | ns per event | to the fastest correct peer |");
    println!("|---|--:|--:|--:|");
    for (index, contender) in all.iter().enumerate() {
        let ratio = match best {
            Some(best) if index >= FLOORS.len() => {
                format!("{:.2}x", best.as_secs_f64() / times[index].as_secs_f64())
            }
            _ => String::new(),
        };
        let note = if index >= FLOORS.len() && !correct[index] {
            ", other events"
        } else {
            ""
        };
        println!(
            "| {}{note} | {:.2} | {:.1} | {ratio} |",
            contender.name,
            measure::rate(corpus.total(), times[index]),
            measure::each(times[index], frames),
        );
    }
}

/// One event of 64 MiB in chunks of 1,400 bytes, against copying it once: the first, for which
/// the buffer grows, and the second.
fn single() {
    let corpus = Corpus::new("", &corpus::single(64 * MIB), Cut::Every(1400));
    let new = || Parser::with_limits(Limits::default().line(1 << 30).frame(1 << 30));
    let parse = |parser: &mut Parser| {
        for chunk in corpus.chunks() {
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                if let Item::Frame(frame) = item {
                    black_box(frame.data().len());
                }
            }
        }
    };
    let (mut kept, mut buffer) = (new(), Vec::new());
    let times = measure::interleaved(
        7,
        &mut [
            Box::new(|| {
                copy_once(&corpus, black_box(&mut Vec::new()));
            }),
            Box::new(|| parse(&mut new())),
            Box::new(|| {
                copy_once(&corpus, black_box(&mut buffer));
            }),
            Box::new(|| parse(&mut kept)),
        ],
    );
    println!("\none event of 64 MiB, 1,400 B\n");
    println!("| | GB/s | to copying it once |");
    println!("|---|--:|--:|");
    let line = |name: &str, time: Duration, floor: Duration| {
        println!(
            "| {name} | {:.2} | {:.2}x |",
            measure::rate(corpus.bytes.len(), time),
            time.as_secs_f64() / floor.as_secs_f64()
        );
    };
    line("copied once into a new buffer", times[0], times[0]);
    line("qoder-sse, new parser", times[1], times[0]);
    line("copied once into a kept buffer", times[2], times[2]);
    line("qoder-sse, kept parser", times[3], times[2]);
}
