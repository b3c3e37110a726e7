use qoder_types::ops::agents::{self, versions};
use qoder_types::{Agent, AgentCreate, AgentId, AgentUpdate, Deleted, Timestamp};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/agents`, from [`Client::agents`](crate::Client::agents).
    ///
    /// An agent is a model, a system prompt and tools, and has versions: each change makes the next
    /// one, and sessions that run keep the one that they began with.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{AgentCreate, AgentUpdate};
    ///
    /// let agents = client.agents();
    /// let agent = agents
    ///     .create(AgentCreate::new("my-assistant", "ultimate").system("Reply concisely and clearly."))
    ///     .await?;
    /// let agent = agents
    ///     .update(&agent.id, AgentUpdate::new(agent.version).system("Reply in one sentence."))
    ///     .await?;
    /// println!("{} at version {}", agent.id, agent.version);
    /// # Ok(()) }
    /// ```
    Agents: agents {
        /// Creates an agent, at version 1.
        create(; agent: AgentCreate) -> Call<Agent>,
        /// Lists agents.
        list() -> AgentList,
        /// Changes an agent, which makes its next version. What the update leaves out is kept. Its
        /// `version` must be the latest, or the call fails with a
        /// [conflict](crate::Error::is_conflict).
        update(id: AgentId; update: AgentUpdate) -> Call<Agent>,
        /// Archives an agent: no session can be started with it any more.
        archive(id: AgentId) -> Call<Agent>,
        /// Deletes an agent. The official SDKs don't offer this; prefer [`archive`](Self::archive).
        delete(id: AgentId) -> Call<Deleted>,
    }
}

impl Agents {
    /// Retrieves an agent at its latest version.
    pub fn retrieve(&self, id: impl Into<AgentId>) -> Call<Agent> {
        Call::new(self.shared.clone(), agents::retrieve(&id.into()))
    }

    /// Retrieves an agent as it was at `version`, which is 1 or more.
    pub fn retrieve_version(&self, id: impl Into<AgentId>, version: u64) -> Call<Agent> {
        let mut request = agents::retrieve(&id.into());
        request.set_query("version", version);
        Call::new(self.shared.clone(), request)
    }

    /// Returns the calls for the versions of an agent.
    pub fn versions(&self) -> AgentVersions {
        AgentVersions::new(self.shared.clone())
    }
}

list! {
    /// Agents; from [`Agents::list`].
    AgentList of Agent {
        /// Sets whether archived agents are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only agents that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only agents that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/agents/{id}/versions`, from [`Agents::versions`].
    ///
    /// A version is the whole agent as it was. [`Agents::retrieve_version`] returns a single one.
    AgentVersions: versions {
        /// Lists the versions of an agent, newest first.
        list(id: AgentId) -> AgentVersionList,
    }
}

list! {
    /// The versions of an agent, newest first; from [`AgentVersions::list`].
    ///
    /// Filters of other lists are none of this one:
    ///
    /// ```compile_fail,E0599
    /// # fn f(client: qoder::Client) {
    /// client.agents().versions().list("agent_1").include_archived(true);
    /// # }
    /// ```
    AgentVersionList of Agent {}
}
