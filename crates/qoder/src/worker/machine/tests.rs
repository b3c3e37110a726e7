//! The rules, one by one.

use super::*;

const SETTINGS: Settings = Settings {
    concurrency: 1,
    lease: Duration::from_secs(30),
    grace: Duration::from_secs(20),
};

fn at(seconds: f64) -> Tick {
    Duration::from_secs_f64(seconds)
}

fn machine() -> Machine {
    Machine::new(SETTINGS, 7)
}

/// Returns the actions until the next wait, and the wait.
fn drain(machine: &mut Machine, now: f64) -> (Vec<Action>, Option<Tick>) {
    let mut actions = Vec::new();
    loop {
        match machine.poll(at(now)) {
            Action::Wait(until) => return (actions, until),
            Action::Done => {
                actions.push(Action::Done);
                return (actions, None);
            }
            action => actions.push(action),
        }
        assert!(actions.len() < 100, "no end of {actions:?}");
    }
}

fn actions(machine: &mut Machine, now: f64) -> Vec<Action> {
    drain(machine, now).0
}

fn beat(last: &str) -> Beat {
    Beat {
        last: last.to_owned(),
        ttl: Duration::from_secs(30),
        extended: true,
        state: BeatState::Active,
    }
}

fn in_state(state: BeatState) -> Beat {
    Beat {
        state,
        ..beat("at stopping")
    }
}

/// A machine whose handler has run since the first second, with a lease of 30 s from then.
fn running() -> (Machine, Slot) {
    let mut machine = machine();
    assert_eq!(actions(&mut machine, 0.0), [Action::Poll]);
    let slot = machine
        .polled(at(1.0), Some("work_1".into()))
        .expect("taken");
    let [Action::Ack { .. }] = actions(&mut machine, 1.0)[..] else {
        panic!("no acknowledgement");
    };
    machine.acked(at(1.0), slot);
    let first = actions(&mut machine, 1.0);
    let [Action::Beat { expected, .. }] = &first[..] else {
        panic!("{first:?}");
    };
    assert_eq!(expected, "NO_HEARTBEAT");
    machine.beaten(at(1.0), slot, beat("b1"));
    assert_eq!(actions(&mut machine, 1.0), [Action::Start { slot }]);
    (machine, slot)
}

