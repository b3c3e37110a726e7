//! The simulation of faults; see `qoder_tests::faults`.

use qoder_tests::faults::{Schedule, run, run_all};

/// Of the schedules that every check runs. `cargo xtask faults` runs as many as one likes.
const SCHEDULES: u64 = 20_000;

#[test]
fn each_event_once_and_in_order_under_any_schedule() {
    if let Err((seed, why)) = run_all(0, SCHEDULES) {
        panic!("seed {seed}: {why}\nreplay it: cargo xtask faults --seed {seed}");
    }
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
