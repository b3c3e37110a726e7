//! Many followers in one process: `cargo xtask bench load`.

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bench::measure;
use bench::wire::sim::Speech;
use bench::wire::{Child, sim};
use cap::Cap;
use qoder::types::SessionId;
use qoder::{Client, Notice, Start, Update};
use tokio::runtime::Runtime;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const EVENTS: usize = 100;
const FOLLOWERS: [usize; 4] = [200, 600, 2000, 10_000];
/// So many followers tell what one of them holds.
const WAITING: usize = 2000;
/// The middle one counts.
const ROUNDS: usize = 3;
/// Followers of one session.
const SHARED: usize = 10;
/// Connections that are made at once: more than a server's queue has room for would wait for a
/// second.
const AT_ONCE: usize = 100;

/// What a follower may have on the heap while it waits.
fn limit(speech: Speech) -> usize {
    match speech {
        Speech::Plain => 24 << 10,
        Speech::Tls => 64 << 10,
        Speech::Http2 => 12 << 10,
    }
}

/// What so many followers cost.
struct Cost {
    followers: usize,
    /// Bytes on the heap of one that waits.
    heap: usize,
    processor: Duration,
    /// The part of it in the kernel.
    kernel: Duration,
    time: Duration,
}

/// What all followers have, and who waits for it.
struct Progress {
    live: AtomicUsize,
    events: AtomicUsize,
    followers: usize,
    waiter: Thread,
}

impl Progress {
    /// Another event was handed over. The last of a round is told.
    fn event(&self) {
        let before = self.events.fetch_add(1, Ordering::Release);
        if (before + 1) % self.followers == 0 {
            self.waiter.unpark();
        }
    }

    /// Waits until each follower has so many events.
    fn wait(&self, events: usize) {
        while self.events.load(Ordering::Acquire) < events * self.followers {
            thread::park();
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve"] => sim::run().expect("a simulator"),
        // In a process of its own, so that no run has to do with what another one left.
        ["--one", speech, followers] => {
            let speech = Speech::of(speech).expect("a way to speak");
            let cost = run(speech, followers.parse().expect("a number"));
            println!(
                "{} {} {} {}",
                cost.heap,
                cost.processor.as_nanos(),
                cost.kernel.as_nanos(),
                cost.time.as_nanos()
            );
        }
        _ => report(),
    }
}

fn report() {
    println!(
        "each follower gets {EVENTS} events, over a connection of its own, in one process; the next one is published when all have the one before\n"
    );
    println!(
        "| followers | events lost or repeated | heap of an idle one | µs of the processor for each event | of it in the kernel | events a second |"
    );
    println!("|--:|--:|--:|--:|--:|--:|");
    let mut runs = FOLLOWERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (followers, runs) in FOLLOWERS.into_iter().zip(&mut runs) {
            runs.push(one(Speech::Plain, followers));
        }
    }
    let costs = runs.map(|mut runs| {
        runs.sort_unstable_by_key(|run| run.processor);
        let cost = runs.swap_remove(ROUNDS / 2);
        let followers = cost.followers;
        let events = followers * EVENTS;
        println!(
            "| {followers} | none | {:.1} KiB | {:.2} | {:.2} | {:.0} |",
            cost.heap as f64 / 1024.0,
            measure::each(cost.processor, events) / 1e3,
            measure::each(cost.kernel, events) / 1e3,
            events as f64 / cost.time.as_secs_f64(),
        );
        cost
    });
    let few = &costs[0];
    for many in &costs[1..] {
        let growth = |of: fn(&Cost) -> f64| {
            of(many) / of(few) / (many.followers as f64 / few.followers as f64)
        };
        println!(
            "\nfrom {} to {} followers, for each: {:.2}x the heap, {:.2}x the processor's time",
            few.followers,
            many.followers,
            growth(|cost| (cost.heap * cost.followers) as f64),
            growth(|cost| cost.processor.as_secs_f64()),
        );
    }
    println!("\n{WAITING} followers that wait\n");
    println!("| connections | heap of each | limit | |\n|---|--:|--:|---|");
    for speech in Speech::ALL {
        let (heap, limit) = (one(speech, WAITING).heap, limit(speech));
        println!(
            "| {} | {:.1} KiB | {} KiB | {} |",
            speech.name(),
            heap as f64 / 1024.0,
            limit >> 10,
            if heap <= limit {
                "within"
            } else {
                "**too much**"
            }
        );
    }
}

/// What so many followers cost, in a process of their own.
fn one(speech: Speech, followers: usize) -> Cost {
    let said = Child::output(&["--one", speech.word(), &followers.to_string()]).expect("followers");
    let numbers: Vec<u64> = said
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    Cost {
        followers,
        heap: usize::try_from(numbers[0]).expect("a number of bytes"),
        processor: Duration::from_nanos(numbers[1]),
        kernel: Duration::from_nanos(numbers[2]),
        time: Duration::from_nanos(numbers[3]),
    }
}

/// Followers that wait, and then all get their events: each event in a read of its own, however many
/// followers there are, or few of them would get several at once.
fn run(speech: Speech, followers: usize) -> Cost {
    sim::open_files();
    let runtime = Runtime::new().expect("a runtime");
    let mut server = Child::start(&["--serve"]).expect("a simulator");
    let client = sim::speaking(speech, &mut server).expect("a client");
    let sessions = runtime.block_on(sim::sessions(&client, followers / SHARED));
    let anchors: Vec<String> = sessions
        .iter()
        .map(|session| {
            let session = std::slice::from_ref(session);
            sim::publish(&mut server, session, 0, 1, Duration::ZERO).expect("the simulator")
        })
        .collect();
    let progress = Arc::new(Progress {
        live: AtomicUsize::new(0),
        events: AtomicUsize::new(0),
        followers,
        waiter: thread::current(),
    });
    let mut tasks = Vec::with_capacity(followers);
    let before = MEMORY.allocated();
    while tasks.len() < followers {
        for _ in 0..AT_ONCE {
            let which = tasks.len() / SHARED;
            let (session, anchor) = (sessions[which].clone(), anchors[which].clone());
            let following = follow(client.clone(), session, anchor, Arc::clone(&progress));
            tasks.push(runtime.spawn(following));
        }
        while progress.live.load(Ordering::Acquire) < tasks.len() {
            thread::sleep(Duration::from_millis(5));
        }
    }
    // Until what was needed for connecting is gone.
    thread::sleep(Duration::from_millis(300));
    let heap = MEMORY.allocated().saturating_sub(before) / followers;
    let (start, used, kernel) = (Instant::now(), measure::processor(), measure::kernel());
    for event in 1..=EVENTS {
        sim::publish(&mut server, &sessions, event, 1, Duration::ZERO).expect("the simulator");
        progress.wait(event);
    }
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("all events");
        }
    });
    Cost {
        followers,
        heap,
        processor: measure::processor().saturating_sub(used),
        kernel: measure::kernel().saturating_sub(kernel),
        time: start.elapsed(),
    }
}

/// Follows to the last event, and sees that each comes once and in order.
async fn follow(client: Client, session: SessionId, anchor: String, progress: Arc<Progress>) {
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
                progress.event();
            }
            Update::Notice(Notice::Live) => {
                progress.live.fetch_add(1, Ordering::Release);
            }
            _ => {}
        }
    }
}
