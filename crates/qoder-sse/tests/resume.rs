//! The resume machine against a server in memory, under virtual time.
#![allow(clippy::format_push_string, reason = "small texts")]

mod common;

use std::time::Duration;

use common::log::{Log, UNAVAILABLE, connect, drain, live, next_actions, secs, waits};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Cause, Ending, ListFrom, Notice, Outcome, Policy, Polling, Refusal, RefusalKind,
    Resume, Start, State, diagram,
};

/// A server whose log is `e1`, `e2`, … up to `log`, the last of them final.
#[derive(Clone, Debug)]
struct Server {
    log: usize,
    /// A preview before each entry.
    previews: bool,
    /// Without a cursor the stream starts with what comes next; else with the whole log.
    tail_only: bool,
    /// How many entries before the cursor are repeated.
    replay: usize,
    /// Each connection gives so many bytes and is then lost; the last one is not.
    cuts: Vec<usize>,
    /// The first requests with a cursor are refused.
    rejects: usize,
    /// How many entries there are when the first connection is opened; the rest come later, one
    /// with each request.
    published: usize,
}

impl Server {
    fn frames(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        for n in from + 1..=to {
            if self.previews {
                text += &format!("id: e{n}\ndata: p{n}\n\n");
            }
            let data = if n == self.log {
                "end".to_owned()
            } else {
                n.to_string()
            };
            text += &format!(": beat\n\nid: e{n}\ndata: {data}\n\n");
        }
        text
    }

    fn number(id: &str) -> usize {
        id[1..].parse().expect("an id")
    }

