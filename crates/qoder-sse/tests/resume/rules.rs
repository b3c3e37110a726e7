//! The rules of the machine, one by one: each of these fails if its rule is broken, as
//! `cargo xtask mutants` does.

use std::time::Duration;

use crate::log::{REJECTED, UNAVAILABLE, secs};
use crate::run::{Run, SHORT, entry, waits};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Cause, Ending, ListFrom, Notice, Outcome, Policy, Polling, Refusal, Start, State,
};

#[test]
fn bytes_are_life() {
    let mut run = Run::live(Policy::default());
    for _ in 0..100 {
        run.now += secs(15);
        run.bytes(":\n");
        assert!(run.ends() <= SHORT);
        run.opens();
    }
}

#[test]
fn life_is_from_opening_to_the_last_byte() {
    let mut run = Run::live(Policy::default());
    run.bytes(": ok\n");
    run.ends();
    let mut connections = 1;
    // Silence at the end of each of them is no life.
    let outcome = loop {
        match run.next().pop() {
            Some(Action::Connect { .. }) => {
                connections += 1;
                assert!(connections < 10, "it goes on for ever");
                run.machine.opened(run.now);
                run.actions();
                run.bytes(": ok\n");
                run.now += secs(59);
                run.machine.ended(run.now, Ending::Clean);
            }
            Some(Action::Done(outcome)) => break outcome,
            _ => {}
        }
    };
    assert_eq!(outcome, Outcome::GaveUp(Cause::Ended));
}

#[test]
fn the_time_unread_is_no_silence() {
    let mut run = Run::parked(Policy::default());
    run.now = secs(50);
    run.lists([]);
    run.actions();
    assert_eq!(run.machine.state(), State::Live);
    assert_eq!(run.now + secs(60), secs(110));
    // It looks once whether something came between the list and the stream; that shows nothing.
    run.now = run.due();
    run.machine.tick(run.now);
    if run.machine.state() == State::Looking {
        run.actions();
        run.lists([]);
    }
    assert_eq!(run.due(), secs(110));
}

#[test]
fn a_list_of_more_than_is_remembered_is_gone_behind() {
    let policy = Policy::default().remembered(2);
    let mut run = Run::parked(policy);
    run.lists(["e1", "e2"]);
    run.actions();
    assert!(run.machine.reads(), "both are remembered");
    let mut run = Run::parked(policy);
    run.lists(["e1", "e2", "e3"]);
    assert!(run.connects(), "with a cursor, behind the list");
    assert_eq!(run.machine.cursor(), Some("e3"));
}

#[test]
fn a_list_in_parts_counts_as_one() {
    let mut run = Run::parked(Policy::default().remembered(2));
    for id in ["e1", "e2"] {
        run.machine.listed(Some(id), Class::Durable);
    }
    // A page further on is not known any more.
    run.machine.list_failed(run.now, REJECTED);
    assert_eq!(run.asks(), Some(ListFrom::Cursor));
    run.lists(["e3"]);
    assert!(run.connects());
}

#[test]
fn a_cursor_that_the_list_refused_is_not_listed_from_again() {
    let mut run = Run::live(Policy::default());
    run.bytes(&entry(1));
    run.ends();
    run.connects();
    run.machine.refused(run.now, REJECTED);
    assert_eq!(run.asks(), Some(ListFrom::Cursor));
    run.machine.list_failed(run.now, REJECTED);
    assert_eq!(run.asks(), Some(ListFrom::BackToKnown));
    run.lists([]);
    for _ in 0..3 {
        assert_eq!(run.asks(), Some(ListFrom::BackToKnown));
        run.lists([]);
    }
    assert_eq!(run.asks(), Some(ListFrom::BackToKnown));
    run.machine.listed(Some("e2"), Class::Durable);
    run.machine.list_done(run.now);
    assert!(run.connects());
    assert_eq!(run.machine.cursor(), Some("e2"));
}

#[test]
fn progress_forgets_what_failed() {
    let mut run = Run::live(Policy::default().polling(Polling::After(3)));
    for n in 1..20 {
        run.bytes(&entry(n));
        run.ends();
        run.opens();
    }
    // Waits begin anew as well.
    let mut run = Run::live(Policy::default());
    for n in 1..20 {
        run.bytes(&entry(n));
        assert!(run.ends() <= SHORT);
        run.opens();
        let second = run.ends();
        assert!(second <= Duration::from_millis(500), "{second:?}");
        run.opens();
    }
}

