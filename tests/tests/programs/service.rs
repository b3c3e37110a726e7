//! The program `service`: a page whose text grows, also after it was loaded again.

use std::process::Command;

use crate::Gate;
use crate::common::programs::{Running, alone, program};
use crate::common::{current, start};
use crate::http::{address, request};
use crate::terminal::pen;

fn listening(mut command: Command) -> Running {
    command.arg("127.0.0.1:0");
    Running::start(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_text_grows_and_survives_a_reload() {
    let (pen, pieces) = pen();
    let gate = Gate::new();
    let waits = gate.clone();
    let sim = current().agent("service", move |turn| {
        let (pieces, waits) = (pieces.clone(), waits.clone());
        async move {
            turn.reply("Let me see.").await;
            waits.pass().await;
            turn.deltas(pieces).await;
        }
    });
    let sim = start(sim).await;
    let mut service = listening(program("service", &sim));
    let at = address(&mut service).await;
    let (status, path) = request(&at, "POST", "/turns", &[], "What is it?")
        .await
        .all()
        .await;
    assert_eq!(status, 200, "{path}");
    assert_eq!(sim.messages(&sim.sessions()[0]), ["What is it?"]);

    let mut page = request(&at, "GET", &path, &[], "").await;
    page.until("Let me see.").await;
    let first = id_of_last(page.text());
    // The browser is there when the text begins: before, there would be no preview for it.
    gate.open(1);
    pen.write("One ");
    page.until(r#""text":"One ""#).await;
    assert!(page.text().contains("event: text\n"), "{}", page.text());
    pen.write("two ");
    page.until(r#""text":"One two ""#).await;
    // It is loaded again, from the beginning; and another one lost its connection.
    drop(page);
    let mut again = request(&at, "GET", &path, &[], "").await;
    again.until("Let me see.").await;
    let last = [("last-event-id", first.as_str())];
    let resumed = request(&at, "GET", &path, &last, "").await;
    pen.write("three.");
    drop(pen);
    again.until("One two three.").await;
    let (_, all) = again.all().await;
    assert!(all.contains("event: message\n"), "{all}");
    assert!(all.contains("event: done\n") && all.contains("\"end_turn\""));
    let (status, rest) = resumed.all().await;
    assert_eq!(status, 200);
    assert!(rest.contains("One two three.") && rest.contains("event: done\n"));
    assert!(!rest.contains("Let me see."), "{rest}");
    assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
}

/// The id of the last event that came.
fn id_of_last(text: &str) -> String {
    let mut ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.next_back().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told() {
    let sim = start(current()).await;
    let mut service = listening(program("service", &sim));
    let at = address(&mut service).await;
    let lost = request(&at, "GET", "/turns/sess_none/evt_none", &[], "").await;
    let (status, text) = lost.all().await;
    assert_eq!(status, 200);
    assert!(
        text.contains("event: failed\n") && text.contains("404"),
        "{text}"
    );
    sim.inject(crate::common::plan("call:status=403"));
    let (status, text) = request(&at, "POST", "/turns", &[], "Hello")
        .await
        .all()
        .await;
    assert_eq!(status, 502);
    assert!(text.contains("403"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_needs_nothing_else_and_no_account() {
    let mut service = listening(alone("service"));
    service.says("QODER_PAT is not set").await;
    let at = address(&mut service).await;
    let (status, page) = request(&at, "GET", "/", &[], "").await.all().await;
    assert_eq!(status, 200);
    assert!(page.contains("<form>") && page.contains("EventSource"));
    for outside in ["http:", "https:", "src=", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let (_, path) = request(&at, "POST", "/turns", &[], "Hello")
        .await
        .all()
        .await;
    let (_, text) = request(&at, "GET", &path, &[], "").await.all().await;
    assert!(text.contains("you asked: Hello") && text.contains("event: done\n"));
}
