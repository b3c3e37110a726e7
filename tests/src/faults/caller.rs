//! Who follows, and who checks what comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use qoder::types::{EventId, PreviewType};
use qoder::{
    Checkpoint, Client, Event, Notice, RetryPolicy, Start, Transport, Update, Via,
    follow::{PreviewStart, Updates},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::chance::Chance;
use super::report::Report;
use super::schedule::{From, Means, Pace, Schedule};
use super::sender::Sender;
use super::server::Server;
use super::waiting::Waiting;
use super::world::{Shared, World, lock};

/// The time that a run may take beyond its last event, in simulated time.
const PATIENCE: Duration = Duration::from_secs(100 * 3600);

/// The number of followers that may be replaced before they come to their end: one that is never left alone
/// for long never comes to it.
pub(crate) const REPLACEMENTS: usize = 100;

/// The shortest time that a follower tries before it gives up: thirty attempts, each after a wait that may be
/// half of what it doubles to.
pub(crate) const PERSEVERANCE: Duration = Duration::from_secs(120);

/// Runs a schedule.
///
/// # Errors
///
/// A fault, in words.
pub fn run(schedule: Schedule, trace: bool) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let limit = schedule.last_at() + PATIENCE;
        let turn = schedule.turn.clone();
        let world = World::new(Arc::new(schedule), trace);
        let (outcome, report) = if let Some(plan) = turn {
            let mut sender = Sender::new(&world, plan)?;
            let outcome = timeout(limit, sender.run()).await;
            sender.report.polls = sender.waiting.polls();
            (outcome, sender.report)
        } else {
            let mut caller = Caller::new(&world)?;
            let outcome = timeout(limit, caller.run()).await;
            caller.report.polls = caller.waiting.polls();
            (outcome, caller.report)
        };
        let world = lock(&world);
        if let Some(complaint) = &world.complaint {
            return Err(complaint.clone());
        }
        match outcome {
            Ok(outcome) => outcome?,
            Err(_) => return Err("it never came to its end".to_owned()),
        }
        if world.open > 0 {
            return Err(format!("{} connections are left open", world.open));
        }
        Ok(Report {
            took: world.now(),
            steps: world.most_steps,
            connections: world.connections,
            ..report
        })
    })
}

/// A client of the server.
pub(crate) fn client(world: &Shared) -> Result<Client, String> {
    // Luck that is not the seed's would make a run one that can't be repeated.
    let mut retry = RetryPolicy::default();
    retry.jitter = 0.0;
    Client::builder()
        .retry(retry)
        .token("pt-simulated")
        .base_url("http://localhost/api/v1/cloud")
        .transport(Transport::from_service(Server(Arc::clone(world))))
        .build()
        .map_err(|error| error.to_string())
}

struct Caller {
    world: Shared,
    schedule: Arc<Schedule>,
    client: Client,
    waiting: Waiting,
    report: Report,
    /// The ids that may stand in a checkpoint now.
    last: Option<String>,
    /// The texts shown of messages that are being written.
    shown: HashMap<String, String>,
    /// The number of them that was ever shown.
    longest: HashMap<String, usize>,
    /// Something came that was before the start, of a server that begins where it likes.
    strayed: bool,
}

/// The event that a checkpoint is after.
fn last_event(checkpoint: Option<&Checkpoint>) -> Option<String> {
    let last = checkpoint.and_then(Checkpoint::last_event);
    last.map(EventId::to_string)
}

/// Why a follower is over.
enum Ended {
    /// It says so.
    End,
    /// It failed.
    Error(qoder::Error),
    /// Another one goes on.
    Restart,
}

impl Caller {
    fn new(world: &Shared) -> Result<Self, String> {
        let schedule = Arc::clone(&lock(world).schedule);
        let chance = Chance::new(schedule.seed ^ 0xCA11);
        Ok(Self {
            world: Arc::clone(world),
            client: client(world)?,
            waiting: Waiting::new(schedule.pace, chance),
            report: Report::default(),
            last: None,
            shown: HashMap::new(),
            longest: HashMap::new(),
            strayed: false,
            schedule,
        })
    }

