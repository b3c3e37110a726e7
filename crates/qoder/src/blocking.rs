//! Without async: [`wait`](Wait::wait) on whatever can be awaited, and
//! [`wait_iter`](WaitIter::wait_iter) on whatever is a stream of results.
//!
//! ```no_run
//! use qoder::blocking::{Wait, WaitIter};
//! use qoder::{Client, Event};
//!
//! fn main() -> qoder::Result<()> {
//!     let client = Client::from_env()?;
//!     for agent in client.agents().list().items().wait_iter() {
//!         println!("{}", agent?.name);
//!     }
//!
//!     let session = client.session("sess_1");
//!     let mut turn = session.turn("Hello!").wait()?;
//!     for event in turn.wait_iter() {
//!         if let Event::AgentMessage(message) = event? {
//!             println!("{}", message.text());
//!         }
//!     }
//!     println!("stopped: {}", turn.stop_reason());
//!     println!("{}", session.ask("And now?").wait()?.text());
//!     Ok(())
//! }
//! ```
//!
//! The future runs on the thread that waits. What goes on between two waits, such as keeping
//! connections alive, is done by one more thread, `qoder-blocking`, which the first wait starts. It is
//! the same for all clients of the process, and ends with it.
//!
//! A thread that belongs to a tokio runtime is not to be blocked: waiting there is an error of
//! [`ErrorKind::Input`](crate::ErrorKind::Input), before anything is sent. Await there instead; in
//! `tokio::task::spawn_blocking`, `Handle::current().block_on(..)` does what `wait` does.

use std::future::{IntoFuture, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::OnceLock;

use futures_core::Stream;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// Waits for a [call](crate::Call), a [list](crate::List), a [turn](crate::Turn), or anything else
/// that returns this crate's [`Result`] when it is awaited; see the [module](self).
pub trait Wait<T>: IntoFuture<Output = Result<T>> + Sized {
    /// Waits for it, and returns what awaiting it returns.
    ///
    /// # Errors
    ///
    /// Those of the future, and [`ErrorKind::Input`] on a thread that belongs to a tokio runtime.
    fn wait(self) -> Result<T> {
        run(self)?
    }
}

impl<T, F: IntoFuture<Output = Result<T>>> Wait<T> for F {}

/// Reads a stream as an iterator: [`Turn`](crate::Turn), [`Events`](crate::Events), the
/// [items](crate::list::Items) and [pages](crate::list::Pages) of a list, and every other stream of
/// this crate's [`Result`]s; see the [module](self).
pub trait WaitIter<T>: Stream<Item = Result<T>> + Unpin + Sized {
    /// Returns an iterator over what is still to come. It may be dropped, and another one made: none
    /// takes more from the stream than it returns.
    fn wait_iter(&mut self) -> Iter<'_, Self> {
        Iter {
            stream: self,
            refused: false,
        }
    }
}

impl<T, S: Stream<Item = Result<T>> + Unpin> WaitIter<T> for S {}

/// The iterator that [`WaitIter::wait_iter`] returns.
#[derive(Debug)]
#[must_use = "iterators do nothing unless they are advanced"]
pub struct Iter<'a, S> {
    stream: &'a mut S,
    refused: bool,
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Iterator for Iter<'_, S> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.refused {
            return None;
        }
        run(poll_fn(|cx| Pin::new(&mut *self.stream).poll_next(cx))).unwrap_or_else(|error| {
            self.refused = true;
            Some(Err(error))
        })
    }
}

/// Waits for any future, such as one of the program's own that makes several calls at once.
///
/// # Errors
///
/// [`ErrorKind::Input`] on a thread that belongs to a tokio runtime, and [`ErrorKind::Config`] if
/// the system has no thread left to start.
pub fn run<F: IntoFuture>(future: F) -> Result<F::Output> {
    if Handle::try_current().is_ok() {
        return Err(Error::input(
            "this thread belongs to a tokio runtime, which waiting would stop: `.await` it instead, or, in \
             `spawn_blocking`, `Handle::current().block_on(..)`",
        ));
    }
    let runtime = runtime().map_err(|error| {
        let why = format!("the thread of `qoder::blocking` can't be started: {error}");
        Error::new(ErrorKind::Config, why)
    })?;
    // Within the runtime, since some futures set their timers when they are made.
    Ok(runtime.block_on(async { future.into_future().await }))
}

/// The runtime of all waits. It is never dropped, so that connections outlive the call that made
/// them, and no client's drop has to end it.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("qoder-blocking")
        .enable_all()
        .build()?;
    // Of two threads that wait for the first time, one has made it for nothing.
    Ok(RUNTIME.get_or_init(|| made))
}
