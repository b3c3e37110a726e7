//! Tools and approvals under faults, in simulated time.

use std::ops::Range;

use qoder_tests::tools::run;

fn hold(seeds: Range<u64>) {
    for seed in seeds {
        if let Err(why) = run(seed) {
            panic!("seed {seed}: {why}");
        }
    }
}

/// These are what mutants have to survive.
#[test]
fn the_first_schedules() {
    hold(0..600);
}

#[test]
fn schedules() {
    hold(600..3000);
}

#[test]
fn all_of_a_run_is_in_its_seed() {
    for seed in 0..300 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
