use qoder_types::ops::deployment_runs;
use qoder_types::ops::deployments::{self, runs};
use qoder_types::{
    AgentId, Deployment, DeploymentCreate, DeploymentId, DeploymentRun, DeploymentRunId,
    DeploymentStatus, DeploymentUpdate, Timestamp, TriggerKind,
};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/deployments`, from [`Client::deployments`](crate::Client::deployments).
    ///
    /// A deployment starts sessions of an agent by a schedule, or when it is told to; each time is a
    /// run.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{DeploymentCreate, Schedule};
    ///
    /// let nightly = DeploymentCreate::new("nightly-notes", "agent_1", "env_1", ["Prepare tonight's notes."])
    ///     .schedule(Schedule::cron("15 2 * * *", "Europe/Berlin"));
    /// let nightly = client.deployments().create(nightly).await?;
    /// let run = client.deployments().run(&nightly.id).await?; // now, beside the schedule
    /// println!("{:?}", run.session_id);
    /// # Ok(()) }
    /// ```
    Deployments: deployments {
        /// Creates a deployment. With a schedule it runs by that from now on.
        create(; deployment: DeploymentCreate) -> Call<Deployment>,
        /// Lists deployments.
        list() -> DeploymentList,
        /// Retrieves a deployment.
        retrieve(id: DeploymentId) -> Call<Deployment>,
        /// Changes a deployment. What the update leaves out is kept; lists are replaced whole.
        update(id: DeploymentId; update: DeploymentUpdate) -> Call<Deployment>,
        /// Keeps a deployment from running by its schedule.
        pause(id: DeploymentId) -> Call<Deployment>,
        /// Lets a paused deployment run by its schedule again. Runs that it missed are not made up
        /// for.
        unpause(id: DeploymentId) -> Call<Deployment>,
        /// Runs a deployment now, paused or not.
        run(id: DeploymentId) -> Call<DeploymentRun>,
        /// Archives a deployment: it doesn't run any more.
        archive(id: DeploymentId) -> Call<Deployment>,
    }
}

impl Deployments {
    /// Returns the calls for the runs of a deployment. For those of all deployments see
    /// [`Client::deployment_runs`](crate::Client::deployment_runs).
    pub fn runs(&self) -> DeploymentScopedRuns {
        DeploymentScopedRuns::new(self.shared.clone())
    }
}

list! {
    /// Deployments; from [`Deployments::list`].
    DeploymentList of Deployment by DeploymentId {
        /// Lists only deployments of this agent.
        agent_id: AgentId,
        /// Lists only deployments in this state. Not together with
        /// [`include_archived`](Self::include_archived).
        status: DeploymentStatus,
        /// Sets whether archived deployments are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only deployments that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only deployments that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/deployments/{id}/runs`, from [`Deployments::runs`].
    DeploymentScopedRuns: runs {
        /// Lists the runs of a deployment.
        list(deployment: DeploymentId) -> DeploymentScopedRunList,
        /// Retrieves a run of a deployment.
        retrieve(deployment: DeploymentId, run: DeploymentRunId) -> Call<DeploymentRun>,
    }
}

list! {
    /// The runs of a deployment; from [`DeploymentScopedRuns::list`].
    DeploymentScopedRunList of DeploymentRun by DeploymentRunId {
        /// Lists only runs that began after this time.
        triggered_after: Timestamp,
        /// Lists only runs that began before this time.
        triggered_before: Timestamp,
    }
}

calls! {
    /// The calls under `/deployment_runs`, from
    /// [`Client::deployment_runs`](crate::Client::deployment_runs): the runs of all deployments.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut failed = client.deployment_runs().list().has_error(true).items();
    /// while let Some(run) = failed.next().await {
    ///     println!("{:?}", run?.error);
    /// }
    /// # Ok(()) }
    /// ```
    DeploymentRuns: deployment_runs {
        /// Lists runs. Those of a deployment that there isn't are none.
        list() -> DeploymentRunList,
        /// Retrieves a run.
        retrieve(id: DeploymentRunId) -> Call<DeploymentRun>,
    }
}

list! {
    /// Runs of deployments; from [`DeploymentRuns::list`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut failed = client.deployment_runs().list().deployment_id("dep_1").has_error(true).items();
    /// while let Some(run) = failed.next().await {
    ///     let run = run?;
    ///     println!("{}: {:?}", run.id, run.error.map(|error| error.kind));
    /// }
    /// # Ok(()) }
    /// ```
    DeploymentRunList of DeploymentRun by DeploymentRunId, 1000 a page {
        /// Lists only runs of this deployment.
        deployment_id: DeploymentId,
        /// Lists only runs that failed, or only those that didn't.
        has_error: bool,
        /// Lists only runs that were started so.
        trigger_type: TriggerKind,
        /// Lists only runs that were created after this time.
        created_at_gt: Timestamp as "created_at[gt]",
        /// Lists only runs that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only runs that were created before this time.
        created_at_lt: Timestamp as "created_at[lt]",
        /// Lists only runs that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}
