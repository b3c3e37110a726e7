//! Operations under `/deployments`.

use super::row::operations;
use crate::{Deployment, DeploymentCreate, DeploymentId, DeploymentRun, DeploymentUpdate, Page};

operations! { "deployments" {
    /// Creates a deployment.
    create() takes DeploymentCreate -> Deployment = post "/deployments";
    /// Lists deployments. `status` and `include_archived` exclude each other.
    list() -> Page<Deployment> = list "/deployments"
        ? "agent_id" "status" "include_archived" "created_at[gte]" "created_at[lte]" "after_id"
          "before_id";
    /// Gets a deployment.
    retrieve(deployment_id: DeploymentId) -> Deployment = get "/deployments/{deployment_id}";
    /// Changes a deployment.
    update(deployment_id: DeploymentId) takes DeploymentUpdate -> Deployment
        = post "/deployments/{deployment_id}";
    /// Keeps a deployment from running by its schedule.
    pause(deployment_id: DeploymentId) -> Deployment = act "/deployments/{deployment_id}/pause";
    /// Lets a paused deployment run by its schedule again.
    unpause(deployment_id: DeploymentId) -> Deployment = act "/deployments/{deployment_id}/unpause";
    /// Runs a deployment now.
    run(deployment_id: DeploymentId) -> DeploymentRun = act "/deployments/{deployment_id}/run";
    /// Archives a deployment.
    archive(deployment_id: DeploymentId) -> Deployment = act "/deployments/{deployment_id}/archive";
} }

/// Operations under `/deployments/{deployment_id}/runs`.
pub mod runs {
    use super::{DeploymentId, DeploymentRun, Page, operations};
    use crate::DeploymentRunId;

    operations! { "deployments.runs" {
        /// Lists the runs of a deployment.
        list(deployment_id: DeploymentId) -> Page<DeploymentRun>
            = list "/deployments/{deployment_id}/runs"
            ? "triggered_after" "triggered_before" "after_id" "before_id";
        /// Gets a run.
        retrieve(deployment_id: DeploymentId, run_id: DeploymentRunId) -> DeploymentRun
            = get "/deployments/{deployment_id}/runs/{run_id}";
    } }
}