    /// Follows the log and gives the entries delivered.
    fn run(mut self, start: Start) -> (Vec<usize>, Outcome) {
        let first = match &start {
            Start::After(id) => Self::number(id) - 1,
            Start::Now => self.published.saturating_sub(1),
            _ => 0,
        };
        let mut resume = Resume::new(start, Policy::default(), 7, Log);
        let mut now = Duration::ZERO;
        let mut got = Vec::new();
        let mut cuts = self.cuts.clone().into_iter();
        let mut open: Option<String> = None;
        let mut sent: Vec<String> = Vec::new();
        for _ in 0..10_000 {
            match resume.poll(now) {
                Action::Connect { cursor, .. } => {
                    assert_eq!(resume.state(), State::Connecting);
                    let cursor = cursor.then(|| resume.cursor().expect("a cursor").to_owned());
                    if let Some(id) = &cursor {
                        assert!(
                            !sent.contains(&format!("rejected {id}")),
                            "a rejected cursor is not sent again"
                        );
                    }
                    if let Some(id) = cursor.as_ref().filter(|_| self.rejects > 0) {
                        self.rejects -= 1;
                        sent.push(format!("rejected {id}"));
                        let kind = RefusalKind::CursorRejected;
                        resume.refused(
                            now,
                            Refusal {
                                status: 400,
                                retry_after: None,
                                kind,
                            },
                        );
                        self.published = (self.published + 1).min(self.log);
                        continue;
                    }
                    let from = match &cursor {
                        // What lies before the start was never seen, so it can't be told apart:
                        // the entry at the start is the first that may be repeated.
                        Some(id) => Self::number(id).saturating_sub(self.replay).max(first),
                        None if self.tail_only => self.published,
                        None => 0,
                    };
                    self.published = (self.published + 1).min(self.log);
                    let frames = self.frames(from, self.published);
                    open = Some(match cuts.next() {
                        Some(at) => frames[..at.min(frames.len())].to_owned(),
                        None => frames,
                    });
                    resume.opened(now);
                }
                Action::List(from) => {
                    let first = match from {
                        ListFrom::Newest => {
                            let newest =
                                (self.published > 0).then(|| format!("e{}", self.published));
                            resume.newest(now, newest.as_deref());
                            continue;
                        }
                        ListFrom::Beginning => 0,
                        _ => Self::number(resume.cursor().expect("a cursor")),
                    };
                    for n in first + 1..=self.published {
                        let class = if n == self.log {
                            Class::Final
                        } else {
                            Class::Durable
                        };
                        if resume.listed(Some(&format!("e{n}")), class) {
                            got.push(n);
                        }
                    }
                    resume.list_done(now);
                }
                Action::Release => open = None,
                Action::Notice(_) => {}
                Action::Done(outcome) => return (got, outcome),
                Action::Wait(due) => {
                    if let (Some(text), true) = (&mut open, resume.reads()) {
                        while !text.is_empty() && resume.reads() {
                            let piece = &text.as_bytes()[..text.len().min(5)];
                            let fed = resume.bytes(now, piece);
                            if let Some(delivery) = fed.delivery {
                                if delivery.class != Class::Preview {
                                    got.push(Self::number(delivery.frame.id().expect("an id")));
                                }
                            }
                            let consumed = fed.consumed;
                            text.drain(..consumed);
                        }
                        if text.is_empty() {
                            resume.ended(now, Ending::Clean);
                        }
                    } else {
                        let due = due.expect("nothing is under way, so there is a time");
                        assert!(due > now || resume.state() != State::Waiting);
                        now = now.max(due);
                        resume.tick(now);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("it goes on for ever: {self:?}, {got:?}")
    }
}

#[test]
fn once_and_in_order_for_every_small_case() {
    let mut cases = 0;
    for log in 1..=4 {
        for (previews, tail_only) in [(false, false), (false, true), (true, false), (true, true)] {
            for replay in 0..=2 {
                for published in 0..=log {
                    for rejects in 0..=1 {
                        let length = Server {
                            log,
                            previews,
                            tail_only,
                            replay,
                            cuts: vec![],
                            rejects,
                            published,
                        }
                        .frames(0, log)
                        .len();
                        for cut in 0..=length {
                            for cuts in [vec![cut], vec![cut, 0, cut / 2]] {
                                let server = Server {
                                    log,
                                    previews,
                                    tail_only,
                                    replay,
                                    cuts,
                                    rejects,
                                    published,
                                };
                                cases += 1;
                                let (got, outcome) = server.clone().run(Start::Beginning);
                                assert_eq!(got, (1..=log).collect::<Vec<_>>(), "{server:?}");
                                assert_eq!(outcome, Outcome::Final, "{server:?}");
                                if published < log {
                                    let (got, outcome) = server.clone().run(Start::Now);
                                    assert_eq!(
                                        got,
                                        (published + 1..=log).collect::<Vec<_>>(),
                                        "now: {server:?}"
                                    );
                                    assert_eq!(outcome, Outcome::Final);
                                }
                                if published > 0 && log > 1 {
                                    let (got, outcome) =
                                        server.clone().run(Start::After("e1".to_owned()));
                                    assert_eq!(
                                        got,
                                        (2..=log).collect::<Vec<_>>(),
                                        "after e1: {server:?}"
                                    );
                                    assert_eq!(outcome, Outcome::Final);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(cases > 10_000, "{cases}");
}

#[test]
fn the_cursor_moves_only_on_entries() {
    let mut resume = live(Policy::default());
    for (frame, cursor) in [
        ("id: e5\ndata: p5\n\n", "e0"),
        ("id: ping\ndata: .\n\n", "e0"),
        ("data: no id\n\n", "e0"),
        ("id: e5\ndata: 5", "e0"),
        ("\n\n", "e5"),
        ("id: e6\n\n", "e5"),
    ] {
        resume.bytes(secs(1), frame.as_bytes());
        assert_eq!(resume.cursor(), Some(cursor), "{frame:?}");
    }
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
fn a_cursor_that_is_rejected_is_never_sent_again() {
    let mut resume = Resume::new(Start::After("e0".to_owned()), Policy::default(), 7, Log);
    let rejected = Refusal {
        status: 400,
        retry_after: None,
        kind: RefusalKind::CursorRejected,
    };
    let mut now = secs(0);
    connect(&mut resume, now);
    resume.refused(now, rejected);
    // Nothing new in the list, so nothing to connect with: it is listed again and again.
    let actions = next_actions(&mut resume, &mut now);
    assert!(
        actions.contains(&Action::List(ListFrom::Cursor)),
        "{actions:?}"
    );
    resume.list_done(now);
    for _ in 0..100 {
        let actions = next_actions(&mut resume, &mut now);
        assert!(
            actions.contains(&Action::List(ListFrom::Cursor)),
            "{actions:?}"
        );
        resume.list_done(now);
    }
    assert!(now > secs(100));
    next_actions(&mut resume, &mut now);
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_done(now);
    assert!(
        connect(&mut resume, now),
        "with the cursor that the list gave"
    );
    assert_eq!(resume.cursor(), Some("e1"));
    // So is that one: the same again.
    resume.refused(now, rejected);
    let actions = next_actions(&mut resume, &mut now);
    assert!(
        actions.contains(&Action::List(ListFrom::Cursor)),
        "{actions:?}"
    );
}

#[test]
fn a_list_that_does_not_know_the_cursor_is_walked_back() {
    let rejected = Refusal {
        status: 400,
        retry_after: None,
        kind: RefusalKind::CursorRejected,
    };
    let mut resume = live(Policy::default());
    resume.bytes(secs(1), b"id: e1\ndata: 1\n\nid: e2\ndata: 2\n\n");
    resume.bytes(secs(1), b"id: e2\ndata: 2\n\n");
    resume.ended(secs(1), Ending::Clean);
    resume.wake(secs(1));
    connect(&mut resume, secs(2));
    resume.refused(secs(2), rejected);
    let (actions, _) = drain(&mut resume, secs(2));
    assert!(actions.contains(&Action::List(ListFrom::Cursor)));
    resume.list_failed(secs(2), rejected);
    let (actions, _) = drain(&mut resume, secs(2));
    assert!(actions.contains(&Action::List(ListFrom::BackToKnown)));
    assert!(resume.knows("e1") && !resume.knows("e7"));
    // The list may be behind: that it is a gap is said after it was asked a few times more.
    let mut now = secs(2);
    resume.list_gap(now);
    let mut asked = 0;
    loop {
        match drain(&mut resume, now) {
            (_, Action::Done(outcome)) => {
                assert_eq!(outcome, Outcome::Gap);
                break;
            }
            (actions, Action::Wait(Some(due)))
                if actions.iter().all(|o| matches!(o, Action::Notice(_))) =>
            {
                now = due;
                resume.tick(now);
            }
            (actions, _) => {
                if actions.iter().any(|o| matches!(o, Action::Connect { .. })) {
                    asked += 1;
                    resume.refused(now, rejected);
                } else if actions.contains(&Action::List(ListFrom::Cursor)) {
                    resume.list_failed(now, rejected);
                } else {
                    resume.list_gap(now);
                }
            }
        }
    }
    assert_eq!(asked, 6);
    assert!(now > secs(5) && now < secs(60), "{now:?}");
}

#[test]
fn polling_lists_again_and_again_and_opens_nothing() {
    let policy = Policy::default()
        .polling(Polling::Always)
        .pace(Duration::from_secs(2));
    let mut resume = Resume::new(Start::Now, policy, 7, Log);
    let mut now = secs(0);
    assert_eq!(drain(&mut resume, now).0, [Action::List(ListFrom::Newest)]);
    resume.newest(now, None);
    let actions = next_actions(&mut resume, &mut now);
    assert_eq!(
        actions,
        [
            Action::Notice(Notice::Polling),
            Action::List(ListFrom::Beginning)
        ]
    );
    assert!(now >= secs(1) && now <= secs(2), "{now:?}");
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_done(now);
    for _ in 0..1000 {
        let actions = next_actions(&mut resume, &mut now);
        assert_eq!(actions, [Action::List(ListFrom::Cursor)]);
        resume.list_done(now);
    }
    resume.wake(now);
    assert_eq!(drain(&mut resume, now).0, [Action::List(ListFrom::Cursor)]);
    // The list fails: waits as for a connection, and then the same again.
    resume.list_failed(now, UNAVAILABLE);
    let actions = next_actions(&mut resume, &mut now);
    assert!(matches!(
        actions[..],
        [Action::Notice(Notice::Waiting { .. })]
    ));
    assert_eq!(next_actions(&mut resume, &mut now), [Action::GoOn]);
    assert!(!resume.listed(Some("e1"), Class::Durable));
    assert!(resume.listed(Some("e2"), Class::Final));
    assert_eq!(drain(&mut resume, now).1, Action::Done(Outcome::Final));
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

#[test]
fn after_failed_connections_it_polls_and_then_tries_again() {
    let policy = Policy::default().polling(Polling::After(3));
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let mut now = secs(0);
    for _ in 0..3 {
        let actions = next_actions(&mut resume, &mut now);
        assert!(matches!(actions[..], [_, Action::Connect { .. }]));
        resume.refused(now, UNAVAILABLE);
        let actions = next_actions(&mut resume, &mut now);
        assert!(matches!(
            actions[..],
            [Action::Notice(Notice::Waiting { .. })]
        ));
    }
    let actions = next_actions(&mut resume, &mut now);
    assert_eq!(
        actions,
        [
            Action::Notice(Notice::Polling),
            Action::List(ListFrom::Cursor)
        ]
    );
    let mut gaps = Vec::new();
    for _ in 0..2 {
        let since = now;
        loop {
            resume.list_done(now);
            let actions = next_actions(&mut resume, &mut now);
            if matches!(actions[..], [Action::List(_)]) {
                continue;
            }
            assert!(
                matches!(actions[..], [_, Action::Connect { .. }]),
                "{actions:?}"
            );
            break;
        }
        gaps.push(now.saturating_sub(since));
        // A connection that opens and dies has brought nothing either.
        resume.opened(now);
        resume.ended(now, Ending::Clean);
        next_actions(&mut resume, &mut now);
        let actions = next_actions(&mut resume, &mut now);
        assert!(
            actions.contains(&Action::Notice(Notice::Polling)),
            "{actions:?}"
        );
    }
    assert!(gaps[0] >= secs(55) && gaps[0] < secs(65), "{gaps:?}");
    assert!(gaps[1] >= secs(115) && gaps[1] < secs(125), "{gaps:?}");
}

#[test]
fn the_list_has_the_last_word_where_polling_is_allowed() {
    let fatal = |status| Refusal {
        status,
        retry_after: None,
        kind: RefusalKind::Fatal,
    };
    let policy = Policy::default().polling(Polling::After(3));
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    let mut now = secs(0);
    connect(&mut resume, now);
    resume.refused(now, fatal(405));
    next_actions(&mut resume, &mut now);
    let actions = next_actions(&mut resume, &mut now);
    assert!(
        actions.contains(&Action::List(ListFrom::Cursor)),
        "{actions:?}"
    );
    resume.list_failed(now, fatal(404));
    assert_eq!(
        drain(&mut resume, now).1,
        Action::Done(Outcome::Refused { status: 404 })
    );
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
