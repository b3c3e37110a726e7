//! Thousands of schedules in virtual time: several workers, a server with leases, and a network that
//! loses, delays and repeats. All of a schedule comes from its seed.

use std::collections::{BTreeMap, HashMap};

use super::*;

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

/// What was met.
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

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// How far a piece of work is, at the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
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

struct Item {
    state: State,
    starts: u32,
    /// Whose handler runs: a worker and its slot.
    runs: Option<(u64, Slot)>,
    /// When somebody asks for it to be stopped.
    asked: Option<u64>,
}

/// The habits of a server, and of its network.
struct Habits {
    ttl: u64,
    honours_keys: bool,
    acks_twice: bool,
    blocks: bool,
    lost: u64,
    repeated: u64,
    slow: u64,
    broken: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Poll,
    Ack,
    Beat,
    Stop,
}

/// One attempt of a request.
#[derive(Clone, Debug)]
struct Request {
    id: u64,
    worker: u64,
    kind: Kind,
    slot: Option<Slot>,
    /// What the server knows the write by.
    number: u64,
    item: usize,
    expected: String,
}

#[derive(Clone, Debug)]
enum Answer {
    Work(Option<usize>),
    Done,
    Beat(Beat),
    Failed(Option<Duration>),
    Refused,
}

enum Event {
    Arrives(Request),
    Answers(Request, Answer),
    Ends(u64, Slot),
    /// A worker dies, or shuts down.
    Falls(u64, bool),
}

struct Worker {
    number: u64,
    machine: Machine,
    wait: Option<u64>,
    concurrency: usize,
    held: BTreeMap<Slot, usize>,
    under_way: BTreeMap<(Kind, Option<Slot>), u64>,
    /// By when it has to be at its end.
    ends_by: Option<u64>,
    /// The second, and what was sent in it: polls that brought nothing, and the rest by slot.
    second: u64,
    idle_polls: u32,
    sent: BTreeMap<Slot, u32>,
    /// Nothing gets through in this time.
    cut: (u64, u64),
}

struct World {
    now: u64,
    chance: Chance,
    habits: Habits,
    events: BTreeMap<(u64, u64), Event>,
    items: Vec<Item>,
    workers: Vec<Worker>,
    answered: HashMap<(u64, u64), Answer>,
    numbers: u64,
    report: Report,
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn name(item: usize) -> WorkId {
    format!("work_{item}").into()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
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
        let items = items.collect();
        let mut world = Self {
            now: 0,
            habits,
            events: BTreeMap::new(),
            items,
            workers: Vec::new(),
            answered: HashMap::new(),
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
            lease: ms(self.habits.ttl),
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
            if self.items.iter().all(|item| item.state == State::Stopped) {
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
        self.items.iter().map(|item| item.state).collect()
    }

    fn check(self) -> Result<Report, String> {
        for (number, item) in self.items.iter().enumerate() {
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
                    if self.items[item].runs == Some((number, slot)) {
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
        let entry = &mut self.items[item];
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
        match self.items.iter_mut().find(|item| item.runs == owner) {
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
        if now < CALM && (cut || self.chance.percent(self.habits.lost)) {
            return Ok(());
        }
        if now < CALM && self.chance.percent(self.habits.repeated) {
            let delay = self.delay();
            self.at(now + delay, Event::Arrives(request.clone()));
        }
        let delay = self.delay();
        self.at(now + delay, Event::Arrives(request));
        Ok(())
    }

    fn delay(&mut self) -> u64 {
        if self.now < CALM && self.chance.percent(self.habits.slow) {
            return self.chance.between(1, 60_000);
        }
        self.chance.between(1, 100)
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Arrives(request) => {
                let faulty = self.now < CALM;
                let mut answer = if faulty && self.chance.percent(self.habits.broken) {
                    let hint = self.chance.percent(50);
                    Answer::Failed(hint.then(|| ms(self.chance.between(0, 30_000))))
                } else {
                    self.serve(&request)?
                };
                if faulty && self.chance.percent(self.habits.lost) {
                    return Ok(());
                }
                // Done, and the answer is no answer.
                if faulty && self.chance.percent(self.habits.broken / 2) {
                    answer = Answer::Failed(None);
                }
                let blocks = self.habits.blocks && matches!(answer, Answer::Work(None));
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
                    for item in &mut self.items {
                        item.runs = item.runs.filter(|(of, _)| *of != worker);
                    }
                    self.workers[at].wait = Some(u64::MAX);
                    return Ok(());
                }
                // The grace, and then the stops.
                let stops = u64::from(STOPS) * (self.habits.ttl / 3 + 10_000);
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
            (Kind::Ack, Some(slot), Answer::Done) => machine.acked(now, slot),
            (Kind::Ack, Some(slot), Answer::Refused) => machine.ack_refused(now, slot),
            (Kind::Ack, Some(slot), Answer::Failed(hint)) => {
                machine.ack_failed(now, slot, hint);
            }
            (Kind::Beat, Some(slot), Answer::Beat(beat)) => machine.beaten(now, slot, beat),
            (Kind::Beat, Some(slot), Answer::Refused) => machine.beat_refused(now, slot),
            (Kind::Beat, Some(slot), Answer::Failed(hint)) => {
                machine.beat_failed(now, slot, hint);
            }
            (Kind::Stop, Some(slot), Answer::Done) => machine.stopped(now, slot),
            (Kind::Stop, Some(slot), Answer::Refused) => machine.stop_refused(now, slot),
            (Kind::Stop, Some(slot), Answer::Failed(hint)) => {
                machine.stop_failed(now, slot, hint);
            }
            other => return Err(format!("an odd answer: {other:?}")),
        }
        if worker.idle_polls > 4 {
            return Err(format!("{} polls in a second", worker.idle_polls));
        }
        self.drive(at)
    }

    /// What the server does with a request, and says.
    fn serve(&mut self, request: &Request) -> Result<Answer, String> {
        self.settle();
        let key = (request.worker, request.number);
        if self.habits.honours_keys && request.number > 0 {
            if let Some(answer) = self.answered.get(&key) {
                return Ok(answer.clone());
            }
        }
        let now = self.now;
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
            Kind::Beat => self.serve_beat(request),
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

    fn serve_beat(&mut self, request: &Request) -> Answer {
        let last = self.number();
        let now = self.now;
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

    /// What time does to the work: what nobody holds is queued again.
    fn settle(&mut self) {
        for item in &mut self.items {
            let over = match item.state {
                State::Ahead(when) => when <= self.now,
                State::Given(when) => when + 5000 <= self.now,
                State::Starting(when) => when + self.habits.ttl <= self.now,
                State::Active { until, .. } => until <= self.now,
                State::Queued | State::Stopped => false,
            };
            if over {
                item.state = State::Queued;
            }
        }
    }
}

impl Worker {
    fn polls(&self) -> bool {
        self.under_way.contains_key(&(Kind::Poll, None))
    }

    fn count(&mut self, now: u64, slot: Option<Slot>) -> Result<(), String> {
        if self.second != now / 1000 {
            self.second = now / 1000;
            self.idle_polls = 0;
            self.sent.clear();
        }
        if let Some(slot) = slot {
            let sent = self.sent.entry(slot).or_default();
            *sent += 1;
            if *sent > 8 {
                return Err(format!("{sent} requests in a second for {slot:?}"));
            }
        }
        Ok(())
    }
}