    async fn run(&mut self) -> Result<(), String> {
        let mut start = match self.schedule.from {
            From::Beginning => Start::Beginning,
            From::Now => Start::Now,
            From::After(n) => {
                let mut world = lock(&self.world);
                world.first = n + 1;
                world.delivered = n + 1;
                let id = self.schedule.entries[n].id.clone();
                self.last = Some(id.clone());
                Start::After(id.as_str().into())
            }
        };
        loop {
            let ended = {
                let mut updates = self.follow(start.clone());
                self.take(&mut updates).await?
            };
            self.shown.clear();
            match ended {
                Ended::End => return self.check_end(),
                Ended::Restart => {}
                Ended::Error(error) => {
                    if self.is_over_after(&error)? {
                        return Ok(());
                    }
                }
            }
            self.report.restarts += 1;
            if let Some(id) = self.checkpoint() {
                start = Start::After(id.into());
            }
            let mut world = lock(&self.world);
            world.forget();
            world.tell(|| format!("-- another follower, from {start:?}"));
        }
    }

    fn follow(&mut self, start: Start) -> Updates {
        let follow = if self.schedule.thread {
            self.client.session("s").thread("t").follow()
        } else {
            self.client.session("s").follow()
        };
        let pace = Duration::from_secs(2);
        let follow = match self.schedule.means {
            Means::Stream => follow,
            Means::Alone => follow.without_polling(),
            Means::Polling => follow.via(Via::Polling(pace)),
            Means::Either(openings) => follow.polling_after(openings, pace),
        };
        let previews = self.schedule.previews.then_some(PreviewType::AgentMessage);
        follow
            .from(start)
            .previews(previews)
            .seed(self.waiting.chance.next())
            .updates()
    }

    /// Takes updates until it is over, one way or another.
    async fn take(&mut self, updates: &mut Updates) -> Result<Ended, String> {
        let mut since = None;
        loop {
            {
                let mut world = lock(&self.world);
                world.step();
                if let Some(complaint) = &world.complaint {
                    return Err(complaint.clone());
                }
            }
            self.waiting.pause(&self.world).await;
            let delivered = lock(&self.world).delivered;
            let complete = delivered == self.schedule.entries.len() && self.anchored();
            let next = if complete {
                // Nothing more may come, however long it is waited for.
                let until = *since.get_or_insert(Instant::now() + Duration::from_secs(100));
                match timeout_at(until, updates.next()).await {
                    Ok(next) => next,
                    Err(_) => return Ok(Ended::End),
                }
            } else if let Some(next) = self.next(updates).await {
                next
            } else {
                if updates.next().await.is_some() {
                    return Err("it goes on after it was closed".to_owned());
                }
                return Ok(Ended::Restart);
            };
            let Some(update) = next else {
                return if self.schedule.ends {
                    Ok(Ended::End)
                } else {
                    Err("it ended, and the session didn't".to_owned())
                };
            };
            match update {
                Ok(update) => self.check(update, updates)?,
                Err(error) => {
                    if updates.next().await.is_some() {
                        return Err("it goes on after an error".to_owned());
                    }
                    return Ok(Ended::Error(error));
                }
            }
            let checkpoint = last_event(updates.checkpoint().as_ref());
            let expected = self.checkpoint();
            if self.last.is_some() && checkpoint != expected && !self.strayed {
                return Err(format!(
                    "the checkpoint is {checkpoint:?}, not {expected:?}"
                ));
            }
            if self.last.is_some() && self.is_replaced() {
                return Ok(Ended::Restart);
            }
        }
    }

    /// Whether another follower goes on.
    fn is_replaced(&mut self) -> bool {
        self.waiting.chance.percent(self.schedule.restarts) && self.report.restarts < REPLACEMENTS
    }

