//! Many prompts at once: in order, some at a time, and gone on with wherever the process was killed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::common::{client, current, session, start};
use qoder::batch::{Batch, Item, Outcome, State, Step};
use qoder::types::serde_json::{from_str, to_string};
use qoder::types::{AgentCreate, SessionCreate, SessionId};
use qoder::{Client, ErrorKind, Stop};
use qoder_sim::Sim;

/// A session yet to be created.
async fn new_session(client: &Client) -> SessionCreate {
    let agent = AgentCreate::new("tester", "ultimate");
    let agent = client.agents().create(agent).await.expect("an agent");
    let environments = client.environments().list().limit(1);
    let environment = environments.first().await.expect("an environment");
    SessionCreate::new(&agent.id, &environment.id).metadata("simulate", "answer")
}

/// What was said to a session, in its order.
fn said(sim: &Sim, session: &SessionId) -> Vec<String> {
    let log = sim.log(session.as_str());
    let messages = log.iter().filter(|event| event["type"] == "user.message");
    messages
        .map(|event| {
            event["content"][0]["text"]
                .as_str()
                .expect("a text")
                .to_owned()
        })
        .collect()
}

fn texts(batch: &Batch) -> Vec<&str> {
    let outcomes = batch.outcomes();
    outcomes
        .map(|outcome| outcome.map_or("open", |outcome| &*outcome.text))
        .collect()
}

#[tokio::test]
async fn outcomes_are_in_the_order_of_the_items_and_some_run_at_a_time() {
    let sim = start(current()).await;
    let client = client(&sim);
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(session(&client, "answer").await);
    }
    for most in [1, 3, 100] {
        let items = ids
            .iter()
            .zip(0..)
            .map(|(id, n)| Item::new(id, format!("Number {n}.")));
        let mut batch = Batch::new(&client, items).concurrency(most);
        let (mut under_way, mut at_most) = (0_usize, 0);
        let whole = batch.run(|progress, _| {
            match progress.step() {
                Step::Asked => under_way += 1,
                Step::Over(result) => {
                    assert!(result.is_ok(), "{result:?}");
                    under_way -= 1;
                }
                other => panic!("{other:?}"),
            }
            at_most = at_most.max(under_way);
        });
        whole.await.expect("all of it");
        assert!(at_most <= most, "{at_most} of {most}");
        for (n, outcome) in batch.outcomes().enumerate() {
            let outcome = outcome.expect("an outcome");
            assert!(outcome.is_success() && outcome.stop_reason == "end_turn");
            assert!(
                outcome.text.contains(&format!("Number {n}.")),
                "{outcome:?}"
            );
        }
        assert!(batch.next().await.is_none());
    }
}

#[tokio::test]
async fn prompts_for_one_session_are_asked_one_after_another() {
    let sim = start(current()).await;
    let client = client(&sim);
    let (a, b) = (
        session(&client, "answer").await,
        session(&client, "answer").await,
    );
    let items = [(&a, "1"), (&a, "2"), (&b, "3"), (&a, "4"), (&b, "5")];
    let mut batch = Batch::new(&client, items.map(|(id, text)| Item::new(id, text)));
    batch.run(|_, _| {}).await.expect("all of it");
    assert!(
        batch
            .outcomes()
            .all(|outcome| outcome.is_some_and(Outcome::is_success))
    );
    assert_eq!(said(&sim, &a), ["1", "2", "4"]);
    assert_eq!(said(&sim, &b), ["3", "5"]);
}

/// Four items, of which two are for one session, and two are for sessions of their own.
struct Work {
    sim: Sim,
    items: Vec<Item>,
    session: SessionId,
    sessions: usize,
}

impl Work {
    async fn new() -> Self {
        let sim = start(current()).await;
        let client = client(&sim);
        let id = session(&client, "answer").await;
        let new = new_session(&client).await;
        let sessions = sim.sessions().len();
        Self {
            sim,
            items: vec![
                Item::new(&id, "One."),
                Item::in_new_session(new.clone(), "Two."),
                Item::new(&id, "Three."),
                Item::in_new_session(new, "Four."),
            ],
            session: id,
            sessions,
        }
    }

    /// A batch as of a new process.
    fn batch(&self, stored: &str) -> Batch {
        let batch = Batch::new(&client(&self.sim), self.items.clone()).concurrency(3);
        let state: State = from_str(stored).expect("a state");
        batch.resume(state).expect("of the same items")
    }

    fn begin(&self) -> String {
        let batch = Batch::new(&client(&self.sim), self.items.clone());
        to_string(batch.state()).expect("JSON")
    }

