//! What a client tells of its work: spans, events and reports, with the names of OpenTelemetry.

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::following::quick;
use common::{TOKEN, builder, current, plan, session, start, truth};
use qoder::observe::{AttemptReport, CallReport, Observe, Outcome};
use qoder::types::AgentCreate;
use qoder::{
    Client, ClientBuilder, Dialect, ErrorKind, Notice, Proxy, ServiceAccount, Start, Update, Via,
};
use qoder_sim::Sim;
use qoder_tests::wire::{Act, Step, Wire};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The fields of a span or an event, as texts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

/// What was told, under the name of a span.
type Entries<N> = Arc<Mutex<Vec<(N, Fields)>>>;

/// Spans when they are closed, events with the name of the span that they are in.
#[derive(Clone, Default)]
struct Told {
    spans: Entries<&'static str>,
    events: Entries<Option<&'static str>>,
}

impl Told {
    fn spans(&self, name: &str) -> Vec<Fields> {
        let spans = self.spans.lock().expect("no panic");
        let named = spans.iter().filter(|(span, _)| *span == name);
        named.map(|(_, fields)| fields.clone()).collect()
    }

    fn events_in(&self, span: &str) -> Vec<Fields> {
        let events = self.events.lock().expect("no panic");
        let inside = events.iter().filter(|(within, _)| *within == Some(span));
        inside.map(|(_, fields)| fields.clone()).collect()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Told {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).expect("a span");
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("a span");
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().to_string();
        fields.0.insert("level".to_owned(), level);
        let within = context.event_span(event).map(|span| span.name());
        self.events.lock().expect("no panic").push((within, fields));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("a span");
        let fields = span.extensions_mut().remove::<Fields>();
        let entry = (span.name(), fields.unwrap_or_default());
        self.spans.lock().expect("no panic").push(entry);
    }
}

#[derive(Default)]
struct Reports {
    attempts: Mutex<Vec<AttemptReport>>,
    calls: Mutex<Vec<CallReport>>,
    notices: Mutex<Vec<(&'static str, Notice)>>,
}

impl Observe for Reports {
    fn attempt(&self, attempt: &AttemptReport) {
        self.attempts
            .lock()
            .expect("no panic")
            .push(attempt.clone());
    }

    fn call(&self, call: &CallReport) {
        self.calls.lock().expect("no panic").push(call.clone());
    }

