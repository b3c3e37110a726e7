//! Interleaved runs, so that a noisy machine is noisy for all.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The middle of a number of times, one for each contender; a round runs each once, and the first
/// round is for warming up. A contender that is slow gets fewer rounds.
pub fn interleaved(rounds: usize, contenders: &mut [Box<dyn FnMut() + '_>]) -> Vec<Duration> {
    interleaved_by(clock, rounds, contenders)
}

/// The same by another clock, such as [`processor`].
pub fn interleaved_by(
    clock: fn() -> Duration,
    rounds: usize,
    contenders: &mut [Box<dyn FnMut() + '_>],
) -> Vec<Duration> {
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (run, times) in contenders.iter_mut().zip(&mut times) {
            if round > 2 && times.iter().sum::<Duration>() > Duration::from_secs(2) {
                continue;
            }
            let start = clock();
            run();
            let time = clock().saturating_sub(start);
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.into_iter().map(middle).collect()
}

/// The time on the wall.
pub fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The time that processors have spent on this process, in the kernel too.
pub fn processor() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = i128::from(used.tv_sec) * 1_000_000_000 + i128::from(used.tv_nsec);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}

/// The part of that time that was spent in the kernel, to a hundredth of a second; none where the
/// system doesn't say.
pub fn kernel() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may have anything in it, these are the thirteenth.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields
        .split_whitespace()
        .nth(12)
        .and_then(|ticks| ticks.parse().ok());
    Duration::from_millis(10) * ticks.unwrap_or(0)
}

pub fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Gigabytes each second.
pub fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e9
}

/// Nanoseconds for each of a number of things.
pub fn each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}
