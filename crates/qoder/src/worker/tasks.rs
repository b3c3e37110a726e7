//! Many futures that are polled in one task, each only when it was woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::few::Few;

/// Futures by their keys. Whoever drops one cancels it.
pub(super) struct Tasks<'a, K, T> {
    tasks: Few<K, Task<'a, T>>,
    owner: Arc<Owner>,
}

/// The future of one task.
pub(super) type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Task<'a, T> {
    future: Running<'a, T>,
    woken: Arc<Woken>,
}

/// The task that polls them all.
#[derive(Default)]
struct Owner(Mutex<Option<Waker>>);

/// Whether a future can go on.
struct Woken {
    is: AtomicBool,
    owner: Arc<Owner>,
}

impl<'a, K: Ord + Copy, T> Tasks<'a, K, T> {
    pub(super) fn new() -> Self {
        Self {
            tasks: Few::new(),
            owner: Arc::default(),
        }
    }

    /// Adds a future, in place of one with the same key.
    pub(super) fn insert(&mut self, key: K, future: Running<'a, T>) {
        let woken = Arc::new(Woken {
            is: AtomicBool::new(true),
            owner: Arc::clone(&self.owner),
        });
        self.tasks.insert(key, Task { future, woken });
    }

    /// Drops a future. Returns whether it was there.
    pub(super) fn remove(&mut self, key: K) -> bool {
        self.tasks.remove(&key).is_some()
    }

    /// Returns the first result, by the order of the keys. The others are polled at the next call.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(K, T)> {
        self.owner.set(cx.waker());
        let ended = self.tasks.iter_mut().find_map(|(key, task)| {
            if !task.woken.is.swap(false, Ordering::AcqRel) {
                return None;
            }
            let waker = Waker::from(Arc::clone(&task.woken));
            match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => Some((*key, result)),
                Poll::Pending => None,
            }
        });
        match ended {
            Some((key, result)) => {
                self.tasks.remove(&key);
                Poll::Ready((key, result))
            }
            None => Poll::Pending,
        }
    }
}

impl Owner {
    fn set(&self, waker: &Waker) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(before) => before.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    fn wake(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = Option::clone(&waker);
        // The lock is free by now: who is woken may drop what takes it.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is.swap(true, Ordering::AcqRel) {
            self.owner.wake();
        }
    }
}
