use super::*;

const KNOWN: Kind = Kind::Known { repeatable: false };
const T: Duration = Duration::from_secs(1);

fn id(id: &str) -> EventId {
    EventId::new(id)
}

fn ids(ids: &[&str]) -> Vec<EventId> {
    ids.iter().map(|id| EventId::new(*id)).collect()
}

fn result(text: &str) -> ToolResult {
    ToolResult::from(text)
}

fn send(call: &str, text: &str) -> Action {
    Action::Send(id(call), Given::Result(result(text)))
}

fn begun(call: &str) -> Action {
    Action::Record(id(call), Record::Begun)
}

fn ended(call: &str, text: &str) -> Action {
    Action::Record(id(call), Record::Ended(result(text)))
}

/// A machine, and its time.
struct Test {
    rounds: Rounds,
    now: Duration,
}

impl Test {
    fn with(limits: Limits, stale: bool) -> Self {
        Self {
            rounds: Rounds::new(limits, stale, true),
            now: Duration::ZERO,
        }
    }

    fn new() -> Self {
        Self::with(Limits::default(), false)
    }

    /// One whose session waits for these custom tools.
    fn asked(calls: &[&str]) -> Self {
        let mut test = Self::new();
        for call in calls {
            test.rounds.saw(&id(call), KNOWN);
        }
        test.pause(calls);
        test
    }

    fn pause(&mut self, calls: &[&str]) {
        self.rounds.paused(ids(calls));
        self.rounds.caught_up(self.now);
    }

