//! Sessions: an agent at work in an environment.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

use crate::{
    Agent, AgentId, AgentRef, EnvironmentId, Extra, FileId, Patch, SessionId, ThreadId, Timestamp,
    VaultId,
};

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SessionStatus>,
    /// Its agent: a snapshot, or only its id in early generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<SessionAgent>,
    /// Its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<EnvironmentId>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// Its environment variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_variables: Option<Value>,
    /// Its files, repositories and memory stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<SessionResource>>,
    /// Its vaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_ids: Option<Vec<VaultId>>,
    /// The deployment that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// How its outcomes were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_evaluations: Option<Vec<Value>>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<SessionStats>,
    /// What it has cost so far: a snapshot, not an addition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<SessionUsage>,
    /// What it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// When it was archived; not set while it is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A thread of a session: an agent at work, with a history of its own. Each session has one, and
/// more where its agent sets others to work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct SessionThread {
    /// Its id.
    pub id: ThreadId,
    /// Its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The thread that started it; none for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_thread_id: Option<ThreadId>,
    /// Its agent: a reference or a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Value>,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SessionStatus>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<Value>,
    /// What it has cost so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// When it was archived; not set while it is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

open_enum! {
    /// What a session, or a thread of it, is doing.
    SessionStatus {
        /// Nothing: it waits for a message, or for an answer.
        Idle = "idle",
        /// It is at work.
        Running = "running",
        /// It is being recovered.
        Rescheduling = "rescheduling",
        /// It is being cancelled.
        Canceling = "canceling",
        /// It is over.
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
    /// As it was when the session started.
    Snapshot(Box<Agent>),
    /// Its id.
    Id(AgentId),
}

impl SessionAgent {
    /// The agent's id.
    pub fn id(&self) -> &AgentId {
        match self {
            Self::Snapshot(agent) => &agent.id,
            Self::Id(id) => id,
        }
    }
}

impl Serialize for SessionAgent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Snapshot(agent) => Serialize::serialize(agent, serializer),
            Self::Id(id) => id.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SessionAgent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SnapshotOrId;

        impl<'de> Visitor<'de> for SnapshotOrId {
            type Value = SessionAgent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an agent or its id")
            }

            fn visit_str<E>(self, id: &str) -> Result<SessionAgent, E> {
                Ok(SessionAgent::Id(id.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SessionAgent, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map))
                    .map(SessionAgent::Snapshot)
            }
        }

        deserializer.deserialize_any(SnapshotOrId)
    }
}

tagged! {
    /// What a session has at hand.
    SessionResource {
        /// A file.
        File(FileResource) = "file",
        /// A repository on GitHub.
        GithubRepository(RepositoryResource) = "github_repository",
        /// A git repository.
        GitRepository(RepositoryResource) = "git_repository",
        /// A memory store.
        MemoryStore(MemoryStoreResource) = "memory_store",
    }
}

/// A file in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct FileResource {
    /// The file.
    pub file_id: FileId,
    /// Where it is in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A repository in a session. What authorises it is never sent back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct RepositoryResource {
    /// Its address.
    pub url: String,
    /// Where it is in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    /// The branch or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A memory store in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct MemoryStoreResource {
    /// The memory store.
    pub memory_store_id: String,
    /// `read_write` or `read_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SessionResource {
    /// A file, at its default place.
    pub fn file(file_id: impl Into<FileId>) -> Self {
        Self::File(FileResource {
            file_id: file_id.into(),
            mount_path: None,
            extra: Extra::new(),
        })
    }
}

/// How long a session took, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct SessionStats {
    /// At work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<Number>,
    /// Altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<Number>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a session has cost, in credits rounded down to two decimals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct SessionUsage {
    /// All of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_credits: Option<Number>,
    /// For models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_credits: Option<Number>,
    /// For the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_runtime_credits: Option<Number>,
    /// Everything else, such as the token counts of early generations.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a session may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Budget {
    /// The kind of budget: `limit`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The most credits it may cost: a decimal number as text, such as `"100.00"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_credit_cost: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Budget {
    /// At most so many credits, such as `"100.00"`.
    pub fn limit(max_credit_cost: impl Into<String>) -> Self {
        Self {
            kind: Some("limit".to_owned()),
            max_credit_cost: Some(max_credit_cost.into()),
            extra: Extra::new(),
        }
    }
}

/// The body that starts a session.
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionCreate {
    /// The agent.
    pub agent: AgentRef,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// Its environment variables, seen by login shells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_variables: Option<Extra>,
    /// Its files, repositories and memory stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<SessionResource>>,
    /// Its vaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_ids: Option<Vec<VaultId>>,
    /// What it may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SessionCreate {
    /// A session of this agent in this environment.
    pub fn new(agent: impl Into<AgentRef>, environment: impl Into<EnvironmentId>) -> Self {
        Self {
            agent: agent.into(),
            environment_id: environment.into(),
            title: None,
            metadata: None,
            environment_variables: None,
            resources: None,
            vault_ids: None,
            budget: None,
            extra: Extra::new(),
        }
    }

    setters! {
        /// Sets the title.
        title: String,
        /// Sets the files, repositories and memory stores.
        resources: Vec<SessionResource>,
        /// Sets the vaults.
        vault_ids: Vec<VaultId>,
        /// Sets what it may cost.
        budget: Budget,
    }

    /// Adds an entry of the metadata.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata
            .get_or_insert_default()
            .insert(key.into(), Value::String(value.into()));
        self
    }

    /// Adds an environment variable.
    pub fn environment_variable(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.environment_variables
            .get_or_insert_default()
            .insert(name.into(), Value::String(value.into()));
        self
    }
}

/// The body that changes a session: what is left out is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionUpdate {
    /// Its title.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub title: Patch<String>,
    /// Entries of its metadata: `null` deletes one.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub metadata: Patch<Extra>,
    /// Parts of its snapshot of the agent.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub agent: Patch<Value>,
    /// What it may cost.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub budget: Patch<Budget>,
    /// Its environment variables.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub environment_variables: Patch<Extra>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SessionUpdate {
    /// A change that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    patches! {
        /// Changes or clears the title.
        title: String,
        /// Changes entries of the metadata.
        metadata: Extra,
        /// Changes parts of the session's snapshot of the agent.
        agent: Value,
        /// Changes or clears what it may cost.
        budget: Budget,
        /// Replaces the environment variables.
        environment_variables: Extra,
    }
}

/// The answer to a cancellation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct SessionCanceled {
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SessionId>,
    /// `canceling`, or what the session is doing if there was nothing to cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SessionStatus>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl From<&Session> for SessionId {
    fn from(session: &Session) -> Self {
        session.id.clone()
    }
}

deserialize_tagged!(SessionResource);
lossless!(
    Session,
    SessionThread,
    FileResource,
    RepositoryResource,
    MemoryStoreResource,
    SessionStats,
    SessionUsage,
    Budget,
    SessionCanceled,
);
