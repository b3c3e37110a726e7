//! The cost of a client before its first call, with TLS by ring and the system's roots:
//! `cargo xtask bench client`.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use bench::measure;

const CLIENTS: usize = 20;
const ROUNDS: usize = 15;

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
    if let Some(which) = std::env::args().nth(1) {
        let which: usize = which.parse().expect("a maker's number");
        let start = measure::processor();
        MAKERS[which].1();
        println!("{}", measure::processor().saturating_sub(start).as_nanos());
        return;
    }
    let mut firsts = MAKERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (which, firsts) in firsts.iter_mut().enumerate() {
            firsts.push(first(which));
        }
    }
    let first = firsts.map(measure::middle);
    let mut runs = MAKERS
        .map(|(_, make)| Box::new(move || (0..CLIENTS).for_each(|_| make())) as Box<dyn FnMut()>);
    let others = measure::interleaved_by(measure::processor, 9, &mut runs);
    println!("| made by | first, µs | to reqwest | each other, µs | to reqwest |");
    println!("|---|--:|--:|--:|--:|");
    for ((name, _), (one, all)) in MAKERS.iter().zip(first.iter().zip(&others)) {
        println!(
            "| {name} | {:.0} | {:.2}x | {:.0} | {:.2}x |",
            micros(*one),
            one.as_secs_f64() / first[1].as_secs_f64(),
            micros(*all) / CLIENTS as f64,
            all.as_secs_f64() / others[1].as_secs_f64(),
        );
    }
}

/// The first client of a process: what it reads, and the memory that it touches, are there for each
/// other one.
fn first(which: usize) -> Duration {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program);
    let output = child.arg(which.to_string()).output().expect("a process");
    let nanos = String::from_utf8_lossy(&output.stdout);
    Duration::from_nanos(nanos.trim().parse().expect("a time"))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
