//! Tools and approvals under faults, in simulated time: a turn with a toolbox, over a server in
//! memory that loses responses, cuts streams, repeats pauses and has other clients; the process is
//! killed at any moment, and the next one goes on with its ledger, with or without the last write.
//!
//! Streams begin before their cursor and say events twice, pauses name what is answered, also when
//! nothing waits any more, other clients answer and interrupt.
//!
//! The rules are those of `qoder`'s machine for rounds: no handler runs twice for one call,
//! unless the ledger lost the record that it began; every result that a ledger has is sent as it is,
//! once, unless the turn was interrupted before; no approval is given that the policy doesn't give, and
//! none to what no pause names; the turn ends as the session says.

mod server;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qoder::types::serde_json::json;
use qoder::types::{EventId, serde_json};
use qoder::{
    Approvals, Checkpoint, Stop, Toolbox,
    tools::{Ledger, LedgerFuture, Record, UnknownTools},
};
use tokio::time::{sleep, timeout};

use crate::faults::Chance;
use server::Server;

/// Locks what is shared, whatever became of others.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ledger that may lose what was written last.
#[derive(Debug, Default)]
struct Forgetful(Mutex<Writes>);

#[derive(Debug, Default)]
struct Writes {
    records: HashMap<EventId, Record>,
    /// The last write: of which call, and what was there before.
    last: Option<(EventId, Option<Record>)>,
}

impl Writes {
    fn write(&mut self, call: EventId, record: Record) {
        let before = self.records.insert(call.clone(), record);
        self.last = Some((call, before));
    }
}

impl Forgetful {
    /// Loses the last write; the call whose beginning is forgotten, if it was that.
    fn lose(&self) -> Option<EventId> {
        let mut writes = lock(&self.0);
        let (id, before) = writes.last.take()?;
        match before {
            Some(before) => {
                writes.records.insert(id, before);
                None
            }
            None => {
                writes.records.remove(&id);
                Some(id)
            }
        }
    }
}

impl Ledger for Forgetful {
    fn get<'a>(&'a self, call: &'a EventId) -> LedgerFuture<'a, Option<Record>> {
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            Ok(lock(&self.0).records.get(call).cloned())
        })
    }

    fn put<'a>(&'a self, call: &'a EventId, record: Record) -> LedgerFuture<'a, ()> {
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            lock(&self.0).write(call.clone(), record);
            sleep(Duration::from_millis(1)).await;
            Ok(())
        })
    }
}

#[derive(serde::Deserialize)]
struct Work {
    n: u64,
    ms: u64,
}

/// The number of times that the handler of each call was run.
type Runs = Arc<Mutex<HashMap<u64, u32>>>;

fn toolbox(runs: &Runs) -> Toolbox {
    let runs = Arc::clone(runs);
    Toolbox::new()
        .tool(
            "work",
            "Works.",
            json!({"type": "object"}),
            move |work: Work| {
                *lock(&runs).entry(work.n).or_default() += 1;
                async move {
                    sleep(Duration::from_millis(work.ms)).await;
                    if work.n % 5 == 4 {
                        return Err(format!("no {}", work.n));
                    }
                    Ok(format!("did {}", work.n))
                }
            },
        )
        .concurrency(2)
        .unknown(UnknownTools::AnswerWithError)
}

/// Runs the schedule of a seed, and returns the log of the session.
///
/// # Errors
///
/// A fault, in words.
pub fn run(seed: u64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async move {
        let hour = Duration::from_secs(3600);
        let done = timeout(hour, schedule(seed)).await;
        done.unwrap_or_else(|_| Err("it has no end".to_owned()))
    })
}

async fn schedule(seed: u64) -> Result<String, String> {
    let mut chance = Chance::new(seed);
    let server = Server::new(&mut chance);
    let ledger = Forgetful::default();
    let runs = Runs::default();
    let mut forgotten: Vec<EventId> = Vec::new();
    let mut checkpoint: Option<Checkpoint> = None;
    let mut kills = chance.below(4);
    loop {
        let life = if kills == 0 {
            u64::MAX
        } else {
            chance.pick(&[3, 30, 200, 900])
        };
        let life = Duration::from_millis(if life == u64::MAX {
            3_000_000
        } else {
            chance.below(life)
        });
        kills = kills.saturating_sub(1);
        let keep_first = chance.percent(50);
        let jitter = chance.next();
        match timeout(
            life,
            process(&server, &ledger, &runs, &mut checkpoint, keep_first, jitter),
        )
        .await
        {
            Ok(Ok(stop)) if server.may_end(&stop) => break,
            Ok(Ok(stop)) => return Err(format!("it stopped with {stop}")),
            // Its message was not accepted: the next process sends it again.
            Ok(Err(error)) if checkpoint.is_none() && error.is_retryable() => {}
            Ok(Err(error)) => return Err(error.to_string()),
            // It is killed.
            Err(_) => {
                if chance.percent(40) {
                    forgotten.extend(ledger.lose());
                } else {
                    // What survives one end survives the next.
                    lock(&ledger.0).last = None;
                }
            }
        }
    }
    server.check(&lock(&runs), &lock(&ledger.0).records, &forgotten)?;
    Ok(server.log())
}

/// One process: it goes on with the turn, if there is one.
async fn process(
    server: &Server,
    ledger: &Forgetful,
    runs: &Runs,
    checkpoint: &mut Option<Checkpoint>,
    keep_first: bool,
    jitter: u64,
) -> qoder::Result<Stop> {
    let session = server.client()?.session("s");
    let opening = match checkpoint {
        Some(checkpoint) => session.resume_turn(checkpoint.clone()),
        None => session.turn("Go!").idempotency_key("k"),
    };
    let opening = opening.seed(jitter);
    let approvals = Approvals::allow(["Read"]).deny(["Bash"], "no shell");
    let mut turn = opening
        .tools(&toolbox(runs))
        .approve(approvals)
        .ledger(ledger)
        .await?;
    if checkpoint.is_none() {
        *checkpoint = Some(turn.turn().checkpoint());
    }
    while let Some(event) = turn.next().await {
        event?;
        if !keep_first {
            *checkpoint = Some(turn.turn().checkpoint());
        }
    }
    Ok(turn.turn().stop_reason())
}

/// The number of a call, from the input of its event.
fn number(event: &serde_json::Value) -> u64 {
    event["input"]["n"].as_u64().unwrap_or(u64::MAX)
}
