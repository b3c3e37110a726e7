//! What the tests of the resume machine share: a log, and a machine that follows it.

use std::borrow::Cow;
use std::time::Duration;

use qoder_sse::resume::{Action, Fault, Notice, Policy, Refusal, RefusalKind, Resume, Start};
use qoder_sse::{Class, Classify, Frame};

/// `p…` is a preview, `.` a pulse, `end` the last entry, everything else an entry of its own id.
pub(crate) struct Log;

impl Classify for Log {
    fn classify(&mut self, frame: &Frame<'_>) -> Class {
        match frame.data() {
            "end" => Class::Final,
            "." => Class::Pulse,
            "[DONE]" => Class::EndOfStream,
            "fault" => Class::Fault(Fault::Transient),
            "fatal" => Class::Fault(Fault::Fatal),
            "unknown cursor" => Class::Fault(Fault::CursorRejected),
            text if text.starts_with('p') => Class::Preview,
            _ => Class::Durable,
        }
    }

    fn id<'f>(&'f mut self, frame: &'f Frame<'_>) -> Option<Cow<'f, str>> {
        frame.id().map(Cow::Borrowed)
    }
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A machine that is live on its first connection, after `e0`.
pub(crate) fn live(policy: Policy) -> Resume<Log> {
    let mut resume = Resume::new(Start::After("e0".to_owned()), policy, 7, Log);
    connect(&mut resume, secs(0));
    resume.opened(secs(0));
    drain(&mut resume, secs(0));
    resume
}

pub(crate) fn connect(resume: &mut Resume<Log>, now: Duration) -> bool {
    loop {
        match resume.poll(now) {
            Action::Connect { cursor, .. } => return cursor,
            Action::Wait(_) | Action::Done(_) => panic!("no connection is asked for"),
            _ => {}
        }
    }
}

pub(crate) fn drain(resume: &mut Resume<Log>, now: Duration) -> (Vec<Action>, Action) {
    let mut actions = Vec::new();
    loop {
        match resume.poll(now) {
            last @ (Action::Wait(_) | Action::Done(_)) => return (actions, last),
            other => actions.push(other),
        }
    }
}

/// The waits of a machine whose attempts all end so.
pub(crate) fn waits(
    resume: &mut Resume<Log>,
    mut now: Duration,
    mut attempt: impl FnMut(&mut Resume<Log>, Duration),
) -> Vec<Duration> {
    let mut waits = Vec::new();
    loop {
        match resume.poll(now) {
            Action::Connect { .. } => attempt(resume, now),
            Action::Notice(Notice::Waiting { delay, .. }) => waits.push(delay),
            Action::Wait(Some(due)) => {
                now = due;
                resume.tick(now);
            }
            Action::Done(_) => return waits,
            _ => {}
        }
    }
}

pub(crate) const UNAVAILABLE: Refusal = Refusal {
    status: 503,
    retry_after: None,
    kind: RefusalKind::Transient,
};

/// Lets time pass until there is something to do.
pub(crate) fn next_actions(resume: &mut Resume<Log>, now: &mut Duration) -> Vec<Action> {
    loop {
        match drain(resume, *now) {
            (actions, Action::Wait(Some(due))) if actions.is_empty() => {
                *now = due;
                resume.tick(due);
            }
            (actions, _) => return actions,
        }
    }
}

/// The server doesn't know the cursor.
pub(crate) const REJECTED: Refusal = Refusal {
    status: 400,
    retry_after: None,
    kind: RefusalKind::CursorRejected,
};

/// Goes on to the next time that the machine waits for, and says what it asks for then.
pub(crate) fn then(resume: &mut Resume<Log>, now: &mut Duration) -> Vec<Action> {
    if let (actions, Action::Wait(Some(due))) = drain(resume, *now) {
        assert_eq!(actions, [], "nothing is left to do");
        *now = due;
        resume.tick(due);
    }
    drain(resume, *now).0
}

/// Whether a list is asked for.
pub(crate) fn lists(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::List(_)))
}

/// Whether a connection is asked for.
pub(crate) fn connects(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Connect { .. }))
}
