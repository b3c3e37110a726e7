//! The state of a run: the log as of now, what was answered, and what the caller was handed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::chance::Chance;
use super::schedule::{From, Schedule};

/// The state that the server and the one who checks have in common.
#[derive(Debug)]
pub(super) struct World {
    pub(super) schedule: Arc<Schedule>,
    pub(super) chance: Chance,
    pub(super) started: Instant,
    pub(super) trace: bool,
    pub(super) faults_left: usize,
    /// The number of events that the caller has been handed, counted from the beginning of the log.
    pub(super) delivered: usize,
    /// The first event that the follower of now may get: nothing before it is repeated to it.
    pub(super) first: usize,
    /// When something was handed over last, that was new to the caller.
    pub(super) progress: Instant,
    /// The part of the time since then that was the caller's own.
    pub(super) paused: Duration,
    /// Events without an id that were said on streams, and not handed over yet.
    pub(super) strays: HashMap<String, usize>,
    /// Streams that were opened.
    pub(super) connections: usize,
    /// Lists that were asked for.
    pub(super) lists: u32,
    /// The answer to the question for the newest event: how many there were.
    pub(super) anchor: Option<usize>,
    /// The same, before it is clear that it was the newest.
    pub(super) newest: usize,
    /// The number of events that were given from there on.
    pub(super) given: usize,
    /// The number of events whenever a way through the list began, newest first, or went on.
    pub(super) looks: Vec<(bool, usize)>,
    /// Something was answered that ends following for good.
    pub(super) refused: bool,
    /// Requests since the last event was handed over.
    pub(super) requests: u32,
    /// Faults since then.
    pub(super) fruitless: u32,
    /// No request is due before this, unless somebody wakes the follower.
    pub(super) not_before: Option<Instant>,
    /// Cursors that the stream rejected, and whether the list knew them then.
    pub(super) rejected: Vec<(String, bool)>,
    /// Connections that are open.
    pub(super) open: usize,
    /// When the times of the log begin: at once, or as the message of a turn is accepted.
    pub(super) log_started: Option<Instant>,
    /// The key of that message.
    pub(super) key: Option<String>,
    /// The answers to tool uses that were accepted.
    pub(super) answers: Answers,
    /// Whether the turn is begun, and its events are followed.
    pub(super) opened: bool,
    /// The steps of any kind since the last event was handed over.
    steps: u64,
    /// The most of them so far.
    pub(super) most_steps: u64,
    /// The faults that the server found with its client.
    pub(super) complaint: Option<String>,
}

/// The answers that a server keeps.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Under each key, what was accepted.
    pub(super) stored: HashMap<String, serde_json::Value>,
    /// Which tool uses they are of.
    pub(super) of: HashSet<String>,
    /// One was refused for good reason.
    pub(super) refused: bool,
}

