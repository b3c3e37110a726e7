//! Agents: a model, a system prompt and tools, under a version.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

use crate::{AgentId, Extra, Patch, SkillId, Timestamp};

/// An agent, or the snapshot of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its version: 1 when it is created, one more with each change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelRef>,
    /// Its system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Its tools. An agent without any can only talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Its MCP servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<McpServer>>,
    /// Its skills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<SkillRef>>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// The agents it works with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiagent: Option<Value>,
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

/// A model: its id, or an object with how it is used.
///
/// ```
/// use qoder_types::{Effort, ModelRef};
///
/// let short: ModelRef = "ultimate".into();
/// let long = ModelRef::new("ultimate").effort(Effort::High);
/// assert_eq!(serde_json::to_string(&short).unwrap(), r#""ultimate""#);
/// assert_eq!(serde_json::to_string(&long).unwrap(), r#"{"id":"ultimate","effort":"high"}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRef {
    /// Its id, from the list of models.
    pub id: String,
    /// How hard it thinks.
    pub effort: Option<Effort>,
    /// How many tokens it sees.
    pub context_window: Option<u64>,
    /// Everything else, `effective_context_window` of a snapshot included.
    pub extra: Extra,
    /// Whether it is written as an object although its id says it all.
    object: bool,
}

impl ModelRef {
    /// The model with this id, as the server uses it by default.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            effort: None,
            context_window: None,
            extra: Extra::new(),
            object: false,
        }
    }

    setters! {
        /// Sets how hard it thinks; the models tell what they offer.
        effort: Effort,
        /// Sets how many tokens it sees; the models tell what they offer.
        context_window: u64,
    }
}

impl<S: Into<String>> From<S> for ModelRef {
    fn from(id: S) -> Self {
        Self::new(id)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Self")]
struct ModelObject {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effort: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(flatten)]
    extra: Extra,
}

impl Serialize for ModelRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.object
            && self.effort.is_none()
            && self.context_window.is_none()
            && self.extra.is_empty()
        {
            return serializer.serialize_str(&self.id);
        }
        Serialize::serialize(
            &ModelObject {
                id: self.id.clone(),
                effort: self.effort.as_ref().map(|effort| effort.as_str().into()),
                context_window: self.context_window,
                extra: self.extra.clone(),
            },
            serializer,
        )
    }
}

impl<'de> Deserialize<'de> for ModelRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum Shape {
            Id(String),
            Object(ModelObject),
        }

        struct IdOrObject;

        impl<'de> Visitor<'de> for IdOrObject {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a model or its id")
            }

            fn visit_str<E>(self, id: &str) -> Result<Shape, E> {
                Ok(Shape::Id(id.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape, A::Error> {
                <ModelObject as Deserialize>::deserialize(MapAccessDeserializer::new(map))
                    .map(Shape::Object)
            }
        }

        let mut object = match deserializer.deserialize_any(IdOrObject)? {
            Shape::Id(id) => return Ok(Self::new(id)),
            Shape::Object(object) => object,
        };
        // `{"type":"high"}` was seen too; it is kept as it is.
        let effort = match object.effort {
            Some(Value::String(text)) => Some(Effort::from(text.as_str())),
            Some(other) => {
                object.extra.insert("effort".to_owned(), other);
                None
            }
            None => None,
        };
        Ok(Self {
            id: object.id,
            effort,
            context_window: object.context_window,
            extra: object.extra,
            object: true,
        })
    }
}

open_enum! {
    /// How hard a model thinks.
    Effort {
        /// Least.
        Low = "low",
        /// Less than most.
        Medium = "medium",
        /// Hard.
        High = "high",
        /// Harder.
        XHigh = "xhigh",
        /// Hardest.
        Max = "max",
    }
}

tagged! {
    /// What an agent can use.
    Tool {
        /// The built-in tools.
        Toolset(Toolset) = "agent_toolset_20260401",
        /// The tools of an MCP server.
        McpToolset(McpToolset) = "mcp_toolset",
        /// A tool that the caller runs.
        Custom(CustomTool) = "custom",
        /// A browser. Creating or changing an agent with it needs the beta
        /// `browser-use-2026-07-14`.
        Browser(BrowserToolset) = "browser_toolset_20260714",
    }
}

