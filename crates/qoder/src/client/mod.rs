//! The client: the way to the resources.

mod builder;

pub use builder::ClientBuilder;

use std::fmt;

#[cfg(feature = "worker")]
use qoder_types::EnvironmentId;
use qoder_types::{Method, SessionId};

use crate::call::{Call, CallOptions, EachCall};
use crate::conversation::Conversation;
use crate::error::Result;
use crate::gateway::Dialect;
use crate::list::List;
use crate::resources::{
    Agents, DeploymentRuns, Deployments, Dreams, Environments, Files, MemoryStores, Models,
    Sessions, Skills, Vaults,
};
use crate::shared::Shared;
#[cfg(feature = "turns")]
use crate::turn::TurnOpening;
#[cfg(feature = "worker")]
use crate::worker::Worker;

/// A client of the Qoder Cloud Agents API.
///
/// Cheap to clone: clones share connections, limits and the retry budget, and dropping one harms
/// none of the others. It spawns no task of its own; dropping the future of a call cancels it.
///
/// ```
/// # async fn f() -> qoder::Result<()> {
/// let client = qoder::Client::from_env()?;
/// for model in client.models().list().await?.data {
///     println!("{}", model.id);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Shared,
}

impl Client {
    /// Makes a client that is configured by the environment.
    ///
    /// | variable | meaning | default |
    /// |---|---|---|
    /// | `QODER_ACCESS_TOKEN`, else `QODER_PAT` | the access token | none: an error |
    /// | `QODER_BASE_URL`, else `QODER_MANAGED_BASE_URL` | the base URL | [`Gateway::Openapi`](crate::Gateway::Openapi) |
    /// | `QODER_DIALECT` | `seed` or `current` | the gateway's |
    ///
    /// The default gateway may not serve the API any more; see
    /// [`Gateway::Openapi`](crate::Gateway::Openapi). A token or dialect that is empty counts as
    /// not set. A base URL that is empty is refused, and so is whatever is not UTF-8: the token is
    /// not to go elsewhere than was meant.
    ///
    /// The key of a service account is read only when that is asked for, by
    /// [`ServiceAccount::from_env`](crate::ServiceAccount::from_env).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no token, or if a value is
    /// invalid; the text says which and what to do.
    pub fn from_env() -> Result<Self> {
        Self::builder().env().build()
    }

    /// Starts the configuration of a client.
    ///
    /// ```
    /// # async fn f() -> qoder::Result<()> {
    /// use std::time::Duration;
    ///
    /// let client = qoder::Client::builder().env().deadline(Duration::from_secs(120)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the calls for agents: a model, a system prompt and tools, under a version.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::AgentCreate;
    ///
    /// let agent = client.agents().create(AgentCreate::new("my-assistant", "ultimate")).await?;
    /// # Ok(()) }
    /// ```
    pub fn agents(&self) -> Agents {
        Agents::new(self.shared.clone())
    }

    /// Returns the calls for deployments: sessions of an agent that start by a schedule.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let run = client.deployments().run("dep_1").await?;
    /// # Ok(()) }
    /// ```
    pub fn deployments(&self) -> Deployments {
        Deployments::new(self.shared.clone())
    }

    /// Returns the calls for the runs of all deployments.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let failed = client.deployment_runs().list().has_error(true).limit(50).await?;
    /// # Ok(()) }
    /// ```
    pub fn deployment_runs(&self) -> DeploymentRuns {
        DeploymentRuns::new(self.shared.clone())
    }

    /// Returns the calls for dreams: jobs that turn sessions and memories into memories.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let dream = client.dreams().retrieve("drm_1").await?;
    /// # Ok(()) }
    /// ```
    pub fn dreams(&self) -> Dreams {
        Dreams::new(self.shared.clone())
    }

    /// Returns the calls for environments: the containers that sessions run in.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let environment = client.environments().list().first().await?;
    /// # Ok(()) }
    /// ```
    pub fn environments(&self) -> Environments {
        Environments::new(self.shared.clone())
    }

    /// Returns the calls for files: what is uploaded for agents, and what they deliver.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let length = client.files().download("file_1").to_path("report.csv").await?;
    /// # Ok(()) }
    /// ```
    pub fn files(&self) -> Files {
        Files::new(self.shared.clone())
    }

    /// Returns the calls for memory stores: what agents remember from one session to the next.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let stores = client.memory_stores().list().name("team").await?;
    /// # Ok(()) }
    /// ```
    pub fn memory_stores(&self) -> MemoryStores {
        MemoryStores::new(self.shared.clone())
    }

    /// Returns the calls for the models that agents can use.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let models = client.models().list().await?;
    /// # Ok(()) }
    /// ```
    pub fn models(&self) -> Models {
        Models::new(self.shared.clone())
    }