    fn follow(&self, operation: &'static str, notice: &Notice) {
        self.notices
            .lock()
            .expect("no panic")
            .push((operation, notice.clone()));
    }
}

impl Reports {
    fn last_call(&self) -> CallReport {
        let calls = self.calls.lock().expect("no panic");
        calls.last().expect("a call").clone()
    }
}

async fn observed() -> (
    Sim,
    Client,
    Arc<Reports>,
    Told,
    tracing::subscriber::DefaultGuard,
) {
    let told = Told::default();
    let subscriber = tracing_subscriber::registry().with(told.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    let sim = start(current()).await;
    let reports = Arc::new(Reports::default());
    let client = builder(&sim.base_url(), Dialect::Current)
        .observe(reports.clone())
        .build()
        .expect("a client");
    (sim, client, reports, told, guard)
}

#[tokio::test]
async fn a_call_is_a_span_and_a_report() {
    let (sim, client, reports, told, _guard) = observed().await;
    sim.inject(plan("call:status=503,call:reset"));
    let created = client
        .agents()
        .create(AgentCreate::new("tester", "ultimate"))
        .with_meta()
        .await
        .expect("an agent");

    let span = &told.spans("qoder.call")[0];
    let port = sim
        .base_url()
        .split([':', '/'])
        .nth(4)
        .map(ToOwned::to_owned);
    for (name, value) in [
        ("otel.name", Some("POST /agents")),
        ("otel.kind", Some("client")),
        ("otel.status_code", None),
        ("qoder.operation", Some("agents.create")),
        ("qoder.request_id", created.meta.request_id()),
        ("http.request.method", Some("POST")),
        ("url.template", Some("/agents")),
        ("url.scheme", Some("http")),
        ("server.address", Some("127.0.0.1")),
        ("server.port", port.as_deref()),
        ("http.request.resend_count", Some("2")),
        ("http.response.status_code", Some("200")),
        (
            "http.response.body.size",
            Some(created.body.len().to_string().as_str()),
        ),
        ("error.type", None),
    ] {
        assert_eq!(span.get(name), value, "{name}");
    }
    assert!(span.get("elapsed_ms").is_some() && span.get("http.request.body.size").is_some());

    let own = told.events_in("qoder.call");
    let own: Vec<_> = own
        .iter()
        .filter(|fields| fields.get("attempt").is_some())
        .collect();
    let of = |name: &str| {
        own.iter()
            .map(|fields| fields.get(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("message"),
        [Some("retrying"), Some("retrying"), Some("received")]
    );
    assert_eq!(of("error.type"), [Some("503"), Some("network"), None]);
    assert_eq!(
        of("http.response.status_code"),
        [Some("503"), None, Some("200")]
    );

    let call = reports.last_call();
    assert_eq!(call.operation.name, "agents.create");
    assert_eq!(call.operation.route, "/agents");
    assert_eq!((call.attempts, call.status), (3, Some(200)));
    assert_eq!((call.outcome, call.error_type()), (Outcome::Success, None));
    assert_eq!(call.response_bytes, Some(created.body.len() as u64));
    let attempts = reports.attempts.lock().expect("no panic").clone();
    let of: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            (
                attempt.attempt,
                attempt.status,
                attempt.retry_after.is_some(),
            )
        })
        .collect();
    assert_eq!(
        of,
        [(1, Some(503), true), (2, None, true), (3, Some(200), false)]
    );
}

#[tokio::test]
async fn a_failure_and_a_dropped_call_are_told_too() {
    let (sim, client, reports, told, _guard) = observed().await;
    client
        .agents()
        .retrieve("agent_no")
        .await
        .expect_err("unknown");
    let call = reports.last_call();
    assert_eq!(
        (call.status, call.error_type().as_deref()),
        (Some(404), Some("404"))
    );
    assert_eq!(
        told.spans("qoder.call")[0].get("otel.status_code"),
        Some("ERROR")
    );

    sim.inject(plan("call:html"));
    client.agents().list().await.expect_err("a web page");
    let call = reports.last_call();
    assert_eq!(
        (call.status, call.error_type().as_deref()),
        (Some(200), Some("decode"))
    );

    sim.inject(plan("call:stall"));
    let list = tokio::time::timeout(Duration::from_millis(50), client.agents().list());
    list.await.expect_err("it is dropped");
    let call = reports.last_call();
    assert_eq!((call.outcome, call.attempts), (Outcome::Canceled, 1));
    assert_eq!(
        told.spans("qoder.call")[2].get("error.type"),
        Some("canceled")
    );
}

/// An exchange goes on when the call that began it is dropped; the call's span is closed.
#[tokio::test]
async fn an_exchange_is_a_span_of_its_own() {
    let (sim, _, _, told, _guard) = observed().await;
    let account = ServiceAccount::new("sak-0123456789").exchange_origin(sim.exchange_origin());
    let client = builder(&sim.base_url(), Dialect::Current).service_account(account);
    let client = client.build().expect("a client");
    sim.inject(plan("exchange:stall"));
    let list = tokio::time::timeout(Duration::from_millis(50), client.models().list());
    list.await.expect_err("it is dropped");
    let calls = told.spans("qoder.call");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].get("error.type"), Some("canceled"));
    assert!(told.spans("qoder.exchange").is_empty(), "it is under way");
    drop(client);
    let exchanges = told.spans("qoder.exchange");
    assert_eq!(exchanges.len(), 1);
    let operation = exchanges[0].get("qoder.operation");
    assert_eq!(operation, Some("credentials.exchange"));
}

#[tokio::test]
async fn following_is_a_span_with_its_calls_below() {
    let (sim, client, reports, told, _guard) = observed().await;
    let id = session(&client, "answer").await;
    client.session(&id).ask("Hello!").await.expect("a reply");
    let before = told.spans("qoder.follow").len();
    sim.inject(plan("stream:end-frames=1"));
    let first = truth(&sim, &id)[0].as_str().into();
    let follow = client.session(&id).follow().from(Start::After(first));
    let mut updates = follow.updates();
    let mut events = 0;
    let mut lives = 0;
    while lives < 2 {
        match updates.next().await.expect("an update").expect("an update") {
            qoder::Update::Event(_) => events += 1,
            qoder::Update::Notice(Notice::Live) => lives += 1,
            _ => {}
        }
    }
    drop(updates);
    let span = &told.spans("qoder.follow")[before];
    assert_eq!(span.get("qoder.operation"), Some("sessions.events.stream"));
    assert_eq!(span.get("qoder.session_id"), Some(id.as_str()));
    assert_eq!(span.get("qoder.events"), Some(events.to_string().as_str()));
    assert_eq!(span.get("qoder.connections"), Some("2"));
    let messages: Vec<_> = told
        .events_in("qoder.follow")
        .iter()
        .filter_map(|fields| fields.get("message").map(ToOwned::to_owned))
        .collect();
    assert!(
        messages.iter().any(|message| message.starts_with("lost")),
        "{messages:?}"
    );
    let notices = reports.notices.lock().expect("no panic");
    let lost = |(operation, notice): &(&str, Notice)| {
        *operation == "sessions.events.stream" && matches!(notice, Notice::Lost(_))
    };
    assert!(notices.iter().any(lost), "{notices:?}");
}