/// How long it is polled until the stream is tried again, three times in a row; each time it brings
/// this and is lost, and three connections in a row fail.
fn polled_for(brings: &str) -> Vec<u64> {
    let mut run = Run::live(Policy::default().polling(Polling::After(3)));
    run.ends();
    let mut times = Vec::new();
    let mut since = None;
    while times.len() < 3 {
        for action in run.next() {
            match action {
                Action::List(_) => {
                    since.get_or_insert(run.now);
                    run.machine.list_done(run.now);
                }
                Action::Connect { .. } => match since.take() {
                    Some(since) => {
                        times.push(run.now.saturating_sub(since).as_secs());
                        run.machine.opened(run.now);
                        run.actions();
                        run.bytes(&brings.replace('N', &times.len().to_string()));
                        if brings.starts_with("data: p") {
                            run.machine.progressed();
                        }
                        run.machine.ended(run.now, Ending::Clean);
                    }
                    None => run.machine.failed(run.now),
                },
                Action::Done(outcome) => panic!("{outcome:?}"),
                _ => {}
            }
        }
    }
    times
}

#[test]
fn an_entry_or_a_preview_makes_the_stream_good_again() {
    let about = |times: &[u64], want: [u64; 3]| {
        let near = |(time, want): (&u64, u64)| (want - 2..want + 4).contains(time);
        assert!(times.iter().zip(want).all(near), "{times:?}");
    };
    about(&polled_for(":\n"), [60, 120, 240]);
    about(&polled_for("data: pN\n\n"), [60, 60, 60]);
    about(&polled_for("id: eN\ndata: N\n\n"), [60, 60, 60]);
}

#[test]
fn what_is_open_is_released() {
    let released = |run: &mut Run| {
        run.actions()
            .iter()
            .filter(|o| **o == Action::Release)
            .count()
    };
    // The stream rejects its cursor.
    let mut run = Run::live(Policy::default());
    run.bytes("data: unknown cursor\n\n");
    assert_eq!(
        (run.machine.state(), released(&mut run)),
        (State::Filling, 1)
    );
    // It ends.
    let mut run = Run::live(Policy::default());
    run.machine.ended(run.now, Ending::Broken);
    assert_eq!(
        (run.machine.state(), released(&mut run)),
        (State::Waiting, 1)
    );
    // The list before it is too long.
    let mut run = Run::parked(Policy::default().remembered(1));
    run.lists(["e1", "e2"]);
    assert_eq!(
        (run.machine.state(), released(&mut run)),
        (State::Connecting, 1)
    );
    // The list before it fails.
    let mut run = Run::parked(Policy::default());
    run.machine.list_failed(run.now, UNAVAILABLE);
    assert_eq!(
        (run.machine.state(), released(&mut run)),
        (State::Waiting, 1)
    );
    // A look beside it lists too much.
    let policy = Policy::default().polling(Polling::Auto).remembered(1);
    let mut run = Run::live(policy);
    assert_eq!(run.asks(), Some(ListFrom::Cursor));
    for id in ["e1", "e2"] {
        run.machine.listed(Some(id), Class::Durable);
    }
    assert_eq!(
        (run.machine.state(), released(&mut run)),
        (State::Filling, 1)
    );
    // The list has no more to say, ever.
    let mut run = Run::parked(Policy::default());
    run.machine.list_failed(run.now, Refusal::of_status(404));
    assert_eq!(released(&mut run), 1);
    assert_eq!(run.machine.state(), State::Done);
}

#[test]
fn a_400_without_a_cursor_is_final() {
    let mut run = Run::new(Start::Beginning, Policy::default());
    run.asks();
    run.lists([]);
    assert!(!run.connects());
    run.machine.refused(run.now, REJECTED);
    let end = Action::Done(Outcome::Refused { status: 400 });
    assert_eq!(run.actions().pop(), Some(end));
}

#[test]
fn an_opening_is_no_progress() {
    let mut run = Run::live(Policy::default());
    run.ends();
    for _ in 0..4 {
        run.opens();
        run.ends();
    }
    run.opens();
    let wait = run.ends();
    assert!(wait >= secs(4), "{wait:?}");
}

#[test]
fn what_has_no_id_is_no_progress() {
    let mut run = Run::live(Policy::default());
    let mut connections = 1;
    loop {
        assert_eq!(run.bytes("data: upstream connect error\n\n").len(), 1);
        run.machine.ended(run.now, Ending::Clean);
        if let Some(Action::Done(outcome)) = run.actions().pop() {
            assert_eq!(outcome, Outcome::GaveUp(Cause::Ended));
            break;
        }
        run.opens();
        connections += 1;
        assert!(connections <= 30, "it goes on for ever");
    }
    assert_eq!(connections, 30);
}

