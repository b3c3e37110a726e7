//! Thousands of schedules in virtual time: several workers, a server with leases, and a network that
//! loses, delays and repeats. All of a schedule comes from its seed.

mod chance;
mod server;
mod worker;

use std::collections::BTreeMap;

use super::*;
use chance::Chance;
use server::{Answer, Kind, Request, Server, State, ms};
use worker::Worker;

const SEEDS: u64 = 1000;

/// Until then there are faults. After it, everybody left does what they should.
const CALM: u64 = 10 * 60_000;

/// By then everything has to be done.
const END: u64 = CALM + 60 * 60_000;

#[test]
fn no_work_is_done_by_two_at_a_time_and_none_is_forgotten() {
    let mut sum = Report::default();
    for seed in 0..SEEDS {
        match World::new(seed).run() {
            Ok(report) => sum.add(report),
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    // What is not met is not proven.
    assert!(sum.lost > 100, "{sum:?}");
    assert!(sum.not_taken > 100, "{sum:?}");
    assert!(sum.told > 100, "{sum:?}");
    assert!(sum.again > 100, "{sum:?}");
    assert!(sum.unstopped > 0, "{sum:?}");
}

/// The number of times that each situation was met.
#[derive(Debug, Default)]
struct Report {
    started: u32,
    /// Started although it had been before.
    again: u32,
    lost: u32,
    not_taken: u32,
    told: u32,
    unstopped: u32,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.started += other.started;
        self.again += other.again;
        self.lost += other.lost;
        self.not_taken += other.not_taken;
        self.told += other.told;
        self.unstopped += other.unstopped;
    }
}

enum Event {
    Arrives(Request),
    Answers(Request, Answer),
    Ends(u64, Slot),
    /// A worker dies, or shuts down.
    Falls(u64, bool),
}

struct World {
    now: u64,
    chance: Chance,
    server: Server,
    events: BTreeMap<(u64, u64), Event>,
    workers: Vec<Worker>,
    numbers: u64,
    report: Report,
}

fn name(item: usize) -> WorkId {
    format!("work_{item}").into()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let server = Server::new(&mut chance);
        let mut world = Self {
            now: 0,
            server,
            events: BTreeMap::new(),
            workers: Vec::new(),
            numbers: 0,
            report: Report::default(),
            chance,
        };
        for _ in 0..world.chance.between(2, 4) {
            world.hire();
        }
        world
    }

    fn hire(&mut self) {
        let number = self.number();
        let settings = Settings {
            concurrency: usize::try_from(self.chance.between(1, 3)).expect("a few"),
            lease: ms(self.server.habits.ttl),
            grace: ms(self.chance.between(0, 20_000)),
        };
        let from = self.now + self.chance.between(0, 300_000);
        let cut = (from, from + self.chance.between(0, 120_000));
        if self.chance.percent(50) && self.now < CALM {
            let when = self.now + self.chance.between(1000, 300_000);
            let dies = self.chance.percent(50);
            self.at(when, Event::Falls(number, dies));
        }
        self.workers.push(Worker {
            number,
            machine: Machine::new(settings, self.chance.next()),
            wait: Some(self.now),
            concurrency: settings.concurrency,
            held: BTreeMap::new(),
            under_way: BTreeMap::new(),
            ends_by: None,
            second: 0,
            idle_polls: 0,
            sent: BTreeMap::new(),
            cut,
        });
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn at(&mut self, time: u64, event: Event) {
        let number = self.number();
        self.events.insert((time, number), event);
    }

    fn run(mut self) -> Result<Report, String> {
        loop {
            for worker in 0..self.workers.len() {
                if self.workers[worker]
                    .wait
                    .is_some_and(|wait| wait <= self.now)
                {
                    self.drive(worker)?;
                }
            }
            self.leave();
            if self.server.is_done() {
                return self.check();
            }
            let waits = self.workers.iter().filter_map(|worker| worker.wait);
            let events = self.events.first_key_value().map(|((time, _), _)| *time);
            let next = waits.chain(events).min().ok_or("nobody waits")?;
            if next > END {
                return Err(format!("forgotten: {:?}", self.states()));
            }
            if next > self.now {
                self.now = next;
                // Timers come before what arrives at the same time.
                continue;
            }
            if let Some(entry) = self.events.first_entry() {
                let event = entry.remove();
                self.event(event)?;
            }
        }
    }

    fn states(&self) -> Vec<State> {
        self.server.items.iter().map(|item| item.state).collect()
    }

    fn check(self) -> Result<Report, String> {
        for (number, item) in self.server.items.iter().enumerate() {
            if item.starts == 0 && item.asked.is_none() {
                return Err(format!("{number} was never started"));
            }
        }
        Ok(self.report)
    }

    /// Workers that are at their end have successors.
    fn leave(&mut self) {
        let before = self.workers.len();
        self.workers.retain(|worker| worker.wait != Some(u64::MAX));
        for _ in self.workers.len()..before {
            self.hire();
        }
    }

    fn drive(&mut self, at: usize) -> Result<(), String> {
        let now = ms(self.now);
        for _ in 0..1000 {
            let worker = &mut self.workers[at];
            let number = worker.number;
            if worker.ends_by.is_some_and(|by| by < self.now) {
                return Err(format!("{number} doesn't come to its end"));
            }
            match worker.machine.poll(now) {
                Action::Wait(until) => {
                    // To the next millisecond, as a timer would.
                    worker.wait = until.map(|until| {
                        let exact = u64::try_from(until.as_millis()).expect("a time");
                        if ms(exact) < until { exact + 1 } else { exact }
                    });
                    let held = worker.held.len() + usize::from(worker.polls());
                    if held > worker.concurrency {
                        return Err(format!("{number} holds {held}"));
                    }
                    return Ok(());
                }
                Action::Done => {
                    if !worker.held.is_empty() {
                        return Err(format!("{number} left with {:?}", worker.held));
                    }
                    worker.wait = Some(u64::MAX);
                    return Ok(());
                }
                Action::Poll => self.send(at, Kind::Poll, None, 0, String::new(), PATIENCE)?,
                Action::Ack { slot, number } => {
                    self.send(at, Kind::Ack, Some(slot), number, String::new(), PATIENCE)?;
                }
                Action::Stop { slot, number } => {
                    self.send(at, Kind::Stop, Some(slot), number, String::new(), PATIENCE)?;
                }
                Action::Beat {
                    slot,
                    number,
                    expected,
                    limit,
                } => self.send(at, Kind::Beat, Some(slot), number, expected, limit)?,
                Action::Start { slot } => self.start(at, slot)?,
                Action::Tell { slot, .. } => {
                    self.report.told += 1;
                    if self.chance.percent(50) {
                        let when = self.now + self.chance.between(0, 10_000);
                        self.at(when, Event::Ends(number, slot));
                    }
                }
                Action::Cancel { slot, why } => {
                    self.report.lost += u32::from(why == CancelReason::LeaseLost);
                    self.ends(number, slot);
                }
                Action::Release { slot, how } => {
                    let item = worker.held.remove(&slot).ok_or("released twice")?;
                    worker.under_way.retain(|(_, of), _| *of != Some(slot));
                    self.report.not_taken += u32::from(how == Release::NotTaken);
                    self.report.unstopped += u32::from(how == Release::Unstopped);
                    if self.server.items[item].runs == Some((number, slot)) {
                        return Err(format!("{item} was released while its handler ran"));
                    }
                }
            }
        }
        Err("no end of actions".to_owned())
    }

    fn start(&mut self, at: usize, slot: Slot) -> Result<(), String> {
        let worker = &self.workers[at];
        let item = *worker.held.get(&slot).ok_or("started what is not held")?;
        let owner = (worker.number, slot);
        let entry = &mut self.server.items[item];
        if let Some(other) = entry.runs.replace(owner) {
            return Err(format!("{item} is run by {other:?} and {owner:?}"));
        }
        self.report.started += 1;
        self.report.again += u32::from(entry.starts > 0);
        entry.starts += 1;
        let long = if self.chance.percent(50) {
            1000
        } else {
            120_000
        };
        let when = self.now + self.chance.between(0, long);
        self.at(when, Event::Ends(owner.0, slot));
        Ok(())
    }

    /// The handler of a slot is over. Returns whether it ran.
    fn ends(&mut self, worker: u64, slot: Slot) -> bool {
        let owner = Some((worker, slot));
        match self.server.items.iter_mut().find(|item| item.runs == owner) {
            Some(item) => {
                item.runs = None;
                true
            }
            None => false,
        }
    }

    fn send(
        &mut self,
        at: usize,
        kind: Kind,
        slot: Option<Slot>,
        number: u64,
        expected: String,
        limit: Duration,
    ) -> Result<(), String> {
        let id = self.number();
        let now = self.now;
        let worker = &mut self.workers[at];
        let item = match slot {
            Some(slot) => *worker
                .held
                .get(&slot)
                .ok_or_else(|| format!("{kind:?} for what is not held"))?,
            None => 0,
        };
        worker.count(now, slot)?;
        if worker.under_way.insert((kind, slot), id).is_some() {
            return Err(format!("two of {kind:?} at a time"));
        }
        let (cut, worker) = (worker.cut, worker.number);
        let request = Request {
            id,
            worker,
            kind,
            slot,
            number,
            item,
            expected,
        };
        let limit = u64::try_from(limit.as_millis()).expect("a time").max(1);
        let gives_up = Event::Answers(request.clone(), Answer::Failed(None));
        self.at(now + limit, gives_up);
        let cut = (cut.0..cut.1).contains(&now);
        if now < CALM && (cut || self.chance.percent(self.server.habits.lost)) {
            return Ok(());
        }
        if now < CALM && self.chance.percent(self.server.habits.repeated) {
            let delay = self.delay();
            self.at(now + delay, Event::Arrives(request.clone()));
        }
        let delay = self.delay();
        self.at(now + delay, Event::Arrives(request));
        Ok(())
    }

    fn delay(&mut self) -> u64 {
        if self.now < CALM && self.chance.percent(self.server.habits.slow) {
            return self.chance.between(1, 60_000);
        }
        self.chance.between(1, 100)
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Arrives(request) => {
                let faulty = self.now < CALM;
                let mut answer = if faulty && self.chance.percent(self.server.habits.broken) {
                    let hint = self.chance.percent(50);
                    Answer::Failed(hint.then(|| ms(self.chance.between(0, 30_000))))
                } else {
                    self.server.serve(self.now, &request)?
                };
                if faulty && self.chance.percent(self.server.habits.lost) {
                    return Ok(());
                }
                // Done, and the answer is no answer.
                if faulty && self.chance.percent(self.server.habits.broken / 2) {
                    answer = Answer::Failed(None);
                }
                let blocks = self.server.habits.blocks && matches!(answer, Answer::Work(None));
                let delay = self.delay() + if blocks { 999 } else { 0 };
                self.at(self.now + delay, Event::Answers(request, answer));
                Ok(())
            }
            Event::Answers(request, answer) => self.answer(request, answer),
            Event::Ends(worker, slot) => {
                if self.ends(worker, slot) {
                    if let Some(at) = self.find(worker) {
                        let now = ms(self.now);
                        self.workers[at].machine.ended(now, slot);
                        return self.drive(at);
                    }
                }
                Ok(())
            }
            Event::Falls(worker, dies) => {
                let Some(at) = self.find(worker) else {
                    return Ok(());
                };
                if dies {
                    for item in &mut self.server.items {
                        item.runs = item.runs.filter(|(of, _)| *of != worker);
                    }
                    self.workers[at].wait = Some(u64::MAX);
                    return Ok(());
                }
                // The grace, and then the stops.
                let stops = u64::from(STOPS) * (self.server.habits.ttl / 3 + 10_000);
                let worker = &mut self.workers[at];
                worker.ends_by = Some(self.now + 20_000 + stops);
                worker.machine.shut_down(ms(self.now));
                self.drive(at)
            }
        }
    }

    fn find(&self, worker: u64) -> Option<usize> {
        self.workers.iter().position(|other| other.number == worker)
    }

    fn answer(&mut self, request: Request, answer: Answer) -> Result<(), String> {
        let Some(at) = self.find(request.worker) else {
            return Ok(());
        };
        let now = ms(self.now);
        let worker = &mut self.workers[at];
        let key = (request.kind, request.slot);
        // It was given up meanwhile, or answered.
        if worker.under_way.get(&key) != Some(&request.id) {
            return Ok(());
        }
        worker.under_way.remove(&key);
        let machine = &mut worker.machine;
        match (request.kind, request.slot, answer) {
            (Kind::Poll, _, Answer::Work(work)) => match work {
                Some(item) => match machine.polled(now, Some(name(item))) {
                    Some(slot) => {
                        worker.held.insert(slot, item);
                    }
                    None => worker.idle_polls += 1,
                },
                None => {
                    machine.polled(now, None);
                    worker.idle_polls += 1;
                }
            },
            (Kind::Poll, _, Answer::Failed(hint)) => {
                machine.poll_failed(now, hint);
                worker.idle_polls += 1;
            }
            (Kind::Ack | Kind::Beat | Kind::Stop, Some(slot), Answer::Refused) => {
                machine.refused(now, slot);
            }
            (Kind::Ack, Some(slot), Answer::Done) => machine.acked(now, slot),
            (Kind::Ack, Some(slot), Answer::Failed(hint)) => {
                machine.failed(now, slot, WriteKind::Ack, hint);
            }
            (Kind::Beat, Some(slot), Answer::Beat(beat)) => machine.beaten(now, slot, beat),
            (Kind::Beat, Some(slot), Answer::Failed(hint)) => {
                machine.failed(now, slot, WriteKind::Beat, hint);
            }
            (Kind::Stop, Some(slot), Answer::Done) => machine.stopped(now, slot),
            (Kind::Stop, Some(slot), Answer::Failed(hint)) => {
                machine.failed(now, slot, WriteKind::Stop, hint);
            }
            other => return Err(format!("an odd answer: {other:?}")),
        }
        if worker.idle_polls > 4 {
            return Err(format!("{} polls in a second", worker.idle_polls));
        }
        self.drive(at)
    }
}
