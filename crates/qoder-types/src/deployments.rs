//! Deployments: agents that run on a schedule or on request, and their runs.

use crate::{
    AgentRef, Budget, DeploymentId, DeploymentRunId, EnvironmentId, Extra, InitialEvents,
    InputEvent, Schedule, Secret, SessionId, SessionResource, Timestamp, VaultId,
};

object! {
    /// An agent that runs on a schedule or on request: each run starts a session.
    Deployment {
        /// The deployment's id.
        id!: DeploymentId,
        /// The name. Archiving adds to it `_archived_` and the time in seconds since 1970.
        name: String,
        /// A description of the deployment's purpose. Empty if none was given.
        description: String,
        /// The agent and its version: [`AgentRef::Version`].
        agent: AgentRef,
        /// The environment that the sessions run in.
        environment_id: EnvironmentId,
        /// The environment variables of the sessions: `NAME=value`, a line each. Empty if there
        /// are none, and `None` if the server doesn't say.
        environment_variables?: Secret,
        /// The events that each session begins with.
        initial_events: Vec<InputEvent>,
        /// The files, repositories and memory stores that each session is given.
        resources: Vec<SessionResource>,
        /// The vaults whose credentials the sessions may use.
        vault_ids: Vec<VaultId>,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// When the deployment runs by itself. `None` if it runs only on request.
        schedule?: Schedule,
        /// Whether the schedule is in force.
        status: DeploymentStatus,
        /// The reason why the deployment is paused. `None` while it is active.
        paused_reason?: PausedReason,
        /// The budget of each session. `None` if there is no limit.
        budget?: Budget,
        /// When the deployment was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the deployment was created.
        created_at: Timestamp,
        /// When the deployment was last changed.
        updated_at: Timestamp,
    }
}

open_enum! {
    /// Whether the schedule of a deployment is in force.
    DeploymentStatus {
        /// It is.
        Active = "active",
        /// It isn't, until the deployment is unpaused.
        Paused = "paused",
    }
}

object! {
    /// The reason why a deployment is paused.
    PausedReason {
        /// The party that paused it.
        kind: PausedReasonKind = "type",
        /// The error that paused it. `None` if the caller paused it.
        error?: DeploymentError,
    }
}

open_enum! {
    /// The party that paused a deployment.
    PausedReasonKind {
        /// The caller.
        Manual = "manual",
        /// The server, after a run that can't go better next time.
        Error = "error",
    }
}

