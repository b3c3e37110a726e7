//! Lists: those that are behind, in pages, without ids, without an end.

use std::time::Duration;

use crate::log::{
    Log, REJECTED, UNAVAILABLE, connect, connects, drain, lists, live, next_actions, secs, then,
};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Cause, Ending, ListFrom, Notice, Outcome, Policy, Polling, Resume, Start, State,
};

/// A machine whose log was empty, parked on its first connection, with a list under way.
fn parked(policy: Policy) -> Resume<Log> {
    let mut resume = Resume::new(Start::Beginning, policy, 7, Log);
    drain(&mut resume, secs(0));
    resume.list_done(secs(0));
    assert!(!connect(&mut resume, secs(0)));
    resume.opened(secs(0));
    assert!(lists(&drain(&mut resume, secs(0)).0));
    assert_eq!(resume.state(), State::Parked);
    resume
}

/// A machine that reads a stream which was attached without a cursor.
fn bare() -> Resume<Log> {
    let mut resume = parked(Policy::default());
    resume.list_done(secs(0));
    drain(&mut resume, secs(0));
    resume
}

const FIRST: &[u8] = b"id: e2\ndata: 2\n\n";

#[test]
fn a_start_that_is_not_known_yet_is_asked_for_again() {
    let mut resume = Resume::new(Start::After("e1".to_owned()), Policy::default(), 7, Log);
    let mut now = secs(0);
    for _ in 0..3 {
        while !connects(&next_actions(&mut resume, &mut now)) {}
        assert_eq!(resume.cursor(), Some("e1"));
        resume.refused(now, REJECTED);
        drain(&mut resume, now);
        resume.list_failed(now, REJECTED);
        if drain(&mut resume, now)
            .0
            .contains(&Action::List(ListFrom::BackToKnown))
        {
            resume.list_gap(now);
        }
    }
    while !connects(&next_actions(&mut resume, &mut now)) {}
    assert!(now > Duration::from_millis(300), "with waits: {now:?}");
    resume.opened(now);
    drain(&mut resume, now);
    assert!(resume.bytes(now, FIRST).delivery.is_some());
}

#[test]
fn a_start_that_is_never_known_is_a_gap_after_six_times() {
    let mut resume = Resume::new(Start::After("e1".to_owned()), Policy::default(), 7, Log);
    let (mut now, mut connections) = (secs(0), 0);
    let outcome = loop {
        match resume.poll(now) {
            Action::Connect { .. } => {
                connections += 1;
                resume.refused(now, REJECTED);
            }
            Action::List(ListFrom::BackToKnown) => resume.list_gap(now),
            Action::List(_) => resume.list_failed(now, REJECTED),
            Action::Wait(Some(due)) => {
                now = due;
                resume.tick(now);
            }
            Action::Done(outcome) => break outcome,
            _ => {}
        }
    };
    assert_eq!((outcome, connections), (Outcome::Gap, 7));
    assert!(now > secs(3) && now < secs(40), "{now:?}");
}

#[test]
fn the_first_entry_of_a_bare_stream_waits_for_the_list() {
    // Cut anywhere, the entry is delivered once.
    for cut in 0..FIRST.len() {
        let mut resume = bare();
        let now = secs(1);
        assert_eq!(resume.bytes(now, &FIRST[..cut]).consumed, cut);
        let fed = resume.bytes(now, &FIRST[cut..]);
        assert!(fed.consumed == 0 && fed.delivery.is_none(), "cut at {cut}");
        assert!(!resume.reads());
        assert_eq!(resume.bytes(now, &FIRST[cut..]).consumed, 0, "kept");
        let actions = drain(&mut resume, now).0;
        assert!(actions.contains(&Action::List(ListFrom::Beginning)));
        // Something came before it.
        assert!(resume.listed(Some("e1"), Class::Durable));
        assert!(resume.listed(Some("e2"), Class::Durable));
        resume.list_done(now);
        drain(&mut resume, now);
        assert!(resume.reads(), "cut at {cut}");
        let fed = resume.bytes(now, &FIRST[cut..]);
        assert!(fed.consumed > 0 && fed.delivery.is_none(), "it was listed");
    }
}

