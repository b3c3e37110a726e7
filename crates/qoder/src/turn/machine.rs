//! The state of one turn, as the events of its session tell it: a machine without I/O.
//!
//! | State | Event | Next |
//! |---|---|---|
//! | Unanchored | the first message to the agent: ours | Running |
//! | Unanchored | anything else | Unanchored: it belongs to an earlier turn and can't end this one |
//! | Running, Paused | idle with `requires_action` | Paused, with the ids that wait for an answer: fewer than before where some are answered; Running if all are |
//! | Running, Paused | the echo of an answer | same, and its id is never waited for again; Running after the last |
//! | Paused | running again | Running |
//! | Running, Paused | `session.error`, whatever becomes of it | same: the last one is kept for the outcome |
//! | Running, Paused | idle with any other stop reason, or none, or one that can't be read | Over |
//! | any | terminated, deleted; `terminated` of an early generation | Over |
//! | any | everything else, the session's rescheduling, the idling of a thread and the end of a model's request included | same |
//!
//! What the events say about the session as a whole counts, whatever thread they name: early
//! generations named the main one on every event.

use qoder_types::{Event, EventId, SessionErrorEvent};
use serde::{Deserialize, Serialize};

use super::Stop;
use super::meaning::Meaning;

/// The number of answered ids that are remembered. A pause names few.
const REMEMBERED: usize = 512;

/// Follows one turn through the events of its session.
///
/// Its one input is [`observe`](Self::observe), with every event of the session in its order, each
/// once; its outputs are the questions below, which change nothing and may be asked at any time.
/// Events of other threads, and those after the end, are legal and change nothing. It knows no
/// times. It can be stored between any two events, and goes on from there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    state: State,
    #[serde(default, with = "raw", skip_serializing_if = "Option::is_none")]
    error: Option<SessionErrorEvent>,
    /// The newest ids that were answered: whatever the server repeats, they wait no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answered: Vec<EventId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The server didn't say which event our message became: its echo is waited for.
    Unanchored {},
    Running,
    Paused(Vec<EventId>),
    Over(#[serde(with = "super::stop::word")] Stop),
}

impl Machine {
    /// A turn whose events begin right after the accepted message.
    pub(crate) fn anchored() -> Self {
        Self::at(State::Running)
    }

    /// A turn whose message has yet to be seen in the stream.
    pub(crate) fn unanchored() -> Self {
        Self::at(State::Unanchored {})
    }

    fn at(state: State) -> Self {
        Self {
            state,
            error: None,
            answered: Vec::new(),
        }
    }

    /// Takes the next event of the session.
    pub(crate) fn observe(&mut self, event: &Event) {
        match (Meaning::of(event), &self.state) {
            (Meaning::Gone(stop), _) => self.state = State::Over(stop),
            (Meaning::Message, State::Unanchored {}) => self.state = State::Running,
            (meaning, State::Running | State::Paused(_)) => self.step(meaning),
            _ => {}
        }
    }

    fn step(&mut self, meaning: Meaning<'_>) {
        match meaning {
            Meaning::Idle(Stop::RequiresAction(ids)) => self.asked(ids),
            Meaning::Idle(stop) => self.state = State::Over(stop),
            Meaning::Running => self.state = State::Running,
            Meaning::Answer(id) => self.answered(id),
            Meaning::Error(error) => self.error = Some(error.clone()),
            Meaning::Gone(_) | Meaning::Message | Meaning::Nothing => {}
        }
    }

    /// Takes in the ids that a pause names. Ids that can't be read may still wait: none at all is a
    /// pause too.
    fn asked(&mut self, mut ids: Vec<EventId>) {
        let unreadable = ids.is_empty();
        ids.retain(|id| !self.has_answered(id));
        self.state = if ids.is_empty() && !unreadable {
            State::Running
        } else {
            State::Paused(ids)
        };
    }

    /// The ids that would wait after this event, if it is a pause; none if it is anything else.
    pub(crate) fn would_wait_for(&self, event: &Event) -> Vec<EventId> {
        match Meaning::of(event) {
            Meaning::Idle(Stop::RequiresAction(mut ids)) if self.is_anchored() => {
                ids.retain(|id| !self.has_answered(id));
                ids
            }
            _ => Vec::new(),
        }
    }

    /// An answer is no more waited for once it is in the log, or known to be accepted.
    pub(crate) fn answered(&mut self, answer: EventId) {
        if let State::Paused(ids) = &mut self.state {
            ids.retain(|id| *id != answer);
            if ids.is_empty() {
                self.state = State::Running;
            }
        }
        if self.has_answered(&answer) {
            return;
        }
        if self.answered.len() == REMEMBERED {
            self.answered.remove(0);
        }
        self.answered.push(answer);
    }

    /// Whether an answer to this tool use is known.
    pub(crate) fn has_answered(&self, id: &EventId) -> bool {
        self.answered.contains(id)
    }

    /// Returns the ids of what waits for an answer, as far as they can be read.
    pub(crate) fn waits_for(&self) -> &[EventId] {
        match &self.state {
            State::Paused(ids) => ids,
            _ => &[],
        }
    }

    /// Whether the message was seen, so that what comes now belongs to the turn.
    pub(crate) fn is_anchored(&self) -> bool {
        !matches!(self.state, State::Unanchored {})
    }

    /// Whether something waits for an answer.
    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.state, State::Paused(_))
    }

    /// Whether no event of this turn can follow.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Returns the state of the turn.
    pub(crate) fn stop(&self) -> Stop {
        match &self.state {
            State::Unanchored { .. } | State::Running => Stop::Running,
            State::Paused(ids) => Stop::RequiresAction(ids.clone()),
            State::Over(stop) => stop.clone(),
        }
    }

    /// The last `session.error` of the turn.
    pub(crate) fn error(&self) -> Option<&SessionErrorEvent> {
        self.error.as_ref()
    }
}

/// An error as the text it came in.
mod raw {
    use qoder_types::{Event, SessionErrorEvent};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde asks for this signature")]
    pub(super) fn serialize<S: Serializer>(
        error: &Option<SessionErrorEvent>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        error.as_ref().map(SessionErrorEvent::raw).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SessionErrorEvent>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(
            text.and_then(|text| match Event::decode("session.error", None, &text) {
                Event::SessionError(error) => Some(error),
                _ => None,
            }),
        )
    }
}

#[cfg(test)]
mod tests;
