//! Finds the tool uses that a pause names, where their events were not seen: in a turn that is
//! gone on with, or that began before.

use std::time::Duration;

use qoder_types::{Event, EventId, Order, SessionId, ops};
use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::list::List;
use crate::shared::Shared;

/// How many of the newest events are looked through, each time.
const LOOKED_THROUGH: usize = 10_000;

/// How often the list is asked for what it doesn't have: it may be behind the stream.
const LOOKS: usize = 4;

/// For how long a list that fails is asked again, and the waits between.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The events with these ids: those that the list has.
pub(super) async fn find(
    shared: Shared,
    session: SessionId,
    ids: Vec<EventId>,
) -> Result<Vec<Event>> {
    let begun = Instant::now();
    let (mut wait, mut looks) = (FIRST_WAIT, 0);
    loop {
        let asked = match look(&shared, &session, &ids).await {
            Ok(found) => {
                looks += 1;
                if found.len() == ids.len() || looks == LOOKS {
                    return Ok(found);
                }
                Duration::ZERO
            }
            Err(error) if may_pass(&error) && begun.elapsed() < PATIENCE => {
                error.retry_after().unwrap_or_default()
            }
            Err(error) => return Err(error),
        };
        sleep(wait.max(asked)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Whether the list may be readable later. One that contradicts itself may be whole the next time.
fn may_pass(error: &Error) -> bool {
    error.is_retryable()
        || matches!(
            error.kind(),
            ErrorKind::Pagination | ErrorKind::Decode | ErrorKind::TooLarge
        )
}

async fn look(shared: &Shared, session: &SessionId, ids: &[EventId]) -> Result<Vec<Event>> {
    let list = List::new(shared.clone(), ops::sessions::events::list(session));
    let mut events = list.limit(100).query("order", Order::Desc).items();
    let mut found: Vec<Event> = Vec::new();
    for _ in 0..LOOKED_THROUGH {
        if found.len() == ids.len() {
            break;
        }
        let Some(event) = events.next().await.transpose()? else {
            break;
        };
        let wanted = event.id().is_some_and(|id| ids.contains(id));
        if wanted && found.iter().all(|other| other.id() != event.id()) {
            found.push(event);
        }
    }
    Ok(found)
}