#[test]
fn a_list_that_is_behind_the_first_entry_is_asked_again_and_not_for_ever() {
    let mut resume = bare();
    let mut now = secs(1);
    resume.bytes(now, FIRST);
    let mut asked = 0;
    assert!(lists(&drain(&mut resume, now).0));
    loop {
        asked += 1;
        resume.list_done(now);
        if resume.reads() {
            break;
        }
        assert!(!resume.lists(), "it waits");
        assert!(lists(&then(&mut resume, &mut now)));
    }
    assert_eq!(asked, 7);
    assert!(now > secs(7) && now < secs(15), "{now:?}");
    assert!(resume.bytes(now, FIRST).delivery.is_some());
}

#[test]
fn a_list_without_the_first_entry_is_what_the_stream_goes_on_from() {
    let mut resume = bare();
    let now = secs(1);
    resume.bytes(now, FIRST);
    drain(&mut resume, now);
    // e2 may come after it, where the list is behind, or before it, where the log was trimmed.
    assert!(resume.listed(Some("e5"), Class::Durable));
    resume.list_done(now);
    let actions = drain(&mut resume, now).0;
    assert_eq!(actions[0], Action::Release);
    assert!(actions.contains(&Action::Connect {
        attempt: 1,
        cursor: true
    }));
    assert_eq!(resume.cursor(), Some("e5"));
}

#[test]
fn a_parked_list_in_two_parts_counts_both() {
    let mut resume = parked(Policy::default());
    for n in 0..400 {
        assert!(resume.listed(Some(&format!("e{n}")), Class::Durable));
    }
    resume.list_failed(secs(0), REJECTED);
    assert!(lists(&drain(&mut resume, secs(0)).0));
    for n in 400..800 {
        assert!(resume.listed(Some(&format!("e{n}")), Class::Durable));
    }
    resume.list_done(secs(0));
    // More than is remembered: the stream is attached anew, behind it.
    let actions = drain(&mut resume, secs(0)).0;
    assert_eq!(actions[0], Action::Release);
    assert!(connects(&actions));
    assert_eq!(resume.cursor(), Some("e799"));
}

#[test]
fn a_parked_list_as_long_as_what_is_remembered_is_kept() {
    let mut resume = parked(Policy::default());
    for n in 0..512 {
        resume.listed(Some(&format!("e{n}")), Class::Durable);
    }
    resume.list_done(secs(0));
    assert_eq!(resume.state(), State::Live);
}

#[test]
fn entries_without_ids_are_listed_once_while_parked() {
    let mut resume = parked(Policy::default());
    let delivered = (0..513).filter(|_| resume.listed(None, Class::Durable));
    assert_eq!(delivered.count(), 513);
    resume.list_done(secs(0));
    assert_eq!(
        resume.state(),
        State::Live,
        "there is no cursor to attach with"
    );
    resume.ended(secs(1), Ending::Clean);
    let mut now = secs(1);
    while !connects(&next_actions(&mut resume, &mut now)) {}
    resume.opened(now);
    drain(&mut resume, now);
    assert!(!(0..513).any(|_| resume.listed(None, Class::Durable)));
    assert!(resume.listed(None, Class::Durable), "a new one");
}

#[test]
fn a_parked_list_that_has_a_gap_releases_the_connection() {
    let mut resume = parked(Policy::default());
    resume.listed(Some("e1"), Class::Durable);
    resume.list_failed(secs(0), REJECTED);
    drain(&mut resume, secs(0));
    resume.list_failed(secs(0), REJECTED);
    let actions = drain(&mut resume, secs(0)).0;
    assert!(
        actions.contains(&Action::List(ListFrom::BackToKnown)),
        "{actions:?}"
    );
    resume.list_gap(secs(0));
    let actions = drain(&mut resume, secs(0)).0;
    assert_eq!(actions[0], Action::Release, "{actions:?}");
}

