//! Who starts a turn, and checks what comes of it.

use std::sync::Arc;
use std::time::Duration;

use qoder::types::{EventId, SessionErrorEvent};
use qoder::{Checkpoint, Client, Event, Stop, Turn, Via, turn::TurnOpening};
use tokio::time::{Instant, sleep};

use super::caller::{PERSEVERANCE, REPLACEMENTS, client};
use super::chance::Chance;
use super::reply::is_odd;
use super::report::Report;
use super::responding::Responding;
use super::schedule::{Means, Schedule};
use super::turn::{Stands, TurnPlan};
use super::waiting::Waiting;
use super::world::{Shared, lock};

/// The key of the message, where it is the caller's own.
const KEY: &str = "a-key-of-its-own";

pub(crate) struct Sender {
    pub(super) world: Shared,
    pub(super) schedule: Arc<Schedule>,
    pub(super) plan: TurnPlan,
    client: Client,
    pub(crate) waiting: Waiting,
    pub(crate) report: Report,
    pub(super) begun: Instant,
    pub(super) deadline: Option<Duration>,
    /// Whether events of the turn were handed over.
    pub(super) told: bool,
    /// The way in which it answers what waits.
    pub(super) responding: Responding,
}

/// The events that follow so many others.
enum Then {
    /// The turn is over.
    Over,
    /// Another caller goes on from a checkpoint.
    Restart(Checkpoint),
    /// The rest is wanted as a reply.
    Reply,
}

impl Sender {
    pub(crate) fn new(world: &Shared, plan: TurnPlan) -> Result<Self, String> {
        let schedule = Arc::clone(&lock(world).schedule);
        let chance = Chance::new(schedule.seed ^ 0xA58E);
        Ok(Self {
            world: Arc::clone(world),
            client: client(world)?,
            waiting: Waiting::new(schedule.pace, chance),
            report: Report::default(),
            begun: Instant::now(),
            deadline: plan.deadline.map(Duration::from_millis),
            told: false,
            responding: Responding::new(schedule.seed),
            schedule,
            plan,
        })
    }

    pub(crate) async fn run(&mut self) -> Result<(), String> {
        let Some(mut turn) = self.begin().await? else {
            return Ok(());
        };
        loop {
            let checkpoint = match self.take(&mut turn).await? {
                Then::Over => {
                    self.report.turns += 1;
                    return self.check_end(&turn);
                }
                Then::Restart(checkpoint) => {
                    drop(turn);
                    checkpoint
                }
                Then::Reply => match self.reply(turn).await? {
                    Some(checkpoint) => checkpoint,
                    None => {
                        self.report.turns += 1;
                        return Ok(());
                    }
                },
            };
            turn = self.resumed(&checkpoint).await?;
        }
    }

    /// The turn as another process goes on with it.
    async fn resumed(&mut self, checkpoint: &Checkpoint) -> Result<Turn, String> {
        loop {
            self.report.restarts += 1;
            self.client = client(&self.world)?;
            self.deadline = None;
            self.told = true;
            let delivered = {
                let mut world = lock(&self.world);
                world.forget();
                world.tell(|| format!("-- another caller, from {checkpoint}"));
                world.delivered
            };
            let stored = checkpoint.to_string();
            let opening = self.client.session("s").resume_turn(stored);
            let seed = self.waiting.chance.next();
            match self.by_its_means(opening, seed).await {
                Ok(turn) => {
                    self.check_standing(&turn, delivered)?;
                    return Ok(turn);
                }
                // What waits had to be looked up, and that was refused for good.
                Err(error) => {
                    self.check_complaints()?;
                    self.check_error(&error, checkpoint)?;
                }
            }
        }
    }

