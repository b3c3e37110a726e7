//! The notices of a worker while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use qoder_types::{SessionId, WorkId};

/// An event in the life of a worker; see [`Worker::on_notice`](crate::Worker::on_notice).
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::worker::WorkerNotice;
///
/// client
///     .worker("env_1")
///     .on_notice(|notice| match notice {
///         WorkerNotice::Canceled { work, reason } => eprintln!("{work} was canceled: {reason:?}"),
///         other => println!("{other:?}"),
///     })
///     .run(|job| async move { job.session().ask("Go on.").await.map(drop) })
///     .await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerNotice {
    /// A piece of work is held, and its handler starts.
    Started {
        /// The work.
        work: WorkId,
        /// The session that has something to do.
        session: SessionId,
    },
    /// A handler ended well.
    Finished {
        /// The work.
        work: WorkId,
    },
    /// A handler returned an error. Its work is over all the same.
    Failed {
        /// The work.
        work: WorkId,
        /// The error, in one line.
        error: Arc<str>,
    },
    /// A handler panicked. Its work is over; the worker and the other handlers go on.
    Panicked {
        /// The work.
        work: WorkId,
        /// The message of the panic, in one line.
        message: Arc<str>,
    },
    /// A handler was told to end, and has the [grace](crate::Worker::grace) for it.
    Stopping {
        /// The work.
        work: WorkId,
        /// The reason.
        reason: CancelReason,
    },
    /// A handler was canceled.
    Canceled {
        /// The work.
        work: WorkId,
        /// The reason.
        reason: CancelReason,
    },
    /// A piece of work that came was not taken: another worker has it, or it could not be taken in
    /// time, or the worker shuts down. Its handler was not started.
    NotTaken {
        /// The work.
        work: WorkId,
    },
    /// A piece of work that came is of a kind that this release doesn't know. It is left for a
    /// worker that does.
    UnknownKind {
        /// The work.
        work: WorkId,
    },
    /// A handler ended, and the server could not be told: it may give the work to a worker again.
    Unstopped {
        /// The work.
        work: WorkId,
    },
    /// A request failed, and is made again.
    Retrying {
        /// The operation, such as `environments.work.poll`.
        operation: &'static str,
        /// Until the next attempt.
        delay: Duration,
        /// The failure, in one line.
        error: Arc<str>,
    },
    /// No more work is taken. Handlers that run have the [grace](crate::Worker::grace) to end.
    ShuttingDown,
}

/// The reason why a handler is canceled, or told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The lease of the work is lost: another worker may have it by now.
    LeaseLost,
    /// Somebody stopped the work.
    Stopped,
    /// The worker shuts down.
    ShutDown,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeaseLost => "the lease is lost",
            Self::Stopped => "the work was stopped",
            Self::ShutDown => "the worker shuts down",
        })
    }
}

impl fmt::Display for WorkerNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { work, session } => write!(f, "{work}: started, for {session}"),
            Self::Finished { work } => write!(f, "{work}: finished"),
            Self::Failed { work, error } => write!(f, "{work}: failed: {error}"),
            Self::Panicked { work, message } => write!(f, "{work}: panicked: {message}"),
            Self::Stopping { work, reason } => write!(f, "{work}: is to end: {reason}"),
            Self::Canceled { work, reason } => write!(f, "{work}: canceled: {reason}"),
            Self::NotTaken { work } => write!(f, "{work}: not taken"),
            Self::UnknownKind { work } => write!(f, "{work}: of an unknown kind, left for others"),
            Self::Unstopped { work } => write!(f, "{work}: over, which the server may not know"),
            Self::Retrying {
                operation,
                delay,
                error,
            } => write!(f, "{operation} again in {delay:?}: {error}"),
            Self::ShuttingDown => f.write_str("shutting down"),
        }
    }
}
