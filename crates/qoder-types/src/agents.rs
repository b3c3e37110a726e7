//! Agents: a model, a system prompt and tools, under a version.

use serde_json::Value;

use crate::wire::{Fit, Json, View, Wire};
use crate::{AgentId, Extra, McpServer, ModelRef, Multiagent, SkillRef, Timestamp, Tool};

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
        /// A description of the agent's purpose. Empty if none was given.
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
        multiagent?: Multiagent,
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
    ///
    /// A field that is misspelt, and one that must be there and isn't, such as the model here, do
    /// not compile:
    ///
    /// ```compile_fail,E0599
    /// # use qoder_types::AgentCreate;
    /// let agent = AgentCreate::new("my-assistant", "ultimate").sytem("Be brief.");
    /// ```
    ///
    /// ```compile_fail,E0061
    /// # use qoder_types::AgentCreate;
    /// let agent = AgentCreate::new("my-assistant").system("Be brief.");
    /// ```
    AgentCreate {
        /// The name: 1 to 256 characters.
        name: String,
        /// The model: its id, or a [`ModelRef`] that says how it is used.
        model: ModelRef,
        ;
        /// The system prompt: at most 100,000 characters. None if left out.
        system: String,
        /// A description of the agent's purpose: at most 2,048 characters. Empty if left out.
        description: String,
        /// The tools: at most 128. Left out, the agent has none and can only talk.
        tools[tool]: Tool,
        /// The MCP servers: at most 20, with different names, and each named by an MCP toolset.
        mcp_servers[mcp_server]: McpServer,
        /// The skills: at most 20.
        skills[skill]: SkillRef,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
        /// The agents that this one coordinates. Left out, it works alone.
        multiagent: Multiagent,
    }
}

body! {
    /// Changes an agent, which gives it the next version. What is left out stays as it is.
    ///
    /// ```
    /// # use qoder_types::Agent;
    /// use qoder_types::{AgentUpdate, Patch};
    ///
    /// # let agent: Agent = serde_json::from_str(r#"{"id":"agent_1","version":3}"#).unwrap();
    /// let update = AgentUpdate::of(&agent).system("Be brief.").skills(Patch::Clear);
    /// assert_eq!(
    ///     serde_json::to_value(&update).unwrap(),
    ///     serde_json::json!({"version": 3, "system": "Be brief.", "skills": null}),
    /// );
    /// ```
    ///
    /// What an agent must have can't be cleared:
    ///
    /// ```compile_fail,E0277
    /// # use qoder_types::{AgentUpdate, Patch};
    /// let update = AgentUpdate::new(3).name(Patch::Clear);
    /// ```
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
        /// A description of the agent's purpose: at most 2,048 characters.
        description: String | null,
        /// The new tools, in place of all that there are.
        tools[tool]: Tool | null,
        /// The new MCP servers, in place of all that there are.
        mcp_servers[mcp_server]: McpServer | null,
        /// The new skills, in place of all that there are.
        skills[skill]: SkillRef | null,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
        /// The agents that this one coordinates, in place of all that there are.
        multiagent: Multiagent | null,
    }
}

impl AgentUpdate {
    /// Changes the agent as it was read: if it has another version by now, that is a conflict.
    pub fn of(agent: &Agent) -> Self {
        Self::new(agent.version)
    }
}

/// The agent that a session starts with: an id, which stands for the latest version, or more.
///
/// ```
/// use qoder_types::{AgentOverrides, AgentRef, SessionCreate};
///
/// let latest = SessionCreate::new("agent_1", "env_1");
/// let third = SessionCreate::new(AgentRef::version("agent_1", 3), "env_1");
/// let brief = AgentRef::version("agent_1", 3).with(AgentOverrides::new().system("Be brief."));
/// assert_eq!(
///     serde_json::to_value(&brief).unwrap(),
///     serde_json::json!({
///         "type": "agent_with_overrides",
///         "id": "agent_1",
///         "version": 3,
///         "system": "Be brief.",
///     }),
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AgentRef {
    /// The latest version of this agent.
    Id(AgentId),
    /// This version of this agent.
    #[non_exhaustive]
    Version {
        /// The agent.
        id: AgentId,
        /// The version, from 1.
        version: u64,
    },
    /// An agent with some of its parts replaced.
    #[non_exhaustive]
    With {
        /// The agent.
        id: AgentId,
        /// The version, from 1. `None` for the latest.
        version: Option<u64>,
        /// The parts that replace the agent's own.
        overrides: Box<AgentOverrides>,
    },
    /// Any other form.
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

    /// Replaces parts of the agent, for this session only. Parts that were replaced before are the
    /// agent's own again; a form that this release doesn't know stays as it is.
    pub fn with(self, overrides: AgentOverrides) -> Self {
        let (id, version) = match self {
            Self::Id(id) => (id, None),
            Self::Version { id, version } => (id, Some(version)),
            Self::With { id, version, .. } => (id, version),
            Self::Other(_) => return self,
        };
        Self::With {
            id,
            version,
            overrides: Box::new(overrides),
        }
    }
}

body! {
    /// Parts of an agent that a session has in place of the agent's own. What is left out is as it
    /// was.
    AgentOverrides {
        ;
        /// The model.
        model: ModelRef,
        /// The system prompt: at most 100,000 characters.
        system: String | null,
        /// The tools, in place of all that there are.
        tools[tool]: Tool,
        /// The MCP servers, in place of all that there are.
        mcp_servers[mcp_server]: McpServer,
        /// The skills, in place of all that there are.
        skills[skill]: SkillRef,
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
    fn fit(_: &Json<'_>) -> Fit {
        Fit::Exact
    }

    fn read(mut value: Json<'_>) -> Self {
        if value.is_text() {
            return Self::Id(Wire::read(value));
        }
        let id = value.get("id").and_then(Json::as_str).map(AgentId::from);
        let version = value.get("version");
        let number = match version {
            Some(Json::Number(number)) => number.as_u64(),
            _ => None,
        };
        match (value.type_name(), id) {
            (Some("agent"), Some(id)) if value.members().len() == 3 && number.is_some() => {
                Self::version(id, number.unwrap_or_default())
            }
            (Some("agent_with_overrides"), Some(id)) if number.is_some() == version.is_some() => {
                for taken in ["type", "id", "version"] {
                    value.remove(taken);
                }
                Self::With {
                    id,
                    version: number,
                    overrides: Wire::read(value),
                }
            }
            _ => Self::Other(value.into_value()),
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
            Self::With {
                id,
                version,
                overrides,
            } => {
                let mut members = vec![("id", id.view())];
                members.extend(version.map(|version| ("version", View::Whole(version))));
                if let View::Object(parts) = overrides.view() {
                    members.extend(parts);
                }
                View::tagged("agent_with_overrides", View::Object(members))
            }
            Self::Other(value) => View::Json(value),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        let mut overridden = AgentOverrides::sample(choice);
        overridden["type"] = "agent_with_overrides".into();
        overridden["id"] = "agent_1".into();
        let samples = [
            serde_json::json!("agent_1"),
            serde_json::json!({"id": "agent_1", "type": "agent", "version": 2}),
            serde_json::json!({"id": "agent_1", "type": "of tomorrow", "system": ""}),
            overridden,
        ];
        samples[choice % samples.len()].clone()
    }
}

crate::wire::serde_by_wire!(AgentRef);