    /// The state of the turn after so many events of the log: what was answered here doesn't wait,
    /// whatever the log repeats.
    pub(super) fn stands(&self, events: usize) -> Stands {
        let stands = match events.checked_sub(1) {
            Some(last) if last > self.plan.echo => &self.plan.stands[last],
            _ => &Stands::Running,
        };
        let Stands::Waits(ids) = stands else {
            return stands.clone();
        };
        let left = ids.iter().filter(|id| !self.responding.has(id));
        let left: Vec<String> = left.cloned().collect();
        if left.is_empty() && !ids.is_empty() {
            Stands::Running
        } else {
            Stands::Waits(left)
        }
    }

    /// Whether a tool use is answered here.
    pub(super) fn has_answered(&self, number: usize) -> bool {
        self.responding.has(&self.schedule.entries[number].id)
    }

    /// Answers some of what waits, now and then. The last pause of all is nobody's to answer.
    async fn respond(&mut self, turn: &mut Turn) -> Result<(), String> {
        let delivered = lock(&self.world).delivered;
        if turn.pending().is_empty() || delivered > self.plan.end {
            return Ok(());
        }
        let answers = self.responding.choose(turn.pending());
        if answers.is_empty() {
            return Ok(());
        }
        // What the follower was asked to wait for, answers don't wait for, nor the other way round.
        let not_before = {
            let mut world = lock(&self.world);
            world.tell(|| format!("-- answers {answers:?}"));
            world.not_before.take()
        };
        let begun = Instant::now();
        let ids: Vec<String> = answers
            .iter()
            .map(|answer| answer.id().to_string())
            .collect();
        let outcome = self.waiting.outcome(turn.respond(answers)).await;
        self.check_complaints()?;
        {
            let mut world = lock(&self.world);
            // It is the caller's time, and not the follower's.
            world.paused += begun.elapsed();
            world.not_before = not_before;
            world.requests = 0;
        }
        match outcome {
            Some(Ok(())) => {
                self.report.answers += ids.len();
                self.responding.accepted(ids);
            }
            None => {}
            Some(Err(error)) => {
                let mut world = lock(&self.world);
                world.tell(|| format!("    not answered: {error}"));
                let refused = error.is_conflict() || error.status().is_some_and(|s| s == 400);
                if refused && !std::mem::take(&mut world.answers.refused) {
                    return Err(format!("nobody refused this: {error}"));
                }
                if !refused && world.fruitless == 0 {
                    return Err(format!("answering failed for no reason: {error}"));
                }
            }
        }
        self.check_standing(turn, delivered)
    }

    fn by_its_means(&self, opening: TurnOpening, seed: u64) -> TurnOpening {
        let pace = Duration::from_secs(2);
        let opening = match self.schedule.means {
            Means::Stream => opening,
            Means::Alone => opening.without_polling(),
            Means::Polling => opening.via(Via::Polling(pace)),
            Means::Either(openings) => opening.polling_after(openings, pace),
        };
        opening.seed(seed)
    }

    /// Whether the turn stands as it should after so many events, and each of the tool uses that
    /// wait has its event.
    fn check_standing(&self, turn: &Turn, delivered: usize) -> Result<(), String> {
        let stands = self.stands(delivered);
        stand(&turn.stop_reason(), &stands)?;
        let expected: &[String] = match &stands {
            Stands::Waits(ids) => ids,
            _ => &[],
        };
        let pending = turn.pending();
        if !pending.iter().map(|asked| asked.id().as_str()).eq(expected) {
            return Err(format!("{pending:?} are pending, not {expected:?}"));
        }
        for asked in pending {
            let mut entries = self.schedule.entries.iter();
            let used = entries.find(|entry| entry.id == asked.id().as_str());
            if used.map(|used| used.json.as_str()) != Some(asked.event().raw()) {
                return Err(format!("{asked:?} has another event than {used:?}"));
            }
        }
        Ok(())
    }

