//! The tools, MCP servers and skills that an agent can use.

use serde_json::Value;

use crate::SkillId;
use crate::wire::{Wire, deserialize_by_wire};

tagged! {
    /// A tool, or a set of tools, of an agent.
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

deserialize_by_wire!(Tool);

/// ```
/// use qoder_types::{AgentCreate, McpServer, Permission, Tool};
///
/// let agent = AgentCreate::new("my-assistant", "ultimate")
///     .tool(Tool::builtin().ask("Bash").default_policy(Permission::AlwaysAllow))
///     .tool(Tool::mcp("tracker").deny("delete_ticket"))
///     .mcp_server(McpServer::new("tracker", "https://mcp.tracker.example/mcp"));
/// assert_eq!(
///     serde_json::to_value(&agent.tools).unwrap()[0],
///     serde_json::json!({
///         "type": "agent_toolset_20260401",
///         "configs": [{"name": "Bash", "permission_policy": {"type": "always_ask"}}],
///         "default_config": {"permission_policy": {"type": "always_allow"}},
///     }),
/// );
/// ```
impl Tool {
    /// Gives the agent all built-in tools.
    pub fn builtin() -> Toolset {
        Toolset::new()
    }

    /// Gives the agent the built-in tools with these names, and no other.
    pub fn builtin_only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Toolset {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        Toolset::new().enabled_tools(names)
    }

    /// Gives the agent a tool that the caller runs. `input_schema` is the JSON Schema of what the
    /// tool takes.
    pub fn custom(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: Value,
    ) -> CustomTool {
        CustomTool::new(name, description, input_schema)
    }

    /// Gives the agent the tools of one of its MCP servers.
    pub fn mcp(server: impl Into<String>) -> McpToolset {
        McpToolset::new(server)
    }

    /// Gives the agent a browser.
    pub fn browser() -> BrowserToolset {
        BrowserToolset::new()
    }
}

body! {
    /// The built-in tools: `Bash`, `Read`, `Write`, `Edit`, `Glob`, `Grep`, `WebFetch`,
    /// `WebSearch`, `ImageGen`, `ImageSearch`, `DeliverArtifacts`.
    ///
    /// ```
    /// use qoder_types::{Tool, ToolConfig};
    ///
    /// let search = ToolConfig::new("WebSearch").allowed_domains(["docs.rs".to_owned()]);
    /// let tools = Tool::builtin_only(["Bash", "Read", "WebSearch"]).ask("Bash").config(search);
    /// assert_eq!(tools.configs.unwrap().len(), 2);
    /// ```
    Toolset {
        ;
        /// The names of the only tools that there are. All of them if left out or empty.
        enabled_tools: Vec<String>,
        /// The names of tools that there are not. None of them may be among `enabled_tools`.
        disallowed_tools: Vec<String>,
        /// Settings for single tools.
        configs[config]: ToolConfig,
        /// Settings for the tools that `configs` doesn't name.
        default_config: ToolDefaults,
    }
}

body! {
    /// The tools of an MCP server.
    McpToolset {
        /// The name of one of the agent's MCP servers.
        mcp_server_name: String,
        ;
        /// Settings for single tools.
        configs[config]: ToolConfig,
        /// Settings for the tools that `configs` doesn't name.
        default_config: ToolDefaults,
    }
}

macro_rules! policies {
    ($($name:ident)*) => {$(
        impl $name {
            /// Lets the tool of this name be used without asking.
            pub fn allow(self, tool: impl Into<String>) -> Self {
                self.policy(tool, Permission::AlwaysAllow)
            }

            /// Lets each use of the tool of this name wait for an answer.
            pub fn ask(self, tool: impl Into<String>) -> Self {
                self.policy(tool, Permission::AlwaysAsk)
            }

            /// Lets the tool of this name not be used.
            pub fn deny(self, tool: impl Into<String>) -> Self {
                self.policy(tool, Permission::AlwaysDeny)
            }

            /// Sets whether the tool of this name may be used without asking. What else `configs`
            /// says of it stays.
            pub fn policy(mut self, tool: impl Into<String>, policy: impl Into<PermissionPolicy>) -> Self {
                let (tool, policy) = (tool.into(), Some(policy.into()));
                let configs = self.configs.get_or_insert_default();
                match configs.iter_mut().find(|config| config.name == tool) {
                    Some(config) => config.permission_policy = policy,
                    None => configs.push(ToolConfig {
                        permission_policy: policy,
                        ..ToolConfig::new(tool)
                    }),
                }
                self
            }

            /// Sets whether the tools may be used without asking that `configs` doesn't name.
            pub fn default_policy(mut self, policy: impl Into<PermissionPolicy>) -> Self {
                self.default_config.get_or_insert_default().permission_policy = Some(policy.into());
                self
            }
        }
    )*};
}

policies!(Toolset McpToolset);

body! {
    /// A tool that the caller runs: the agent asks for it with an `agent.custom_tool_use` event, and
    /// the caller answers with a `user.custom_tool_result`.
    ///
    /// ```
    /// use qoder_types::{AgentCreate, Tool};
    /// use serde_json::json;
    ///
    /// let weather = Tool::custom(
    ///     "weather",
    ///     "Says what the weather in a city is.",
    ///     json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    /// );
    /// let agent = AgentCreate::new("my-assistant", "ultimate").tool(weather);
    /// ```
    CustomTool {
        /// The name: 1 to 128 letters, digits, `_` and `-`.
        name: String,
        /// A description of what the tool does, for the agent to read.
        description: String,
        /// The JSON Schema of what the tool takes: an object.
        input_schema: Value,
    }
}

body! {
    /// A browser.
    BrowserToolset { ; }
}

body! {
    /// Settings for one tool.
    ToolConfig {
        /// The name of the tool.
        name: String,
        ;
        /// Whether the agent has the tool at all. Left out, as the set's `default_config` says.
        enabled as bool,
        /// Whether the tool may be used without asking. Left out, as the set's `default_config` says.
        permission_policy: PermissionPolicy,
        /// The only domains that `WebFetch` and `WebSearch` may go to. Any if left out.
        allowed_domains: Vec<String>,
        /// The domains that `WebFetch` and `WebSearch` may not go to.
        blocked_domains: Vec<String>,
        /// The maximum number of tokens that `WebFetch` returns.
        max_content_tokens as u64,
        /// The location that `WebSearch` searches from.
        user_location: UserLocation,
    }
}

body! {
    /// The approximate location that a web search is done from.
    UserLocation {
        ;
        /// The city, such as `Hangzhou`.
        city: String,
        /// The region, such as `Zhejiang`.
        region: String,
        /// The country, as two letters (ISO 3166-1), such as `CN`.
        country: String,
        /// The time zone by its IANA name, such as `Asia/Shanghai`.
        timezone: String,
    }
}

body! {
    /// Settings for the tools of a set that no [`ToolConfig`] is for.
    ToolDefaults {
        ;
        /// Whether the agent has the tools at all.
        enabled as bool,
        /// Whether the tools may be used without asking.
        permission_policy: PermissionPolicy,
    }
}

body! {
    /// Whether a tool may be used without asking.
    PermissionPolicy or policy {
        /// The policy.
        policy: Permission = "type",
    }
}

impl From<Permission> for PermissionPolicy {
    fn from(policy: Permission) -> Self {
        Self::new(policy)
    }
}

open_enum! {
    /// The kinds of permission policies.
    Permission {
        /// The tool is used without asking.
        AlwaysAllow = "always_allow",
        /// Each use waits for a `user.tool_confirmation`.
        AlwaysAsk = "always_ask",
        /// The tool is not used.
        AlwaysDeny = "always_deny",
    }
}

object! {
    /// A server that speaks the Model Context Protocol over streamable HTTP, reachable from the
    /// internet. What authorises the agent there comes from a vault.
    McpServer {
        /// The kind of server: `url`. `http` in early generations.
        kind: String = "type",
        /// The name that toolsets refer to.
        name: String,
        /// The address.
        url: String,
    }
}

impl McpServer {
    /// Names the server at an address.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            kind: "url".to_owned(),
            name: name.into(),
            url: url.into(),
            ..Self::empty()
        }
    }
}

