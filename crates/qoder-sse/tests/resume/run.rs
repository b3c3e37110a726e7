//! A machine with its time, driven in the words of its rules.

use std::time::Duration;

use crate::log::{Log, secs};
use qoder_sse::Class;
use qoder_sse::resume::{Action, Ending, ListFrom, Notice, Policy, Resume, Start, State};

/// A machine, and the time.
pub(crate) struct Run {
    pub(crate) machine: Resume<Log>,
    pub(crate) now: Duration,
}

impl Run {
    pub(crate) fn new(start: Start, policy: Policy) -> Self {
        Self {
            machine: Resume::new(start, policy, 7, Log),
            now: secs(0),
        }
    }

    /// One that is live after `e0`.
    pub(crate) fn live(policy: Policy) -> Self {
        let mut run = Self::new(Start::After("e0".to_owned()), policy);
        run.opens();
        run
    }

    /// One whose first connection, without a cursor, is open while the list is asked for.
    pub(crate) fn parked(policy: Policy) -> Self {
        let mut run = Self::new(Start::Beginning, policy);
        assert_eq!(run.actions(), [Action::List(ListFrom::Beginning)]);
        run.lists([]);
        assert!(!run.connects());
        run.machine.opened(run.now);
        run.actions();
        assert_eq!(run.machine.state(), State::Parked);
        run
    }

    /// What there is to do now.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        loop {
            match self.machine.poll(self.now) {
                Action::Wait(_) => return actions,
                done @ Action::Done(_) => {
                    actions.push(done);
                    return actions;
                }
                other => actions.push(other),
            }
        }
    }

    /// When it is to be told that time has passed, if nothing comes.
    pub(crate) fn due(&mut self) -> Duration {
        assert_eq!(self.actions(), []);
        match self.machine.poll(self.now) {
            Action::Wait(Some(due)) => due,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass until there is something to do.
    pub(crate) fn next(&mut self) -> Vec<Action> {
        loop {
            let actions = self.actions();
            if !actions.is_empty() {
                return actions;
            }
            self.now = self.due();
            self.machine.tick(self.now);
        }
    }

    /// The next request: whether it is a connection, and is to have the cursor.
    pub(crate) fn connects(&mut self) -> bool {
        loop {
            for action in self.next() {
                match action {
                    Action::Connect { cursor, .. } => return cursor,
                    Action::List(_) | Action::GoOn | Action::Done(_) => panic!("{action:?}"),
                    _ => {}
                }
            }
        }
    }

    /// The next request, which is for a list.
    pub(crate) fn asks(&mut self) -> Option<ListFrom> {
        loop {
            for action in self.next() {
                match action {
                    Action::List(from) => return Some(from),
                    Action::GoOn => return None,
                    Action::Connect { .. } | Action::Done(_) => panic!("{action:?}"),
                    _ => {}
                }
            }
        }
    }

    pub(crate) fn opens(&mut self) {
        self.connects();
        self.machine.opened(self.now);
        self.actions();
    }

    /// A list with these entries comes to its end.
    pub(crate) fn lists<const N: usize>(&mut self, ids: [&str; N]) {
        for id in ids {
            self.machine.listed(Some(id), Class::Durable);
        }
        self.machine.list_done(self.now);
    }

    /// What is delivered of these bytes.
    pub(crate) fn bytes(&mut self, text: &str) -> Vec<String> {
        let (mut rest, mut delivered) = (text.as_bytes(), Vec::new());
        while !rest.is_empty() && self.machine.reads() {
            let fed = self.machine.bytes(self.now, rest);
            rest = &rest[fed.consumed..];
            delivered.extend(fed.delivery.map(|it| it.frame.data().to_owned()));
            if fed.consumed == 0 {
                break;
            }
        }
        delivered
    }

    /// The connection ends; how long it is waited for the next one.
    pub(crate) fn ends(&mut self) -> Duration {
        self.machine.ended(self.now, Ending::Clean);
        waits(&self.actions()).expect("a wait")
    }
}

/// How long it is waited, if it is.
pub(crate) fn waits(actions: &[Action]) -> Option<Duration> {
    actions.iter().find_map(|action| match action {
        Action::Notice(Notice::Waiting { delay, .. }) => Some(*delay),
        _ => None,
    })
}

pub(crate) const SHORT: Duration = Duration::from_millis(100);

/// An entry as a frame.
pub(crate) fn entry(n: usize) -> String {
    format!("id: e{n}\ndata: {n}\n\n")
}
