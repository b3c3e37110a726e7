//! A [`Worker`] does the work of a self-hosted environment: each [`Job`] of its queue, under a
//! lease that is kept while the handler runs.

mod backoff;
mod driver;
mod handler;
mod job;
mod machine;
mod notice;
mod requests;
mod tasks;
#[cfg(test)]
mod tests;

pub use job::Job;
pub use notice::{CancelReason, WorkerNotice};

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use qoder_types::EnvironmentId;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::shared::Shared;
use driver::Driver;
use handler::caught;
use machine::Settings;

/// A worker for the queue of a self-hosted environment, from
/// [`Client::worker`](crate::Client::worker): it polls for work, holds its lease, and runs a
/// handler for it.
///
/// Any number of workers may run, on any number of machines: the queue gives each piece of work to
/// one of them, and to another if that one dies. So the queue is what spreads the work, and there is
/// nothing else to set up.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// client
///     .worker("env_1")
///     .concurrency(4)
///     .run(|job| async move {
///         let mut events = job.session().follow().events();
///         while let Some(event) = events.next().await {
///             println!("{}", event?.type_name());
///         }
///         Ok::<_, qoder::Error>(())
///     })
///     .await
/// # }
/// ```
///
/// A handler is started once the first heartbeat was accepted, which happens for one worker only.
/// The lease is then renewed at each third of it. A handler whose lease is lost is canceled at once,
/// before the server may give the work to another worker. When a handler ends, its work is stopped,
/// whether it succeeded, failed or panicked; if the server can't be told before the lease is over,
/// the work is done again. So **each piece of work is done at least once, and by one worker at a
/// time**.
///
/// | what | how often |
/// |---|---|
/// | polls that bring nothing | one a second |
/// | polls that fail | after 0.5 s, which doubles to 30 s, with jitter; later if the server asks for it, up to 5 min |
/// | heartbeats | at each third of the lease; one that failed again after 0.5 s, which doubles to a third of the lease |
/// | stops that fail | so too, up to 20 times |
///
/// No task is spawned: the handlers are part of the future of [`run`](Self::run), and so are the
/// heartbeats. A handler that blocks its thread holds up all of it, and the leases are lost; use
/// `tokio::task::spawn_blocking`, or spawn the handler's work. Dropping the future cancels all
/// handlers and sends nothing: the leases run out, and other workers are given the work. To let
/// handlers end first, see [`shutdown_on`](Self::shutdown_on).
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    shared: Shared,
    environment: EnvironmentId,
    id: Option<String>,
    settings: Settings,
    seed: Option<u64>,
    shutdown: Option<Shutdown>,
    notices: Option<Notices>,
}

type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;
type Notices = Box<dyn FnMut(WorkerNotice) + Send>;

impl Worker {
    pub(crate) fn new(shared: Shared, environment: EnvironmentId) -> Self {
        Self {
            shared,
            environment,
            id: None,
            settings: Settings {
                concurrency: 1,
                lease: Duration::from_secs(60),
                grace: Duration::from_secs(30),
            },
            seed: None,
            shutdown: None,
            notices: None,
        }
    }

    /// Sets how many pieces of work are done at a time, at most. Default: 1.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.settings.concurrency = most;
        self
    }

    /// Sets how long a lease is to last, in whole seconds, rounded up: for so long the work of a
    /// worker that died waits for another one. The server has the last word. Default: 60 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Sets how long a handler may go on after it was [told to end](Job::stopping), until it is
    /// canceled. [`Duration::MAX`] is for ever. Default: 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Sets what the server knows this worker by, for its metrics. It should be unique. Default: a
    /// random UUID.
    pub fn worker_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Shuts down once this future is ready: no more work is taken, handlers are
    /// [told to end](Job::stopping), and [`run`](Self::run) returns when they have. Those that
    /// haven't within the [grace](Self::grace) are canceled, and their work is stopped; to leave it
    /// to other workers, drop the future of [`run`](Self::run) instead.
    ///
    /// ```
    /// # async fn f(client: qoder::Client, signal: impl Future + Send + 'static) -> qoder::Result<()> {
    /// client
    ///     .worker("env_1")
    ///     .shutdown_on(signal) // such as `tokio::signal::ctrl_c()`
    ///     .run(|job| async move { job.session().retrieve().await.map(drop) })
    ///     .await
    /// # }
    /// ```
    pub fn shutdown_on(mut self, signal: impl Future + Send + 'static) -> Self {
        self.shutdown = Some(Box::pin(async {
            signal.await;
        }));
        self
    }

    /// Sets what is told of what happens. It is called in the worker's task, so it must not block.
    pub fn on_notice(mut self, tell: impl FnMut(WorkerNotice) + Send + 'static) -> Self {
        self.notices = Some(Box::new(tell));
        self
    }

    /// Seeds the jitter of the waits, for tests that must not depend on chance. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Works until it is [shut down](Self::shutdown_on). The handler is called for each piece of
    /// work that this worker holds. An error that it returns is [told](Self::on_notice), and so is a
    /// panic; neither ends the worker.
    ///
    /// # Errors
    ///
    /// That of a poll that asking again would not mend: the environment is not there, or the token
    /// may not see it. Handlers that ran had the [grace](Self::grace) to end.
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a setting of the worker is invalid.
    pub async fn run<F, Fut, E>(self, handler: F) -> Result<()>
    where
        F: Fn(Job) -> Fut + Send + Sync,
        Fut: Future<Output = std::result::Result<(), E>> + Send,
        E: fmt::Display,
    {
        self.check()?;
        Handle::try_current().map_err(|_| Error::no_runtime())?;
        let handler = &handler;
        let start = Box::new(move |job: Job| caught(async move { handler(job).await }));
        let mut driver = Driver::new(self, start);
        poll_fn(|cx| driver.poll(cx)).await
    }

    fn check(&self) -> Result<()> {
        if self.settings.concurrency == 0 {
            let why = "a worker with a concurrency of 0 does nothing: make it 1 or more";
            return Err(Error::input(why));
        }
        if self.settings.lease.is_zero() {
            let why = "a lease of no time is lost at once: make it a second or more";
            return Err(Error::input(why));
        }
        Ok(())
    }

    /// The seed of the jitter.
    fn chance(&self) -> u64 {
        self.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("environment", &self.environment)
            .field("id", &self.id)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
