//! Operations under `/agents`.

use super::row::operations;
use crate::{Agent, AgentCreate, AgentId, AgentUpdate, Deleted, Page};

operations! { "agents" {
    /// Creates an agent.
    create() takes AgentCreate -> Agent = post "/agents";
    /// Lists agents, newest first.
    list() -> Page<Agent> = list "/agents" ? "created_at[gte]" "created_at[lte]" "include_archived";
    /// Gets an agent at its latest version, or at the one that the query names.
    retrieve(agent_id: AgentId) -> Agent = get "/agents/{agent_id}" ? "version";
    /// Changes an agent.
    update(agent_id: AgentId) takes AgentUpdate -> Agent = post "/agents/{agent_id}";
    /// Archives an agent.
    archive(agent_id: AgentId) -> Agent = act "/agents/{agent_id}/archive";
    /// Deletes an agent.
    delete(agent_id: AgentId) -> Deleted = delete "/agents/{agent_id}";
} }

/// Operations under `/agents/{agent_id}/versions`.
pub mod versions {
    use super::{Agent, AgentId, Page, operations};

    operations! { "agents.versions" {
        /// Lists the snapshots of an agent, newest first.
        list(agent_id: AgentId) -> Page<Agent> = list "/agents/{agent_id}/versions";
    } }
}
