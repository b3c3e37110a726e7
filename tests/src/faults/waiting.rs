//! The way in which a caller waits for what comes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::chance::Chance;
use super::schedule::Pace;
use super::world::{Shared, lock};

/// A caller's pace, and its chance.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) chance: Chance,
    pace: Pace,
    /// The number of times that it was woken so far.
    polls: usize,
}

impl Waiting {
    pub(crate) fn new(pace: Pace, chance: Chance) -> Self {
        Self {
            chance,
            pace,
            polls: 0,
        }
    }

    /// The number of times that futures were polled, where that is counted.
    pub(crate) fn polls(&self) -> usize {
        self.polls
    }

    /// The steps of a caller between two events: they are no time of the server's.
    pub(crate) async fn pause(&mut self, world: &Shared) {
        let pause = match self.pace {
            Pace::Slow(most) => self.chance.below(most),
            Pace::Jumps if self.chance.percent(3) => self.chance.below(1_800_000),
            _ => return,
        };
        let pause = Duration::from_millis(pause);
        sleep(pause).await;
        lock(world).paused += pause;
    }

    /// The result of the future; `None` if it was given up on, and dropped.
    pub(crate) async fn outcome<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        match self.pace {
            Pace::Impatient => {
                let patience = Duration::from_millis(self.chance.between(1, 3_000));
                timeout(patience, future).await.ok()
            }
            Pace::Drops(at) => {
                let mut future = pin!(future);
                poll_fn(|cx| {
                    self.polls += 1;
                    match future.as_mut().poll(cx) {
                        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                        Poll::Pending if self.polls == at => Poll::Ready(None),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await
            }
            _ => Some(future.await),
        }
    }
}