/// The built-in tools: `Bash`, `Read`, `Write`, `Edit`, `Glob`, `Grep`, `WebFetch`, `WebSearch`,
/// `ImageGen`, `ImageSearch`, `DeliverArtifacts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Toolset {
    /// Only these; all if it is not set or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_tools: Option<Vec<String>>,
    /// All but these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disallowed_tools: Option<Vec<String>>,
    /// How single tools are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configs: Option<Vec<ToolConfig>>,
    /// Everything else, `default_config` included.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The tools of an MCP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct McpToolset {
    /// The name of one of the agent's MCP servers.
    pub mcp_server_name: String,
    /// How single tools are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configs: Option<Vec<ToolConfig>>,
    /// Everything else, `default_config` included.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A tool that the caller runs: the agent asks with `agent.custom_tool_use`, and the caller
/// answers with `user.custom_tool_result`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct CustomTool {
    /// Its name: 1 to 128 letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it takes: a JSON Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A browser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct BrowserToolset {
    /// Whatever it says.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a tool is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ToolConfig {
    /// The tool.
    pub name: String,
    /// Whether it is there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it may be used unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_policy: Option<PermissionPolicy>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether a tool may be used unasked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct PermissionPolicy {
    /// The policy.
    #[serde(rename = "type")]
    pub policy: Permission,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

open_enum! {
    /// The kinds of permission policies.
    Permission {
        /// It may.
        AlwaysAllow = "always_allow",
        /// Each use waits for a `user.tool_confirmation`.
        AlwaysAsk = "always_ask",
        /// It may not.
        AlwaysDeny = "always_deny",
    }
}

impl Tool {
    /// All built-in tools.
    pub fn builtin() -> Self {
        Self::Toolset(Toolset::default())
    }

    /// The built-in tools with these names.
    pub fn builtin_only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let enabled_tools = Some(names.into_iter().map(Into::into).collect());
        Self::Toolset(Toolset {
            enabled_tools,
            ..Toolset::default()
        })
    }

    /// A tool that the caller runs, taking what this JSON Schema says.
    pub fn custom(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: Value,
    ) -> Self {
        Self::Custom(CustomTool {
            name: name.into(),
            description: Some(description.into()),
            input_schema: Some(input_schema),
            extra: Extra::new(),
        })
    }

    /// The tools of one of the agent's MCP servers.
    pub fn mcp(server: impl Into<String>) -> Self {
        Self::McpToolset(McpToolset {
            mcp_server_name: server.into(),
            configs: None,
            extra: Extra::new(),
        })
    }
}

impl ToolConfig {
    /// This tool, under this policy.
    pub fn new(name: impl Into<String>, policy: Permission) -> Self {
        Self {
            name: name.into(),
            enabled: None,
            permission_policy: Some(PermissionPolicy {
                policy,
                extra: Extra::new(),
            }),
            extra: Extra::new(),
        }
    }
}

/// A server that speaks the Model Context Protocol, publicly reachable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct McpServer {
    /// What kind of server: `url`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name, to refer to.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl McpServer {
    /// The server of this name at this address.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            kind: Some("url".to_owned()),
            name: name.into(),
            url: url.into(),
            extra: Extra::new(),
        }
    }
}

