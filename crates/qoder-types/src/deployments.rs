//! Deployments: agents that run on a schedule or on request.

use serde_json::Value;

use crate::{DeploymentId, SessionId, Timestamp};

object! {
    /// An agent that runs on a schedule or on request.
    Deployment {
        /// The deployment's id.
        id!: DeploymentId,
        /// The name.
        name: String,
        /// `active` or `paused`.
        status: String,
        /// When it runs.
        schedule: Value,
        /// When the deployment was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the deployment was created.
        created_at: Timestamp,
        /// When the deployment was last changed.
        updated_at: Timestamp,
    }
}

object! {
    /// A run of a deployment.
    DeploymentRun {
        /// The run's id.
        id!: String,
        /// The deployment.
        deployment_id: DeploymentId,
        /// The session that the run started. `None` if it came to none.
        session_id?: SessionId,
        /// Why there is no session. `None` if there is one.
        error?: Value,
        /// When the run was started.
        created_at: Timestamp,
    }
}
