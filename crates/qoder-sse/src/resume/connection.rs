//! The state of the current connection.

use alloc::sync::Arc;
use core::time::Duration;

use super::policy::{Policy, Tick};

#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The cursor that its request carried.
    pub(super) cursor: Option<Arc<str>>,
    /// The first entry that was delivered before it.
    pub(super) first: Option<Arc<str>>,
    opened_at: Tick,
    /// When its last byte came.
    heard_at: Option<Tick>,
    /// Since when silence is counted.
    pub(super) silent_since: Tick,
    /// No entry came in sight on it.
    pub(super) is_unread: bool,
    /// An entry or a preview came on it.
    has_brought: bool,
    /// An entry came on it that was not delivered before.
    pub(super) is_fresh: bool,
    /// It repeats the log from the beginning, and has not come to its cursor yet.
    pub(super) repeats: bool,
    /// Entries that lists gave since it was asked for.
    pub(super) listed: usize,
    pub(super) proof: Proof,
    /// When to look at the list.
    pub(super) looks_at: Option<Tick>,
    /// Since when the list is known to be ahead of it.
    pub(super) owes_since: Option<Tick>,
}

/// Whether nothing lies between what was listed and what the connection begins with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Proof {
    /// So it is.
    #[default]
    Given,
    /// It was attached without a cursor, and brought nothing yet.
    Wanted,
    /// Its first entry waits for the list to have it too.
    Awaits { id: Arc<str>, tries: u32 },
}

impl Connection {
    /// It is open. Parked, it begins anywhere.
    pub(super) fn opened(&mut self, now: Tick, parked: bool, looks_at: Option<Tick>) {
        *self = Self {
            cursor: self.cursor.take(),
            first: self.first.take(),
            listed: self.listed,
            opened_at: now,
            silent_since: now,
            is_unread: true,
            proof: if parked { Proof::Wanted } else { Proof::Given },
            looks_at,
            ..Self::default()
        };
    }

    /// Bytes came.
    pub(super) fn heard(&mut self, now: Tick) {
        self.heard_at = Some(now);
        self.silent_since = now;
    }

    /// It is read from now on: its silence before doesn't count.
    pub(super) fn reads_from(&mut self, now: Tick) {
        self.silent_since = now;
    }

    /// An entry or a preview: nothing holds that back. A proxy may pass on a few kilobytes at once
    /// and keep the rest: as long as no look has shown that it doesn't, one follows.
    pub(super) fn brings_something(&mut self, now: Tick, policy: &Policy) {
        if let Some(at) = &mut self.looks_at {
            *at = now.saturating_add(policy.looks_after());
        }
        self.owes_since = None;
        self.has_brought = true;
    }

    /// Whether an entry or a preview came.
    pub(super) fn has_brought(&self) -> bool {
        self.has_brought
    }

    /// Whether a byte came.
    pub(super) fn has_life(&self) -> bool {
        self.heard_at.is_some()
    }

    /// Returns the lifetime of the connection: from its opening to its last byte.
    pub(super) fn life(&self) -> Duration {
        let heard_at = self.heard_at.unwrap_or(self.opened_at);
        heard_at.saturating_sub(self.opened_at)
    }

    pub(super) fn is_silent(&self, now: Tick, policy: &Policy) -> bool {
        now.saturating_sub(self.silent_since) >= policy.idle
    }

    /// Whether it is behind the list for too long.
    pub(super) fn owes(&self, now: Tick, policy: &Policy) -> bool {
        self.owes_since
            .is_some_and(|since| now.saturating_sub(since) >= policy.lag)
    }

    /// When something is to be done about it, if nothing comes.
    pub(super) fn due(&self, policy: &Policy) -> Tick {
        let idle = self.silent_since.saturating_add(policy.idle);
        let owes = self.owes_since.map(|at| at.saturating_add(policy.lag));
        let others = [owes, self.looks_at].into_iter().flatten();
        others.fold(idle, Tick::min)
    }
}
