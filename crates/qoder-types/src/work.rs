//! The work of self-hosted environments: a queue that workers take from.

use std::collections::BTreeMap;

use crate::wire::{Wire, deserialize_by_wire};
use crate::{EnvironmentId, Extra, Patch, Secret, SessionId, Timestamp, WorkId};

object! {
    /// A piece of work for a self-hosted environment: a session that has something to do.
    ///
    /// A worker polls for it, acknowledges it, holds its lease by heartbeats while it is at it, and
    /// stops it when it is done.
    Work {
        /// The id of the piece of work.
        id!: WorkId,
        /// The environment.
        environment_id: EnvironmentId,
        /// The task of the work.
        data: WorkData,
        /// The state of the work.
        state: WorkState,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// The secret that the worker authenticates with. `None` if it needs none.
        secret?: Secret,
        /// When the work was queued.
        created_at: Timestamp,
        /// When a worker acknowledged it. `None` before that.
        acknowledged_at?: Timestamp,
        /// When a worker began with it. `None` before that.
        started_at?: Timestamp,
        /// When a worker last sent a heartbeat. `None` before the first.
        latest_heartbeat_at?: Timestamp,
        /// When somebody asked for it to be stopped. `None` if nobody has.
        stop_requested_at?: Timestamp,
        /// When it was over. `None` before that.
        stopped_at?: Timestamp,
    }
}

impl Work {
    /// Returns the session that has something to do. `None` if the work is of a kind that this
    /// release doesn't know.
    pub fn session_id(&self) -> Option<&SessionId> {
        match &self.data {
            WorkData::Session(session) => Some(&session.id),
            WorkData::Other(_) => None,
        }
    }
}

tagged! {
    /// The task of the work.
    WorkData {
        /// A session has something to do.
        Session(SessionWork) = "session",
    }
}

deserialize_by_wire!(WorkData);

object! {
    /// A session that has something to do.
    SessionWork {
        /// The session.
        id: SessionId,
    }
}

open_enum! {
    /// The state of a piece of work. The states follow each other in this order.
    WorkState {
        /// It waits for a worker.
        Queued = "queued",
        /// A worker has acknowledged it.
        Starting = "starting",
        /// A worker is at it.
        Active = "active",
        /// It is to be stopped.
        Stopping = "stopping",
        /// It is over.
        Stopped = "stopped",
    }
}

object! {
    /// The answer to a heartbeat.
    WorkHeartbeat {
        /// The value that the next heartbeat has to expect as the last one, to the letter.
        last_heartbeat: String,
        /// Whether the worker still holds the lease, for as long as `ttl_seconds` says. If not, it
        /// has to leave the work alone.
        lease_extended: bool,
        /// The state of the work. A worker whose work is `stopping` has to end it.
        state: WorkState,
        /// The duration of the lease from now on, in seconds.
        ttl_seconds: u64,
    }
}

impl WorkHeartbeat {
    /// The value that the first heartbeat expects as the last one. A heartbeat that expects another
    /// than there was fails with the status 412: another worker has the work.
    pub const NONE: &'static str = "NO_HEARTBEAT";
}

object! {
    /// Statistics of an environment's queue.
    WorkStats {
        /// The number of pieces of work that wait in the queue.
        depth: u64,
        /// The number of pieces of work that a worker was given and hasn't acknowledged yet.
        pending: u64,
        /// When the work that waits longest was queued. `None` if the queue is empty.
        oldest_queued_at?: Timestamp,
        /// The number of workers that are polling.
        workers_polling: u64,
    }
}

body! {
    /// Stops a piece of work.
    WorkStop {
        ;
        /// Whether it is over at once, without waiting for its worker. `false` if left out.
        force as bool,
    }
}

object! {
    /// Changes the metadata of a piece of work.
    ///
    /// ```
    /// use qoder_types::{Patch, WorkUpdate};
    ///
    /// let update = WorkUpdate::new().metadata("machine", "eu-7").metadata("attempt", Patch::Clear);
    /// assert_eq!(
    ///     serde_json::to_value(&update).unwrap(),
    ///     serde_json::json!({"metadata": {"machine": "eu-7", "attempt": null}}),
    /// );
    /// ```
    WorkUpdate {
        /// Changes to single entries; the others stay.
        metadata: BTreeMap<String, Patch<String>>,
    }
}

impl WorkUpdate {
    /// The members that there must be.
    #[cfg(test)]
    pub(crate) const REQUIRED: &'static [&'static str] = &["metadata"];

    /// Returns a change of nothing.
    pub fn new() -> Self {
        Self::empty()
    }

    /// Sets an entry of the metadata, or deletes it with [`Patch::Clear`]. There are at most 16
    /// entries, of keys with up to 64 and values with up to 512 characters.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Patch<String>>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl Default for WorkUpdate {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&Work> for WorkId {
    fn from(work: &Work) -> Self {
        work.id.clone()
    }
}
