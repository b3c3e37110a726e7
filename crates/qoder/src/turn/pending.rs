//! What waits for an answer, and the answers.

use qoder_types::{Content, ContentBlock, Event, EventId, ThreadId};
use serde_json::Value;

/// What a [`Pending`] tool use waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PendingKind {
    /// A tool of the platform's, or of an MCP server, waits for a permission:
    /// [`allow`](Pending::allow) or [`deny`](Pending::deny).
    Confirmation,
    /// A tool of the caller's own waits for its result: [`result`](Pending::result) or
    /// [`error`](Pending::error).
    CustomTool,
    /// The event is of a type that this release doesn't know, or is not in the session's list of
    /// events. Its name may be empty. Any answer is sent as it is.
    Unknown,
}

/// A tool use that waits for an answer, with its event; from [`Turn::pending`](crate::Turn::pending).
///
/// The methods that answer make an [`Answer`] and send nothing: that is
/// [`Turn::respond`](crate::Turn::respond), with all answers at once.
///
/// ```no_run
/// # async fn f(mut turn: qoder::Turn) -> qoder::Result<()> {
/// #[derive(serde::Deserialize)]
/// struct City { name: String }
///
/// let mut answers = Vec::new();
/// for asked in turn.pending() {
///     answers.push(match asked.name() {
///         "weather" => match asked.input_as::<City>() {
///             Ok(city) => asked.result(format!("Sunny in {}.", city.name)),
///             Err(error) => asked.error(error.to_string()),
///         },
///         "Read" | "Grep" => asked.allow(),
///         _ => asked.deny("not today"),
///     });
/// }
/// turn.respond(answers).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Pending {
    id: EventId,
    kind: PendingKind,
    name: String,
    server: Option<String>,
    input: Value,
    event: Event,
}

impl Pending {
    pub(super) fn new(id: EventId, event: Event) -> Self {
        let kind = match event.type_name() {
            "agent.tool_use" | "agent.mcp_tool_use" => PendingKind::Confirmation,
            "agent.custom_tool_use" => PendingKind::CustomTool,
            _ => PendingKind::Unknown,
        };
        let (name, server, input) = match &event {
            Event::AgentToolUse(used) => (used.name.clone(), None, used.input.clone()),
            Event::AgentCustomToolUse(used) => (used.name.clone(), None, used.input.clone()),
            Event::AgentMcpToolUse(used) => (
                used.name.clone(),
                used.mcp_server_name.clone(),
                used.input.clone(),
            ),
            // What doesn't fit its type, or has another, may still say what it asks for.
            other => {
                let mut raw: Value = serde_json::from_str(other.raw()).unwrap_or_default();
                let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
                let (name, server) = (text("name").unwrap_or_default(), text("mcp_server_name"));
                let input = raw.get_mut("input").map(Value::take).unwrap_or_default();
                (name, server, input)
            }
        };
        Self {
            id,
            kind,
            name,
            server,
            input,
            event,
        }
    }

    /// One whose event is nowhere to be found.
    pub(super) fn unlisted(id: EventId) -> Self {
        let event = Event::decode("", Some(id.as_str()), "{}");
        Self::new(id, event)
    }

    /// Returns the id of the tool use, which the answer names.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// Returns what it waits for.
    pub fn kind(&self) -> PendingKind {
        self.kind
    }

    /// Returns the tool's name. Empty if the event has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the MCP server that the tool is of. `None` for other tools.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns what the tool is given: an object. `null` if it is missing.
    pub fn input(&self) -> &Value {
        &self.input
    }

    /// Returns the event in which the agent asks.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Returns the thread that asks. `None` if it is the session's first.
    pub fn thread(&self) -> Option<&ThreadId> {
        self.event.session_thread_id()
    }

    /// Makes the answer that allows the use.
    pub fn allow(&self) -> Answer {
        self.answer(Given::Allow)
    }

    /// Makes the answer that denies the use, with a reason for the agent to read. An empty one is
    /// left out.
    pub fn deny(&self, reason: impl Into<String>) -> Answer {
        self.answer(Given::Deny(reason.into()))
    }

    /// Makes the answer that has the tool's result: a text, JSON, or content blocks.
    pub fn result(&self, output: impl Into<ToolOutput>) -> Answer {
        self.answer(Given::Result(output.into()))
    }

    /// Makes the answer that says how the tool failed, for the agent to read.
    pub fn error(&self, text: impl Into<String>) -> Answer {
        self.answer(Given::Result(ToolOutput::error(text)))
    }

    fn answer(&self, given: Given) -> Answer {
        Answer {
            id: self.id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            given,
        }
    }
}

/// An answer to a tool use, made by a [`Pending`]; [`Turn::respond`](crate::Turn::respond) sends it.
#[derive(Clone, Debug)]
#[must_use = "an answer is sent by `Turn::respond`"]
pub struct Answer {
    pub(super) id: EventId,
    pub(super) kind: PendingKind,
    pub(super) name: String,
    pub(super) given: Given,
}

#[derive(Clone, Debug)]
pub(super) enum Given {
    Allow,
    Deny(String),
    Result(ToolOutput),
}

impl Answer {
    /// Returns the id of the tool use that it answers.
    pub fn id(&self) -> &EventId {
        &self.id
    }
}