object! {
    /// A skill of an agent.
    ///
    /// ```
    /// use qoder_types::{AgentCreate, SkillRef};
    ///
    /// let agent = AgentCreate::new("my-assistant", "ultimate")
    ///     .skill(SkillRef::custom("skill_1").version("2"))
    ///     .skill(SkillRef::qoder("pdf"));
    /// assert_eq!(
    ///     serde_json::to_value(&agent.skills).unwrap(),
    ///     serde_json::json!([
    ///         {"type": "custom", "skill_id": "skill_1", "version": "2"},
    ///         {"type": "qoder", "skill_id": "pdf"},
    ///     ]),
    /// );
    /// ```
    SkillRef {
        /// The skill's maker: `custom` for the account's own, `qoder` for the platform's.
        kind: String = "type",
        /// The skill's id.
        skill_id: SkillId,
        /// The version. `None` in a request stands for the latest.
        version?: String,
    }
}

impl SkillRef {
    /// Names a skill of the account's own, at its latest version.
    pub fn custom(skill_id: impl Into<SkillId>) -> Self {
        Self::of("custom", skill_id.into())
    }

    /// Names a skill of the platform's, at its latest version.
    pub fn qoder(skill_id: impl Into<SkillId>) -> Self {
        Self::of("qoder", skill_id.into())
    }

    /// Names a version in place of the latest.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    fn of(kind: &str, skill_id: SkillId) -> Self {
        Self {
            kind: kind.to_owned(),
            skill_id,
            ..Self::empty()
        }
    }
}
