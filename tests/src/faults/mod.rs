//! Following under faults, in simulated time: the client as users have it, over a server in
//! memory that does what servers and networks do. Everything that happens in a run comes from its
//! seed, so a run that fails can be repeated: `cargo xtask faults --seed N`.
//!
//! # Who plays with whom
//!
//! ```text
//!                     Schedule            what is to happen, all of it from one seed
//!                  /      |      \
//!      Caller, Sender   World    Server   who wants the events; what is so far; who has them
//!             |      \  /   \  /  |
//!             |       complaints  |       either finds the other out, and says so in the World
//!             |                   |
//!           Client, as users have it      qoder, whole, over a transport that is a function
//! ```
//!
//! - [`Schedule`] (`schedule`, with what is `odd` all along from `oddities`, and the log of a turn
//!   from `turn`) is what a run is made of: the log and when each event of it is published, how
//!   the server behaves, who follows by which means, and at what pace.
//! - The **server** (`server`) is a `tower` service. It answers a message (`server/message`), who
//!   wants a stream (`server/opening`) and who lists (`server/list`), with the faults that are left
//!   to it; the bytes of a stream, and their end, come from `stream`. It finds fault with clients
//!   that ask too often, too early, with a cursor that was rejected, or read too far ahead.
//! - The **caller** (`caller`) follows a session or a thread; the **sender** (`sender`, and `reply` for
//!   the rest of a turn as a reply) sends a message and follows the turn. They take what comes, as
//!   users do, compare it with the log, and hand over to a successor now and then. `waiting` is
//!   their pace: prompt, slow, impatient, or one that drops a future at one of its polls.
//! - The **world** (`world`) is what they have in common, behind a lock: how far the log is
//!   delivered, when there was progress last, which cursors were rejected, the first complaint. A
//!   complaint ends the run.
//! - Time is tokio's, paused: it passes where everybody waits. Chance comes from three sources with
//!   the same seed (`chance`): that of the schedule, of the server, and of the caller.
//!
//! An oracle is only as good as its bookkeeping. Where the server's answer leaves it open what a
//! client may make of it, the world says what it settles and when: see `settle_anchor`.
//!
//! # What is checked
//!
//! By the numbers of the promises in `docs/following.md`:
//!
//! | promise | here |
//! |---|---|
//! | 1, 3, 4, 5 | the events with an id that were delivered are those of the log from the start on, each once and in order; a gap ends in an error |
//! | 2 | the checkpoint is the last of them at any time, and another follower goes on from it |
//! | 6 | a preview's text is a prefix of the message; it is gone when previews are void, and when the message comes |
//! | 7 | a silent connection doesn't stop it: every run comes to its end in bounded time |
//! | 8 | no hot loop, no cursor sent again that was rejected, no request before `Retry-After`; no run takes more than so many steps |
//! | 9 | errors that end it are the server's doing |
//! | 10 | no connection is read before what it brought was handed over; none is left after the end |
//! | answers | each is taken once, under one key and in the same words; what was accepted never waits again; those that fail were refused, or lost |
//! | turns | the message is taken once; the events are the turn's alone, each once and in order; how the turn stands, after each of them, is what the server meant; a checkpoint goes on with all that |

mod caller;
mod chance;
mod oddities;
mod reply;
mod report;
mod responding;
mod schedule;
mod sender;
mod server;
mod stream;
mod turn;
mod waiting;
mod world;

pub use caller::run;
pub(crate) use chance::Chance;
pub use report::Report;
pub use schedule::Schedule;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The time that one run may take by the clock on the wall, unless there is reason for less. It takes
/// some milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The work of a worker, and since when it is at it.
type Place = Arc<Mutex<Option<(u64, Instant)>>>;

/// Runs the schedules of so many seeds, from `first` on, on all processors.
///
/// # Errors
///
/// The lowest seed that failed on one of them, and what was wrong. A run that goes in circles
/// without a step that the simulation sees, for as long as `patience` lasts, is left behind on its
/// thread.
pub fn run_all(first: u64, seeds: u64, patience: Duration) -> Result<Report, (u64, String)> {
    let next = Arc::new(AtomicU64::new(first));
    let failed = Arc::new(AtomicU64::new(u64::MAX));
    let (results, answers) = mpsc::channel();
    let count = thread::available_parallelism().map_or(1, usize::from);
    let mut workers = Vec::new();
    for _ in 0..count {
        let (next, failed, results) = (Arc::clone(&next), Arc::clone(&failed), results.clone());
        let place = Place::default();
        let at = Arc::clone(&place);
        let here = Arc::clone(&place);
        let work = move || -> Result<Report, (u64, String)> {
            let mut total = Report::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + seeds || failed.load(Ordering::Relaxed) < seed {
                    return Ok(total);
                }
                set(&here, Some((seed, Instant::now())));
                total.add(run(Schedule::new(seed), false).map_err(|why| {
                    failed.fetch_min(seed, Ordering::Relaxed);
                    (seed, why)
                })?);
            }
        };
        let worker = thread::spawn(move || {
            let result = work();
            set(&at, None);
            // Whoever waited has an answer already.
            let _ = results.send(result);
        });
        workers.push((place, worker));
    }
    drop(results);
    let mut total = Report::default();
    let mut first_failure: Option<(u64, String)> = None;
    for _ in 0..count {
        let result = loop {
            match answers.recv_timeout(Duration::from_millis(500)) {
                Ok(result) => break Some(result),
                Err(RecvTimeoutError::Disconnected) => break None,
                Err(RecvTimeoutError::Timeout) => {
                    let circling = workers.iter().filter_map(|(place, _)| get(place));
                    let mut circling = circling.filter(|(_, since)| since.elapsed() > patience);
                    if let Some((seed, _)) = circling.next() {
                        return Err((seed, "it goes in circles".to_owned()));
                    }
                }
            }
        };
        match result {
            Some(Ok(report)) => total.add(report),
            Some(Err(failure)) => {
                let earlier = first_failure.take().filter(|(seed, _)| *seed < failure.0);
                first_failure = earlier.or(Some(failure));
            }
            None => break,
        }
    }
    for (_, worker) in workers {
        if let Err(panic) = worker.join() {
            std::panic::resume_unwind(panic);
        }
    }
    first_failure.map_or(Ok(total), Err)
}

fn set(place: &Place, at: Option<(u64, Instant)>) {
    *place
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = at;
}

fn get(place: &Place) -> Option<(u64, Instant)> {
    *place
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
