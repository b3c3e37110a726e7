//! Asks the log what a pause leaves open: the tool uses that it names, where their events were not
//! seen, and what came after it, where it may be history. A turn that is resumed, or whose message
//! was sent before, meets both.

use std::time::Duration;

use qoder_types::{Cursor, Event, EventId, Order, SessionId, ops};
use tokio::time::{Instant, sleep, sleep_until};

use super::meaning::{Meaning, answered};
use crate::error::{Error, ErrorKind, Result};
use crate::list::{List, Pages};
use crate::shared::Shared;

/// The number of newest events that are looked through, each time.
const LOOKED_THROUGH: usize = 10_000;

/// The number of times that the list is asked for events that it doesn't have: it may be behind the
/// stream.
const LOOKS: usize = 4;

/// For how long a list that fails is asked again without getting further, and the waits between.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A question to the log.
#[derive(Debug)]
pub(super) struct Question {
    /// The events of these tool uses.
    pub(super) uses: Vec<EventId>,
    /// The event after which the log is searched.
    pub(super) since: Option<EventId>,
    /// An event before that one, as the tool uses are: on a server whose list has them first, it is
    /// oldest first.
    pub(super) earlier: Option<EventId>,
}

impl Question {
    /// Asks for tool uses alone.
    pub(super) fn of_uses(uses: Vec<EventId>) -> Self {
        Self {
            uses,
            since: None,
            earlier: None,
        }
    }

    /// Whether the list's order can be told: by what comes before the event in question.
    fn has_order(&self) -> bool {
        let earlier = self
            .earlier
            .as_ref()
            .filter(|id| self.since.as_ref() != Some(*id));
        earlier.is_some() || !self.uses.is_empty()
    }
}

/// The findings of a look through the log.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The tool uses that the list has.
    pub(crate) uses: Vec<Event>,
    /// The answers that came since.
    pub(crate) answers: Vec<Event>,
    /// The session stands otherwise since: it went on, paused anew, or is over.
    pub(crate) history: bool,
}

impl Found {
    /// Whether there is an answer to this tool use.
    pub(super) fn answers(&self, id: &EventId) -> bool {
        let mut answers = self.answers.iter().filter_map(answered);
        answers.any(|answered| answered == *id)
    }
}

