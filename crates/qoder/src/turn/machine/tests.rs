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

const ASKS_LESS: &str =
    r#"{"type":"session.status_idle","stop_reason":{"type":"requires_action","event_ids":["b"]}}"#;
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
    let ids = |ids: &[&str]| Stop::RequiresAction(ids.iter().map(|id| EventId::new(*id)).collect());
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
