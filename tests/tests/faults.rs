//! The simulation of faults; see `qoder_tests::faults`.

use std::time::Duration;

use qoder_sse::resume::{On, moves_taken};
use qoder_tests::faults::{PATIENCE, Schedule, run, run_all};

/// Of the schedules that every check runs. `cargo xtask faults` runs as many as one likes.
const SCHEDULES: u64 = 20_000;

#[test]
fn each_event_once_and_in_order_under_any_schedule() {
    let total = match run_all(0, SCHEDULES, PATIENCE) {
        Ok(total) => total,
        Err((seed, why)) => {
            panic!("seed {seed}: {why}\nreplay it: cargo xtask faults --seed {seed}")
        }
    };
    assert!(total.answers > 500, "{} answers", total.answers);
    for (n, schedule) in Schedule::rare().into_iter().enumerate() {
        if let Err(why) = run(schedule, false) {
            panic!("rare schedule {n}: {why}");
        }
    }
    // What was never done was not tested. Sessions are never attached to without a list.
    let rows = moves_taken().into_iter();
    let mut never = rows.filter(|(taken, count)| *count == 0 && taken.on != On::StartAttach);
    let never: Vec<_> = never.by_ref().map(|(taken, _)| taken).collect();
    assert!(never.is_empty(), "rows of the table never taken: {never:?}");
}

#[test]
fn a_bad_line_costs_a_moment_a_cut() {
    for seed in 0..20 {
        for previews in [false, true] {
            for frames in [1, 8, 60] {
                let schedule = Schedule::over_a_bad_line(seed, frames, previews);
                let last = schedule.last_event();
                let report = run(schedule, false).expect("a run");
                // A wait of up to 100 ms, and up to 400 ms until the stream is there again. Where
                // the cut comes before anything new, waits are longer, as they should be.
                let cuts = u32::try_from(report.connections).expect("few");
                let fair = last + Duration::from_millis(500) * cuts + Duration::from_secs(20);
                assert!(
                    report.took <= fair,
                    "seed {seed}, at most {frames} frames, previews: {previews}: {:?} for {cuts} cuts",
                    report.took
                );
            }
        }
    }
}

#[test]
fn what_is_held_back_comes_within_seconds() {
    for seed in 0..50 {
        for events in [2, 20, 300] {
            let schedule = Schedule::held_back(seed, events);
            let last = schedule.last_event();
            let report = run(schedule, false).expect("a run");
            let late = report.took.saturating_sub(last);
            // Looked at after 5 s, polled after 5 + 2 + 5 + 2 s, every two seconds.
            let fair = Duration::from_secs(15);
            assert!(late <= fair, "seed {seed}, {events} events: {late:?}");
        }
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
