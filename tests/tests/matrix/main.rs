//! Every class of call meets every fault, once and every time, in simulated time. What comes of it
//! is printed in `docs/faults.md`, and compared with it: `UPDATE_DOCS=1` prints it anew.

mod calls;
mod faults;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use calls::{CLASSES, Class, Ended, LINK, shown};
use faults::{FAULTS, Fault, LIMIT};
use qoder::{Client, ErrorKind, RetryPolicy, Sent, auth::AccessToken};
use qoder_tests::documents::{check, read};
use qoder_tests::wire::{Act, Seen, Step, Wire, elapsed};
use tokio::time::{Instant, sleep, timeout};

/// What is not over by then goes on for ever.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The token that is given at first, or for the second time.
fn token(number: usize) -> String {
    format!("pt-0123456789abcdef-{number}")
}

fn client(wire: &Wire, renewable: bool) -> Client {
    let mut retry = RetryPolicy::default();
    // Exact times.
    retry.jitter = 0.0;
    let builder = if renewable {
        let given = AtomicUsize::new(0);
        Client::builder().credentials(move || {
            let number = given.fetch_add(1, Ordering::Relaxed);
            async move { Ok(AccessToken::new(token(number))) }
        })
    } else {
        Client::builder().token(token(0))
    };
    builder
        .base_url("http://localhost/api/v1/cloud")
        .transport(wire.transport().build().expect("a transport"))
        .retry(retry)
        .max_response(LIMIT)
        .build()
        .expect("a client")
}

/// What is said in one cell of the table.
fn cell(class: &Class, fault: &Fault, always: bool) -> String {
    let bad = (fault.act)(class.good);
    let mut script = Vec::new();
    if fault.kept {
        script.push(CLASSES[0].good.answer().then(Step::Close));
    }
    let mut good = class.good.answer();
    if class.linked {
        script.push(LINK.answer().then(Step::Close));
        // Another link is given if one is asked for.
        let [link, content] = [LINK, class.good].map(|good| good.whole().into());
        good = Act::new([Step::Read, Step::Choose("/content ", link, content)]);
    }
    let wire = if always {
        Wire::new(script, bad)
    } else {
        script.push(bad);
        Wire::new(script, good)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = client(&wire, fault.renewable);
        if fault.kept {
            let before = (CLASSES[0].run)(client.clone()).await;
            assert!(matches!(before, Ended::Well(_)), "a call before");
            sleep(Duration::from_secs(1)).await;
            wire.forget();
        }
        let start = Instant::now();
        let calling = timeout(PATIENCE, (class.run)(client));
        let ended = calling.await.unwrap_or(Ended::Never);
        let time = elapsed(start);
        laws(class, fault, &wire, &ended, time);
        let outcome = match &ended {
            Ended::Well(_) => "**ok**".to_owned(),
            Ended::Early(ending) => format!("ends with `{ending:?}`"),
            Ended::Wrong => "**other bytes**".to_owned(),
            Ended::Badly(error) => shown(error),
            Ended::Never => return "goes on".to_owned(),
        };
        let is_link = |seen: &&Seen| class.linked && !seen.line.starts_with("GET /storage/");
        let links = wire.requests().iter().filter(is_link).count();
        format!(
            "{outcome}; {}; {}",
            times(attempts(&wire) - links),
            seconds(time)
        )
    })
}

/// How many attempts the server saw.
fn attempts(wire: &Wire) -> usize {
    wire.requests().len() + wire.turned_away()
}

fn times(attempts: usize) -> String {
    match attempts {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    }
}

fn seconds(time: Duration) -> String {
    let hundredths = time.as_millis() / 10;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} s")
}

