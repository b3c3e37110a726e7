//! The texts of what a client sends.

use crate::json::Json;
use crate::state::session::Session;

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