    /// All that is to be done now, without the wait at its end.
    fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        loop {
            match self.rounds.poll(self.now) {
                Action::Wait(_) => return actions,
                action => actions.push(action),
            }
        }
    }

    fn wait(&mut self) -> Option<Duration> {
        match self.rounds.poll(self.now) {
            Action::Wait(until) => until,
            other => panic!("{other:?}"),
        }
    }

    fn recalled(&mut self, call: &str, record: Option<Record>) {
        self.rounds.recalled(self.now, &id(call), record);
    }

    fn recorded(&mut self, call: &str) {
        self.rounds.recorded(self.now, &id(call), Ok(()));
    }

    fn delivered(&mut self, call: &str, delivery: Delivery) {
        self.rounds.delivered(self.now, &id(call), delivery);
    }

    /// Brings a call that was asked for to where its handler runs.
    fn run(&mut self, call: &str) {
        self.recalled(call, None);
        assert_eq!(self.actions(), [begun(call)]);
        self.recorded(call);
        assert_eq!(self.actions(), [Action::Run(id(call))]);
    }

    /// And on, to where its result is sent.
    fn send(&mut self, call: &str) {
        self.run(call);
        self.rounds.ended(&id(call), result("3"));
        assert_eq!(self.actions(), [ended(call, "3")]);
        self.recorded(call);
        assert_eq!(self.actions(), [send(call, "3")]);
    }

    fn failure(&mut self) -> String {
        match self.actions().as_slice() {
            [Action::Fail(why)] => why.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_call_is_recorded_run_recorded_and_sent_once() {
    let mut test = Test::asked(&["a"]);
    assert_eq!(test.actions(), [Action::Recall(id("a"))]);
    test.send("a");
    test.delivered("a", Delivery::Accepted);
    assert_eq!(test.actions(), []);
    // Whatever the server repeats, before and after the answer is in the log.
    test.pause(&["a"]);
    assert_eq!(test.actions(), []);
    assert_eq!(test.rounds.in_doubt(&id("a")), None);
    test.rounds.answered(&id("a"));
    test.pause(&["a"]);
    assert_eq!(test.actions(), []);
}

#[test]
fn what_no_pause_names_is_left_alone() {
    let mut test = Test::new();
    test.rounds.saw(&id("a"), KNOWN);
    test.rounds.saw(&id("b"), Kind::Approval);
    test.rounds.caught_up(test.now);
    assert_eq!(test.actions(), []);
    test.pause(&["b"]);
    assert_eq!(test.actions(), [Action::Decide(id("b"))]);
}

#[test]
fn nothing_runs_before_the_log_was_read_so_far() {
    let mut test = Test::new();
    test.rounds.saw(&id("a"), KNOWN);
    test.rounds.paused(ids(&["a"]));
    assert_eq!(test.actions(), []);
    test.rounds.resumed();
    test.rounds.caught_up(test.now);
    assert_eq!(test.actions(), []);
    // Another client was faster.
    test.rounds.paused(ids(&["a"]));
    test.rounds.answered(&id("a"));
    test.rounds.caught_up(test.now);
    assert_eq!(test.actions(), []);
}

#[test]
fn a_batch_is_understood_before_any_of_it_is_taken_up() {
    let mut test = Test::new();
    test.rounds.saw(&id("a"), KNOWN);
    test.rounds.saw(&id("b"), Kind::Unknown(Otherwise::Fail));
    test.pause(&["a", "b"]);
    assert!(test.failure().contains("result of b"));
    // What the log doesn't explain is looked for, and then counts as unknown.
    let mut test = Test::new();
    test.rounds.saw(&id("a"), KNOWN);
    test.pause(&["a", "b"]);
    assert_eq!(test.actions(), [Action::Look(ids(&["a", "b"]))]);
    test.rounds.looked(test.now, false);
    assert!(test.failure().contains("result of b"));
}

#[test]
fn unknown_tools_are_left_or_answered_by_choice() {
    for (kind, left, actions) in [
        (Kind::Unknown(Otherwise::Leave), ids(&["b"]), 0),
        (Kind::Unknown(Otherwise::Refuse), ids(&[]), 1),
    ] {
        let mut test = Test::new();
        test.rounds.saw(&id("b"), kind);
        test.pause(&["b"]);
        let done = test.actions();
        assert_eq!(done.len(), actions, "{done:?}");
        for action in done {
            assert!(matches!(&action, Action::Send(_, Given::Result(result)) if result.is_error()));
        }
        assert_eq!(test.rounds.left(), left);
        test.rounds.answered(&id("b"));
        assert!(test.rounds.left().is_empty());
    }
}

#[test]
fn a_past_pause_is_no_reason_to_run_anything() {
    let mut test = Test::with(Limits::default(), true);
    test.rounds.saw(&id("a"), KNOWN);
    test.pause(&["a"]);
    assert_eq!(test.actions(), [Action::Look(ids(&["a"]))]);
    test.rounds.looked(test.now, true);
    assert_eq!(test.actions(), []);
    // Neither is the next one taken at its word, until one is of now.
    test.pause(&["a"]);
    assert_eq!(test.actions(), [Action::Look(ids(&["a"]))]);
    test.rounds.looked(test.now, false);
    assert_eq!(test.actions(), [Action::Recall(id("a"))]);
    test.rounds.saw(&id("b"), KNOWN);
    test.pause(&["b"]);
    assert_eq!(test.actions(), [Action::Recall(id("b"))]);
}

#[test]
fn a_look_tells_what_was_answered() {
    let mut test = Test::with(Limits::default(), true);
    test.rounds.saw(&id("a"), KNOWN);
    test.pause(&["a"]);
    test.rounds.answered(&id("a"));
    test.rounds.looked(test.now, false);
    assert_eq!(test.actions(), [Action::Look(ids(&["a"]))]);
}

#[test]
fn what_the_ledger_knows_is_not_run_again() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.recalled("a", Some(Record::Ended(result("3"))));
    assert_eq!(test.actions(), [send("a", "3")]);

    let mut test = Test::asked(&["a"]);
    test.actions();
    test.recalled("a", Some(Record::Begun));
    let actions = test.actions();
    let [Action::Send(_, Given::Result(result))] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert!(result.is_error());

    let mut test = Test::new();
    test.rounds.saw(&id("a"), Kind::Known { repeatable: true });
    test.pause(&["a"]);
    test.actions();
    test.recalled("a", Some(Record::Begun));
    assert_eq!(test.actions(), [begun("a")]);
}

#[test]
fn a_ledger_that_fails_stops_what_was_not_begun_and_loses_no_result() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.recalled("a", None);
    assert_eq!(test.actions(), [begun("a")]);
    test.rounds
        .recorded(test.now, &id("a"), Err("full".to_owned()));
    assert!(test.failure().contains("full"));

    let mut test = Test::asked(&["a"]);
    test.actions();
    test.run("a");
    test.rounds.ended(&id("a"), result("3"));
    assert_eq!(test.actions(), [ended("a", "3")]);
    test.rounds
        .recorded(test.now, &id("a"), Err("full".to_owned()));
    assert_eq!(test.actions(), [send("a", "3")]);
}