    /// Returns the calls for sessions: an agent at work in an environment.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::SessionCreate;
    ///
    /// let session = client.sessions().create(SessionCreate::new("agent_1", "env_1")).await?;
    /// # Ok(()) }
    /// ```
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.shared.clone())
    }

    /// Returns the calls for skills: instructions and files that agents are given.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::SkillFiles;
    ///
    /// let skill = client.skills().create(SkillFiles::directory("skills/release-notes")?).await?;
    /// # Ok(()) }
    /// ```
    pub fn skills(&self) -> Skills {
        Skills::new(self.shared.clone())
    }

    /// Returns the calls for vaults: the credentials that agents work with.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::VaultCreate;
    ///
    /// let vault = client.vaults().create(VaultCreate::new("team")).await?;
    /// # Ok(()) }
    /// ```
    pub fn vaults(&self) -> Vaults {
        Vaults::new(self.shared.clone())
    }

    /// Returns the conversation in a session: messages, turns, and streams of events.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let reply = client.session("sess_1").ask("Write a quicksort function in Python.").await?;
    /// println!("{}", reply.text());
    /// # Ok(()) }
    /// ```
    pub fn session(&self, id: impl Into<SessionId>) -> Conversation {
        Conversation::new(self.shared.clone(), id.into())
    }

    /// Returns a worker that does the work of a self-hosted environment.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let worker = client.worker("env_1").concurrency(4);
    /// worker.run(|job| async move { job.session().retrieve().await.map(drop) }).await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "worker")]
    pub fn worker(&self, environment: impl Into<EnvironmentId>) -> Worker {
        Worker::new(self.shared.clone(), environment.into())
    }

    /// Resumes a turn where another process was, in the session that the checkpoint names; for the
    /// rest it is as [`Conversation::resume_turn`]. What is no checkpoint of a turn is an error of
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) that says what it is.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let stored = std::fs::read_to_string("turn.checkpoint").unwrap_or_default();
    /// println!("{}", client.resume_turn(stored).await?.into_text().await?);
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "turns")]
    pub fn resume_turn<C>(&self, checkpoint: C) -> TurnOpening
    where
        C: TryInto<crate::Checkpoint>,
        C::Error: Into<crate::Error>,
    {
        TurnOpening::resumed(self.shared.clone(), None, checkpoint)
    }

    /// Makes a call of an endpoint that this crate has no method for, with the same authentication,
    /// retries and errors. The errors name its method and path, with a mark in place of what looks
    /// like an id.
    ///
    /// `path` starts with `/`, is relative to the base URL, and is sent as it is but for its
    /// parameters: what comes from outside goes into one of those, such as `{id}`, by
    /// [`Call::path`], which encodes it. The body is JSON, by [`Call::json`] and [`Call::extra`],
    /// or a form, by [`Call::form`] and [`Call::file`]. The response is read from JSON, or taken as
    /// it is, by [`Call::bytes`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Method;
    /// use qoder::types::serde_json::{Value, json};
    ///
    /// let quota: Value = client
    ///     .request(Method::Post, "/quotas/{name}/raise")
    ///     .path("name", "sessions per day")
    ///     .json(&json!({"by": 10}))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn request<T>(&self, method: Method, path: &str) -> Call<T> {
        Call::raw(self.shared.clone(), method, path)
    }

    /// Makes a list that this crate has no method for, with the same pages, cursors and errors; the
    /// rest is as with [`request`](Self::request).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::serde_json::Value;
    ///
    /// let mut teams = client.list::<Value>("/regions/{id}/teams").path("id", "eu").items();
    /// while let Some(team) = teams.next().await {
    ///     println!("{}", team?["name"]);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn list<T>(&self, path: &str) -> List<T> {
        List::raw(self.shared.clone(), path)
    }

    /// Returns a client whose calls all begin with these options: lists, uploads, downloads,
    /// streams, turns, what is followed, and workers. It has the connections, the token and the
    /// retry budget of this one.
    ///
    /// What a call sets for itself wins: its timeout and retries take the place of these, and so
    /// does a header or query parameter of the same name. Beta features add up. A client that is
    /// derived from a derived one is to that as a call is.
    ///
    /// The storage that downloads come from sees nothing of them, and neither does the exchange of
    /// a key for a token.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use std::time::Duration;
    ///
    /// let team = client.with(|o| o.workspace("ws_team").beta("browser-use-2026-07-14"));
    /// let nightly = team.with(|o| o.retries(5).timeout(Duration::from_secs(120)));
    /// let mut sessions = nightly.sessions().list().items();
    /// # Ok(()) }
    /// ```
    pub fn with(
        &self,
        change: impl FnOnce(CallOptions<EachCall>) -> CallOptions<EachCall>,
    ) -> Self {
        Self::new(self.shared.with(change(CallOptions::default())))
    }

    /// Returns the dialect that requests are written in.
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect()
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe(f, "Client")
    }
}
