//! The rest of a turn as a reply, and whether it is what the log says.

use std::time::Duration;

use qoder::types::AgentMessageEvent;
use qoder::types::serde_json::{Value, from_str};
use qoder::{Checkpoint, Error, ErrorKind, Reply, Stop, Turn};
use tokio::time::Instant;

use super::schedule::{Entry, Pace};
use super::sender::Sender;
use super::turn::{Asks, Stands};
use super::world::lock;

/// The time that a reply waits for answers, while nothing else happens.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

impl Sender {
    /// Wants the rest as a reply; the checkpoint to go on from, if the turn is not over.
    pub(super) async fn reply(&mut self, turn: Turn) -> Result<Option<Checkpoint>, String> {
        let before = turn.checkpoint();
        let from = {
            let mut world = lock(&self.world);
            world.tell(|| "-- the rest as a reply".to_owned());
            world.looks.clear();
            // What is handed over within it is not seen here.
            std::mem::replace(&mut world.delivered, usize::MAX)
        };
        let begun = Instant::now();
        let reply = match self.schedule.pace {
            Pace::Drops(_) => self.waiting.outcome(turn.reply()).await,
            _ => Some(turn.reply().await),
        };
        lock(&self.world).delivered = from;
        self.check_complaints()?;
        match reply {
            None => Ok(Some(before)),
            Some(Ok(reply)) if *reply.stop_reason() != Stop::EndTurn => {
                Err(format!("a reply that is over as {}", reply.stop_reason()))
            }
            Some(Ok(reply)) => self.check_reply(from, &reply).map(|()| None),
            // It failed, and has what a reply has.
            Some(Err(error)) if is_failure(&error) => {
                let reply = error.reply().ok_or("an end without its reply")?;
                self.check_reply(from, reply).map(|()| None)
            }
            Some(Err(error)) => {
                lock(&self.world).tell(|| format!("    no reply: {error}"));
                self.check_failure(from, begun, &error)
            }
        }
    }

    /// The first pause that whoever wants a reply here can't have known of, and that a list of so
    /// many events doesn't show to be past.
    fn surprise(&self, from: usize, shown: usize) -> Option<usize> {
        let surprises = |asks: &&Asks| {
            let mut waits = asks.uses.iter().filter(|used| !self.has_answered(**used));
            let (some, here) = (
                waits.clone().next().is_some(),
                waits.any(|used| *used >= from),
            );
            asks.at >= from && (asks.uses.is_empty() || here || some && !self.told)
        };
        let stays = |asks: &&Asks| self.past(asks).is_none_or(|past| shown <= past);
        let mut asks = self.plan.asks.iter().filter(surprises);
        asks.find(stays).map(|asks| asks.at)
    }

    /// The largest number of events that the lists had.
    fn looked_at(&self) -> usize {
        let world = lock(&self.world);
        world.looks.iter().map(|look| look.1).max().unwrap_or(0)
    }

    /// The number of the event that shows this pause to be past.
    fn past(&self, asks: &Asks) -> Option<usize> {
        let entries = &self.schedule.entries;
        let mut waits: Vec<&str> = asks
            .uses
            .iter()
            .filter(|used| !self.has_answered(**used))
            .map(|used| entries[*used].id.as_str())
            .collect();
        let readable = !waits.is_empty();
        let mut after = entries.iter().enumerate().skip(asks.at + 1);
        let past = after.find(|(_, entry)| {
            waits.retain(|id| !is_answer_to(entry, id));
            readable && waits.is_empty() || changes(entry)
        });
        past.map(|(number, _)| number)
    }

    /// The agent's messages in the rest of the turn: those that can be read, and the first that
    /// can't.
    fn messages(&self, from: usize) -> (Vec<&Entry>, Option<&Entry>) {
        let plan = &self.plan;
        let rest = &self.schedule.entries[from.max(plan.echo + 1).min(plan.end)..plan.end];
        let messages = rest.iter().filter(|entry| entry.name == "agent.message");
        let (good, bad): (Vec<_>, Vec<_>) = messages.partition(|entry| !is_odd(entry));
        (good, bad.first().copied())
    }

    fn check_reply(&self, from: usize, reply: &Reply) -> Result<(), String> {
        if let Some(at) = self.surprise(from, self.looked_at()) {
            return Err(format!("a reply in spite of the pause {at}"));
        }
        // A turn that was over before has its reply at any time.
        let was_over = from > self.plan.end;
        if !was_over && self.is_after_deadline() {
            return Err("a reply after the deadline".to_owned());
        }
        let (messages, unreadable) = self.messages(from);
        if let Some(message) = unreadable {
            return Err(format!("a reply without its message {}", message.json));
        }
        let came = reply.messages().iter().map(AgentMessageEvent::raw);
        if !came.eq(messages.iter().map(|entry| entry.json.as_str())) {
            return Err(format!(
                "the reply has {:?}, not {messages:?}",
                reply.messages()
            ));
        }
        let texts: Vec<&str> = messages
            .iter()
            .filter_map(|entry| entry.text.as_deref())
            .collect();
        if reply.text() != texts.join("\n") {
            return Err(format!("the reply says {:?}, not {texts:?}", reply.text()));
        }
        match &self.plan.stands[self.plan.end] {
            Stands::Over(word) if reply.stop_reason().to_string() == *word => {}
            stands => {
                let stop = reply.stop_reason();
                return Err(format!("the reply is over as {stop:?}, not {stands:?}"));
            }
        }
        self.check_last_error(reply.error())
    }