/// A port of this machine where nobody listens.
fn nobody() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// The client of a server in memory, reached by this scheme.
fn in_memory(scheme: &str, act: Act) -> ClientBuilder {
    let transport = Wire::new([], act).transport().build().expect("a transport");
    builder(
        &format!("{scheme}://localhost/api/v1/cloud"),
        Dialect::Current,
    )
    .transport(transport)
}

/// Whoever follows learns why it waits, in the notice and in the log; the log warns once.
#[tokio::test]
async fn what_keeps_following_from_its_events_is_told() {
    let told = Told::default();
    let subscriber = tracing_subscriber::registry().with(told.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let down = format!("http://{}/api/v1/cloud", nobody());
    let proxy = Proxy::http(format!("http://user:hidden@{}", nobody())).expect("a proxy");
    let alert = Act::new([
        Step::Send(vec![21, 3, 3, 0, 2, 2, 40].into()),
        Step::Silence,
    ]);
    // It repeats what it was told.
    let body = format!(r#"{{"message":"down: Bearer {TOKEN}"}}"#);
    let length = body.len();
    let busy = format!("HTTP/1.1 503 No\r\nContent-Length: {length}\r\n\r\n{body}");
    for (builder, cause, words) in [
        (builder(&down, Dialect::Current), "reached", "refused"),
        (
            builder("https://no.such.host.invalid/", Dialect::Current),
            "reached",
            "no.such.host.invalid",
        ),
        (in_memory("https", alert), "reached", "HandshakeFailure"),
        (
            builder("https://api.invalid/", Dialect::Current).proxy(proxy),
            "reached",
            "no connection to the proxy",
        ),
        (in_memory("http", Act::answer(busy)), "503", "503"),
    ] {
        let client = builder.build().expect("a client");
        for (via, operation) in [
            (Via::Sse, "sessions.events.stream: "),
            (
                Via::Polling(Duration::from_millis(1)),
                "sessions.events.list: ",
            ),
        ] {
            let follow = client.session("s").follow().via(via);
            let follow = quick(follow.from(Start::After("e1".into())));
            let follow = follow.without_polling();
            let mut updates = follow.give_up(3, Duration::from_secs(60)).updates();
            let mut texts = Vec::new();
            let error = loop {
                match updates.next().await.expect("no end before the error") {
                    Ok(Update::Notice(Notice::Waiting {
                        error, cause: why, ..
                    })) => {
                        let error = error.expect("a reason");
                        assert!(error.starts_with(operation), "{error}");
                        assert!(error.contains(words), "{error}");
                        if via == Via::Sse {
                            assert!(why.to_string().contains(cause), "{why}");
                        }
                        texts.push(error.to_string());
                    }
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            assert!(texts.len() > 1, "{texts:?}");
            assert_eq!(error.kind(), ErrorKind::Stream);
            assert!(error.to_string().contains(words), "{error}");
            drop(updates);

            let events = std::mem::take(&mut *told.events.lock().expect("no panic"));
            let why: Vec<_> = events
                .iter()
                .filter_map(|(_, fields)| {
                    let text = fields.get("message")?.strip_prefix("trying again: ")?;
                    Some((fields.get("level")?, text))
                })
                .collect();
            let want = texts.iter().enumerate().map(|(n, text)| {
                let level = if n == 0 { "WARN" } else { "DEBUG" };
                (level, text.as_str())
            });
            assert_eq!(why, want.collect::<Vec<_>>());
            let all = format!("{texts:?} {error:?} {events:?}");
            for secret in [TOKEN, "hidden", "user:"] {
                assert!(!all.contains(secret), "{all}");
            }
        }
    }
}
