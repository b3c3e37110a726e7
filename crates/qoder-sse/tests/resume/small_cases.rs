//! A server in memory, and every small case of what it may do to the machine.
#![allow(clippy::format_push_string, reason = "small texts")]

use std::time::Duration;

use crate::log::Log;
use qoder_sse::Class;
use qoder_sse::resume::{
    Action, Ending, ListFrom, Outcome, Policy, Refusal, RefusalKind, Resume, Start, State,
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
