//! The ends of the machine, the limits of what it is given and remembers, and its table.

use std::time::Duration;

use crate::log::{Log, connect, drain, live, secs};
use qoder_sse::resume::{
    Action, Cause, Ending, Notice, Outcome, Policy, Refusal, Resume, Start, diagram,
};

#[test]
fn refusals_end_it_or_not() {
    for (status, done) in [
        (204, Some(Outcome::Stopped)),
        (401, Some(Outcome::Refused { status: 401 })),
        (404, Some(Outcome::Refused { status: 404 })),
        (409, Some(Outcome::Refused { status: 409 })),
        (408, None),
        (425, None),
        (429, None),
        (500, None),
        (503, None),
    ] {
        let mut resume = Resume::new(Start::After("e0".to_owned()), Policy::default(), 7, Log);
        connect(&mut resume, secs(0));
        resume.refused(secs(0), Refusal::of_status(status));
        match (drain(&mut resume, secs(0)).1, done) {
            (Action::Done(outcome), Some(want)) => assert_eq!(outcome, want),
            (Action::Wait(Some(_)), None) => {}
            (other, _) => panic!("{status}: {other:?}"),
        }
    }
}

#[test]
fn it_stops_when_it_is_told_to_in_every_state() {
    let mut fresh = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    fresh.close();
    assert_eq!(fresh.poll(secs(0)), Action::Done(Outcome::Closed));
    let mut listing = Resume::new(Start::Beginning, Policy::default(), 7, Log);
    listing.poll(secs(0));
    listing.close();
    assert_eq!(
        drain(&mut listing, secs(0)).1,
        Action::Done(Outcome::Closed)
    );
    let mut resume = live(Policy::default());
    resume.close();
    assert_eq!(
        drain(&mut resume, secs(0)),
        (vec![Action::Release], Action::Done(Outcome::Closed))
    );
    // Whatever comes then changes nothing.
    resume.bytes(secs(1), b"data: x\n\n");
    resume.opened(secs(1));
    resume.failed(secs(1));
    resume.tick(Duration::MAX);
    assert_eq!(resume.poll(Duration::MAX), Action::Done(Outcome::Closed));
}

#[test]
fn faults_and_ends_in_the_stream() {
    for (frame, cause) in [
        ("data: [DONE]\n\n", Cause::Ended),
        ("data: fault\n\n", Cause::Fault),
    ] {
        let mut resume = live(Policy::default());
        assert!(resume.bytes(secs(1), frame.as_bytes()).delivery.is_none());
        let (actions, _) = drain(&mut resume, secs(1));
        assert!(
            actions.contains(&Action::Notice(Notice::Lost(cause))),
            "{actions:?}"
        );
    }
    let mut resume = live(Policy::default());
    assert!(resume.bytes(secs(1), b"data: fatal\n\n").delivery.is_some());
    assert_eq!(drain(&mut resume, secs(1)).1, Action::Done(Outcome::Fault));
}

#[test]
fn extreme_times_do_no_harm() {
    let mut resume = live(Policy::default().idle(Duration::MAX));
    resume.bytes(
        Duration::MAX,
        b"retry: 18446744073709551615\nid: e1\ndata: 1\n\n",
    );
    assert_eq!(
        drain(&mut resume, Duration::MAX).1,
        Action::Wait(Some(Duration::MAX))
    );
    resume.ended(Duration::MAX, Ending::Broken);
    drain(&mut resume, Duration::MAX);
    resume.tick(secs(0));
    resume.tick(Duration::MAX);
    connect(&mut resume, Duration::MAX);
    resume.failed(secs(0));
    drain(&mut resume, secs(0));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut resume = live(Policy::default());
    for n in 1..10_000 {
        resume.bytes(secs(1), format!("id: e{n}\ndata: {n}\n\n").as_bytes());
    }
    assert!(resume.knows("e9999") && resume.knows("e9488") && !resume.knows("e9487"));
}

#[test]
fn the_documented_table_is_the_machines() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/resume-states.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, diagram()).expect("docs");
    }
    let printed = std::fs::read_to_string(&path).expect("docs");
    assert_eq!(printed, diagram(), "print it anew: cargo xtask diagram");
}
