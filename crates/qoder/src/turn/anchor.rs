//! The anchor of a turn: where it begins if the server accepts its message without naming the
//! event.
//!
//! No documented server does so, and none that does is known before. So the end of the log is
//! looked up ahead of the message, until the server has named one. The message is then the first
//! after that end with its text, blanks around it aside, or else the first one whatever it says:
//! only one turn runs at a time.

use std::time::Duration;

use qoder_types::{Cursor, Event, EventId, Order, SessionId, ops};

use super::Machine;
use crate::error::{Error, ErrorKind, Result};
use crate::follow::Start;
use crate::list::List;
use crate::shared::Shared;

/// The number of newest events that are searched for a message that may have been sent before.
const LOOKED_THROUGH: usize = 1000;

/// The number of events that are read of a list that has to be read from its beginning.
const LONGEST: usize = 100_000;

/// The time that a message waits for each page of the list.
const LOOKING: Duration = Duration::from_secs(15);

/// A session's log before a message is sent.
#[derive(Debug)]
pub(super) struct Before {
    newest: Option<EventId>,
    /// Whether the list can be read newest first. The first generation documents no order.
    ordered: bool,
}

impl Before {
    /// Looks up where the log ends.
    pub(super) async fn look(shared: &Shared, session: &SessionId) -> Result<Self> {
        let list = || events(shared, session).options(|options| options.timeout(LOOKING));
        let newest = list().query("order", Order::Desc).limit(1).await?.data;
        let Some(newest) = newest.first() else {
            return Ok(Self {
                newest: None,
                ordered: true,
            });
        };
        let oldest = list().limit(1).await?.data;
        if newest.id().is_some() && newest.id() != oldest.first().and_then(Event::id) {
            return Ok(Self {
                newest: newest.id().cloned(),
                ordered: true,
            });
        }
        // There is one event, or it has no id, or the list knows no order.
        let mut end = None;
        let mut all = list().limit(100).items();
        for _ in 0..LONGEST {
            let Some(event) = all.next().await.transpose()? else {
                return Ok(Self {
                    newest: end,
                    ordered: false,
                });
            };
            end = event.id().cloned().or(end);
        }
        Err(endless())
    }
}

/// Finds where the turn begins whose message was accepted: right after the message, or before it if
/// it isn't listed yet. `known` tells that it may have been sent before, under the same key.
pub(super) async fn find(
    shared: &Shared,
    session: &SessionId,
    text: &str,
    before: Option<Before>,
    known: bool,
) -> Result<(Start, Machine)> {
    let list = || events(shared, session).limit(100);
    let says = |event: &Event| match event {
        Event::UserMessage(message) => message.content.text().trim() == text.trim(),
        _ => false,
    };
    let (found, newest) = match before {
        Some(before) => {
            let mut found = after(list(), before.newest.as_ref(), says).await?;
            if known && found.is_none() {
                (found, _) = back(list(), before.ordered, says).await?;
            }
            (found, before.newest)
        }
        // The server named its messages until now, so that nobody looked.
        None => back(list(), true, says).await?,
    };
    Ok(match (found, newest) {
        (Some(message), _) => (Start::After(message), Machine::anchored()),
        (None, Some(newest)) => (Start::After(newest), Machine::unanchored()),
        (None, None) => (Start::Beginning, Machine::unanchored()),
    })
}

/// The first event after this one that is meant.
async fn after(
    list: List<Event>,
    start: Option<&EventId>,
    meant: impl Fn(&Event) -> bool,
) -> Result<Option<EventId>> {
    let mut events = match start {
        Some(id) => list.from_cursor(&Cursor::After(id.to_string())).items(),
        None => list.items(),
    };
    let mut found = None;
    for _ in 0..LONGEST {
        let Some(event) = events.next().await.transpose()? else {
            return Ok(found);
        };
        if start.is_some() && event.id() == start {
            // The list knows no start: what came so far is older.
            found = None;
        } else if found.is_none() && meant(&event) {
            found = event.id().cloned();
        }
    }
    Err(endless())
}

/// The newest event that is meant, and the newest of all.
async fn back(
    list: List<Event>,
    ordered: bool,
    meant: impl Fn(&Event) -> bool,
) -> Result<(Option<EventId>, Option<EventId>)> {
    let (mut events, most) = if ordered {
        (list.query("order", Order::Desc).items(), LOOKED_THROUGH)
    } else {
        (list.items(), LONGEST)
    };
    let (mut found, mut newest) = (None, None);
    for _ in 0..most {
        let Some(event) = events.next().await.transpose()? else {
            return Ok((found, newest));
        };
        let Some(id) = event.id() else { continue };
        if newest.is_none() || !ordered {
            newest = Some(id.clone());
        }
        if meant(&event) {
            found = Some(id.clone());
            if ordered {
                return Ok((found, newest));
            }
        }
    }
    if ordered {
        Ok((found, newest))
    } else {
        Err(endless())
    }
}

fn events(shared: &Shared, session: &SessionId) -> List<Event> {
    List::new(shared.clone(), ops::sessions::events::list(session))
}

fn endless() -> Error {
    Error::new(
        ErrorKind::Pagination,
        format!("the list of events has no end within {LONGEST} events"),
    )
    .with_operation("sessions.events.list")
}