    fn check_failure(
        &mut self,
        from: usize,
        begun: Instant,
        error: &Error,
    ) -> Result<Option<Checkpoint>, String> {
        let checkpoint = error.checkpoint().ok_or("an error without a checkpoint")?;
        let at = self.position(checkpoint)?;
        let surprise = self.surprise(from, self.looked_at());
        let text = error.to_string();
        let gone = text.contains("the session was");
        let ended = error.kind() == ErrorKind::Decode || gone;
        if surprise.is_some_and(|pause| at > pause + 1 || ended) {
            return Err(format!("it passes over the pause {surprise:?}: {text}"));
        }
        if ended {
            let Stands::Over(word) = &self.plan.stands[self.plan.end] else {
                return Err(format!("it isn't over: {text}"));
            };
            let as_it_should = if gone {
                is_gone(word) && text.contains(word)
            } else {
                !is_gone(word) && text.contains(word) && self.is_of_unreadable(from, error)
            };
            return if as_it_should {
                Ok(None)
            } else {
                Err(format!("it was over as {word}: {text}"))
            };
        }
        if at < from {
            return Err(format!("its checkpoint is from before it: {checkpoint}"));
        }
        lock(&self.world).delivered = at;
        if error.kind() != ErrorKind::Turn {
            self.check_error(error, checkpoint)?;
            self.learn_answers(at, checkpoint);
            return Ok(Some(checkpoint.clone()));
        }
        let looks = lock(&self.world).looks.clone();
        let Stands::Waits(ids) = self.stands(at) else {
            return Err(format!("nothing waits for an answer: {text}"));
        };
        let unreadable = ids.is_empty();
        let answered: Vec<_> = ids
            .into_iter()
            .filter(|id| !text.contains(id.as_str()))
            .collect();
        let listed = &self.schedule.entries[at..self.looked_at().max(at)];
        let given = |id: &String| listed.iter().any(|entry| is_answer_to(entry, id));
        if !answered.iter().all(given) {
            return Err(format!("{answered:?} wait for an answer: {text}"));
        }
        self.responding.accepted(answered);
        if !text.contains("none came") {
            let mut first_pages = looks.iter().filter(|look| look.0).map(|look| look.1);
            let shown = match first_pages.next_back() {
                Some(shown) => shown,
                // Nothing tells the order of the list.
                None if unreadable && self.plan.anonymous => 0,
                None => return Err(format!("the log was not asked: {text}")),
            };
            let surprise = self.surprise(from, shown);
            // Nothing tells the order of the list there, though it was asked at a pause before.
            let unasked = unreadable && self.plan.anonymous;
            let unasked = unasked && self.plan.asks.iter().any(|asks| asks.at == at - 1);
            return if surprise == Some(at - 1) || unasked {
                Ok(Some(checkpoint.clone()))
            } else {
                Err(format!("the pause {surprise:?} is none to end it: {text}"))
            };
        }
        if begun.elapsed() < ANSWERED_WITHIN {
            return Err(format!("after only {:?}: {text}", begun.elapsed()));
        }
        // Nobody answers there, ever.
        let is_over = at == self.plan.stands.len();
        Ok((!is_over).then(|| checkpoint.clone()))
    }

    /// The uses that a list showed to be answered at this pause: the checkpoint says so, and they don't wait any
    /// more, although the reply failed for another reason later.
    fn learn_answers(&mut self, at: usize, checkpoint: &Checkpoint) {
        let Stands::Waits(ids) = self.stands(at) else {
            return;
        };
        let checkpoint: Value = from_str(&checkpoint.to_string()).unwrap_or_default();
        let answered = checkpoint["turn"]["machine"]["answered"].as_array();
        let listed = &self.schedule.entries[at..self.looked_at().max(at)];
        let known = |id: &String| {
            answered.is_some_and(|answered| answered.iter().any(|one| one == id.as_str()))
                && listed.iter().any(|entry| is_answer_to(entry, id))
        };
        let known: Vec<_> = ids.into_iter().filter(known).collect();
        self.responding.accepted(known);
    }

    /// Whether it names the first message that can't be read: one of the log, or one that came
    /// between the events.
    fn is_of_unreadable(&self, from: usize, error: &Error) -> bool {
        let text = error.to_string();
        let between = text.contains("without an id") && self.schedule.junk > 0;
        between
            || self.messages(from).1.is_some_and(|entry| {
                text.contains(entry.id.as_str()) && error.body() == entry.json.as_bytes()
            })
    }
}

/// Whether an event is the answer to this tool use.
fn is_answer_to(entry: &Entry, id: &str) -> bool {
    entry.name.starts_with("user.")
        && entry.name != "user.message"
        && entry.json.contains(&format!("use_id\":\"{id}\""))
}

/// Whether the session stands otherwise after this event.
fn changes(entry: &Entry) -> bool {
    let word = entry.name.strip_prefix("session.").unwrap_or(entry.name);
    matches!(
        word,
        "status_idle" | "status_running" | "status_terminated" | "deleted" | "terminated"
    )
}

/// Whether the turn ended, without success.
fn is_failure(error: &Error) -> bool {
    error.kind() == ErrorKind::TurnEnded && !error.to_string().contains("the session was")
}

fn is_gone(word: &str) -> bool {
    matches!(word, "terminated" | "deleted")
}

/// Whether an event can't be read, for the shape of what is its own.
pub(super) fn is_odd(entry: &Entry) -> bool {
    entry.json.contains(r#""content":7"#) || entry.json.contains(r#""error":7"#)
}
