//! Looks at the list beside a connection: what holds a stream back is noticed.

use std::time::Duration;

use crate::log::{Log, UNAVAILABLE, connect, connects, drain, lists, next_actions, secs, then};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Cause, Ending, ListFrom, Notice, Outcome, Policy, Polling, Refusal, Resume, Start,
    State,
};

const AUTO: Polling = Polling::Auto;

/// A machine that is live since second 0, after `e0`.
fn live(polling: Polling) -> Resume<Log> {
    crate::log::live(Policy::default().polling(polling))
}

fn lost(actions: &[Action], cause: Cause) -> bool {
    actions.contains(&Action::Notice(Notice::Lost(cause)))
}

#[test]
fn a_quiet_connection_is_compared_once_and_again_at_the_idle_limit() {
    let mut resume = live(AUTO);
    let mut now = secs(0);
    assert_eq!(
        then(&mut resume, &mut now),
        [Action::List(ListFrom::Cursor)]
    );
    assert_eq!((now, resume.state()), (secs(5), State::Looking));
    assert!(resume.reads() && resume.lists());
    resume.list_done(now);
    assert_eq!(resume.state(), State::Live);
    // Nothing is missing, and comments are life: not one list more.
    for minute in 1..100 {
        now = secs(minute * 59);
        resume.tick(now);
        resume.bytes(now, b":\n");
        assert_eq!(drain(&mut resume, now).0, []);
    }
    let heard = now;
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!(now, heard.saturating_add(secs(60)));
    resume.list_done(now);
    assert!(lost(&drain(&mut resume, now).0, Cause::Idle));
}

#[test]
fn what_the_list_knows_and_the_stream_does_not_bring_is_held_back_and_twice_is_polled() {
    let mut resume = live(AUTO);
    let mut now = secs(0);
    for (round, id) in ["e1", "e2"].into_iter().enumerate() {
        assert!(lists(&then(&mut resume, &mut now)));
        assert!(resume.listed(Some(id), Class::Durable));
        resume.list_done(now);
        assert_eq!(resume.state(), State::Live, "it may be a moment behind");
        let found = now;
        let actions = then(&mut resume, &mut now);
        assert!(lost(&actions, Cause::HeldBack), "{actions:?}");
        assert_eq!(now, found.saturating_add(secs(2)));
        let actions = next_actions(&mut resume, &mut now);
        if round == 0 {
            assert!(connects(&actions), "{actions:?}");
            resume.opened(now);
            drain(&mut resume, now);
        } else {
            assert!(actions.contains(&Action::Notice(Notice::Polling)));
        }
    }
    assert!(now < secs(15), "{now:?}");
}

#[test]
fn a_stream_that_brings_it_within_the_lag_is_not_held_back_and_is_looked_at_again() {
    let mut resume = live(AUTO);
    let mut now = secs(0);
    then(&mut resume, &mut now);
    resume.listed(Some("e1"), Class::Durable);
    resume.list_done(now);
    drain(&mut resume, now);
    resume.bytes(secs(6), b"id: e1\ndata: 1\n\n");
    now = secs(6);
    // A part came through. Whether all of it does is not said by that.
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!((now, resume.state()), (secs(11), State::Looking));
    resume.list_done(now);
    now = secs(12);
    resume.tick(now);
    assert_eq!(drain(&mut resume, now).1, Action::Wait(Some(secs(66))));
}

#[test]
fn a_look_that_the_stream_leaves_behind_is_over() {
    let mut resume = live(AUTO);
    let mut now = secs(0);
    assert!(lists(&then(&mut resume, &mut now)));
    for n in 1..=512 {
        assert!(resume.lists(), "e1 is remembered still, before e{n}");
        let text = format!("id: e{n}\ndata: {n}\n\n");
        assert!(resume.bytes(now, text.as_bytes()).delivery.is_some());
    }
    assert!(!resume.listed(Some("e1"), Class::Durable));
    resume.bytes(now, b"id: e513\ndata: 513\n\n");
    // What the list has next is not told from what is new any more.
    assert!(!resume.lists() && resume.reads());
    assert!(!resume.listed(Some("e2"), Class::Durable));
    assert_eq!(resume.state(), State::Live);
}

