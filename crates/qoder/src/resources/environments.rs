use qoder_types::ops::environments::{self, work};
use qoder_types::{
    Deleted, Environment, EnvironmentCreate, EnvironmentId, EnvironmentUpdate, Timestamp, Work,
    WorkHeartbeat, WorkId, WorkStats, WorkStop, WorkUpdate,
};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/environments`, from [`Client::environments`](crate::Client::environments).
    ///
    /// An environment says what the containers are like that sessions run in: packages, variables,
    /// access to the network. An account may have none at first.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let environment = client.environments().list().limit(1).first().await?;
    /// println!("{}", environment.id);
    /// # Ok(()) }
    /// ```
    Environments: environments {
        /// Creates an environment. Without a config it is a cloud container with limited network.
        create(; environment: EnvironmentCreate) -> Call<Environment>,
        /// Lists environments.
        list() -> EnvironmentList,
        /// Retrieves an environment.
        retrieve(id: EnvironmentId) -> Call<Environment>,
        /// Changes an environment. What the update leaves out is kept; a config is replaced as a
        /// whole.
        update(id: EnvironmentId; update: EnvironmentUpdate) -> Call<Environment>,
        /// Archives an environment: no session can be started in it any more.
        archive(id: EnvironmentId) -> Call<Environment>,
        /// Deletes an environment. While a session refers to it, a deleted one included, that is a
        /// [conflict](crate::Error::is_conflict): [archive](Self::archive) it instead.
        delete(id: EnvironmentId) -> Call<Deleted>,
    }
}

impl Environments {
    /// Returns the calls for the queue of a self-hosted environment. What takes the work from it is
    /// a [`Worker`](crate::Worker).
    pub fn work(&self) -> EnvironmentWork {
        EnvironmentWork::new(self.shared.clone())
    }
}

list! {
    /// Environments; from [`Environments::list`].
    EnvironmentList of Environment {
        /// Sets whether archived environments are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only environments that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only environments that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/environments/{id}/work`, from [`Environments::work`]: the queue of a
    /// self-hosted environment.
    ///
    /// A [`Worker`](crate::Worker) polls, acknowledges, keeps leases and stops, all by itself. The
    /// calls are here for those who watch a queue, and for those who write another worker.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let stats = client.environments().work().stats("env_1").await?;
    /// println!("{} wait, {} workers", stats.depth, stats.workers_polling);
    /// # Ok(()) }
    /// ```
    EnvironmentWork: work {
        /// Takes the next piece of work from the queue; `None` if there is none.
        ///
        /// The query parameter `block_ms`, by [`Call::query`], is how long the server waits for
        /// one, from 1 to 999 ms; without it, it doesn't wait. `reclaim_older_than_ms` is after how
        /// long work that was given to a worker and not acknowledged is given again: 5,000 ms by
        /// default. The header `Worker-ID`, by
        /// [`CallOptions::header`](crate::CallOptions::header), names the worker in the metrics.
        poll(environment: EnvironmentId) -> Call<Option<Work>>,
        /// Lists work.
        list(environment: EnvironmentId) -> EnvironmentWorkList,
        /// Retrieves a piece of work.
        retrieve(environment: EnvironmentId, work: WorkId) -> Call<Work>,
        /// Changes the metadata of a piece of work.
        update(environment: EnvironmentId, work: WorkId; update: WorkUpdate) -> Call<Work>,
        /// Acknowledges a piece of work that a poll brought. It is not held before the first
        /// heartbeat.
        ack(environment: EnvironmentId, work: WorkId) -> Call<Work>,
        /// Keeps the lease of a piece of work.
        ///
        /// The query parameter `expected_last_heartbeat`, by [`Call::query`], is
        /// [`WorkHeartbeat::NONE`] in the first heartbeat and
        /// [`last_heartbeat`](WorkHeartbeat::last_heartbeat) of the answer before in all others. If
        /// it is not what the server has, the status is 412, and the lease another worker's.
        /// `desired_ttl_seconds` is how long the lease is to last.
        heartbeat(environment: EnvironmentId, work: WorkId) -> Call<WorkHeartbeat>,
        /// Stops a piece of work: with force at once, otherwise by its worker.
        stop(environment: EnvironmentId, work: WorkId; stop: WorkStop) -> Call<Work>,
        /// Retrieves how much waits in the queue, and how many workers poll it.
        stats(environment: EnvironmentId) -> Call<WorkStats>,
    }
}

list! {
    /// The work of an environment; from [`EnvironmentWork::list`].
    EnvironmentWorkList of Work by WorkId {}
}