#[test]
fn a_stream_that_brings_nothing_is_compared_with_the_list() {
    let mut run = Run::live(Policy::default().polling(Polling::Auto));
    assert_eq!(run.asks(), Some(ListFrom::Cursor));
    assert_eq!(run.now, secs(5));
    run.lists(["e1"]);
    assert!(run.machine.reads());
    let actions = run.next();
    assert_eq!(run.now, secs(7), "it has to bring that soon");
    assert!(
        actions.contains(&Action::Notice(Notice::Lost(Cause::HeldBack))),
        "{actions:?}"
    );
}

#[test]
fn held_back_twice_is_polled() {
    let mut run = Run::live(Policy::default().polling(Polling::Auto));
    for id in ["e1", "e2"] {
        assert_eq!(run.asks(), Some(ListFrom::Cursor));
        run.lists([id]);
        run.next();
        if id == "e1" {
            run.opens();
        }
    }
    assert!(run.next().contains(&Action::Notice(Notice::Polling)));
}

#[test]
fn polling_comes_before_giving_up() {
    let policy = Policy::default().polling(Polling::After(100));
    let mut run = Run::new(Start::After("e0".to_owned()), policy);
    let mut failed = 0;
    loop {
        match run.next().pop() {
            Some(Action::Connect { .. }) => {
                failed += 1;
                run.machine.failed(run.now);
            }
            Some(Action::List(_)) => break,
            Some(Action::Done(outcome)) => panic!("{outcome:?}"),
            _ => {}
        }
    }
    assert_eq!(failed, 30);
}

#[test]
fn a_look_heeds_retry_after() {
    let mut run = Run::live(Policy::default().polling(Polling::Auto));
    run.asks();
    let refusal = Refusal {
        retry_after: Some(secs(20)),
        ..UNAVAILABLE
    };
    run.machine.list_failed(run.now, refusal);
    assert_eq!(run.machine.state(), State::Live);
    assert!(run.ends() >= secs(20));
}

#[test]
fn what_has_no_id_is_listed_once() {
    let policy = Policy::default().polling(Polling::Always);
    let mut run = Run::new(Start::After("e0".to_owned()), policy);
    let mut delivered = Vec::new();
    for entries in [1, 1, 2, 2, 2] {
        assert_eq!(run.asks(), Some(ListFrom::Cursor));
        let new = (0..entries).filter(|_| run.machine.listed(None, Class::Durable));
        delivered.push(new.count());
        run.machine.list_done(run.now);
    }
    assert_eq!(delivered, [1, 0, 1, 0, 0]);
}

#[test]
fn pages_without_anything_new_are_waited_for() {
    let mut run = Run::new(Start::Beginning, Policy::default());
    assert_eq!(run.asks(), Some(ListFrom::Beginning));
    run.machine.page(run.now, true, true);
    assert!(run.machine.lists(), "a page with something new is not");
    let mut pages = 0;
    let end = loop {
        pages += 1;
        run.machine.page(run.now, false, true);
        assert!(!run.machine.lists());
        let mut actions = run.next();
        while waits(&actions).is_some() {
            actions = run.next();
        }
        match actions.pop() {
            Some(Action::GoOn) => {}
            Some(Action::Done(outcome)) => break outcome,
            other => panic!("{other:?}"),
        }
        assert!(pages <= 100, "it goes on for ever");
    };
    assert_eq!(end, Outcome::GaveUp(Cause::ListStuck));
    assert!(run.now > secs(100), "{:?}", run.now);
}

/// One that has delivered e1 to e5 from the beginning on, of which it remembers three, and whose
/// connection is made anew.
fn after_five() -> Run {
    let mut run = Run::new(Start::Beginning, Policy::default().remembered(3));
    run.asks();
    run.lists(["e1", "e2", "e3", "e4", "e5"]);
    assert!(run.connects());
    run.machine.opened(run.now);
    run.actions();
    run
}

#[test]
fn a_server_that_begins_anew_is_noticed() {
    let mut run = after_five();
    let mut delivered = Vec::new();
    // In pieces, so that the cursor is not in sight.
    for n in 1..=7 {
        delivered.extend(run.bytes(&entry(n)));
    }
    assert_eq!(delivered, ["6", "7"]);
}

#[test]
fn a_server_that_begins_before_the_cursor_is_noticed() {
    let mut run = after_five();
    let all = [2, 3, 4, 5, 6].map(entry).concat();
    assert_eq!(run.bytes(&all), ["6"], "in one go, the cursor is in sight");
    let mut run = after_five();
    assert_eq!(run.bytes(&entry(2)), ["2"], "in pieces it is not");
    assert_eq!(run.bytes(&entry(5)), [""; 0]);
    let end = Action::Done(Outcome::CursorIgnored);
    assert_eq!(run.actions().pop(), Some(end));
}
