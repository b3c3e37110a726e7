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
