//! What the machine takes for its cursor, and what it does if the server sees it otherwise.

use std::time::Duration;

use crate::log::{Log, REJECTED, connect, connects, drain, live, next_actions, secs};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, AllDurable, Cause, Ending, ListFrom, Notice, Outcome, Policy, Resume, Start,
};

/// Reconnects, and opens.
fn reopen(resume: &mut Resume<Log>, now: &mut Duration) {
    resume.ended(*now, Ending::Clean);
    while !connects(&next_actions(resume, now)) {}
    resume.opened(*now);
    drain(resume, *now);
}

/// The ids of the entries that are delivered of a text.
fn delivered(resume: &mut Resume<Log>, now: Duration, text: &str, most: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for mut rest in text.as_bytes().chunks(most) {
        while !rest.is_empty() && resume.reads() {
            let fed = resume.bytes(now, rest);
            rest = &rest[fed.consumed..];
            if let Some(id) = fed.delivery.and_then(|delivery| delivery.frame.id()) {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

fn entries(from: usize, to: usize) -> String {
    let entry = |n| format!("id: e{n}\ndata: {n}\n\n");
    (from..=to).map(entry).collect()
}

#[test]
fn a_log_that_begins_anew_is_passed_over_up_to_the_cursor() {
    // More than is remembered, and cut anywhere: the first entry ever gives it away.
    for most in [7, 100, 1 << 20] {
        let mut resume = live(Policy::default().remembered(3));
        let mut now = secs(1);
        assert_eq!(delivered(&mut resume, now, &entries(1, 20), most).len(), 20);
        reopen(&mut resume, &mut now);
        assert_eq!(
            delivered(&mut resume, now, &entries(1, 22), most),
            ["e21", "e22"],
            "in pieces of {most}"
        );
    }
}

#[test]
fn a_cursor_in_sight_behind_other_entries_is_where_it_begins() {
    let mut resume = live(Policy::default().remembered(3));
    let mut now = secs(1);
    delivered(&mut resume, now, &entries(1, 20), 1 << 20);
    reopen(&mut resume, &mut now);
    assert_eq!(
        delivered(&mut resume, now, &entries(10, 22), 1 << 20),
        ["e21", "e22"]
    );
    // A cursor at the beginning is only repeated, and previews ahead of it don't matter.
    reopen(&mut resume, &mut now);
    let text = format!("data: p\n\n{}", entries(22, 23));
    assert_eq!(delivered(&mut resume, now, &text, 1 << 20), ["e23"]);
}

#[test]
fn a_server_that_ignores_the_cursor_is_an_error_where_it_cannot_be_told_in_time() {
    let mut resume = live(Policy::default().remembered(3));
    let mut now = secs(1);
    delivered(&mut resume, now, &entries(1, 20), 1 << 20);
    reopen(&mut resume, &mut now);
    // Not the first entry there was, and the cursor is in a later chunk.
    delivered(&mut resume, now, &entries(10, 22), 16);
    assert_eq!(
        drain(&mut resume, now).1,
        Action::Done(Outcome::CursorIgnored)
    );
}

#[test]
fn where_nothing_is_a_repetition_nothing_is_passed_over() {
    let mut resume = live(Policy::default().remembered(0));
    let mut now = secs(1);
    let same = "id: e1\ndata: 1\n\nid: e2\ndata: 2\n\nid: e2\ndata: 3\n\n";
    assert_eq!(delivered(&mut resume, now, same, 9).len(), 3);
    reopen(&mut resume, &mut now);
    // Ids in a circle: the first one comes again, and it is another entry.
    assert_eq!(delivered(&mut resume, now, same, 1 << 20).len(), 3);
}

#[test]
fn a_cursor_that_the_stream_rejects_is_repaired_from_the_list() {
    let mut resume = live(Policy::default());
    let fed = resume.bytes(secs(1), b"data: unknown cursor\n\n");
    assert!(fed.delivery.is_none(), "nobody has to see it");
    let (actions, _) = drain(&mut resume, secs(1));
    let gone = Action::Notice(Notice::Lost(Cause::Fault));
    let repair = Action::Notice(Notice::Repairing);
    let list = Action::List(ListFrom::Cursor);
    assert_eq!(actions, [Action::Release, gone, repair, list]);
    assert!(resume.listed(Some("e1"), Class::Durable));
    resume.list_done(secs(1));
    assert!(connect(&mut resume, secs(1)));
    assert_eq!(resume.cursor(), Some("e1"));
}

#[test]
fn a_rejected_cursor_without_a_list_or_without_a_cursor_is_the_end() {
    // No cursor was sent.
    let mut resume = Resume::new(Start::Attach, Policy::default(), 7, Log);
    assert!(!connect(&mut resume, secs(0)));
    resume.opened(secs(0));
    drain(&mut resume, secs(0));
    let fed = resume.bytes(secs(1), b"data: unknown cursor\n\n");
    assert!(fed.delivery.is_some(), "the words of the server");
    assert_eq!(drain(&mut resume, secs(1)).1, Action::Done(Outcome::Fault));
    // There is no list to repair it from.
    let mut resume = Resume::new(Start::Attach, Policy::default(), 7, Log);
    let mut now = secs(0);
    connect(&mut resume, now);
    resume.opened(now);
    drain(&mut resume, now);
    resume.bytes(now, b"id: e1\ndata: 1\n\n");
    resume.ended(now, Ending::Clean);
    while !connects(&next_actions(&mut resume, &mut now)) {}
    resume.refused(now, REJECTED);
    assert_eq!(drain(&mut resume, now).1, Action::Done(Outcome::Gap));
    // And none was sent to reject.
    let mut resume = Resume::new(Start::Attach, Policy::default(), 7, Log);
    connect(&mut resume, secs(0));
    resume.refused(secs(0), REJECTED);
    let refused = Outcome::Refused { status: 400 };
    assert_eq!(drain(&mut resume, secs(0)).1, Action::Done(refused));
}

#[test]
fn where_all_is_durable_the_cursor_is_the_last_event_id() {
    let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    while !matches!(resume.poll(secs(0)), Action::Connect { .. }) {}
    resume.opened(secs(0));
    while !matches!(resume.poll(secs(0)), Action::Wait(_)) {}
    for (text, cursor) in [
        ("id: 1\ndata: a\n\n", Some("1")),
        ("data: b\n\n", Some("1")),
        ("id: 2\n\n", Some("2")),
        ("id\n\n", None),
        ("id: 3\ndata: c\n\n", Some("3")),
        ("id\ndata: d\n\n", None),
        ("id: 4\n\n", Some("4")),
    ] {
        resume.bytes(secs(1), text.as_bytes());
        assert_eq!(resume.cursor(), cursor, "{text:?}");
    }
    // It is so for the next request too.
    resume.ended(secs(1), Ending::Clean);
    assert_eq!(resume.cursor(), Some("4"));
}

/// Entries of the log, and the cursor the last event id: with a list beside it.
struct Follows;

impl qoder_sse::Classify for Follows {
    fn classify(&mut self, _: &qoder_sse::Frame<'_>) -> Class {
        Class::Durable
    }

    fn follows_last_id(&self) -> bool {
        true
    }
}

#[test]
fn a_block_that_moves_the_cursor_does_so_before_a_list_beside_it() {
    let policy = Policy::default().polling(qoder_sse::resume::Polling::Auto);
    let mut resume = Resume::new(Start::After("4".to_owned()), policy, 7, Follows);
    while !matches!(resume.poll(secs(0)), Action::Connect { .. }) {}
    resume.opened(secs(0));
    while !matches!(resume.poll(secs(0)), Action::Wait(_)) {}
    resume.tick(secs(5));
    while resume.poll(secs(5)) != Action::List(ListFrom::Cursor) {}
    resume.bytes(secs(6), b"id: 5\n\n");
    assert!(resume.listed(Some("7"), Class::Durable));
    assert_eq!(resume.cursor(), Some("7"), "5 came before it");
    resume.poll(secs(6));
    assert_eq!(resume.cursor(), Some("7"), "and stays there");
}

#[test]
fn an_empty_newest_id_is_no_cursor() {
    let mut resume = Resume::new(Start::Now, Policy::default(), 7, Log);
    drain(&mut resume, secs(0));
    resume.newest(secs(0), Some(""));
    assert!(!connect(&mut resume, secs(0)));
    assert_eq!(resume.cursor(), None);
}

/// Previews, counted as they are looked at.
struct Counted(usize);

impl qoder_sse::Classify for Counted {
    fn classify(&mut self, _: &qoder_sse::Frame<'_>) -> Class {
        self.0 += 1;
        Class::Preview
    }
}

#[test]
fn what_comes_before_the_first_entry_is_looked_ahead_at_once_a_chunk() {
    let start = Start::After("e0".to_owned());
    let mut resume = Resume::new(start, Policy::default(), 7, Counted(0));
    while !matches!(resume.poll(secs(0)), Action::Connect { .. }) {}
    resume.opened(secs(0));
    let text = "data: p\n\n".repeat(1000);
    let mut delivered = 0;
    for mut rest in text.as_bytes().chunks(1024) {
        while !rest.is_empty() {
            let fed = resume.bytes(secs(1), rest);
            rest = &rest[fed.consumed..];
            delivered += usize::from(fed.delivery.is_some());
        }
    }
    assert_eq!(delivered, 1000);
    let looks = resume.classifier().0;
    assert!(looks <= 2000, "each twice at most: {looks}");
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
fn a_cursor_that_is_rejected_is_never_sent_again() {
    let mut resume = Resume::new(Start::After("e0".to_owned()), Policy::default(), 7, Log);
    let mut now = secs(0);
    connect(&mut resume, now);
    resume.refused(now, REJECTED);
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
    resume.refused(now, REJECTED);
    let actions = next_actions(&mut resume, &mut now);
    assert!(
        actions.contains(&Action::List(ListFrom::Cursor)),
        "{actions:?}"
    );
}

#[test]
fn a_list_that_does_not_know_the_cursor_is_walked_back() {
    let mut resume = live(Policy::default());
    resume.bytes(secs(1), b"id: e1\ndata: 1\n\nid: e2\ndata: 2\n\n");
    resume.bytes(secs(1), b"id: e2\ndata: 2\n\n");
    resume.ended(secs(1), Ending::Clean);
    resume.wake(secs(1));
    connect(&mut resume, secs(2));
    resume.refused(secs(2), REJECTED);
    let (actions, _) = drain(&mut resume, secs(2));
    assert!(actions.contains(&Action::List(ListFrom::Cursor)));
    resume.list_failed(secs(2), REJECTED);
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
                    resume.refused(now, REJECTED);
                } else if actions.contains(&Action::List(ListFrom::Cursor)) {
                    resume.list_failed(now, REJECTED);
                } else {
                    resume.list_gap(now);
                }
            }
        }
    }
    assert_eq!(asked, 6);
    assert!(now > secs(5) && now < secs(60), "{now:?}");
}
