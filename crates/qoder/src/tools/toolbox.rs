//! Handlers by the names of their tools.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use qoder_types::{Content, CustomTool, Tool};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::machine::{Kind, Limits, Otherwise};
use super::result::ToolResult;
use super::tool_use::{ToolKind, ToolUse};
use crate::few::Few;

/// A handler at work. It borrows nothing, and never fails: a failure is a result too.
pub(crate) type Handling = Pin<Box<dyn Future<Output = ToolResult> + Send>>;

/// A function that makes a handler's future of an input, or says why the input doesn't fit.
type Handler = Arc<dyn Fn(&Value) -> Result<Handling, ToolResult> + Send + Sync>;

/// Custom tools that this program runs: async handlers by name, with typed arguments.
///
/// It produces their definitions for an agent ([`definitions`](Self::definitions)), and answers
/// them in a turn ([`TurnOpening::tools`](crate::turn::TurnOpening::tools)). Cheap to clone.
///
/// - Only what the session waits for is run, each use of a tool at most once, and the result is
///   sent as soon as it is there; see [`Ledger`](crate::tools::Ledger) for what holds across restarts.
/// - An input that doesn't fit the arguments, an error, a panic and a handler that takes too long
///   are error results, which the agent reads. A panic's message is not sent.
/// - Handlers are polled while the turn is read, on the same task: nothing is spawned, and what
///   blocks a thread belongs into `tokio::task::spawn_blocking`.
///
/// ```
/// use qoder::{Toolbox, types::{AgentCreate, serde_json::json}};
///
/// #[derive(serde::Deserialize)]
/// struct Add { a: i64, b: i64 }
///
/// let schema = json!({
///     "type": "object",
///     "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
///     "required": ["a", "b"],
/// });
/// let toolbox = Toolbox::new().tool("add", "Adds two numbers.", schema, |args: Add| async move {
///     args.a.checked_add(args.b).ok_or("the sum is too large")
/// });
///
/// let mut agent = AgentCreate::new("my-assistant", "ultimate");
/// for tool in toolbox.definitions() {
///     agent = agent.tool(tool);
/// }
/// ```
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: Arc<Few<String, Entry>>,
    unknown: UnknownTools,
    limits: Limits,
}

/// The answer to the use of a custom tool whose name a [`Toolbox`] doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownTools {
    /// The turn ends with an error, and nothing is run of what was asked for together with it.
    #[default]
    Fail,
    /// It is left for another client, or for the caller of
    /// [`ToolTurn::next`](crate::tools::ToolTurn::next), to answer.
    LeaveToOthers,
    /// The agent is told that there is no such tool, as an error result.
    AnswerWithError,
}

#[derive(Clone)]
struct Entry {
    description: String,
    schema: Value,
    handler: Handler,
    repeatable: bool,
}