#[test]
fn an_answer_of_unknown_outcome_is_sent_again_later_and_not_for_ever() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.send("a");
    let lost = || Delivery::Unknown("reset".to_owned(), None);
    let mut waits = Vec::new();
    for _ in 1..SENDS {
        test.delivered("a", lost());
        let until = test.wait().expect("a time");
        waits.push(until.saturating_sub(test.now).as_millis());
        test.now = until;
        assert_eq!(test.actions(), [send("a", "3")]);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000]);
    test.delivered("a", lost());
    assert!(test.failure().contains("8 times"));
}

#[test]
fn the_server_may_ask_to_wait_longer() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.send("a");
    test.delivered("a", Delivery::Unknown("busy".to_owned(), Some(7 * T)));
    assert_eq!(test.wait(), Some(7 * T));
    // It arrived after all.
    let sent = Given::Result(result("3"));
    assert_eq!(test.rounds.in_doubt(&id("a")), Some(&sent));
    test.rounds.answered(&id("a"));
    assert_eq!(test.rounds.in_doubt(&id("a")), None);
    assert_eq!(test.wait(), Some(SILENCE));
}

#[test]
fn a_refusal_is_another_s_doing_or_an_error() {
    let refused = || Delivery::Refused("no pending tool use".to_owned());
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.send("a");
    test.delivered("a", refused());
    assert_eq!(test.wait(), Some(REFUSED_FOR));
    test.rounds.answered(&id("a"));
    test.now = REFUSED_FOR;
    assert_eq!(test.actions(), []);

    let mut test = Test::asked(&["a"]);
    test.actions();
    test.send("a");
    test.delivered("a", refused());
    test.now = REFUSED_FOR;
    assert!(test.failure().contains("no pending tool use"));
}

#[test]
fn so_many_run_at_once() {
    let limits = Limits {
        concurrency: 2,
        ..Limits::default()
    };
    let mut test = Test::with(limits, false);
    for call in ["a", "b", "c"] {
        test.rounds.saw(&id(call), KNOWN);
    }
    test.pause(&["a", "b", "c"]);
    assert_eq!(test.actions().len(), 3);
    for call in ["a", "b", "c"] {
        test.recalled(call, None);
    }
    assert_eq!(test.actions(), [begun("a"), begun("b")]);
    test.recorded("a");
    test.recorded("b");
    assert_eq!(test.actions(), [Action::Run(id("a")), Action::Run(id("b"))]);
    test.rounds.ended(&id("b"), result("2"));
    assert_eq!(test.actions(), [ended("b", "2")]);
    test.recorded("b");
    assert_eq!(test.actions(), [begun("c"), send("b", "2")]);
}