/// A skill that an agent has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct SkillRef {
    /// Whose skill it is: `custom` or `qoder`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id.
    pub skill_id: SkillId,
    /// Its version: a text, or a number in early generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The body that creates an agent.
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AgentCreate {
    /// Its name: 1 to 256 characters.
    pub name: String,
    /// Its model.
    pub model: ModelRef,
    /// Its system prompt: 100,000 characters at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What it is for: 2,048 characters at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tools: 128 at most, none if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Its MCP servers: 20 at most, each used by an MCP toolset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<McpServer>>,
    /// Its skills: 20 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<SkillRef>>,
    /// Its metadata: 16 texts at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// The agents it works with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiagent: Option<Value>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AgentCreate {
    /// An agent with this name and model.
    pub fn new(name: impl Into<String>, model: impl Into<ModelRef>) -> Self {
        Self {
            name: name.into(),
            model: model.into(),
            system: None,
            description: None,
            tools: None,
            mcp_servers: None,
            skills: None,
            metadata: None,
            multiagent: None,
            extra: Extra::new(),
        }
    }

    setters! {
        /// Sets the system prompt.
        system: String,
        /// Sets what it is for.
        description: String,
        /// Sets the tools.
        tools: Vec<Tool>,
        /// Sets the MCP servers.
        mcp_servers: Vec<McpServer>,
        /// Sets the skills.
        skills: Vec<SkillRef>,
        /// Sets the agents it works with.
        multiagent: Value,
    }

    /// Adds an entry of the metadata.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata
            .get_or_insert_default()
            .insert(key.into(), Value::String(value.into()));
        self
    }
}

/// The body that changes an agent: what is left out is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AgentUpdate {
    /// The version that is changed: it must be the current one.
    pub version: u64,
    /// Its name, which can't be cleared.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub name: Patch<String>,
    /// Its model, which can't be cleared.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub model: Patch<ModelRef>,
    /// Its system prompt.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub system: Patch<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub description: Patch<String>,
    /// Its tools, replaced whole.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub tools: Patch<Vec<Tool>>,
    /// Its MCP servers, replaced whole.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub mcp_servers: Patch<Vec<McpServer>>,
    /// Its skills, replaced whole.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub skills: Patch<Vec<SkillRef>>,
    /// Entries of its metadata: `null` deletes one.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub metadata: Patch<Extra>,
    /// The agents it works with.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub multiagent: Patch<Value>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AgentUpdate {
    /// A change of this version, which changes nothing yet.
    pub fn new(version: u64) -> Self {
        Self {
            version,
            name: Patch::Keep,
            model: Patch::Keep,
            system: Patch::Keep,
            description: Patch::Keep,
            tools: Patch::Keep,
            mcp_servers: Patch::Keep,
            skills: Patch::Keep,
            metadata: Patch::Keep,
            multiagent: Patch::Keep,
            extra: Extra::new(),
        }
    }

    patches! {
        /// Changes the name.
        name: String,
        /// Changes the model.
        model: ModelRef,
        /// Changes or clears the system prompt.
        system: String,
        /// Changes or clears what it is for.
        description: String,
        /// Replaces or clears the tools.
        tools: Vec<Tool>,
        /// Replaces or clears the MCP servers.
        mcp_servers: Vec<McpServer>,
        /// Replaces or clears the skills.
        skills: Vec<SkillRef>,
        /// Changes entries of the metadata.
        metadata: Extra,
        /// Replaces or clears the agents it works with.
        multiagent: Value,
    }
}

/// A reference to an agent: its id, for its latest version, or an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AgentRef {
    /// The latest version of this agent.
    Id(AgentId),
    /// This version of this agent.
    Version {
        /// The agent.
        id: AgentId,
        /// Its version.
        version: u64,
    },
    /// Any other form, such as `agent_with_overrides`.
    Other(Value),
}

impl AgentRef {
    /// This version of this agent.
    pub fn version(id: impl Into<AgentId>, version: u64) -> Self {
        Self::Version {
            id: id.into(),
            version,
        }
    }
}

impl Serialize for AgentRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object<'a> {
            id: &'a AgentId,
            #[serde(rename = "type")]
            kind: &'static str,
            version: Number,
        }
        match self {
            Self::Id(id) => id.serialize(serializer),
            Self::Version { id, version } => Object {
                id,
                kind: "agent",
                version: (*version).into(),
            }
            .serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
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

deserialize_tagged!(Tool);
lossless!(
    Agent,
    ModelObject,
    Toolset,
    McpToolset,
    CustomTool,
    BrowserToolset,
    ToolConfig,
    PermissionPolicy,
    McpServer,
    SkillRef,
);
