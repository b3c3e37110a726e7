//! The cost of a client before its first call, with TLS by ring and the system's roots:
//! `cargo xtask bench client`.

use std::hint::black_box;
use std::time::Duration;

use bench::measure;

const CLIENTS: usize = 20;

type Make = (&'static str, fn());

const MAKERS: [Make; 2] = [
    ("qoder, `Client::builder().build()`", || {
        let client = qoder::Client::builder().token("pt-a-token").build();
        drop(black_box(client.expect("a client")));
    }),
    ("reqwest, `Client::builder().build()`", || {
        let client = reqwest::Client::builder().build();
        drop(black_box(client.expect("a client")));
    }),
];

fn main() {
    let first = MAKERS.map(|(_, make)| {
        let start = measure::processor();
        make();
        measure::processor().saturating_sub(start)
    });
    let mut runs = MAKERS
        .map(|(_, make)| Box::new(move || (0..CLIENTS).for_each(|_| make())) as Box<dyn FnMut()>);
    let others = measure::interleaved_by(measure::processor, 9, &mut runs);
    println!("| made by | first, µs | each other, µs | to reqwest |");
    println!("|---|--:|--:|--:|");
    for ((name, _), (first, all)) in MAKERS.iter().zip(first.iter().zip(&others)) {
        println!(
            "| {name} | {:.0} | {:.0} | {:.2}x |",
            micros(*first),
            micros(*all) / CLIENTS as f64,
            all.as_secs_f64() / others[1].as_secs_f64(),
        );
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
