//! A tool use, as the agent asks for it.

use qoder_types::{Event, EventId, ThreadId};
use serde_json::Value;

use super::answer::{Answer, Given};
use super::result::ToolResult;

/// The kinds of tools, by what a use of one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolKind {
    /// A tool of the platform's, which may need a permission: [`allow`](ToolUse::allow) or
    /// [`deny`](ToolUse::deny).
    Builtin,
    /// A tool of an MCP server, which may need a permission too.
    Mcp,
    /// A tool of the caller's own, which needs a result: [`result`](ToolUse::result) or
    /// [`error`](ToolUse::error), which [`deny`](ToolUse::deny) is too.
    Custom,
    /// The event is of a type that this release doesn't know, or is not in the session's list of
    /// events. Its name may be empty. Any answer is sent as it is; no rule of
    /// [`Approvals`](crate::Approvals) is about it.
    Unknown,
}

/// A use of a tool that the agent asks for, with its event: what waits for an answer in
/// [`Turn::pending`](crate::Turn::pending), and what [`Approvals`](crate::Approvals) decide about.
///
/// The methods that answer make an [`Answer`] and send nothing: that is
/// [`Turn::respond`](crate::Turn::respond), with all answers at once.
///
/// ```
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
pub struct ToolUse {
    id: EventId,
    kind: ToolKind,
    event: Event,
    /// The readable members of an event that doesn't fit its type, or has another.
    odd: Odd,
}

#[derive(Clone, Debug, Default)]
struct Odd {
    name: String,
    server: Option<String>,
    input: Value,
}

impl ToolUse {
    /// The tool use that this event is; `None` if it is none, or has no id that could be answered.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let name = event.type_name();
        let is_use = name.starts_with("agent.") && name.ends_with("tool_use");
        let id = event.id().filter(|_| is_use)?;
        Some(Self::new(id.clone(), event.clone()))
    }

    /// The tool use with this id, whatever its event is.
    pub(crate) fn new(id: EventId, event: Event) -> Self {
        let kind = match event.type_name() {
            "agent.tool_use" => ToolKind::Builtin,
            "agent.mcp_tool_use" => ToolKind::Mcp,
            "agent.custom_tool_use" => ToolKind::Custom,
            _ => ToolKind::Unknown,
        };
        let odd = match &event {
            Event::AgentToolUse(_) | Event::AgentMcpToolUse(_) | Event::AgentCustomToolUse(_) => {
                Odd::default()
            }
            other => Odd::of(other.raw()),
        };
        Self {
            id,
            kind,
            event,
            odd,
        }
    }

    /// One whose event is nowhere to be found.
    pub(crate) fn unlisted(id: EventId) -> Self {
        let event = Event::decode("", Some(id.as_str()), "{}");
        Self::new(id, event)
    }

    /// Returns the id of the tool use, which the answer names.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// Returns the kind of the tool, which tells what the use waits for.
    pub fn kind(&self) -> ToolKind {
        self.kind
    }

    /// Returns the tool's name. Empty if the event has none.
    pub fn name(&self) -> &str {
        match &self.event {
            Event::AgentToolUse(used) => &used.name,
            Event::AgentMcpToolUse(used) => &used.name,
            Event::AgentCustomToolUse(used) => &used.name,
            _ => &self.odd.name,
        }
    }

    /// Returns the name of the MCP server that the tool is of. `None` for other tools.
    pub fn server(&self) -> Option<&str> {
        match &self.event {
            Event::AgentMcpToolUse(used) => used.mcp_server_name.as_deref(),
            _ => self.odd.server.as_deref(),
        }
    }

    /// Returns the tool's input, an object. `null` if it is missing.
    pub fn input(&self) -> &Value {
        match &self.event {
            Event::AgentToolUse(used) => &used.input,
            Event::AgentMcpToolUse(used) => &used.input,
            Event::AgentCustomToolUse(used) => &used.input,
            _ => &self.odd.input,
        }
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
    /// left out. A tool of the caller's own is not asked for, but waited for: there it is the result
    /// that says that the tool [failed](Self::error), with the reason.
    pub fn deny(&self, reason: impl Into<String>) -> Answer {
        let reason = reason.into();
        match self.kind {
            ToolKind::Custom if reason.trim().is_empty() => self.error("denied"),
            ToolKind::Custom => self.error(reason),
            _ => self.answer(Given::Deny(reason)),
        }
    }

    /// Makes the answer that has the tool's result: a text, JSON, or content blocks.
    pub fn result(&self, result: impl Into<ToolResult>) -> Answer {
        self.answer(Given::Result(result.into()))
    }

    /// Makes the answer that says how the tool failed, for the agent to read.
    pub fn error(&self, text: impl Into<String>) -> Answer {
        self.answer(Given::Result(ToolResult::error(text)))
    }

    fn answer(&self, given: Given) -> Answer {
        Answer::new(self.id.clone(), self.kind, self.name().to_owned(), given)
    }
}

impl Odd {
    fn of(raw: &str) -> Self {
        let mut raw: Value = serde_json::from_str(raw).unwrap_or_default();
        let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            name: text("name").unwrap_or_default(),
            server: text("mcp_server_name"),
            input: raw.get_mut("input").map(Value::take).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    fn asked(json: &str) -> ToolUse {
        ToolUse::new(EventId::new("evt_1"), Event::decode("", None, json))
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
        assert_eq!(bash.kind(), ToolKind::Builtin);
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
        assert_eq!(add.kind(), ToolKind::Custom);
        assert_eq!(add.thread().map(ThreadId::as_str), Some("t"));
        let result = sent(add.result(json!({"sum": 3})));
        assert_eq!(result["custom_tool_use_id"], "evt_1");
        assert_eq!(result["content"], r#"{"sum":3}"#);
        assert_eq!(sent(add.error("no"))["is_error"], true);
        assert_eq!(sent(add.result(json!("three")))["content"], "three");

        // Whatever it is, it can be denied.
        let denied = sent(add.deny("not today"));
        assert_eq!(denied, sent(add.error("not today")));
        assert_eq!(sent(add.deny(" "))["content"], "denied");

        for wrong in [bash.result("x"), bash.error("x"), add.allow()] {
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
        assert_eq!(odd.kind(), ToolKind::Custom);
        assert_eq!((odd.name(), odd.input()), ("add", &json!([1])));
        let later = asked(r#"{"type":"agent.browser_use","id":"evt_1","name":"click"}"#);
        assert_eq!(later.kind(), ToolKind::Unknown);
        assert_eq!(later.name(), "click");
        assert_eq!(sent(later.allow())["result"], "allow");
        let lost = ToolUse::unlisted(EventId::new("evt_9"));
        assert_eq!(lost.kind(), ToolKind::Unknown);
        assert_eq!((lost.name(), lost.event().id()), ("", Some(lost.id())));
    }

    #[test]
    fn an_event_is_a_tool_use_by_its_type_and_id() {
        let of = |json: &str| ToolUse::of(&Event::decode("", None, json));
        assert!(of(BASH).is_some());
        let later = r#"{"type":"agent.browser_tool_use","id":"e"}"#;
        assert_eq!(of(later).map(|asked| asked.kind()), Some(ToolKind::Unknown));
        for none in [
            r#"{"type":"agent.message","id":"e","content":[]}"#,
            r#"{"type":"agent.tool_result","id":"e"}"#,
            r#"{"type":"agent.tool_use","name":"Bash","input":{}}"#,
        ] {
            assert!(of(none).is_none(), "{none}");
        }
    }
}
