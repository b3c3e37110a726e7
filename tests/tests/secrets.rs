//! The token is in no error, no `Debug` and no trace.

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use common::{TOKEN, client, current, plan, session, start};
use qoder::types::UserMessage;
use qoder::{Start, Stop};
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
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let sim = start(current()).await;
    let client = client(&sim);
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
    assert!(!log.contains(TOKEN), "{log}");
}
