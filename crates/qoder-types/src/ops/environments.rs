//! Operations under `/environments`.

use super::row::operations;
use crate::{Deleted, Environment, EnvironmentCreate, EnvironmentId, EnvironmentUpdate, Page};

operations! { "environments" {
    /// Creates an environment.
    create() takes EnvironmentCreate -> Environment = post "/environments";
    /// Lists environments, newest first.
    list() -> Page<Environment> = list "/environments"
        ? "created_at[gte]" "created_at[lte]" "include_archived";
    /// Gets an environment.
    retrieve(environment_id: EnvironmentId) -> Environment = get "/environments/{environment_id}";
    /// Changes an environment.
    update(environment_id: EnvironmentId) takes EnvironmentUpdate -> Environment
        = post "/environments/{environment_id}";
    /// Archives an environment.
    archive(environment_id: EnvironmentId) -> Environment
        = act "/environments/{environment_id}/archive";
    /// Deletes an environment.
    delete(environment_id: EnvironmentId) -> Deleted = delete "/environments/{environment_id}";
} }

/// Operations under `/environments/{environment_id}/work`.
pub mod work {
    use super::{EnvironmentId, Page, operations};
    use crate::{Work, WorkHeartbeat, WorkId, WorkStats, WorkStop, WorkUpdate};

    operations! { "environments.work" {
        /// Takes the next piece of work from the queue, if there is any.
        ///
        /// Without `block_ms` it doesn't wait for one. Work that a worker was given and hasn't
        /// acknowledged for `reclaim_older_than_ms` (5,000 if left out) is given again.
        poll(environment_id: EnvironmentId) -> Option<Work>
            = poll "/environments/{environment_id}/work/poll"
            ? "block_ms" "reclaim_older_than_ms" head "worker-id";
        /// Lists work.
        list(environment_id: EnvironmentId) -> Page<Work>
            = list "/environments/{environment_id}/work" ? "after_id" "before_id";
        /// Gets a piece of work.
        retrieve(environment_id: EnvironmentId, work_id: WorkId) -> Work
            = get "/environments/{environment_id}/work/{work_id}";
        /// Changes the metadata of a piece of work.
        update(environment_id: EnvironmentId, work_id: WorkId) takes WorkUpdate -> Work
            = post "/environments/{environment_id}/work/{work_id}";
        /// Acknowledges a piece of work, which is then this worker's.
        ack(environment_id: EnvironmentId, work_id: WorkId) -> Work
            = act "/environments/{environment_id}/work/{work_id}/ack";
        /// Keeps the lease of a piece of work. `expected_last_heartbeat` is what the heartbeat
        /// before was answered, and [`WorkHeartbeat::NONE`] in the first.
        heartbeat(environment_id: EnvironmentId, work_id: WorkId) -> WorkHeartbeat
            = act "/environments/{environment_id}/work/{work_id}/heartbeat"
            ? "desired_ttl_seconds" "expected_last_heartbeat";
        /// Stops a piece of work.
        stop(environment_id: EnvironmentId, work_id: WorkId) takes WorkStop -> Work
            = post "/environments/{environment_id}/work/{work_id}/stop";
        /// Tells how the queue is.
        stats(environment_id: EnvironmentId) -> WorkStats
            = get "/environments/{environment_id}/work/stats";
    } }
}
