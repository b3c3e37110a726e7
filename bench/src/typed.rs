//! From the data of a frame to something a program can use: the SDK's typed events, a JSON value,
//! and what serde's derive offers for such events, an internally tagged enumeration.

use std::hint::black_box;

use qoder_types::Event;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// As a user would write it: the events of a session by their `type`, unknown ones kept.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Tagged {
    Known(Known),
    Unknown(Value),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Known {
    #[serde(rename = "user.message")]
    UserMessage { id: String, content: Content },
    #[serde(rename = "user.interrupt")]
    UserInterrupt { id: String },
    #[serde(rename = "agent.message")]
    AgentMessage {
        id: Option<String>,
        processed_at: Option<String>,
        session_thread_id: Option<String>,
        content: Content,
        delta: Option<bool>,
    },
    #[serde(rename = "agent.thinking")]
    AgentThinking {
        id: Option<String>,
        content: Option<Content>,
    },
    #[serde(rename = "agent.tool_use")]
    AgentToolUse {
        id: Option<String>,
        name: String,
        input: Value,
    },
    #[serde(rename = "agent.tool_result")]
    AgentToolResult {
        id: Option<String>,
        processed_at: Option<String>,
        session_thread_id: Option<String>,
        tool_use_id: Option<String>,
        content: Option<Content>,
        is_error: Option<bool>,
    },
    #[serde(rename = "session.status_idle")]
    SessionStatusIdle {
        id: Option<String>,
        stop_reason: Option<Value>,
    },
    #[serde(rename = "session.status_running")]
    SessionStatusRunning { id: Option<String> },
    #[serde(rename = "event_start")]
    EventStart { event: Value },
    #[serde(rename = "event_delta")]
    EventDelta { event_id: String, delta: Delta },
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub struct Delta {
    pub index: usize,
    pub content: Block,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
#[allow(dead_code, reason = "read by no one but the allocator")]
pub enum Block {
    #[serde(rename = "text")]
    Text { text: String },
    #[serde(other)]
    Other,
}

/// A way to read an event.
pub struct Reader {
    pub name: &'static str,
    pub read: fn(&Sample),
}

pub const READERS: &[Reader] = &[
    Reader {
        name: "qoder_types::Event",
        read: |sample| {
            drop(black_box(Event::decode(
                sample.event,
                Some("evt_1"),
                &sample.data,
            )));
        },
    },
    Reader {
        name: "serde_json::Value",
        read: |sample| {
            drop(black_box(
                serde_json::from_str::<Value>(&sample.data).expect("JSON"),
            ));
        },
    },
    Reader {
        name: "tagged enumeration",
        read: |sample| {
            let event = serde_json::from_str::<Tagged>(&sample.data).expect("JSON");
            assert!(matches!(event, Tagged::Known(_)));
            drop(black_box(event));
        },
    },
    Reader {
        name: "serde_json, read and dropped (a floor)",
        read: |sample| {
            serde_json::from_str::<IgnoredAny>(black_box(&sample.data)).expect("JSON");
        },
    },
];

pub struct Sample {
    pub name: &'static str,
    pub event: &'static str,
    pub data: String,
}

/// An event of each size: a delta, a message, and a tool result of 64 KiB.
pub fn samples() -> [Sample; 3] {
    let text = "The function partitions the list around a pivot, and sorts both sides.\\n";
    let message = |kind: &str, more: &str, text: &str| {
        format!(
            r#"{{"id":"evt_00k25q7m2x9v4c8r1t5z","type":"{kind}",{more}"content":[{{"type":"text","text":"{text}"}}],"processed_at":"2026-11-24T12:00:00Z"}}"#
        )
    };
    [
        Sample {
            name: "event_delta",
            event: "event_delta",
            data: r#"{"delta":{"content":{"text":"partition pivot","type":"text"},"index":0,"type":"content_delta"},"event_id":"evt_00k25q7m2x9v4c8r1t5z","type":"event_delta"}"#.to_owned(),
        },
        Sample {
            name: "agent.message",
            event: "agent.message",
            data: message("agent.message", "", &text.repeat(6)),
        },
        Sample {
            name: "agent.tool_result, 64 KiB",
            event: "agent.tool_result",
            data: message(
                "agent.tool_result",
                r#""tool_use_id":"evt_00k25q7m2x9v4c8r1t60","is_error":false,"#,
                &text.repeat((64 << 10) / text.len()),
            ),
        },
    ]
}