    /// The event that whoever goes on begins after.
    fn checkpoint(&self) -> Option<String> {
        let anchor = lock(&self.world).anchor.and_then(|n| n.checked_sub(1));
        let anchor = anchor.map(|n| self.schedule.entries[n].id.clone());
        self.last.clone().or(anchor)
    }

    /// Whether it is clear where the events begin.
    fn anchored(&self) -> bool {
        self.schedule.from != From::Now || lock(&self.world).anchor.is_some()
    }

    /// The next event; `None` if it was closed meanwhile.
    async fn next(&mut self, updates: &mut Updates) -> Option<Option<qoder::Result<Update>>> {
        loop {
            if let Some(next) = self.waiting.outcome(updates.next()).await {
                return Some(next);
            }
            let may_close = self.schedule.pace == Pace::Impatient;
            if may_close && self.report.restarts < REPLACEMENTS && self.waiting.chance.percent(2) {
                updates.close();
                return None;
            }
            if self.schedule.pace == Pace::Impatient && self.waiting.chance.percent(5) {
                let mut world = lock(&self.world);
                world.not_before = None;
                // Whoever wakes it wants requests.
                world.requests = 0;
                drop(world);
                updates.wake();
            }
        }
    }

    fn check(&mut self, update: Update, updates: &Updates) -> Result<(), String> {
        match update {
            Update::Event(event) => self.check_event(&event, updates),
            Update::Text(preview) => {
                self.report.previews += 1;
                let id = preview.event_id.as_str();
                let text = updates
                    .preview_text(&preview.event_id, preview.index)
                    .ok_or("a preview without its text")?;
                let n = self.previewed(id)?;
                let whole = self.schedule.entries[n].text.as_deref();
                let whole =
                    whole.ok_or_else(|| format!("a preview of {id}, which is no message"))?;
                if text != preview.so_far() {
                    return Err(format!("{:?} is not {text:?}", preview.so_far()));
                }
                if !whole.starts_with(text) || !text.ends_with(preview.new()) {
                    return Err(format!("the preview {text:?} is not how {whole:?} begins"));
                }
                let before = self.shown.insert(id.to_owned(), text.to_owned());
                let longest = self.longest.entry(id.to_owned()).or_default();
                if text.len() > *longest {
                    *longest = text.len();
                    lock(&self.world).progressed();
                }
                let before = before.filter(|_| !preview.restarted).unwrap_or_default();
                if format!("{before}{}", preview.new()) != text {
                    return Err(format!(
                        "{before:?} grew to {text:?} by {:?}",
                        preview.new()
                    ));
                }
                Ok(())
            }
            Update::PreviewStart(start) => self.check_start(&start),
            Update::ThinkingBegan | Update::ThinkingEnded => Ok(()),
            Update::Notice(notice) => {
                lock(&self.world).tell(|| format!("    notice: {notice}"));
                if notice == Notice::PreviewsVoid {
                    for (id, _) in self.shown.drain() {
                        if updates.preview_text(&id.as_str().into(), 0).is_some() {
                            return Err(format!("the preview of {id} is there and void"));
                        }
                    }
                }
                Ok(())
            }
            _ => Err("an update of a new kind".to_owned()),
        }
    }

    /// The number of an event that may be in preview: one that was not handed over.
    fn previewed(&self, id: &str) -> Result<usize, String> {
        let at = self
            .schedule
            .entries
            .iter()
            .position(|entry| entry.id == id);
        let n = at.ok_or_else(|| format!("a preview of {id}, which is no event"))?;
        if self.last.is_some() && n < lock(&self.world).delivered && !self.strayed {
            return Err(format!("a preview of {id} came after it"));
        }
        Ok(n)
    }

    fn check_start(&self, start: &PreviewStart) -> Result<(), String> {
        let n = self.previewed(start.event_id.as_str())?;
        if self.schedule.entries[n].name != start.event_type {
            return Err(format!("{start:?} announces another event"));
        }
        Ok(())
    }

