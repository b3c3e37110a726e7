//! Which script a session's agent follows, and what it is about.
//!
//! The script is named by `simulate` in the metadata of the session or the agent, or follows from
//! the agent's tools: a custom tool is called, a tool that must ask asks, tools are used, and an
//! agent without any answers; if it has files, it delivers copies of them first.

use crate::json::Json;
use crate::state::session::Session;

pub(crate) fn script(session: &Session) -> String {
    let agent = &session.object["agent"];
    for metadata in [&session.object["metadata"], &session.agent_metadata] {
        if let Some(script) = metadata["simulate"].as_str() {
            return script.to_owned();
        }
    }
    let tools = agent["tools"].items();
    let asks = |tool: &Json| tool.to_string().contains("always_ask");
    let mut resources = session.object["resources"].items().iter();
    match () {
        () if tools.iter().any(|tool| tool["type"] == "custom") => "custom_tool",
        () if tools.iter().any(asks) => "approval",
        () if !tools.is_empty() => "thinking_and_tools",
        () if resources.any(|resource| resource["type"] == "file") => "deliver",
        () => "answer",
    }
    .to_owned()
}

/// How many words to put before an answer, to have long ones.
pub(crate) fn words(session: &Session) -> usize {
    let words = session.object.at("metadata.simulate_words");
    words.text().parse().unwrap_or(0)
}

/// The text of the message that the turn is for.
pub(crate) fn last_message(session: &Session) -> String {
    let messages = session.log().filter(|entry| entry.name == "user.message");
    messages
        .last()
        .map(|entry| text_of(&entry.data["content"]))
        .unwrap_or_default()
}

/// The text of a message or a result.
pub(crate) fn text_of(content: &Json) -> String {
    match content {
        Json::Text(text) => text.clone(),
        Json::List(blocks) => blocks.iter().map(|block| block["text"].text()).collect(),
        _ => String::new(),
    }
}

/// What an agent says to a message.
pub(crate) fn answer_to(message: &str) -> String {
    if message.to_lowercase().contains("quicksort") {
        return "def quicksort(items):\n    if len(items) < 2:\n        return items\n    pivot, *rest = items\n    \
                return (quicksort([x for x in rest if x < pivot]) + [pivot]\n            \
                + quicksort([x for x in rest if x >= pivot]))"
            .to_owned();
    }
    format!("This is the simulator, and no model: you said {message:?}.")
}
