//! The job that a handler is given.

use std::fmt;

use qoder_types::{SessionId, Work, WorkId};
use tokio::sync::watch;

use crate::conversation::Conversation;
use crate::shared::Shared;

/// A piece of work that is held, for its handler.
///
/// Clones are of the same piece of work. A handler that is canceled is dropped at its next
/// `await`; what it started elsewhere, such as tasks of its own, is its own to end.
#[derive(Clone)]
pub struct Job {
    shared: Shared,
    work: Work,
    session: SessionId,
    stopping: watch::Receiver<bool>,
}

impl Job {
    pub(super) fn new(
        shared: Shared,
        work: Work,
        session: SessionId,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            shared,
            work,
            session,
            stopping,
        }
    }

    /// Returns the id of the work.
    pub fn id(&self) -> &WorkId {
        &self.work.id
    }

    /// Returns the work, as it was when the worker was given it.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Returns the conversation in the session that has something to do.
    pub fn session(&self) -> Conversation {
        Conversation::new(self.shared.clone(), self.session.clone())
    }

    /// Waits until the work is to be ended: somebody stopped it, or the worker shuts down. The
    /// handler then has the worker's [grace](crate::Worker::grace) to put things in order, and is
    /// canceled. A handler that doesn't look is canceled all the same.
    ///
    /// ```
    /// # async fn f(job: qoder::worker::Job) -> qoder::Result<()> {
    /// let session = job.session();
    /// let mut events = session.follow().events();
    /// loop {
    ///     tokio::select! {
    ///         event = events.next() => match event {
    ///             Some(event) => println!("{}", event?.type_name()),
    ///             None => break,
    ///         },
    ///         () = job.stopping() => break,
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.clone();
        // Without its worker, a clone that outlived the handler is to end too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Returns whether the work is to be ended; see [`stopping`](Self::stopping).
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow() || self.stopping.has_changed().is_err()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("work", &self.work.id)
            .field("session", &self.session)
            .field("stopping", &self.is_stopping())
            .finish_non_exhaustive()
    }
}