/// Asks the log; not before the server wants to be asked.
pub(super) async fn look(
    shared: Shared,
    session: SessionId,
    question: Question,
    not_before: Option<Instant>,
) -> Result<Found> {
    if !question.has_order() {
        return Ok(Found::default());
    }
    if let Some(not_before) = not_before {
        sleep_until(not_before).await;
    }
    let mut search = Search::new(question);
    let (mut wait, mut looks) = (FIRST_WAIT, 0);
    let (mut farthest, mut since) = (0, Instant::now());
    loop {
        let asked = match search.read_on(search.pages(&shared, &session)).await {
            Ok(()) => {
                looks += 1;
                if search.has_all() || looks == LOOKS {
                    return Ok(search.found());
                }
                search.start_over();
                Duration::ZERO
            }
            Err(error) => {
                if search.read > farthest {
                    (farthest, since) = (search.read, Instant::now());
                    wait = FIRST_WAIT;
                }
                if since.elapsed() >= PATIENCE {
                    return Err(gave_up(error));
                }
                match after(&error) {
                    After::GoesOn => {}
                    // A page that isn't known any more is one: the others may be whole.
                    After::StartsOver => search.start_over(),
                    After::Fails if search.cursor.is_some() => search.start_over(),
                    After::Fails => return Err(error),
                }
                error.retry_after().unwrap_or_default()
            }
        };
        sleep(wait.max(asked)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The next step after a list that failed.
enum After {
    GoesOn,
    StartsOver,
    Fails,
}

fn after(error: &Error) -> After {
    match error.kind() {
        // A list that contradicts itself may be whole the next time.
        ErrorKind::Pagination => After::StartsOver,
        ErrorKind::Decode | ErrorKind::TooLarge => After::GoesOn,
        _ if error.is_retryable() => After::GoesOn,
        _ => After::Fails,
    }
}

fn gave_up(last: Error) -> Error {
    let why = format!(
        "gave up to look for what the agent waits for, after {} s without progress; the last attempt: {last}",
        PATIENCE.as_secs()
    );
    let error = Error::new(ErrorKind::Stream, why).with_sent(last.sent());
    let error = match last.operation() {
        Some(operation) => error.with_operation(operation.to_owned()),
        None => error,
    };
    error
        .with_source(last)
        // The list may still be readable later.
        .with_retryable(true)
}

/// One way through the list, from the newest event on; or from the oldest, on a server that knows
/// no order.
struct Search {
    question: Question,
    /// The tool uses stay found, however often the list is begun anew.
    uses: Vec<Event>,
    answers: Vec<Event>,
    history: bool,
    /// It came by the event after which everything is wanted.
    passed: bool,
    /// Before that, it came by an earlier one: the list is oldest first, or doesn't have it yet.
    early: bool,
    /// It came to the end of the list.
    ended: bool,
    /// The number of events that were read so far.
    read: usize,
    /// The page that it has come to.
    cursor: Option<Cursor>,
}

impl Search {
    fn new(question: Question) -> Self {
        Self {
            question,
            uses: Vec::new(),
            answers: Vec::new(),
            history: false,
            passed: false,
            early: false,
            ended: false,
            read: 0,
            cursor: None,
        }
    }

    fn start_over(&mut self) {
        self.forget();
        (self.passed, self.early, self.ended) = (false, false, false);
        (self.read, self.cursor) = (0, None);
    }

    /// Whether the rest of the list adds nothing.
    fn is_done(&self) -> bool {
        match self.question.since {
            Some(_) => self.passed && !self.early && (self.history || self.has_uses()),
            None => self.has_uses(),
        }
    }

    /// Whether the list had all that is wanted, once it was read.
    fn has_all(&self) -> bool {
        !self.is_behind() && (self.history || self.has_uses())
    }

    /// Whether the list doesn't have the event yet after which everything is wanted: it has an
    /// earlier one, or nothing more. Where it only is too long to come to that event, all that was
    /// read came since.
    fn is_behind(&self) -> bool {
        self.question.since.is_some() && !self.passed && (self.early || self.ended)
    }

    fn has_uses(&self) -> bool {
        self.uses.len() == self.question.uses.len()
    }

    fn found(mut self) -> Found {
        if self.is_behind() {
            self.forget();
        }
        Found {
            uses: self.uses,
            answers: self.answers,
            history: self.history,
        }
    }

    fn forget(&mut self) {
        self.answers.clear();
        self.history = false;
    }

    fn pages(&self, shared: &Shared, session: &SessionId) -> Pages<Event> {
        let list = List::new(shared.clone(), ops::sessions::events::list(session));
        let list = list.limit(100).query("order", Order::Desc);
        match &self.cursor {
            Some(cursor) => list.from_cursor(cursor).pages(),
            None => list.pages(),
        }
    }

    async fn read_on(&mut self, mut pages: Pages<Event>) -> Result<()> {
        while !self.is_done() && self.read < LOOKED_THROUGH {
            let Some(page) = pages.next().await.transpose()? else {
                self.ended = true;
                break;
            };
            self.cursor = pages.continuation().cloned();
            // One that can't be read is none that is looked for.
            for event in page.into_items() {
                self.read += 1;
                if let Ok(event) = event {
                    self.see(event);
                }
            }
        }
        Ok(())
    }

    /// Takes the next event. One without an id has no place among the others.
    fn see(&mut self, event: Event) {
        let Some(id) = event.id() else { return };
        if let Some(since) = &self.question.since {
            if id == since {
                self.passed = true;
                if self.early {
                    // What came so far is older.
                    self.forget();
                }
                return;
            }
            if !self.passed && self.is_earlier(id) {
                self.early = true;
            }
            if self.passed == self.early {
                self.came_since(&event);
            }
        }
        let wanted = self.question.uses.contains(id);
        if wanted && self.uses.iter().all(|other| other.id() != Some(id)) {
            self.uses.push(event);
        }
    }

    fn is_earlier(&self, id: &EventId) -> bool {
        self.question.earlier.as_ref() == Some(id) || self.question.uses.contains(id)
    }

    fn came_since(&mut self, event: &Event) {
        match Meaning::of(event) {
            Meaning::Answer(_) => self.answers.push(event.clone()),
            Meaning::Gone(_) | Meaning::Idle(_) | Meaning::Running => self.history = true,
            Meaning::Message | Meaning::Error(_) | Meaning::Nothing => {}
        }
    }
}
