//! Sessions: an agent at work in an environment.

#[cfg(test)]
use serde_json::Value;

use crate::wire::{Fit, Json, View, Wire, deserialize_by_wire, serde_by_wire};
use crate::{
    Advisor, Agent, AgentId, AgentOverrides, AgentRef, DeploymentId, EnvironmentId, Extra,
    InitialEvents, Secret, SessionId, SessionResource, SessionStats, SessionUsage, ThreadId,
    Timestamp, VaultId,
};
use crate::{Budget, OutcomeId};
use std::collections::BTreeMap;

object! {
    /// A session: an agent at work in an environment.
    Session {
        /// The session's id.
        id!: SessionId,
        /// The session's status.
        status: SessionStatus,
        /// The agent as it was when the session started. Early generations give its id only.
        agent: SessionAgent = "agent" | "agent_id",
        /// The environment that the session runs in.
        environment_id: EnvironmentId,
        /// The title. Empty if it was given none.
        title: String,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// The environment variables, which login shells see. `None` in early generations.
        environment_variables?: BTreeMap<String, Secret>,
        /// The files, repositories and memory stores that the session was given.
        resources: Vec<SessionResource>,
        /// The vaults whose credentials the session may use.
        vault_ids: Vec<VaultId>,
        /// The deployment that started the session. `None` if none did.
        deployment_id?: DeploymentId,
        /// The evaluations so far of the outcomes that were defined.
        outcome_evaluations: Vec<OutcomeEvaluation>,
        /// The time that the session has taken so far.
        stats: SessionStats,
        /// The session's cost so far. `None` if the server doesn't say.
        usage?: SessionUsage,
        /// The session's budget. `None` if there is no limit.
        budget?: Budget,
        /// When the session was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the session was created.
        created_at: Timestamp,
        /// When the session was last changed.
        updated_at: Timestamp,
    }
}

open_enum! {
    /// The status of a session, or of a thread of it.
    SessionStatus {
        /// It waits for a message, or for an answer.
        Idle = "idle",
        /// It is at work.
        Running = "running",
        /// It is being recovered, and will go on.
        Rescheduling = "rescheduling",
        /// It is being cancelled, and will be idle.
        Canceling = "canceling",
        /// It is over, and takes no events any more.
        Terminated = "terminated",
        /// It is at work, in early generations.
        Processing = "processing",
        /// It was cancelled, which was final in early generations.
        Cancelled = "cancelled",
    }
}

/// The agent of a session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SessionAgent {
    /// The agent as it was when the session started.
    Snapshot(Box<Agent>),
    /// The agent's id, which is all that early generations give.
    Id(AgentId),
}

impl SessionAgent {
    /// Returns the agent's id.
    pub fn id(&self) -> &AgentId {
        match self {
            Self::Snapshot(agent) => &agent.id,
            Self::Id(id) => id,
        }
    }

    /// Returns the snapshot, if there is one.
    pub fn snapshot(&self) -> Option<&Agent> {
        match self {
            Self::Snapshot(agent) => Some(agent),
            Self::Id(_) => None,
        }
    }
}

impl Wire for SessionAgent {
    fn fit(value: &Json<'_>) -> Fit {
        if value.is_text() {
            Fit::Exact
        } else {
            Agent::fit(value)
        }
    }