#[test]
fn an_entry_without_an_id_at_the_end_is_polled_once() {
    let policy = Policy::default().polling(Polling::Always);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let mut now = secs(0);
    let mut delivered = Vec::new();
    for round in 0..5 {
        while !lists(&next_actions(&mut resume, &mut now)) {}
        // After e0: e1 and two without ids, the second of them later.
        delivered.push([
            round == 0 && resume.listed(Some("e1"), Class::Durable),
            resume.listed(None, Class::Durable),
            round >= 2 && resume.listed(None, Class::Durable),
        ]);
        resume.list_done(now);
    }
    let none = [false; 3];
    let want = [[true, true, false], none, [false, false, true], none, none];
    assert_eq!(delivered, want);
}

#[test]
fn pages_go_on_where_they_failed_and_each_that_came_is_progress() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    let mut now = secs(0);
    drain(&mut resume, now);
    for page in 0..200 {
        resume.page(now, true, true);
        resume.list_failed(now, UNAVAILABLE);
        drain(&mut resume, now);
        let actions = then(&mut resume, &mut now);
        assert_eq!(actions, [Action::GoOn], "page {page}");
    }
    assert!(now < secs(200), "{now:?}");
    // One that can't be read is begun anew, from where it came to.
    resume.listed(Some("e1"), Class::Durable);
    resume.list_broken(now);
    drain(&mut resume, now);
    let actions = then(&mut resume, &mut now);
    assert!(
        actions.contains(&Action::List(ListFrom::Cursor)),
        "{actions:?}"
    );
}

#[test]
fn pages_that_bring_nothing_new_are_waited_for_and_end_it() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    let (mut now, mut pages) = (secs(0), 0);
    drain(&mut resume, now);
    resume.page(now, true, true);
    let outcome = loop {
        resume.page(now, false, true);
        pages += 1;
        if let (_, Action::Done(outcome)) = drain(&mut resume, now) {
            break outcome;
        }
        assert_eq!(then(&mut resume, &mut now), [Action::GoOn]);
    };
    assert_eq!(outcome, Outcome::GaveUp(Cause::ListStuck));
    assert!(pages <= 31, "{pages}");
    assert!(now > secs(60), "{now:?}");
}

#[test]
fn the_last_page_may_bring_nothing_new() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    drain(&mut resume, secs(0));
    resume.page(secs(0), false, false);
    assert!(resume.lists());
    resume.list_done(secs(0));
    connect(&mut resume, secs(0));
}

#[test]
fn polling_has_a_floor() {
    let policy = Policy::default()
        .polling(Polling::Always)
        .pace(Duration::ZERO);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let (mut now, mut asked) = (secs(0), 0);
    while now < secs(10) {
        if lists(&next_actions(&mut resume, &mut now)) {
            asked += 1;
            assert!(asked <= 200, "at {now:?}");
            resume.list_done(now);
        }
    }
}

#[test]
fn inputs_of_lists_at_the_wrong_time_change_nothing() {
    let mut resume = live(Policy::default());
    let now = secs(1);
    resume.newest(now, Some("e9"));
    resume.page(now, false, true);
    assert!(!resume.listed(Some("e9"), Class::Final));
    resume.list_done(now);
    resume.list_failed(now, REJECTED);
    resume.list_broken(now);
    resume.list_unreachable(now);
    resume.list_gap(now);
    assert_eq!((resume.state(), resume.cursor()), (State::Live, Some("e0")));
    assert_eq!(drain(&mut resume, now).0, []);
}

#[test]
fn a_list_that_cannot_be_reached_says_so() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    drain(&mut resume, secs(0));
    resume.list_unreachable(secs(0));
    let actions = drain(&mut resume, secs(0)).0;
    assert!(matches!(
        actions[..],
        [Action::Notice(Notice::Waiting {
            cause: Cause::Unreachable,
            ..
        })]
    ));
}

#[test]
fn a_list_that_failed_half_way_goes_on_where_it_was() {
    let mut resume = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    let mut now = secs(0);
    next_actions(&mut resume, &mut now);
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_failed(now, UNAVAILABLE);
    next_actions(&mut resume, &mut now);
    assert!(next_actions(&mut resume, &mut now).contains(&Action::GoOn));
}