body! {
    /// Creates a deployment.
    ///
    /// ```
    /// use qoder_types::{Budget, DeploymentCreate, Schedule};
    ///
    /// let deployment =
    ///     DeploymentCreate::new("nightly-notes", "agent_1", "env_1", ["Prepare tonight's notes."])
    ///         .schedule(Schedule::cron("15 2 * * *", "Europe/Berlin"))
    ///         .environment_variables("MODE=nightly\nLOG_LEVEL=info")
    ///         .budget(Budget::limit("100.00"));
    /// # let json = serde_json::to_value(&deployment).unwrap();
    /// # assert_eq!(json["initial_events"], serde_json::json!([
    /// #     {"type": "user.message", "content": [{"type": "text", "text": "Prepare tonight's notes."}]},
    /// # ]));
    /// # assert_eq!(json["environment_variables"], "MODE=nightly\nLOG_LEVEL=info");
    /// ```
    DeploymentCreate {
        /// The name.
        name: String,
        /// The agent: an id for the version that is its latest now, or [`AgentRef::version`].
        agent: AgentRef,
        /// The environment that the sessions run in, which must not be archived.
        environment_id: EnvironmentId,
        /// The events that each session begins with: 1 to 50 messages, outcomes and system
        /// messages.
        initial_events: InitialEvents,
        ;
        /// A description of the deployment's purpose. Empty if left out.
        description: String,
        /// When the deployment runs by itself. Left out, it runs only on request.
        schedule: Schedule,
        /// Environment variables of the sessions: `NAME=value`, a line each. A name is letters,
        /// digits and `_`, and doesn't begin with a digit. `SERVER_ENDPOINT`, `USER_ID`,
        /// `WORK_DIR` and what begins with `CAW_` or `QODER_` is the platform's.
        environment_variables: Secret,
        /// The files, repositories and memory stores that each session is given: at most 500.
        resources[resource]: SessionResource,
        /// The vaults whose credentials the sessions may use: at most 50.
        vault_ids: Vec<VaultId>,
        /// The budget of each session. Left out, there is no limit.
        budget: Budget,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

body! {
    /// Changes a deployment. What is left out stays as it is.
    ///
    /// ```
    /// use qoder_types::{DeploymentUpdate, Patch};
    ///
    /// let update = DeploymentUpdate::new().schedule(Patch::Clear); // from now on only on request
    /// assert_eq!(serde_json::to_value(&update).unwrap(), serde_json::json!({"schedule": null}));
    /// ```
    DeploymentUpdate {
        ;
        /// The new name.
        name: String,
        /// The agent: an id for the version that is its latest now, or [`AgentRef::version`].
        agent: AgentRef,
        /// The environment that the sessions run in, which must not be archived.
        environment_id: EnvironmentId,
        /// The events that each session begins with. They replace all that there were: 1 to 50
        /// events.
        initial_events: InitialEvents,
        /// A description of the deployment's purpose.
        description: String | null,
        /// When the deployment runs by itself. Cleared, it runs only on request.
        schedule: Schedule | null,
        /// The new environment variables, in place of all that there are: `NAME=value`, a line
        /// each.
        environment_variables: Secret | null,
        /// The files, repositories and memory stores that each session is given, in place of all
        /// that there are: at most 500.
        resources: Vec<SessionResource> | null,
        /// The vaults whose credentials the sessions may use, in place of all that there are: at
        /// most 50.
        vault_ids: Vec<VaultId> | null,
        /// The budget of each session from now on.
        budget: Budget | null,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
    }
}

object! {
    /// A run of a deployment: an attempt to start a session.
    DeploymentRun {
        /// The run's id.
        id!: DeploymentRunId,
        /// The deployment.
        deployment_id: DeploymentId,
        /// The agent and its version at that time: [`AgentRef::Version`].
        agent: AgentRef,
        /// The session that the run started. `None` if it came to none.
        session_id?: SessionId,
        /// The reason why no session was started. `None` if one was.
        error?: DeploymentError,
        /// The cause of the run.
        trigger_context: TriggerContext,
        /// When the run was made.
        created_at: Timestamp,
    }
}

object! {
    /// The cause of a run of a deployment.
    TriggerContext {
        /// The kind of cause.
        kind: TriggerKind = "type",
        /// The time of the schedule that the run is for. `None` for a request.
        scheduled_at?: Timestamp,
    }
}

open_enum! {
    /// The kind of cause that a run of a deployment has.
    TriggerKind {
        /// The schedule.
        Schedule = "schedule",
        /// A request.
        Manual = "manual",
    }
}

object! {
    /// The reason why a run of a deployment started no session.
    DeploymentError {
        /// The kind of error.
        kind: DeploymentErrorKind = "type",
        /// The error's message. `None` where the error is the reason of a pause.
        message?: String,
    }
}

open_enum! {
    /// The reason why a run of a deployment started no session.
    DeploymentErrorKind {
        /// The agent is archived.
        AgentArchived = "agent_archived_error",
        /// The environment is archived.
        EnvironmentArchived = "environment_archived_error",
        /// There is no such environment.
        EnvironmentNotFound = "environment_not_found_error",
        /// A file is not there any more.
        FileNotFound = "file_not_found_error",
        /// The environment's network keeps an MCP server out of reach.
        McpEgressBlocked = "mcp_egress_blocked_error",
        /// A memory store is archived.
        MemoryStoreArchived = "memory_store_archived_error",
        /// The organisation is disabled.
        OrganizationDisabled = "organization_disabled_error",
        /// A self-hosted environment can't be given what the deployment gives its sessions.
        SelfHostedResourcesUnsupported = "self_hosted_resources_unsupported_error",
        /// The session was refused for another reason.
        SessionCreationRejected = "session_creation_rejected_error",
        /// Too many sessions were started in a short time.
        SessionRateLimited = "session_rate_limited_error",
        /// A resource of the sessions no longer exists.
        SessionResourceNotFound = "session_resource_not_found_error",
        /// A skill of the agent's is not there any more.
        SkillNotFound = "skill_not_found_error",
        /// The server doesn't know.
        Unexplained = "unknown_error",
        /// A vault is archived.
        VaultArchived = "vault_archived_error",
        /// A vault is not there any more.
        VaultNotFound = "vault_not_found_error",
        /// The workspace is archived.
        WorkspaceArchived = "workspace_archived_error",
    }
}

impl From<&Deployment> for DeploymentId {
    fn from(deployment: &Deployment) -> Self {
        deployment.id.clone()
    }
}

impl From<&DeploymentRun> for DeploymentRunId {
    fn from(run: &DeploymentRun) -> Self {
        run.id.clone()
    }
}
