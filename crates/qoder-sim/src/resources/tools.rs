//! The tools of an agent.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::{items, text};

/// The tools of the agent toolset.
const BUILT_IN: [&str; 11] = [
    "Bash",
    "Read",
    "Write",
    "Edit",
    "Glob",
    "Grep",
    "WebFetch",
    "WebSearch",
    "ImageGen",
    "ImageSearch",
    "DeliverArtifacts",
];

/// The beta that a write with browser tools must opt into.
const BROWSER_BETA: &str = "browser-use-2026-07-14";

pub(crate) fn read(cx: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    for tool in items(name, value, 128)? {
        match tool["type"].text() {
            "agent_toolset_20260401" => built_in(name, tool)?,
            "mcp_toolset" => {
                text("tools.mcp_server_name", &tool["mcp_server_name"], 1, 256)?;
                configs(tool, |_| true)?;
            }
            "custom" => custom(tool)?,
            "browser_toolset_20260714" if cx.has_beta(BROWSER_BETA) => {}
            "browser_toolset_20260714" => {
                let why = format!("Browser tools need the header x-qoder-beta: {BROWSER_BETA}.");
                return Err(Refusal::invalid(name, why));
            }
            other => {
                let why = format!("Unknown tool type '{other}'.");
                return Err(Refusal::invalid(name, why));
            }
        }
    }
    Ok(value.clone())
}

/// Checks that the MCP servers that the tools name are there.
pub(crate) fn check_servers(agent: &Json) -> Result<(), Refusal> {
    let servers = agent["mcp_servers"].items();
    for tool in agent["tools"].items() {
        let server = &tool["mcp_server_name"];
        let is_there = servers.iter().any(|other| other["name"] == *server);
        if tool["type"] == "mcp_toolset" && !is_there {
            let why = format!("There is no MCP server '{}'.", server.text());
            return Err(Refusal::invalid("tools.mcp_server_name", why));
        }
    }
    Ok(())
}

fn built_in(name: &str, tool: &Json) -> Result<(), Refusal> {
    let unknown = |tool: &str| Refusal::invalid(name, format!("Unknown tool '{tool}'."));
    for list in ["enabled_tools", "disallowed_tools"] {
        for named in optional(tool, list)? {
            if !BUILT_IN.contains(&named.text()) {
                return Err(unknown(named.text()));
            }
        }
    }
    let disallowed = tool["disallowed_tools"].items();
    let mut enabled = tool["enabled_tools"].items().iter();
    if let Some(both) = enabled.find(|named| disallowed.contains(named)) {
        let why = format!("Tool '{}' is enabled and disallowed.", both.text());
        return Err(Refusal::invalid(name, why));
    }
    configs(tool, is_built_in)
}

/// Whether it is the name of a tool, as the documents spell it (`WebFetch`) or as the official
/// SDKs do in configurations (`web_fetch`).
fn is_built_in(name: &str) -> bool {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let is_snake = !name.contains(|letter: char| letter.is_ascii_uppercase());
    BUILT_IN.contains(&name) || is_snake && BUILT_IN.iter().any(|tool| plain(tool) == plain(name))
}

fn custom(tool: &Json) -> Result<(), Refusal> {
    text("tools.name", &tool["name"], 1, 128)?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if !tool["name"].text().chars().all(fits) {
        let why = "A custom tool's name has letters, digits, '_' and '-'.";
        return Err(Refusal::invalid("tools.name", why));
    }
    for (member, is_right) in [
        ("description", tool["description"].as_str().is_some()),
        ("input_schema", tool["input_schema"].is_object()),
    ] {
        if !is_right && !tool[member].is_null() {
            let why = format!("{member} of a custom tool has the wrong type.");
            return Err(Refusal::invalid(&format!("tools.{member}"), why));
        }
    }
    Ok(())
}

fn configs(tool: &Json, is_known: fn(&str) -> bool) -> Result<(), Refusal> {
    for config in optional(tool, "configs")? {
        text("tools.configs.name", &config["name"], 1, 256)?;
        if !is_known(config["name"].text()) {
            let why = format!("Unknown tool '{}'.", config["name"].text());
            return Err(Refusal::invalid("tools.configs.name", why));
        }
        settings("tools.configs", config)?;
    }
    settings("tools.default_config", &tool["default_config"])
}

fn settings(name: &str, config: &Json) -> Result<(), Refusal> {
    let enabled = &config["enabled"];
    if !enabled.is_null() && enabled.as_bool().is_none() {
        let name = format!("{name}.enabled");
        return Err(Refusal::invalid(
            &name,
            format!("{name} must be a boolean."),
        ));
    }
    let policy = &config["permission_policy"];
    let known = ["always_allow", "always_ask", "always_deny"];
    if policy.is_null() || known.contains(&policy["type"].text()) {
        return Ok(());
    }
    let name = format!("{name}.permission_policy");
    Err(Refusal::invalid(&name, format!("{name} is unknown.")))
}

/// The items of a list that may be missing.
fn optional<'a>(tool: &'a Json, name: &str) -> Result<&'a [Json], Refusal> {
    match &tool[name] {
        Json::Null => Ok(&[]),
        list => items(&format!("tools.{name}"), list, 1000),
    }
}