fn expected(action: &Action) -> (u64, &str) {
    match action {
        Action::Beat {
            number, expected, ..
        } => (*number, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_handler_starts_after_the_first_heartbeat_and_heartbeats_come_at_thirds_of_the_lease() {
    let (mut machine, slot) = running();
    assert_eq!(drain(&mut machine, 10.9), (vec![], Some(at(11.0))));
    let second = actions(&mut machine, 11.0);
    assert_eq!(expected(&second[0]).1, "b1");
    machine.beaten(at(12.0), slot, beat("b2"));
    // A third of the lease after it was sent.
    assert_eq!(drain(&mut machine, 12.0), (vec![], Some(at(21.0))));
    assert_eq!(expected(&actions(&mut machine, 21.0)[0]).1, "b2");
}

#[test]
fn the_work_of_a_handler_that_ended_is_stopped_and_the_next_is_asked_for() {
    let (mut machine, slot) = running();
    machine.ended(at(5.0), slot);
    let [Action::Stop { number, .. }] = actions(&mut machine, 5.0)[..] else {
        panic!("no stop");
    };
    // It is repeated under its number, and heartbeats go on.
    let delay = machine.failed(at(6.0), slot, WriteKind::Stop, Some(at(4.0)));
    assert_eq!(delay, Some(at(4.0)));
    let again = actions(&mut machine, 10.0);
    assert_eq!(again, [Action::Stop { slot, number }]);
    assert_eq!(expected(&actions(&mut machine, 11.0)[0]).1, "b1");
    machine.stopped(at(11.5), slot);
    let how = Release::Over;
    let next = [Action::Poll, Action::Release { slot, how }];
    assert_eq!(actions(&mut machine, 11.5).len(), next.len());
    // What is answered after that is nobody's.
    machine.beaten(at(11.6), slot, beat("b2"));
    machine.ended(at(11.6), slot);
    assert_eq!(actions(&mut machine, 11.6), []);
}

#[test]
fn a_stop_is_given_up_in_the_end() {
    let (mut machine, slot) = running();
    machine.ended(at(2.0), slot);
    let (mut now, mut stops) = (2.0, 0);
    loop {
        let (todo, until) = drain(&mut machine, now);
        for action in todo {
            match action {
                Action::Stop { .. } => {
                    stops += 1;
                    machine.failed(at(now), slot, WriteKind::Stop, None);
                }
                Action::Beat { .. } => machine.beaten(at(now), slot, beat("b")),
                Action::Release { how, .. } => {
                    assert_eq!((how, stops), (Release::Unstopped, STOPS));
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        // What was just answered may be due at once.
        now = until.map_or(now, |until| until.as_secs_f64().max(now));
    }
}

#[test]
fn a_heartbeat_that_fails_is_repeated_under_its_number_until_the_lease_is_over() {
    let (mut machine, slot) = running();
    let number = expected(&actions(&mut machine, 11.0)[0]).0;
    let mut now = 11.0;
    let mut attempts = 0;
    while let Some(delay) = machine.failed(at(now), slot, WriteKind::Beat, None) {
        assert!(delay <= at(10.0), "{delay:?}");
        now += delay.as_secs_f64();
        if now >= 31.0 {
            break;
        }
        let again = actions(&mut machine, now);
        assert_eq!(expected(&again[0]), (number, "b1"));
        attempts += 1;
    }
    assert!((3..12).contains(&attempts), "{attempts}");
    // By our own clock: thirty seconds after the last one that was accepted was sent.
    assert_eq!(actions(&mut machine, 30.999), []);
    let (why, how) = (CancelReason::LeaseLost, Release::Lost);
    let lost = [Action::Cancel { slot, why }, Action::Release { slot, how }];
    assert_eq!(actions(&mut machine, 31.0), lost);
    // Nothing is sent for it any more, and the next poll has its pace.
    machine.ended(at(31.1), slot);
    assert_eq!(drain(&mut machine, 31.1), (vec![], Some(at(32.0))));
}

#[test]
fn the_lease_counts_from_the_first_attempt_of_the_heartbeat() {
    let (mut machine, slot) = running();
    actions(&mut machine, 11.0);
    // The server may have done it at the first attempt, and repeats its answer now.
    machine.failed(at(21.0), slot, WriteKind::Beat, None);
    actions(&mut machine, 25.0);
    machine.beaten(at(26.0), slot, beat("b2"));
    let next = actions(&mut machine, 26.0);
    assert_eq!(expected(&next[0]).1, "b2");
    assert_eq!(actions(&mut machine, 40.999), []);
    assert_eq!(actions(&mut machine, 41.0).len(), 2);
}

#[test]
fn a_lease_that_the_server_says_is_lost_is_lost() {
    let told: [fn(&mut Machine, Slot); 3] = [
        |machine, slot| machine.refused(at(11.0), slot),
        |machine, slot| machine.beaten(at(11.0), slot, in_state(BeatState::Stopped)),
        |machine, slot| {
            let extended = false;
            let beat = Beat {
                extended,
                ..beat("b2")
            };
            machine.beaten(at(11.0), slot, beat);
        },
    ];
    for tell in told {
        let (mut machine, slot) = running();
        actions(&mut machine, 11.0);
        tell(&mut machine, slot);
        let (why, how) = (CancelReason::LeaseLost, Release::Lost);
        let lost = [Action::Cancel { slot, why }, Action::Release { slot, how }];
        assert_eq!(actions(&mut machine, 11.0), lost);
    }
}

#[test]
fn work_that_another_worker_took_first_is_not_started() {
    for by_heartbeat in [false, true] {
        let mut machine = machine();
        actions(&mut machine, 0.0);
        let slot = machine
            .polled(at(0.5), Some("work_1".into()))
            .expect("taken");
        actions(&mut machine, 0.5);
        if by_heartbeat {
            machine.acked(at(0.6), slot);
            actions(&mut machine, 0.6);
        }
        machine.refused(at(0.6), slot);
        let how = Release::NotTaken;
        let (todo, until) = drain(&mut machine, 0.6);
        assert_eq!(todo, [Action::Release { slot, how }]);
        assert_eq!(until, Some(at(1.6)));
    }
}

#[test]
fn a_handler_that_is_told_to_stop_has_its_grace() {
    for in_time in [false, true] {
        let (mut machine, slot) = running();
        actions(&mut machine, 11.0);
        machine.beaten(at(11.0), slot, in_state(BeatState::Stopping));
        let why = CancelReason::Stopped;
        assert_eq!(actions(&mut machine, 11.0), [Action::Tell { slot, why }]);
        // Once is enough, and the lease is kept.
        assert_eq!(expected(&actions(&mut machine, 21.0)[0]).1, "at stopping");
        machine.beaten(at(21.0), slot, in_state(BeatState::Stopping));
        assert_eq!(actions(&mut machine, 30.9), []);
        if in_time {
            machine.ended(at(30.9), slot);
        } else {
            let late = actions(&mut machine, 31.0);
            assert_eq!(late[0], Action::Cancel { slot, why });
            assert!(matches!(late[1], Action::Stop { .. }), "{late:?}");
            continue;
        }
        let ended = actions(&mut machine, 30.9);
        assert!(matches!(ended[..], [Action::Stop { .. }]), "{ended:?}");
    }
}

#[test]
fn work_that_is_to_stop_before_it_started_is_stopped() {
    let mut machine = machine();
    actions(&mut machine, 0.0);
    let slot = machine
        .polled(at(0.5), Some("work_1".into()))
        .expect("taken");
    machine.acked(at(0.6), slot);
    actions(&mut machine, 0.6);
    machine.acked(at(0.7), slot);
    actions(&mut machine, 0.7);
    machine.beaten(at(0.7), slot, in_state(BeatState::Stopping));
    let stop = actions(&mut machine, 0.7);
    assert!(matches!(stop[..], [Action::Stop { .. }]), "{stop:?}");
}

#[test]
fn no_more_is_held_than_is_to_be_and_no_work_twice() {
    let settings = Settings {
        concurrency: 2,
        ..SETTINGS
    };
    let mut machine = Machine::new(settings, 7);
    assert_eq!(actions(&mut machine, 0.0), [Action::Poll]);
    let first = machine.polled(at(0.1), Some("work_1".into()));
    assert!(first.is_some());
    assert!(actions(&mut machine, 0.1).contains(&Action::Poll));
    // The same again, as a server does that gave it up: no second slot, and no haste.
    assert_eq!(machine.polled(at(0.2), Some("work_1".into())), None);
    assert!(!actions(&mut machine, 0.2).contains(&Action::Poll));
    assert!(actions(&mut machine, 1.1).contains(&Action::Poll));
    assert!(machine.polled(at(1.2), Some("work_2".into())).is_some());
    let full = actions(&mut machine, 5.0);
    assert!(!full.contains(&Action::Poll), "{full:?}");
}

#[test]
fn polls_that_bring_nothing_have_a_pace() {
    let mut machine = machine();
    actions(&mut machine, 0.0);
    machine.polled(at(0.01), None);
    assert_eq!(drain(&mut machine, 0.01), (vec![], Some(at(1.0))));
    assert_eq!(actions(&mut machine, 1.0), [Action::Poll]);
    // Where the server waited, there is no need to.
    machine.polled(at(2.5), None);
    assert_eq!(actions(&mut machine, 2.5), [Action::Poll]);
}

#[test]
fn polls_that_fail_are_backed_off() {
    let mut machine = machine();
    let mut now = 0.0;
    for whole in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
        assert_eq!(actions(&mut machine, now), [Action::Poll]);
        let delay = machine.poll_failed(at(now), None).as_secs_f64();
        assert!((whole / 2.0..=whole).contains(&delay), "{delay} of {whole}");
        now += delay;
    }
    actions(&mut machine, now);
    let hinted = machine.poll_failed(at(now), Some(at(100.0)));
    assert_eq!(hinted, at(100.0));
    actions(&mut machine, now + 100.0);
    let hinted = machine.poll_failed(at(now + 100.0), Some(Duration::MAX));
    assert_eq!(hinted, at(300.0));
    actions(&mut machine, now + 400.0);
    machine.polled(at(now + 400.0), None);
    actions(&mut machine, now + 401.0);
    assert!(machine.poll_failed(at(now + 401.0), None) <= at(0.5));
}

#[test]
fn a_poll_that_is_refused_ends_the_worker_after_its_handlers() {
    let settings = Settings {
        concurrency: 2,
        ..SETTINGS
    };
    let mut machine = Machine::new(settings, 7);
    actions(&mut machine, 0.0);
    let slot = machine
        .polled(at(0.0), Some("work_1".into()))
        .expect("taken");
    actions(&mut machine, 0.0);
    machine.acked(at(0.0), slot);
    actions(&mut machine, 0.0);
    machine.beaten(at(0.0), slot, beat("b1"));
    actions(&mut machine, 0.0);
    machine.poll_refused(at(2.0));
    let why = CancelReason::ShutDown;
    assert_eq!(actions(&mut machine, 2.0), [Action::Tell { slot, why }]);
    machine.ended(at(3.0), slot);
    assert!(matches!(
        actions(&mut machine, 3.0)[..],
        [Action::Stop { .. }]
    ));
    machine.stopped(at(3.1), slot);
    let how = Release::Over;
    let end = [Action::Release { slot, how }, Action::Done];
    assert_eq!(actions(&mut machine, 3.1), end);
    assert_eq!(actions(&mut machine, 99.0), [Action::Done]);
}

#[test]
fn a_shutdown_cancels_after_the_grace_and_takes_nothing_more() {
    let (mut machine, slot) = running();
    machine.shut_down(at(2.0));
    machine.shut_down(at(9.0));
    let why = CancelReason::ShutDown;
    assert_eq!(actions(&mut machine, 9.0), [Action::Tell { slot, why }]);
    actions(&mut machine, 11.0);
    machine.beaten(at(11.0), slot, beat("b2"));
    actions(&mut machine, 21.0);
    let late = actions(&mut machine, 22.0);
    assert_eq!(late[0], Action::Cancel { slot, why });
    machine.stopped(at(22.1), slot);
    assert_eq!(actions(&mut machine, 22.1).last(), Some(&Action::Done));
}

#[test]
fn a_shutdown_leaves_what_was_not_started_to_others() {
    let mut machine = machine();
    actions(&mut machine, 0.0);
    let slot = machine
        .polled(at(0.5), Some("work_1".into()))
        .expect("taken");
    actions(&mut machine, 0.5);
    machine.shut_down(at(0.6));
    let how = Release::NotTaken;
    let end = [Action::Release { slot, how }, Action::Done];
    assert_eq!(actions(&mut machine, 0.6), end);

    // What a poll under way brings is not taken.
    let mut machine = self::machine();
    actions(&mut machine, 0.0);
    machine.shut_down(at(0.1));
    assert_eq!(machine.polled(at(0.2), Some("work_1".into())), None);
    assert_eq!(actions(&mut machine, 0.2), [Action::Done]);
}
