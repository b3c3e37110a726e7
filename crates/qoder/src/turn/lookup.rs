//! Finds the tool uses that a pause names, where their events were not seen: in a turn that is
//! gone on with, or that began before.

use std::time::Duration;

use qoder_types::{Cursor, Event, EventId, Order, SessionId, ops};
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{Error, ErrorKind, Result};
use crate::list::{List, Pages};
use crate::shared::Shared;

/// How many of the newest events are looked through, each time.
const LOOKED_THROUGH: usize = 10_000;

/// How often the list is asked for what it doesn't have: it may be behind the stream.
const LOOKS: usize = 4;

/// For how long a list that fails is asked again without getting further, and the waits between.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The events with these ids: those that the list has. It isn't asked before the server wants to be.
pub(super) async fn find(
    shared: Shared,
    session: SessionId,
    ids: Vec<EventId>,
    not_before: Option<Instant>,
) -> Result<Vec<Event>> {
    if let Some(not_before) = not_before {
        sleep_until(not_before).await;
    }
    let mut search = Search::new(ids);
    let (mut wait, mut looks) = (FIRST_WAIT, 0);
    let (mut farthest, mut since) = (0, Instant::now());
    loop {
        let asked = match search.read_on(search.pages(&shared, &session)).await {
            Ok(()) => {
                looks += 1;
                if search.is_done() || looks == LOOKS {
                    return Ok(search.found);
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

/// What is done about a list that fails.
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

/// One way through the list, from the newest event on.
struct Search {
    ids: Vec<EventId>,
    found: Vec<Event>,
    /// How many events this way has come by.
    read: usize,
    /// The page that it has come to.
    cursor: Option<Cursor>,
}

impl Search {
    fn new(ids: Vec<EventId>) -> Self {
        Self {
            ids,
            found: Vec::new(),
            read: 0,
            cursor: None,
        }
    }

    fn is_done(&self) -> bool {
        self.found.len() == self.ids.len()
    }

    fn start_over(&mut self) {
        (self.read, self.cursor) = (0, None);
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

    fn see(&mut self, event: Event) {
        let wanted = event.id().is_some_and(|id| self.ids.contains(id));
        if wanted && self.found.iter().all(|other| other.id() != event.id()) {
            self.found.push(event);
        }
    }
}
