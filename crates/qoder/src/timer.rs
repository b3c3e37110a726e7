//! The timer of a shell that asks its machine again whenever it fires.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer, which is made when it is first needed.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Is ready at this time or earlier, and never if there is none.
    pub(crate) fn poll(&mut self, until: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = until else {
            return Poll::Pending;
        };
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // One that is early is left alone until it fires, since limits of silence move with
        // everything that happens.
        if until < timer.deadline() || timer.is_elapsed() {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx)
    }
}
