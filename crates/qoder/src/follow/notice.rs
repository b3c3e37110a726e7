use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use qoder_sse::resume::{self, Cause};

use crate::error::Error;

/// A change of the connection of a session that is followed. It heals by itself.
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// use qoder::{Notice, Update};
///
/// let mut updates = session.follow().updates();
/// while let Some(update) = updates.next().await {
///     match update? {
///         Update::Notice(Notice::Waiting { delay, error, .. }) => {
///             eprintln!("connecting again in {delay:?}: {}", error.unwrap_or_default());
///         }
///         Update::Notice(Notice::Live) => eprintln!("connected"),
///         Update::Event(event) => println!("{}", event.type_name()),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A connection is being opened.
    Connecting {
        /// Counts the attempts since the last progress, from 1.
        attempt: u32,
    },
    /// A connection is open and read.
    Live,
    /// The connection is lost.
    Lost(Cause),
    /// The list of events is read, to close a gap.
    Repairing,
    /// From now on the list of events is asked for again and again, in place of a stream.
    /// [`Notice::Live`] tells when a stream has taken its place.
    Polling,
    /// The next attempt is waited for.
    #[non_exhaustive]
    Waiting {
        /// The length of the wait.
        delay: Duration,
        /// The reason for the wait.
        cause: Cause,
        /// The failure, in one line: the operation, the host, the status or the cause. `None` if a
        /// connection that worked has ended.
        error: Option<Arc<str>>,
    },
    /// Previews shown so far are void: the server may repeat them, or not.
    PreviewsVoid,
}

impl Notice {
    /// `None` for what a later release of the machine may have to tell.
    pub(crate) fn new(notice: resume::Notice, failure: Option<&Error>) -> Option<Self> {
        Some(match notice {
            resume::Notice::Connecting { attempt } => Self::Connecting { attempt },
            resume::Notice::Live => Self::Live,
            resume::Notice::Lost(cause) => Self::Lost(cause),
            resume::Notice::Repairing => Self::Repairing,
            resume::Notice::Polling => Self::Polling,
            resume::Notice::PreviewsVoid => Self::PreviewsVoid,
            resume::Notice::Waiting { delay, cause } => Self::Waiting {
                delay,
                cause,
                error: failure.map(|error| error.to_string().into()),
            },
            _ => return None,
        })
    }

    /// The same in numbers and names of few values.
    pub(crate) fn without_error(&self) -> Self {
        match self {
            Self::Waiting { delay, cause, .. } => Self::Waiting {
                delay: *delay,
                cause: *cause,
                error: None,
            },
            other => other.clone(),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt } => write!(f, "connecting (attempt {attempt})"),
            Self::Live => f.write_str("live"),
            Self::Lost(cause) => write!(f, "lost: {cause}"),
            Self::Repairing => f.write_str("repairing from the list"),
            Self::Polling => f.write_str("polling the list"),
            Self::Waiting {
                delay,
                cause,
                error: None,
            } => write!(f, "waiting {delay:?}: {cause}"),
            Self::Waiting {
                delay,
                cause,
                error: Some(error),
            } => write!(f, "waiting {delay:?}: {cause}: {error}"),
            Self::PreviewsVoid => f.write_str("previews are void"),
        }
    }
}
