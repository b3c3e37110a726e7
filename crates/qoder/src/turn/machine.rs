//! What the events of a session mean for one turn: a machine without I/O.
//!
//! | State | Event | Next |
//! |---|---|---|
//! | Unanchored | the echo of our message | Running |
//! | Unanchored | anything else | Unanchored: it belongs to an earlier turn and can't end this one |
//! | Running, Paused | idle with `requires_action` | Paused, with the ids that wait for an answer: fewer than before where some are answered |
//! | Paused | the echo of an answer to one of the ids | Paused, with the other ids; Running after the last |
//! | Paused | running again | Running |
//! | Running, Paused | `session.error`, whatever becomes of it | same: the last one is kept for the outcome |
//! | Running, Paused | idle with any other stop reason, or none | Over |
//! | any | terminated, deleted; `terminated` of an early generation | Over |
//! | any | everything else, the idling of a thread and the end of a model's request included | same |
//!
//! What the events say about the session as a whole counts, whatever thread they name: early
//! generations named the main one on every event.

use qoder_types::{Event, EventId, SessionErrorEvent, StopReason};
use serde::{Deserialize, Serialize};

use super::Stop;

/// Follows one turn through the events of its session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    state: State,
    #[serde(with = "raw")]
    error: Option<SessionErrorEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The server didn't say which event our message became: its echo is waited for.
    Unanchored {
        text: Option<String>,
    },
    Running,
    Paused(Vec<EventId>),
    Over(#[serde(with = "super::stop::word")] Stop),
}

impl Machine {
    /// A turn whose events begin right after the accepted message.
    pub(crate) fn anchored() -> Self {
        Self {
            state: State::Running,
            error: None,
        }
    }

    /// A turn whose message has yet to be seen in the stream; `text` tells it from others, if it
    /// has text.
    pub(crate) fn unanchored(text: Option<String>) -> Self {
        Self {
            state: State::Unanchored { text },
            error: None,
        }
    }

    /// Takes the next event of the session.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::SessionStatusTerminated(_) | Event::Terminated(_) => {
                self.state = State::Over(Stop::Terminated);
            }
            Event::SessionDeleted(_) => self.state = State::Over(Stop::Deleted),
            _ => match &self.state {
                State::Unanchored { text } => {
                    if is_echo(event, text.as_deref()) {
                        self.state = State::Running;
                    }
                }
                State::Running | State::Paused(_) => self.step(event),
                State::Over(_) => {}
            },
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::SessionStatusIdle(idle) => {
                self.state = match &idle.stop_reason {
                    Some(StopReason::RequiresAction { event_ids, .. }) => {
                        State::Paused(event_ids.clone())
                    }
                    other => State::Over(Stop::from_reason(other.as_ref())),
                }
            }
            Event::SessionStatusRunning(_) | Event::SessionStatusRescheduled(_) => {
                self.state = State::Running;
            }
            Event::SessionError(error) => self.error = Some(error.clone()),
            _ => self.answered(event),
        }
    }

    /// An answer is no more waited for once it is in the log.
    fn answered(&mut self, event: &Event) {
        let State::Paused(ids) = &mut self.state else {
            return;
        };
        let answer = match event {
            Event::UserToolConfirmation(answer) => &answer.tool_use_id,
            Event::UserToolResult(answer) => &answer.tool_use_id,
            Event::UserCustomToolResult(answer) => &answer.custom_tool_use_id,
            _ => return,
        };
        ids.retain(|id| id != answer);
        if ids.is_empty() {
            self.state = State::Running;
        }
    }

    /// Whether no event of this turn can follow.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// How the turn stands.
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

