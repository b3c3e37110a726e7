//! The server: a queue of work, and leases that are held by heartbeats.

use std::collections::HashMap;
use std::time::Duration;

use qoder_types::WorkHeartbeat;

use super::super::{Beat, BeatState, Slot};
use super::chance::Chance;

pub(super) fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// The server's state of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// To be queued at this time.
    Ahead(u64),
    Queued,
    Given(u64),
    Starting(u64),
    Active {
        until: u64,
        last: u64,
        stopping: bool,
    },
    Stopped,
}

pub(super) struct Item {
    pub(super) state: State,
    pub(super) starts: u32,
    /// Whose handler runs: a worker and its slot.
    pub(super) runs: Option<(u64, Slot)>,
    /// When somebody asks for it to be stopped.
    pub(super) asked: Option<u64>,
}

/// The habits of a server, and of its network.
pub(super) struct Habits {
    pub(super) ttl: u64,
    pub(super) honours_keys: bool,
    pub(super) acks_twice: bool,
    pub(super) blocks: bool,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) slow: u64,
    pub(super) broken: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Poll,
    Ack,
    Beat,
    Stop,
}

/// One attempt of a request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) worker: u64,
    pub(super) kind: Kind,
    pub(super) slot: Option<Slot>,
    /// The number that the server knows the write by.
    pub(super) number: u64,
    pub(super) item: usize,
    pub(super) expected: String,
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Work(Option<usize>),
    Done,
    Beat(Beat),
    Failed(Option<Duration>),
    Refused,
}

pub(super) struct Server {
    pub(super) habits: Habits,
    pub(super) items: Vec<Item>,
    /// The answers to the writes, by worker and number.
    answered: HashMap<(u64, u64), Answer>,
    /// Counts the heartbeats that were accepted.
    beats: u64,
}

impl Server {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let habits = Habits {
            ttl: chance.between(3, 60) * 1000,
            honours_keys: chance.percent(50),
            acks_twice: chance.percent(50),
            blocks: chance.percent(50),
            lost: chance.between(0, 25),
            repeated: chance.between(0, 10),
            slow: chance.between(0, 20),
            broken: chance.between(0, 20),
        };
        let items = (0..chance.between(1, 8)).map(|_| Item {
            state: State::Ahead(chance.between(0, 120_000)),
            starts: 0,
            runs: None,
            asked: chance.percent(20).then(|| chance.between(0, 300_000)),
        });
        Self {
            habits,
            items: items.collect(),
            answered: HashMap::new(),
            beats: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        let mut items = self.items.iter();
        items.all(|item| item.state == State::Stopped)
    }

    /// Carries out a request, and returns the server's answer.
    pub(super) fn serve(&mut self, now: u64, request: &Request) -> Result<Answer, String> {
        self.settle(now);
        let key = (request.worker, request.number);
        if self.habits.honours_keys && request.number > 0 {
            if let Some(answer) = self.answered.get(&key) {
                return Ok(answer.clone());
            }
        }
        let answer = match request.kind {
            Kind::Poll => {
                let mut items = self.items.iter_mut().enumerate();
                let next = items.find(|(_, item)| item.state == State::Queued);
                let Some((number, item)) = next else {
                    return Ok(Answer::Work(None));
                };
                if item.runs.is_some() {
                    return Err(format!("{number} is given while {:?} runs it", item.runs));
                }
                item.state = State::Given(now);
                Answer::Work(Some(number))
            }
            Kind::Ack => {
                let state = &mut self.items[request.item].state;
                match *state {
                    State::Given(_) => {
                        *state = State::Starting(now);
                        Answer::Done
                    }
                    State::Starting(_) if self.habits.acks_twice => Answer::Done,
                    _ => Answer::Refused,
                }
            }
            Kind::Beat => self.serve_beat(now, request),
            Kind::Stop => {
                let item = &mut self.items[request.item];
                match item.state {
                    State::Starting(_) | State::Active { .. } | State::Stopped => {
                        item.state = State::Stopped;
                        Answer::Done
                    }
                    _ => Answer::Refused,
                }
            }
        };
        if request.number > 0 {
            self.answered.insert(key, answer.clone());
        }
        Ok(answer)
    }

    fn serve_beat(&mut self, now: u64, request: &Request) -> Answer {
        self.beats += 1;
        let last = self.beats;
        let item = &mut self.items[request.item];
        let beat = Beat {
            last: last.to_string(),
            ttl: ms(self.habits.ttl),
            extended: true,
            state: BeatState::Active,
        };
        let (expected, stopping) = match item.state {
            State::Starting(_) => (WorkHeartbeat::NONE.to_owned(), false),
            State::Active { last, stopping, .. } => (last.to_string(), stopping),
            State::Stopped => {
                return Answer::Beat(Beat {
                    extended: false,
                    state: BeatState::Stopped,
                    ..beat
                });
            }
            _ => return Answer::Refused,
        };
        if request.expected != expected {
            return Answer::Refused;
        }
        let stopping = stopping || item.asked.is_some_and(|asked| asked <= now);
        item.state = State::Active {
            until: now + self.habits.ttl,
            last,
            stopping,
        };
        Answer::Beat(Beat {
            state: if stopping {
                BeatState::Stopping
            } else {
                BeatState::Active
            },
            ..beat
        })
    }

    /// Queues the work again that nobody holds any more at this time.
    fn settle(&mut self, now: u64) {
        for item in &mut self.items {
            let over = match item.state {
                State::Ahead(when) => when <= now,
                State::Given(when) => when + 5000 <= now,
                State::Starting(when) => when + self.habits.ttl <= now,
                State::Active { until, .. } => until <= now,
                State::Queued | State::Stopped => false,
            };
            if over {
                item.state = State::Queued;
            }
        }
    }
}
