//! Tools and approvals under faults, in simulated time.

use qoder_tests::tools::run;

#[test]
fn schedules() {
    for seed in 0..3000 {
        if let Err(why) = run(seed) {
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn all_of_a_run_is_in_its_seed() {
    for seed in 0..300 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
