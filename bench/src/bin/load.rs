//! Many followers in one process: `cargo xtask bench load`.

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::measure;
use bench::wire::{Child, sim};
use cap::Cap;
use qoder::types::SessionId;
use qoder::{Client, Notice, Start, Update};
use tokio::runtime::Runtime;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const EVENTS: usize = 200;
const FOLLOWERS: [usize; 3] = [200, 600, 2000];
/// The middle one counts.
const ROUNDS: usize = 5;
/// Followers of one session.
const SHARED: usize = 10;
/// What an idle follower may have on the heap.
const HEAP: usize = 64 << 10;
/// Connections that are made at once: more than a server's queue has room for would wait for a
/// second.
const AT_ONCE: usize = 100;

/// What so many followers cost.
struct Cost {
    followers: usize,
    /// Bytes on the heap of one that waits.
    heap: usize,
    processor: Duration,
    time: Duration,
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--serve") {
        sim::run().expect("a simulator");
        return;
    }
    sim::open_files();
    println!("each follower gets {EVENTS} events, over a connection of its own, in one process\n");
    println!(
        "| followers | events lost or repeated | heap of an idle one | µs of the processor for each event | events a second |"
    );
    println!("|--:|--:|--:|--:|--:|");
    let mut runs = FOLLOWERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (followers, runs) in FOLLOWERS.into_iter().zip(&mut runs) {
            runs.push(run(followers));
        }
    }
    let costs = runs.map(|mut runs| {
        runs.sort_unstable_by_key(|run| run.processor);
        let cost = runs.swap_remove(ROUNDS / 2);
        let followers = cost.followers;
        let events = followers * EVENTS;
        println!(
            "| {followers} | none | {:.1} KiB | {:.2} | {:.0} |",
            cost.heap as f64 / 1024.0,
            measure::each(cost.processor, events) / 1e3,
            events as f64 / cost.time.as_secs_f64(),
        );
        cost
    });
    let (few, many) = (&costs[0], &costs[FOLLOWERS.len() - 1]);
    let growth =
        |of: fn(&Cost) -> f64| of(many) / of(few) / (many.followers as f64 / few.followers as f64);
    println!(
        "\nfrom {} to {} followers, against ten times as much: {:.2}x the heap, {:.2}x the processor's time",
        few.followers,
        many.followers,
        growth(|cost| (cost.heap * cost.followers) as f64),
        growth(|cost| cost.processor.as_secs_f64()),
    );
    println!(
        "\nan idle follower may have {} KiB on the heap: {}",
        HEAP >> 10,
        if costs.iter().all(|cost| cost.heap < HEAP) {
            "within"
        } else {
            "**too much**"
        }
    );
}

/// Followers that wait, and then all get their events.
fn run(followers: usize) -> Cost {
    let runtime = Runtime::new().expect("a runtime");
    let mut server = Child::start(&["--serve"]).expect("a simulator");
    let client = sim::client(&server);
    let sessions = runtime.block_on(sim::sessions(&client, followers / SHARED));
    let anchors: Vec<String> = sessions
        .iter()
        .map(|session| {
            let session = std::slice::from_ref(session);
            sim::publish(&mut server, session, 0, 1, Duration::ZERO).expect("the simulator")
        })
        .collect();
    let live = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(followers);
    let before = MEMORY.allocated();
    while tasks.len() < followers {
        for _ in 0..AT_ONCE {
            let which = tasks.len() / SHARED;
            let (session, anchor) = (sessions[which].clone(), anchors[which].clone());
            let following = follow(client.clone(), session, anchor, Arc::clone(&live));
            tasks.push(runtime.spawn(following));
        }
        while live.load(Ordering::Acquire) < tasks.len() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // Until what was needed for connecting is gone.
    std::thread::sleep(Duration::from_millis(300));
    let heap = MEMORY.allocated().saturating_sub(before) / followers;
    let (start, used) = (Instant::now(), measure::processor());
    sim::publish(&mut server, &sessions, 1, EVENTS, Duration::ZERO).expect("the simulator");
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("all events");
        }
    });
    Cost {
        followers,
        heap,
        processor: measure::processor().saturating_sub(used),
        time: start.elapsed(),
    }
}

/// Follows to the last event, and sees that each comes once and in order.
async fn follow(client: Client, session: SessionId, anchor: String, live: Arc<AtomicUsize>) {
    let mut updates = client
        .session(session)
        .follow()
        .from(Start::After(anchor.into()))
        .updates();
    let mut seen = 0;
    while seen < EVENTS {
        match updates.next().await.expect("an update").expect("no error") {
            Update::Event(event) => {
                seen += 1;
                assert_eq!(sim::number(&event), Some(seen), "each once, and in order");
            }
            Update::Notice(Notice::Live) => {
                live.fetch_add(1, Ordering::Release);
            }
            _ => {}
        }
    }
}
