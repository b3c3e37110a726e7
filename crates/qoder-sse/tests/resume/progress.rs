//! What counts as progress, and what the machine waits for.

use std::time::Duration;

use crate::log::{Log, UNAVAILABLE, connect, connects, drain, live, next_actions, secs, waits};
use qoder_sse::resume::{
    Action, Cause, Ending, Notice, Outcome, Policy, Polling, Refusal, Resume, Start,
};

/// Opens each connection, lets it bring a text for so long, and ends it.
fn each_brings(resume: &mut Resume<Log>, text: &str, life: Duration) -> Vec<Duration> {
    waits(resume, secs(0), |resume, now| {
        resume.opened(now);
        drain(resume, now);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            rest = &rest[resume.bytes(now, rest).consumed..];
        }
        resume.ended(now.saturating_add(life), Ending::Clean);
    })
}

fn new() -> Resume<Log> {
    Resume::new(Start::After("e0".to_owned()), Policy::default(), 7, Log)
}

#[test]
fn new_text_of_a_preview_is_progress_and_repeated_text_is_not() {
    let mut resume = live(Policy::default());
    let mut now = secs(0);
    for _ in 0..100 {
        assert!(resume.bytes(now, b"data: p\n\n").delivery.is_some());
        resume.progressed();
        resume.ended(now, Ending::Broken);
        while !connects(&next_actions(&mut resume, &mut now)) {}
        resume.opened(now);
        drain(&mut resume, now);
    }
    assert!(now < secs(10), "each is followed at once: {now:?}");
    let waits = each_brings(&mut new(), "data: p\n\n", secs(0));
    assert_eq!(waits.len(), 29, "the same text again and again gives up");
}

#[test]
fn a_frame_without_an_id_is_no_progress() {
    let waits = each_brings(&mut new(), "data: upstream connect error\n\n", secs(0));
    assert_eq!(waits.len(), 29);
    assert!(waits[10..].iter().all(|wait| *wait >= secs(5)), "{waits:?}");
}

#[test]
fn a_comment_and_then_silence_is_no_life() {
    let waits = each_brings(&mut new(), ": ok\n", secs(60));
    assert!(waits.len() < 10, "it gives up in time: {waits:?}");
    assert!(waits[3] > secs(1), "{waits:?}");
}

#[test]
fn life_is_from_the_opening_to_the_last_byte() {
    for (last, healthy) in [(14, false), (15, true)] {
        let mut resume = live(Policy::default());
        resume.bytes(secs(last), b":\n");
        resume.ended(secs(30), Ending::Clean);
        let (_, Action::Wait(Some(due))) = drain(&mut resume, secs(30)) else {
            panic!()
        };
        let prompt = due <= secs(30).saturating_add(Duration::from_millis(100));
        assert_eq!(prompt, healthy, "{last} s: {due:?}");
    }
}

#[test]
fn an_outage_begins_with_its_first_failure() {
    let mut resume = live(Policy::default());
    resume.bytes(secs(1), b"id: e1\ndata: 1\n\n");
    // Six minutes later, the first failure since: there is all the time there is.
    let mut now = secs(360);
    resume.ended(now, Ending::Broken);
    loop {
        match resume.poll(now) {
            Action::Connect { .. } => resume.failed(now),
            Action::Wait(Some(due)) => {
                now = due;
                resume.tick(now);
            }
            Action::Done(outcome) => {
                assert_eq!(outcome, Outcome::GaveUp(Cause::Unreachable));
                break;
            }
            _ => {}
        }
    }
    // Thirty attempts take less than five minutes, mostly: whichever comes first.
    assert!(now >= secs(360 + 150) && now <= secs(360 + 310), "{now:?}");
}

#[test]
fn attempts_that_were_asked_for_do_not_count() {
    let mut resume = live(Policy::default().give_up(3, secs(300)));
    let now = secs(1);
    resume.ended(now, Ending::Broken);
    for n in 0..100 {
        drain(&mut resume, now);
        resume.wake(now);
        assert!(connects(&drain(&mut resume, now).0), "attempt {n}");
        resume.failed(now);
    }
    // Those of its own still do; an outage has one at least.
    let rest = waits(&mut resume, now, Resume::failed);
    assert_eq!(rest.len(), 2, "{rest:?}");
}

#[test]
fn a_wake_overrides_what_the_server_asked_to_wait() {
    let mut resume = live(Policy::default());
    resume.ended(secs(0), Ending::Clean);
    resume.wake(secs(0));
    drain(&mut resume, secs(0));
    let hint = Refusal {
        retry_after: Some(secs(60)),
        ..UNAVAILABLE
    };
    resume.refused(secs(0), hint);
    assert_eq!(drain(&mut resume, secs(0)).1, Action::Wait(Some(secs(60))));
    resume.wake(secs(1));
    assert!(connects(&drain(&mut resume, secs(1)).0));
}

