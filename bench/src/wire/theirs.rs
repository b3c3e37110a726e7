//! The code that a user would write: the types of the API that the program needs, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The events of a session, by their `type`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Event {
    #[serde(rename = "event_start")]
    Start { event: Announced },
    #[serde(rename = "event_delta")]
    Delta { event_id: String, delta: Delta },
    #[serde(rename = "agent.message")]
    Message {
        id: String,
        content: Vec<Block>,
        processed_at: Option<String>,
    },
    #[serde(rename = "agent.tool_use")]
    ToolUse {
        id: String,
        name: String,
        input: serde_json::Value,
    },
    #[serde(rename = "session.status_idle")]
    Idle {
        id: String,
        stop_reason: Option<serde_json::Value>,
    },
    #[serde(rename = "session.status_terminated")]
    Terminated { id: String },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Announced {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Delta {
    pub index: usize,
    pub content: Block,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub enum Block {
    #[serde(rename = "text")]
    Text { text: String },
    #[serde(other)]
    Other,
}

/// A session.
#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Session {
    pub id: String,
    pub agent: Agent,
    pub environment_id: Option<String>,
    pub title: Option<String>,
    pub status: String,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub environment_variables: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: Vec<serde_json::Value>,
    #[serde(default)]
    pub vault_ids: Vec<String>,
    #[serde(default)]
    pub outcome_evaluations: Vec<serde_json::Value>,
    pub stats: Option<Stats>,
    pub usage: Option<Usage>,
    pub deployment_id: Option<String>,
    pub archived_at: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Agent {
    pub id: String,
    pub version: u64,
    pub name: String,
    pub description: Option<String>,
    pub system: Option<String>,
    #[serde(default)]
    pub tools: Vec<Tool>,
    #[serde(default)]
    pub mcp_servers: Vec<serde_json::Value>,
    #[serde(default)]
    pub skills: Vec<serde_json::Value>,
    pub model: Model,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Tool {
    #[serde(rename = "agent_toolset_20260401")]
    Toolset { enabled_tools: Vec<String> },
    #[serde(rename = "custom")]
    Custom {
        name: String,
        input_schema: serde_json::Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Model {
    pub id: String,
    pub effective_context_window: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Stats {
    pub active_seconds: f64,
    pub duration_seconds: f64,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Usage {
    pub model_credits: f64,
    pub sandbox_runtime_credits: f64,
    pub total_credits: f64,
}