    /// Sends the message until it is accepted; `None` if it failed for want of a key.
    async fn begin(&mut self) -> Result<Option<Turn>, String> {
        loop {
            self.check_complaints()?;
            self.begun = Instant::now();
            let seed = self.waiting.chance.next();
            let mut opening = self.client.session("s").turn(self.plan.text);
            if self.plan.own_key {
                opening = opening.idempotency_key(KEY);
            }
            if let Some(deadline) = self.deadline {
                opening = opening.deadline(deadline);
            }
            let opening = self.by_its_means(opening, seed);
            let outcome = if self.plan.own_key {
                self.waiting.outcome(opening.into_future()).await
            } else {
                Some(opening.await)
            };
            let pause = match outcome {
                Some(Ok(turn)) => return self.begun_with(turn).map(Some),
                Some(Err(error)) => {
                    let world = lock(&self.world);
                    world.tell(|| format!("    error: {error}"));
                    if world.fruitless == 0 && self.deadline.is_none() {
                        return Err(format!("sending failed for no reason: {error}"));
                    }
                    if !self.plan.own_key {
                        return Ok(None);
                    }
                    error.retry_after().unwrap_or(Duration::from_secs(1))
                }
                None => Duration::from_millis(10),
            };
            sleep(pause).await;
            // Whoever asks again doesn't do so for the client.
            self.deadline = None;
            let mut world = lock(&self.world);
            world.not_before = None;
            world.requests = 0;
        }
    }

    fn begun_with(&self, turn: Turn) -> Result<Turn, String> {
        let plan = &self.plan;
        let start = self.position(&turn.checkpoint())?;
        let after_its_message = start == plan.echo + 1;
        let before_it = plan.anonymous && (plan.history..=plan.echo).contains(&start);
        if !after_its_message && !before_it {
            return Err(format!("it begins with event {start}"));
        }
        let mut world = lock(&self.world);
        world.opened = true;
        world.first = start;
        world.delivered = start;
        world.progressed();
        let named = turn.message_id().map(ToString::to_string);
        let expected = (!plan.anonymous).then(|| self.schedule.entries[plan.echo].id.clone());
        if named != expected {
            return Err(format!("the message is {named:?}, not {expected:?}"));
        }
        Ok(turn)
    }

    /// The number of events that were handed over by a checkpoint.
    pub(super) fn position(&self, checkpoint: &Checkpoint) -> Result<usize, String> {
        let Some(after) = checkpoint.last_event().map(EventId::as_str) else {
            return Ok(0);
        };
        let mut entries = self.schedule.entries.iter();
        let at = entries.position(|entry| entry.id == after);
        at.map(|at| at + 1)
            .ok_or_else(|| format!("a checkpoint after {after}, which is no event"))
    }

    pub(super) fn check_complaints(&self) -> Result<(), String> {
        let mut world = lock(&self.world);
        world.step();
        world.complaint.clone().map_or(Ok(()), Err)
    }

    /// Takes events until something else is wanted.
    async fn take(&mut self, turn: &mut Turn) -> Result<Then, String> {
        loop {
            self.check_complaints()?;
            self.waiting.pause(&self.world).await;
            let unanswered = {
                let world = lock(&self.world);
                let last = self.plan.stands.last();
                world.delivered == self.plan.stands.len() && matches!(last, Some(Stands::Waits(_)))
            };
            // Whoever reads on there waits for ever.
            if unanswered || self.waiting.chance.percent(self.plan.replies) {
                return Ok(Then::Reply);
            }
            let too_late = self.is_too_late();
            let Some(next) = self.waiting.outcome(turn.next()).await else {
                continue;
            };
            match next {
                None => return Ok(Then::Over),
                Some(Ok(_)) if too_late => {
                    return Err("an event after the deadline".to_owned());
                }
                Some(Ok(event)) => {
                    self.check_event(&event, turn)?;
                    self.respond(turn).await?;
                }
                Some(Err(error)) => {
                    if turn.next().await.is_some() {
                        return Err("it goes on after an error".to_owned());
                    }
                    self.check_error(&error, &turn.checkpoint())?;
                    return Ok(Then::Restart(turn.checkpoint()));
                }
            }
            let is_replaced = self.waiting.chance.percent(self.schedule.restarts);
            if is_replaced && self.report.restarts < REPLACEMENTS {
                return Ok(Then::Restart(turn.checkpoint()));
            }
        }
    }

