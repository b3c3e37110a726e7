//! The processor time of events and calls over loopback: `cargo xtask bench cost`.

use std::time::Duration;

use bench::measure;
use bench::wire::{CALLS, Child, Contender, STREAMS, Setup, Shape, Tally, server};

/// Few in a turn, and many turns: who of the two is disturbed is then a matter of luck.
const CALLS_EACH: usize = 500;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    if filter == "--serve" {
        server::run().expect("a server");
        return;
    }
    let server = Child::start(&["--serve"]).expect("a server");
    let setup = Setup::new(server.addr);
    let deltas = server::MESSAGES * server::DELTAS;
    for shape in [Shape::Packed, Shape::Apart] {
        println!("\n{deltas} deltas, {}\n", shape.name());
        table("delta", &setup, STREAMS, (shape, 9), deltas, &filter);
    }
    println!("\na call: a session of {} bytes\n", server::SESSION.len());
    table("call", &setup, CALLS, (CALLS_EACH, 99), CALLS_EACH, &filter);
}

fn table<T: Copy>(
    thing: &str,
    setup: &Setup,
    contenders: &[Contender<T>],
    (argument, rounds): (T, usize),
    count: usize,
    filter: &str,
) {
    let contenders: Vec<_> = contenders
        .iter()
        .filter(|contender| contender.name.contains(filter) || thing == filter)
        .collect();
    let tallies: Vec<_> = contenders
        .iter()
        .map(|contender| (contender.run)(setup, argument))
        .collect();
    let readers = contenders.iter().zip(&tallies);
    let readers: Vec<&Tally> = readers
        .filter(|(contender, _)| contender.reads)
        .map(|(_, tally)| tally)
        .collect();
    assert!(
        readers
            .iter()
            .all(|tally| **tally == *readers[0] && tally.count == count),
        "all read the same: {readers:?}"
    );
    let mut runs: Vec<Box<dyn FnMut()>> = contenders
        .iter()
        .map(|contender| {
            Box::new(|| {
                (contender.run)(setup, argument);
            }) as Box<dyn FnMut()>
        })
        .collect();
    let times = measure::interleaved_by(measure::processor, rounds, &mut runs);
    let of = |name: &str| {
        let found = contenders
            .iter()
            .position(|contender| contender.name.starts_with(name));
        found.map(|at| times[at])
    };
    let theirs = of("reqwest,");
    println!("| | µs of the processor for each {thing} | to reqwest |\n|---|--:|--:|");
    for (contender, time) in contenders.iter().zip(&times) {
        let ratio = theirs.map_or(String::new(), |theirs| {
            format!("{:.2}x", time.as_secs_f64() / theirs.as_secs_f64())
        });
        println!(
            "| {} | {} | {ratio} |",
            contender.name,
            micros(*time, count)
        );
    }
}

fn micros(time: Duration, count: usize) -> String {
    format!("{:.3}", measure::each(time, count) / 1e3)
}