fn is_echo(event: &Event, text: Option<&str>) -> bool {
    match event {
        Event::UserMessage(message) => text.is_none_or(|text| message.content.text() == text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        Event::decode("", None, json)
    }

    fn after(mut machine: Machine, events: &[&str]) -> Stop {
        for json in events {
            machine.observe(&event(json));
        }
        machine.stop()
    }

    const RUNNING: &str = r#"{"type":"session.status_running"}"#;
    const END: &str = r#"{"type":"session.status_idle","stop_reason":{"type":"end_turn"}}"#;
    const ASKS: &str = r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action","event_ids":["a","b"]}}"#;

    const ASKS_LESS: &str = r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action","event_ids":["b"]}}"#;
    const ANSWER: &str = r#"{"type":"user.tool_confirmation","tool_use_id":"a","result":"allow"}"#;
    const RETRYING: &str = r#"{"type":"session.error","error":{"type":"x","message":"m","retry_status":{"type":"retrying"}}}"#;
    const EXHAUSTED: &str = r#"{"type":"session.error","error":{"type":"x","message":"m","retry_status":{"type":"exhausted"}}}"#;

    #[test]
    fn the_table() {
        let ids = || Stop::RequiresAction(vec![EventId::new("a"), EventId::new("b")]);
        let only_b = || Stop::RequiresAction(vec![EventId::new("b")]);
        for (events, want) in [
            (&[][..], Stop::Running),
            (&[RUNNING], Stop::Running),
            (&[RUNNING, END], Stop::EndTurn),
            (&[ASKS], ids()),
            (&[ASKS, RUNNING], Stop::Running),
            (&[ASKS, RUNNING, END], Stop::EndTurn),
            // Partly answered: by the echo of an answer, or by the next idling.
            (&[ASKS, ANSWER], only_b()),
            (&[ASKS, ASKS_LESS], only_b()),
            (&[ASKS, ANSWER, ASKS_LESS], only_b()),
            (
                &[
                    ASKS,
                    ANSWER,
                    r#"{"type":"user.custom_tool_result","custom_tool_use_id":"b"}"#,
                ],
                Stop::Running,
            ),
            (
                &[
                    ASKS,
                    r#"{"type":"user.tool_result","tool_use_id":"c"}"#,
                    r#"{"type":"agent.thinking"}"#,
                ],
                ids(),
            ),
            (&[ASKS, END], Stop::EndTurn),
            // What went wrong is told by the idling after it, not by the error.
            (&[RETRYING, RUNNING], Stop::Running),
            (&[RETRYING, RUNNING, END], Stop::EndTurn),
            (
                &[
                    RETRYING,
                    EXHAUSTED,
                    r#"{"type":"session.status_idle","stop_reason":{"type":"retries_exhausted"}}"#,
                ],
                Stop::RetriesExhausted,
            ),
            (
                &[
                    r#"{"type":"session.error","error":{"type":"x","message":"m","retry_status":{"type":"terminal"}}}"#,
                    r#"{"type":"session.status_terminated"}"#,
                ],
                Stop::Terminated,
            ),
            (
                &[r#"{"type":"terminated","reason":"gone"}"#, RUNNING],
                Stop::Terminated,
            ),
            // Threads, and what is not understood, end nothing.
            (
                &[
                    r#"{"type":"session.thread_status_terminated","session_thread_id":"t","agent_name":"a"}"#,
                ],
                Stop::Running,
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":7}"#],
                Stop::Running,
            ),
            (
                &[r#"{"type":"session.status_asleep"}"#, "nonsense"],
                Stop::Running,
            ),
            (
                &[r#"{"type":"session.status_rescheduled"}"#, END],
                Stop::EndTurn,
            ),
            // A thread's idling and the end of one model request end no turn.
            (
                &[
                    r#"{"type":"session.thread_status_idle","session_thread_id":"t","agent_name":"a","stop_reason":{"type":"end_turn"}}"#,
                    r#"{"type":"span.model_request_end","is_error":false,"model_request_start_id":"e"}"#,
                ],
                Stop::Running,
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":{"type":"canceled"}}"#],
                Stop::Cancelled,
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":{"type":"retries_exhausted"}}"#],
                Stop::RetriesExhausted,
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":{"type":"budget_reached"}}"#],
                Stop::BudgetReached,
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":{"type":"tea_break"}}"#],
                Stop::Other("tea_break".to_owned()),
            ),
            (
                &[r#"{"type":"session.status_idle","status":"idle"}"#],
                Stop::Other(String::new()),
            ),
            (
                &[r#"{"type":"session.status_terminated"}"#, END],
                Stop::Terminated,
            ),
            (&[r#"{"type":"session.deleted"}"#], Stop::Deleted),
        ] {
            assert_eq!(after(Machine::anchored(), events), want, "{events:?}");
        }
    }

    #[test]
    fn before_its_message_nothing_ends_a_turn() {
        let other = r#"{"type":"user.message","content":"something else"}"#;
        let ours = r#"{"type":"user.message","content":[{"type":"text","text":"Hello!"}]}"#;
        let machine = || Machine::unanchored(Some("Hello!".to_owned()));
        assert_eq!(after(machine(), &[END, other, END]), Stop::Running);
        assert_eq!(after(machine(), &[END, ours, END]), Stop::EndTurn);
        assert_eq!(
            after(Machine::unanchored(None), &[END, other, END]),
            Stop::EndTurn
        );
        // Nor does it pause it; that there is no session any more ends all turns.
        assert_eq!(after(machine(), &[ASKS]), Stop::Running);
        assert_eq!(
            after(machine(), &[r#"{"type":"session.deleted"}"#]),
            Stop::Deleted
        );
    }

    #[test]
    fn the_last_error_is_kept() {
        let mut machine = Machine::anchored();
        machine.observe(&event(
            r#"{"type":"session.error","error":{"type":"unknown_error","message":"sandbox lost"}}"#,
        ));
        assert_eq!(machine.stop(), Stop::Running);
        machine.observe(&event(RETRYING));
        machine.observe(&event(EXHAUSTED));
        let text = serde_json::to_string(&machine).expect("a text");
        let stored: Machine = serde_json::from_str(&text).expect("a machine");
        for machine in [machine, stored] {
            let error = machine.error().expect("an error");
            assert_eq!(error.raw(), EXHAUSTED);
        }
    }

    #[test]
    fn a_turn_that_is_stored_stands_as_it_did() {
        for events in [
            &[][..],
            &[ASKS],
            &[ASKS, ANSWER],
            &[RETRYING],
            &[RUNNING, END],
            &[r#"{"type":"session.status_idle","stop_reason":{"type":"tea_break"}}"#],
            &[r#"{"type":"session.status_terminated"}"#],
        ] {
            for start in [
                Machine::anchored(),
                Machine::unanchored(Some("Hi".to_owned())),
            ] {
                let mut machine = start;
                for json in events {
                    machine.observe(&event(json));
                }
                let text = serde_json::to_string(&machine).expect("a text");
                let stored: Machine = serde_json::from_str(&text).expect("a machine");
                assert_eq!(stored.state, machine.state, "{text}");
            }
        }
    }
}