#[test]
fn entries_put_the_look_off_until_one_shows_nothing_missing() {
    for text in ["id: e1\ndata: 1\n\n", "data: p\n\n"] {
        let mut resume = live(AUTO);
        resume.bytes(secs(4), text.as_bytes());
        let mut now = secs(4);
        assert!(lists(&then(&mut resume, &mut now)), "{text:?}");
        assert_eq!(now, secs(9), "{text:?}");
        resume.list_done(now);
        resume.bytes(secs(10), b"id: e2\ndata: 2\n\n");
        assert_eq!(drain(&mut resume, now).1, Action::Wait(Some(secs(70))));
    }
}

#[test]
fn a_connection_that_is_not_answered_is_looked_at_too() {
    let policy = Policy::default().polling(AUTO);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let mut now = secs(0);
    connect(&mut resume, now);
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!((now, resume.state()), (secs(5), State::Asking));
    // Nothing is missing: it is waited for on, and looked at again.
    resume.list_done(now);
    assert_eq!(resume.state(), State::Connecting);
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!(now, secs(10));
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_done(now);
    let actions = drain(&mut resume, now).0;
    assert_eq!(actions[0], Action::Release, "it is given up");
    assert!(lost(&actions, Cause::HeldBack));
    // The next one begins behind what the list gave.
    assert!(connects(&next_actions(&mut resume, &mut now)));
    assert_eq!(resume.cursor(), Some("e1"));
    // One that is answered in the midst of a look which gave something is too late.
    now = now.saturating_add(secs(5));
    resume.tick(now);
    drain(&mut resume, now);
    resume.listed(Some("e2"), Class::Durable);
    resume.opened(now);
    assert!(lost(&drain(&mut resume, now).0, Cause::HeldBack));
}

#[test]
fn the_last_entry_ends_it_once_wherever_it_is_listed() {
    for opened in [true, false] {
        let policy = Policy::default().polling(AUTO);
        let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
        let mut now = secs(0);
        connect(&mut resume, now);
        if opened {
            resume.opened(now);
            drain(&mut resume, now);
        }
        assert!(lists(&then(&mut resume, &mut now)));
        assert!(resume.listed(Some("e1"), Class::Final));
        let done = Action::Done(Outcome::Final);
        assert_eq!(drain(&mut resume, now), (vec![Action::Release], done));
    }
}

#[test]
fn what_a_refused_look_asks_to_wait_is_heeded() {
    let mut resume = live(AUTO);
    let mut now = secs(0);
    then(&mut resume, &mut now);
    let hint = Refusal {
        retry_after: Some(secs(30)),
        ..UNAVAILABLE
    };
    resume.list_failed(now, hint);
    assert_eq!(resume.state(), State::Live, "the stream is not to blame");
    resume.ended(secs(6), Ending::Clean);
    let actions = drain(&mut resume, secs(6));
    assert_eq!(actions.1, Action::Wait(Some(secs(35))), "no request before");
}

#[test]
fn a_request_that_was_put_off_is_not_made_when_its_connection_is_gone() {
    let policy = Policy::default().polling(AUTO);
    let mut resume = Resume::new(Start::Beginning, policy, 7, Log);
    let mut now = secs(0);
    drain(&mut resume, now);
    resume.list_done(now);
    connect(&mut resume, now);
    assert!(lists(&then(&mut resume, &mut now)));
    let hint = Refusal {
        retry_after: Some(secs(30)),
        ..UNAVAILABLE
    };
    resume.list_failed(now, hint);
    // It is open at last, and parked. The list that it needs has to wait.
    resume.opened(now);
    assert_eq!(drain(&mut resume, now).1, Action::Wait(Some(secs(35))));
    assert_eq!((resume.state(), resume.lists()), (State::Parked, false));
    resume.ended(secs(6), Ending::Broken);
    let actions = drain(&mut resume, secs(6)).0;
    assert!(actions.contains(&Action::Release), "at once: {actions:?}");
    now = secs(6);
    let actions = next_actions(&mut resume, &mut now);
    assert!(connects(&actions) && !lists(&actions), "{actions:?}");
    assert_eq!(now, secs(35));
}

