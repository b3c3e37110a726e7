//! The first documented workflow, step by step, in its exact form on the wire; and the same steps
//! as they are written today.

use crate::common::{TOKEN, client, client_in, current, seed, session, start};
use qoder::types::serde_json::{Value, json};
use qoder::types::{AgentCreate, SessionCreate, SessionId, UserMessage};
use qoder::{Client, Dialect, Event, Start};
use qoder_sim::{Recorded, Sim};

/// The only request since the last look, which has the headers that all requests must have.
fn the_request(sim: &Sim) -> Recorded {
    let mut requests = sim.requests();
    sim.clear_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let request = requests.remove(0);
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert_eq!(sim.unexpected(), Vec::<String>::new());
    request
}

fn line(request: &Recorded) -> String {
    let query = request
        .query
        .as_ref()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{} {}{query}", request.method, request.path)
}

async fn seed_client() -> (Sim, Client) {
    let sim = start(seed()).await;
    let client = client_in(&sim, Dialect::Seed);
    (sim, client)
}

/// The id of the first event that a stream after this one has.
async fn first_after(client: &Client, session: &SessionId, id: &str) -> String {
    let stream = client.session(session).stream().after(id);
    let mut stream = stream.await.expect("a stream");
    let next = stream.next().await.expect("an event").expect("an event");
    next.id().expect("an id").to_string()
}

#[tokio::test]
async fn step_1_create_an_agent() {
    let (sim, client) = seed_client().await;
    let agent = AgentCreate::new("my-assistant", "ultimate")
        .system("You are an efficient coding assistant. Reply concisely and clearly.");
    let agent = client.agents().create(agent).await.expect("an agent");
    assert!(!agent.id.as_str().is_empty());

    let request = the_request(&sim);
    assert_eq!(line(&request), "POST /agents");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.json(),
        json!({
            "name": "my-assistant",
            "model": "ultimate",
            "system": "You are an efficient coding assistant. Reply concisely and clearly."
        })
    );
}

#[tokio::test]
async fn step_2_get_an_environment() {
    let (sim, client) = seed_client().await;
    let environment = client
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect("an environment");
    assert!(!environment.id.as_str().is_empty());

    let request = the_request(&sim);
    assert_eq!(line(&request), "GET /environments?limit=1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn step_3_start_a_session() {
    let (sim, client) = seed_client().await;
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await
        .expect("an agent");
    let environment = client
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect("an environment");
    sim.clear_requests();
    let create = SessionCreate::new(&agent.id, &environment.id).title("curl test session");
    client.sessions().create(create).await.expect("a session");

    let request = the_request(&sim);
    assert_eq!(line(&request), "POST /sessions");
    assert_eq!(
        request.json(),
        json!({"agent": agent.id, "environment_id": environment.id, "title": "curl test session"})
    );
}

#[tokio::test]
async fn step_4_send_a_message() {
    let (sim, client) = seed_client().await;
    let id = session(&client, "answer").await;
    sim.clear_requests();
    let sent = client
        .session(&id)
        .send([UserMessage::new("Write a quicksort function in Python.")])
        .await;
    assert!(matches!(
        sent.expect("accepted").data[..],
        [Event::UserMessage(_)]
    ));

    let request = the_request(&sim);
    assert_eq!(line(&request), format!("POST /sessions/{id}/events"));
    assert_eq!(
        request.json(),
        json!({"events": [{"type": "user.message", "content": "Write a quicksort function in Python."}]})
    );
}

#[tokio::test]
async fn step_5_consume_the_event_stream() {
    let (sim, client) = seed_client().await;
    let id = session(&client, "answer").await;
    client
        .session(&id)
        .send([UserMessage::new("Write a quicksort function in Python.")])
        .await
        .expect("accepted");
    sim.clear_requests();

    // The first generation's stream begins with the whole history: no cursor, no listing.
    let mut stream = client.session(&id).stream().await.expect("a stream");
    let mut types = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.expect("an event");
        types.push(event.type_name().to_owned());
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    assert_eq!(
        types,
        [
            "user.message",
            "session.status_rescheduled",
            "agent.message",
            "session.status_idle"
        ]
    );

    let request = the_request(&sim);
    assert_eq!(line(&request), format!("GET /sessions/{id}/events/stream"));
    assert_eq!(request.header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn resume_after_a_disconnect() {
    let (sim, client) = seed_client().await;
    let id = session(&client, "answer").await;
    let reply = client.session(&id).ask("Hello!").await.expect("a reply");
    assert_eq!(reply.stop_reason().to_string(), "end_turn");
    let truth = crate::common::truth(&sim, &id);
    sim.clear_requests();

    assert_eq!(first_after(&client, &id, &truth[1]).await, truth[2]);

    let request = the_request(&sim);
    assert_eq!(
        line(&request),
        format!("GET /sessions/{id}/events/stream?after_id={}", truth[1])
    );
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("last-event-id"), Some(truth[1].as_str()));
}

#[tokio::test]
async fn poll_the_list_of_events() {
    let (sim, client) = seed_client().await;
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    sim.clear_requests();

    let page = client
        .sessions()
        .events()
        .list(&id)
        .limit(20)
        .await
        .expect("a page");
    let types: Vec<&str> = page.data.iter().map(Event::type_name).collect();
    assert_eq!(
        types,
        [
            "user.message",
            "session.status_rescheduled",
            "agent.message",
            "session.status_idle"
        ]
    );
    assert_eq!(
        line(&the_request(&sim)),
        format!("GET /sessions/{id}/events?limit=20")
    );
}

#[tokio::test]
async fn end_to_end() {
    let (sim, client) = seed_client().await;
    let agent = AgentCreate::new("quick-test", "ultimate").system("You are an assistant.");
    let agent = client.agents().create(agent).await.expect("an agent");
    let environment = client
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect("an environment");
    let session = client
        .sessions()
        .create(SessionCreate::new(&agent.id, &environment.id))
        .await
        .expect("a session");
    client
        .session(&session.id)
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    let mut stream = client
        .session(&session.id)
        .stream()
        .await
        .expect("a stream");
    loop {
        let event = stream.next().await.expect("not the end").expect("an event");
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }

    let lines: Vec<String> = sim.requests().iter().map(line).collect();
    let events = format!("/sessions/{}/events", session.id);
    assert_eq!(
        lines,
        [
            "POST /agents".to_owned(),
            "GET /environments?limit=1".to_owned(),
            "POST /sessions".to_owned(),
            format!("POST {events}"),
            format!("GET {events}/stream"),
        ]
    );
    let bodies: Vec<Value> = sim
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .map(Recorded::json)
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"name": "quick-test", "model": "ultimate", "system": "You are an assistant."}),
            json!({"agent": agent.id, "environment_id": environment.id}),
            json!({"events": [{"type": "user.message", "content": "Hello!"}]}),
        ]
    );
}

