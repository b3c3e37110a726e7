//! The state of a batch: its items, and the progress of each.

use qoder_types::{SessionCreate, SessionId, UserMessage};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::fnv;
use crate::turn::Reply;

/// One prompt of a [`Batch`](super::Batch), and the session that it is for.
///
/// ```
/// use qoder::batch::Item;
/// use qoder::types::SessionCreate;
///
/// let items = [
///     Item::new("sess_1", "Summarise what we have said so far."),
///     Item::in_new_session(SessionCreate::new("agent_1", "env_1"), "Translate the README."),
/// ];
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub(super) message: UserMessage,
    pub(super) place: Place,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "most are of the larger kind")]
pub(super) enum Place {
    Session(SessionId),
    New(SessionCreate),
}

impl Item {
    /// A prompt for a session that is there. Several for one session are asked one after another, in
    /// their order.
    pub fn new(session: impl Into<SessionId>, message: impl Into<UserMessage>) -> Self {
        Self {
            message: message.into(),
            place: Place::Session(session.into()),
        }
    }

    /// A prompt for a session of its own, which is created before it is asked.
    pub fn in_new_session(session: SessionCreate, message: impl Into<UserMessage>) -> Self {
        Self {
            message: message.into(),
            place: Place::New(session),
        }
    }
}

/// The progress of a [`Batch`](super::Batch), to be stored and resumed with
/// [`Batch::resume`](super::Batch::resume): which items are over, and where those stand that are
/// under way.
///
/// It has the text of the replies, so it is as confidential as they are. Fields may be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The base of the idempotency keys.
    key: String,
    /// A digest of the items, so that a state is not taken for another batch's.
    of: String,
    items: Vec<Standing>,
}

/// The progress of one item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Standing {
    /// The session that was created for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// The checkpoint that its turn resumes from, once its message was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn: Option<Checkpoint>,
    /// The text that came before that checkpoint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

impl State {
    pub(super) fn new(items: &[Item]) -> Self {
        Self {
            key: Uuid::new_v4().to_string(),
            of: digest(items),
            items: vec![Standing::default(); items.len()],
        }
    }

    /// Checks that it is of these items.
    pub(super) fn of(self, items: &[Item]) -> Result<Self> {
        if self.of == digest(items) && self.items.len() == items.len() {
            return Ok(self);
        }
        Err(Error::input(format!(
            "the state is of another batch, of {} items: go on with the same items in the same order, or begin without it",
            self.items.len()
        )))
    }

    /// The key of an item's message: the same whenever it is sent.
    pub(super) fn message_key(&self, item: usize) -> String {
        format!("{}-{item}", self.key)
    }

    /// The key under which an item's session is created.
    pub(super) fn session_key(&self, item: usize) -> String {
        format!("{}-{item}-session", self.key)
    }

    /// Returns the outcome of an item. `None` if it is not over, or there is no such item.
    pub fn outcome(&self, item: usize) -> Option<&Outcome> {
        self.items.get(item)?.outcome.as_ref()
    }

    /// Returns the number of items that are over, and the number of all.
    pub fn progress(&self) -> (usize, usize) {
        let over = self.items.iter().filter(|item| item.outcome.is_some());
        (over.count(), self.items.len())
    }

    /// Returns the session that was created for an item. `None` if none was.
    pub fn created_session(&self, item: usize) -> Option<&SessionId> {
        self.items.get(item)?.session.as_ref()
    }

    /// Returns where the turn of an item goes on. `None` if its message is not known to be accepted.
    pub fn checkpoint(&self, item: usize) -> Option<&Checkpoint> {
        self.items.get(item)?.turn.as_ref()
    }

    pub(super) fn created(&mut self, item: usize, session: SessionId) {
        if let Some(standing) = self.items.get_mut(item) {
            standing.session = Some(session);
        }
    }

    pub(super) fn asked(&mut self, item: usize, turn: Checkpoint) {
        if let Some(standing) = self.items.get_mut(item) {
            standing.turn = Some(turn);
        }
    }

    /// Records the result of an item: its outcome, or its checkpoint and what came until then.
    pub(super) fn came(&mut self, item: usize, result: &Result<Reply>) {
        if let Some(standing) = self.items.get_mut(item) {
            standing.came(result);
        }
    }
}

impl Standing {
    fn came(&mut self, result: &Result<Reply>) {
        let (reply, error) = match result {
            Ok(reply) => (reply, None),
            Err(error) => match error.reply() {
                Some(reply) => (reply, Some(error)),
                None => return,
            },
        };
        let is_over =
            |error: &Error| matches!(error.kind(), ErrorKind::TurnEnded | ErrorKind::Decode);
        let checkpoint = error.and_then(Error::checkpoint);
        if error.is_none_or(is_over) {
            self.add(reply);
            self.outcome = Some(Outcome {
                text: std::mem::take(&mut self.text),
                stop_reason: reply.stop_reason().to_string(),
                credits: self.credits.take(),
                error: error.map(ToString::to_string),
            });
        } else if let Some(checkpoint) = checkpoint {
            self.add(reply);
            self.turn = Some(checkpoint.clone());
        }
    }

    fn add(&mut self, reply: &Reply) {
        let text = reply.text();
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&text);
        if let Some(credits) = reply.credits() {
            *self.credits.get_or_insert(0.0) += credits;
        }
    }
}

fn digest(items: &[Item]) -> String {
    // All of it is texts, numbers and lists.
    let text = serde_json::to_string(items).unwrap_or_default();
    format!("{:032x}", fnv(text.bytes()))
}

/// The outcome of an item whose turn came to any end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The text of the turn's messages; of what came, if it ended without success.
    pub text: String,
    /// The reason why the turn is over, in the API's word. Only `end_turn` is success.
    pub stop_reason: String,
    /// The sum of the credits, as far as the server said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<f64>,
    /// The error, in a line. `None` if it is a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Outcome {
    /// Returns whether the agent finished, and what it said could be read.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }
}