    fn is_too_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| self.begun.elapsed() >= deadline)
    }

    pub(super) fn is_after_deadline(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| self.begun.elapsed() > deadline)
    }

    fn check_event(&mut self, event: &Event, turn: &Turn) -> Result<(), String> {
        self.told = true;
        let mut world = lock(&self.world);
        let n = world.delivered;
        let expected = &self.schedule.entries[n.min(self.plan.end)];
        // What has no id came between the events, or is the end and can't be read.
        if event.id().is_some() || expected.json == event.raw() {
            world.tell(|| format!("    event {n}: {}", event.raw()));
            let id = event.id().map_or(expected.id.as_str(), |id| id.as_str());
            if n > self.plan.end || expected.id != id || expected.json != event.raw() {
                return Err(format!("{} came in place of event {n}", event.raw()));
            }
            world.delivered = n + 1;
            world.progressed();
            self.report.events += 1;
        }
        let delivered = world.delivered;
        drop(world);
        self.check_standing(turn, delivered)
    }

    pub(super) fn check_error(
        &self,
        error: &qoder::Error,
        checkpoint: &Checkpoint,
    ) -> Result<(), String> {
        let world = lock(&self.world);
        world.tell(|| format!("    error: {error}"));
        if error.checkpoint() != Some(checkpoint) {
            let of_error = error.checkpoint();
            return Err(format!(
                "the error's checkpoint is {of_error:?}, not {checkpoint}"
            ));
        }
        let text = error.to_string();
        if text.contains("deadline") {
            let took = self.begun.elapsed();
            return match self.deadline {
                Some(deadline) if took >= deadline => Ok(()),
                other => Err(format!(
                    "after {took:?}, with the deadline {other:?}: {text}"
                )),
            };
        }
        if text.contains("gave up") {
            let quiet = world.quiet();
            return if quiet >= PERSEVERANCE {
                Ok(())
            } else {
                Err(format!("after only {quiet:?}: {text}"))
            };
        }
        if world.refused {
            return Ok(());
        }
        Err(format!("for no reason: {text}"))
    }

    fn check_end(&self, turn: &Turn) -> Result<(), String> {
        let world = lock(&self.world);
        let (delivered, end) = (world.delivered, self.plan.end);
        if delivered != end + 1 {
            return Err(format!("it ended after event {delivered}, not {end}"));
        }
        stand(&turn.stop_reason(), &self.plan.stands[end])?;
        if world.open > 0 {
            return Err("it is over, and its connection is open".to_owned());
        }
        self.check_last_error(turn.error())
    }

    pub(super) fn check_last_error(&self, error: Option<&SessionErrorEvent>) -> Result<(), String> {
        let of_turn = &self.schedule.entries[self.plan.echo..=self.plan.end];
        let mut errors = of_turn.iter().filter(|entry| entry.name == "session.error");
        let last = errors.rfind(|entry| !is_odd(entry));
        let last = last.map(|entry| entry.json.as_str());
        let error = error.map(SessionErrorEvent::raw);
        if error != last {
            return Err(format!("its last error is {error:?}, not {last:?}"));
        }
        Ok(())
    }
}

/// Whether a turn stands as it should.
fn stand(stop: &Stop, stands: &Stands) -> Result<(), String> {
    let same = match (stop, stands) {
        (Stop::Running, Stands::Running) => true,
        (Stop::RequiresAction(ids), Stands::Waits(expected)) => {
            ids.iter().map(qoder::types::EventId::as_str).eq(expected)
        }
        (stop, Stands::Over(word)) => stop.to_string() == *word,
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("the turn stands at {stop:?}, not {stands:?}"))
    }
}
