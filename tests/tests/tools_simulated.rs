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