impl Toolbox {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool whose output is a value: a text is sent as it is, anything else as JSON.
    /// `schema` is the JSON Schema of the arguments, an object. A tool of the same name is
    /// replaced.
    pub fn tool<A, T, E, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        schema: Value,
        handler: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + 'static,
        E: fmt::Display,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let handler = handling(handler, |output: T| {
            ToolResult::json(&output).unwrap_or_else(|error| ToolResult::error(error.to_string()))
        });
        self.add(name.into(), description.into(), schema, handler)
    }

    /// Adds a tool whose schema is that of its arguments' type: the doc comments of the type's fields
    /// are what the agent reads of them. The rest is as with [`tool`](Self::tool).
    ///
    /// ```
    /// use qoder::Toolbox;
    /// use schemars::JsonSchema;
    ///
    /// #[derive(serde::Deserialize, JsonSchema)]
    /// struct LookUp {
    ///     /// The number on the receipt.
    ///     order: u64,
    /// }
    ///
    /// let toolbox = Toolbox::new().described_tool(
    ///     "look_up",
    ///     "Says where an order is.",
    ///     |args: LookUp| async move { Ok::<_, String>(format!("{} is on its way", args.order)) },
    /// );
    /// ```
    #[cfg(feature = "schemars")]
    pub fn described_tool<A, T, E, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: schemars::JsonSchema + DeserializeOwned + Send + 'static,
        T: Serialize + 'static,
        E: fmt::Display,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.tool(name, description, super::schema::of::<A>(), handler)
    }

    /// Adds a tool whose output is content: blocks of text, images, documents or search results.
    /// The rest is as with [`tool`](Self::tool).
    ///
    /// ```
    /// use qoder::{Toolbox, types::{ContentBlock, Source, serde_json::json}};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Chart { title: String }
    ///
    /// let toolbox = Toolbox::new().content_tool(
    ///     "chart",
    ///     "Draws the chart of this title.",
    ///     json!({"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}),
    ///     |args: Chart| async move {
    ///         let png = std::fs::read(format!("charts/{}.png", args.title))?;
    ///         Ok::<_, std::io::Error>([ContentBlock::image(Source::bytes("image/png", png))])
    ///     },
    /// );
    /// ```
    pub fn content_tool<A, C, E, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        schema: Value,
        handler: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        C: Into<Content> + 'static,
        E: fmt::Display,
        F: Future<Output = Result<C, E>> + Send + 'static,
    {
        let handler = handling(handler, |output: C| output.into().into());
        self.add(name.into(), description.into(), schema, handler)
    }

    fn add(mut self, name: String, description: String, schema: Value, handler: Handler) -> Self {
        let entry = Entry {
            description,
            schema,
            handler,
            repeatable: false,
        };
        Arc::make_mut(&mut self.tools).insert(name, entry);
        self
    }

    /// Lets the tools of these names be run again if a run was cut short, by a crash or a restart:
    /// they only read, or do the same when done twice. Default: none; the agent is told that the
    /// run was interrupted, and decides what to do.
    ///
    /// ```
    /// use qoder::{Toolbox, types::serde_json::{Value, json}};
    ///
    /// let schema = json!({"type": "object"});
    /// let toolbox = Toolbox::new()
    ///     .tool("stock", "Counts what is in stock.", schema, |_: Value| async { Ok::<_, String>(42) })
    ///     .repeatable(["stock"]); // it only reads
    /// ```
    pub fn repeatable<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let tools = Arc::make_mut(&mut self.tools);
        for name in names {
            if let Some(entry) = tools.get_mut(name.as_ref()) {
                entry.repeatable = true;
            }
        }
        self
    }

    /// Sets what happens to uses of custom tools that are not here. Default:
    /// [`UnknownTools::Fail`].
    ///
    /// ```
    /// use qoder::{Toolbox, tools::UnknownTools};
    ///
    /// // Another program answers the agent's other custom tools.
    /// let toolbox = Toolbox::new().unknown(UnknownTools::LeaveToOthers);
    /// ```
    pub fn unknown(mut self, unknown: UnknownTools) -> Self {
        self.unknown = unknown;
        self
    }

    /// Limits how many handlers run, and how many answers are being sent, at the same time.
    /// Default: 8. 0 counts as 1.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.limits.concurrency = most.max(1);
        self
    }

    /// Limits how long a handler may run; then it is dropped, and the agent is told. Default: 5
    /// minutes.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.timeout = limit;
        self
    }

    /// Limits how often the agent may ask for more in one turn; then the turn fails. Default: 100.
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.limits.rounds = rounds;
        self
    }

    /// Returns the definitions of the tools, in the order of their names, for
    /// [`AgentCreate::tool`](qoder_types::AgentCreate).
    pub fn definitions(&self) -> Vec<CustomTool> {
        let define = |(name, entry): (&String, &Entry)| {
            Tool::custom(name, &entry.description, entry.schema.clone())
        };
        self.tools.iter().map(define).collect()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn unknown_tools(&self) -> UnknownTools {
        self.unknown
    }

    /// Returns the kind of a tool use, for the machine that answers it.
    pub(crate) fn kind(&self, asked: &ToolUse) -> Kind {
        match asked.kind() {
            ToolKind::Builtin | ToolKind::Mcp => Kind::Approval,
            ToolKind::Custom => match (self.tools.get(asked.name()), self.unknown) {
                (Some(entry), _) => Kind::Known {
                    repeatable: entry.repeatable,
                },
                (None, UnknownTools::Fail) => Kind::Unknown(Otherwise::Fail),
                (None, UnknownTools::AnswerWithError) => Kind::Unknown(Otherwise::Refuse),
                (None, UnknownTools::LeaveToOthers) => Kind::Unknown(Otherwise::Leave),
            },
            // Of what is no custom tool, nobody can say what would be an answer.
            ToolKind::Unknown => Kind::Unknown(match self.unknown {
                UnknownTools::Fail => Otherwise::Fail,
                UnknownTools::AnswerWithError | UnknownTools::LeaveToOthers => Otherwise::Leave,
            }),
        }
    }

    /// The handler of this name on this input, which does nothing before its first poll; the result
    /// if the input doesn't fit.
    pub(crate) fn handle(&self, name: &str, input: &Value) -> Result<Handling, ToolResult> {
        match self.tools.get(name) {
            Some(entry) => (entry.handler)(input),
            None => Err(ToolResult::error("there is no such tool")),
        }
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox")
            .field("tools", &self.tools.keys().collect::<Vec<_>>())
            .field("unknown", &self.unknown)
            .field("limits", &self.limits)
            .finish()
    }
}

fn handling<A, T, E, F>(
    handler: impl Fn(A) -> F + Send + Sync + 'static,
    result: fn(T) -> ToolResult,
) -> Handler
where
    A: DeserializeOwned + Send + 'static,
    T: 'static,
    E: fmt::Display,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |input| {
        let unfit = |error| ToolResult::error(format!("the input doesn't fit the tool: {error}"));
        let args = A::deserialize(input).map_err(unfit)?;
        let handler = Arc::clone(&handler);
        Ok(Box::pin(async move {
            match handler(args).await {
                Ok(output) => result(output),
                Err(error) => ToolResult::error(error.to_string()),
            }
        }))
    })
}
