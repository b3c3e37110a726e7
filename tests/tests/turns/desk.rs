//! A service around an agent, and its test without a model: a tool of its own, a rule for
//! approvals, and the text as it is written. The service is the module at the end; the tests come
//! first. docs/testing.md says more about such tests.

use std::collections::HashMap;

use qoder::types::serde_json::json;
use qoder::types::{AgentCreate, SessionCreate};
use qoder::{Client, Result};
use qoder_sim::{Sim, ToolUse};
use service::Desk;

/// The service, with a session of the agent of this name.
async fn set_up(sim: &Sim) -> Result<(Desk, String)> {
    let client = Client::builder()
        .base_url(sim.base_url())
        .token("pt-test")
        .build()?;
    let agent = AgentCreate::new("clerk", "ultimate");
    let agent = client.agents().create(agent).await?;
    let environment = client.environments().list().first().await?;
    let session = SessionCreate::new(&agent.id, &environment.id);
    let session = client.sessions().create(session).await?;
    let orders = HashMap::from([("7".to_owned(), "on its way".to_owned())]);
    Ok((Desk::new(client, orders), session.id.to_string()))
}

/// An agent that looks an order up, tries two tools of its own, and says what it has got.
async fn clerk(turn: qoder_sim::Turn) {
    let answers = turn
        .ask_all([
            ToolUse::custom("look_up", json!({"order": turn.message()})),
            ToolUse::custom("refund", json!({"order": turn.message()})),
            ToolUse::tool("Read", json!({"file_path": "terms.md"})),
            ToolUse::tool("Bash", json!({"command": "rm terms.md"})),
        ])
        .await;
    assert!(answers[1].is_error(), "there is no such tool");
    assert!(answers[2].is_allowed());
    assert_eq!(answers[3].deny_message(), Some("nobody is here to ask"));
    turn.deltas(["Your order is ", &answers[0].text(), "."])
        .await;
}

#[tokio::test]
async fn a_question_is_answered_while_the_text_grows() -> Result<()> {
    let sim = Sim::builder().agent("clerk", clerk).start().await;
    let sim = sim.expect("a simulator");
    let (desk, session) = set_up(&sim).await?;
    let mut shown = Vec::new();
    let answer = desk.answer(&session, "7", |text| shown.push(text.to_owned()));
    // What the service returned,
    assert_eq!(
        answer.await.expect("an answer"),
        "Your order is on its way."
    );
    // what it showed meanwhile,
    let grows = [
        "Your order is ",
        "Your order is on its way",
        "Your order is on its way.",
    ];
    assert_eq!(shown, grows);
    // what it said and sent: the message, and all answers at once;
    assert_eq!(sim.messages(&session), ["7"]);
    let sent = sim.requests_for("POST /sessions/{session_id}/events");
    let answers = sent[1].json()["events"].clone();
    assert_eq!((sent.len(), answers.as_array().map(Vec::len)), (2, Some(4)));
    // and no assertion of the script failed.
    assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
    Ok(())
}

#[tokio::test]
async fn a_bad_connection_changes_nothing() -> Result<()> {
    let plan = "stream:cut-frames=2,stream:end-frames=3,call:reset";
    let sim = Sim::builder().agent("clerk", clerk).start().await;
    let sim = sim.expect("a simulator");
    let (desk, session) = set_up(&sim).await?;
    sim.inject(plan.parse().expect("a plan"));
    let answer = desk.answer(&session, "8", |_| {}).await;
    assert_eq!(answer.expect("an answer"), "Your order is unknown.");
    assert_eq!(sim.messages(&session), ["8"]);
    Ok(())
}

#[tokio::test]
async fn a_turn_that_stops_early_is_an_error() -> Result<()> {
    let sim = Sim::builder().agent("clerk", |turn| async move {
        turn.reply("I have begun, and").await;
        turn.stop("budget_reached").await;
    });
    let sim = sim.start().await.expect("a simulator");
    let (desk, session) = set_up(&sim).await?;
    let error = desk
        .answer(&session, "7", |_| {})
        .await
        .expect_err("no answer");
    assert_eq!(error.to_string(), "the clerk stopped: budget_reached");
    Ok(())
}

/// The service. For its tests one thing matters: it is given its client.
mod service {
    use std::collections::HashMap;
    use std::error::Error;

    use qoder::tools::{Answer, Decision, ToolKind, ToolUse};
    use qoder::{Approvals, Client, Event, Stop, Update};

    /// Answers questions about orders.
    pub(crate) struct Desk {
        client: Client,
        orders: HashMap<String, String>,
        rules: Approvals,
    }

    #[derive(serde::Deserialize)]
    struct LookUp {
        order: String,
    }

    impl Desk {
        pub(crate) fn new(client: Client, orders: HashMap<String, String>) -> Self {
            let rules = Approvals::allow(["Read", "Grep"]);
            Self {
                client,
                orders,
                rules,
            }
        }

        /// Asks the agent, shows its text as it grows, and returns what it says at last.
        pub(crate) async fn answer(
            &self,
            session: &str,
            question: &str,
            mut show: impl FnMut(&str),
        ) -> Result<String, Box<dyn Error>> {
            let session = self.client.session(session);
            let mut turn = session.turn(question).previews().await?;
            let mut answer = String::new();
            while let Some(update) = turn.next_update().await {
                match update? {
                    Update::Text(text) => show(text.so_far()),
                    Update::Event(Event::AgentMessage(said)) => answer = said.text().into_owned(),
                    _ => {}
                }
                let asked = turn.pending().iter();
                let answers: Vec<Answer> = asked.map(|asked| self.decide(asked)).collect();
                turn.respond(answers).await?;
            }
            match turn.stop_reason() {
                Stop::EndTurn => Ok(answer),
                stop => Err(format!("the clerk stopped: {stop}").into()),
            }
        }

        fn decide(&self, asked: &ToolUse) -> Answer {
            match (asked.kind(), asked.name()) {
                (ToolKind::Custom, "look_up") => match asked.input_as::<LookUp>() {
                    Ok(LookUp { order }) => {
                        let state = self.orders.get(&order);
                        asked.result(state.map_or("unknown", String::as_str))
                    }
                    Err(error) => asked.error(error.to_string()),
                },
                (ToolKind::Custom, _) => asked.error("there is no such tool"),
                _ => match self.rules.decision(asked) {
                    Decision::Allow => asked.allow(),
                    Decision::Deny(why) => asked.deny(why),
                    _ => asked.deny("nobody is here to ask"),
                },
            }
        }
    }
}