#[tokio::test]
async fn today_messages_are_blocks() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    sim.clear_requests();
    client
        .session(&id)
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");

    let request = the_request(&sim);
    assert_eq!(
        request.json(),
        json!({"events": [{"type": "user.message", "content": [{"type": "text", "text": "Hello!"}]}]})
    );
    assert!(
        request
            .header("idempotency-key")
            .is_some_and(|key| !key.is_empty())
    );
}

#[tokio::test]
async fn today_a_stream_resumes_by_header_alone() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let truth = crate::common::truth(&sim, &id);
    sim.clear_requests();

    assert_eq!(first_after(&client, &id, &truth[0]).await, truth[1]);
    let request = the_request(&sim);
    assert_eq!(line(&request), format!("GET /sessions/{id}/events/stream"));
    assert_eq!(request.header("last-event-id"), Some(truth[0].as_str()));
    assert_eq!(request.header("content-type"), None);
}

#[tokio::test]
async fn today_nothing_is_lost_between_sending_and_streaming() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    // The turn is over before the stream is opened, which begins with what comes next.
    client
        .session(&id)
        .send([UserMessage::new("Hello!")])
        .await
        .expect("accepted");
    while !sim
        .log(id.as_str())
        .iter()
        .any(|event| event["type"] == "session.status_idle")
    {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let mut events = client.session(&id).follow().from(Start::Beginning).events();
    let mut ids = Vec::new();
    loop {
        let event = events.next().await.expect("not the end").expect("an event");
        ids.extend(event.id().map(ToString::to_string));
        if let Event::SessionStatusIdle(_) = event {
            break;
        }
    }
    assert_eq!(ids, crate::common::truth(&sim, &id));
    // A turn starts after its own message, whatever the stream begins with.
    let mut turn = client
        .session(&id)
        .turn("And again.")
        .await
        .expect("a turn");
    let mut answer = String::new();
    while let Some(event) = turn.next().await {
        if let Event::AgentMessage(message) = event.expect("an event") {
            answer.push_str(&message.text());
        }
    }
    assert!(answer.contains("And again."), "{answer}");
}