    /// Goes on from what was stored, to the end: nothing was asked, nor created, twice.
    async fn end(&self, stored: &str) {
        let mut batch = self.batch(stored);
        batch.run(|_, _| {}).await.expect("all of it");
        for (text, said) in texts(&batch)
            .into_iter()
            .zip(["One.", "Two.", "Three.", "Four."])
        {
            assert!(text.contains(said), "{text}");
        }
        assert_eq!(said(&self.sim, &self.session), ["One.", "Three."]);
        assert_eq!(self.sim.sessions().len(), self.sessions + 2);
        for (item, text) in [(1, "Two."), (3, "Four.")] {
            let session = batch.state().created_session(item).expect("a session");
            assert_eq!(said(&self.sim, session), [text]);
        }
    }
}

#[tokio::test]
async fn a_process_that_was_killed_after_any_step_asks_nothing_twice() {
    // Two steps of each item, and one more for each session that is created.
    for steps in 0..=10 {
        for stored_last in [true, false] {
            let work = Work::new().await;
            let mut stored = work.begin();
            let mut batch = work.batch(&stored);
            for step in 1..=steps {
                batch.next().await.expect("a step");
                if stored_last || step < steps {
                    stored = to_string(batch.state()).expect("JSON");
                }
            }
            if steps == 10 {
                assert!(batch.next().await.is_none());
            }
            drop(batch);
            work.end(&stored).await;
        }
    }
}

/// Polls a future at most so often, and lets others run between.
async fn polled<F: Future>(future: F, polls: &mut usize) -> Option<F::Output> {
    let mut future = pin!(future);
    while let Some(left) = polls.checked_sub(1) {
        *polls = left;
        let once = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(output) = once.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn a_process_that_was_killed_at_any_moment_asks_nothing_twice() {
    for polls in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987] {
        let work = Work::new().await;
        let mut stored = work.begin();
        // Killed again and again, each time after as many polls.
        for _ in 0..3 {
            let mut batch = work.batch(&stored);
            let mut left = polls;
            while let Some(Some(_)) = polled(batch.next(), &mut left).await {
                stored = to_string(batch.state()).expect("JSON");
            }
        }
        work.end(&stored).await;
    }
}

#[tokio::test]
async fn the_first_error_stops_it_if_it_should() {
    let sim = start(current()).await;
    let client = client(&sim);
    let (bad, good) = (
        session(&client, "exhausted").await,
        session(&client, "answer").await,
    );
    let items = [Item::new(&bad, "One."), Item::new(&good, "Two.")];
    let mut batch = Batch::new(&client, items.clone())
        .concurrency(1)
        .stop_at_first_error();
    let error = batch.run(|_, _| {}).await.expect_err("the first item's");
    assert_eq!(error.stop_reason(), Some(&Stop::RetriesExhausted));
    assert!(batch.next().await.is_none());
    assert!(said(&sim, &good).is_empty());
    assert_eq!(batch.state().progress(), (1, 2));

    // Another goes on with the rest; what is over stays over.
    let mut rest = Batch::new(&client, items)
        .resume(batch.state().clone())
        .expect("a batch");
    rest.run(|_, _| {}).await.expect("all of it");
    let outcomes: Vec<&Outcome> = rest.outcomes().flatten().collect();
    assert_eq!(outcomes[0].stop_reason, "retries_exhausted");
    assert!(!outcomes[0].is_success() && outcomes[1].is_success());
    assert_eq!(said(&sim, &bad), ["One."]);
}

#[tokio::test]
async fn what_waits_for_an_answer_is_open_and_gone_on_with_once_it_is_given() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "approval").await;
    let items = [Item::new(&id, "Tidy up.")];
    let mut batch = Batch::new(&client, items.clone());
    let mut failed = None;
    while let Some(progress) = batch.next().await {
        if let Step::Over(Err(error)) = progress.step() {
            failed = Some(error.kind());
        }
    }
    assert_eq!(failed, Some(ErrorKind::Turn));
    assert_eq!(texts(&batch), ["open"]);

    let checkpoint = batch.state().checkpoint(0).expect("a checkpoint");
    let mut turn = client.resume_turn(checkpoint).await.expect("a turn");
    assert_eq!(turn.pending().len(), 1);
    turn.respond([turn.pending()[0].allow()])
        .await
        .expect("accepted");
    while turn.next().await.is_some() {}

    let mut rest = Batch::new(&client, items)
        .resume(batch.state().clone())
        .expect("a batch");
    rest.run(|_, _| {}).await.expect("all of it");
    assert!(
        rest.outcomes()
            .all(|outcome| outcome.is_some_and(Outcome::is_success))
    );
    assert_eq!(said(&sim, &id), ["Tidy up."]);
}

#[tokio::test]
async fn the_state_of_other_items_is_refused() {
    let sim = start(current()).await;
    let client = client(&sim);
    let batch = |text: &str| Batch::new(&client, [Item::new("sess_1", text)]);
    let state = batch("One.").state().clone();
    let error = batch("Two.").resume(state).expect_err("of another batch");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(sim.requests().is_empty());
}
