//! Event streams: where they start, what they say, and how they go wrong when they are told to.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::body::Pieces;
use crate::damage::send;
use crate::fault::Fault;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::settings::{Dialect, Heartbeat};
use crate::state::session::{Entry, Session};
use crate::state::world::World;

/// A stream that is about to be written.
pub(crate) struct Stream {
    world: Arc<World>,
    session: String,
    /// The one thread whose events it has.
    thread: Option<String>,
    /// The position in the feed.
    at: usize,
    /// The number of events when it was opened: previews of events complete by then are not
    /// repeated.
    opened_at: usize,
    previews: Vec<String>,
    fault: Fault,
}

impl Stream {
    /// A stream for a request with this query and `Last-Event-ID`.
    pub(crate) fn open(
        world: &Arc<World>,
        owner: &str,
        (session_id, thread): (&str, Option<&str>),
        query: &Query,
        last_event_id: Option<&str>,
        fault: Fault,
    ) -> Result<Self, Refusal> {
        let dialect = world.settings.dialect;
        let after_id = query.get("after_id").filter(|_| dialect == Dialect::Seed);
        let cursor = last_event_id.or(after_id);
        let replay = if let Fault::Replay(events) = fault {
            events
        } else {
            0
        };
        let (at, opened_at) = world.account(owner, |account| {
            let session = account
                .session(session_id)
                .ok_or_else(|| Refusal::not_found("session"))?;
            if let Some(thread) = thread {
                if !session.has_thread(thread) {
                    return Err(Refusal::not_found("thread"));
                }
            }
            if let Some(kind) = query
                .all("event_deltas[]")
                .find(|kind| !matches!(*kind, "agent.message" | "agent.thinking"))
            {
                return Err(Refusal::invalid(
                    "event_deltas[]",
                    format!("'{kind}' can't be previewed."),
                ));
            }
            let at = match cursor {
                Some(id) => back(session, after(session, id)?, replay),
                None if dialect == Dialect::Seed => 0,
                None => session.feed.len(),
            };
            Ok((at, session.feed.len()))
        })?;
        let previews = query.all("event_deltas[]").map(ToOwned::to_owned).collect();
        Ok(Self {
            world: Arc::clone(world),
            session: session_id.to_owned(),
            thread: thread.map(ToOwned::to_owned),
            at,
            opened_at,
            previews,
            fault,
        })
    }

    /// Writes until the reader is gone, the session is over, or the fault strikes.
    pub(crate) async fn write(mut self, pieces: Pieces) {
        let broken = || Err(io::Error::new(io::ErrorKind::ConnectionReset, "fault"));
        let mut frames = 0;
        let mut bytes = 0;
        let mut beat = Instant::now() + self.world.settings.beat_every;
        loop {
            let taken = self.world.any_session(&self.session, |session| {
                (
                    session.feed[self.at.min(session.feed.len())..].to_vec(),
                    session.grown.subscribe(),
                )
            });
            let Some((entries, mut grown)) = taken else {
                return;
            };
            for entry in entries {
                self.at += 1;
                if !self.shows(&entry) {
                    continue;
                }
                match self.fault {
                    Fault::CutFrames(n) if frames >= n => {
                        // In the middle of the frame that follows.
                        let text = frame(&entry);
                        let _ = pieces
                            .send(Ok(Bytes::copy_from_slice(
                                &text.as_bytes()[..text.len() / 2],
                            )))
                            .await;
                        let _ = pieces.send(broken()).await;
                        return;
                    }
                    Fault::EndFrames(n) if frames >= n => return,
                    Fault::StallFrames(n) if frames >= n => {
                        pieces.closed().await;
                        return;
                    }
                    _ => {}
                }
                let text = frame(&entry);
                if let Fault::Cut(at) = self.fault {
                    if bytes + text.len() > at {
                        let _ = pieces
                            .send(Ok(Bytes::copy_from_slice(&text.as_bytes()[..at - bytes])))
                            .await;
                        let _ = pieces.send(broken()).await;
                        return;
                    }
                }
                bytes += text.len();
                frames += 1;
                if !send(&pieces, text, &self.fault).await {
                    return;
                }
                if matches!(
                    entry.name.as_str(),
                    "session.status_terminated" | "session.deleted"
                ) {
                    return;
                }
            }
            tokio::select! {
                grown = timeout_at(beat, async { grown.wait_for(|length| *length > self.at).await.is_ok() }) => {
                    match grown {
                        Ok(true) => {}
                        // The session was deleted without a word.
                        Ok(false) => return,
                        Err(_) => {
                            beat = Instant::now() + self.world.settings.beat_every;
                            if !send(&pieces, heartbeat(self.world.settings.heartbeat), &self.fault).await {
                                return;
                            }
                        }
                    }
                }
                () = pieces.closed() => return,
            }
        }
    }

    fn shows(&self, entry: &Entry) -> bool {
        if let Some(thread) = &self.thread {
            // Threads have no previews.
            let of_thread = self.world.any_session(&self.session, |session| {
                entry.preview.is_none() && session.is_of_thread(entry, thread)
            });
            return of_thread.unwrap_or_default();
        }
        let Some(of) = entry.preview else { return true };
        if !self.previews.iter().any(|preview| preview == of) {
            return false;
        }
        // Of an event that was complete when the stream was opened, nothing needs a preview.
        let complete = self.world.any_session(&self.session, |session| {
            let mut before = session.feed[..self.opened_at.min(session.feed.len())].iter();
            before.any(|other| other.preview.is_none() && other.id == entry.id)
        });
        !complete.unwrap_or(true)
    }
}

/// The place behind an event, by its id.
fn after(session: &Session, id: &str) -> Result<usize, Refusal> {
    // The event itself, or else the last preview of one that is being written.
    let whole = session
        .feed
        .iter()
        .position(|entry| entry.preview.is_none() && entry.id == id);
    let place = whole.or_else(|| session.feed.iter().rposition(|entry| entry.id == id));
    place
        .map(|at| at + 1)
        .ok_or_else(|| Refusal::invalid("Last-Event-ID", "Unknown Last-Event-ID."))
}

/// So many events further back.
fn back(session: &Session, at: usize, events: usize) -> usize {
    let whole = session.feed[..at]
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, entry)| entry.preview.is_none());
    whole.take(events).last().map_or(at, |(at, _)| at)
}

fn frame(entry: &Entry) -> String {
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        entry.id, entry.name, entry.data
    )
}

fn heartbeat(kind: Heartbeat) -> String {
    match kind {
        Heartbeat::Comment => ": heartbeat\n\n",
        Heartbeat::Event => "event: heartbeat\ndata: {}\n\n",
        Heartbeat::Ping => "id: ping\nevent: ping\ndata: {}\n\n",
    }
    .to_owned()
}
