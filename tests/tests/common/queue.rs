//! A self-hosted environment of the simulator, whose queue has work.

use qoder::Client;
use qoder::types::{
    AgentCreate, EnvironmentConfig, EnvironmentCreate, EnvironmentId, SessionCreate, SessionId,
    Work, WorkId, WorkState,
};

pub(crate) struct Queue {
    pub(crate) client: Client,
    pub(crate) environment: EnvironmentId,
}

impl Queue {
    pub(crate) async fn new(client: Client) -> Self {
        let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
        let environment = client.environments().create(own).await.expect("it is made");
        Self {
            client,
            environment: environment.id,
        }
    }

    /// A session that has something to do.
    pub(crate) async fn put(&self) -> SessionId {
        let agent = AgentCreate::new("operator", "ultimate");
        let agent = self.client.agents().create(agent).await.expect("an agent");
        let session = SessionCreate::new(&agent.id, &self.environment);
        let session = self.client.sessions().create(session).await;
        let session = session.expect("a session").id;
        let sent = self.client.session(&session).send("How is it?").await;
        sent.expect("accepted");
        session
    }

    /// So many sessions that have something to do.
    pub(crate) async fn fill(&self, sessions: usize) -> Vec<SessionId> {
        let mut all = Vec::new();
        for _ in 0..sessions {
            all.push(self.put().await);
        }
        all
    }

    pub(crate) async fn work(&self, id: &WorkId) -> Work {
        let work = self.client.environments().work();
        let work = work.retrieve(&self.environment, id).await;
        work.expect("the work")
    }

    /// How far each piece of work is.
    pub(crate) async fn states(&self) -> Vec<WorkState> {
        let mut items = self
            .client
            .environments()
            .work()
            .list(&self.environment)
            .items();
        let mut states = Vec::new();
        while let Some(work) = items.next().await {
            states.push(work.expect("work").state);
        }
        states
    }
}
