//! The cost of lost connections: `cargo xtask bench recover`.

use std::time::{Duration, Instant};

use bench::measure;
use bench::wire::{Child, sim};
use qoder::types::SessionId;
use qoder::{Client, Notice, Start, Update};

const EVENTS: usize = 1000;
/// Between two cuts.
const FRAMES: usize = 30;
const ROUNDS: usize = 5;

/// The course of following.
struct Run {
    time: Duration,
    connections: usize,
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--serve") {
        sim::run().expect("a simulator");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut server = Child::start(&["--serve"]).expect("a simulator");
    let client = sim::client(&server);
    println!(
        "{EVENTS} events, a cut every {FRAMES} frames, and a server that is up again at once\n"
    );
    println!("| | undisturbed | with cuts | cuts | allowed | |\n|---|--:|--:|--:|--:|---|");
    for (name, pause) in [
        ("all there before", Duration::ZERO),
        ("one every millisecond", Duration::from_millis(1)),
    ] {
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (cuts, runs) in [false, true].into_iter().zip(&mut runs) {
                runs.push(follow(&runtime, &mut server, &client, pause, cuts));
            }
        }
        let [calm, cut] = runs.map(|mut runs| {
            runs.sort_unstable_by_key(|run| run.time);
            runs.swap_remove(runs.len() / 2)
        });
        assert_eq!(calm.connections, 1, "nothing disturbs");
        let cuts = cut.connections - 1;
        assert!(cuts >= EVENTS / FRAMES - 1, "there were {cuts} cuts");
        let allowed = calm.time * 3 + Duration::from_millis(100) * u32::try_from(cuts).unwrap_or(0);
        let verdict = cut.time < allowed;
        println!(
            "| {name} | {} | {} | {cuts} | {} | {} |",
            millis(calm.time),
            millis(cut.time),
            millis(allowed),
            if verdict { "within" } else { "**too slow**" }
        );
    }
    println!(
        "\nallowed: three times the undisturbed time, and 100 ms for each cut; the middle of {ROUNDS} runs"
    );
}

/// Follows a new session to its last event, and sees that each comes once and in order.
fn follow(
    runtime: &tokio::runtime::Runtime,
    server: &mut Child,
    client: &Client,
    pause: Duration,
    cuts: bool,
) -> Run {
    let sessions = runtime.block_on(sim::sessions(client, 1));
    let anchor = sim::publish(server, &sessions, 0, 1, Duration::ZERO).expect("the simulator");
    let plan = format!("stream:cut-frames={FRAMES}*{EVENTS}");
    sim::faults(server, if cuts { &plan } else { "" }).expect("the simulator");
    if pause.is_zero() {
        sim::publish(server, &sessions, 1, EVENTS, pause).expect("the simulator");
    }
    let start = Instant::now();
    let following = runtime.spawn(read(client.clone(), sessions[0].clone(), anchor));
    if !pause.is_zero() {
        sim::publish(server, &sessions, 1, EVENTS, pause).expect("the simulator");
    }
    let connections = runtime.block_on(following).expect("all events");
    let time = start.elapsed();
    sim::faults(server, "").expect("the simulator");
    Run { time, connections }
}

/// The number of connections it took.
async fn read(client: Client, session: SessionId, anchor: String) -> usize {
    let mut updates = client
        .session(session)
        .follow()
        .from(Start::After(anchor.into()))
        .updates();
    let (mut seen, mut connections) = (0, 0);
    while seen < EVENTS {
        match updates.next().await.expect("an update").expect("no error") {
            Update::Event(event) => {
                seen += 1;
                assert_eq!(sim::number(&event), Some(seen), "each once, and in order");
            }
            Update::Notice(Notice::Live) => connections += 1,
            _ => {}
        }
    }
    connections
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", measure::each(time, 1) / 1e6)
}
