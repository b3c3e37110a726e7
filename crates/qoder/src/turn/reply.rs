use qoder_types::{AgentMessageEvent, SessionErrorEvent};

use super::Stop;

/// What the agent answered in a turn.
#[derive(Clone, Debug)]
pub struct Reply {
    messages: Vec<AgentMessageEvent>,
    stop: Stop,
    error: Option<SessionErrorEvent>,
}

impl Reply {
    pub(crate) fn new(
        messages: Vec<AgentMessageEvent>,
        stop: Stop,
        error: Option<SessionErrorEvent>,
    ) -> Self {
        Self {
            messages,
            stop,
            error,
        }
    }

    /// The text of all messages of the turn, one after another, a line break between them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (n, message) in self.messages.iter().enumerate() {
            if n > 0 {
                text.push('\n');
            }
            text.push_str(&message.text());
        }
        text
    }

    /// The messages of the turn, in order.
    pub fn messages(&self) -> &[AgentMessageEvent] {
        &self.messages
    }

    /// Why the turn is over. Only [`Stop::EndTurn`] is success.
    pub fn stop_reason(&self) -> &Stop {
        &self.stop
    }

    /// The last error that the session reported in the turn: one it recovered from, if the turn
    /// still ended with [`Stop::EndTurn`].
    pub fn error(&self) -> Option<&SessionErrorEvent> {
        self.error.as_ref()
    }
}
