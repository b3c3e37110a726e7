//! The memory that events and calls over loopback need: `cargo xtask bench footprint`.

use std::alloc::System;

use bench::wire::{CALLS, Child, Contender, STREAMS, Setup, Shape, server};
use cap::Cap;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: Cap<&StatsAlloc<System>> = Cap::new(&INSTRUMENTED_SYSTEM, usize::MAX);

const CALLS_EACH: usize = 200;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve"] => server::run().expect("a server"),
        // One contender in a process of its own, since a peak is that of a process.
        ["--one", server, kind, number] => {
            let setup = Setup::new(server.parse().expect("an address"));
            let number: usize = number.parse().expect("a number");
            match kind {
                "stream" => one(&setup, &STREAMS[number], Shape::Packed),
                _ => one(&setup, &CALLS[number], CALLS_EACH),
            }
        }
        _ => report(),
    }
}

fn report() {
    let server = Child::start(&["--serve"]).expect("a server");
    let deltas = server::MESSAGES * server::DELTAS;
    println!("| | for each | allocations | most on the heap |\n|---|---|--:|--:|");
    let rows = |kind: &str, thing: &str, names: Vec<&str>, count: usize| {
        for (number, name) in names.iter().enumerate() {
            let said =
                Child::output(&["--one", &server.addr.to_string(), kind, &number.to_string()])
                    .expect("a contender");
            let numbers: Vec<usize> = said
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect();
            println!(
                "| {name} | {thing} | {:.2} | {} KiB |",
                numbers[0] as f64 / count as f64,
                numbers[1] >> 10
            );
        }
    };
    let readers = STREAMS.iter().filter(|contender| contender.reads);
    rows(
        "stream",
        "delta",
        readers.map(|contender| contender.name).collect(),
        deltas,
    );
    rows(
        "call",
        "call",
        CALLS.iter().map(|contender| contender.name).collect(),
        CALLS_EACH,
    );
}

/// The allocations after warming up, and the most that was on the heap at a time.
fn one<T: Copy>(setup: &Setup, contender: &Contender<T>, argument: T) {
    (contender.run)(setup, argument);
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    (contender.run)(setup, argument);
    let change = region.change();
    println!(
        "{} {}",
        change.allocations + change.reallocations,
        MEMORY.max_allocated()
    );
}