#[test]
fn an_answer_that_waits_for_its_turn_wakes_nobody() {
    let limits = Limits {
        concurrency: 1,
        ..Limits::default()
    };
    let mut test = Test::with(limits, false);
    for call in ["a", "b"] {
        test.rounds.saw(&id(call), KNOWN);
    }
    test.pause(&["a", "b"]);
    test.actions();
    test.recalled("a", Some(Record::Ended(result("1"))));
    test.recalled("b", Some(Record::Ended(result("2"))));
    assert_eq!(test.actions(), [send("a", "1")]);
    assert_eq!(test.wait(), None);
    test.delivered("a", Delivery::Accepted);
    assert_eq!(test.actions(), [send("b", "2")]);
}

#[test]
fn a_handler_that_takes_too_long_is_stopped() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.run("a");
    let limit = Limits::default().timeout;
    assert_eq!(test.wait(), Some(limit));
    test.now = limit;
    let actions = test.actions();
    let [Action::Stop(_), Action::Record(_, Record::Ended(result))] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert!(result.is_error());
    // It ended all the same, too late.
    test.rounds.ended(&id("a"), ToolResult::from("3"));
    assert_eq!(test.actions(), []);
}

#[test]
fn what_another_client_answers_is_stopped() {
    let mut test = Test::asked(&["a", "b"]);
    test.actions();
    test.run("a");
    test.run("b");
    test.rounds.answered(&id("a"));
    assert_eq!(test.actions(), [Action::Stop(id("a"))]);
    test.rounds.over();
    assert_eq!(test.actions(), [Action::Stop(id("b"))]);
    test.rounds.ended(&id("b"), result("3"));
    assert_eq!(test.actions(), []);
}

#[test]
fn approvals_are_what_the_policy_says() {
    let mut test = Test::new();
    for call in ["a", "b", "c"] {
        test.rounds.saw(&id(call), Kind::Approval);
    }
    test.pause(&["a", "b", "c"]);
    test.actions();
    test.rounds.decided(test.now, &id("a"), Some(Given::Allow));
    let deny = || Given::Deny("no".to_owned());
    test.rounds.decided(test.now, &id("b"), Some(deny()));
    test.rounds.decided(test.now, &id("c"), None);
    // Nobody asked for this one.
    test.rounds.decided(test.now, &id("d"), Some(Given::Allow));
    assert_eq!(
        test.actions(),
        [
            Action::Send(id("a"), Given::Allow),
            Action::Send(id("b"), deny())
        ]
    );
    assert_eq!(test.rounds.left(), ids(&["c"]));
}

#[test]
fn rounds_are_bounded() {
    let limits = Limits {
        rounds: 2,
        ..Limits::default()
    };
    let mut test = Test::with(limits, false);
    for call in ["a", "b"] {
        test.rounds.saw(&id(call), KNOWN);
        test.pause(&[call]);
        test.pause(&[call]);
        assert_eq!(test.actions(), [Action::Recall(id(call))]);
    }
    test.rounds.saw(&id("c"), KNOWN);
    test.pause(&["c"]);
    assert!(test.failure().contains("2 times"));
    test.pause(&["c"]);
    assert_eq!(test.actions(), []);
}

#[test]
fn so_are_batches() {
    let calls: Vec<String> = (0..=BATCH).map(|n| n.to_string()).collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert!(Test::asked(&calls).failure().contains("1001 tools"));
}

#[test]
fn a_session_that_has_its_answers_and_does_nothing_is_given_up() {
    let mut test = Test::asked(&["a"]);
    test.actions();
    test.send("a");
    test.now = T;
    test.delivered("a", Delivery::Accepted);
    assert_eq!(test.wait(), Some(T + SILENCE));
    test.now = 2 * T;
    test.rounds.heard(test.now);
    assert_eq!(test.wait(), Some(2 * T + SILENCE));
    let mut going_on = Test::asked(&["a"]);
    going_on.actions();
    going_on.send("a");
    going_on.delivered("a", Delivery::Accepted);
    going_on.rounds.resumed();
    assert_eq!(going_on.wait(), None);
    test.now = 2 * T + SILENCE;
    assert!(test.failure().contains("did nothing"));
}
