//! Polling: the list asked again and again, by choice or where connections don't work.

use std::time::Duration;

use crate::log::{Log, UNAVAILABLE, connect, drain, next_actions, secs};
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Ending, ListFrom, Notice, Outcome, Policy, Polling, Refusal, RefusalKind, Resume, Start,
};

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
