//! Operations under `/agents`.

use crate::{Agent, AgentCreate, AgentId, AgentUpdate, Deleted, Op, Page, Request};

pub(super) static CREATE: Op = Op::post("agents.create", "/agents");
pub(super) static LIST: Op = Op::list("agents.list", "/agents");
pub(super) static RETRIEVE: Op = Op::get("agents.retrieve", "/agents/{agent_id}");
pub(super) static UPDATE: Op = Op::post("agents.update", "/agents/{agent_id}");
pub(super) static ARCHIVE: Op = Op::post("agents.archive", "/agents/{agent_id}/archive");
pub(super) static DELETE: Op = Op::delete("agents.delete", "/agents/{agent_id}");

/// Creates an agent.
pub fn create(agent: &AgentCreate) -> Request<Agent> {
    Request::new(&CREATE).json(agent)
}

/// Lists agents. Filters: `limit`, `created_at[gte]`, `created_at[lte]`, `include_archived`.
pub fn list() -> Request<Page<Agent>> {
    Request::new(&LIST)
}

/// Gets an agent, at a version or at its latest.
pub fn retrieve(agent: &AgentId, version: Option<u64>) -> Request<Agent> {
    let mut request = Request::new(&RETRIEVE).path("agent_id", agent.as_str());
    if let Some(version) = version {
        request.set_query("version", version);
    }
    request
}

/// Changes an agent.
pub fn update(agent: &AgentId, update: &AgentUpdate) -> Request<Agent> {
    Request::new(&UPDATE)
        .path("agent_id", agent.as_str())
        .json(update)
}

/// Archives an agent.
pub fn archive(agent: &AgentId) -> Request<Agent> {
    Request::new(&ARCHIVE).path("agent_id", agent.as_str())
}

/// Deletes an agent.
pub fn delete(agent: &AgentId) -> Request<Deleted> {
    Request::new(&DELETE).path("agent_id", agent.as_str())
}

/// Operations under `/agents/{agent_id}/versions`.
pub mod versions {
    use super::{Agent, AgentId, Op, Page, Request};

    pub(in crate::ops) static LIST: Op =
        Op::list("agents.versions.list", "/agents/{agent_id}/versions");

    /// Lists the snapshots of an agent, newest first.
    pub fn list(agent: &AgentId) -> Request<Page<Agent>> {
        Request::new(&LIST).path("agent_id", agent.as_str())
    }
}
