//! A question under way, which belongs to nobody who waits for its answer.
//!
//! A future makes progress only while it is polled. If the question were part of one call's
//! future, a call that is paused (kept, and not polled) would hold up all others, and one that is
//! dropped would take it along. So it lies apart, whoever is polled drives it, and its news wake
//! all who wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime;
use tokio::time::Instant;

use super::cache::Tick;
use crate::few::Few;

/// A question that nobody drove for longer than this, though it could have gone on, was left
/// alone: its limits of time, and the server's, ran while nobody looked.
const LEFT_ALONE: Duration = Duration::from_secs(1);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A question for a `T`.
pub(super) struct InFlight<T> {
    pub(super) number: u64,
    pub(super) asked: Tick,
    /// The runtime whose timers and sockets it uses: they stand still when that does.
    pub(super) runtime: runtime::Id,
    pub(super) waiting: Arc<Waiting>,
    /// Nothing while somebody polls it.
    work: Option<Work<T>>,
    left_alone: bool,
}

/// The right to poll a question. If it is not put back, nobody else ever has it.
pub(super) struct Turn<T> {
    pub(super) number: u64,
    pub(super) waiting: Arc<Waiting>,
    work: Work<T>,
}

/// The tasks that wait for an answer.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Wakers>);

#[derive(Default)]
struct Wakers {
    by_place: Few<u64, Waker>,
    /// Counts the places.
    places: u64,
    /// Since when the question can go on, if nobody has begun to poll it since.
    due: Option<Instant>,
}

/// A place among those who wait, until it is dropped.
pub(super) struct Place {
    of: Arc<Waiting>,
    number: u64,
}

impl<T> InFlight<T> {
    pub(super) fn new(
        number: u64,
        asked: Tick,
        runtime: runtime::Id,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        Self {
            number,
            asked,
            runtime,
            waiting: Arc::default(),
            work: Some(Box::pin(work)),
            left_alone: false,
        }
    }

    /// The right to poll it, unless somebody else has it just now.
    pub(super) fn take(&mut self) -> Option<Turn<T>> {
        let work = self.work.take()?;
        let due = self.waiting.lock().due.take();
        let late = due.map(|due| Instant::now().saturating_duration_since(due));
        self.left_alone |= late.is_some_and(|late| late > LEFT_ALONE);
        Some(Turn {
            number: self.number,
            waiting: Arc::clone(&self.waiting),
            work,
        })
    }

    /// After a poll without an answer. [`Waiting::wake_if_due`] is to follow.
    pub(super) fn put_back(&mut self, turn: Turn<T>) {
        self.work = Some(turn.work);
    }

    /// Whether nobody drove it for some time. That it failed says nothing then.
    pub(super) fn was_left_alone(&self) -> bool {
        self.left_alone
    }
}

impl<T> Turn<T> {
    pub(super) fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.waiting));
        self.work.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Waiting {
    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut self.lock().by_place);
        for waker in wakers.into_values() {
            waker.wake();
        }
    }

    /// Wakes all if there was news while somebody polled: whom it woke found nothing to poll.
    pub(super) fn wake_if_due(&self) {
        let due = self.lock().due.is_some();
        if due {
            self.wake_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        // A panic elsewhere leaves nothing half-done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.lock().due.get_or_insert_with(Instant::now);
        self.wake_all();
    }
}

impl Place {
    pub(super) fn new(of: &Arc<Waiting>) -> Self {
        let mut wakers = of.lock();
        wakers.places += 1;
        Self {
            of: Arc::clone(of),
            number: wakers.places,
        }
    }

    pub(super) fn is_of(&self, waiting: &Arc<Waiting>) -> bool {
        Arc::ptr_eq(&self.of, waiting)
    }

    /// Wakes this waker at the next news. To be called before polling, so that none is missed.
    pub(super) fn wait(&self, waker: &Waker) {
        let before = self.of.lock().by_place.insert(self.number, waker.clone());
        // Not under the lock: with its last waker a task may go, and its places with it.
        drop(before);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waker = self.of.lock().by_place.remove(&self.number);
        drop(waker);
    }
}