    fn read(value: Json<'_>) -> Self {
        match value {
            Json::Object(_) => Self::Snapshot(Wire::read(value)),
            _ => Self::Id(Wire::read(value)),
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Snapshot(agent) => agent.view(),
            Self::Id(id) => id.view(),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        if choice % 3 == 2 {
            AgentId::sample(choice)
        } else {
            Agent::sample(choice)
        }
    }
}

serde_by_wire!(SessionAgent);

object! {
    /// The evaluation of an outcome that the caller defined.
    OutcomeEvaluation {
        /// The outcome.
        outcome_id: OutcomeId,
        /// A description of the outcome.
        description: String,
        /// The state or the result of the evaluation.
        result: OutcomeResult,
        /// An explanation of the result. Empty before there is one.
        explanation: String,
        /// The number of the attempt, from 0.
        iteration: u64,
        /// When it was judged. `None` before that.
        completed_at?: Timestamp,
    }
}

open_enum! {
    /// The state or the result of an outcome's evaluation.
    OutcomeResult {
        /// The work on it hasn't begun.
        Pending = "pending",
        /// The agent is at it.
        Running = "running",
        /// It is being judged.
        Evaluating = "evaluating",
        /// It is what was asked for.
        Satisfied = "satisfied",
        /// It isn't yet, and the agent tries again.
        NeedsRevision = "needs_revision",
        /// It isn't, and there are no tries left.
        MaxIterationsReached = "max_iterations_reached",
        /// It can't be achieved or judged.
        Failed = "failed",
        /// The work on it was interrupted.
        Interrupted = "interrupted",
    }
}

object! {
    /// A thread of a session: an agent at work, with a history of its own. Each session has one,
    /// and more where its agent sets others to work.
    SessionThread {
        /// The thread's id.
        id!: ThreadId,
        /// The session.
        session_id: SessionId,
        /// The thread that started this one. `None` for the first one of a session.
        parent_thread_id?: ThreadId,
        /// The agent at work.
        agent: ThreadAgent,
        /// The thread's status.
        status: SessionStatus,
        /// The time that the thread has taken so far. `None` before it has been at work.
        stats?: SessionStats,
        /// The thread's usage so far. `None` before it has been at work.
        usage?: SessionUsage,
        /// When the thread was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the thread was created.
        created_at: Timestamp,
        /// When the thread was last changed.
        updated_at: Timestamp,
    }
}

tagged! {
    /// The agent of a thread.
    ThreadAgent {
        /// An agent: a snapshot, or not more than its id and version.
        Agent(Box<Agent>) = "agent",
        /// A model without tools, which gives advice to other threads.
        Advisor(Advisor) = "advisor",
    }
}

deserialize_by_wire!(ThreadAgent);

body! {
    /// Starts a session.
    ///
    /// ```
    /// use qoder_types::SessionCreate;
    ///
    /// let session = SessionCreate::new("agent_1", "env_1").title("first session");
    /// assert_eq!(
    ///     serde_json::to_value(&session).unwrap(),
    ///     serde_json::json!({"agent": "agent_1", "environment_id": "env_1", "title": "first session"}),
    /// );
    /// ```
    ///
    /// A session of no environment does not compile:
    ///
    /// ```compile_fail,E0061
    /// # use qoder_types::SessionCreate;
    /// let session = SessionCreate::new("agent_1").title("first session");
    /// ```
    SessionCreate {
        /// The agent: an id for its latest version, or an [`AgentRef`].
        agent: AgentRef,
        /// The environment, which must not be archived.
        environment_id: EnvironmentId,
        ;
        /// The title. Empty if left out.
        title: String,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
        /// Environment variables, which login shells see. A name is letters, digits and `_`, and
        /// doesn't begin with a digit. `SERVER_ENDPOINT`, `USER_ID`, `WORK_DIR` and what begins
        /// with `CAW_` or `QODER_` is the platform's.
        environment_variables{environment_variable}: Secret,
        /// The files, repositories and memory stores that the session is given. Only files can be
        /// added later. A self-hosted environment takes none.
        resources[resource]: SessionResource,
        /// The vaults whose credentials the session may use.
        vault_ids[vault_id]: VaultId,
        /// The session's budget. Left out, there is no limit.
        budget: Budget,
        /// The events that the session begins with: at most 50 messages and outcomes.
        initial_events: InitialEvents,
    }
}

body! {
    /// Changes a session. What is left out stays as it is.
    ///
    /// ```
    /// use qoder_types::{Budget, Patch, SessionUpdate};
    ///
    /// let update = SessionUpdate::new()
    ///     .title("Nightly report")
    ///     .budget(Budget::limit("20.00"))
    ///     .metadata("ticket", Patch::Clear);
    /// assert_eq!(serde_json::to_value(&update).unwrap()["metadata"]["ticket"], serde_json::Value::Null);
    /// ```
    SessionUpdate {
        ;
        /// The new title.
        title: String | null,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
        /// Parts of the session's snapshot of its agent, each in place of what is there. The agent
        /// itself stays as it is.
        agent: AgentOverrides,
        /// The session's budget from now on.
        budget: Budget | null,
        /// The new environment variables, in place of all that there are.
        environment_variables{environment_variable}: Secret,
        /// The vaults whose credentials the session may use. Servers have refused this so far.
        vault_ids: Vec<VaultId>,
    }
}

object! {
    /// The answer to a cancellation.
    SessionCanceled {
        /// The session's id.
        id: SessionId,
        /// `canceling`, or what the session is doing if there was nothing to cancel.
        status: SessionStatus,
    }
}

impl From<&Session> for SessionId {
    fn from(session: &Session) -> Self {
        session.id.clone()
    }
}

impl From<&SessionThread> for ThreadId {
    fn from(thread: &SessionThread) -> Self {
        thread.id.clone()
    }
}