#[test]
fn a_connection_that_was_put_off_is_not_looked_at_before_it_is_asked_for() {
    let policy = Policy::default().polling(AUTO).remembered(0);
    let mut resume = Resume::new(Start::Beginning, policy, 7, Log);
    let mut now = secs(0);
    drain(&mut resume, now);
    resume.list_done(now);
    connect(&mut resume, now);
    then(&mut resume, &mut now);
    let hint = Refusal {
        retry_after: Some(secs(30)),
        ..UNAVAILABLE
    };
    resume.list_failed(now, hint);
    let rejected = crate::log::UNAVAILABLE;
    resume.refused(now, rejected);
    let actions = next_actions(&mut resume, &mut now);
    assert!(matches!(
        actions[..],
        [Action::Notice(Notice::Waiting { .. })]
    ));
    let actions = next_actions(&mut resume, &mut now);
    assert!(connects(&actions) && !lists(&actions), "{actions:?}");
    let asked = now;
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!(now, asked.saturating_add(secs(5)));
}

#[test]
fn without_polling_nothing_is_looked_at() {
    let mut resume = live(Polling::Never);
    let mut now = secs(0);
    let actions = then(&mut resume, &mut now);
    assert_eq!(now, secs(60));
    assert!(lost(&actions, Cause::Idle) && !lists(&actions));
}

#[test]
fn a_bare_stream_is_looked_at_once_even_without_polling() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    let mut now = secs(0);
    drain(&mut resume, now);
    resume.list_done(now);
    connect(&mut resume, now);
    resume.opened(now);
    drain(&mut resume, now);
    resume.list_done(now);
    drain(&mut resume, now);
    assert!(lists(&then(&mut resume, &mut now)));
    assert_eq!(now, secs(5));
    // What was published as it was attached is on no stream.
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_done(now);
    let actions = then(&mut resume, &mut now);
    assert!(lost(&actions, Cause::HeldBack), "{actions:?}");
    while !connects(&next_actions(&mut resume, &mut now)) {}
    assert_eq!(resume.cursor(), Some("e1"));
}

#[test]
fn looks_have_a_floor() {
    let zero = Duration::ZERO;
    let policy = Policy::default().polling(AUTO).look(zero, zero);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let mut now = secs(0);
    connect(&mut resume, now);
    let mut looks = 0;
    while now < secs(10) {
        if lists(&then(&mut resume, &mut now)) {
            looks += 1;
            resume.list_done(now);
        }
    }
    assert!(looks <= 100, "{looks}");
}

/// Follows silent connections or failed ones until it polls.
fn until_it_polls(polling: Polling, opens: bool) -> (Duration, u32) {
    let policy = Policy::default().polling(polling);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let (mut now, mut connections) = (secs(0), 0);
    loop {
        match resume.poll(now) {
            Action::Connect { .. } => {
                connections += 1;
                if opens {
                    resume.opened(now);
                } else {
                    resume.failed(now);
                }
            }
            Action::List(_) if resume.state() == State::Filling => return (now, connections),
            Action::List(_) => resume.list_unreachable(now),
            Action::Wait(Some(due)) => {
                now = due;
                resume.tick(now);
            }
            Action::Done(outcome) => panic!("{outcome:?} at {now:?}"),
            _ => {}
        }
    }
}

#[test]
fn it_falls_back_before_it_gives_up() {
    let (_, connections) = until_it_polls(AUTO, false);
    assert_eq!(connections, 5);
    let (now, _) = until_it_polls(Polling::After(5), true);
    assert!(now > secs(300) && now < secs(420), "{now:?}");
    let (_, connections) = until_it_polls(Polling::After(40), false);
    assert_eq!(connections, 30, "the budget is spent, and renewed");
}