    fn check_event(&mut self, event: &Event, updates: &Updates) -> Result<(), String> {
        let Some(id) = event.id() else {
            return self.check_stray(event);
        };
        let mut world = lock(&self.world);
        world.tell(|| format!("    event {id}"));
        if self.schedule.odd.ignores_cursor && world.first > 0 {
            // Old events may come before that shows; then it ends with an error.
            let n = self
                .schedule
                .entries
                .iter()
                .position(|entry| entry.id == id.as_str());
            if n.is_some_and(|n| n < world.delivered) {
                self.strayed = true;
                return Ok(());
            }
        }
        let n = world.delivered.max(if self.last.is_none() {
            world.oldest()
        } else {
            0
        });
        let Some(expected) = self.schedule.entries.get(n) else {
            return Err(format!("{id} was delivered after all events"));
        };
        if expected.id != id.as_str() {
            return Err(format!(
                "{id} was delivered in place of {} ({n})",
                expected.id
            ));
        }
        if expected.json != event.raw() {
            return Err(format!("{} became {}", expected.json, event.raw()));
        }
        world.delivered = n + 1;
        world.progressed();
        self.last = Some(expected.id.clone());
        self.report.events += 1;
        if updates.preview_text(id, 0).is_some() {
            return Err(format!("the preview of {id} is still there"));
        }
        self.shown.remove(id.as_str());
        Ok(())
    }

    /// An event without an id is an entry of the log by its place, or came between the events.
    fn check_stray(&mut self, event: &Event) -> Result<(), String> {
        let mut world = lock(&self.world);
        world.tell(|| format!("    event {}", event.raw()));
        let next = self.schedule.entries.get(world.delivered);
        if next.is_some_and(|entry| entry.unnamed && entry.json == event.raw()) {
            world.delivered += 1;
            world.progressed();
            self.report.events += 1;
            return Ok(());
        }
        if world.refused && matches!(event, Event::StreamError(_)) {
            return Ok(());
        }
        match world.strays.get_mut(event.raw()) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return Err(format!("{} was not said so often", event.raw())),
        }
        Ok(())
    }

    /// It ended by itself, or nothing more came.
    fn check_end(&self) -> Result<(), String> {
        let delivered = lock(&self.world).delivered;
        let all = self.schedule.entries.len();
        if delivered < all {
            return Err(format!("it ended after {delivered} of {all} events"));
        }
        Ok(())
    }

    /// Whether an error ends the run. If not, another follower goes on where this one was.
    fn is_over_after(&self, error: &qoder::Error) -> Result<bool, String> {
        let expected = self.checkpoint();
        let world = lock(&self.world);
        world.tell(|| format!("    error: {error}"));
        let checkpoint = last_event(error.checkpoint());
        if checkpoint != expected && !self.strayed {
            return Err(format!(
                "the error's checkpoint is {checkpoint:?}, not {expected:?}"
            ));
        }
        let text = error.to_string();
        if text.contains("start from the beginning, or follow by polling") {
            return if world.schedule.odd.ignores_cursor {
                Ok(true)
            } else {
                Err(format!("it heeds the cursor: {text}"))
            };
        }
        if text.contains("events may be lost") {
            // It may say so only if it is so.
            return if world.oldest() > 0 && world.delivered < world.oldest() + 1 {
                Ok(true)
            } else {
                Err(format!("there is no gap: {text}"))
            };
        }
        if text.contains("gave up") {
            let quiet = world.quiet();
            if quiet < PERSEVERANCE {
                return Err(format!("after only {quiet:?}: {text}"));
            }
            // A server that answers is not given up.
            return if world.fruitless >= 3 || world.schedule.odd.held.is_some() {
                Ok(false)
            } else {
                Err(format!("{} faults in {quiet:?}: {text}", world.fruitless))
            };
        }
        if world.refused {
            return Ok(self.strayed || world.schedule.odd.refuses);
        }
        Err(format!("for no reason: {text}"))
    }
}
