//! Following under faults, in simulated time: the client as users have it, over a server in
//! memory that does what servers and networks do. Everything that happens in a run comes from its
//! seed, so a run that fails can be repeated: `cargo xtask faults --seed N`.
//!
//! What is checked, by the numbers of the promises in `docs/following.md`:
//!
//! | promise | here |
//! |---|---|
//! | 1, 3, 4, 5 | the events with an id that were delivered are those of the log from the start on, each once and in order; a gap ends in an error |
//! | 2 | the checkpoint is the last of them at any time, and another follower goes on from it |
//! | 6 | a preview's text is a prefix of the message; it is gone when previews are void, and when the message comes |
//! | 7 | a silent connection doesn't stop it: every run comes to its end in bounded time |
//! | 8 | no hot loop, no cursor sent again that was rejected, no request before `Retry-After` |
//! | 9 | errors that end it are the server's doing |
//! | 10 | no connection is read before what it brought was handed over; none is left after the end |

mod caller;
mod chance;
mod schedule;
mod server;
mod stream;

pub use caller::{Report, run};
pub use schedule::Schedule;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Runs the schedules of so many seeds, from `first` on, on all processors.
///
/// # Errors
///
/// The lowest seed that failed on one of them, and what was wrong.
pub fn run_all(first: u64, seeds: u64) -> Result<Report, (u64, String)> {
    let next = AtomicU64::new(first);
    let failed = AtomicU64::new(u64::MAX);
    let work = || {
        let mut total = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds || failed.load(Ordering::Relaxed) < seed {
                return Ok::<_, (u64, String)>(total);
            }
            let report = run(Schedule::new(seed), false).map_err(|why| {
                failed.fetch_min(seed, Ordering::Relaxed);
                (seed, why)
            })?;
            total.add(report);
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let running: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let mut total = Report::default();
        let mut first_failure: Option<(u64, String)> = None;
        for thread in running {
            match thread.join() {
                Ok(Ok(report)) => total.add(report),
                Ok(Err(failure)) => {
                    let earlier = first_failure.take().filter(|(seed, _)| *seed < failure.0);
                    first_failure = earlier.or(Some(failure));
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        first_failure.map_or(Ok(total), Err)
    })
}
