use std::fmt;

use qoder_types::{EventId, StopReason};

/// The state of a turn, or the reason why it is over. Its text is the API's word for it.
///
/// ```
/// # async fn f(mut turn: qoder::Turn) -> qoder::Result<()> {
/// use qoder::Stop;
///
/// while let Some(event) = turn.next().await {
///     event?;
/// }
/// match turn.stop_reason() {
///     Stop::EndTurn => println!("done"),
///     Stop::Cancelled => println!("somebody stopped it"),
///     other => println!("no success: {other}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Not over yet.
    Running,
    /// Paused: these events, tool uses each, wait for an approval or a result.
    RequiresAction(Vec<EventId>),
    /// The agent finished.
    EndTurn,
    /// The turn was interrupted or cancelled.
    Cancelled,
    /// Repeated errors ended the turn.
    RetriesExhausted,
    /// The session's budget is used up.
    BudgetReached,
    /// The session was terminated; it takes no more messages.
    Terminated,
    /// The session was deleted.
    Deleted,
    /// A reason that this release doesn't know, in the server's word; empty if it gave none.
    Other(String),
}

impl Stop {
    pub(crate) fn from_reason(reason: Option<&StopReason>) -> Self {
        match reason {
            None => Self::Other(String::new()),
            Some(StopReason::EndTurn) => Self::EndTurn,
            Some(StopReason::RequiresAction { event_ids, .. }) => {
                Self::RequiresAction(event_ids.clone())
            }
            Some(StopReason::Cancelled) => Self::Cancelled,
            Some(StopReason::RetriesExhausted) => Self::RetriesExhausted,
            Some(StopReason::BudgetReached) => Self::BudgetReached,
            Some(other) => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::RequiresAction(_) => "requires_action",
            Self::EndTurn => "end_turn",
            Self::Cancelled => "cancelled",
            Self::RetriesExhausted => "retries_exhausted",
            Self::BudgetReached => "budget_reached",
            Self::Terminated => "terminated",
            Self::Deleted => "deleted",
            Self::Other(reason) if reason.is_empty() => "unknown",
            Self::Other(reason) => reason,
        })
    }
}

/// A stop by its word, as it is stored. What waits for an answer is never stored so.
pub(super) mod word {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Stop;

    pub(crate) fn serialize<S: Serializer>(stop: &Stop, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(stop)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Stop, D::Error> {
        let word = String::deserialize(from)?;
        let known = [
            Stop::EndTurn,
            Stop::Cancelled,
            Stop::RetriesExhausted,
            Stop::BudgetReached,
            Stop::Terminated,
            Stop::Deleted,
            Stop::Other(String::new()),
        ];
        let found = known.into_iter().find(|stop| stop.to_string() == word);
        Ok(found.unwrap_or(Stop::Other(word)))
    }
}
