//! The simulation of faults; see `qoder_tests::faults`.

use qoder_tests::faults::{PATIENCE, Schedule, run, run_all};

/// Of the schedules that every check runs. `cargo xtask faults` runs as many as one likes.
const SCHEDULES: u64 = 20_000;

#[test]
fn each_event_once_and_in_order_under_any_schedule() {
    if let Err((seed, why)) = run_all(0, SCHEDULES, PATIENCE) {
        panic!("seed {seed}: {why}\nreplay it: cargo xtask faults --seed {seed}");
    }
}

#[test]
fn a_future_may_be_dropped_at_every_poll() {
    let (mut followed, mut turns) = (0, 0);
    for seed in 0..60 {
        let whole = match run(Schedule::drop_at(seed, usize::MAX), false) {
            Ok(report) => report,
            Err(why) => panic!("seed {seed}: {why}"),
        };
        if whole.polls > 150 {
            continue;
        }
        for poll in 1..=whole.polls {
            if let Err(why) = run(Schedule::drop_at(seed, poll), false) {
                panic!("seed {seed}, dropped at poll {poll}: {why}");
            }
        }
        if whole.turns > 0 {
            turns += whole.polls;
        } else {
            followed += whole.polls;
        }
    }
    assert!(
        followed > 300 && turns > 100,
        "{followed} and {turns} polls"
    );
}

#[test]
fn connections_may_be_cut_at_every_byte() {
    for clean in [false, true] {
        for at in 0..2000 {
            if let Err(why) = run(Schedule::cut_everywhere(at, clean), false) {
                panic!("cut at {at}, clean: {clean}: {why}");
            }
        }
    }
}

#[test]
fn a_run_is_all_in_its_seed() {
    // Turns, whose messages are calls with retries of their own, are a fifth of them.
    for seed in 0..1000 {
        let report = || run(Schedule::new(seed), false).expect("a run");
        assert_eq!(report(), report(), "seed {seed}");
    }
}
