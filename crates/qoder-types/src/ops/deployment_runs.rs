//! Operations under `/deployment_runs`.

use super::row::operations;
use crate::{DeploymentRun, DeploymentRunId, Page};

operations! { "deployment_runs" {
    /// Lists the runs of all deployments. Those of a deployment that there isn't are none.
    list() -> Page<DeploymentRun> = list "/deployment_runs"
        ? "deployment_id" "has_error" "trigger_type" "created_at[gt]" "created_at[gte]"
          "created_at[lt]" "created_at[lte]" "after_id" "before_id";
    /// Gets a run.
    retrieve(deployment_run_id: DeploymentRunId) -> DeploymentRun
        = get "/deployment_runs/{deployment_run_id}";
} }
