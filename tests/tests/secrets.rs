//! The token is in no error, no `Debug` and no trace.

mod common;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use common::{TOKEN, builder, current, plan, session, start};
use qoder::types::UserMessage;
use qoder::types::serde_json::Value;
use qoder::{
    Client, ClientBuilder, Dialect, Error, Method, ServiceAccount, Start, Stop, Transport,
};
use qoder_http::StreamHttp;
use qoder_sim::{Recorded, Sim};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_token_is_nowhere() {
    let log = everywhere(false).await;
    assert!(log.contains("hyper_util::"), "the log has the connections");
}

#[tokio::test]
async fn the_token_is_nowhere_over_http_2() {
    let log = everywhere(true).await;
    assert!(
        log.contains("h2::") && log.contains("Headers"),
        "the log has the frames"
    );
}

/// A workflow with failures, and what was logged of it at the lowest level, by all crates.
async fn everywhere(http2: bool) -> String {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let sim = start(current()).await;
    let mut transport = Transport::builder();
    if http2 {
        transport = transport
            .http2_prior_knowledge(true)
            .stream_http(StreamHttp::Http2Shared);
    }
    let client = builder(&sim.base_url(), Dialect::Current)
        .transport(transport.build().expect("a transport"))
        .build()
        .expect("a client");
    let id = session(&client, "answer").await;
    let mut seen = vec![format!("{client:?}")];

    let turn = client.session(&id).turn("Hello!");
    seen.push(format!("{turn:?}"));
    let mut turn = turn.await.expect("a turn");
    while turn.next().await.is_some() {
        seen.push(format!("{turn:?}"));
    }
    assert_eq!(turn.stop_reason(), Stop::EndTurn);
    for fault in [
        "call:html",
        "call:status=401",
        "call:flat-401",
        "call:empty",
        "call:status=302",
        "call:not-utf8",
    ] {
        sim.inject(plan(fault));
        let call = client.agents().list();
        seen.push(format!("{call:?}"));
        let error = call.await.expect_err(fault);
        seen.push(format!(
            "{error} {error:?} {:?}",
            std::error::Error::source(&error)
        ));
    }
    // A server that repeats the token in what it says.
    let echo = client.agents().retrieve(TOKEN).await.expect_err("unknown");
    seen.push(format!("{echo} {echo:?} {:?}", echo.api()));
    sim.inject(plan("stream:html"));
    let mut events = client.session(&id).follow().from(Start::Beginning).events();
    while let Some(event) = events.next().await {
        if let Err(error) = event {
            seen.push(format!("{error} {error:?}"));
        }
    }
    seen.push(format!(
        "{events:?} {:?}",
        client.session(&id).send([UserMessage::new("x")])
    ));

    for text in &seen {
        assert!(!text.contains(TOKEN), "{text}");
    }
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
    assert!(
        log.contains("sessions.events.send"),
        "the log has the calls: {log}"
    );
    // The id of the one call that was asked for by the token's own text is in no route either.
    assert_eq!(log.lines().find(|line| line.contains(TOKEN)), None);
    log
}

const KEY: &str = "sak-0123456789abcdef";

const EXCHANGE: &str = "/api/v1/serviceToken/exchange";

fn account(sim: &Sim) -> ServiceAccount {
    ServiceAccount::new(KEY).exchange_origin(sim.exchange_origin())
}

fn with_account(sim: &Sim) -> ClientBuilder {
    builder(&sim.base_url(), Dialect::Current).service_account(account(sim))
}

fn account_client(sim: &Sim) -> Client {
    with_account(sim).build().expect("a client")
}

fn all_of(error: &Error) -> String {
    format!(
        "{error} {error:?} {:?} {:?} {:?}",
        error.api(),
        error.source(),
        error.body()
    )
}

#[tokio::test]
async fn keys_and_tokens_are_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let sim = start(current()).await;
    let mut seen = vec![format!("{:?} {:?}", account(&sim), with_account(&sim))];
    for fault in [
        "exchange:none",
        "exchange:status=401",
        "exchange:status=503",
        "exchange:html",
        "exchange:truncate",
        "exchange:cut=60",
        "exchange:content-type=text/plain",
        "call:status=401",
        "call:status=500*3",
    ] {
        let client = account_client(&sim);
        sim.inject(plan(fault));
        seen.push(format!("{client:?}"));
        if let Err(error) = client.models().list().await {
            seen.push(all_of(&error));
        }
        // In a path, where none belongs: ids are not logged.
        for said in [KEY.to_owned(), last_token(&sim)] {
            let echo = client
                .request::<Value>(Method::Get, &format!("/{said}"))
                .await;
            seen.push(all_of(&echo.expect_err("unknown")));
            let echo = client.agents().retrieve(said).await.expect_err("unknown");
            seen.push(all_of(&echo));
        }
    }
    let mut secrets: BTreeSet<String> = sim
        .requests()
        .iter()
        .filter_map(|request| {
            Some(
                request
                    .header("authorization")?
                    .strip_prefix("Bearer ")?
                    .to_owned(),
            )
        })
        .collect();
    assert!(
        secrets.len() > 4 && secrets.remove(KEY),
        "{}",
        secrets.len()
    );
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
    assert!(
        log.contains("credentials.exchange"),
        "the log has the exchanges"
    );
    secrets.insert(KEY.to_owned());
    for secret in secrets {
        for text in &seen {
            assert!(!text.contains(&secret), "{text}");
        }
        assert!(!log.contains(&secret), "in the log");
    }
    for request in sim
        .requests()
        .iter()
        .filter(|request| request.path != EXCHANGE)
    {
        let token = request.header("authorization").unwrap_or_default();
        assert!(!token.contains(KEY), "{} {}", request.method, request.path);
    }
}

/// The token of the last request with one, or something of that form.
fn last_token(sim: &Sim) -> String {
    let requests = sim.requests();
    let token = |request: &Recorded| {
        Some(
            request
                .header("authorization")?
                .strip_prefix("Bearer sat-")?
                .to_owned(),
        )
    };
    let last = requests.iter().rev().find_map(token);
    format!("sat-{}", last.unwrap_or_else(|| "none-so-far".to_owned()))
}
