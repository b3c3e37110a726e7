use qoder_types::ops::agents as ops;
use qoder_types::{Agent, AgentCreate, AgentId, AgentUpdate, Deleted};

use super::resource;
use crate::call::Call;
use crate::list::List;

resource! {
    /// The calls under `/agents`, from [`Client::agents`](crate::Client::agents).
    Agents
}

impl Agents {
    /// Creates an agent, at version 1.
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::AgentCreate;
    ///
    /// let agent = client
    ///     .agents()
    ///     .create(AgentCreate::new("my-assistant", "ultimate").system("Reply concisely and clearly."))
    ///     .await?;
    /// println!("{} at version {}", agent.id, agent.version);
    /// # Ok(()) }
    /// ```
    pub fn create(&self, agent: AgentCreate) -> Call<Agent> {
        self.call(ops::create(&agent))
    }

    /// Lists agents; archived ones only if [asked for](List::include_archived).
    pub fn list(&self) -> List<Agent> {
        self.pages(ops::list())
    }

    /// Retrieves an agent at its latest version.
    pub fn retrieve(&self, id: impl Into<AgentId>) -> Call<Agent> {
        self.call(ops::retrieve(&id.into()))
    }

    /// Retrieves an agent as it was at `version`, which is 1 or more.
    pub fn retrieve_version(&self, id: impl Into<AgentId>, version: u64) -> Call<Agent> {
        let mut request = ops::retrieve(&id.into());
        request.set_query("version", version);
        self.call(request)
    }

    /// Changes an agent, which gives it the next version. What the update leaves out is kept;
    /// its `version` must be the current one, or the call fails with
    /// [a conflict](crate::Error::is_conflict).
    pub fn update(&self, id: impl Into<AgentId>, update: AgentUpdate) -> Call<Agent> {
        self.call(ops::update(&id.into(), &update))
    }

    /// Archives an agent: no session can be started with it any more.
    pub fn archive(&self, id: impl Into<AgentId>) -> Call<Agent> {
        self.call(ops::archive(&id.into()))
    }

    /// Deletes an agent. The vendor's own SDKs don't offer it; prefer [`archive`](Self::archive).
    pub fn delete(&self, id: impl Into<AgentId>) -> Call<Deleted> {
        self.call(ops::delete(&id.into()))
    }

    /// Returns the calls for the versions of an agent.
    pub fn versions(&self) -> AgentVersions {
        AgentVersions::new(self.shared.clone())
    }
}

resource! {
    /// The calls under `/agents/{id}/versions`, from [`Agents::versions`].
    AgentVersions
}

impl AgentVersions {
    /// Lists the snapshots of an agent, newest first.
    pub fn list(&self, id: impl Into<AgentId>) -> List<Agent> {
        self.pages(ops::versions::list(&id.into()))
    }
}

/// Filters of [`Agents::list`].
impl List<Agent> {
    /// Sets whether archived agents are listed too. They aren't by default.
    pub fn include_archived(self, include: bool) -> Self {
        self.query("include_archived", include)
    }
}