/// The number of requests, reads and updates that there may be between two events: some three times what
/// there are in the longest of a million runs.
const STEPS: u64 = 400_000;

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl World {
    pub(super) fn new(schedule: Arc<Schedule>, trace: bool) -> Shared {
        let now = Instant::now();
        Arc::new(Mutex::new(Self {
            chance: Chance::new(schedule.seed ^ 0xFA17),
            started: now,
            trace,
            faults_left: schedule.faults,
            delivered: 0,
            first: 0,
            progress: now,
            paused: Duration::ZERO,
            strays: HashMap::new(),
            connections: 0,
            lists: 0,
            anchor: None,
            newest: 0,
            given: 0,
            looks: Vec::new(),
            refused: false,
            requests: 0,
            fruitless: 0,
            not_before: None,
            rejected: Vec::new(),
            open: 0,
            log_started: schedule.turn.is_none().then_some(now),
            key: None,
            answers: Answers::default(),
            opened: false,
            steps: 0,
            most_steps: 0,
            complaint: None,
            schedule,
        }))
    }

    /// A new follower begins, with no memory of its own.
    pub(super) fn forget(&mut self) {
        if self.delivered == 0 {
            // Nothing was there and nothing came: `Now` is another time for the next one.
            self.anchor = None;
        }
        // What has no name comes again to whoever goes on after what has one.
        let entries = &self.schedule.entries[..self.delivered];
        let unnamed = entries.iter().rev().take_while(|entry| entry.unnamed);
        self.delivered -= unnamed.count();
        self.first = self.delivered;
        self.refused = false;
        self.paused = Duration::ZERO;
        self.requests = 0;
        self.fruitless = 0;
        self.not_before = None;
        self.rejected.clear();
        self.steps = 0;
        self.progress = Instant::now();
    }

    /// Since when nothing new came, less what the caller took for itself.
    pub(super) fn quiet(&self) -> Duration {
        self.progress.elapsed().saturating_sub(self.paused)
    }

    pub(super) fn progressed(&mut self) {
        self.paused = Duration::ZERO;
        self.requests = 0;
        self.fruitless = 0;
        self.steps = 0;
        self.progress = Instant::now();
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn complain(&mut self, what: impl Into<String>) {
        self.complaint.get_or_insert(what.into());
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.trace {
            #[allow(clippy::print_stderr, reason = "asked for")]
            {
                eprintln!("{:>10} ms  {}", self.now().as_millis(), what());
            }
        }
    }

    /// The delay in ms with which the end of a stream is told.
    pub(super) fn lateness(&mut self) -> u64 {
        if self.schedule.odd.late {
            self.chance.pick(&[0, 5_000, 5_001, 5_100, 5_300])
        } else {
            0
        }
    }

    /// The number of events that streams know of.
    pub(super) fn streamed(&self) -> usize {
        self.published(self.schedule.odd.stream_lag)
    }

    /// The number of events that lists know of.
    pub(super) fn listed(&self) -> usize {
        self.published(self.schedule.odd.list_lag)
    }

    fn published(&self, lag: u64) -> usize {
        let started = self.log_started.as_ref();
        let now = started.map_or(Duration::ZERO, Instant::elapsed);
        self.schedule.published(now, lag)
    }

    /// Whether streams end, or fall silent, before they say anything.
    pub(super) fn is_out(&self) -> bool {
        let now = self.now().as_millis();
        let outage = self.schedule.outage;
        outage.is_some_and(|(from, to)| (u128::from(from)..u128::from(to)).contains(&now))
    }

    /// When the times of the log begin.
    pub(super) fn log_started(&self) -> Instant {
        self.log_started.unwrap_or_else(Instant::now)
    }

    /// One step more; whether that is too much.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.most_steps = self.most_steps.max(self.steps);
        let too_much = self.steps > STEPS;
        if too_much {
            self.complain("it goes in circles");
        }
        too_much
    }

    /// The first event that is still there.
    pub(super) fn oldest(&self) -> usize {
        match self.schedule.trim {
            Some((at, oldest)) if self.now() >= Duration::from_millis(at) => oldest,
            _ => 0,
        }
    }

    pub(super) fn fault(&mut self) -> bool {
        let rate = self.schedule.fault_rate;
        let fault = self.faults_left > 0 && self.chance.percent(rate);
        if fault {
            self.faults_left -= 1;
            self.fruitless += 1;
        }
        fault
    }

    /// It is clear what was the newest event: the follower of now begins after it.
    pub(super) fn settle_anchor(&mut self) {
        if self.anchor.is_none() && self.schedule.from == From::Now {
            self.anchor = Some(self.newest);
            self.first = self.newest;
            self.delivered = self.newest;
        }
    }

    /// The list doesn't know this cursor either.
    pub(super) fn is_not_listed(&mut self, after: &str) {
        for (id, listed) in &mut self.rejected {
            *listed &= id != after;
        }
    }

    /// The number of the event after a cursor, if the cursor is known.
    pub(super) fn after(&self, id: &str, published: usize) -> Option<usize> {
        let known = &self.schedule.entries[self.oldest()..published.max(self.oldest())];
        let at = known.iter().position(|entry| entry.id == id)?;
        Some(self.oldest() + at + 1)
    }

    pub(super) fn count_request(&mut self) {
        self.step();
        self.requests += 1;
        // Entries of a long list come page by page, and some of them were delivered before.
        let pages = self.schedule.entries.len() / self.schedule.page.max(1);
        let quiet = self.progress.elapsed().as_secs();
        let fair = 14 + 3 * u64::from(self.fruitless) + (pages as u64 + 3) * (quiet + 2);
        if u64::from(self.requests) > fair {
            self.complain(format!(
                "{} requests in {quiet} s without an event",
                self.requests
            ));
        }
        if self.not_before.take().is_some_and(|at| Instant::now() < at) {
            self.complain("a request before Retry-After allows it");
        }
    }
}