/// What holds in every cell.
fn laws(class: &Class, fault: &Fault, wire: &Wire, ended: &Ended, time: Duration) {
    let mut requests = wire.requests();
    let mut attempts = attempts(wire);
    if class.linked {
        let (storage, links): (Vec<Seen>, Vec<Seen>) = requests
            .into_iter()
            .partition(|seen| seen.line.starts_with("GET /storage/"));
        let token = |seen: &Seen| seen.header("authorization").is_some();
        assert!(links.iter().all(token), "a link is for those who may");
        for seen in &storage {
            // All that the storage is told, and nothing of it is a secret.
            let told = [
                "accept",
                "accept-encoding",
                "host",
                "if-range",
                "range",
                "user-agent",
            ];
            let named = |name: &String| told.contains(&name.as_str());
            assert!(seen.names().iter().all(named), "{seen:?}");
        }
        attempts -= links.len();
        requests = storage;
    }
    let told = match ended {
        Ended::Well(told) => *told,
        Ended::Early(_) | Ended::Wrong | Ended::Never => None,
        // These are more than one call.
        Ended::Badly(_) if matches!(class.name, "download" | "follow") => None,
        Ended::Badly(error) => Some(error.attempts()),
    };
    if let Some(told) = told {
        let told = usize::try_from(told).expect("few");
        assert_eq!(told, attempts, "the client says how often it tried");
    }
    for (n, seen) in requests.iter().enumerate() {
        let number = if fault.renewable { n } else { 0 };
        let bearer = format!("Bearer {}", token(number));
        let sent = (!class.linked).then_some(&*bearer);
        assert_eq!(seen.header("authorization"), sent);
        // What is repeated is the same to the byte, under the same key. A cursor that is refused
        // is repaired from the list, which is asked in its own ways.
        if class.name == "follow" && !seen.line.contains("/stream") {
            continue;
        }
        let first = &requests[0];
        let key = "idempotency-key";
        assert_eq!((&seen.line, &seen.body), (&first.line, &first.body));
        assert_eq!(seen.header(key), first.header(key));
    }
    if !class.repeatable && !fault.name.starts_with("429") {
        assert!(requests.len() <= 1, "a write without a key arrives once");
    }
    match ended {
        Ended::Badly(error) => {
            match error.sent() {
                Sent::No => assert!(requests.is_empty(), "{error}: but it arrived"),
                Sent::Maybe => assert_eq!(error.status(), None, "{error}: but it was answered"),
                Sent::Yes => assert!(!requests.is_empty(), "{error}: but it didn't arrive"),
            }
            let ours = matches!(error.kind(), ErrorKind::Config | ErrorKind::Input);
            assert!(!ours, "{error}: but nothing is wrong with the call");
            let told = format!("{error} {error:?}");
            assert!(!told.contains("0123456789abcdef"), "{told}");
            assert!(!told.contains("of-the-link"), "{told}");
        }
        Ended::Never => assert!(
            matches!(class.name, "download" | "stream" | "follow"),
            "a call comes to its end"
        ),
        Ended::Well(_) | Ended::Early(_) | Ended::Wrong => {}
    }
    if !matches!(class.name, "download" | "stream" | "follow") {
        // Three times the limits for a head and a body, and the longest waits between.
        let longest = Duration::from_secs(3 * (60 + 300) + 2 * 60);
        assert!(time <= longest, "after {time:?}");
    }
}

/// All cells: of each fault, of each class, met once and met every time.
fn cells() -> Vec<Vec<[String; 2]>> {
    let total = FAULTS.len() * CLASSES.len();
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(vec![
        vec![[String::new(), String::new()]; CLASSES.len()];
        FAULTS.len()
    ]);
    let work = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= total {
            return;
        }
        let (fault, class) = (n / CLASSES.len(), n % CLASSES.len());
        let both = [false, true].map(|always| cell(&CLASSES[class], &FAULTS[fault], always));
        cells.lock().expect("no panic")[fault][class] = both;
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    cells.into_inner().expect("no panic")
}

/// The page: the classes that fare alike with a fault share a row.
fn page() -> String {
    let mut text = include_str!("page.md").to_owned();
    text.push_str("\n## The classes\n\n| class | call |\n|---|---|\n");
    for class in CLASSES {
        let _ = writeln!(text, "| {} | {} |", class.name, class.what);
    }
    text.push_str("\n## The faults\n\n| fault | what the server does |\n|---|---|\n");
    for fault in FAULTS {
        let _ = writeln!(text, "| {} | {} |", fault.name, fault.what);
    }
    text.push_str(
        "\n## What comes of it\n\n| fault | class | met once | met every time |\n|---|---|---|---|\n",
    );
    for (fault, cells) in FAULTS.iter().zip(cells()) {
        let mut rows: Vec<([String; 2], Vec<&str>)> = Vec::new();
        for (class, cells) in CLASSES.iter().zip(cells) {
            match rows.iter_mut().find(|(other, _)| *other == cells) {
                Some((_, names)) => names.push(class.name),
                None => rows.push((cells, vec![class.name])),
            }
        }
        for ([once, always], names) in rows {
            let names = names.join(", ");
            let _ = writeln!(text, "| {} | {names} | {once} | {always} |", fault.name);
        }
    }
    text
}

const DOCUMENT: &str = "docs/faults.md";

/// What is printed here, and the sections after it, which others print.
fn sections() -> (String, String) {
    let mut printed = read(DOCUMENT).expect("docs");
    let others = printed.find("\n## Real parts\n").expect("the next section");
    let others = printed.split_off(others);
    (printed, others)
}

#[test]
fn the_documented_table_is_what_happens() {
    let (_, others) = sections();
    let again = "UPDATE_DOCS=1 cargo test -p qoder-tests --test matrix documented";
    check(DOCUMENT, &(page() + &others), again);
}

#[test]
fn every_class_meets_every_fault() {
    let (printed, _) = sections();
    let (_, table) = printed.split_once("## What comes of it").expect("a table");
    let mut met = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for class in cells[2].split(", ") {
            assert!(met.insert((cells[1], class)), "twice in the table: {row}");
        }
    }
    for fault in FAULTS {
        for class in CLASSES {
            let cell = (fault.name, class.name);
            assert!(met.remove(&cell), "not in the table: {cell:?}");
        }
    }
    assert!(met.is_empty(), "nothing does this: {met:?}");
}
