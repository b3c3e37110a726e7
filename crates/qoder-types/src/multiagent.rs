//! Agents that set other agents to work.

#[cfg(test)]
use serde_json::Value;

use crate::wire::{Fit, Json, View, Wire, deserialize_by_wire};
use crate::{Agent, AgentId};

object! {
    /// The agents that a coordinator can set to work in a session: at most 20 of them, and one
    /// advisor.
    ///
    /// No more than 25 threads of a session are live at a time. Only the coordinator starts
    /// threads, and it needs the built-in tools for that.
    ///
    /// ```
    /// use qoder_types::{AgentCreate, AgentVersion, Multiagent, Tool};
    ///
    /// let agent = AgentCreate::new("lead", "ultimate").tool(Tool::builtin()).multiagent(
    ///     Multiagent::coordinator()
    ///         .agent("agent_reviewer")
    ///         .agent_at("agent_tester", 3)
    ///         .agent_at("agent_writer", AgentVersion::Latest)
    ///         .itself()
    ///         .advisor("ultimate"),
    /// );
    /// assert_eq!(
    ///     serde_json::to_value(&agent.multiagent).unwrap(),
    ///     serde_json::json!({
    ///         "type": "coordinator",
    ///         "agents": [
    ///             {"type": "agent", "id": "agent_reviewer"},
    ///             {"type": "agent", "id": "agent_tester", "version": 3},
    ///             {"type": "agent", "id": "agent_writer", "version": "latest"},
    ///             {"type": "self"},
    ///             {"type": "advisor", "model": "ultimate"},
    ///         ],
    ///     }),
    /// );
    /// ```
    Multiagent {
        /// The way the agents work together: `coordinator`.
        kind: String = "type",
        /// The agents. There must be at least one.
        agents: Vec<MultiagentMember>,
    }
}

impl Multiagent {
    /// Makes the agent the coordinator of others, which are to be added.
    pub fn coordinator() -> Self {
        Self {
            kind: "coordinator".to_owned(),
            ..Self::empty()
        }
    }

    /// Adds an agent, at the version that is its latest when this is saved.
    pub fn agent(self, id: impl Into<AgentId>) -> Self {
        self.member(AgentMember::new(id))
    }

    /// Adds an agent at a version, or always at its latest one.
    pub fn agent_at(self, id: impl Into<AgentId>, version: impl Into<AgentVersion>) -> Self {
        self.member(AgentMember::new(id).version(version))
    }

    /// Adds the coordinator itself, which can have more threads of its own kind.
    pub fn itself(self) -> Self {
        self.member(Itself::new())
    }

    /// Adds a model without tools, which gives advice to the others.
    pub fn advisor(self, model: impl Into<String>) -> Self {
        self.member(Advisor::new(model))
    }

    /// Adds a member of any kind.
    pub fn member(mut self, member: impl Into<MultiagentMember>) -> Self {
        self.agents.push(member.into());
        self
    }
}

tagged! {
    /// An agent that a coordinator can set to work.
    MultiagentMember {
        /// The coordinator itself.
        Itself(Itself) = "self",
        /// A model without tools, which gives advice to the others.
        Advisor(Advisor) = "advisor",
        /// An agent as it was when the session started: only in the snapshot that a session keeps.
        Snapshot(Box<Agent>) = "agent" with "name",
        /// An agent, by its id and version.
        Agent(AgentMember) = "agent",
    }
}

deserialize_by_wire!(MultiagentMember);

body! {
    /// An agent that a coordinator can set to work, by its id and version.
    AgentMember {
        /// The agent.
        id: AgentId,
        ;
        /// The version. Left out, the one that is the latest when the coordinator is saved.
        version: AgentVersion,
    }
}

/// A version of an agent that a coordinator can set to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentVersion {
    /// This one, from 1.
    Number(u64),
    /// The one that is the latest whenever a session starts.
    Latest,
}

impl From<u64> for AgentVersion {
    fn from(version: u64) -> Self {
        Self::Number(version)
    }
}

impl Wire for AgentVersion {
    fn fit(value: &Json<'_>) -> Fit {
        if value.as_str() == Some("latest") {
            Fit::Exact
        } else {
            u64::fit(value)
        }
    }

    fn read(value: Json<'_>) -> Self {
        if value.as_str() == Some("latest") {
            Self::Latest
        } else {
            Self::Number(Wire::read(value))
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Number(version) => View::Whole(*version),
            Self::Latest => View::Text("latest"),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        [Value::from(3), Value::from("latest")][choice % 2].clone()
    }
}

crate::wire::serde_by_wire!(AgentVersion);

body! {
    /// The coordinator, among the agents that it can set to work.
    Itself { ; }
}

body! {
    /// A model without tools, which gives advice to other agents.
    Advisor {
        /// The model's id.
        model: String,
    }
}
