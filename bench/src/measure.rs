//! Interleaved runs, so that a noisy machine is noisy for all.

use std::time::{Duration, Instant};

/// The middle of a number of times, one for each contender; a round runs each once, and the first
/// round is for warming up. A contender that is slow gets fewer rounds.
pub fn interleaved(rounds: usize, contenders: &mut [Box<dyn FnMut() + '_>]) -> Vec<Duration> {
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (run, times) in contenders.iter_mut().zip(&mut times) {
            if round > 2 && times.iter().sum::<Duration>() > Duration::from_secs(2) {
                continue;
            }
            let start = Instant::now();
            run();
            let time = start.elapsed();
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.into_iter().map(middle).collect()
}

fn middle(mut times: Vec<Duration>) -> Duration {
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