#[test]
fn contradictory_limits_do_no_harm() {
    let policy = Policy::default()
        .prompt(secs(20))
        .max_hint(secs(2))
        .waits(secs(9), secs(1));
    let mut resume = live(policy);
    resume.bytes(secs(1), b"retry: 5000\nid: e1\ndata: 1\n\n");
    resume.ended(secs(1), Ending::Clean);
    let waits = waits(&mut resume, secs(1), Resume::failed);
    assert!(waits.iter().all(|wait| *wait == secs(2)), "{waits:?}");
    // Nothing but zeros: as many attempts as there are, and then the end.
    let zero = Duration::ZERO;
    let policy = Policy::default()
        .prompt(zero)
        .waits(zero, zero)
        .polling(Polling::Auto)
        .look(zero, zero)
        .pace(zero)
        .stream_again(zero)
        .idle(zero);
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let (mut now, mut requests) = (secs(0), 0);
    while now < secs(10) {
        match resume.poll(now) {
            Action::Connect { .. } => {
                requests += 1;
                resume.failed(now);
            }
            Action::List(_) => {
                requests += 1;
                resume.list_done(now);
            }
            Action::Wait(Some(due)) => {
                now = now.max(due);
                resume.tick(now);
            }
            _ => {}
        }
    }
    assert!(requests <= 500, "{requests} in ten seconds");
}

#[test]
fn the_first_notice_of_an_outage_says_why() {
    let mut resume = live(Policy::default());
    resume.ended(secs(1), Ending::Broken);
    let (actions, _) = drain(&mut resume, secs(1));
    assert!(actions.iter().any(|action| matches!(
        action,
        Action::Notice(Notice::Waiting {
            cause: Cause::Broken,
            ..
        })
    )));
}

#[test]
fn after_progress_the_first_wait_is_short_then_they_double() {
    let mut resume = live(Policy::default());
    resume.bytes(secs(1), b"id: e1\ndata: 1\n\n");
    resume.ended(secs(2), Ending::Broken);
    let waits = waits(&mut resume, secs(2), Resume::failed);
    assert!(waits[0] <= Duration::from_millis(100), "{waits:?}");
    for (n, wait) in waits[1..].iter().enumerate() {
        let whole = Duration::from_millis(500)
            .saturating_mul(1 << n.min(10))
            .min(secs(10));
        assert!(*wait >= whole / 2 && *wait <= whole, "{n}: {wait:?}");
    }
    assert!(waits.len() > 20, "it tries for a while: {}", waits.len());
}

#[test]
fn a_mere_success_is_no_progress() {
    let mut resume = live(Policy::default());
    resume.ended(secs(0), Ending::Clean);
    let mut opened = 0;
    let waits = waits(&mut resume, secs(0), |resume, now| {
        opened += 1;
        resume.opened(now);
        resume.ended(now, Ending::Clean);
    });
    assert_eq!(
        opened, 29,
        "with the first one, as many as the policy allows"
    );
    assert!(waits[5] >= secs(5), "{waits:?}");
}

#[test]
fn a_connection_that_lives_is_progress() {
    let mut resume = live(Policy::default());
    for minute in 1..100 {
        resume.bytes(secs(60 * minute - 40), b": beat\n");
        resume.ended(secs(60 * minute - 20), Ending::Broken);
        let (actions, wait) = drain(&mut resume, secs(60 * minute - 20));
        assert!(matches!(wait, Action::Wait(_)), "{actions:?}");
        resume.wake(secs(60 * minute - 20));
        connect(&mut resume, secs(60 * minute));
        resume.opened(secs(60 * minute));
        drain(&mut resume, secs(60 * minute));
    }
}

#[test]
fn silence_is_noticed_and_heartbeats_are_life() {
    let mut resume = live(Policy::default().idle(secs(30)));
    assert_eq!(drain(&mut resume, secs(0)).1, Action::Wait(Some(secs(30))));
    resume.bytes(secs(20), b":\n");
    resume.tick(secs(30));
    assert!(resume.reads(), "a comment is life");
    assert_eq!(drain(&mut resume, secs(30)).1, Action::Wait(Some(secs(50))));
    resume.tick(secs(50));
    let (actions, _) = drain(&mut resume, secs(50));
    assert_eq!(
        actions[..2],
        [Action::Release, Action::Notice(Notice::Lost(Cause::Idle))]
    );
}

#[test]
fn hints_of_the_server_lengthen_and_are_cut() {
    let wait_after = |retry: &str, hint: Option<Duration>| {
        let mut resume = live(Policy::default());
        resume.bytes(secs(1), retry.as_bytes());
        resume.bytes(secs(1), b"id: e1\ndata: 1\n\n");
        resume.ended(secs(1), Ending::Clean);
        let (_, Action::Wait(Some(due))) = drain(&mut resume, secs(1)) else {
            panic!()
        };
        if hint.is_none() {
            return due.checked_sub(secs(1)).expect("later");
        }
        resume.tick(due);
        connect(&mut resume, due);
        resume.refused(
            due,
            Refusal {
                retry_after: hint,
                ..Refusal::of_status(503)
            },
        );
        let (_, Action::Wait(Some(then))) = drain(&mut resume, due) else {
            panic!()
        };
        then.checked_sub(due).expect("later")
    };
    assert!(wait_after("", None) <= Duration::from_millis(100));
    assert_eq!(wait_after("retry: 3000\n", None), secs(3));
    assert_eq!(wait_after("retry: 18446744073709551615\n", None), secs(60));
    assert_eq!(
        wait_after("retry: 0\n", None).max(Duration::from_millis(100)),
        Duration::from_millis(100)
    );
    assert_eq!(wait_after("", Some(secs(7))), secs(7));
    assert_eq!(wait_after("", Some(secs(4000))), secs(60));
    assert!(wait_after("", Some(Duration::ZERO)) >= Duration::from_millis(250));
}
