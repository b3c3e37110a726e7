//! What the events of a session mean for one turn: a machine without I/O.
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

/// How many answered ids are remembered. A pause names some few.
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

    /// What can't be read of the ids may still wait: none at all is a pause too.
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

    /// What waits for an answer, as far as that can be read.
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
    const RESULT: &str = r#"{"type":"user.tool_result","tool_use_id":"b"}"#;
    const RESCHEDULED: &str = r#"{"type":"session.status_rescheduled"}"#;
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
            // What is answered is never waited for again, whatever the server repeats.
            (&[ASKS, ANSWER, ASKS], only_b()),
            (&[ASKS, ANSWER, RESULT, ASKS_LESS], Stop::Running),
            (&[ASKS, RESULT, ANSWER, ASKS], Stop::Running),
            (
                &[RESULT, ASKS],
                Stop::RequiresAction(vec![EventId::new("a")]),
            ),
            (&[ASKS, RUNNING, ASKS], ids()),
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
                &[r#"{"type":"session.status_asleep"}"#, "nonsense"],
                Stop::Running,
            ),
            // A rescheduling is no answer.
            (&[RESCHEDULED, END], Stop::EndTurn),
            (&[ASKS, RESCHEDULED], ids()),
            (&[ASKS, ANSWER, RESCHEDULED], only_b()),
            (&[ASKS, RUNNING, RESCHEDULED], Stop::Running),
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

    /// Of a known type, and in a shape that doesn't fit it.
    #[test]
    fn an_end_that_is_no_object_is_an_end() {
        for (name, want) in [
            ("session.status_terminated", Stop::Terminated),
            ("session.deleted", Stop::Deleted),
            ("terminated", Stop::Terminated),
        ] {
            let event = Event::decode(name, None, "[");
            assert!(matches!(event, Event::Malformed(_)), "{name}");
            let mut machine = Machine::anchored();
            machine.observe(&event);
            assert_eq!(machine.stop(), want, "{name}");
        }
    }

    #[test]
    fn what_can_t_be_read_acts_by_its_type() {
        let ids =
            |ids: &[&str]| Stop::RequiresAction(ids.iter().map(|id| EventId::new(*id)).collect());
        let unknown = || Stop::Other(String::new());
        for (events, want) in [
            (
                &[r#"{"type":"session.status_idle","stop_reason":7}"#][..],
                unknown(),
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":["end_turn"]}"#],
                unknown(),
            ),
            (
                &[r#"{"type":"session.status_idle","stop_reason":{"type":7}}"#],
                unknown(),
            ),
            (
                &[r#"{"type":"session.status_idle","id":7,"stop_reason":{"type":"end_turn"}}"#],
                Stop::EndTurn,
            ),
            (
                &[r#"{"type":"session.status_idle","id":7,"stop_reason":{"type":"tea_break"}}"#],
                Stop::Other("tea_break".to_owned()),
            ),
            // A pause is no end, whatever of it can be read.
            (
                &[
                    r#"{"type":"session.status_idle","id":7,"stop_reason":{"type":"requires_action","event_ids":["a"]}}"#,
                ],
                ids(&["a"]),
            ),
            (
                &[
                    r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action","event_ids":[7,"a"]}}"#,
                ],
                ids(&["a"]),
            ),
            (
                &[
                    r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action","event_ids":7}}"#,
                ],
                ids(&[]),
            ),
            (
                &[
                    r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action"}}"#,
                    END,
                ],
                Stop::EndTurn,
            ),
            (
                &[r#"{"type":"session.status_terminated","id":7}"#],
                Stop::Terminated,
            ),
            (&[r#"{"type":"session.deleted","id":7}"#], Stop::Deleted),
            (&[r#"{"type":"terminated","reason":7}"#], Stop::Terminated),
            (
                &[ASKS, r#"{"type":"session.status_running","id":7}"#],
                Stop::Running,
            ),
            (
                &[
                    ASKS,
                    r#"{"type":"user.tool_confirmation","tool_use_id":"a","result":7}"#,
                ],
                ids(&["b"]),
            ),
            (
                &[
                    ASKS,
                    r#"{"type":"user.custom_tool_result","custom_tool_use_id":"b","is_error":"no"}"#,
                ],
                ids(&["a"]),
            ),
            (
                &[
                    ASKS,
                    r#"{"type":"user.custom_tool_result","tool_use_id":"a","custom_tool_use_id":"a"}"#,
                ],
                ids(&["b"]),
            ),
            (
                &[ASKS, r#"{"type":"user.tool_result","tool_use_id":7}"#],
                ids(&["a", "b"]),
            ),
        ] {
            assert_eq!(after(Machine::anchored(), events), want, "{events:?}");
        }
        // A frame that is no JSON at all has its name.
        let mut machine = Machine::anchored();
        machine.observe(&Event::decode("session.status_idle", Some("evt_1"), "{"));
        assert_eq!(machine.stop(), unknown());
    }

    #[test]
    fn before_its_message_nothing_ends_a_turn() {
        let ours = r#"{"type":"user.message","content":[{"type":"text","text":"Hello!"}]}"#;
        let unreadable = r#"{"type":"user.message","content":7}"#;
        let machine = Machine::unanchored;
        assert_eq!(after(machine(), &[END, ANSWER, END]), Stop::Running);
        assert_eq!(after(machine(), &[END, ours, END]), Stop::EndTurn);
        assert_eq!(after(machine(), &[END, unreadable, END]), Stop::EndTurn);
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
            for start in [Machine::anchored(), Machine::unanchored()] {
                let mut machine = start;
                for json in events {
                    machine.observe(&event(json));
                }
                let text = serde_json::to_string(&machine).expect("a text");
                let stored: Machine = serde_json::from_str(&text).expect("a machine");
                assert_eq!(stored.state, machine.state, "{text}");
                assert_eq!(stored.answered, machine.answered, "{text}");
            }
        }
    }

    #[test]
    fn of_the_answers_only_the_newest_are_remembered() {
        let mut machine = Machine::anchored();
        let answer = |n: usize| {
            event(&format!(
                r#"{{"type":"user.tool_result","tool_use_id":"{n}"}}"#
            ))
        };
        for n in 0..=REMEMBERED {
            machine.observe(&answer(n));
        }
        assert_eq!(machine.answered.len(), REMEMBERED);
        let asks = format!(
            r#"{{"type":"session.status_idle","stop_reason":{{"type":"requires_action","event_ids":["0","{REMEMBERED}"]}}}}"#
        );
        machine.observe(&event(&asks));
        assert_eq!(
            machine.stop(),
            Stop::RequiresAction(vec![EventId::new("0")])
        );
    }
}
