//! Agents: a model, a system prompt and tools, under a version.

use serde_json::Value;

use crate::wire::{Fit, View, Wire};
use crate::{AgentId, Extra, McpServer, ModelRef, SkillRef, Timestamp, Tool};

object! {
    /// An agent, or the snapshot of one that a session keeps.
    ///
    /// A snapshot says nothing of `metadata`, `created_at`, `updated_at` and `archived_at`.
    Agent {
        /// The agent's id.
        id!: AgentId,
        /// The version: 1 for a new agent, and one more with each change.
        version: u64,
        /// The name.
        name: String,
        /// What the agent is for. Empty if nobody said.
        description: String,
        /// The model that the agent runs on.
        model: ModelRef,
        /// The system prompt. Empty if there is none.
        system: String = "system" | "instructions",
        /// The tools. An agent without any can only talk.
        tools: Vec<Tool>,
        /// The MCP servers.
        mcp_servers: Vec<McpServer>,
        /// The skills.
        skills: Vec<SkillRef>,
        /// The caller's own data: texts by key. Empty in a snapshot.
        metadata: Extra,
        /// The agents that this one coordinates. `None` if it works alone.
        multiagent?: Value,
        /// When the agent was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the agent was created. Empty in a snapshot.
        created_at: Timestamp,
        /// When this version was made. Empty in a snapshot.
        updated_at: Timestamp,
    }
}

body! {
    /// Creates an agent.
    ///
    /// ```
    /// use qoder_types::AgentCreate;
    ///
    /// let agent = AgentCreate::new("my-assistant", "ultimate")
    ///     .system("You are an efficient coding assistant. Reply concisely and clearly.");
    /// assert_eq!(
    ///     serde_json::to_value(&agent).unwrap(),
    ///     serde_json::json!({
    ///         "name": "my-assistant",
    ///         "model": "ultimate",
    ///         "system": "You are an efficient coding assistant. Reply concisely and clearly.",
    ///     }),
    /// );
    /// ```
    AgentCreate {
        /// The name: 1 to 256 characters.
        name: String,
        /// The model: its id, or a [`ModelRef`] that says how it is used.
        model: ModelRef,
        ;
        /// The system prompt: at most 100,000 characters. None if left out.
        system: String,
        /// What the agent is for: at most 2,048 characters. Empty if left out.
        description: String,
        /// The tools: at most 128. Left out, the agent has none and can only talk.
        tools: Vec<Tool>,
        /// The MCP servers: at most 20, with different names, and each named by an MCP toolset.
        mcp_servers: Vec<McpServer>,
        /// The skills: at most 20.
        skills: Vec<SkillRef>,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
        /// The agents that this one coordinates: `{"type":"coordinator","agents":[…]}`, at most
        /// 20 of them. Left out, it works alone.
        multiagent: Value,
    }
}

body! {
    /// Changes an agent, which gives it the next version. What is left out stays as it is.
    AgentUpdate {
        /// The version that is changed. It must be the current one; any other is a conflict.
        version as u64,
        ;
        /// The new name: 1 to 256 characters.
        name: String,
        /// The new model.
        model: ModelRef,
        /// The new system prompt: at most 100,000 characters.
        system: String | null,
        /// What the agent is for: at most 2,048 characters.
        description: String | null,
        /// The new tools, in place of all that there are.
        tools: Vec<Tool> | null,
        /// The new MCP servers, in place of all that there are.
        mcp_servers: Vec<McpServer> | null,
        /// The new skills, in place of all that there are.
        skills: Vec<SkillRef> | null,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
        /// The agents that this one coordinates, in place of all that there are.
        multiagent: Value | null,
    }
}

/// Which agent a session starts with: an id, which stands for the latest version, or an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AgentRef {
    /// The latest version of this agent.
    Id(AgentId),
    /// This version of this agent.
    Version {
        /// The agent.
        id: AgentId,
        /// The version, from 1.
        version: u64,
    },
    /// Any other form, such as `agent_with_overrides`.
    Other(Value),
}

impl AgentRef {
    /// Names a version of an agent.
    pub fn version(id: impl Into<AgentId>, version: u64) -> Self {
        Self::Version {
            id: id.into(),
            version,
        }
    }
}

impl<I: Into<AgentId>> From<I> for AgentRef {
    fn from(id: I) -> Self {
        Self::Id(id.into())
    }
}

impl From<&Agent> for AgentId {
    fn from(agent: &Agent) -> Self {
        agent.id.clone()
    }
}

impl Wire for AgentRef {
    fn fit(_: &Value) -> Fit {
        Fit::Exact
    }

    fn read(value: Value) -> Self {
        match &value {
            Value::String(id) => Self::Id(id.as_str().into()),
            Value::Object(object) if object.len() == 3 && value["type"] == "agent" => {
                match (value["id"].as_str(), value["version"].as_u64()) {
                    (Some(id), Some(version)) => Self::version(id, version),
                    _ => Self::Other(value),
                }
            }
            _ => Self::Other(value),
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Id(id) => id.view(),
            Self::Version { id, version } => View::Object(vec![
                ("id", id.view()),
                ("type", View::Text("agent")),
                ("version", View::Whole(*version)),
            ]),
            Self::Other(value) => View::Json(value),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        let samples = [
            serde_json::json!("agent_1"),
            serde_json::json!({"id": "agent_1", "type": "agent", "version": 2}),
            serde_json::json!({"id": "agent_1", "type": "agent_with_overrides", "system": ""}),
        ];
        samples[choice % samples.len()].clone()
    }
}

crate::wire::serde_by_wire!(AgentRef);