/// What a tool has to say: a text, JSON, or content blocks, and whether it failed.
///
/// ```
/// use qoder::turn::ToolOutput;
/// use qoder::types::serde_json::json;
///
/// let text = ToolOutput::from("Sunny.");
/// let facts = ToolOutput::from(json!({"sky": "clear", "celsius": 21}));
/// assert_eq!(facts.content().text(), r#"{"celsius":21,"sky":"clear"}"#);
/// assert!(!text.is_error() && ToolOutput::error("no such city").is_error());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutput {
    pub(super) content: Content,
    pub(super) is_error: bool,
}

impl ToolOutput {
    /// Says how the tool failed.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            content: Content::from(text.into()),
            is_error: true,
        }
    }

    /// Returns what the tool has to say.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Returns whether the tool failed.
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}

macro_rules! output_from {
    ($($from:ty),+) => {$(
        impl From<$from> for ToolOutput {
            fn from(content: $from) -> Self {
                Self {
                    content: content.into(),
                    is_error: false,
                }
            }
        }
    )+};
}

output_from!(&str, String, Content, ContentBlock, Vec<ContentBlock>);

/// The JSON as a text; of a text, the text itself.
impl From<Value> for ToolOutput {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }
    }
}

/// The key of a request that answers these tool uses: the same for the same ids in any order, in
/// any process, so that answers whose acceptance was not heard of can be sent again.
pub(super) fn key(session: &str, ids: &[EventId]) -> String {
    let mut ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
    ids.sort_unstable();
    // FNV-1a, of 128 bits.
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for byte in std::iter::once(session)
        .chain(ids)
        .flat_map(|text| text.bytes().chain([0]))
    {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("answers-{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    fn asked(json: &str) -> Pending {
        Pending::new(EventId::new("evt_1"), Event::decode("", None, json))
    }

    fn sent(answer: Answer) -> Value {
        serde_json::to_value(answer.into_event().expect("it fits")).expect("JSON")
    }

    const BASH: &str =
        r#"{"type":"agent.tool_use","id":"evt_1","name":"Bash","input":{"command":"ls"}}"#;
    const ADD: &str = r#"{"type":"agent.custom_tool_use","id":"evt_1","name":"add","input":{"a":1,"b":2},"session_thread_id":"t"}"#;

    #[test]
    fn each_kind_has_its_answers() {
        let bash = asked(BASH);
        assert_eq!(bash.kind(), PendingKind::Confirmation);
        assert_eq!((bash.name(), bash.server()), ("Bash", None));
        assert_eq!(
            sent(bash.allow()),
            json!({"type": "user.tool_confirmation", "tool_use_id": "evt_1", "result": "allow"})
        );
        let denied =
            json!({"type": "user.tool_confirmation", "tool_use_id": "evt_1", "result": "deny"});
        assert_eq!(sent(bash.deny(" ")), denied);
        assert_eq!(sent(bash.deny("no"))["deny_message"], "no");

        let add = asked(ADD);
        assert_eq!(add.kind(), PendingKind::CustomTool);
        assert_eq!(add.thread().map(ThreadId::as_str), Some("t"));
        let result = sent(add.result(json!({"sum": 3})));
        assert_eq!(result["custom_tool_use_id"], "evt_1");
        assert_eq!(result["content"], r#"{"sum":3}"#);
        assert_eq!(sent(add.error("no"))["is_error"], true);
        assert_eq!(sent(add.result(json!("three")))["content"], "three");

        for wrong in [
            bash.result("x"),
            bash.error("x"),
            add.allow(),
            add.deny("x"),
        ] {
            let error = wrong.into_event().expect_err("it doesn't fit");
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains("evt_1"), "{error}");
        }
    }

    #[test]
    fn an_input_is_read_as_a_type_or_says_what_doesn_t_fit() {
        #[derive(serde::Deserialize)]
        struct Sum {
            a: i64,
            b: i64,
        }
        let sum: Sum = asked(ADD).input_as().expect("two numbers");
        assert_eq!(sum.a + sum.b, 3);
        let error = asked(BASH).input_as::<Sum>().map(|_| ()).expect_err("none");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("Bash"), "{error}");
    }

    #[test]
    fn what_can_t_be_read_says_what_it_can() {
        let odd = asked(r#"{"type":"agent.custom_tool_use","id":7,"name":"add","input":[1]}"#);
        assert_eq!(odd.kind(), PendingKind::CustomTool);
        assert_eq!((odd.name(), odd.input()), ("add", &json!([1])));
        let later = asked(r#"{"type":"agent.browser_use","id":"evt_1","name":"click"}"#);
        assert_eq!(later.kind(), PendingKind::Unknown);
        assert_eq!(later.name(), "click");
        assert_eq!(sent(later.allow())["result"], "allow");
        let lost = Pending::unlisted(EventId::new("evt_9"));
        assert_eq!(lost.kind(), PendingKind::Unknown);
        assert_eq!((lost.name(), lost.event().id()), ("", Some(lost.id())));
    }

    #[test]
    fn the_key_is_that_of_the_session_and_the_ids() {
        let ids = |ids: &[&str]| ids.iter().map(|id| EventId::new(*id)).collect::<Vec<_>>();
        let both = key("s", &ids(&["a", "b"]));
        assert_eq!(both, key("s", &ids(&["b", "a"])));
        // It is what other processes, and other releases, come to.
        assert_eq!(both, "answers-7440e3af183c64bf6f4ed4dd896ecc6d");
        for other in [
            key("t", &ids(&["a", "b"])),
            key("s", &ids(&["a"])),
            key("s", &ids(&["ab"])),
        ] {
            assert_ne!(both, other);
        }
    }
}
